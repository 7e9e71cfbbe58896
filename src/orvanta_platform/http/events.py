"""Updates of a run or job as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from litestar.response import Stream

from orvanta_platform import clock
from orvanta_platform.errors import BadRequest
from orvanta_platform.http.schemas import jobs as schemas
from orvanta_platform.services import run_stream
from orvanta_platform.services.run_stream import Renew
from orvanta_platform.services.updates import Update

MEDIA_TYPE = "text/event-stream"

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
KEEP_ALIVE = b": keep-alive\n\n"
_MOST = (1 << 53) - 1
"""The largest number that every reader of JSON holds."""


def checked_offset(given: int) -> int:
    """A stream's offset as a caller may give it; what is negative is the beginning. Raises BadRequest."""
    if given > _MOST:
        raise BadRequest("stream_offset is too large.", hint="Give back the stream_offset of the last answer.")
    return max(0, given)


def event_stream(
    updates: AsyncIterator[Update | None],
    *,
    with_logs: bool = True,
    headers: dict[str, str] | None = None,
    renew: Renew | None = None,
) -> Stream:
    """An answer of one event per update, a comment where there was none for a while.

    `renew`: asked now and then who calls; once it says nobody, the answer ends.
    """
    told = updates if renew is None else _while_valid(updates, renew)
    return Stream(_events(told, with_logs), media_type=MEDIA_TYPE, headers=HEADERS | (headers or {}))


async def _events(updates: AsyncIterator[Update | None], with_logs: bool) -> AsyncIterator[bytes]:
    async for update in updates:
        if update is None:
            yield KEEP_ALIVE
        else:
            yield b"data: " + msgspec.json.encode(schemas.update(update, with_logs=with_logs)) + b"\n\n"


async def _while_valid(updates: AsyncIterator[Update | None], renew: Renew) -> AsyncIterator[Update | None]:
    asked_at = clock.monotonic()
    async for update in updates:
        if clock.monotonic() - asked_at >= run_stream.RECHECK_S:
            if await renew() is None:
                return
            asked_at = clock.monotonic()
        yield update
