"""What handlers take from a request: who calls, the platform, the body, a page of a list."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar, cast
from uuid import UUID

import msgspec
from litestar import Request

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.errors import BadRequest, ForeignParent, TooLarge, Unauthenticated
from orvanta_platform.evaluate.raw import count_values
from orvanta_platform.services.platform import Platform

T = TypeVar("T")

ACTOR = "orvanta.actor"
LIVE_ACTOR = "orvanta.live_actor"
REQUEST_ID = "orvanta.request_id"
PLATFORM = "orvanta.platform"

LONGEST_PAGE = 1000
_PAGE = 30
_LONGEST_MESSAGE = 300
_SHORT_ENVELOPE = 16 << 20
_MOST_VALUES = 12_000_000

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a list: `limit` from `offset`, or past the row named by `before` or `after`."""

    limit: int
    offset: int
    before: str | None
    after: str | None


def actor_of(request: AnyRequest) -> Actor:
    """Who calls. Raises Unauthenticated: no handler of a call that is not open runs without an actor."""
    actor = request.scope.get(ACTOR)
    if not isinstance(actor, Actor):
        raise Unauthenticated("This call needs a token.")
    return actor


def live_actor_of(request: AnyRequest) -> LiveActor:
    """The caller, for services that wait or respond in pieces. Raises Unauthenticated."""
    caller = request.scope.get(LIVE_ACTOR)
    if not isinstance(caller, LiveActor):
        raise Unauthenticated("This call needs a token.")
    return caller


def platform_of(request: AnyRequest) -> Platform:
    """The platform of this process."""
    return cast(Platform, request.scope.get(PLATFORM))


def item_path(path: str) -> str:
    """A wildcard `{path}` as the router gives it (with a leading slash), as items are named."""
    return path.removeprefix("/")


async def whole_body(request: AnyRequest) -> bytes:
    """The body of a call that may be large, read as it comes and kept once: nobody asks for it again."""
    buffer = BytesIO()
    async for piece in request.stream():
        buffer.write(piece)
    return buffer.getvalue()


async def body_of(request: AnyRequest, shape: type[T]) -> T:
    """The body as `shape`; an empty one counts as `{}`. Raises BadRequest that says where it does not fit."""
    return decode(await request.body(), shape)


def decode(body: bytes, shape: type[T]) -> T:
    """JSON text as `shape`. Raises BadRequest that says where it does not fit."""
    try:
        return msgspec.json.decode(body or b"{}", type=shape)
    except RecursionError as error:
        hint = "A document has at most 200 levels."
        raise BadRequest("The body is nested too deeply to be read.", hint=hint) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = str(error)[:_LONGEST_MESSAGE]
        raise BadRequest(f"The body cannot be read: {message}.", details={"reason": message}) from error


def decode_envelope(body: bytes, shape: type[T]) -> T:
    """The same for a body that contains arguments inside another object, which are skipped in the event loop.

    Raises TooLarge if that would take long, which depends on the number of values and not on the number of bytes.
    """
    require_few_values(body)
    return decode(body, shape)


def require_few_values(body: bytes) -> None:
    """Raises TooLarge for JSON text with more values than can be skipped without blocking the event loop."""
    if len(body) > _SHORT_ENVELOPE and count_values(body) > _MOST_VALUES:
        raise TooLarge(
            f"Arguments sent together with code or a document, and headers, have at most {_MOST_VALUES} values.",
            hint="Deploy the code or document and send the arguments alone, or as a file (job_helpers/upload_s3_file).",
            details={"limit": _MOST_VALUES},
        )


def page_of(request: AnyRequest) -> Page:
    """The page the query asks for. Raises BadRequest for what is no number."""
    limit = min(max(number_of(request, "per_page", _PAGE), 1), LONGEST_PAGE)
    page = max(number_of(request, "page", 1), 1)
    query = request.query_params
    return Page(limit, (page - 1) * limit, query.get("before") or None, query.get("after") or None)


def number_of(request: AnyRequest, key: str, default: int) -> int:
    """A whole number of the query. Raises BadRequest."""
    return _number(key, request.query_params.get(key)) or default


def row_of(key: str, text: str | None) -> int | None:
    """The id of the row that `before` or `after` names. Raises BadRequest."""
    return _number(key, text)


def flag_of(request: AnyRequest, key: str) -> bool | None:
    """`true` or `false` of the query, None where it is not there."""
    text = request.query_params.get(key)
    return None if text is None else text.lower() in ("true", "1")


def words_of(request: AnyRequest, key: str) -> list[str] | None:
    """A comma-separated list of the query, None where it is not there."""
    text = request.query_params.get(key)
    return [word for word in text.split(",") if word] if text else None


def attaches(actor: Actor, parent: UUID | None) -> bool:
    """Read the `parent_job` of a run call: true if the run is attached to the caller's job. Raises ForeignParent."""
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
