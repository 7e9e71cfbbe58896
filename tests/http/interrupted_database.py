"""Database of a process that ends before a statement of its transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from orvanta_platform.db.pool import Connection, Database

STATEMENTS = frozenset({"execute", "executemany", "fetch", "fetchrow", "fetchval"})


class _Connection:
    """A connection that calls `end` before statement `left`."""

    def __init__(self, connection: Connection, left: list[int], end: Callable[[], None]) -> None:
        self._connection = connection
        self._left = left
        self._end = end

    def __getattr__(self, name: str) -> Any:
        if name in STATEMENTS:
            self._left[0] -= 1
            if self._left[0] < 0:
                self._end()
        return getattr(self._connection, name)


class InterruptedDatabase(Database):
    """A database that calls `end` before statement `at` of its transactions."""

    def __init__(self, database: Database, at: int, end: Callable[[], None]) -> None:
        super().__init__(database.pool, database.url, database.direct_url)
        self._left = [at]
        self._end = end

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[Connection]:
        async with super().transaction(snapshot=snapshot) as connection:
            yield _Connection(connection, self._left, self._end)
