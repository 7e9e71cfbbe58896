"""The API's description of itself can be followed: no reference leads nowhere, no shape has a module's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from orvanta_platform.http import openapi
from orvanta_platform.http.app import api_handlers, create_router

DOCUMENT = msgspec.json.decode(msgspec.json.encode(openapi.document(api_handlers(create_router()))))


def references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("$ref"), str):
            yield tree["$ref"]
        for value in tree.values():
            yield from references(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from references(value)


def test_every_reference_leads_to_a_shape() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(references(DOCUMENT)) <= known


def test_no_two_shapes_have_one_name() -> None:
    # Where two have, both are named by their modules.
    assert [name for name in DOCUMENT["components"]["schemas"] if name.startswith("orvanta_platform")] == []
