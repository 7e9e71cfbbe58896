"""Connections to PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from orvanta_platform.db.queries import load
from orvanta_platform.errors import DatabaseTooOld, DatabaseUnavailable

Connection = Any
"""An asyncpg connection, pooled or not: the stubs give the two no common type."""

T = TypeVar("T")

MINIMUM_VERSION = 150000
_ATTEMPTS = 10

CONNECTION_LOST: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    ConnectionError,
    OSError,
    asyncio.IncompleteReadError,
)
"""What asyncpg raises when a server went away, also between two statements, or cannot be reached."""

TRANSIENT: tuple[type[Exception], ...] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""What the server says of itself, not of the statement: it is busy, full, a standby for the moment, or told to stop."""

CANNOT_CONNECT: tuple[type[Exception], ...] = (*CONNECTION_LOST, asyncpg.PostgresError, ValueError, TimeoutError)
"""What opening a connection may raise: no answer, a refused login, a malformed address."""

_TRY_AGAIN: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST)

retries: dict[str, int] = {}
"""How often a transaction was tried again, by the name of the error: a counter for /metrics."""


class Database:
    """A pool of connections to one database. Made by `connect`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], url: str, direct_url: str) -> None:
        self.pool = pool
        self.url = url
        self.direct_url = direct_url
        self._waits_by_session = False

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        direct_url: str | None = None,
        min_size: int = 1,
        max_size: int = 8,
        by_index: bool = False,
        statement_timeout_ms: int | None = None,
    ) -> Database:
        """Open the pool. `by_index`: statements are planned by their indexes alone (see `BY_INDEX`).

        `statement_timeout_ms`: PostgreSQL cancels a statement that takes longer. Where a pooler in between passes no
        settings on, the role's own `statement_timeout` counts.

        Raises DatabaseUnavailable and DatabaseTooOld with what to do about it.
        """
        try:
            limit = {"statement_timeout": str(statement_timeout_ms)} if statement_timeout_ms else {}
            pool = await _open(url, min_size, max_size, _SESSION | (BY_INDEX if by_index else {}) | limit)
        except CANNOT_CONNECT as error:
            raise unavailable(error) from error
        database = cls(pool, url, direct_url or url)
        try:
            await database._check_version()
        except BaseException:
            await pool.close()
            raise
        return database

    async def _check_version(self) -> None:
        async with self.pool.acquire() as connection:
            version = int(await connection.fetchval(load("schema")["server_version"].text))
            self._waits_by_session = await connection.fetchval(load("schema")["lock_timeout"].text) == LOCK_TIMEOUT
        if version < MINIMUM_VERSION:
            raise DatabaseTooOld(
                f"PostgreSQL {version // 10000} is too old; Orvanta needs 15 or newer.",
                hint="Upgrade the server, or unset DATABASE_URL to use the embedded PostgreSQL.",
            )

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """A connection outside any transaction."""
        async with self.pool.acquire() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A READ COMMITTED transaction that waits at most 500 ms for a lock."""
        async with self.pool.acquire() as connection, connection.transaction():
            if not self._waits_by_session:
                await connection.execute(load("schema")["set_lock_timeout"].text)
            yield connection

    async def retrying(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in a transaction, again with jitter after a deadlock, lock timeout or lost connection.

        `work` must be safe to run twice: it sees a fresh transaction each time.
        """
        attempt = 0
        while True:
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except asyncpg.QueryCanceledError:
                raise  # It exceeded the timeout, and a retry would too.
            except _TRY_AGAIN as error:
                attempt += 1
                name = type(error).__name__
                retries[name] = retries.get(name, 0) + 1
                if attempt >= _ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0.5, 1.0) * min(0.02 * 2**attempt, 2.0))

    async def direct(self) -> Connection:
        """A connection of its own, past any pooler: for LISTEN and NOTIFY. The caller closes it.

        It commits without waiting for the disk: a notification is not kept, and yet its commit is written.
        """
        return await asyncpg.connect(self.direct_url, timeout=10, server_settings={"synchronous_commit": "off"})

    async def close(self) -> None:
        """Close all connections; waits for those in use, at most 5 s."""
        try:
            await asyncio.wait_for(self.pool.close(), 5)
        except TimeoutError:
            self.pool.terminate()


LOCK_TIMEOUT = "500ms"
_SESSION = {"lock_timeout": LOCK_TIMEOUT, "plan_cache_mode": "force_generic_plan"}
"""Set once a connection, where no pooler in between forgets it: it would cost each transaction a round trip.

Every statement is planned once: with its values at hand, PostgreSQL plans a look-up in weekly partitions anew each
time, since it then knows the partition. (The state and result of a run: 3.2 ms of planning for 0.2 ms of reading.)
"""

_IDLE_S = 60.0
"""A connection that nobody needed for so long is closed: each keeps 3 MiB of the database's memory."""

BY_INDEX = {"enable_seqscan": "off"}
"""For the few statements of a worker, on tables that are small at one moment and full of dead rows at the next: a
plan made while they were small reads them whole ever after. (A batch of 200 steps: 0.28 ms a step, with this 0.04.)
"""


async def _open(url: str, min_size: int, max_size: int, settings: dict[str, str]) -> asyncpg.Pool[asyncpg.Record]:
    """The pool; without `settings` where a pooler in between refuses to pass them on."""
    try:
        return await asyncpg.create_pool(
            url,
            min_size=min_size,
            max_size=max_size,
            command_timeout=60,
            max_inactive_connection_lifetime=_IDLE_S,
            timeout=10,
            reset=_keep_session,
            server_settings=settings,
        )
    except asyncpg.ProtocolViolationError:
        if not settings:
            raise
        return await _open(url, min_size, max_size, {})


async def _keep_session(_connection: object) -> None:
    """Nothing here changes a session beyond its transaction, so giving a connection back costs no round trip."""


def unavailable(error: Exception) -> DatabaseUnavailable:
    """The sentence for a database that did not let us in."""
    if isinstance(error, asyncpg.InvalidPasswordError | asyncpg.InvalidAuthorizationSpecificationError):
        return DatabaseUnavailable(
            f"The database refused the login: {error}.", hint="Check user and password in DATABASE_URL."
        )
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return DatabaseUnavailable(
            f"The database does not exist: {error}.", hint="Create it, or correct its name in DATABASE_URL."
        )
    return DatabaseUnavailable(
        f"The database cannot be reached: {error or type(error).__name__}.",
        hint="Check that the server runs and that DATABASE_URL names the right host, port and database.",
    )
