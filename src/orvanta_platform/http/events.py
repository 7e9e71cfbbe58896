"""Updates of a run or job as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from litestar.response import Stream

from orvanta_platform.errors import BadRequest
from orvanta_platform.http import streaming
from orvanta_platform.http.schemas import jobs as schemas
from orvanta_platform.services.run_views.updates import Update

_MOST = (1 << 53) - 1
"""The largest number that every reader of JSON holds."""


def checked_offset(given: int) -> int:
    """A stream's offset as a caller may give it; what is negative is the beginning. Raises BadRequest."""
    if given > _MOST:
        raise BadRequest("stream_offset is too large.", hint="Give back the stream_offset of the last answer.")
    return max(0, given)


def update_stream(
    updates: AsyncIterator[Update | None], *, with_logs: bool = True, headers: dict[str, str] | None = None
) -> Stream:
    """A response of one event per update, with a comment if there was none for a while."""
    return streaming.event_stream(_events(updates, with_logs), headers)


async def _events(updates: AsyncIterator[Update | None], with_logs: bool) -> AsyncIterator[bytes]:
    async for update in updates:
        if update is None:
            yield streaming.KEEP_ALIVE
        else:
            yield b"data: " + msgspec.json.encode(schemas.update(update, with_logs=with_logs)) + b"\n\n"
