"""Answers in pieces: the one place that makes them.

The services that read the pieces take a LiveActor, so a reader who loses the right to them gets no more. An event
stream then ends; a download breaks off without its end, so that nobody takes a part for the whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from litestar.response import Stream

from orvanta_platform.errors import Forbidden, NotFound, Unauthenticated

EVENTS = "text/event-stream"
KEEP_ALIVE = b": keep-alive\n\n"
_EVENT_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


def event_stream(events: AsyncIterator[bytes], headers: Mapping[str, str] | None = None) -> Stream:
    """An answer of server-sent events, each as it is sent."""
    return Stream(_until_refused(events), media_type=EVENTS, headers={**_EVENT_HEADERS, **(headers or {})})


def download(
    pieces: AsyncIterator[bytes] | AsyncIterator[str],
    media_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Stream:
    """An answer of bytes or text that is read as it is sent."""
    return Stream(pieces, status_code=status, media_type=media_type, headers=dict(headers or {}))


async def _until_refused(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield event
    except (Unauthenticated, Forbidden, NotFound):
        return
