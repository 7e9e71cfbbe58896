"""Logs that are written by the worker's log writer without a claimed job, and read by the services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from tests.conftest import TestDatabase

from orvanta_platform import ids
from orvanta_platform.db.job_views import NodeJobRow
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.logs.objects import Attempt
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings
from orvanta_platform.worker.logs import JobLog

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class LogGround:
    """A platform on a new database, with its objects in a folder."""

    platform: Platform
    objects: Path

    def log(self, run: UUID | None = None, node: str = "a", attempt: int = 1) -> tuple[Attempt, JobLog]:
        """Return a log to write to."""
        run = run or ids.new_run_id()
        made = Attempt("main", run, ids.node_job_id(run, node), attempt)
        return made, JobLog(self.platform.tools, made)

    async def written(self, *pieces: str, attempt: int = 1, run: UUID | None = None, node: str = "a") -> Attempt:
        """Create an attempt that has printed these pieces and ended."""
        made, log = self.log(run, node, attempt)
        for piece in pieces:
            await log.write(piece)
        assert await log.close() == sum(map(len, pieces))
        return made

    async def read(self, job: UUID, start: int = 0, *, most: int = log_text.PAGE_CHARS) -> str:
        """Return characters of the log."""
        return await log_text.read(self.platform.db, self.platform.storage, job, start, limit=most)

    async def whole(self, job: UUID, attempt: int | None = None) -> str:
        """Return all pages of the log."""
        pages = log_text.pages(self.platform.db, self.platform.storage, job, attempt=attempt)
        return "".join([page async for page in pages])

    async def counts(self, job: UUID) -> tuple[int, int]:
        """Return the number of chunks and objects of the job in the database."""
        async with self.platform.db.acquire() as conn:
            return (
                await conn.fetchval("SELECT count(*) FROM log_chunk WHERE job = $1", job),
                await conn.fetchval("SELECT count(*) FROM log_object WHERE job = $1", job),
            )

    def stored(self) -> list[str]:
        """Return the keys of the stored objects."""
        return sorted(str(path.relative_to(self.objects)) for path in self.objects.rglob("*") if path.is_file())


@asynccontextmanager
async def ground(database: TestDatabase, home: Path) -> AsyncIterator[LogGround]:
    """Provide a `LogGround` while the block runs."""
    settings = Settings(home=home, database_url=database.app_url, database_direct_url=database.app_url)
    platform = await open_platform(settings)
    try:
        yield LogGround(platform, home / "objects")
    finally:
        await platform.close()


def step(run: UUID, node: str, *, attempt: int = 1, chars: int = 0) -> NodeJobRow:
    """Return the row of a node's job for the merge of logs. If `chars` is 0, the job is live."""
    return NodeJobRow(
        node=node,
        node_index=0,
        id=ids.node_job_id(run, node),
        kind="rawscript",
        state="running",
        language="bash",
        attempt=attempt,
        failures=0,
        queue="bash",
        enqueued_at=NOW,
        started_at=NOW,
        ended_at=None,
        error_name=None,
        log_chars=chars,
        retry_at=None,
        untaken_at=None,
        served=True,
    )
