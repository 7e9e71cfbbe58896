"""A connection that is reused from one statement to the next."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from orvanta_platform import clock
from orvanta_platform.db.pool import CONNECTION_LOST, Connection, Database

REST_S = 1.0
"""Idle seconds after which the connection returns to the pool."""


class StickyConnection:
    """One connection of the pool for a task that sends a statement every millisecond.

    Acquiring and releasing a connection for each would take as long as a short statement. Used as
    `async with sticky as connection`, one block at a time. A block that loses the connection releases it; the next
    block acquires another one.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: Connection | None = None
        self._in_use = False
        self._used_at = 0.0
        self._resting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Connection:
        """Return the connection. Raises the errors of opening one."""
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
        """Release the connection; the next block acquires another one."""
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
