"""The OpenAPI document, made from the routes themselves."""

from __future__ import annotations

import inspect
import re
import threading
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import msgspec
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from ruamel.yaml import YAML

from orvanta_platform import __version__
from orvanta_platform.http.auth_middleware import OPEN, ROUTE_PREFIX, RUN_CALLS, SIGNED

_CALL = "call"
_REF = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"\{(\w+):(\w+)\}")
_QUERY = re.compile(r"^FromQuery\[(.+)\]$")
_WILDCARD_NOTE = "May contain slashes, raw or percent-encoded."
_PATH_TYPES: dict[str, dict[str, str]] = {
    "int": {"type": "integer"},
    "uuid": {"type": "string", "format": "uuid"},
}
_QUERY_TYPES: dict[str, dict[str, str]] = {
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "UUID": {"type": "string", "format": "uuid"},
    "datetime": {"type": "string", "format": "date-time"},
    "str": {"type": "string"},
}
AnyObject = dict[str, Any]
"""The shape of an answer that carries what a client deployed."""

BINARY = "binary"
"""The shape of a body or answer of bytes."""

PAGED = ("page", "per_page", "before", "after")


class ErrorBody(msgspec.Struct):
    """What went wrong, under a code that is stable over versions."""

    code: str
    message: str
    hint: str | None
    details: Any


class Error(msgspec.Struct):
    """The one shape of every error."""

    error: ErrorBody


def call(*, body: Any = None, answer: Any = None, query: Sequence[str] = ()) -> dict[str, Any]:
    """What a handler's `opt` says for the document: the shapes of body and answer (None: text), query keys."""
    return {_CALL: {"body": body, "answer": answer, "query": tuple(query)}}


def document(handlers: Sequence[HTTPRouteHandler]) -> dict[str, Any]:
    """The whole document of these handlers."""
    said = [handler.opt.get(_CALL) for handler in handlers]
    shapes = [shape for each in said if each for shape in (each["body"], each["answer"]) if _is_json(shape)]
    _, components = msgspec.json.schema_components([*shapes, Error], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for handler in handlers:
        for path in sorted(handler.paths):
            shown = _PARAMETER.sub(r"{\1}", path)
            for method in sorted(handler.http_methods):
                paths.setdefault(shown, {})[method.lower()] = _operation(handler, path, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Orvanta", "version": __version__, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


class Description:
    """The document of an application as JSON and as YAML, each made at its first use: anybody may ask, at any rate."""

    def __init__(self, handlers: Callable[[], list[HTTPRouteHandler]]) -> None:
        self._handlers = handlers
        self._lock = threading.RLock()
        self._json = self._yaml = b""

    def json(self) -> bytes:
        """JSON text. Takes about a second the first time: call it in a thread."""
        with self._lock:
            self._json = self._json or msgspec.json.encode(document(self._handlers()))
            return self._json

    def yaml(self) -> bytes:
        """YAML text. Takes some seconds the first time: call it in a thread."""
        with self._lock:
            self._yaml = self._yaml or as_yaml(msgspec.json.decode(self.json()))
            return self._yaml


def as_yaml(tree: dict[str, Any]) -> bytes:
    """A document as YAML."""
    out = StringIO()
    YAML(typ="safe", pure=True).dump(tree, out)
    return out.getvalue().encode()


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "token",
        "description": "Calls that change something also need the header `X-Orvanta: 1`.",
    },
    "query": {"type": "apiKey", "in": "query", "name": "token"},
}


def _operation(handler: HTTPRouteHandler, path: str, method: str) -> dict[str, Any]:
    text = inspect.getdoc(handler.fn) or ""
    summary, _, rest = text.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": _operation_id(handler, path, method),
        "summary": " ".join(summary.split()),
        "tags": [_tag(path)],
        "parameters": [*_path_parameters(path), *_query_parameters(handler)],
        "responses": {
            str(handler.status_code): {"description": "Success.", "content": _answer(handler)},
            "default": {"description": "An error.", "content": _json(Error)},
        },
    }
    if rest:
        operation["description"] = " ".join(rest.split())
    body = _body(handler)
    if body is not None:
        operation["requestBody"] = {"content": body}
    if path in OPEN or path.startswith(ROUTE_PREFIX) or SIGNED.fullmatch(_PARAMETER.sub("x", path)):
        operation["security"] = []
    elif RUN_CALLS.fullmatch(_PARAMETER.sub("x", path)):
        operation["security"] = [{"bearer": []}, {"cookie": []}, {"query": []}]
    return operation


def _operation_id(handler: HTTPRouteHandler, path: str, method: str) -> str:
    """The handler's name; of one that answers at several paths, for all but one with the path's area; of one that
    answers to several methods, with the method.
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
        found.append(parameter | ({"description": _WILDCARD_NOTE} if kind == "path" else {}))
    return found


def _query_parameters(handler: HTTPRouteHandler) -> list[dict[str, Any]]:
    """Those the handler's `opt` names, and those of its signature and its dependencies' that are plain."""
    said = handler.opt.get(_CALL)
    found = {name: {"type": "string"} for name in said["query"]} if said else {}
    in_path = {name for path in handler.paths for name, _ in _PARAMETER.findall(path)}
    functions = [handler.fn, *(each.dependency for each in handler.resolve_dependencies().values())]
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            kind = _QUERY.sub(r"\1", str(parameter.annotation)).removesuffix(" | None")
            if name not in in_path and kind in _QUERY_TYPES:
                found[name] = _QUERY_TYPES[kind]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in found.items()]


def _body(handler: HTTPRouteHandler) -> dict[str, Any] | None:
    said = handler.opt.get(_CALL)
    if said:
        return None if said["body"] is None else _json(said["body"])
    return _json(Any) if "POST" in handler.http_methods else None


def _answer(handler: HTTPRouteHandler) -> dict[str, Any]:
    said = handler.opt.get(_CALL)
    if said is None and handler.media_type != MediaType.TEXT:
        return _json(Any)
    if said is None or said["answer"] is None:
        return {"text/plain": {"schema": {"type": "string"}}}
    return _json(said["answer"])


def _is_json(shape: Any) -> bool:
    return shape is not None and shape is not BINARY


def _json(shape: Any) -> dict[str, Any]:
    if shape is BINARY:
        return {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    if shape is Any:
        return {"application/json": {"schema": {}}}
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    return {"application/json": {"schema": schema}}
