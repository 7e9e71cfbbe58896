"""A connection that is kept from one statement to the next."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from orvanta_platform import clock
from orvanta_platform.db.pool import CONNECTION_LOST, Connection, Database

REST_S = 1.0
"""It goes back to the pool after so long without a statement."""


class StickyConnection:
    """One connection of the pool for one task that sends a statement every millisecond.

    To take a connection and to give it back for each costs as much time as a short statement does. Used as
    `async with kept as connection`, one block at a time. A block that loses the connection gives it back; the next
    has another one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._in_use = False
        self._used_at = 0.0
        self._resting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Connection:
        """The connection. Raises what opening one raises."""
        self._in_use = True
        try:
            if self._connection is None:
                self._connection = await self._database.pool.acquire()
                self._resting = asyncio.create_task(self._rest(), name="kept connection")
        except BaseException:
            self._in_use = False
            raise
        return self._connection

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._in_use = False
        self._used_at = clock.monotonic()
        if isinstance(error, CONNECTION_LOST):
            await self.close()

    async def close(self) -> None:
        """Give it back; the next block takes one anew."""
        if self._resting is not None:
            self._resting.cancel()
        await self._give_back()

    async def _rest(self) -> None:
        while True:
            await asyncio.sleep(REST_S)
            if not self._in_use and clock.monotonic() - self._used_at >= REST_S:
                await self._give_back()
                return

    async def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*CONNECTION_LOST):
                await self._database.pool.release(connection)
