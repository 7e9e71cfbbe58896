"""A database of the platform without a server: it is migrated, opened and polled directly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from bench.processes import Program
from orvanta_platform import settings as settings_module
from orvanta_platform.db.migrate import migrate
from orvanta_platform.embedded.postgres import EmbeddedPostgres
from orvanta_platform.services.access.setup import first_start
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings

T = TypeVar("T")

EMPTY = "SELECT NOT EXISTS (SELECT FROM run_live)"
_POLL_S = 0.1
_ENDED = """\
SELECT count(*) AS ended, count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
       extract(epoch FROM max(ended_at) - min(started_at))::double precision AS seconds
FROM run WHERE ended_at > $1
"""


def prepared(home: Path, database: EmbeddedPostgres) -> Settings:
    """Prepare the database for the platform, and return the platform's settings."""
    made = settings_module.load({"ORVANTA_HOME": str(home / "orvanta")})
    settings = settings_module.with_database(made, database.app_url, database.owner_url)
    asyncio.run(_prepare(settings))
    return settings


def with_platform(settings: Settings, work: Callable[[Platform], Awaitable[T]]) -> T:
    """Return the result of `work`, called with a platform that is closed afterwards."""

    async def call() -> T:
        platform = await open_platform(settings)
        try:
            return await work(platform)
        finally:
            await platform.close()

    return asyncio.run(call())


def until(url: str, question: str, workers: Sequence[Program], *arguments: Any) -> None:
    """Poll the database until the query returns true. Raises AssertionError if a worker ends before."""

    async def call() -> None:
        connection = await asyncpg.connect(url)
        try:
            while not await connection.fetchval(question, *arguments):
                for worker in workers:
                    assert worker.process.poll() is None, "".join(worker.lines[-20:])
                await asyncio.sleep(_POLL_S)
        finally:
            await connection.close()

    asyncio.run(call())


def ended_since(url: str, since: Any) -> Any:
    """Return the numbers of runs ended and succeeded since then, and the seconds from first start to last end."""

    async def call() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchrow(_ENDED, since)
        finally:
            await connection.close()

    return asyncio.run(call())


async def now(platform: Platform) -> Any:
    """Return the database's time."""
    async with platform.db.acquire() as connection:
        return await connection.fetchval("SELECT now()")


async def _prepare(settings: Settings) -> None:
    assert settings.owner_url is not None
    await migrate(settings.owner_url, app_url=settings.database_url)
    platform = await open_platform(settings)
    try:
        await first_start(platform.db, settings)
    finally:
        await platform.close()
