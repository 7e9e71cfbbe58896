"""Execution of one job in its cell, from its start to its outcome."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from orvanta_platform import clock
from orvanta_platform.worker.limited_log import LimitedLog
from orvanta_platform.worker.outcome import JobOutcome, JobSpec, LogSink, StoppedBy
from orvanta_platform.worker.runtimes.cells import Cell
from orvanta_platform.worker.runtimes.exit_status import THREAD_BYTES, JobObservations, has_result, outcome_of
from orvanta_platform.worker.runtimes.manifest import PATH
from orvanta_platform.worker.runtimes.streams import JobAnswer, MergedOutput, OutputWaiter, SeparateOutput
from orvanta_platform.worker.runtimes.watch import Watch

# Space for an error's description if the limit of results is small.
_ERROR_BYTES = 1 << 20


class Placement(msgspec.Struct, frozen=True):
    """Folders and user of a job, with all paths as seen inside its cell."""

    folder: str
    temporary: str
    uid: int | None
    """User id, or None to run as the worker's user."""

    separate_output: bool
    package: str | None = None
    imports: str | None = None
    output: str | None = None
    programs: Mapping[str, str] = msgspec.field(default_factory=dict)


def make_message(cell: Cell, spec: JobSpec, placement: Placement) -> tuple[dict[str, Any], tuple[bytes, bytes]]:
    """Return the message that passes a job to a cell (sandbox/job.py): the header, and the body that follows it."""
    limits = spec.limits
    enforced = cell.group.kinds if cell.group else set()
    own = {"PATH": PATH, "HOME": placement.folder, "TMPDIR": placement.temporary, "LANG": "C.UTF-8", "USER": "job"}
    env = msgspec.json.encode(own | dict(spec.env))
    content = spec.content.encode("utf-8", "replace")
    header = {
        "language": spec.language,
        "folder": placement.folder,
        "uid": placement.uid,
        "memory_bytes": limits.memory_bytes,
        "watch_memory": "memory" not in enforced,
        "processes": limits.processes,
        "watch_processes": "pids" not in enforced,
        "disk_bytes": limits.disk_bytes,
        "result_bytes": limits.result_bytes,
        "package": placement.package,
        "imports": placement.imports,
        "output": placement.output,
        "package_source": spec.package,
        "imports_source": spec.imports,
        "path": spec.path,
        "entry": spec.entry,
        "output_source": spec.output,
        "programs": dict(placement.programs),
        "dedicated": spec.dedicated,
        "shared": spec.shared,
        "env_length": len(env),
        "content_length": len(content),
        "args_length": len(spec.args),
    }
    return header, (env + content, spec.args)


