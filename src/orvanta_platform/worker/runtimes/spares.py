"""Spare cells: made before they are needed, or renewed after a job."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from orvanta_platform.worker.runtimes.cells import Cell, SandboxUnavailable

_MAX_SPARES = 2
"""Number of cells that are made in advance, and that an idle worker keeps."""

_TRIM_S = 10.0
"""Seconds after which cells that were not needed meanwhile are ended, down to `_MAX_SPARES`.

Until then all renewed cells wait: a worker whose jobs end together takes as many again, and making a cell costs more
processor time than a short job.
"""

_RENEW_S = 1.0
# Delays the making of cells, so that it does not slow down the job that has just started.
_FILL_AFTER_S = 0.01


class SpareCells:
    """The waiting cells. `spawn` makes one (raises SandboxUnavailable), `end` kills one and cleans up.

    Cells for which `is_current` is False, because they have another network than new ones, are ended.
    """

    def __init__(
        self,
        spawn: Callable[[], Awaitable[Cell]],
        end: Callable[[Cell], None],
        is_current: Callable[[Cell], bool] = lambda _: True,
    ) -> None:
        self._spawn = spawn
        self._end = end
        self._is_current = is_current
        self.waiting: list[Cell] = []
        self._renewing = 0
        self._waiters: deque[asyncio.Future[Cell | None]] = deque()
        self._filling: asyncio.Task[None] | None = None
        self._trimming: asyncio.TimerHandle | None = None
        self._fewest = 0
        self._closed = False

    def add(self, cell: Cell) -> None:
        """Add a waiting cell."""
        self.waiting.append(cell)

    async def take(self) -> Cell:
        """Return a cell that can take a job: a waiting one, one that is being renewed, or a new one.

        Raises SandboxUnavailable.
        """
        while self.waiting:
            cell = self.waiting.pop()
            self._fewest = min(self._fewest, len(self.waiting))
            if cell.usable and self._is_current(cell):
                return cell
            self._end(cell)
        renewed = await self._renewed() if len(self._waiters) < self._renewing else None
        cell = renewed or await self._spawn()
        while not self._is_current(cell):
            self._end(cell)
            cell = await self._spawn()
        return cell

    async def _renewed(self) -> Cell | None:
        waiter: asyncio.Future[Cell | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and (cell := waiter.result()) is not None:
                self._end(cell)
            raise

    async def renew(self, cell: Cell) -> None:
        """Wait until a cell has removed all traces of its job, then pass it on or add it to the waiting cells."""
        self._renewing += 1
        try:
            async with asyncio.timeout(_RENEW_S):  # a script may have answered and still be running
                await cell.ready()
            renewed = not self._closed and self._is_current(cell)
        except (SandboxUnavailable, TimeoutError):
            renewed = False
        finally:
            self._renewing -= 1
        if not renewed:
            self._end(cell)
        elif not self._hand_over(cell):
            self.waiting.append(cell)
            self._trim_later()
        while len(self._waiters) > self._renewing and self._hand_over(None):
            pass

    def _hand_over(self, cell: Cell | None) -> bool:
        """Pass a renewed cell, or None if none is coming, to the first waiter; return whether there was one."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(cell)
                return True
        return False

    def _trim_later(self) -> None:
        if self._trimming is None and len(self.waiting) > _MAX_SPARES:
            self._fewest = len(self.waiting)
            self._trimming = asyncio.get_running_loop().call_later(_TRIM_S, self._trim)

    def _trim(self) -> None:
        """End the cells that waited since the last call, beyond those that an idle worker keeps."""
        self._trimming = None
        surplus = max(0, self._fewest - _MAX_SPARES)
        unused, self.waiting[:surplus] = self.waiting[:surplus], []
        for cell in unused:
            self._end(cell)
        self._trim_later()

    def fill_later(self, *, renewable: bool) -> None:
        """Schedule the making of spares after a cell was taken, which is expected to come back if `renewable`."""
        count = 1 if renewable else _MAX_SPARES
        asyncio.get_running_loop().call_later(_FILL_AFTER_S, self.fill, count)

    def fill(self, count: int = _MAX_SPARES) -> None:
        """Start making cells until `count` of them are waiting or being renewed."""
        if not self._closed and (self._filling is None or self._filling.done()):
            self._filling = asyncio.ensure_future(self._make(count))

    async def _make(self, count: int) -> None:
        with contextlib.suppress(SandboxUnavailable):
            while len(self.waiting) + self._renewing < count:
                self.waiting.append(await self._spawn())

    async def settle(self) -> None:
        """Wait until the maximum number of cells is waiting."""
        self.fill()
        if self._filling is not None:
            await asyncio.wait([self._filling])

    async def close(self) -> None:
        """Stop making cells; renewed cells are ended."""
        self._closed = True
        if self._trimming is not None:
            self._trimming.cancel()
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
