"""Start of many runs through the platform's own service, many of them in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from orvanta_platform.control.actor import system
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions, ScriptPreview

T = TypeVar("T")

_AT_ONCE = 4
_BATCH = 250
_WORKSPACE = "main"
_QUEUE = "python3"


class _Within(Database):
    """A database whose transactions are all part of the one that is open on `connection`."""

    def __init__(self, around: Database, connection: Connection) -> None:
        super().__init__(around.pool, around.url, around.direct_url)
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        yield self._connection

    async def retrying(self, work: Callable[[Connection], Awaitable[T]], *, snapshot: bool = False) -> T:
        return await work(self._connection)


async def load(platform: Platform, count: int) -> None:
    """Queue `count` runs of one `identity` node. Each is started as usual; only the COMMIT is shared."""
    sizes = [min(_BATCH, count - begun) for begun in range(0, count, _BATCH)]

    async def work() -> None:
        while sizes:
            await _batch(platform, sizes.pop())

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


async def load_script(platform: Platform, path: str, count: int) -> None:
    """Queue `count` runs of a script with one COMMIT, so that a worker sees all or none."""
    actor = system(_WORKSPACE, name="bench")
    async with platform.db.transaction() as connection:
        within = replace(platform, db=_Within(platform.db, connection))
        for _ in range(count):
            await runs.start_script(within, actor, _WORKSPACE, path, b"{}", RunOptions())
    platform.notify.queue(_QUEUE)


async def _batch(platform: Platform, count: int) -> None:
    actor = system(_WORKSPACE, name="bench")
    async with platform.db.transaction() as connection:
        within = replace(platform, db=_Within(platform.db, connection))
        for _ in range(count):
            preview = ScriptPreview(kind="identity")
            await runs.start_preview(within, actor, _WORKSPACE, preview, b"{}", RunOptions())
