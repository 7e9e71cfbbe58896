"""The log and the stream of a job, written to the database while the job runs.

A long log is moved to an object when it is closed.
"""

from __future__ import annotations

import asyncio
import zlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import structlog

from orvanta_platform.db import logs, streams
from orvanta_platform.db.errors import DatabaseError
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
"""Size of a chunk in characters. Smaller chunks are written after FLUSH_S, the first one after FIRST_FLUSH_S."""


GATHERED_CHARS = 1 << 20
"""Maximum number of unwritten characters. Above it, no more output is read from the job until chunks are written."""

OBJECT_FROM = 1 << 20
"""Size of a log in bytes above which it is moved to an object."""

SYSTEM_LINES = 50
"""Maximum number of platform lines in the log of one attempt. The last one reports that further lines are omitted."""

_IN_THREAD_FROM = 16 << 10
_RETRY_S = 0.2
_AGAIN: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)
_CANNOT_MOVE: tuple[type[Exception], ...] = (*_AGAIN, DatabaseError, StorageError)

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Mask(Protocol):
    """Removes secrets from a log before it is written."""

    @property
    def openings(self) -> int:
        """Number of the attempt's secret openings that are known. The database rejects chunks masked with fewer."""

    async def load_opened(self) -> None:
        """Load the secrets that the job has opened since."""

    def split(self, text: str, *, last: bool) -> tuple[str, str]:
        """Return the masked text that may be written, and the end of the text that may be the start of a secret.

        The end is empty if `last`.
        """


class _ChunkWriter(ABC):
    """A text of one attempt, written in chunks. `write` waits only if too much text is unwritten."""

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
    async def _store(self, connection: Connection, chunks: Sequence[LogChunk], openings: int | None) -> bool:
        """Write the chunks; return False if the attempt has another number of openings."""

    async def write(self, text: str) -> None:
        """Append `text`. Raises the database error of an earlier write."""
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
        """Write the remaining text and return the total length in characters. Call this before the job is finished."""
        await self._flushed()
        if self._due is not None:
            self._due.cancel()
        if self._parts or self._held:
            await self._write_all(last=True)
        return self._chars

    def discard(self) -> None:
        """Stop writing: the attempt starts again, with a text of its own."""
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
        """Write until the remaining text is too short for a chunk."""
        await self._write_all(last=False)
        while self._gathered >= CHUNK_CHARS:
            await self._write_all(last=False)
        self._flushing = None
        if self._parts:
            self._due = asyncio.get_running_loop().call_later(FLUSH_S, self._flush_soon)

    async def _flushed(self) -> None:
        """Wait for the current flush, which completes even if the wait is cancelled."""
        if self._flushing is not None:
            await asyncio.shield(self._flushing)

    async def _write_all(self, *, last: bool) -> None:
        text = self._held + "".join(self._parts)
        self._parts, self._gathered = [], 0
        while not await self._write_masked(text, last=last):
            assert self._mask is not None
            await retry_while_unavailable(self._mask.load_opened)

    async def _write_masked(self, text: str, *, last: bool) -> bool:
        """Write the text as far as it is masked; return False if the job has opened secrets unknown to the mask."""
        openings = None
        if self._mask is not None:
            openings = self._mask.openings
            text, self._held = self._mask.split(text, last=last)
        if not text:
            return True
        bodies = _packed(text) if len(text) < _IN_THREAD_FROM else await asyncio.to_thread(_packed, text)
        chunks = self._chunks(bodies)
        if not await retry_while_unavailable(lambda: self._append(chunks, openings)):
            return False
        self._seq += len(bodies)
        self._chars += sum(chars for chars, _, _ in bodies)
        self._bytes += sum(size for _, size, _ in bodies)
        self._tools.notify.log(self._attempt.job)
        return True

    def _chunks(self, bodies: list[tuple[int, int, bytes]]) -> list[LogChunk]:
        chunks, first = [], self._chars
        for number, (chars, _, body) in enumerate(bodies, self._seq):
            chunks.append(LogChunk(self._attempt.job, self._attempt.attempt, number, first, chars, body))
            first += chars
        return chunks

    async def _append(self, chunks: list[LogChunk], openings: int | None) -> bool:
        async with self._tools.db.acquire() as connection:
            return await self._store(connection, chunks, openings)


