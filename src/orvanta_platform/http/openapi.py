"""The OpenAPI document, generated from the routes."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import msgspec
from litestar.di import Provide
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler

from orvanta_platform import __version__
from orvanta_platform.http import operation_examples, query_docs
from orvanta_platform.http.auth_middleware import CALLBACK, OPEN, ROUTE_PREFIX, RUN_CALLS, SIGNED
from orvanta_platform.http.field_docs import describe
from orvanta_platform.http.streaming import EVENTS

_CALL = "call"
_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+):(\w+)\}")
_NAME_ONLY = r"{\1}"
_QUERY = re.compile(r"^FromQuery\[(.+)\]$")
_SENTENCE_END = re.compile(r"(?<=\.) ")
_WILDCARD_NOTE = "May contain slashes, raw or percent-encoded."
_PATH_TYPES: dict[str, dict[str, str]] = {
    "int": {"type": "integer"},
    "uuid": {"type": "string", "format": "uuid"},
}
_QUERY_TYPES: dict[str, dict[str, str]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "UUID": {"type": "string", "format": "uuid"},
    "datetime": {"type": "string", "format": "date-time"},
    "str": {"type": "string"},
}
AnyObject = dict[str, Any]
"""Schema of a response that contains a document of the client."""

BINARY = "binary"
"""Schema of a binary body or response."""

HTML = "text/html"
UNAVAILABLE = "Unavailable"
"""Name of the response 503, which every operation can return that uses the database."""

WITHOUT_DATABASE = frozenset({"/api/version", "/api/health/live", "/api/openapi.json", "/api/openapi.yaml"})
"""Operations that work while the database is unavailable."""

_HEALTH = frozenset({"/api/health/status", "/api/health/ready"})
"""Operations whose response 503 has the shape of their success."""

PAGED = ("page", "per_page", "before", "after")


class ErrorBody(msgspec.Struct):
    """The error. Its code is stable across versions."""

    code: str
    message: str
    hint: str | None
    details: Any


class Error(msgspec.Struct):
    """The body of every error response."""

    error: ErrorBody


def call(
    *, body: Any = None, answer: Any = None, query: Sequence[str] = (), media: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a handler's `opt`: the schemas of body and response (None: text), and additional query parameters.

    `media`: media types of a text or binary response; by default that of the handler, text/plain or
    application/octet-stream.
    """
    return {_CALL: {"body": body, "answer": answer, "query": tuple(query), "media": tuple(media)}}


def document(handlers: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    """Return the complete document for the handlers."""
    options = [handler.opt.get(_CALL) for handler in handlers]
    shapes = [shape for each in options if each for shape in (each["body"], each["answer"]) if _is_json(shape)]
    _, components = msgspec.json.schema_components([*shapes, Error], ref_template=_REF)
    describe(components, [*shapes, Error])
    _open_tuples(components)
    paths: dict[str, dict[str, Any]] = {}
    for handler in handlers:
        for path in sorted(handler.paths):
            shown = _PARAMETER.sub(_NAME_ONLY, path)
            for method in sorted(handler.http_methods):
                paths.setdefault(shown, {})[method.lower()] = _operation(handler, path, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Orvanta", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": components,
            "responses": {UNAVAILABLE: _unavailable(_json(Error))},
            "securitySchemes": _SECURITY,
        },
    }


def _open_tuples(schema: Any) -> None:
    """Replace `items: false` of tuples, whose length `maxItems` limits anyway: generators of clients refuse it."""
    if isinstance(schema, dict):
        if schema.get("items") is False:
            schema["items"] = {}
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            _open_tuples(each)


class Description:
    """The document of an application as JSON and YAML, generated on first use and cached, as anyone may request it."""

    def __init__(self, handlers: Callable[[], list[HTTPRouteHandler]]) -> None:
        self._handlers = handlers
        self._lock = threading.RLock()
        self._json = self._yaml = b""

    def json(self) -> bytes:
        """Return JSON text. The first call takes about a second: call it in a thread."""
        with self._lock:
            self._json = self._json or msgspec.json.encode(document(self._handlers()))
            return self._json

    def yaml(self) -> bytes:
        """Return YAML text. The first call takes some seconds: call it in a thread."""
        with self._lock:
            self._yaml = self._yaml or as_yaml(msgspec.json.decode(self.json()))
            return self._yaml


def as_yaml(tree: dict[str, Any]) -> bytes:
    """Return the document as YAML."""
    out = StringIO()
    from ruamel.yaml import YAML

    YAML(typ="safe", pure=True).dump(tree, out)
    return out.getvalue().encode()


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "token",
        "description": "Calls that change something also need the header `X-Orvanta: 1`. Over HTTPS the name is "
        "`__Host-token`.",
    },
    "query": {"type": "apiKey", "in": "query", "name": "token"},
}


