"""One tree of errors. Each has a stable code, one sentence and, where there is a way out, a hint.

`http/errors.py` alone maps `status` to an answer; the CLI prints `message` and `hint` and exits with 1.
"""

from __future__ import annotations

from typing import Any, ClassVar


class OrvantaError(Exception):
    """Base of every error a person may see.

    `code` is stable over versions, `message` one sentence, `hint` what to do about it,
    `details` JSON-able data (diagnostics, failing path, limits).
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str | None = None, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """The one JSON shape of an error: {code, message, hint, details}."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "details": self.details}


class BadRequest(OrvantaError):
    """What was asked cannot be read or makes no sense."""

    code = "bad_request"
    status = 400


class LimitExceeded(BadRequest):
    """A text is too long or a list has too many entries; details hold the limit."""

    code = "limit_exceeded"


class InvalidInput(BadRequest):
    """The input does not fit the JSON Schema; details hold the failing path."""

    code = "invalid_input"


class TooComplex(InvalidInput):
    """A schema cannot be read, or an input cannot be processed with it, within the limits of time and memory."""

    code = "schema_too_complex"


class UnsupportedPassword(BadRequest):
    """A schema declares a password in a place where it cannot be protected."""

    code = "unsupported_password"


class InvalidRunId(BadRequest):
    """The id that the caller chose cannot be the id of a new run."""

    code = "invalid_run_id"


class InvalidWorkflow(BadRequest):
    """The artifact has errors; details hold the diagnostics."""

    code = "invalid_workflow"


class InvalidScript(BadRequest):
    """The script cannot be deployed or run as it stands."""

    code = "invalid_script"


class Unauthenticated(OrvantaError):
    """No valid token, session or password came with the request."""

    code = "unauthenticated"
    status = 401


class Forbidden(OrvantaError):
    """The actor may see the thing, but not do this to it."""

    code = "forbidden"
    status = 403


class ForeignParent(Forbidden):
    """A job can attach runs only to itself."""

    code = "foreign_parent"


class NotFound(OrvantaError):
    """Missing or unreadable: the two look alike."""

    code = "not_found"
    status = 404


class Conflict(OrvantaError):
    """The present state does not allow it."""

    code = "conflict"
    status = 409


class AlreadyExists(Conflict):
    """Something of this name or path exists."""

    code = "already_exists"


class Gone(OrvantaError):
    """It was there, and its time is over."""

    code = "gone"
    status = 410


class VersionConflict(Conflict):
    """The thing was changed since the version that the change builds on."""

    code = "version_conflict"


class DraftConflict(Conflict):
    """The draft was saved elsewhere since the revision that the save builds on."""

    code = "draft_conflict"


class LockFailed(Conflict):
    """The packages of what was deployed could not be locked, so it cannot run."""

    code = "lock_failed"


class VersionNotPinned(Conflict):
    """A run has no version of a script or workflow that its document names."""

    code = "version_not_pinned"


class CannotRestart(Conflict):
    """The run cannot go on from there; the sentence says why."""

    code = "cannot_restart"


class TooLarge(OrvantaError):
    """What was sent is over its limit."""

    code = "too_large"
    status = 413


class RangeNotSatisfiable(OrvantaError):
    """The header `Range` asks for bytes past the end; details hold the size."""

    code = "range_not_satisfiable"
    status = 416


class RateLimited(OrvantaError):
    """Too many requests or waiting runs; `Retry-After` says when to come back."""

    code = "rate_limited"
    status = 429


class WaitTimeout(OrvantaError):
    """The caller's wait is over; the run goes on. Details hold the run id."""

    code = "wait_timeout"
    status = 504


class RouteFailed(OrvantaError):
    """The run of an HTTP trigger failed or could not start. An unauthenticated caller gets no details."""

    code = "route_failed"


class BodyTooSlow(OrvantaError):
    """The body came more slowly than `ORVANTA_REQUEST_RATE` allows, or took too long as a whole."""

    code = "body_too_slow"
    status = 408


class SettingsError(OrvantaError):
    """A setting is unknown or has a wrong value."""

    code = "invalid_setting"


class DatabaseUnavailable(OrvantaError):
    """The database cannot be reached, refuses the login or lacks the schema."""

    code = "database_unavailable"
    status = 503


class QueryTimeout(OrvantaError):
    """A statement in the database took longer than ORVANTA_STATEMENT_TIMEOUT_MS."""

    code = "query_timeout"
    status = 503


class DatabaseTooOld(OrvantaError):
    """The database is older than PostgreSQL 15."""

    code = "database_too_old"


class SchemaTooNew(OrvantaError):
    """A newer version has changed the database in a way this one cannot work with."""

    code = "schema_too_new"


class PortTaken(OrvantaError):
    """Another program listens on the port."""

    code = "port_taken"


class StorageError(OrvantaError):
    """The object storage failed or lost an object."""

    code = "storage_error"


class MethodNotAllowed(OrvantaError):
    """The path exists, not for this HTTP method."""

    code = "method_not_allowed"
    status = 405
