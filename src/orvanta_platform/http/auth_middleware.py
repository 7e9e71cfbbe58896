"""The gate in front of the router: no token, no API.

Every path under /api, known or not, needs a valid token unless it is in OPEN, exactly as written there, or is of those
that say themselves whom they let in. What passes carries its actor in the scope.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote
from uuid import uuid4

import structlog
from litestar import Request, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from orvanta_platform import clock
from orvanta_platform.control.client_address import ClientAddresses, network_of
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.control.rates import Rate
from orvanta_platform.errors import (
    BadRequest,
    Forbidden,
    NotFound,
    OrvantaError,
    RateLimited,
    TooLarge,
    Unauthenticated,
)
from orvanta_platform.http import errors
from orvanta_platform.http.request_body import Pace, PacedBody
from orvanta_platform.http.requests import ACTOR, LIVE_ACTOR, PLATFORM, REQUEST_ID
from orvanta_platform.http.same_site import require_same_site
from orvanta_platform.services.access.session import Authenticator, Caller
from orvanta_platform.services.platform import Platform
from orvanta_platform.units import size_text

OPEN: frozenset[str] = frozenset(
    {
        "/api/auth/login",
        "/api/auth/first_password",
        "/api/version",
        "/api/health/status",
        "/api/openapi.json",
        "/api/openapi.yaml",
    }
)
"""Calls that need no token."""

SIGN_IN_PREFIX = "/api/auth/"
"""Calls that set or remove the session cookie: with a JSON body only, and only from pages of this site."""

ROUTE_PREFIX = "/api/r/"
"""What HTTP triggers answer: each route asks for what it wants to see. Its answers are no page of this server's."""

SIGNED = re.compile(r"/api/w/[^/]+/jobs_u/(resume|cancel|get_flow)/[^/]+/[^/]+/[^/]+|/approve/[^/]+/[^/]+/[^/]+/[^/]+")
"""Calls whose path is signed: they need no token, and know who calls where there is one."""

RUN_CALLS = re.compile(
    r"/api/w/[^/]+/jobs/(run|run_wait_result|run_inline|run_and_stream)/(p|h|f|fv|preview|preview_flow)(/.+)?"
    r"|/api/v1/workflows/.+/runs"
)
"""Calls that take their token from `?token=` too."""

