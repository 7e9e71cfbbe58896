"""Connections to PostgreSQL."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import asyncpg

from orvanta_platform import clock
from orvanta_platform.db.queries import query_texts
from orvanta_platform.errors import DatabaseTooOld, DatabaseUnavailable
from orvanta_platform.measurements import Measurements

_SQL = query_texts("schema")

Connection = Any
"""An asyncpg connection, pooled or not; the stubs have no common type for the two."""

T = TypeVar("T")

MINIMUM_VERSION = 150000
_ATTEMPTS = 10
_DIRECT_S = 10.0
"""Seconds in which the connection for notifications must open and answer each statement."""

CONNECTION_LOST: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    ConnectionError,
    OSError,
    asyncio.IncompleteReadError,
)
"""Errors that asyncpg raises if the server is unreachable or went away, including between two statements."""

TRANSIENT: tuple[type[Exception], ...] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Errors about the state of the server, not the statement: busy, full, a temporary standby, or shutting down."""

CANNOT_CONNECT: tuple[type[Exception], ...] = (*CONNECTION_LOST, asyncpg.PostgresError, ValueError, TimeoutError)
"""Errors of opening a connection: no answer, a rejected login, a malformed address."""

_CONFUSED: tuple[type[Exception], ...] = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
"""Errors behind a transaction pooler that does not track the prepared statements of its clients."""

_TRY_AGAIN: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST)


class Database:
    """A pool of connections to one database; created by `connect`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], url: str, direct_url: str) -> None:
        self.pool = pool
        self.url = url
        self.direct_url = direct_url
        self.measurements = Measurements()
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
        idle_transaction_timeout_ms: int | None = None,
    ) -> Self:
        """Open the pool. `by_index`: plan statements with index scans only (see `BY_INDEX`).

        PostgreSQL cancels statements that take longer than `statement_timeout_ms`, and ends sessions whose transaction
        waits longer than `idle_transaction_timeout_ms` for its next statement. If a pooler does not pass on settings,
        those of the role apply.

        Raises DatabaseUnavailable and DatabaseTooOld with hints.
        """
        try:
            timeouts = {
                "statement_timeout": statement_timeout_ms,
                "idle_in_transaction_session_timeout": idle_transaction_timeout_ms,
            }
            limits = {name: str(value) for name, value in timeouts.items() if value}
            pool = await _open(url, min_size, max_size, _SESSION | (BY_INDEX if by_index else {}) | limits)
        except CANNOT_CONNECT as error:
            raise unavailable_error(error) from error
        database = cls(pool, url, direct_url or url)
        try:
            await database._check_version()
        except _CONFUSED as error:
            await pool.close()
            raise DatabaseUnavailable(
                "The pooler of DATABASE_URL confuses prepared statements.",
                hint="Set max_prepared_statements of PgBouncer (1.21 or newer) to 200.",
            ) from error
        except BaseException:
            await pool.close()
            raise
        return database

    async def _check_version(self) -> None:
        async with self.pool.acquire() as connection:
            version = int(await connection.fetchval(_SQL["server_version"]))
            self._waits_by_session = await connection.fetchval(_SQL["lock_timeout"]) == LOCK_TIMEOUT
        if version < MINIMUM_VERSION:
            raise DatabaseTooOld(
                f"PostgreSQL {version // 10000} is too old; Orvanta needs 15 or newer.",
                hint="Upgrade the server, or unset DATABASE_URL to use the embedded PostgreSQL.",
            )

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Acquire a connection outside any transaction."""
        asked = clock.monotonic()
        async with self.pool.acquire() as connection:
            self.measurements.pool_wait.observe(clock.monotonic() - asked)
            yield connection

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[Connection]:
        """Open a transaction that waits at most 500 ms for a lock: READ COMMITTED, with `snapshot` REPEATABLE READ."""
        # Without a level, BEGIN has none either, which is READ COMMITTED.
        isolation: Any = "repeatable_read" if snapshot else None
        async with self.acquire() as connection, connection.transaction(isolation=isolation):
            if not self._waits_by_session:
                await connection.execute(_SQL["set_lock_timeout"])
            yield connection

    async def retrying(self, work: Callable[[Connection], Awaitable[T]], *, snapshot: bool = False) -> T:
        """Run `work` in a transaction; retry with jitter after a deadlock, lock timeout or lost connection.

        `work` must be idempotent: each attempt runs in a new transaction. With `snapshot`, it fails and is retried if
        a row that it changes was changed since it began.
        """
        attempt = 0
        while True:
            try:
                async with self.transaction(snapshot=snapshot) as connection:
                    return await work(connection)
            except asyncpg.QueryCanceledError:
                raise  # The statement exceeded the timeout, and a retry would too.
            except _TRY_AGAIN as error:
                attempt += 1
                self.measurements.retries.add(type(error).__name__)
                if attempt >= _ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0.5, 1.0) * min(0.02 * 2**attempt, 2.0))

    async def direct(self) -> Connection:
        """Open a separate connection that bypasses any pooler, for LISTEN and NOTIFY. The caller closes it.

        It commits asynchronously: a notification needs no durability, and yet its commit is written to disk.

        Raises DatabaseUnavailable if a pooler refuses that setting.
        """
        try:
            return await asyncpg.connect(
                self.direct_url,
                timeout=_DIRECT_S,
                command_timeout=_DIRECT_S,
                server_settings={"synchronous_commit": "off"},
            )
        except asyncpg.ProtocolViolationError as error:
            raise DatabaseUnavailable(
                f"The connection for notifications reached a pooler, which refused it: {error}.",
                hint="Set DATABASE_DIRECT_URL to the database itself.",
            ) from error

    async def close(self) -> None:
        """Close all connections; waits at most 5 s for those in use."""
        try:
            await asyncio.wait_for(self.pool.close(), 5)
        except TimeoutError:
            self.pool.terminate()


