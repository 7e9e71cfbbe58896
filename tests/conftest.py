"""Real PostgreSQL for tests: one server per process, and a new database per test or a shared one that is emptied.

The fixture `database` has the addresses, `db` is an open pool. Tests marked `every_postgres` run on each installed
PostgreSQL, the others on the embedded one.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
import structlog
from _pytest.faulthandler import fault_handler_stderr_fd_key
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from tests.e2e.installation import git_folder as git_folder
from tests.e2e.installation import installation as installation
from tests.e2e.installation import s3 as s3
from tests.folders import fast_folder, make_folder
from tests.scheduling import Scheduling
from tests.selection import extend_repeated_cases, extended_after_first
from tests.sharing import SharedDatabase, no_tasks_left, open_shared
from tests.topologies import pgbouncer

from orvanta_platform import heap
from orvanta_platform.control import passwords
from orvanta_platform.db.migrate import migrate
from orvanta_platform.db.pool import Database
from orvanta_platform.embedded import binaries, cluster
from orvanta_platform.embedded.postgres import EmbeddedPostgres, start
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings

T = TypeVar("T")

# A slow example on a busy machine is no failure.
settings.register_profile("orvanta", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("orvanta")

# The platform rejects unknown settings, so the processes of tests receive the variable under another name.
if os.environ.pop("ORVANTA_REQUIRE_BROWSER", ""):
    os.environ["REQUIRE_BROWSER"] = "1"

TEMPLATE = "template_orvanta"
# These protect against a crash of the operating system only; a killed server recovers without them.
FAST = {"fsync": "off", "full_page_writes": "off"}
SERVERS = ["embedded", *(str(folder.parent.name) for folder in binaries.installed())]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the tests of this project."""
    parser.addoption(
        "--pgbouncer", action="store_true", help="Let the shared installation reach its database through PgBouncer."
    )


def pytest_configure() -> None:
    """Put the folders of `tmp_path` into memory too: on a disk, deleting them takes a minute after all tests.

    Password hashes and structlog's default tracebacks, with colours and local variables, would take a tenth of the time
    of all tests. Garbage collection would take a sixth of the time of importing them.
    """
    gc.disable()
    folder = fast_folder()
    if folder is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords._DUMMY_HASH = passwords._hasher.hash("unused")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ]
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Set the timeout of a soak test with a number of minutes; other tests have `faulthandler_timeout`."""
    soak = item.get_closest_marker("soak")
    if soak is not None and "minutes" in soak.kwargs:
        stderr = item.config.stash[fault_handler_stderr_fd_key]
        faulthandler.dump_traceback_later(60 * soak.kwargs["minutes"], exit=True, file=stderr)


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A migrated database without data: its URLs for the owner and the application, and its server."""

    __test__ = False

    name: str
    owner_url: str
    app_url: str
    server: EmbeddedPostgres
    shared: SharedDatabase | None = None
    """Open connections to a database that tests use one after another."""

    async def platform(self, settings: Settings, *, connections: int = 8) -> Platform:
        """Open a platform on this database; on shared connections if it is shared."""
        if self.shared is None:
            return await open_platform(settings, connections=connections)
        return await open_shared(self.shared, settings, connections=connections)


