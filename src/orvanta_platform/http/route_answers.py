"""What a run that a route started answers: a result may set status, content type and headers."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Response

from orvanta_platform.errors import (
    BadRequest,
    BodyTooSlow,
    InvalidInput,
    OrvantaError,
    RateLimited,
    RouteFailed,
    TooLarge,
    Unauthenticated,
    WaitTimeout,
)
from orvanta_platform.services.run_views.results import Finished

_BODILESS = (204, 205, 304)
_ALLOWED = frozenset(
    {
        *("access-control-allow-headers", "access-control-allow-methods", "access-control-allow-origin"),
        *("access-control-expose-headers", "access-control-max-age", "allow", "cache-control", "content-disposition"),
        *("content-language", "cross-origin-resource-policy", "deprecation", "etag", "expires", "last-modified"),
        *("location", "retry-after", "sunset", "vary"),
    }
)
"""Standard headers that a result may set: each affects only its own response.

It is an allow-list, since new headers that affect the whole origin, proxies or browsers (NEL, Report-To, Alt-Svc,
Clear-Site-Data, Refresh, Link, …) keep appearing.
"""

_OWN_NAMES = re.compile(
    r"x-(?!accel-|sendfile|lighttpd-|litespeed-|reproxy|forwarded|original-|rewrite-|real-ip|envoy-|amz-|amzn-|goog-|ms-"
    r"|cdn-|cache|varnish|proxy|http-method|method-override|content-|frame-options|xss-|dns-prefetch|permitted-|ua-"
    r"|webkit-|robots-|sourcemap|download-options|request-id|run-id|orvanta|trigger|workspace)[a-z0-9-]+"
)
"""Application-defined names: `X-…`, except those that proxies, browsers and this server act on."""

_JSON = "application/json"

_FOR_ANYBODY = (BodyTooSlow, InvalidInput, RateLimited, TooLarge, Unauthenticated)
"""Errors that reveal nothing about the code behind a route, and `BadRequest` itself without its subclasses."""


def for_stranger(error: OrvantaError) -> OrvantaError:
    """The error for an unauthenticated caller: without path, code, trace or id of the run."""
    if isinstance(error, WaitTimeout):
        return WaitTimeout("The route did not answer in time.", hint="Try again later.")
    if isinstance(error, _FOR_ANYBODY) or type(error) is BadRequest:
        return error
    return _failed()


def failure_for_stranger() -> bytes:
    """The result of a failed run for an unauthenticated caller."""
    return msgspec.json.encode({"error": _failed().as_dict()})


def _failed() -> RouteFailed:
    return RouteFailed(
        "The route could not answer.",
        hint="Its owner can find the run by the X-Request-Id.",
    )


def answer_of(end: Finished, *, stranger: bool) -> Response[bytes]:
    """The response; a failed run is 500 with its error. Invalid response options in the result are ignored.

    `stranger`: the caller is not authenticated. It gets no run id, and no details of an error.
    """
    if stranger and not end.success:
        return Response(failure_for_stranger(), status_code=500, media_type=_JSON)
    run_id = {} if stranger else {"X-Run-Id": str(end.id)}
    if not end.success:
        return Response(end.result, status_code=500, media_type=_JSON, headers=run_id)
    said = _said(end.result)
    if said is None:
        return Response(end.result, status_code=200, media_type=_JSON, headers=run_id)
    status = _of(said, "status_code", int)
    if status is None or not 200 <= status <= 599:
        status = 200
    kind = _of(said, "content_type", str) or _JSON
    if not (kind.isascii() and kind.isprintable()):
        kind = _JSON
    body = bytes(said.get("result", msgspec.Raw(b"null")))
    if status in _BODILESS:
        body = b""
    elif kind.partition(";")[0].strip().lower() != _JSON and body.startswith(b'"'):
        body = msgspec.json.decode(body, type=str).encode()
    if kind.startswith("text/"):  # the text is UTF-8, and the response says so itself
        kind = kind.partition(";")[0].strip()
    return Response(body, status_code=status, media_type=kind, headers=_headers(said) | run_id)


def _said(result: bytes) -> dict[str, msgspec.Raw] | None:
    """The members of a result that says something of the answer."""
    if not any(name in result for name in (b"orvanta_", b"windmill_")):
        return None
    try:
        said = msgspec.json.decode(result, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return None
    names = {f"{product}_{name}" for product in _PRODUCTS for name in ("status_code", "content_type", "headers")}
    return said if names & said.keys() else None


_PRODUCTS = ("orvanta", "windmill")


def _of(said: dict[str, msgspec.Raw], name: str, shape: Any) -> Any:
    """What is said under a name, None where it is nothing of that shape."""
    for product in _PRODUCTS:
        if f"{product}_{name}" in said:
            try:
                return msgspec.json.decode(said[f"{product}_{name}"], type=shape)
            except msgspec.DecodeError:
                return None
    return None


def _headers(said: dict[str, msgspec.Raw]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (_of(said, "headers", dict[str, str]) or {}).items():
        allowed = name.lower() in _ALLOWED or _OWN_NAMES.fullmatch(name.lower())
        if allowed and value.isascii() and value.isprintable():
            found[name] = value
    return found
