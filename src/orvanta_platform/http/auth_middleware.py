"""Authentication of requests, before they reach the router.

Every path under /api, known or not, needs a valid token. Exceptions are the paths in OPEN, which must match exactly,
and the paths whose routes authenticate callers themselves. An admitted request carries its actor in the scope.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote
from uuid import uuid4

import structlog
from litestar import Request, Response
from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import names
from orvanta_platform.control.actor import system
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
from orvanta_platform.http import cookies, documentation, errors
from orvanta_platform.http.request_body import Pace, PacedBody
from orvanta_platform.http.requests import ACTOR, LIVE_ACTOR, PLATFORM, REQUEST_ID
from orvanta_platform.http.same_site import require_same_site
from orvanta_platform.services.access import scim_tokens
from orvanta_platform.services.access.session import Caller, TokenResolver
from orvanta_platform.services.platform import Platform
from orvanta_platform.units import size_text

_BROWSER_HEADERS = frozenset({"origin", "referer", "sec-fetch-site", "x-orvanta"})
"""Headers that browsers and pages of this server send, and programs do not."""

OPEN: frozenset[str] = frozenset(
    {
        "/api/auth/login",
        "/api/auth/enrol_totp",
        "/api/auth/first_password",
        "/api/auth/oidc/providers",
        "/api/auth/oidc/start",
        "/api/oidc/.well-known/openid-configuration",
        "/api/oidc/jwks",
        "/api/version",
        "/api/health/status",
        "/api/health/live",
        "/api/health/ready",
        "/api/openapi.json",
        "/api/openapi.yaml",
    }
)
"""Calls that need no token."""

CALLBACK = re.compile(r"/api/auth/oidc/callback/[a-z0-9_-]{1,50}")
"""Call with which an OpenID provider sends a browser back. It needs the cookie of the login, and no token."""

SIGN_IN_PREFIX = "/api/auth/"
"""Prefix of calls that set or remove the session cookie. They need a JSON body, and a page of this site."""

ROUTE_PREFIX = "/api/r/"
"""Prefix of HTTP triggers. Each route authenticates its callers, and its responses are not pages of this server."""

SCIM_PREFIX = "/scim/v2/"
"""Prefix of the calls of SCIM clients, which have tokens of their own."""

SIGNED = re.compile(r"/api/w/[^/]+/jobs_u/(resume|cancel|get_flow)/[^/]+/[^/]+/[^/]+|/approve/[^/]+/[^/]+/[^/]+/[^/]+")
"""Calls with a signed path. They need no token; if there is one, it identifies the caller."""

RUN_CALLS = re.compile(
    r"/api/w/[^/]+/jobs/(run|run_wait_result|run_inline|run_and_stream)/(p|h|f|fv|preview|preview_flow)(/.+)?"
    r"|/api/w/[^/]+/capture_u/[^/]+/[^/]+/.+"
    r"|/api/v1/workflows/.+/runs"
)
"""Calls that also accept their token as `?token=`: those that start runs, and those that capture such a request."""

FOREIGN = re.compile(rf"{ROUTE_PREFIX}|/api/w/[^/]+/jobs/(run_wait_result|run_inline)/")
"""Calls whose response is the result of a script, with a content type of its choice."""

CSRF_HEADER = "x-orvanta"
"""Header that cookie-authenticated calls must send to change something (any value). Forms of other sites cannot."""

_DISCARDED_BYTES = 32 << 20
"""Maximum size of the rest of a refused body that is read before the response."""
_ROUTINE = ("/api/health/", "/assets/", f"{documentation.ADDRESS}/")
"""Paths whose successful requests are logged at level debug: probes repeat them every few seconds."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}
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
    """ASGI middleware around the application."""

    def __init__(self, app: ASGIApp, platform: Platform) -> None:
        self._app = app
        self._platform = platform
        settings = platform.settings
        self._tokens = TokenResolver(platform)
        self._anonymous = Rate(settings.anonymous_rate)
        self._longest = settings.anonymous_body
        self._addresses = ClientAddresses(settings.trusted_proxies, settings.forwarded_header)
        self._pace = Pace(settings.request_grace_s, settings.request_rate, settings.request_timeout_s)
        self._cookie = cookies.full_name(cookies.SESSION, settings.base_url)
        self._origins = (settings.base_url, *settings.editor_origins)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Authenticate a request and pass it on, or reject it. Web sockets and lifespan events are passed on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = MutableScopeHeaders(scope)
        request_id = _request_id(headers.get("x-request-id"))
        scope[REQUEST_ID] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        scope[PLATFORM] = self._platform
        scope["client"] = address = _client(self._addresses.of(scope))
        body = PacedBody(receive, self._pace)
        answer = _Response(send, request_id, foreign=FOREIGN.match(scope["path"]) is not None)
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
        seconds = clock.monotonic() - started
        route = scope.get("path_template", "unknown")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._platform.measurements.requests.observe(seconds, route, method, str(answer.status))
        is_routine = scope["path"].startswith(_ROUTINE) and answer.status < 400
        if not is_routine:
            self._platform.polls.rouse()  # not every change of a row is notified
        log.log(
            logging.DEBUG if is_routine else logging.INFO,
            "request",
            method=scope["method"],
            path=_printable(scope["path"]),
            status=answer.status,
            ms=round(seconds * 1000, 1),
            address=address[0] if address else None,
            request_id=request_id,
        )

    async def _run(self, scope: Any, receive: Receive, answer: _Response) -> None:
        """Call the application. A response that fails or loses its client midway is cut off there."""
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            reason = errors.reason_of(error)
            if not answer.status or reason is None:
                raise
            log.warning("response aborted", code=reason.code, request_id=scope[REQUEST_ID])

    async def _admit(self, scope: Any, headers: MutableScopeHeaders, request_id: str) -> None:
        path: str = scope["path"]
        if SIGNED.fullmatch(path) and _CLEAN.fullmatch(path):
            await self._identify(scope, headers, request_id)
            if ACTOR not in scope:
                self._limit_rate(scope)
            return
        if path.startswith(ROUTE_PREFIX):
            self._limit_rate(scope)
            if not _CLEAN.fullmatch(path):
                raise NotFound("This route does not exist.")
            return
        if path.startswith(SCIM_PREFIX):
            await self._admit_scim(scope, headers, request_id)
            return
        is_callback = CALLBACK.fullmatch(path) is not None
        if is_callback or (path.startswith(SIGN_IN_PREFIX) and path in OPEN):
            self._limit_rate(scope)
        if is_callback:
            return
        if path.startswith(SIGN_IN_PREFIX) and scope["method"] not in _SAFE:
            require_same_site(headers, self._origins)
        is_page = _CLEAN.fullmatch(path) is not None and not path.lower().startswith("/api")
        if is_page or path in OPEN or documentation.answers(scope):
            return
        token, source = _token(scope, headers, path, self._cookie)
        if source == "cookie":
            token, source = _of_program(headers, token)
        changes = scope["method"] not in _SAFE or _CHANGING_GET.fullmatch(path) is not None
        caller = Caller(
            workspace=_workspace(path, headers),
            address=_address(scope),
            request_id=request_id,
            via_query=source == "query",
            interactive=headers.get("x-trigger") == "manual",
        )
        started = clock.monotonic()
        actor = await self._tokens.resolve(token, caller, changes=changes) if token else None
        if actor is None:
            raise _unauthenticated(token)
        if source == "cookie" and changes and CSRF_HEADER not in headers:
            raise Forbidden(
                "A call with the session cookie needs the header X-Orvanta to change something.",
                hint="Send `X-Orvanta: 1`, or a token in the header Authorization.",
            )
        if not _CLEAN.fullmatch(path):
            raise BadRequest("The path contains empty, dotted or unprintable segments.")
        scope[ACTOR] = actor
        derive = partial(self._tokens.resolve_recent, token or "", caller)
        scope[LIVE_ACTOR] = LiveActor(actor, derive, derived_at=started)

    async def _admit_scim(self, scope: Any, headers: MutableScopeHeaders, request_id: str) -> None:
        """Set the actor of a call of a SCIM client. Raises Unauthenticated, and RateLimited without a valid token."""
        scheme, _, token = headers.get("authorization", "").strip().partition(" ")
        is_known = scheme.lower() == "bearer" and await scim_tokens.is_valid(self._platform, token.strip())
        if not is_known:
            self._limit_rate(scope)
            raise Unauthenticated("This call needs a token of a SCIM client.", hint="A superadmin can create one.")
        actor = system(name=scim_tokens.ACTOR)
        scope[ACTOR] = replace(actor, address=_address(scope), request_id=request_id)

    def _limit_rate(self, scope: Any) -> None:
        """Limit the rate of calls without a token, before they cost a database query. Raises RateLimited."""
        if wait_s := self._anonymous.take(network_of(_address(scope))):
            raise RateLimited(
                "Too many calls without a token come from this address.",
                hint="Try again later; ORVANTA_ANONYMOUS_RATE sets the allowed number of calls per minute.",
                details={"retry_after_s": wait_s},
            )

    def _bounded(self, receive: Receive) -> Receive:
        """Return a `receive` that limits the body of a call without a token. It raises TooLarge."""
        left = self._longest

        async def receive_some() -> Any:
            nonlocal left
            message: Any = await receive()
            left -= len(message.get("body") or b"")
            if left < 0:
                await _discard_rest(receive, message)
                raise TooLarge(
                    f"The body of a call without a token is limited to {size_text(self._longest)}.",
                    hint="Send less, or upload it as a file and send its name; ORVANTA_ANONYMOUS_BODY sets the limit.",
                    details={"limit": self._longest},
                )
            return message

        return receive_some

    async def _identify(self, scope: Any, headers: MutableScopeHeaders, request_id: str) -> None:
        """Set the actor of a signed call if the caller is logged in. Calls from pages of other sites are anonymous."""
        path: str = scope["path"]
        token, source = _token(scope, headers, path, self._cookie)
        if not token or (source == "cookie" and not _is_of_this_site(scope, headers)):
            return
        caller = Caller(workspace=_workspace(path, headers), address=_address(scope), request_id=request_id)
        actor = await self._tokens.resolve(token, caller, changes=True)
        if actor is not None:
            scope[ACTOR] = actor