COOKIE = "token"
CSRF_HEADER = "x-orvanta"
"""With the cookie, calls that change something need this header (any value): no form of another site sends it."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CHANGING_GET = re.compile(r"/api/w/[^/]+/(jobs/run_wait_result/.+|job_helpers/move_s3_file)")
_WORKSPACE = re.compile(r"/(?:api/w|approve)/([^/]+)(?:/|$)")
_CLEAN = re.compile(r"/|(?:/(?!\.{1,2}(?:/|$))[^/\\\x00-\x1f\x7f]+)+")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

log = structlog.get_logger(__name__)


class AuthenticationMiddleware:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, platform: Platform) -> None:
        self._app = app
        self._platform = platform
        settings = platform.settings
        self._authenticator = Authenticator(platform)
        self._strangers = Rate(settings.anonymous_rate)
        self._longest = settings.anonymous_body
        self._addresses = ClientAddresses(settings.trusted_proxies, settings.forwarded_header)
        self._pace = Pace(settings.request_grace_s, settings.request_rate, settings.request_timeout_s)
        self._origins = (settings.base_url, *settings.editor_origins)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here. Web sockets and the lifespan are the router's business."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = MutableScopeHeaders(scope)
        request_id = _own_or_given(headers.get("x-request-id"))
        scope[REQUEST_ID] = request_id
        scope[PLATFORM] = self._platform
        scope["client"] = address = _client(self._addresses.of(scope))
        body = PacedBody(receive, self._pace)
        answer = _Answer(send, request_id, foreign=scope["path"].startswith(ROUTE_PREFIX))
        started = clock.monotonic()
        try:
            await self._admit(scope, headers, request_id)
        except Exception as error:
            response = errors.respond(errors.translate(error, scope))
            await _send(response, scope, receive, answer.send)
        else:
            body.caller = answer.caller = scope.get(LIVE_ACTOR)
            receive_body = body.receive if ACTOR in scope else self._bounded(body.receive)
            await self._run(scope, receive_body, answer)
        log.info(
            "request",
            method=scope["method"],
            path=_printable(scope["path"]),
            status=answer.status,
            ms=round((clock.monotonic() - started) * 1000, 1),
            address=address[0] if address else None,
            request_id=request_id,
        )

    async def _run(self, scope: Any, receive: Receive, answer: _Answer) -> None:
        """Pass the call to the application. A response that fails or loses its reader midway is cut off there."""
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            reason = errors.reason_of(error)
            if not answer.status or reason is None:
                raise
            log.warning("answer broken off", code=reason.code, request_id=scope[REQUEST_ID])

    async def _admit(self, scope: Any, headers: MutableScopeHeaders, request_id: str) -> None:
        path: str = scope["path"]
        if SIGNED.fullmatch(path) and _CLEAN.fullmatch(path):
            await self._know(scope, headers, request_id)
            if ACTOR not in scope:
                self._slow_down(scope)
            return
        if path.startswith(ROUTE_PREFIX):
            self._slow_down(scope)
            if not _CLEAN.fullmatch(path):
                raise NotFound("There is no such route.")
            return
        if path.startswith(SIGN_IN_PREFIX) and scope["method"] not in _SAFE:
            if path in OPEN:
                self._slow_down(scope)
            require_same_site(headers, self._origins)
        if path in OPEN or (_CLEAN.fullmatch(path) and not path.lower().startswith("/api")):
            return
        token, source = _token(scope, headers, path)
        changes = scope["method"] not in _SAFE or _CHANGING_GET.fullmatch(path) is not None
        caller = Caller(
            workspace=_workspace(path, headers),
            address=_address(scope),
            request_id=request_id,
            via_query=source == "query",
            interactive=headers.get("x-trigger") == "manual",
        )
        began = clock.monotonic()
        actor = await self._authenticator.actor(token, caller, changes=changes) if token else None
        if actor is None:
            raise _unauthenticated(token)
        if source == "cookie" and changes and CSRF_HEADER not in headers:
            raise Forbidden(
                "A call with the cookie that changes something needs the header X-Orvanta.",
                hint="Send `X-Orvanta: 1`, or a token in the header Authorization.",
            )
        if not _CLEAN.fullmatch(path):
            raise BadRequest("The path has empty, dotted or unprintable parts.")
        scope[ACTOR] = actor
        derive = partial(self._authenticator.again, token or "", caller)
        scope[LIVE_ACTOR] = LiveActor(actor, derive, derived_at=began)

    def _slow_down(self, scope: Any) -> None:
        """Nothing is asked of the database for those who call too often. Raises RateLimited."""
        if wait_s := self._strangers.take(network_of(_address(scope))):
            raise RateLimited(
                "Too many calls without a token come from this address.",
                hint="Try again later; ORVANTA_ANONYMOUS_RATE says how many may come in a minute.",
                details={"retry_after_s": wait_s},
            )

    def _bounded(self, receive: Receive) -> Receive:
        """Receives the body of a call without a token, up to its limit. The returned function raises TooLarge."""
        left = self._longest

        async def receive_some() -> Any:
            nonlocal left
            message: Any = await receive()
            left -= len(message.get("body") or b"")
            if left < 0:
                raise TooLarge(
                    f"The body of a call without a token has at most {size_text(self._longest)}.",
                    hint="Send less, or upload it as a file and send its name; ORVANTA_ANONYMOUS_BODY sets the limit.",
                    details={"limit": self._longest},
                )
            return message

        return receive_some

    async def _know(self, scope: Any, headers: MutableScopeHeaders, request_id: str) -> None:
        """Who calls, where somebody is logged in; a page of another site speaks for nobody."""
        path: str = scope["path"]
        token, source = _token(scope, headers, path)
        if not token or (source == "cookie" and not _is_of_this_site(scope, headers)):
            return
        caller = Caller(workspace=_workspace(path, headers), address=_address(scope), request_id=request_id)
        actor = await self._authenticator.actor(token, caller, changes=True)
        if actor is not None:
            scope[ACTOR] = actor


def _is_of_this_site(scope: Any, headers: Mapping[str, str]) -> bool:
    """Whether a call with the cookie comes from a page of this site, or changes nothing."""
    if scope["method"] in _SAFE and not scope["path"].startswith("/api/"):
        return True
    return CSRF_HEADER in headers or headers.get("sec-fetch-site") == "same-origin"


class _Answer:
    """Forwards a response with the headers that every response has, and records its status.

    A response in pieces is sent only while its `caller` is valid, even if the source of the pieces does not check the
    caller itself.
    """

    def __init__(self, send: Send, request_id: str, *, foreign: bool) -> None:
        """`foreign`: what is answered is not this server's, and speaks for nothing but itself."""
        self._send = send
        self._foreign = foreign
        self._request_id = request_id
        self.status = 0
        self.caller: LiveActor | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and message.get("more_body") and self.caller is not None:
            await self.caller.settled()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableScopeHeaders.from_message(message)
            headers["X-Request-Id"] = self._request_id
            for name, value in _ALWAYS.items():
                headers.setdefault(name, value)
            if self._foreign:
                headers["Content-Security-Policy"] = "sandbox"
                headers["X-Content-Type-Options"] = "nosniff"
                del headers["Set-Cookie"]
        await self._send(message)


def _client(address: str | None) -> tuple[str, int] | None:
    return (address, 0) if address else None


def _token(scope: Scope, headers: Mapping[str, str], path: str) -> tuple[str | None, str]:
    """The token and where it stood. A header that is there counts, even where it is wrong."""
    given = headers.get("authorization")
    if given is not None:
        scheme, _, token = given.strip().partition(" ")
        return (token.strip() if scheme.lower() == "bearer" else None), "header"
    if RUN_CALLS.fullmatch(path):
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if "token" in query:
            return query["token"][0], "query"
    return _cookie(headers.get("cookie")), "cookie"


def _cookie(header: str | None) -> str | None:
    if not header:
        return None
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel else None


def _workspace(path: str, headers: Mapping[str, str]) -> str | None:
    found = _WORKSPACE.match(path)
    if found:
        return found.group(1)
    return headers.get("x-workspace") if path.startswith("/api/v1/") else None


def _address(scope: Scope) -> str | None:
    client: Any = scope.get("client")
    return str(client[0]) if client else None


def _own_or_given(given: str | None) -> str:
    return given if given and _REQUEST_ID.fullmatch(given) else uuid4().hex


def _printable(path: str) -> str:
    """The path as one line of a log; what a query said never gets there."""
    return path if path.isprintable() else quote(path)


def _unauthenticated(token: str | None) -> OrvantaError:
    if token:
        return Unauthenticated("The token is not valid.", hint="It may be deleted, expired or of an ended job.")
    return Unauthenticated("This call needs a token.", hint="Send `Authorization: Bearer <token>`.")


async def _send(response: Response[bytes], scope: Scope, receive: Receive, send: Send) -> None:
    await response.to_asgi_response(app=None, request=Request(scope))(scope, receive, send)