class JobStream(_ChunkWriter):
    """The stream of one attempt."""

    async def _store(self, connection: Connection, chunks: Sequence[LogChunk], openings: int | None) -> bool:
        return await streams.append(connection, chunks, openings=openings)


class JobLog(_ChunkWriter):
    """The log of one attempt, together with its stream, if it has one."""

    def __init__(self, tools: Tools, attempt: Attempt, mask: Mask | None = None) -> None:
        super().__init__(tools, attempt, mask)
        self._line_ended = True
        self._system_lines = 0
        self._stream: JobStream | None = None
        self.describe: Callable[[str], Awaitable[str | None]] | None = None
        """Returns the text to log for computed arguments; see `computed_arguments.describe`."""

    @property
    def streamed(self) -> int:
        """Number of characters of the stream that are written to the database."""
        return 0 if self._stream is None else self._stream.chars

    async def stream(self, text: str) -> None:
        """Append `text` to the job's stream."""
        if self._stream is None:
            self._stream = JobStream(self._tools, self._attempt, self._mask)
        await self._stream.write(text)

    async def arguments(self, text: str) -> None:
        """Append the arguments that a preprocessor has computed, as a line of the platform."""
        if (describe := self.describe) is None:
            return
        shown = await retry_while_unavailable(lambda: describe(text))
        if shown is not None:
            await self.system(f"main receives from the preprocessor: {shown}")

    async def system(self, text: str) -> None:
        """Append a line of the platform. Lines beyond SYSTEM_LINES are omitted."""
        self._system_lines += 1
        if self._system_lines == SYSTEM_LINES:
            text = "further platform lines are omitted"
        if self._system_lines <= SYSTEM_LINES:
            await self.write(("" if self._line_ended else "\n") + log_lines.line(text))

    async def close(self) -> int:
        """Write the remaining log and stream; return the length of the log in characters.

        Call this before the job is finished.
        """
        if self._stream is not None:
            await self._stream.close()
        await super().close()
        if self._bytes > OBJECT_FROM:
            await self._move()
        return self._chars

    def discard(self) -> None:
        """Stop writing: the attempt starts again, with a log and a stream of its own."""
        super().discard()
        if self._stream is not None:
            self._stream.discard()

    def _gather(self, text: str) -> None:
        super()._gather(text)
        self._line_ended = text[-1] == "\n"

    async def _store(self, connection: Connection, chunks: Sequence[LogChunk], openings: int | None) -> bool:
        return await logs.append(connection, chunks, openings=openings)

    async def _move(self) -> None:
        """Move the log to an object. On failure it remains in the database, without effect on the job."""
        try:
            await log_objects.move(self._tools.db, self._tools.storage, self._attempt)
        except _CANNOT_MOVE as error:
            log.warning("log stays in chunks", action="log_move", job=str(self._attempt.job), error=str(error))


async def retry_while_unavailable(work: Callable[[], Awaitable[T]]) -> T:
    """Call `work` until the database is available, for writes that must not be lost once a job's code has run."""
    while True:
        try:
            return await work()
        except _AGAIN as error:
            log.info("database is unavailable, retrying", action="log_retry", error=str(error))
            await asyncio.sleep(_RETRY_S)


def _packed(text: str) -> list[tuple[int, int, bytes]]:
    """Split the text into chunks: characters, bytes, and the zlib-compressed bytes of each."""
    chunks = []
    for start in range(0, len(text), CHUNK_CHARS):
        part = text[start : start + CHUNK_CHARS]
        raw = part.encode("utf-8", "replace")
        chunks.append((len(part), len(raw), zlib.compress(raw, 1)))
    return chunks