class Administrator:
    """Creates and drops databases on one server, with one connection in a thread of its own.

    A database is created during the preceding test, and dropped during the following one.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._numbers = count()
        self._dropping: list[Future[None]] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._begin(self._make_template()).result()
        self._next = self._begin(self._create())

    def create(self) -> TestDatabase:
        made, self._next = self._next, self._begin(self._create())
        return made.result()

    def drop(self, database: TestDatabase) -> None:
        self._dropping = [each for each in self._dropping if not each.done() or each.result()]
        self._dropping.append(self._begin(self._execute(f"DROP DATABASE {database.name} WITH (FORCE)")))

    def close(self) -> None:
        self.drop(self._next.result())
        for each in self._dropping:
            each.result()
        if self._connection is not None:
            self._begin(self._connection.close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.server.close()
        shutil.rmtree(self.server.home)

    async def _make_template(self) -> None:
        await self._execute(f"CREATE DATABASE {TEMPLATE}")
        await migrate(self.server.url("owner", TEMPLATE), app_url=self.server.url("app", TEMPLATE))

    async def _create(self) -> TestDatabase:
        name = f"test_{next(self._numbers)}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        return TestDatabase(name, self.server.url("owner", name), self.server.url("app", name), self.server)

    async def _execute(self, statement: str) -> None:
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self.server.owner_url)
            await self._connection.execute(statement)

    def _begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)


@pytest.fixture(scope="session")
def administrators() -> Iterator[dict[str, Administrator]]:
    """Yield the running servers by name; the first test that needs a server starts it."""
    started: dict[str, Administrator] = {}
    yield started
    for administrator in started.values():
        administrator.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, administrators: dict[str, Administrator]) -> Iterator[TestDatabase]:
    """Yield a new database with the current schema; drop it after the test."""
    with fresh(administrators, getattr(request, "param", SERVERS[0])) as made:
        yield made


@pytest.fixture(scope="session")
def database_settings(
    request: pytest.FixtureRequest, administrators: dict[str, Administrator]
) -> Iterator[dict[str, str]]:
    """Yield the settings of the database of an installation: none for the embedded one, with `--pgbouncer` a pooler."""
    if not request.config.getoption("--pgbouncer"):
        yield {}
        return
    with fresh(administrators) as made, pgbouncer.running(made.server.home, made.app_url) as pooler:
        yield pgbouncer.settings(pooler.url, made.app_url, made.owner_url)


@contextmanager
def fresh(administrators: dict[str, Administrator], name: str = SERVERS[0]) -> Iterator[TestDatabase]:
    """Yield a new database like `database`, for fixtures with a wider scope."""
    made = _new(administrators, name)
    yield made
    administrators[name].drop(made)


def _new(administrators: dict[str, Administrator], name: str) -> TestDatabase:
    """Create a database on a server; start the server if it is not running."""
    if name not in administrators:
        programs = None if name == SERVERS[0] else Path("/usr/lib/postgresql", name, "bin")
        home = make_folder("test")
        _allow_emptying(home, programs)
        administrators[name] = Administrator(start(home, programs=programs, options=FAST))
    return administrators[name].create()


def _allow_emptying(home: Path, programs: Path | None) -> None:
    """Let the owner of a new server empty tables whose triggers and foreign keys forbid it."""
    cluster.make_root(home.absolute())
    prepared = cluster.prepare(home.absolute(), programs, lambda text: None)
    subprocess.run(
        [prepared.bin / "postgres", "--single", "-F", "-D", prepared.data, "postgres"],
        input=b"GRANT SET ON PARAMETER session_replication_role TO orvanta_owner\n",
        stdout=subprocess.DEVNULL,
        cwd="/",
        env=cluster.environment(),
        check=True,
        **prepared.user.arguments(),
    )


@pytest.fixture(scope="session")
async def shared_databases(administrators: dict[str, Administrator]) -> AsyncIterator[dict[str, TestDatabase]]:
    """Yield the databases that tests use one after another, by server."""
    opened: dict[str, TestDatabase] = {}
    yield opened
    for name in [*opened]:
        await _close_shared(administrators, opened, name)


async def _close_shared(administrators: dict[str, Administrator], opened: dict[str, TestDatabase], name: str) -> None:
    database = opened.pop(name)
    assert database.shared is not None
    await database.shared.close()
    administrators[name].drop(database)


@pytest.fixture
async def shared_database(
    request: pytest.FixtureRequest,
    administrators: dict[str, Administrator],
    shared_databases: dict[str, TestDatabase],
) -> AsyncIterator[TestDatabase]:
    """Yield a database without rows. Tests of one process use it, and its connections, one after another."""
    name = getattr(request, "param", SERVERS[0])
    if name not in shared_databases:
        made = _new(administrators, name)
        shared_databases[name] = replace(made, shared=await SharedDatabase.open(made.owner_url, made.app_url))
    database = shared_databases[name]
    async with no_tasks_left():
        yield database
    assert database.shared is not None
    if not await database.shared.empty():
        await _close_shared(administrators, shared_databases, name)


@pytest.fixture
async def db(database: TestDatabase) -> AsyncIterator[Database]:
    """Yield a pool of connections to the database of the test, as the role of the application."""
    if database.shared is not None:
        yield await database.shared.pool(8)
        return
    made = await Database.connect(database.app_url)
    yield made
    await made.close()


SLOWEST_FIRST = (
    "cases",
    "browser",
    "cli",
    "e2e",
    "sdk",
    "corpus",
    "worker",
    "chaos",
    "embedded",
    "conformance",
    "packages",
    "bench",
    "mutants",
)
"""Folders in the order in which `--dist loadfile` distributes their files; shorter ones follow and balance the load."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the folders with the longest tests first, so that no process starts one of them last.

    Files and folders named on the command line run with all their cases.
    """
    if config.args == config.getini("testpaths"):
        extend_repeated_cases(items)
    tests = Path(__file__).parent

    def order(item: pytest.Item) -> int:
        folder = item.path.relative_to(tests).parts[0]
        return SLOWEST_FIRST.index(folder) if folder in SLOWEST_FIRST else len(SLOWEST_FIRST)

    items.sort(key=order)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Return the scheduler of the tests, which the controller of the processes calls."""
    return Scheduling(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Exclude the objects of the collection from garbage collection, as the server does after its start."""
    heap.settle()
    gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("every_postgres") and "database" in metafunc.fixturenames:
        shares = "shared_database" in metafunc.fixturenames
        fixture = "shared_database" if shares else "database"
        metafunc.parametrize(fixture, extended_after_first(SERVERS), indirect=True)