async def _discard_rest(receive: Receive, message: Any) -> None:
    """Read what the client still sends: if the connection closed before, it might not receive the response."""
    left = _DISCARDED_BYTES
    while message.get("more_body") and left > 0:
        message = await receive()
        left -= len(message.get("body") or b"")


def _is_of_this_site(scope: Any, headers: Mapping[str, str]) -> bool:
    """Return True if a call with the cookie comes from a page of this site, or changes nothing."""
    if scope["method"] in _SAFE and not scope["path"].startswith("/api/"):
        return True
    return CSRF_HEADER in headers or headers.get("sec-fetch-site") == "same-origin"


class _Response:
    """Forwards a response with the headers common to all responses, and records its status.

    A response in several pieces is sent only while its `caller` is valid, even if the source of the pieces does not
    check the caller itself.
    """

    def __init__(self, send: Send, request_id: str, *, foreign: bool) -> None:
        """Create the response. `foreign`: its content comes from a script, so it must not act for this server."""
        self._send = send
        self._foreign = foreign
        self._request_id = request_id
        self.status = 0
        self.caller: LiveActor | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and message.get("more_body") and self.caller is not None:
            await self.caller.current_with_retry()
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


def _token(scope: Scope, headers: Mapping[str, str], path: str, cookie: str) -> tuple[str | None, str]:
    """Return the token and its source; `cookie` is the name of the session cookie.

    An Authorization header takes precedence, even if it is invalid.
    """
    header = headers.get("authorization")
    if header is not None:
        scheme, _, token = header.strip().partition(" ")
        return (token.strip() if scheme.lower() == "bearer" else None), "header"
    if RUN_CALLS.fullmatch(path):
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if "token" in query:
            return query["token"][0], "query"
    return cookies.value_of(headers, cookie), "cookie"


