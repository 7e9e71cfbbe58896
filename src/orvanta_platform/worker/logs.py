"""A job's log and what it streams on their way into the database, while it runs; a long log becomes an object at its
end.
"""

from __future__ import annotations

import asyncio
import zlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import asyncpg
import structlog

from orvanta_platform.db import logs, streams
from orvanta_platform.db.logs import LogChunk
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Connection
from orvanta_platform.errors import StorageError
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.services.logs import lines as log_lines
from orvanta_platform.services.logs import objects as log_objects
from orvanta_platform.services.logs.objects import Attempt

FIRST_FLUSH_S = 0.02
FLUSH_S = 0.1
CHUNK_CHARS = 64 << 10
"""Chunks are written when so much has gathered, or after FLUSH_S; the first after FIRST_FLUSH_S."""

GATHERED_CHARS = 1 << 20
"""The job's output is read on while chunks are written, until so much has gathered meanwhile."""

OBJECT_FROM = 1 << 20
"""Bytes of a log from which on it is moved to an object."""

SYSTEM_LINES = 50
"""Lines of the platform's own in one attempt's log; what comes after is left out, as the last of them says."""

_IN_THREAD_FROM = 16 << 10
_RETRY_S = 0.2
_AGAIN: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)
_CANNOT_MOVE: tuple[type[Exception], ...] = (*_AGAIN, asyncpg.PostgresError, StorageError)

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Mask(Protocol):
    """Takes secrets out of a log before it is written."""

    @property
    def openings(self) -> int:
        """How many of the attempt's openings it knows of; the database takes nothing that was masked with fewer."""

    async def learn(self) -> None:
        """Take in what the job has opened since."""

    def split(self, text: str, *, last: bool) -> tuple[str, str]:
        """What of the text may be written, masked, and an end that may begin a secret, held back until the last."""


class _Chunks(ABC):
    """A text of one attempt. `write` takes a piece and waits only while much of it has not been written yet."""

    def __init__(self, tools: Tools, attempt: Attempt, mask: Mask | None = None) -> None:
        self._tools = tools
        self._attempt = attempt
        self._mask = mask
        self._parts: list[str] = []
        self._gathered = 0
        self._held = ""
        self._seq = 0
        self._chars = 0
        self._bytes = 0
        self._due: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    @property
    def chars(self) -> int:
        """Characters written to the database."""
        return self._chars

    @abstractmethod
    async def _keep(self, connection: Connection, chunks: Sequence[LogChunk], openings: int | None) -> bool:
        """Write the chunks; False: the attempt has another number of openings."""

    async def write(self, text: str) -> None:
        """Take `text`. Raises what the database has against an earlier part of the log."""
        if not text:
            return
        self._gather(text)
        if self._gathered >= CHUNK_CHARS:
            self._flush_soon()
            if self._gathered >= GATHERED_CHARS:
                await self._flushed()
        elif self._due is None and self._flushing is None:
            delay = FLUSH_S if self._seq else FIRST_FLUSH_S
            self._due = asyncio.get_running_loop().call_later(delay, self._flush_soon)

    async def close(self) -> int:
        """Write what is left; gives the length of the text in characters. The finish comes after this."""
        await self._flushed()
        if self._due is not None:
            self._due.cancel()
        if self._parts or self._held:
            await self._write_all(last=True)
        return self._chars

    def discard(self) -> None:
        """Write nothing more: the attempt begins anew, with a text of its own."""
        if self._due is not None:
            self._due.cancel()
        if self._flushing is not None:
            self._flushing.cancel()

    def _gather(self, text: str) -> None:
        self._parts.append(text)
        self._gathered += len(text)

    def _flush_soon(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(), name="log flush")

    async def _flush(self) -> None:
        """Write until what is left may wait for more."""
        await self._write_all(last=False)
        while self._gathered >= CHUNK_CHARS:
            await self._write_all(last=False)
        self._flushing = None
        if self._parts:
            self._due = asyncio.get_running_loop().call_later(FLUSH_S, self._flush_soon)

    async def _flushed(self) -> None:
        """Wait for the flush under way; one that has begun is finished even where the wait is cancelled."""
        if self._flushing is not None:
            await asyncio.shield(self._flushing)

    async def _write_all(self, *, last: bool) -> None:
        text = self._held + "".join(self._parts)
        self._parts, self._gathered = [], 0
        while not await self._written(text, last=last):
            assert self._mask is not None
            await until_there(self._mask.learn)

    async def _written(self, text: str, *, last: bool) -> bool:
        """Write what may be written of the text; False: the job has opened what the mask does not know of."""
        openings = None
        if self._mask is not None:
            openings = self._mask.openings
            text, self._held = self._mask.split(text, last=last)
        if not text:
            return True
        bodies = _packed(text) if len(text) < _IN_THREAD_FROM else await asyncio.to_thread(_packed, text)
        chunks = self._chunks(bodies)
        if not await until_there(lambda: self._append(chunks, openings)):
            return False
        self._seq += len(bodies)
        self._chars += sum(chars for chars, _, _ in bodies)
        self._bytes += sum(size for _, size, _ in bodies)
        self._tools.notify.log(self._attempt.job)
        return True

    def _chunks(self, bodies: list[tuple[int, int, bytes]]) -> list[LogChunk]:
        chunks, first = [], self._chars
        for place, (chars, _, body) in enumerate(bodies, self._seq):
            chunks.append(LogChunk(self._attempt.job, self._attempt.attempt, place, first, chars, body))
            first += chars
        return chunks

    async def _append(self, chunks: list[LogChunk], openings: int | None) -> bool:
        async with self._tools.db.acquire() as connection:
            return await self._keep(connection, chunks, openings)


