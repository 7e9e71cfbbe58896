"""The OpenAPI document: it is valid, and describes each operation with its parameters and an example."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
from litestar.handlers import HTTPRouteHandler

from orvanta_platform.http import app, openapi, operation_examples, query_docs

READERS = {"bool_of", "number_of", "comma_list_of", "_text"}
"""Functions that read the query parameter named by their last argument."""

PAGE = {"limit": "per_page", "offset": "page", "before": "before", "after": "after"}
"""Query parameter of each field of the requested page of a list."""

WITHOUT = {
    "GET /api/audit/export": "the response is a stream of lines",
    "GET /api/openapi.json": "the response is long, and this document",
    "GET /api/openapi.yaml": "the response is long, and this document",
}
"""Operations without an example, with the reason."""


@cache
def document() -> dict[str, Any]:
    return openapi.document(app.api_handlers(app.create_router()))


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the contents of the request and the success response, with their place in the operation."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"request {kind}", content
    for code, response in operation["responses"].items():
        if code.startswith("2"):
            yield from ((f"{code} {kind}", content) for kind, content in response["content"].items())


def test_every_operation_has_an_example() -> None:
    found = dict(operations())
    assert set(operation_examples.stored()) == set(found), "record them again: test_operation_examples.py"
    bare = []
    for name, operation in found.items():
        parameters = [each for each in operation["parameters"] if each["in"] == "path"]
        shown = [*parameters, *(content for _, content in contents(operation))]
        bare += [] if any("example" in each for each in shown) else [name]
    assert set(bare) == set(WITHOUT)


def test_examples_are_valid_by_their_schemas() -> None:
    found = {
        f"{name} {place}": content
        for name, operation in operations()
        for place, content in contents(operation)
        if "example" in content
    }
    properties = {place: content["schema"] for place, content in found.items()}
    whole = {"properties": properties, "components": document()["components"]}
    errors = jsonschema_rs.validator_for(whole).iter_errors({name: each["example"] for name, each in found.items()})
    wrong = [f"{list(error.instance_path)}: {error.message[:200]}" for error in errors]
    assert len(found) > 300 and not wrong, "\n".join(wrong)


def test_every_parameter_is_described() -> None:
    bare = [
        f"{name}: {each['name']}"
        for name, operation in operations()
        for each in operation["parameters"]
        if not each.get("description", "").endswith(".")
    ]
    assert not bare, "\n".join(bare)


def test_descriptions_have_no_unused_names() -> None:
    used = {(each["in"], each["name"]) for _, operation in operations() for each in operation["parameters"]}
    assert {name for place, name in used if place == "query"} == set(query_docs.QUERY)
    assert {name for place, name in used if place == "path"} == set(query_docs.PATH)


def test_every_query_parameter_that_a_handler_reads_is_declared() -> None:
    wrong = []
    for handler in app.api_handlers(app.create_router()):
        declared = {each["name"] for each in openapi.query_parameters(handler)}
        missing = keys_of(handler.fn) - declared
        if missing:
            wrong.append(f"{handler.fn.__module__}.{handler.fn.__name__}: {sorted(missing)}")
    assert not wrong, "\n".join(wrong)


def keys_of(function: Any, depth: int = 0) -> set[str]:
    """Return the constant names of query parameters read by a function or by functions that receive its request."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value).startswith("page"):
            found |= {PAGE[node.attr]} if node.attr in PAGE else set()
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if name in READERS or (name == "get" and "query" in ast.unparse(node.func)):
            found |= set(texts[:1])
        elif depth < 2 and any(isinstance(each, ast.Name) and each.id == "request" for each in node.args):
            called = inspect.getmodule(function).__dict__.get(name)
            if inspect.isfunction(called) and called.__module__.startswith("orvanta_platform.http.routes"):
                found |= keys_of(called, depth + 1)
    return found


def test_streams_archives_and_pages_have_their_own_media_types() -> None:
    found = {
        name: set(operation["responses"]["200"]["content"]) for name, operation in operations() if is_ok(operation)
    }
    assert found["GET /api/w/{workspace}/jobs_u/getupdate_sse/{id}"] == {"text/event-stream"}
    assert found["GET /api/audit/export"] == {"application/x-ndjson"}
    assert found["GET /api/w/{workspace}/workspaces/tarball"] == {"application/zip", "application/x-tar"}
    assert found["GET /api/version"] == {"text/plain"}
    callback = dict(operations())["GET /api/auth/oidc/callback/{provider}"]
    assert set(callback["responses"]["default"]["content"]) == {"text/html"}


def is_ok(operation: dict[str, Any]) -> bool:
    return "200" in operation["responses"]


def test_every_operation_that_uses_the_database_may_be_unavailable() -> None:
    without = {name for name, operation in operations() if "503" not in operation["responses"]}
    assert without == {f"GET {path}" for path in openapi.WITHOUT_DATABASE}
    answer = document()["components"]["responses"][openapi.UNAVAILABLE]
    assert answer["headers"]["Retry-After"]["required"] is True
    assert answer["content"] == dict(operations())["GET /api/users/whoami"]["responses"]["default"]["content"]


def test_lists_of_fixed_length_do_not_forbid_items() -> None:
    """Client generators do not support `items: false`."""
    assert '"items": false' not in json.dumps(document())


def test_reader_of_keys_finds_those_of_filters() -> None:
    handlers = {handler.fn.__name__: handler.fn for handler in app.api_handlers(app.create_router())}
    assert {"show_archived", "languages", "page"} <= keys_of(handlers["list_scripts"])
    assert keys_of(handlers["get_script_version"]) == set()
    assert isinstance(next(iter(app.api_handlers(app.create_router()))), HTTPRouteHandler)