def _of_program(headers: Mapping[str, str], session: str | None) -> tuple[str | None, str]:
    """Return the token of a call without an Authorization header, and its source; `session`: that of the cookie.

    A program may send the token of a user as the cookie `token`, as the published command-line client does in some
    calls. That is no session: a login never stores such a token in a browser, and browsers name the site of a page that
    changes something.
    """
    sent = session or cookies.value_of(headers, cookies.SESSION)
    if sent is not None and names.is_user_token(sent) and not _BROWSER_HEADERS & headers.keys():
        return sent, "header"
    return session, "cookie"


def _workspace(path: str, headers: Mapping[str, str]) -> str | None:
    found = _WORKSPACE.match(path)
    if found:
        return found.group(1)
    return headers.get("x-workspace") if path.startswith("/api/v1/") else None


def _address(scope: Scope) -> str | None:
    client: Any = scope.get("client")
    return str(client[0]) if client else None


def _request_id(header: str | None) -> str:
    """Return the caller's request id if it is valid, otherwise a new one."""
    return header if header and _REQUEST_ID.fullmatch(header) else uuid4().hex


def _printable(path: str) -> str:
    """Return the path as one line for the log. The query is never logged."""
    return path if path.isprintable() else quote(path)


def _unauthenticated(token: str | None) -> OrvantaError:
    if token:
        return Unauthenticated("The token is not valid.", hint="It may be deleted or expired, or its job has ended.")
    return Unauthenticated("This call needs a token.", hint="Send `Authorization: Bearer <token>`.")


async def _send(response: Response[bytes], scope: Scope, receive: Receive, send: Send) -> None:
    await response.to_asgi_response(app=None, request=Request(scope))(scope, receive, send)
