"""Responses of runs whose caller waits for the result, which may set status, content type and headers."""

from __future__ import annotations

import re
from collections.abc import Set
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
"""Standard headers that a result may set. Each affects only its own response.

This is an allow-list, as new headers that affect the whole origin, proxies or browsers (NEL, Report-To, Alt-Svc,
Clear-Site-Data, Refresh, Link, …) keep appearing.
"""

_OWN_NAMES = re.compile(
    r"x-(?!accel-|sendfile|lighttpd-|litespeed-|reproxy|forwarded|original-|rewrite-|real-ip|envoy-|amz-|amzn-|goog-|ms-"
    r"|cdn-|cache|varnish|proxy|http-method|method-override|content-|frame-options|xss-|dns-prefetch|permitted-|ua-"
    r"|webkit-|robots-|sourcemap|download-options|request-id|run-id|orvanta|trigger|workspace)[a-z0-9-]+"
)
"""Application-defined headers: `X-…`, except those that proxies, browsers and this server act on."""

_JSON = "application/json"

_PUBLIC_ERRORS = (BodyTooSlow, InvalidInput, RateLimited, TooLarge, Unauthenticated)
"""Errors that reveal nothing about the code behind a route. `BadRequest` itself is public too, without subclasses."""


def for_anonymous(error: OrvantaError) -> OrvantaError:
    """Return the error for an unauthenticated caller: without path, code, trace or id of the run."""
    if isinstance(error, WaitTimeout):
        return WaitTimeout("The route did not answer in time.", hint="Try again later.")
    if isinstance(error, _PUBLIC_ERRORS) or type(error) is BadRequest:
        return error
    return _failed()


def failure_for_anonymous() -> bytes:
    """Return the result of a failed run for an unauthenticated caller."""
    return msgspec.json.encode({"error": _failed().as_dict()})


def _failed() -> RouteFailed:
    return RouteFailed(
        "The route could not answer.",
        hint="Its owner can find the run by the X-Request-Id.",
    )


def answer_of(end: Finished, *, anonymous: bool, has_token: bool) -> Response[bytes]:
    """Return the response for a run; a failed run is 500 with its error. Invalid response options are ignored.

    An anonymous caller gets no run id and no details of an error. A caller with a token of the platform gets no address
    to go on to: its client would send the token along, and could do there what jobs cannot.
    """
    if anonymous and not end.success:
        return Response(failure_for_anonymous(), status_code=500, media_type=_JSON)
    run_id = {} if anonymous else {"X-Run-Id": str(end.id)}
    if not end.success:
        return Response(end.result, status_code=500, media_type=_JSON, headers=run_id)
    options = _response_options(end.result)
    if options is None:
        return Response(end.result, status_code=200, media_type=_JSON, headers=run_id)
    status = _option(options, "status_code", int)
    if status is None or not 200 <= status <= 599:
        status = 200
    kind = _option(options, "content_type", str) or _JSON
    if not (kind.isascii() and kind.isprintable()):
        kind = _JSON
    body = bytes(options.get("result", msgspec.Raw(b"null")))
    if status in _BODILESS:
        body = b""
    elif kind.partition(";")[0].strip().lower() != _JSON and body.startswith(b'"'):
        body = msgspec.json.decode(body, type=str).encode()
    if kind.startswith("text/"):  # the text is UTF-8, and the response adds that charset itself
        kind = kind.partition(";")[0].strip()
    return Response(
        body,
        status_code=status,
        media_type=kind,
        headers=_headers(options, but={"location"} if has_token else set()) | run_id,
    )


def _response_options(result: bytes) -> dict[str, msgspec.Raw] | None:
    """Return the members of a result that sets response options, otherwise None."""
    if not any(name in result for name in (b"orvanta_", b"windmill_")):
        return None
    try:
        members = msgspec.json.decode(result, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return None
    names = {f"{product}_{name}" for product in _PRODUCTS for name in ("status_code", "content_type", "headers")}
    return members if names & members.keys() else None


_PRODUCTS = ("orvanta", "windmill")


def _option(options: dict[str, msgspec.Raw], name: str, shape: Any) -> Any:
    """Return a response option, or None if it is missing or of another type."""
    for product in _PRODUCTS:
        if f"{product}_{name}" in options:
            try:
                return msgspec.json.decode(options[f"{product}_{name}"], type=shape)
            except msgspec.DecodeError:
                return None
    return None


def _headers(options: dict[str, msgspec.Raw], *, but: Set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (_option(options, "headers", dict[str, str]) or {}).items():
        allowed = name.lower() in _ALLOWED - but or _OWN_NAMES.fullmatch(name.lower())
        if allowed and value.isascii() and value.isprintable():
            found[name] = value
    return found
