"""One job in its cell, from handing it over to its end."""

from __future__ import annotations

import asyncio
import fcntl
import os
from dataclasses import dataclass
from typing import Any

from orvanta_platform import clock
from orvanta_platform.worker.outcome import JobOutcome, JobSpec, LogSink, StoppedBy
from orvanta_platform.worker.runtimes.cells import Cell
from orvanta_platform.worker.runtimes.streams import Log, MergedOutput, SeparateOutput, Waiting, read_answer
from orvanta_platform.worker.runtimes.verdict import End, Printed, has_result, judge

_PATH = "/usr/local/bin:/usr/bin:/bin"
# Room for an error's description where the result's limit is small.
_ERROR_BYTES = 1 << 20
_THREAD_BYTES = 1 << 20
# How often the kernel's count of refused processes is looked at.
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and as whom a job runs in its cell. `uid` None: as the worker itself."""

    folder: str
    temporary: str
    uid: int | None
    separate_output: bool


class Execution:
    """Runs one job; used once."""

    def __init__(self, cell: Cell, spec: JobSpec, sink: LogSink, placement: Placement) -> None:
        self._cell = cell
        self._spec = spec
        self._placement = placement
        self._log = Log(sink, spec.limits.log_bytes)
        self._waiting = Waiting()
        self._stopped_by: StoppedBy | None = None

    async def run(self, cancelled: asyncio.Event) -> JobOutcome:
        """Hand over, read all that comes, stop what is over its time or cancelled, judge the end."""
        pipes = _Pipes.open(self._placement.separate_output)
        output = pipes.output(self._log, self._spec.limits.result_bytes)
        most = self._spec.limits.result_bytes + _ERROR_BYTES
        reading = asyncio.ensure_future(read_answer(pipes.result, most, self._waiting))
        pumping = asyncio.ensure_future(output.pump(self._waiting))
        try:
            told = await self._until_end(pipes, reading, pumping, cancelled) or {}
            self._waiting.end()
            answer = await reading
            await pumping
            end = self._end(told, answer, output.printed)
            if len(answer) > _THREAD_BYTES:
                return await asyncio.to_thread(judge, self._spec, end)
            return judge(self._spec, end)
        finally:
            reading.cancel()
            pumping.cancel()
            await asyncio.gather(reading, pumping, return_exceptions=True)
            output.close()
            pipes.close()

    async def _until_end(
        self,
        pipes: _Pipes,
        reading: asyncio.Future[bytes],
        pumping: asyncio.Future[None],
        cancelled: asyncio.Event,
    ) -> dict[str, Any] | None:
        """How the cell says the job ended; None where it was killed, or where its answer is all that counts."""
        ending = asyncio.ensure_future(self._conversation(pipes))
        cancelling = asyncio.ensure_future(cancelled.wait())
        deadline = clock.monotonic() + min(self._spec.timeout_s, self._spec.limits.time_s)
        events: set[asyncio.Future[Any]] = {ending, cancelling, reading, pumping}
        try:
            while not ending.done():
                if reading.done():
                    if self._answered(reading.result()):
                        return None
                    events.discard(reading)
                if pumping.done():
                    pumping.result()  # a log that cannot be written ends the job: its caller hears why
                    events.discard(pumping)
                left = max(0.0, deadline - clock.monotonic())
                await asyncio.wait(events, timeout=min(left, _LOOK_S), return_when=asyncio.FIRST_COMPLETED)
                if ending.done() or self._over_for_good(cancelling.done(), clock.monotonic() >= deadline):
                    break
            return await ending
        finally:
            cancelling.cancel()
            ending.cancel()
            await asyncio.gather(cancelling, ending, return_exceptions=True)

    def _answered(self, answer: bytes) -> bool:
        """Whether nothing but the answer counts: a result is the last act of the script's process.

        What the cell still had to say would be the memory used, which a control group knows as well.
        """
        group = self._cell.group
        measured = group is not None and "memory" in group.kinds
        return measured and not self._placement.separate_output and has_result(answer, self._spec.limits.result_bytes)

    def _over_for_good(self, cancelled: bool, timed_out: bool) -> bool:
        """Kill the job if there is a reason to, and say whether there was."""
        group = self._cell.group
        if cancelled:
            self._stop("cancel")
        elif timed_out:
            self._stop("timeout")
        elif group is not None and group.out_of_processes:
            self._stop("processes")
        else:
            return False
        return True

    def _stop(self, reason: StoppedBy | None) -> None:
        self._stopped_by = reason
        self._cell.kill()

    async def _conversation(self, pipes: _Pipes) -> dict[str, Any] | None:
        spec = self._spec
        content = spec.content.encode("utf-8", "replace")
        try:
            await self._cell.give(self._header(len(content)), content, spec.args, pipes.inner)
        except OSError:
            pass  # it ended already; what it said tells why
        finally:
            pipes.close_inner()
        return await self._cell.message()

    def _header(self, content_length: int) -> dict[str, Any]:
        spec, limits, place = self._spec, self._spec.limits, self._placement
        enforced = self._cell.group.kinds if self._cell.group else set()
        own = {"PATH": _PATH, "HOME": place.folder, "TMPDIR": place.temporary, "LANG": "C.UTF-8", "USER": "job"}
        return {
            "language": spec.language,
            "env": own | dict(spec.env),
            "folder": place.folder,
            "uid": place.uid,
            "memory_bytes": limits.memory_bytes,
            "watch_memory": "memory" not in enforced,
            "processes": limits.processes,
            "watch_processes": "pids" not in enforced,
            "disk_bytes": limits.disk_bytes,
            "result_bytes": limits.result_bytes,
            "content_length": content_length,
            "args_length": len(spec.args),
        }

    def _end(self, told: dict[str, Any], answer: bytes, printed: Printed | None) -> End:
        group = self._cell.group
        over: StoppedBy | None = told.get("over") or ("disk" if told.get("disk_full") else None)
        peak_kb = int(told.get("peak_kb", 0))
        if group is not None:
            peak_kb = group.peak_kb or peak_kb
            over = "memory" if group.out_of_memory else "processes" if group.out_of_processes else over
        return End(told.get("code"), answer, printed, self._stopped_by, over, peak_kb)


@dataclass(slots=True)
class _Pipes:
    """The pipes of one job: the ends that the cell gets, and ours."""

    inner: list[int]
    outer: list[int]
    result: int

    @classmethod
    def open(cls, separate: bool) -> _Pipes:
        result, result_inner = os.pipe()
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
