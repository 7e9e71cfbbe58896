"""Streaming responses, created only in this module.

The services that read the pieces take a LiveActor, so a reader who loses the right to them gets no more. An event
stream then ends. A download is cut off without a regular end, so that clients do not mistake a part for the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from litestar.response import Stream

from orvanta_platform.errors import Forbidden, NotFound, Unauthenticated

EVENTS = "text/event-stream"
KEEP_ALIVE = b": keep-alive\n\n"
_EVENT_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def event_stream(events: AsyncIterator[bytes], headers: Mapping[str, str] | None = None) -> Stream:
    """Return a response of encoded server-sent events."""
    return Stream(_until_refused(events), media_type=EVENTS, headers={**_EVENT_HEADERS, **(headers or {})})


def download(
    pieces: AsyncIterator[bytes] | AsyncIterator[str],
    media_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Stream:
    """Return a response of bytes or text that is read while it is sent."""
    return Stream(pieces, status_code=status, media_type=media_type, headers=dict(headers or {}))


async def _until_refused(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield event
    except (Unauthenticated, Forbidden, NotFound):
        return
