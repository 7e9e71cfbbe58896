"""CORS headers for other origins that serve the editor: their pages may call the API with the user's session.

Without configured origins, no page of another origin can read a response of the API (security S20). The rules are
those of the Fetch standard, https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Send

from orvanta_platform.http.auth_middleware import ROUTE_PREFIX

_REQUEST_METHOD = "access-control-request-method"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "accept, authorization, content-type, last-event-id, range, "
    "x-orvanta, x-request-id, x-trigger, x-workspace",
    "Access-Control-Max-Age": "600",
}
_EXPOSED = "Content-Disposition, Content-Range, ETag, Retry-After, X-Request-Id, X-Warnings"


class EditorOrigins:
    """ASGI middleware in front of authentication that tells browsers which origins may read responses of the API."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        """Create the middleware. Each origin is a scheme, host and port, such as `https://orvanta.example.org`."""
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer preflight requests, and add the headers to other responses. Responses of HTTP triggers get none."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith("/api/") or path.startswith(ROUTE_PREFIX):
            await self._app(scope, receive, send)
            return
        headers = MutableScopeHeaders(scope)
        origin = headers.get("origin")
        allowed = {"Vary": "Origin"}
        if origin in self._origins:
            allowed |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
            if scope["method"] == "OPTIONS" and _REQUEST_METHOD in headers:
                await _answer({**allowed, **_PREFLIGHT}, send)
                return
            allowed["Access-Control-Expose-Headers"] = _EXPOSED

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                response = MutableScopeHeaders.from_message(message)
                for name, value in allowed.items():
                    response.add(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


async def _answer(headers: dict[str, str], send: Send) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
