"""The OpenAPI document: references resolve, names of schemas are short, and fields are documented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from orvanta_platform.http import openapi
from orvanta_platform.http.app import api_handlers, create_router


@pytest.fixture(scope="module")
def published() -> Any:
    """Return the document as clients parse it."""
    return msgspec.json.decode(msgspec.json.encode(openapi.document(api_handlers(create_router()))))


def references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("$ref"), str):
            yield tree["$ref"]
        for key, value in tree.items():
            if key not in ("example", "examples"):  # an example may be a schema with its own references
                yield from references(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from references(value)


def test_references_resolve(published: Any) -> None:
    parts = published["components"]
    known = {f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in parts[kind]}
    assert set(references(published)) <= known


def test_schema_names_are_unique(published: Any) -> None:
    # msgspec adds the module to names that are not unique.
    assert [name for name in published["components"]["schemas"] if name.startswith("orvanta_platform")] == []


def test_schemas_contain_field_documentation(published: Any) -> None:
    schemas = published["components"]["schemas"]
    resource = schemas["CreateResourceType"]["properties"]["schema"]
    assert resource["description"] == "JSON Schema of the value. `password: true` makes a field secret."
    # A field with another name in JSON, and an inherited field.
    assert schemas["BreakpointBody"]["properties"]["if"]["description"].startswith("Expression.")
    assert schemas["CreateSchedule"]["properties"]["timezone"]["description"] == "IANA time zone."


def test_summaries_are_one_sentence(published: Any) -> None:
    login = published["paths"]["/api/auth/login"]["post"]
    assert login["summary"] == "Log in with e-mail address and password."
    assert login["description"] == "Returns a session token, which is also set as a cookie."
    calls = [call for methods in published["paths"].values() for call in methods.values()]
    assert [call["summary"] for call in calls if ". " in call["summary"] or not call["summary"].endswith(".")] == []