class JobStream(_Chunks):
    """What one attempt streams."""

    async def _keep(self, connection: Connection, chunks: Sequence[LogChunk], openings: int | None) -> bool:
        return await streams.append(connection, chunks, openings=openings)


class JobLog(_Chunks):
    """The log of one attempt, and beside it what the attempt streams, if it does."""

    def __init__(self, tools: Tools, attempt: Attempt, mask: Mask | None = None) -> None:
        super().__init__(tools, attempt, mask)
        self._line_ended = True
        self._system_lines = 0
        self._stream: JobStream | None = None

    @property
    def streamed(self) -> int:
        """Characters of the stream that were written to the database."""
        return 0 if self._stream is None else self._stream.chars

    async def stream(self, text: str) -> None:
        """Take a piece of what the job streams, as `write` takes one of its log."""
        if self._stream is None:
            self._stream = JobStream(self._tools, self._attempt, self._mask)
        await self._stream.write(text)

    async def system(self, text: str) -> None:
        """A line of the platform's own; at most SYSTEM_LINES of them are kept."""
        self._system_lines += 1
        if self._system_lines == SYSTEM_LINES:
            text = "further lines of the platform are left out"
        if self._system_lines <= SYSTEM_LINES:
            await self.write(("" if self._line_ended else "\n") + log_lines.line(text))

    async def close(self) -> int:
        """Write what is left of both; gives the length of the log in characters. The finish comes after this."""
        if self._stream is not None:
            await self._stream.close()
        await super().close()
        if self._bytes > OBJECT_FROM:
            await self._move()
        return self._chars

    def discard(self) -> None:
        """Write nothing more: the attempt begins anew, with a log and a stream of its own."""
        super().discard()
        if self._stream is not None:
            self._stream.discard()

    def _gather(self, text: str) -> None:
        super()._gather(text)
        self._line_ended = text[-1] == "\n"

    async def _keep(self, connection: Connection, chunks: Sequence[LogChunk], openings: int | None) -> bool:
        return await logs.append(connection, chunks, openings=openings)

    async def _move(self) -> None:
        """A log that cannot be moved stays as it is: nothing of it is lost, and the job has no part in it."""
        try:
            await log_objects.move(self._tools.db, self._tools.storage, self._attempt)
        except _CANNOT_MOVE as error:
            log.warning("log stays in chunks", action="log_move", job=str(self._attempt.job), error=str(error))


async def until_there(work: Callable[[], Awaitable[T]]) -> T:
    """Do what needs the database, again while it is away: for what must not be left out once a job's code has run."""
    while True:
        try:
            return await work()
        except _AGAIN as error:
            log.info("database is tried again", action="log_retry", error=str(error))
            await asyncio.sleep(_RETRY_S)


def _packed(text: str) -> list[tuple[int, int, bytes]]:
    """The text in chunks: characters, bytes, and the zlib of those."""
    chunks = []
    for start in range(0, len(text), CHUNK_CHARS):
        part = text[start : start + CHUNK_CHARS]
        raw = part.encode("utf-8", "replace")
        chunks.append((len(part), len(raw), zlib.compress(raw, 1)))
    return chunks
