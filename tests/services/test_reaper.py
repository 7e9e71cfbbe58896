"""Reaper: workers are watched while the recovery of another one fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs
from tests.conftest import TestDatabase
from tests.orchestrator.harness import CoreHarness, core_harness, job

from orvanta_platform.daemons import reaper, supervision
from orvanta_platform.daemons.supervision import keep_running
from orvanta_platform.db import workers
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.workers import ObservedWorker
from orvanta_platform.orchestrator.advance import Tools
from orvanta_platform.orchestrator.recovery import Recovery, reap

NOT_LIVE = "SELECT FROM worker WHERE id = $1 AND state <> 'live'"
REAPED = "SELECT FROM worker WHERE id = $1 AND state = 'stopped'"


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    """Provide a platform that declares workers lost after 0.4 seconds."""
    async with core_harness(database, tmp_path / "home", watch_ms=10, lease_ms=400) as made:
        yield made


@asynccontextmanager
async def reaping(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Run the reaper, restarted immediately if it fails."""
    monkeypatch.setattr(supervision, "RESTART_S", 0)
    task = asyncio.create_task(keep_running(reaper.run, core.platform))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_silent_worker_is_reaped_while_another_cannot_be(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression test: the failure restarted the observation of all heartbeats, in every process."""
    stuck, silent = await core.worker(), await core.worker()
    await stuck.vanish()
    await core.start(job("a"), job("b"))
    assert len(await silent.claim()) == 2

    async def reap_others(tools: Tools, worker: UUID, generation: int, max_losses: int) -> Recovery:
        if worker == stuck.id:
            raise asyncpg.LockNotAvailableError
        return await reap(tools, worker, generation, max_losses)

    monkeypatch.setattr(reaper, "reap", reap_others)
    with capture_logs() as lines:
        async with reaping(core, monkeypatch):
            await core.until(REAPED, silent.id)
    assert {row["state"] for row in await core.rows("SELECT state FROM job_live")} == {"available"}
    (line,) = [line for line in lines if line["event"] == "worker lost"]
    assert (line["worker"], line["jobs"], line["ended"]) == (str(silent.id), 2, 0)
    assert {line["worker"] for line in lines if "cannot requeue" in line["event"]} == {str(stuck.id)}
    assert core.platform.measurements.lost_workers.values == {(): 1}


async def test_silent_worker_is_fenced_during_a_long_recovery(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, silent = await core.worker(), await core.worker()
    await stuck.vanish()
    fenced = asyncio.Event()

    async def reap_slowly(tools: Tools, worker: UUID, generation: int, max_losses: int) -> Recovery:
        if worker == stuck.id:
            await fenced.wait()
        return await reap(tools, worker, generation, max_losses)

    monkeypatch.setattr(reaper, "reap", reap_slowly)
    async with reaping(core, monkeypatch):
        await core.until(NOT_LIVE, silent.id)
        fenced.set()
        for worker in (stuck, silent):
            await core.until(REAPED, worker.id)


async def test_worker_is_fenced_although_another_cannot_be(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, silent = await core.worker(), await core.worker()
    fence = workers.fence_lost

    async def fence_others(connection: Connection, seen: ObservedWorker) -> bool:
        if seen.id == locked.id:
            raise asyncpg.LockNotAvailableError
        return await fence(connection, seen)

    monkeypatch.setattr(workers, "fence_lost", fence_others)
    async with reaping(core, monkeypatch):
        await core.until(REAPED, silent.id)
    assert not await core.rows(NOT_LIVE, locked.id)


async def test_new_lost_worker_precedes_one_whose_recovery_may_have_failed() -> None:
    lost = reaper._LostWorkers()
    first, new = (reaper._LostWorker(uuid4(), 1, is_new=is_new) for is_new in (False, True))
    for each in (first, new):
        lost.add(each)
    assert [await lost.take(), await lost.take()] == [new, first]
