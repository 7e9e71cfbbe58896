"""Dedicated processes, which run several jobs of the same script (for the protocol, see sandbox/job.py).

A job costs one message in each direction and one read of its output pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from orvanta_platform import clock
from orvanta_platform.sandbox.job import ANSWER, ERROR, RESULT, STARTED
from orvanta_platform.worker.limited_log import LimitedLog
from orvanta_platform.worker.outcome import JobOutcome, JobSpec, LogSink, StoppedBy
from orvanta_platform.worker.runtimes.cells import Cell
from orvanta_platform.worker.runtimes.execution import Placement, make_message
from orvanta_platform.worker.runtimes.exit_status import JobObservations, outcome_of
from orvanta_platform.worker.runtimes.streams import Source
from orvanta_platform.worker.stream_marks import StreamMarks

Key = tuple[str, str, str, str | None, str, str, str | None, str, str]
"""Workspace, language, content, imports, path, entry, package, principal and purpose: jobs with equal keys may share a
process."""

_CHUNK = 256 << 10
_MUCH = 32 << 10
_MAX_LINE = 64 << 10
# Space for an error's description if the limit of results is small.
_ERROR_BYTES = 1 << 20


class AnswerHead(msgspec.Struct, frozen=True):
    """The line that precedes an answer."""

    kind: str
    length: int
    peak_kb: int


_read_head = msgspec.json.Decoder(AnswerHead).decode
_write = msgspec.json.Encoder().encode


def key_of(spec: JobSpec) -> Key:
    """Return the key of the processes that may run the job."""
    code = spec.workspace, spec.language, spec.content, spec.imports, spec.path, spec.entry
    return *code, spec.package, spec.principal, spec.reserved_for


class Process:
    """A dedicated process and its current job. `gone` is called once, when the process is closed."""

    def __init__(self, cell: Cell, placement: Placement, gone: Callable[[Process], None]) -> None:
        self.cell = cell
        self.placement = placement
        self.idle_since = clock.monotonic()
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._connection: socket.socket | None = None
        self._output: Source | None = None
        self._message: dict[str, Any] = {}
        self._over = False
        self._env: Mapping[str, str] = {}
        self._received = bytearray()
        self._began = False
        self._closed = False
        self.unread = False
        self._printed = False
        self._reusable = True
        self._waiter: asyncio.Future[None] | None = None
        self._job: JobSpec | None = None
        self._cancelled = asyncio.Event()
        self._deadline = 0.0
        self._marks = StreamMarks()
        self._stopped_by: StoppedBy | None = None

    async def run(self, spec: JobSpec, sink: LogSink, cancelled: asyncio.Event) -> JobOutcome:
        """Run one job and return its outcome.

        If `usable` is False afterwards, the process must be closed. If `unread` is True, the job never reached it.
        """
        self._job, self._cancelled, self._stopped_by = spec, cancelled, None
        self._deadline = clock.monotonic() + min(spec.timeout_s, spec.limits.time_s)
        log, self._marks = LimitedLog(sink, spec.limits, lambda: self.stop(self._stopped_by or "result")), StreamMarks()
        try:
            if self._connection is None:
                await self._send_first(spec)
            else:
                await self._send(spec)
            head = await self._answer(spec, log)
            outcome = await self._outcome_of_ended(spec, log) if head is None else await self._outcome(spec, head)
            self.idle_since = clock.monotonic()
            return outcome
        except BaseException:
            self.stop(None)
            raise
        finally:
            self._job = None

    @property
    def usable(self) -> bool:
        """True if the process may run another job."""
        return self._reusable and self._connection is not None and not self._over and not self._received

    def check(self, now: float) -> None:
        """Kill the process if its job is cancelled, timed out at monotonic `now`, or over its process limit."""
        if self._job is None or self._stopped_by is not None:
            return
        if self._cancelled.is_set():
            self.stop("cancel")
        elif now >= self._deadline:
            self.stop("timeout")
        elif self.cell.group is not None and self.cell.group.out_of_processes:
            self.stop("processes")

    def stop(self, reason: StoppedBy | None) -> None:
        """Kill the process and everything that it started."""
        self._stopped_by = reason
        self._reusable = False
        self.cell.kill()

    async def _send_first(self, spec: JobSpec) -> None:
        own_end, child_end = socket.socketpair()
        read, write = os.pipe2(os.O_CLOEXEC)
        own_end.setblocking(False)
        self._connection, self._output = own_end, Source(read, _CHUNK)
        self._env = spec.env
        header, body = make_message(self.cell, spec, self.placement)
        try:
            await self.cell.send(header, body, [write, write, child_end.fileno()])
        except OSError:
            pass  # the process has ended; its last message has the reason
        finally:
            child_end.close()
            os.close(write)
        self._loop.add_reader(own_end.fileno(), self._receive)
        self._loop.add_reader(read, self._print)
        self.cell.listen(self._end)
        self._end()

    async def _send(self, spec: JobSpec) -> None:
        self._discard_output()
        message = _write({"env": self._changes(spec.env), "args": len(spec.args)}) + b"\n" + spec.args
        assert self._connection is not None
        try:
            sent = self._connection.send(message)
        except BlockingIOError:
            sent = 0
        except OSError:  # it has just ended
            self.unread = True
            return
        if sent < len(message):
            with contextlib.suppress(OSError):
                await self._loop.sock_sendall(self._connection, memoryview(message)[sent:])

    def _changes(self, env: Mapping[str, str]) -> dict[str, str | None]:
        before, self._env = self._env, env
        changes: dict[str, str | None] = {name: text for name, text in env.items() if before.get(name) != text}
        return changes | {name: None for name in before if name not in env}

    async def _answer(self, spec: JobSpec, log: LimitedLog) -> AnswerHead | None:
        """Wait for the answer and forward the output meanwhile; return None if the process ends without one."""
        while True:
            if self._printed:
                await self._forward(log)
            head = self._head(spec)
            if head is not None:
                await self._forward(log)  # output written before the answer is already in the pipe
                await self._end_line(log)
                return head
            if self._over:
                return None
            self._waiter = self._loop.create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _receive(self) -> None:
        """Read from the connection, and handle its end."""
        assert self._connection is not None
        try:
            data = self._connection.recv(_CHUNK)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data, self.unread = b"", True
        if not data:
            self._loop.remove_reader(self._connection.fileno())
            return  # the cell's message is handled by `_end`
        if not self._began:
            self._began = data.startswith(STARTED)
            data = data[len(STARTED) :]
        self._received += data
        if self._job is None or len(self._received) > self._job.limits.result_bytes + _ERROR_BYTES + _MAX_LINE:
            self.stop(None)  # no job is running, or the answer is too large
        self._wake()

    def _head(self, spec: JobSpec) -> AnswerHead | None:
        """Return the line of the answer once the answer is complete, or if it announces more than is allowed."""
        end = self._received.find(b"\n")
        if end < 0:
            if len(self._received) > _MAX_LINE:
                self.stop(None)
            return None
        try:
            head = _read_head(memoryview(self._received)[:end])
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.stop(None)
            return None
        most = spec.limits.result_bytes if head.kind == "result" else _ERROR_BYTES
        if head.length > most:
            self._reusable = False
        elif head.length < 0 or len(self._received) < end + 1 + head.length:
            return None
        return head

    async def _outcome(self, spec: JobSpec, head: AnswerHead) -> JobOutcome:
        """Return the outcome of a job whose process has answered and is still running."""
        start = self._received.index(b"\n") + 1
        if head.peak_kb * 1024 > spec.limits.memory_bytes // 2:
            self._reusable = False  # the memory left in use must not count against the next job
        group = self.cell.group
        over: StoppedBy | None = None
        if group is not None and group.out_of_processes:
            self._reusable, over = False, "processes"
        kind = RESULT if head.kind == "result" else ERROR
        with memoryview(self._received) as received:
            text = bytes(received[start : start + head.length])
        del self._received[: start + head.length]
        answer = STARTED + ANSWER.pack(kind, head.length)
        end = JobObservations(0, answer, text, None, self._stopped_by, over, head.peak_kb)
        if head.length > _ERROR_BYTES:
            return await asyncio.to_thread(outcome_of, spec, end)
        return outcome_of(spec, end)

    async def _outcome_of_ended(self, spec: JobSpec, log: LimitedLog) -> JobOutcome:
        """Return the outcome of a job that ended together with its process."""
        self._reusable = False
        message = self._message
        self._receive()  # sets `unread` if the job was never read
        await self._forward(log)
        await self._end_line(log)
        group = self.cell.group
        over: StoppedBy | None = message.get("over") or ("disk" if message.get("disk_full") else None)
        peak_kb = int(message.get("peak_kb", 0))
        if group is not None:
            peak_kb = group.peak_kb or peak_kb
            over = "memory" if group.out_of_memory else "processes" if group.out_of_processes else over
        answer = STARTED if self._began and not self.unread else b""
        return outcome_of(
            spec, JobObservations(message.get("code"), answer, b"", None, self._stopped_by, over, peak_kb)
        )

    def _print(self) -> None:
        """Record that there is output. The reader is added again after the output is read."""
        assert self._output is not None
        self._loop.remove_reader(self._output.descriptor)
        self._printed = True
        self._wake()

    async def _forward(self, log: LimitedLog) -> None:
        """Forward the text in the pipe to the log. Text printed meanwhile is left for the next call."""
        assert self._output is not None
        for text in self._output.drain():
            await log.take(self._marks, text)
            if len(text) >= _MUCH:
                self._output.widen()
            await asyncio.sleep(0)
        self._await_output()

    async def _end_line(self, log: LimitedLog) -> None:
        """Forward the text held back at the end: an incomplete character and the possible start of a mark."""
        assert self._output is not None
        if rest := self._output.rest():
            await log.take(self._marks, rest)
        await log.finish(self._marks)

    def _discard_output(self) -> None:
        """Discard the output of programs left by an earlier job, whether or not the event loop has reported it."""
        assert self._output is not None
        for _ in self._output.drain():
            self._output.rest()
        self._await_output()

    def _await_output(self) -> None:
        assert self._output is not None
        if self._printed and not self._output.ended:
            self._loop.add_reader(self._output.descriptor, self._print)
        self._printed = False

    def _end(self) -> None:
        """Handle the last message of the cell, or its end."""
        message = self.cell.next_message()
        if message is None and not self.cell.ended:
            return
        self._message = self._message or message or {}
        self._reusable, self._over = False, True
        self._wake()
        if self._job is None:
            self.close()

    def close(self) -> None:
        """Kill the process and release its descriptors."""
        if self._closed:
            return
        self._closed = True
        connection, output = self._connection, self._output
        self._connection = self._output = None
        self._reusable = False
        if connection is not None:
            self._loop.remove_reader(connection.fileno())
            connection.close()
        if output is not None:
            self._loop.remove_reader(output.descriptor)
            output.close()
        self.cell.listen(None)
        self.cell.kill()
        self._gone(self)
