"""A job's output on its way into the database, in order, while it runs."""

from __future__ import annotations

import asyncio
import zlib
from contextlib import suppress
from uuid import UUID

import structlog

from orvanta_platform import clock
from orvanta_platform.db import logs
from orvanta_platform.db.logs import LogChunk
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.services.steps.advance import Tools

FIRST_FLUSH_S = 0.02
FLUSH_S = 0.1
FLUSH_CHARS = 64 << 10
"""A chunk is written when this much has gathered, or after FLUSH_S; the first after FIRST_FLUSH_S."""

_RETRY_S = 0.2
_AGAIN: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)

log = structlog.get_logger(__name__)


class JobLog:
    """The log of one attempt. `write` takes text and waits while a full chunk is under way."""

    def __init__(self, tools: Tools, job: UUID, attempt: int) -> None:
        self._tools = tools
        self._job = job
        self._attempt = attempt
        self._parts: list[str] = []
        self._gathered = 0
        self._seq = 0
        self._chars = 0
        self._flushing = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None

    @property
    def chars(self) -> int:
        """Characters written to the database."""
        return self._chars

    async def write(self, text: str) -> None:
        """Take `text`; returns at once unless a chunk is full."""
        if not text:
            return
        self._parts.append(text)
        self._gathered += len(text)
        if self._gathered >= FLUSH_CHARS:
            await self._flush()
        elif self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._flush_later(), name="log flush")

    async def close(self) -> int:
        """Write what is left; gives the length of the log in characters. The finish comes after this."""
        if self._timer is not None:
            self._timer.cancel()
            with suppress(asyncio.CancelledError):
                await self._timer
        await self._flush()
        return self._chars

    async def _flush_later(self) -> None:
        await asyncio.sleep(FLUSH_S if self._seq else FIRST_FLUSH_S)
        # A flush that has begun is finished even when close() cancels the wait for it.
        await asyncio.shield(self._flush())

    async def _flush(self) -> None:
        async with self._flushing:
            text = "".join(self._parts)
            self._parts, self._gathered = [], 0
            chunks = [self._chunk(text[start : start + FLUSH_CHARS]) for start in range(0, len(text), FLUSH_CHARS)]
            if chunks:
                await self._append(chunks)
                self._tools.notify.log(self._job)

    def _chunk(self, text: str) -> LogChunk:
        body = zlib.compress(text.encode("utf-8", "replace"), 1)
        chunk = LogChunk(self._job, self._attempt, self._seq, self._chars, len(text), body)
        self._seq += 1
        self._chars += len(text)
        return chunk

    async def _append(self, chunks: list[LogChunk]) -> None:
        """Until it is there: a chunk that is sent twice is kept once."""
        while True:
            try:
                async with self._tools.db.acquire() as connection:
                    await logs.append(connection, chunks)
            except _AGAIN as error:
                log.info("log chunk is tried again", action="log_retry", error=str(error), at=clock.monotonic())
                await asyncio.sleep(_RETRY_S)
            else:
                return
