"""Cells made ahead of their jobs, and those that come back after one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from orvanta_platform.worker.runtimes.cells import Cell, SandboxUnavailable

_MOST = 2
"""So many wait; one that comes back beside them ends."""

_RENEW_S = 1.0
# A job that starts is not made to wait for the cell of the next one.
_FILL_AFTER_S = 0.01


class Spares:
    """The cells that wait for a job. `spawn` makes one (raises SandboxUnavailable), `end` kills and clears one away."""

    def __init__(self, spawn: Callable[[], Awaitable[Cell]], end: Callable[[Cell], None]) -> None:
        self._spawn = spawn
        self._end = end
        self.waiting: list[Cell] = []
        self._renewing = 0
        self._wanted: deque[asyncio.Future[Cell | None]] = deque()
        self._filling: asyncio.Task[None] | None = None
        self._closed = False

    def add(self, cell: Cell) -> None:
        """Keep a cell that waits."""
        self.waiting.append(cell)

    async def take(self) -> Cell:
        """A cell that can take a job: one that waits, one that is about to come back, or a new one.

        Raises SandboxUnavailable.
        """
        while self.waiting:
            cell = self.waiting.pop()
            if cell.usable:
                return cell
            self._end(cell)
        if len(self._wanted) < self._renewing and (renewed := await self._renewed()) is not None:
            return renewed
        return await self._spawn()

    async def _renewed(self) -> Cell | None:
        coming: asyncio.Future[Cell | None] = asyncio.get_running_loop().create_future()
        self._wanted.append(coming)
        try:
            return await coming
        except asyncio.CancelledError:
            if not coming.cancelled() and (given := coming.result()) is not None:
                self._end(given)
            raise

    async def renew(self, cell: Cell) -> None:
        """After a job that came to its end: the cell takes away all that it had, and waits for another."""
        self._renewing += 1
        try:
            async with asyncio.timeout(_RENEW_S):  # a script may have answered and run on
                await cell.ready()
            renewed = not self._closed
        except (SandboxUnavailable, TimeoutError):
            renewed = False
        finally:
            self._renewing -= 1
        if not (renewed and self._hand_over(cell)):
            if renewed and len(self.waiting) < _MOST:
                self.waiting.append(cell)
            else:
                self._end(cell)
        while len(self._wanted) > self._renewing and self._hand_over(None):
            pass

    def _hand_over(self, cell: Cell | None) -> bool:
        """Whether somebody waited for a cell that comes back, and got it, or word that none does."""
        while self._wanted:
            coming = self._wanted.popleft()
            if not coming.done():
                coming.set_result(cell)
                return True
        return False

    def fill_later(self, *, comes_back: bool) -> None:
        """A cell was taken, and is likely to come back or not: have others made, soon and beside what else is done."""
        wanted = 1 if comes_back else _MOST
        asyncio.get_running_loop().call_later(_FILL_AFTER_S, self.fill, wanted)

    def fill(self, wanted: int = _MOST) -> None:
        """Have cells made until so many wait or come back."""
        if not self._closed and (self._filling is None or self._filling.done()):
            self._filling = asyncio.ensure_future(self._make(wanted))

    async def _make(self, wanted: int) -> None:
        with contextlib.suppress(SandboxUnavailable):
            while len(self.waiting) + self._renewing < wanted:
                self.waiting.append(await self._spawn())

    async def settle(self) -> None:
        """Wait until as many cells wait as may."""
        self.fill()
        if self._filling is not None:
            await asyncio.wait([self._filling])

    async def close(self) -> None:
        """Make no more; what comes back ends."""
        self._closed = True
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)
