"""What a run that a route started answers: a result may set status, content type and headers."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response

from orvanta_platform.services.results import Finished

_BODILESS = (204, 205, 304)
_REFUSED = frozenset(
    {
        *("access-control-allow-credentials", "alt-svc", "clear-site-data", "connection", "content-length"),
        *("content-security-policy", "content-security-policy-report-only", "content-type", "keep-alive"),
        *("service-worker-allowed", "set-cookie", "set-cookie2", "strict-transport-security", "trailer"),
        *("transfer-encoding", "upgrade", "www-authenticate", "x-content-type-options", "x-request-id", "x-run-id"),
    }
)
"""Headers of the server's own, and those that would speak for all of its origin."""

_JSON = "application/json"


def answer_of(end: Finished) -> Response[bytes]:
    """The answer; a failed run is 500 with its error. What the result says wrongly counts as not said."""
    run_id = {"X-Run-Id": str(end.id)}
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
        sound = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if sound and name.lower() not in _REFUSED and value.isascii() and value.isprintable():
            found[name] = value
    return found