def _operation(handler: HTTPRouteHandler, path: str, method: str) -> dict[str, Any]:
    summary, description = _summary_and_rest(inspect.getdoc(handler.fn) or "")
    operation: dict[str, Any] = {
        "operationId": _operation_id(handler, path, method),
        "summary": summary,
        "tags": [_tag(path)],
        "parameters": [*_path_parameters(path), *query_parameters(handler)],
        "responses": {
            str(handler.status_code): {"description": "Success.", "content": _answer(handler)},
            **_responses_when_unavailable(handler, path),
            "default": {"description": "An error.", "content": _error(handler)},
        },
    }
    if description:
        operation["description"] = description
    body = _body(handler)
    if body is not None:
        operation["requestBody"] = {"content": body}
    filled = _PARAMETER.sub("x", path)
    if path in OPEN or path.startswith(ROUTE_PREFIX) or SIGNED.fullmatch(filled) or CALLBACK.fullmatch(filled):
        operation["security"] = []
    elif RUN_CALLS.fullmatch(_PARAMETER.sub("x", path)):
        operation["security"] = [{"bearer": []}, {"cookie": []}, {"query": []}]
    operation_examples.add_to(operation, f"{method} {_PARAMETER.sub(_NAME_ONLY, path)}")
    return operation


def _summary_and_rest(docstring: str) -> tuple[str, str]:
    """Split a docstring into its first sentence and the rest, each as one line."""
    first, *rest = _SENTENCE_END.split(" ".join(docstring.split()), maxsplit=1)
    return first, "".join(rest)


def _operation_id(handler: HTTPRouteHandler, path: str, method: str) -> str:
    """Return the handler's name, made unique for handlers with several paths or methods.

    All but one of the paths get the area of the path as a suffix, and each of several methods its name.
    """
    name = handler.fn.__name__
    named = name if path == max(handler.paths) else f"{name}_of_{_tag(path)}"
    return named if len(handler.http_methods) == 1 else f"{named}_by_{method.lower()}"


def _tag(path: str) -> str:
    parts = path.removeprefix("/api/").removeprefix("w/{workspace:str}/").split("/")
    return parts[0]


def _path_parameters(path: str) -> list[dict[str, Any]]:
    found = []
    for name, kind in _PARAMETER.findall(path):
        parameter = {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _PATH_TYPES.get(kind, {"type": "string"}),
        }
        note = f" {_WILDCARD_NOTE}" if kind == "path" else ""
        found.append(parameter | {"description": query_docs.PATH[name] + note})
    return found


def query_parameters(handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    """Return the query parameters named in the handler's `opt`, and those of its signature and dependencies."""
    options = handler.opt.get(_CALL)
    found = {name: query_docs.schema_of(name) for name in options["query"]} if options else {}
    in_path = {name for path in handler.paths for name, _ in _PARAMETER.findall(path)}
    # Not by `resolve_dependencies`: this runs in a thread, and the loop may be preparing the handler.
    provided = [each for layer in handler.ownership_layers for each in (layer.dependencies or {}).values()]
    functions = [handler.fn, *(each.dependency if isinstance(each, Provide) else each for each in provided)]
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            kind = _QUERY.sub(r"\1", str(parameter.annotation)).removesuffix(" | None")
            if name not in in_path and kind in _QUERY_TYPES:
                found[name] = _QUERY_TYPES[kind]
    return [
        {"name": name, "in": "query", "description": query_docs.QUERY[name], "schema": schema}
        for name, schema in found.items()
    ]


def _body(handler: HTTPRouteHandler) -> dict[str, Any] | None:
    options = handler.opt.get(_CALL)
    if options:
        return None if options["body"] is None else _json(options["body"])
    return _json(Any) if "POST" in handler.http_methods else None


def _answer(handler: HTTPRouteHandler) -> dict[str, Any]:
    options = handler.opt.get(_CALL)
    if options is None and handler.media_type != MediaType.TEXT:
        return _json(Any)
    if options is None or options["answer"] is None:
        own = str(handler.media_type) if handler.media_type == EVENTS else "text/plain"
        return {each: {"schema": {"type": "string"}} for each in (options and options["media"]) or (own,)}
    if options["answer"] is BINARY and options["media"]:
        return {each: {"schema": {"type": "string", "format": "binary"}} for each in options["media"]}
    return _json(options["answer"])


def _error(handler: HTTPRouteHandler) -> dict[str, Any]:
    """Return the content of an error: a page for calls that browsers make by a redirect."""
    options = handler.opt.get(_CALL)
    return _answer(handler) if options and HTML in options["media"] else _json(Error)


def _responses_when_unavailable(handler: HTTPRouteHandler, path: str) -> dict[str, Any]:
    if path in WITHOUT_DATABASE:
        return {}
    if path in _HEALTH:
        return {"503": {"description": "The server cannot process calls.", "content": _answer(handler)}}
    content = _error(handler)
    return {
        "503": {"$ref": f"#/components/responses/{UNAVAILABLE}"} if content == _json(Error) else _unavailable(content)
    }


def _unavailable(content: dict[str, Any]) -> dict[str, Any]:
    """Return the response 503 of an operation whose errors have this content."""
    return {
        "description": "The database is busy, for example because other calls hold a lock for long, or unavailable. "
        "Repeat the call after the time in `Retry-After`.",
        "headers": {
            "Retry-After": {"description": "Seconds to wait.", "required": True, "schema": {"type": "integer"}},
        },
        "content": content,
    }


def _is_json(shape: Any) -> bool:
    return shape is not None and shape is not BINARY


def _json(shape: Any) -> dict[str, Any]:
    if shape is BINARY:
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    if shape is Any:
        return {"application/json": {"schema": {}}}
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    return {"application/json": {"schema": schema}}
