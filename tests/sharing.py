"""Databases, connections and evaluators that the tests of one process use one after another.

Opening them takes longer than most tests: a new database is copied, each new connection reads the catalog and plans all
statements, and an evaluator starts a process. A test with a database of its own uses the fixture `database`
of `tests/conftest.py`; the folders that share one replace the fixture.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import CoroutineType

import asyncpg

from orvanta_platform.db.pool import Database
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.measurements import Measurements
from orvanta_platform.services.platform import Platform, create_platform
from orvanta_platform.settings import Settings

_TABLES = """
SELECT format('DELETE FROM %s;', oid::regclass)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'migration'
"""
_SEQUENCES = "SELECT format('PERFORM setval(%L, 1, false);', oid::regclass) FROM pg_class WHERE relkind = 'S'"
_CATALOG = """
SELECT (SELECT max(xmin::text::bigint) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT max(xmin::text::bigint) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
       (SELECT max(xmin::text::bigint) FROM pg_constraint),
       (SELECT max(xmin::text::bigint) FROM pg_trigger)
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> 'shared'
"""


class SharedPool(Database):
    """A pool whose connections remain open when a platform that uses it is closed."""

    async def close(self) -> None:
        """Leave the connections open for the next test."""


class SharedEvaluator(Evaluator, frozen=True):
    """An evaluator whose processes remain when a platform that uses it is closed."""

    async def close(self) -> None:
        """Leave the processes running for the next test."""


@dataclass
class SharedDatabase:
    """A database that is emptied after each test, with open connections and an evaluator."""

    owner: asyncpg.Connection[asyncpg.Record]
    app_url: str
    catalog: asyncpg.Record
    evaluator: SharedEvaluator = field(default_factory=SharedEvaluator)
    pools: dict[int, SharedPool] = field(default_factory=dict)

    @classmethod
    async def open(cls, owner_url: str, app_url: str) -> SharedDatabase:
        """Connect as the owner, and create the function that empties the tables."""
        owner = await asyncpg.connect(f"{owner_url}&application_name=shared")
        await owner.execute("SET session_replication_role = replica; SET lock_timeout = '5s'")
        statements = [row[0] for query in (_TABLES, _SEQUENCES) for row in await owner.fetch(query)]
        body = "\n".join(statements)
        await owner.execute(
            f"CREATE FUNCTION pg_temp.empty_tables() RETURNS void LANGUAGE plpgsql AS $body$ BEGIN {body} END $body$"
        )
        return cls(owner, app_url, await _catalog(owner))

    async def pool(self, size: int) -> SharedPool:
        """Return the pool of this size, opened by the first caller."""
        if size not in self.pools:
            address = f"{self.app_url}&application_name=shared"
            self.pools[size] = await SharedPool.connect(address, direct_url=self.app_url, max_size=size)
        return self.pools[size]

    async def empty(self) -> bool:
        """Delete all rows and end all other sessions; return False if the database cannot be used again."""
        if any(pool.pool.get_idle_size() < pool.pool.get_size() for pool in self.pools.values()):
            # A connection that the test has not released would be missing in all later tests.
            return False
        try:
            await self.owner.fetch(_END_OTHERS)
            if await _catalog(self.owner) != self.catalog:
                return False
            await self.owner.execute("SELECT pg_temp.empty_tables()")
        except (asyncpg.PostgresError, asyncpg.InterfaceError):
            # The test has terminated all connections, or has left a transaction open.
            return False
        return True

    async def close(self) -> None:
        """Close all connections and end the evaluator's processes."""
        await self.owner.close()
        for pool in self.pools.values():
            await Database.close(pool)
        await Evaluator.close(self.evaluator)


@asynccontextmanager
async def no_tasks_left() -> AsyncIterator[None]:
    """Cancel the tasks that the block leaves, like the end of an event loop, except those of evaluators."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    ended = [task for task in left if not _is_of_evaluator(task.get_coro())]
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)


def _is_of_evaluator(work: object) -> bool:
    return isinstance(work, CoroutineType) and "/evaluate/" in work.cr_code.co_filename


async def _catalog(owner: asyncpg.Connection[asyncpg.Record]) -> asyncpg.Record:
    """Return numbers of the catalog that change with every change of the schema."""
    row = await owner.fetchrow(_CATALOG)
    assert row is not None
    return row


async def open_shared(shared: SharedDatabase, settings: Settings, *, connections: int = 8) -> Platform:
    """Return a platform with the shared connections and evaluator; closing it leaves both open."""
    pool = await shared.pool(connections)
    # Measurements of an earlier test may name a worker that has stopped.
    pool.measurements = Measurements()
    platform = await create_platform(pool, settings)
    platform = replace(platform, evaluator=shared.evaluator)
    platform.starts.borrow(platform.listen)
    return platform
