"""DBOS: an application in one process, with a PostgreSQL started exactly like that of the platform."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg

from bench.bars import Options
from bench.client import Call
from bench.comparison import Side
from bench.database import settings_of
from bench.installation import new_home
from bench.machine import free_port
from bench.peers import install
from bench.peers.install import PeerMissing
from bench.processes import CpuMeter, NotReady, Program
from bench.workflows import FIB_10
from orvanta_platform.embedded.postgres import EmbeddedPostgres, start

_SERVICE = Path(__file__).parent / "programs" / "dbos_service.py"
_DATABASE = "dbos"


@contextmanager
def side(options: Options, steps: int) -> Iterator[Side]:
    """Start DBOS, ready to run a chain of this number of steps. Raises PeerMissing."""
    python, versions = install.python(options, "dbos", ["dbos"])
    with ExitStack() as stack:
        database = stack.enter_context(start(stack.enter_context(new_home())))
        asyncio.run(_create(database))
        port = free_port()
        env = {**install.environment(), "DBOS_SYSTEM_DATABASE_URL": database.url("owner", _DATABASE)}
        program = Program([python, _SERVICE, str(port)], env=env)
        stack.callback(program.stop)
        try:
            program.await_line("ready")
        except NotReady as error:
            raise PeerMissing(f"it did not start: {error}") from None
        meter = CpuMeter([program.pid, database.keeper_pid], _role_of)
        call = Call("/chain", steps, FIB_10 * steps)
        about = {"versions": versions, "postgresql": settings_of(database)}
        yield Side("DBOS", f"http://127.0.0.1:{port}", call, meter, about)


def _role_of(command: str) -> str:
    return "service" if _SERVICE.name in command else "postgres"


async def _create(database: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute(f"CREATE DATABASE {_DATABASE}")
    finally:
        await connection.close()
