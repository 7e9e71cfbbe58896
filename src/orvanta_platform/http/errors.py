"""Error responses, all of the shape `{"error": {code, message, hint, details}}`, without internal details."""

from __future__ import annotations

import errno
from typing import Any, Final

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import Scope

from orvanta_platform.db.errors import InvalidValue, QueryCanceled
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.errors import (
    BadRequest,
    DatabaseUnavailable,
    MethodNotAllowed,
    NotFound,
    OrvantaError,
    QueryTimeout,
    RateLimited,
    TooLarge,
    Unauthenticated,
)
from orvanta_platform.http.requests import REQUEST_ID, AnyRequest

log = structlog.get_logger(__name__)

_RETRY_AFTER_S = 1
_MAX_MESSAGE = 2_000
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors of writing to an open file, which do not name it."""


def answer(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Return the response for an exception of a handler. An unexpected exception is logged; only its id is returned."""
    return respond(translate(error, request.scope), _allowed(error))


def respond(error: OrvantaError, headers: dict[str, str] | None = None) -> Response[bytes]:
    """Return an error as a response, with the headers for its kind."""
    shown = error.as_dict()
    # Messages name what the caller sent, which may be a whole document.
    if len(error.message) > _MAX_MESSAGE:
        shown["message"] = f"{error.message[:_MAX_MESSAGE]}…"
    body = msgspec.json.encode({"error": shown})
    return Response(
        body,
        status_code=error.status,
        media_type="application/json",
        headers={**_headers(error), **(headers or {})},
    )


def translate(error: Exception, scope: Scope) -> OrvantaError:
    """Return any exception as an error of the platform."""
    if isinstance(error, OrvantaError):
        return error
    if isinstance(error, HTTPException):
        return _from_router(error, scope)
    if isinstance(error, InvalidValue | UnicodeEncodeError):
        return BadRequest(
            "A value cannot be stored.", hint="Text must not contain NUL characters, and numbers must fit in 64 bits."
        )
    if isinstance(error, CONNECTION_LOST) and not _is_of_file(error):
        log.warning("database_lost", error=type(error).__name__)
        return DatabaseUnavailable("The database does not answer.", hint="Try again in a moment.")
    if isinstance(error, QueryCanceled):
        log.warning("query_timeout", path=scope.get("path"))
        return QueryTimeout("The database took too long for this call.", hint="Request less data at a time.")
    if isinstance(error, TRANSIENT):
        log.warning("database_busy", error=type(error).__name__)
        return DatabaseUnavailable("The database is busy.", hint="Try again in a moment.")
    request_id = _request_id(scope)
    log.error("request_failed", request_id=request_id, path=scope.get("path"), exc_info=error)
    return OrvantaError(
        "The server failed to process the request.",
        hint="The server's log has the details under this request id.",
        details={"request_id": request_id},
    )


def _is_of_file(error: Exception) -> bool:
    """Return whether an OSError is about a file rather than a connection, whose errors name no file."""
    return isinstance(error, OSError) and (error.filename is not None or error.errno in _FULL)


def reason_of(error: BaseException) -> OrvantaError | None:
    """Return the platform's error that the router wrapped, if there is one."""
    if isinstance(error, OrvantaError):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := reason_of(each))), None)
    return reason_of(error.__cause__) if error.__cause__ is not None else None


def _from_router(error: HTTPException, scope: Scope) -> OrvantaError:
    method, path = scope.get("method", ""), scope.get("path", "")
    if error.status_code == 405:
        return MethodNotAllowed(f"{path} does not support the method {method}.")
    if error.status_code == 404:
        return NotFound(f"There is no route {method} {path}.", hint="All routes are listed in /api/openapi.json.")
    if error.status_code == 413:
        return TooLarge("The body is too large.")
    if error.status_code == 401:
        return Unauthenticated("This call needs a token.")
    return BadRequest(str(error.detail), details=error.extra or None)


def _headers(error: OrvantaError) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RateLimited):
        wait: Any = error.details.get("retry_after_s") if isinstance(error.details, dict) else None
        return {"Retry-After": str(wait or _RETRY_AFTER_S)}
    return {"Retry-After": str(_RETRY_AFTER_S)} if error.status == 503 else {}


def _allowed(error: Exception) -> dict[str, str]:
    headers = getattr(error, "headers", None) if isinstance(error, HTTPException) else None
    allowed = (headers or {}).get("allow")
    return {"Allow": ", ".join(sorted(set(allowed.split(", "))))} if allowed else {}


def _request_id(scope: Scope) -> str | None:
    found: Any = scope.get(REQUEST_ID)
    return str(found) if found else None
