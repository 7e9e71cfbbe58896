"""Hierarchy of errors. Each has a stable code, a message of one sentence, and a hint if there is a remedy.

Only `http/errors.py` maps `status` to a response; the command line prints `message` and `hint` and exits with 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from orvanta_platform.reasons import Reason


class OrvantaError(Exception):
    """Internal error, and the base class of all errors that are shown to people.

    `code` is stable across versions, `message` is one sentence, `hint` names the remedy, and `details` is
    JSON-compatible data (diagnostics, failing path, limits). `coded` is the message with its code; None: it has none.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str | Reason, *, hint: str | None = None, details: Any = None) -> None:
        self.coded = None if isinstance(message, str) else message
        self.message = message if isinstance(message, str) else message.message
        super().__init__(self.message)
        self.hint = hint
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """Return the error in its JSON format: {code, message, hint, details}."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "details": self.details}


class BadRequest(OrvantaError):
    """The request is malformed or contradictory."""

    code = "bad_request"
    status = 400


class LimitExceeded(BadRequest):
    """A text is too long or a list has too many entries; details contain the limit."""

    code = "limit_exceeded"


class InvalidInput(BadRequest):
    """The input does not match the JSON Schema; details contain the failing path."""

    code = "invalid_input"


class TooComplex(InvalidInput):
    """A schema, or an input validated against it, exceeds the limits of time and memory."""

    code = "schema_too_complex"


class UnsupportedPassword(BadRequest):
    """A schema declares a password at a location where it cannot be protected."""

    code = "unsupported_password"


class WrongPassword(BadRequest):
    """The current password, which is required to choose another one, is wrong."""

    code = "wrong_password"


class WrongCode(BadRequest):
    """The code of the second step is wrong, or was used before."""

    code = "wrong_code"


class InvalidRunId(BadRequest):
    """The id chosen by the caller is not valid for a new run."""

    code = "invalid_run_id"


class InvalidWorkflow(BadRequest):
    """The artifact has errors; details contain the diagnostics."""

    code = "invalid_workflow"


class PolicyViolation(BadRequest):
    """The artifact violates active policies; details contain all violations."""

    code = "policy_violation"


class DirectDeploysRefused(BadRequest):
    """The rules of the environment let only releases change scripts and workflows of its workspace."""

    code = "direct_deploys_refused"


class UntrustedRelease(BadRequest):
    """The file of a release was not signed with a key that superadmins trust."""

    code = "untrusted_release"


class ChangesRefused(BadRequest):
    """Items of a change set cannot be changed; details contain the reasons, and nothing is applied."""

    code = "changes_refused"


class InvalidScript(BadRequest):
    """The script cannot be deployed or run."""

    code = "invalid_script"


class InvalidItemSettings(BadRequest):
    """A setting of a script or workflow has a wrong value; `details` names each by its JSON pointer."""

    code = "invalid_item_settings"


class NotYetSupported(BadRequest):
    """This version does not support the call or the feature; the message names it."""

    code = "not_yet_supported"


class Unauthenticated(OrvantaError):
    """The request has no valid token, session or password."""

    code = "unauthenticated"
    status = 401


class SecondFactorRequired(Unauthenticated):
    """The password is right, but the login also needs a code of an authenticator, which is missing, wrong or used."""

    code = "second_factor_required"


class EnrolmentRequired(Unauthenticated):
    """The password is right, but the account has to enrol an authenticator before it can log in."""

    code = "enrolment_required"


class Forbidden(OrvantaError):
    """The actor may see the item but lacks the permission for this operation."""

    code = "forbidden"
    status = 403


class ForeignParent(Forbidden):
    """A job can attach runs only to itself."""

    code = "foreign_parent"


class QueueReserved(Forbidden):
    """The workspace may not use a queue that a tag of the run names."""

    code = "queue_reserved"


class NotFound(OrvantaError):
    """The item does not exist or is not readable; both cases return the same response."""

    code = "not_found"
    status = 404


class Conflict(OrvantaError):
    """The current state does not allow the operation."""

    code = "conflict"
    status = 409


class LastAdmin(Conflict):
    """The last superadmin of the instance, or the last admin of a workspace, cannot lose this role."""

    code = "last_admin"


class IdentityDisabled(Conflict):
    """The member for whom a run would act was disabled or removed, so nothing can run for this member."""

    code = "identity_disabled"


class AlreadyExists(Conflict):
    """An item with this name or path exists."""

    code = "already_exists"


class Gone(OrvantaError):
    """The item existed, but has expired or been deleted."""

    code = "gone"
    status = 410


class VersionConflict(Conflict):
    """The item was changed since the version that the change is based on."""

    code = "version_conflict"


class SetByEnvironment(Conflict):
    """The environment of the server determines the setting, so it cannot be changed; details name the variable."""

    code = "set_by_environment"


class MoveRefused(Conflict):
    """Items that refer to the item to move cannot be changed; details name them, and nothing is moved."""

    code = "move_refused"


class StalePlan(Conflict):
    """Items changed since the plan of a change set, which is not applied."""

    code = "stale_plan"


class DeploymentBlocked(Conflict):
    """A release cannot be deployed yet; details contain all reasons."""

    code = "deployment_blocked"


class ChangesConflict(Conflict):
    """Items of a change set were changed since the state that it is based on; nothing is applied."""

    code = "changes_conflict"


class DraftConflict(Conflict):
    """The draft was saved elsewhere since the revision that the save is based on."""

    code = "draft_conflict"


class LockFailed(Conflict):
    """The packages of the deployed version could not be locked, so it cannot run."""

    code = "lock_failed"


class VersionNotPinned(Conflict):
    """The run has no pinned version of a script or workflow that its document names."""

    code = "version_not_pinned"


class CannotRestart(Conflict):
    """The run cannot be restarted from that node; the message has the reason."""

    code = "cannot_restart"


class TooLarge(OrvantaError):
    """The request or value exceeds its size limit."""

    code = "too_large"
    status = 413


class StorageLimitReached(TooLarge):
    """The files of the workspace would be larger than its policies allow; details contain the limit."""

    code = "storage_limit_reached"


class RangeNotSatisfiable(OrvantaError):
    """The header `Range` requests bytes past the end; details contain the size."""

    code = "range_not_satisfiable"
    status = 416


class RateLimited(OrvantaError):
    """Too many requests or waiting runs; `Retry-After` is the time to wait."""

    code = "rate_limited"
    status = 429


class RunLimitReached(RateLimited):
    """As many runs of the workspace exist as its policies allow; details contain the limit and its resource."""

    code = "run_limit_reached"


class WaitTimeout(OrvantaError):
    """The wait of the caller timed out; the run continues. Details contain the run id."""

    code = "wait_timeout"
    status = 504


class RouteFailed(OrvantaError):
    """The run of an HTTP trigger failed or could not start. An unauthenticated caller gets no details."""

    code = "route_failed"


class BodyTooSlow(OrvantaError):
    """The body arrived more slowly than `ORVANTA_REQUEST_RATE` allows, or took too long in total."""

    code = "body_too_slow"
    status = 408


class SettingsError(OrvantaError):
    """A setting is unknown or has an invalid value."""

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
    """A newer version has changed the database in a way that this version does not support."""

    code = "schema_too_new"


class PortTaken(OrvantaError):
    """Another program listens on the port."""

    code = "port_taken"


class StorageError(OrvantaError):
    """The object storage failed or has lost an object."""

    code = "storage_error"


class MethodNotAllowed(OrvantaError):
    """The path exists, but not for this HTTP method."""

    code = "method_not_allowed"
    status = 405
