"""Pipes of a running job, read without blocking the event loop and without storing the output."""

from __future__ import annotations

import asyncio
import codecs
import fcntl
import os
import select
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO

from orvanta_platform.sandbox.job import ANSWER, HEAD, STARTED
from orvanta_platform.worker.limited_log import LimitedLog
from orvanta_platform.worker.runtimes.exit_status import CapturedOutput
from orvanta_platform.worker.stream_marks import StreamMarks

_CHUNK = 64 << 10
_WIDE = 512 << 10
_PACKET = 4096
_PACKETS = 64
# Many small pieces of output are read a few hundred times a second instead of one by one.
_SMALL_READS = 16
_GATHER_S = 0.002
_TAIL = 4096


class OutputWaiter:
    """Waits for descriptors of one job until the job is over, when all its output is already in the pipes."""

    def __init__(self) -> None:
        self._over = False
        self._pending: set[asyncio.Future[bool]] = set()

    async def more(self, descriptor: int) -> bool:
        """Wait until `descriptor` may be readable; return False if the job is over and no more can arrive."""
        if self._over:
            return False
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[bool] = loop.create_future()
        self._pending.add(ready)
        loop.add_reader(descriptor, _answer, ready, True)
        try:
            return await ready
        finally:
            loop.remove_reader(descriptor)
            self._pending.discard(ready)

    async def pause(self, seconds: float) -> None:
        """Wait up to `seconds` for more output to gather; return immediately if the job is over."""
        if self._over:
            return
        loop = asyncio.get_running_loop()
        over: asyncio.Future[bool] = loop.create_future()
        self._pending.add(over)
        timer = loop.call_later(seconds, _answer, over, False)
        try:
            await over
        finally:
            timer.cancel()
            self._pending.discard(over)

    def end(self) -> None:
        """Record that the job is over: pending waits return once more."""
        self._over = True
        for ready in self._pending:
            _answer(ready, True)


def _answer(future: asyncio.Future[bool], value: bool) -> None:
    if not future.done():
        future.set_result(value)


