"""Server-sent events with the updates of a run or job."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from litestar.response import Stream

from orvanta_platform.errors import BadRequest
from orvanta_platform.http import streaming
from orvanta_platform.http.schemas import jobs as schemas
from orvanta_platform.services.run_views.updates import Update

_MAX_OFFSET = (1 << 53) - 1
"""The largest integer that every JSON reader represents exactly."""


def checked_offset(offset: int) -> int:
    """Check the stream offset sent by a caller; a negative one means the start. Raises BadRequest."""
    if offset > _MAX_OFFSET:
        raise BadRequest("stream_offset is too large.", hint="Send the stream_offset of the last response.")
    return max(0, offset)


def update_stream(
    updates: AsyncIterator[Update | None], *, with_logs: bool = True, headers: dict[str, str] | None = None
) -> Stream:
    """Return a response of one event per update, and a comment if there was none for a while."""
    return streaming.event_stream(_events(updates, with_logs), headers)


async def _events(updates: AsyncIterator[Update | None], with_logs: bool) -> AsyncIterator[bytes]:
    async for update in updates:
        if update is None:
            yield streaming.KEEP_ALIVE
        else:
            yield b"data: " + msgspec.json.encode(schemas.update(update, with_logs=with_logs)) + b"\n\n"
