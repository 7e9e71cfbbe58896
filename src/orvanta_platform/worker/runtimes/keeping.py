"""The dedicated processes of one worker: which one takes a job, how many are kept, and for how long."""

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
"""How long a process is kept that nobody uses."""

_IDLE_LOOK_S = 5.0

Start = Callable[[JobSpec, int], Awaitable[tuple[Cell, Placement]]]
"""Give a cell for the job, and where it runs; the number is of no other process that lives. Raises OrvantaError."""


class Processes:
    """At most `most` processes wait for work; of more the one that has waited longest goes.

    `start` makes a cell for a new one, `end` gets the cell of one that is done with.
    """

    def __init__(self, start: Start, end: Callable[[Cell, Placement], None], watch: Watch, most: int) -> None:
        self._start = start
        self._end = end
        self._watch = watch
        self._most = most
        self._waiting: dict[Key, list[Process]] = {}
        self._waits = 0
        self._numbers: dict[Process, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, spec: JobSpec, sink: LogSink, cancelled: asyncio.Event) -> JobOutcome:
        """Run the job in a process of its script: one that waits if there is one. Raises OrvantaError."""
        key = key_of(spec)
        while True:
            process = self._take(key) or await self._new(spec)
            self._watch.add(process)
            try:
                outcome = await process.run(spec, sink, cancelled)
            finally:
                self._watch.discard(process)
                if process.usable:
                    self._keep(key, process)
                else:
                    process.close()
            if not (process.unread and not outcome.started and outcome.stopped_by is None):
                return outcome

    def close(self) -> None:
        """End what waits, and keep nothing any more."""
        self._most = 0
        self._drop_waiting(before=float("inf"))
        if self._timer is not None:
            self._timer.cancel()

    def _take(self, key: Key) -> Process | None:
        while waiting := self._waiting.get(key):
            process = waiting.pop()
            self._waits -= 1
            if process.usable:
                return process
            process.close()
        return None

    async def _new(self, spec: JobSpec) -> Process:
        taken = set(self._numbers.values())
        number = next(n for n in range(len(taken) + 1) if n not in taken)
        cell, placement = await self._start(spec, number)
        process = Process(cell, placement, self._gone)
        self._numbers[process] = number
        return process

    def _gone(self, process: Process) -> None:
        del self._numbers[process]
        self._end(process.cell, process.placement)

    def _keep(self, key: Key, process: Process) -> None:
        self._waiting.setdefault(key, []).append(process)
        self._waits += 1
        if self._timer is None:
            self._set_timer()
        if self._waits > self._most:
            oldest = min((waiting for waiting in self._waiting.values() if waiting), key=lambda w: w[0].idle_since)
            self._waits -= 1
            oldest.pop(0).close()

    def _drop_waiting(self, before: float) -> None:
        for key, waiting in list(self._waiting.items()):
            kept = [process for process in waiting if process.usable and process.idle_since >= before]
            for process in waiting:
                if process not in kept:
                    process.close()
            self._waits -= len(waiting) - len(kept)
            if kept:
                self._waiting[key] = kept
            else:
                del self._waiting[key]

    def _set_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_IDLE_LOOK_S, self._look)

    def _look(self) -> None:
        self._drop_waiting(before=clock.monotonic() - IDLE_S)
        self._timer = None
        if self._waits:
            self._set_timer()