class JoinedDatabase(Database):
    """The connection of an open transaction as a database: its transactions are savepoints of that transaction."""

    def __init__(self, database: Database, connection: Connection) -> None:
        super().__init__(database.pool, database.url, database.direct_url)
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Return the connection."""
        yield self._connection

    @asynccontextmanager
    async def transaction(self, *, snapshot: bool = False) -> AsyncIterator[Connection]:
        """Open a savepoint."""
        async with self._connection.transaction():
            yield self._connection

    async def retrying(self, work: Callable[[Connection], Awaitable[T]], *, snapshot: bool = False) -> T:
        """Run `work` in a savepoint. Errors are those of the whole transaction, whose owner retries it."""
        async with self.transaction() as connection:
            return await work(connection)

    async def close(self) -> None:
        """Do nothing: the connection belongs to the transaction."""


LOCK_TIMEOUT = "500ms"
_SESSION = {"lock_timeout": LOCK_TIMEOUT, "plan_cache_mode": "force_generic_plan"}
"""Settings of a session. If a pooler drops them, the lock timeout is set per transaction, at the cost of a round trip.

Generic plans: with parameter values, PostgreSQL would plan each look-up in weekly partitions again, because the values
determine the partition. (State and result of a run: 3.2 ms of planning for 0.2 ms of reading.)
"""

_IDLE_S = 60.0
"""Idle connections are closed after this time: each takes 3 MiB of the database's memory."""

BY_INDEX = {"enable_seqscan": "off"}
"""Setting for the few statements of a worker, whose tables may be small at first and full of dead rows later: a generic
plan made while they were small would use sequential scans for ever. (A batch of 200 steps: 0.28 ms a step without this
setting, 0.04 ms with it.)
"""


async def _open(url: str, min_size: int, max_size: int, settings: dict[str, str]) -> asyncpg.Pool[asyncpg.Record]:
    """Open the pool; without `settings` if a pooler refuses to pass them on."""
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
    """Skip the reset of a released connection: nothing changes a session beyond its transaction."""


def unavailable_error(error: Exception) -> DatabaseUnavailable:
    """Return the error for a database that refused the connection."""
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