class Execution:
    """Single-use execution of one job. It waits by callbacks, so that a job without output needs no task."""

    def __init__(self, cell: Cell, spec: JobSpec, sink: LogSink, placement: Placement, watch: Watch) -> None:
        self._cell = cell
        self._spec = spec
        self._placement = placement
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._pipes = _Pipes.open(placement.separate_output)
        self._log = LimitedLog(sink, spec.limits, lambda: self._stop("result"))
        self._output = self._pipes.output(self._log, spec.limits.result_bytes)
        self._answer = JobAnswer(self._pipes.result, spec.limits.result_bytes + _ERROR_BYTES)
        self._waiting = OutputWaiter()
        self._waiter: asyncio.Future[None] | None = None
        self._pumping: asyncio.Task[None] | None = None
        self._message: dict[str, Any] | None = None
        self._cancelled = asyncio.Event()
        self._deadline = clock.monotonic() + min(spec.timeout_s, spec.limits.time_s)
        self._stopped_by: StoppedBy | None = None

    async def run(self, cancelled: asyncio.Event) -> JobOutcome:
        """Start the job, read its output, stop it if it times out or is cancelled, and return its outcome."""
        self._cancelled = cancelled
        self._cell.listen(self._wake)
        self._loop.add_reader(self._pipes.result, self._read)
        self._loop.add_reader(self._output.descriptor, self._print)
        self._watch.add(self)
        try:
            await self._send()
            while not self._is_over():
                self._waiter = self._loop.create_future()
                await self._waiter
            return await self._outcome()
        finally:
            await self._close()

    @property
    def is_clean(self) -> bool:
        """True if the job ended by itself, so that its cell can be renewed."""
        code = 0 if self._message is None else self._message.get("code")
        return self._stopped_by is None and not self._cell.ended and code == 0

    def check(self, now: float) -> None:
        """Kill the job if it is cancelled, timed out at monotonic `now`, or over its process limit."""
        group = self._cell.group
        if self._stopped_by is not None:
            return
        if self._cancelled.is_set():
            self._stop("cancel")
        elif now >= self._deadline:
            self._stop("timeout")
        elif group is not None and group.out_of_processes:
            self._stop("processes")

    def _stop(self, reason: StoppedBy) -> None:
        self._stopped_by = self._stopped_by or reason
        self._cell.kill()

    async def _send(self) -> None:
        spec = self._spec
        header, body = make_message(self._cell, spec, self._placement)
        try:
            await self._cell.send(header, body, self._pipes.inner)
        except OSError:
            pass  # the cell has ended; its last message has the reason
        finally:
            self._pipes.close_inner()

    def _is_over(self) -> bool:
        if self._pumping is not None and self._pumping.done():
            self._pumping.result()  # raises if the log cannot be written
        if self._message is None:
            self._message = self._cell.next_message()
        return self._message is not None or self._cell.ended or self._is_answered()

    def _is_answered(self) -> bool:
        """Return True if the answer alone decides the outcome: a result is the last act of the script's process.

        The cell's last message would only add the memory used, which a control group reports as well.
        """
        group = self._cell.group
        measured = group is not None and "memory" in group.kinds
        return (
            measured
            and not self._placement.separate_output
            and has_result(self._answer.head, self._answer.length, self._spec.limits.result_bytes)
        )

    async def _outcome(self) -> JobOutcome:
        self._waiting.end()
        self._answer.read()
        if self._pumping is not None:
            await self._pumping
        else:
            self._loop.remove_reader(self._output.descriptor)
            await self._output.pump(self._waiting)
        end = self._end()
        if len(end.text) > THREAD_BYTES:
            return await asyncio.to_thread(outcome_of, self._spec, end)
        return outcome_of(self._spec, end)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _read(self) -> None:
        if self._answer.read():
            self._loop.remove_reader(self._pipes.result)
            self._wake()

    def _print(self) -> None:
        """Start a task that forwards the output, now that there is some."""
        self._loop.remove_reader(self._output.descriptor)
        self._pumping = asyncio.ensure_future(self._output.pump(self._waiting))
        self._pumping.add_done_callback(lambda _: self._wake())

    async def _close(self) -> None:
        self._watch.discard(self)
        self._cell.listen(None)
        self._loop.remove_reader(self._pipes.result)
        if self._pumping is None:
            self._loop.remove_reader(self._output.descriptor)
        elif not self._pumping.done():
            self._pumping.cancel()
            await asyncio.gather(self._pumping, return_exceptions=True)
        self._output.close()
        self._pipes.close()
        # Breaks a reference cycle, so that large objects are freed without the garbage collector.
        self._log.close()

    def _end(self) -> JobObservations:
        group = self._cell.group
        message = self._message or {}
        over: StoppedBy | None = message.get("over") or ("disk" if message.get("disk_full") else None)
        peak_kb = int(message.get("peak_kb", 0))
        if group is not None:
            peak_kb = group.peak_kb or peak_kb
            over = "memory" if group.out_of_memory else "processes" if group.out_of_processes else over
        printed = self._output.printed
        answer = self._answer
        return JobObservations(
            message.get("code"), bytes(answer.head), answer.take(), printed, self._stopped_by, over, peak_kb
        )


@dataclass(slots=True)
class _Pipes:
    """The pipes of one job: the ends passed to the cell, and the worker's ends."""

    inner: list[int]
    outer: list[int]
    result: int

    @classmethod
    def open(cls, separate: bool) -> _Pipes:
        result, result_inner = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(result_inner, True)
        outer, inner = [], []
        for _ in range(2 if separate else 1):
            read, write = os.pipe2(os.O_CLOEXEC | (os.O_DIRECT if separate else 0))
            if separate:  # one packet at a time: see SeparateOutput
                fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
            outer.append(read)
            inner.append(write)
        return cls([inner[0], inner[-1], result_inner], outer, result)

    def output(self, log: LimitedLog, result_chars: int) -> MergedOutput | SeparateOutput:
        if len(self.outer) == 1:
            return MergedOutput(self.outer[0], log)
        return SeparateOutput(self.outer[0], self.outer[1], log, result_chars)

    def close_inner(self) -> None:
        for descriptor in set(self.inner):
            os.close(descriptor)
        self.inner = []

    def close(self) -> None:
        self.close_inner()
        os.close(self.result)
