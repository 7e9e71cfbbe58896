"""Other origins that the editor is served from: their pages may call the API with the person's session.

Without any, no page of another origin reads an answer of the API (security S20). The rules are those of the Fetch
standard, https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Send

from orvanta_platform.http.auth_middleware import ROUTE_PREFIX

_ASKED = "access-control-request-method"
_MAY_ASK = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": "accept, authorization, content-type, last-event-id, range, "
    "x-orvanta, x-request-id, x-trigger, x-workspace",
    "Access-Control-Max-Age": "600",
}
_SEEN = "Content-Disposition, Content-Range, ETag, Retry-After, X-Request-Id"


class EditorOrigins:
    """ASGI middleware in front of the gate: says to browsers which origins' pages may read answers of the API."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        """`origins`: each a scheme, host and port as browsers write them, such as `https://orvanta.example.org`."""
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a browser that asks beforehand; mark the answer to a call. What HTTP routes answer is not marked."""
        path = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith("/api/") or path.startswith(ROUTE_PREFIX):
            await self._app(scope, receive, send)
            return
        headers = MutableScopeHeaders(scope)
        origin = headers.get("origin")
        allowed = {"Vary": "Origin"}
        if origin in self._origins:
            allowed |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
            if scope["method"] == "OPTIONS" and _ASKED in headers:
                await _answer({**allowed, **_MAY_ASK}, send)
                return
            allowed["Access-Control-Expose-Headers"] = _SEEN

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableScopeHeaders.from_message(message)
                for name, value in allowed.items():
                    answered.add(name, value)
            await send(message)

        await self._app(scope, receive, marked)


async def _answer(headers: dict[str, str], send: Send) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
