"""Values that handlers read from a request: the caller, the platform, the body, and list parameters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, TypeVar, TypeVarTuple, cast
from uuid import UUID

import msgspec
from litestar import Request

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.errors import BadRequest, ForeignParent, TooLarge, Unauthenticated
from orvanta_platform.evaluate.raw import count_values
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.access.session import Caller
from orvanta_platform.services.platform import Platform

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

ACTOR = "orvanta.actor"
LIVE_ACTOR = "orvanta.live_actor"
REQUEST_ID = "orvanta.request_id"
PLATFORM = "orvanta.platform"

MAX_PAGE = 1000
_PAGE = 30
_MAX_MESSAGE = 300
_SHORT_ENVELOPE = 16 << 20
_MAX_VALUES = 12_000_000
_MAX_INLINE = 256 << 10
_MAX_DECODED = 200_000

AnyRequest = Request[Any, Any, Any]


class Page(msgspec.Struct, frozen=True):
    """Requested rows of a list: `limit` rows from `offset`, or after the row named by `before` or `after`."""

    limit: int
    offset: int
    before: str | None
    after: str | None


def actor_of(request: AnyRequest) -> Actor:
    """Return the caller. Raises Unauthenticated if there is none."""
    actor = request.scope.get(ACTOR)
    if not isinstance(actor, Actor):
        raise Unauthenticated("This call needs a token.")
    return actor


def caller_of(request: AnyRequest) -> Caller:
    """Return the origin of a call that may have no token."""
    client = request.scope.get("client")
    request_id = request.scope.get(REQUEST_ID)
    return Caller(address=client[0] if client else None, request_id=str(request_id) if request_id else None)


def base_url_of(request: AnyRequest) -> str:
    """Return the URL at which browsers reach this server."""
    return platform_of(request).settings.base_url


def live_actor_of(request: AnyRequest) -> LiveActor:
    """Return the caller, for services that wait or respond in pieces. Raises Unauthenticated."""
    caller = request.scope.get(LIVE_ACTOR)
    if not isinstance(caller, LiveActor):
        raise Unauthenticated("This call needs a token.")
    return caller


def platform_of(request: AnyRequest) -> Platform:
    """Return the platform of this process."""
    return cast(Platform, request.scope.get(PLATFORM))


def item_path(path: str) -> str:
    """Return a wildcard `{path}` without its leading slash, which the router adds."""
    return path.removeprefix("/")


async def whole_body(request: AnyRequest) -> bytes:
    """Read a body that may be large. It is not stored in the request, so this can be called only once."""
    buffer = BytesIO()
    async for piece in request.stream():
        buffer.write(piece)
    return buffer.getvalue()


async def body_of(request: AnyRequest, shape: type[T]) -> T:
    """Return the body as `shape`; an empty body counts as `{}`. Raises BadRequest with the position of a mismatch."""
    return decode(await request.body(), shape)


async def small_body_of(request: AnyRequest, shape: type[T]) -> T:
    """Return the body as `body_of`, for shapes that contain values of any type, or lists of values.

    Raises TooLarge if there are more values than can be decoded without blocking the event loop.
    """
    body = await request.body()
    if count_values(body) > _MAX_DECODED:
        limit = _MAX_DECODED
        raise TooLarge(f"The body of this call can have at most {limit:,} values.", details={"limit": limit})
    return decode(body, shape)


def decode(body: bytes, shape: type[T]) -> T:
    """Decode JSON text as `shape`. Raises BadRequest with the position of a mismatch."""
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except RecursionError as error:
        hint = "A document can have at most 200 levels."
        raise BadRequest("The body is nested too deeply.", hint=hint) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = str(error)[:_MAX_MESSAGE]
        raise BadRequest(f"The body cannot be read: {message}.", details={"reason": message}) from error


async def read_large(workspace: str, body: bytes, convert: Callable[[bytes, *Ts], T], *args: *Ts) -> T:
    """Return a body as converted by `convert`: one of more than 256 KiB in a thread. Raises as `convert`."""
    if len(body) <= _MAX_INLINE:
        return convert(body, *args)
    return await document_threads.run_in_thread(workspace, convert, body, *args)


def decode_envelope(body: bytes, shape: type[T]) -> T:
    """Decode a body with arguments inside another object. The arguments are skipped in the event loop.

    Raises TooLarge if that would take long, which depends on the number of values and not on the number of bytes.
    """
    require_few_values(body)
    return decode(body, shape)


def require_few_values(body: bytes) -> None:
    """Raise TooLarge for JSON text with more values than can be skipped without blocking the event loop."""
    if len(body) > _SHORT_ENVELOPE and count_values(body) > _MAX_VALUES:
        raise TooLarge(
            f"Headers, and arguments sent together with code or a document, can have at most {_MAX_VALUES} values.",
            hint="Deploy the code or document and send the arguments alone, or as a file (job_helpers/upload_s3_file).",
            details={"limit": _MAX_VALUES},
        )


def page_of(request: AnyRequest, default: int = _PAGE) -> Page:
    """Return the requested page of a list, of `default` rows. Raises BadRequest if a number is invalid."""
    limit = min(max(number_of(request, "per_page", default), 1), MAX_PAGE)
    page = max(number_of(request, "page", 1), 1)
    query = request.query_params
    return Page(limit, (page - 1) * limit, query.get("before") or None, query.get("after") or None)


def number_of(request: AnyRequest, key: str, default: int) -> int:
    """Return an integer of the query. Raises BadRequest."""
    return _number(key, request.query_params.get(key)) or default


def row_of(key: str, text: str | None) -> int | None:
    """Return the row id in `before` or `after`. Raises BadRequest."""
    return _number(key, text)


def moment_of(milliseconds: int) -> datetime:
    """Return the time of a number of milliseconds since 1970. Raises BadRequest."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise BadRequest("A time is a number of milliseconds since 1970, until the year 9999.") from error


def bool_of(request: AnyRequest, key: str) -> bool | None:
    """Return `true` or `false` of the query, or None if the parameter is missing."""
    text = request.query_params.get(key)
    return None if text is None else text.lower() in ("true", "1")


def cancels_runs_of(request: AnyRequest) -> bool:
    """Return whether the query asks to cancel runs (`runs=cancel`) or lets them continue. Raises BadRequest."""
    choice = request.query_params.get("runs") or "continue"
    if choice not in ("cancel", "continue"):
        raise BadRequest("runs must be cancel or continue.")
    return choice == "cancel"


def comma_list_of(request: AnyRequest, key: str) -> list[str] | None:
    """Return a comma-separated list of the query, or None if the parameter is missing."""
    text = request.query_params.get(key)
    return [word for word in text.split(",") if word] if text else None


def is_attached(actor: Actor, parent: UUID | None) -> bool:
    """Return whether `parent_job` of a run call attaches the run to the caller's job. Raises ForeignParent."""
    if parent is None or actor.job is None:
        return False
    if parent != actor.job:
        raise ForeignParent(
            f"A job cannot start a run as a child of {parent}.",
            hint="Send the job's own id, OV_JOB_ID, as parent_job, or leave it out.",
        )
    return True


def _number(key: str, text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise BadRequest(f"{key} must be a whole number.")
    return int(text)