class Source:
    """Bytes of one pipe as text. Characters may span chunks; NUL and invalid UTF-8 become U+FFFD."""

    def __init__(self, descriptor: int, size: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._size = size
        self._wide = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.ended = False

    def read(self) -> str | None:
        """Return the available text, or None if there is none. Sets `ended` at the end of the pipe."""
        try:
            data = os.read(self.descriptor, self._size)
        except BlockingIOError:
            return None
        self.ended = not data
        return self._decoder.decode(data, final=self.ended).replace("\0", "\ufffd")

    def drain(self) -> Iterator[str]:
        """Return the text in the pipe in pieces. After the first one, at most the capacity of the pipe is read: text
        beyond it is written meanwhile, and a program that prints endlessly does not block the caller.
        """
        text = None if self.ended else self.read()
        left = 0 if text is None else fcntl.fcntl(self.descriptor, fcntl.F_GETPIPE_SZ)
        while text is not None:
            yield text
            text = self.read() if left > 0 and not self.ended else None
            left -= len(text or "")

    def widen(self) -> None:
        """Enlarge the pipe for a job that prints faster than its output is read. Only the first call has an effect."""
        if not self._wide:
            self._wide = True
            with suppress(OSError):  # an unprivileged user's pipe quota may be used up
                fcntl.fcntl(self.descriptor, fcntl.F_SETPIPE_SZ, _WIDE)

    def rest(self) -> str:
        """Return the text of an incomplete character at the end."""
        return self._decoder.decode(b"", final=True)

    def close(self) -> None:
        os.close(self.descriptor)


@dataclass(slots=True)
class LastLine:
    """Last line of a text that arrives in pieces, up to `most` characters."""

    most: int
    _line: list[str] = field(default_factory=list)
    _length: int = 0
    _complete: bool = False

    def add(self, text: str) -> None:
        """Add the next piece."""
        if not text:
            return
        _, newline, last = text.removesuffix("\n").rpartition("\n")
        if newline or self._complete:
            self._line, self._length = [], 0
        self._complete = text.endswith("\n")
        self._length += len(last)
        if self._length <= self.most:
            self._line.append(last)

    @property
    def too_long(self) -> bool:
        """True if the line has more than `most` characters; the text is then incomplete."""
        return self._length > self.most

    @property
    def text(self) -> str:
        return "".join(self._line)


class MergedOutput:
    """One pipe for both stdout and stderr of the job."""

    def __init__(self, descriptor: int, log: LimitedLog) -> None:
        self._source = Source(descriptor, _CHUNK)
        self._log = log
        self._marks = StreamMarks()

    async def pump(self, waiting: OutputWaiter) -> None:
        """Forward the output until the pipe ends or `waiting` reports that the job is over."""
        small_reads = 0
        while not self._source.ended:
            text = self._source.read()
            if text is None:
                if not await waiting.more(self._source.descriptor):
                    break
                continue
            await self._log.take(self._marks, text)
            if len(text) >= _CHUNK // 2:
                self._source.widen()
                await asyncio.sleep(0)
            elif (small_reads := small_reads + 1) < _SMALL_READS:
                await asyncio.sleep(0)
            else:
                await waiting.pause(_GATHER_S)
        await self._log.take(self._marks, self._source.rest())
        await self._log.finish(self._marks)

    @property
    def descriptor(self) -> int:
        """Descriptor that is readable when there is output."""
        return self._source.descriptor

    @property
    def printed(self) -> CapturedOutput | None:
        """None, as the job passes its result through the result pipe."""
        return None

    def close(self) -> None:
        self._source.close()


class SeparateOutput:
    """One pipe for stdout and one for stderr, forwarded in the order of the job's writes.

    Each pipe holds at most one packet (one write, of one page), and an edge-triggered epoll returns the pipes in the
    order in which they became ready. This preserves the order.
    """

    def __init__(self, stdout: int, stderr: int, log: LimitedLog, result_chars: int) -> None:
        self._stdout = Source(stdout, _PACKET)
        self._sources = {stdout: self._stdout, stderr: Source(stderr, _PACKET)}
        self._marks = {descriptor: StreamMarks() for descriptor in self._sources}
        self._log = log
        self._poll = select.epoll()
        for descriptor in self._sources:
            self._poll.register(descriptor, select.EPOLLIN | select.EPOLLET)
        self._last_line = LastLine(result_chars)
        self._stderr_tail = ""

    async def pump(self, waiting: OutputWaiter) -> None:
        """Forward the output until both pipes end or `waiting` reports that the job is over."""
        while self._sources:
            texts: list[tuple[str, str]] = []
            while len(texts) < _PACKETS and self._sources and (ready := self._poll.poll(0)):
                texts += [self._take(*event) for event in ready]
            if texts:
                await self._forward(texts)
                await asyncio.sleep(0)
            elif self._sources and not await waiting.more(self._poll.fileno()):
                break
        await self._forward([self._remember(descriptor, *marks.rest()) for descriptor, marks in self._marks.items()])

    async def _forward(self, texts: list[tuple[str, str]]) -> None:
        await self._log.write("".join(text for text, _ in texts))
        if streamed := "".join(text for _, text in texts):
            await self._log.stream(streamed)

    def _take(self, descriptor: int, event: int) -> tuple[str, str]:
        source = self._sources[descriptor]
        text = source.read() or ""
        while event & select.EPOLLHUP and not source.ended:  # there is no further event for the end
            text += source.read() or ""
        if source.ended:
            self._poll.unregister(descriptor)
            del self._sources[descriptor]
            source.close()
        return self._remember(descriptor, *self._marks[descriptor].feed(text))

    def _remember(self, descriptor: int, text: str, streamed: str) -> tuple[str, str]:
        """Return log and stream unchanged, and remember the log text that may count for the result."""
        if descriptor == self._stdout.descriptor:
            self._last_line.add(text)
        else:
            self._stderr_tail = (self._stderr_tail + text)[-_TAIL:]
        return text, streamed

    @property
    def descriptor(self) -> int:
        """Descriptor that is readable when there is output."""
        return self._poll.fileno()

    @property
    def printed(self) -> CapturedOutput:
        """The end of the printed output."""
        return CapturedOutput(self._last_line.text, self._last_line.too_long, self._stderr_tail)

    def close(self) -> None:
        for source in self._sources.values():
            source.close()
        self._poll.close()


class JobAnswer:
    """The job's answer, read from the result pipe (a non-blocking descriptor) until it is complete.

    An answer that announces more than `limit` bytes is read only in part. `head` is the start of the answer, with its
    kind and length; `length` is the number of bytes of text received after it.
    """

    def __init__(self, descriptor: int, limit: int) -> None:
        self._descriptor = descriptor
        self._most = limit
        self._text = BytesIO()
        self.head = bytearray()
        self.length = 0

    def read(self) -> bool:
        """Read the available bytes; return True if the answer is complete or nothing more can arrive."""
        while len(self.head) < HEAD or self.length < self._announced <= self._most:
            try:
                data = os.read(self._descriptor, _CHUNK)
            except BlockingIOError:
                return False
            if not data:
                break
            missing = HEAD - len(self.head)
            if missing > 0:
                self.head += data[:missing]
                data = data[missing:]
            self.length += self._text.write(data)
        return True

    def take(self) -> bytes:
        """Return the text after the head and release it. Only one copy exists, as it may be large."""
        text, self._text = self._text.getvalue(), BytesIO()
        return text

    @property
    def _announced(self) -> int:
        length: int = ANSWER.unpack_from(self.head, len(STARTED))[1]
        return length
