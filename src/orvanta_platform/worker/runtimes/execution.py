"""One job in its cell, from handing it over to its end."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from orvanta_platform import clock
from orvanta_platform.worker.outcome import JobOutcome, JobSpec, LogSink, StoppedBy
from orvanta_platform.worker.runtimes.cells import Cell
from orvanta_platform.worker.runtimes.exit_status import End, has_result, judge
from orvanta_platform.worker.runtimes.manifest import PATH
from orvanta_platform.worker.runtimes.streams import Answer, Log, MergedOutput, SeparateOutput, Waiting
from orvanta_platform.worker.runtimes.watch import Watch

# Room for an error's description where the result's limit is small.
_ERROR_BYTES = 1 << 20
_THREAD_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and as whom a job runs in its cell, all as it sees it. `uid` None: as the worker itself."""

    folder: str
    temporary: str
    uid: int | None
    separate_output: bool
    package: str | None = None
    output: str | None = None
    programs: Mapping[str, str] = field(default_factory=dict)


def make_message(cell: Cell, spec: JobSpec, place: Placement) -> tuple[dict[str, Any], tuple[bytes, bytes]]:
    """What a cell is told of its job (sandbox/job.py): the header, and what follows it."""
    limits = spec.limits
    enforced = cell.group.kinds if cell.group else set()
    own = {"PATH": PATH, "HOME": place.folder, "TMPDIR": place.temporary, "LANG": "C.UTF-8", "USER": "job"}
    env = msgspec.json.encode(own | dict(spec.env))
    content = spec.content.encode("utf-8", "replace")
    header = {
        "language": spec.language,
        "folder": place.folder,
        "uid": place.uid,
        "memory_bytes": limits.memory_bytes,
        "watch_memory": "memory" not in enforced,
        "processes": limits.processes,
        "watch_processes": "pids" not in enforced,
        "disk_bytes": limits.disk_bytes,
        "result_bytes": limits.result_bytes,
        "package": place.package,
        "output": place.output,
        "package_source": spec.package,
        "output_source": spec.output,
        "programs": dict(place.programs),
        "dedicated": spec.dedicated,
        "shared": spec.shared,
        "env_length": len(env),
        "content_length": len(content),
        "args_length": len(spec.args),
    }
    return header, (env + content, spec.args)


class Execution:
    """Runs one job; used once. What it waits for, it is told by callbacks: a job that prints nothing needs no task."""

    def __init__(self, cell: Cell, spec: JobSpec, sink: LogSink, placement: Placement, watch: Watch) -> None:
        self._cell = cell
        self._spec = spec
        self._placement = placement
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._pipes = _Pipes.open(placement.separate_output)
        self._log = Log(sink, spec.limits, lambda: self._stop("result"))
        self._output = self._pipes.output(self._log, spec.limits.result_bytes)
        self._answer = Answer(self._pipes.result, spec.limits.result_bytes + _ERROR_BYTES)
        self._waiting = Waiting()
        self._waiter: asyncio.Future[None] | None = None
        self._pumping: asyncio.Task[None] | None = None
        self._told: dict[str, Any] | None = None
        self._cancelled = asyncio.Event()
        self._deadline = clock.monotonic() + min(spec.timeout_s, spec.limits.time_s)
        self._stopped_by: StoppedBy | None = None

    async def run(self, cancelled: asyncio.Event) -> JobOutcome:
        """Hand over, read all that comes, stop what is over its time or cancelled, judge the end."""
        self._cancelled = cancelled
        self._cell.listen(self._wake)
        self._loop.add_reader(self._pipes.result, self._read)
        self._loop.add_reader(self._output.descriptor, self._print)
        self._watch.add(self)
        try:
            await self._give()
            while not self._is_over():
                self._waiter = self._loop.create_future()
                await self._waiter
            return await self._judge()
        finally:
            await self._close()

    @property
    def is_clean(self) -> bool:
        """Whether the job came to its own end: its cell may have a next one."""
        code = 0 if self._told is None else self._told.get("code")
        return self._stopped_by is None and not self._cell.ended and code == 0

    def look(self, now: float) -> None:
        """Kill the job if there is a reason to."""
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

    async def _give(self) -> None:
        spec = self._spec
        header, body = make_message(self._cell, spec, self._placement)
        try:
            await self._cell.give(header, body, self._pipes.inner)
        except OSError:
            pass  # it ended already; what it said tells why
        finally:
            self._pipes.close_inner()

    def _is_over(self) -> bool:
        if self._pumping is not None and self._pumping.done():
            self._pumping.result()  # a log that cannot be written ends the job: its caller hears why
        if self._told is None:
            self._told = self._cell.take()
        return self._told is not None or self._cell.ended or self._is_answered()

    def _is_answered(self) -> bool:
        """Whether nothing but the answer counts: a result is the last act of the script's process.

        What the cell still had to say would be the memory used, which a control group knows as well.
        """
        group = self._cell.group
        measured = group is not None and "memory" in group.kinds
        return (
            measured
            and not self._placement.separate_output
            and has_result(self._answer.head, self._answer.length, self._spec.limits.result_bytes)
        )

    async def _judge(self) -> JobOutcome:
        self._waiting.end()
        self._answer.read()
        if self._pumping is not None:
            await self._pumping
        else:
            self._loop.remove_reader(self._output.descriptor)
            await self._output.pump(self._waiting)
        end = self._end()
        if len(end.text) > _THREAD_BYTES:
            return await asyncio.to_thread(judge, self._spec, end)
        return judge(self._spec, end)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _read(self) -> None:
        if self._answer.read():
            self._loop.remove_reader(self._pipes.result)
            self._wake()

    def _print(self) -> None:
        """There is output: from now on it has a task of its own."""
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
        # What may be large goes now, not when the collector comes to look for circles.
        self._log.close()

    def _end(self) -> End:
        group = self._cell.group
        told = self._told or {}
        over: StoppedBy | None = told.get("over") or ("disk" if told.get("disk_full") else None)
        peak_kb = int(told.get("peak_kb", 0))
        if group is not None:
            peak_kb = group.peak_kb or peak_kb
            over = "memory" if group.out_of_memory else "processes" if group.out_of_processes else over
        printed = self._output.printed
        answer = self._answer
        return End(told.get("code"), bytes(answer.head), answer.take(), printed, self._stopped_by, over, peak_kb)


@dataclass(slots=True)
class _Pipes:
    """The pipes of one job: the ends that the cell gets, and ours."""

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

    def output(self, log: Log, result_chars: int) -> MergedOutput | SeparateOutput:
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
