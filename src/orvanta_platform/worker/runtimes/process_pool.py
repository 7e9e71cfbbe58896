"""Pool of one worker's dedicated processes: selects one for each job, and limits their number and idle time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from orvanta_platform import clock
from orvanta_platform.worker.outcome import JobOutcome, JobSpec, LogSink
from orvanta_platform.worker.runtimes.cells import Cell
from orvanta_platform.worker.runtimes.dedicated import Key, Process, key_of
from orvanta_platform.worker.runtimes.execution import Placement
from orvanta_platform.worker.runtimes.watch import Watch

IDLE_S = 300.0
"""Seconds after which an idle process is ended."""

_IDLE_CHECK_S = 5.0

Start = Callable[[JobSpec, int], Awaitable[tuple[Cell, Placement]]]
"""Function that returns a cell for the job and its placement. Raises OrvantaError.

The number is not in use by any other live process.
"""


class ProcessPool:
    """Pool of dedicated processes. At most `max_idle` are idle; above that, the one idle for longest is ended.

    `start` makes a cell for a new process, `end` receives the cell of an ended one. Processes in a cell for which
    `is_current` is False run no further jobs.
    """

    def __init__(
        self,
        start: Start,
        end: Callable[[Cell, Placement], None],
        watch: Watch,
        max_idle: int,
        is_current: Callable[[Cell], bool] = lambda _: True,
    ) -> None:
        self._start = start
        self._end = end
        self._watch = watch
        self._max_idle = max_idle
        self._is_current = is_current
        self._idle: dict[Key, list[Process]] = {}
        self._idle_count = 0
        self._numbers: dict[Process, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, spec: JobSpec, sink: LogSink, cancelled: asyncio.Event) -> JobOutcome:
        """Run the job in an idle process of its script, or in a new one. Raises OrvantaError."""
        key = key_of(spec)
        while True:
            process = self._take(key) or await self._new(spec)
            self._watch.add(process)
            try:
                outcome = await process.run(spec, sink, cancelled)
            finally:
                self._watch.discard(process)
                if process.usable:
                    self._add_idle(key, process)
                else:
                    process.close()
            if not (process.unread and not outcome.started and outcome.stopped_by is None):
                return outcome

    def close(self) -> None:
        """End the idle processes, and those that become idle from now on."""
        self._max_idle = 0
        self._end_idle(before=float("inf"))
        if self._timer is not None:
            self._timer.cancel()

    def _take(self, key: Key) -> Process | None:
        while idle := self._idle.get(key):
            process = idle.pop()
            self._idle_count -= 1
            if process.usable and self._is_current(process.cell):
                return process
            process.close()
        return None

    async def _new(self, spec: JobSpec) -> Process:
        taken = set(self._numbers.values())
        number = next(n for n in range(len(taken) + 1) if n not in taken)
        cell, placement = await self._start(spec, number)
        process = Process(cell, placement, self._remove)
        self._numbers[process] = number
        return process

    def _remove(self, process: Process) -> None:
        del self._numbers[process]
        self._end(process.cell, process.placement)

    def _add_idle(self, key: Key, process: Process) -> None:
        self._idle.setdefault(key, []).append(process)
        self._idle_count += 1
        if self._timer is None:
            self._set_timer()
        if self._idle_count > self._max_idle:
            oldest = min((idle for idle in self._idle.values() if idle), key=lambda idle: idle[0].idle_since)
            self._idle_count -= 1
            oldest.pop(0).close()

    def _end_idle(self, before: float) -> None:
        for key, idle in list(self._idle.items()):
            remaining = [process for process in idle if process.usable and process.idle_since >= before]
            for process in idle:
                if process not in remaining:
                    process.close()
            self._idle_count -= len(idle) - len(remaining)
            if remaining:
                self._idle[key] = remaining
            else:
                del self._idle[key]

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_IDLE_CHECK_S, self._check_idle)

    def _check_idle(self) -> None:
        self._end_idle(before=clock.monotonic() - IDLE_S)
        self._timer = None
        if self._idle_count:
            self._set_timer()
