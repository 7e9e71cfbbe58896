"""Statements with a snapshot older than a concurrent commit: their row locks find changes hidden by the snapshot.

Row security pauses them: a session named `paused` waits, within its scan of run_live and before it locks a row, for an
advisory lock held by a third session.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.harness import CoreHarness, ThirdSession, Worker, core_harness, job

from orvanta_platform.orchestrator.committer import Committer

pytestmark = pytest.mark.every_postgres

PAUSE = """
    CREATE FUNCTION pause() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF current_setting('application_name') = 'paused' THEN
            PERFORM pg_advisory_lock_shared(1);
            PERFORM pg_advisory_unlock_shared(1);
        END IF;
        RETURN true;
    END $$;
    ALTER TABLE run_live ENABLE ROW LEVEL SECURITY;
    CREATE POLICY paused ON run_live USING (pause()) WITH CHECK (true);
"""
HOLD = "SELECT pg_advisory_lock(1)"
RELEASE = "SELECT pg_advisory_unlock(1)"


@pytest.fixture
async def slow(database: TestDatabase, tmp_path: Path, core: CoreHarness) -> AsyncIterator[CoreHarness]:
    """Open a platform whose statements on runs can be paused after their snapshot."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(PAUSE)
    await owner.close()
    url = f"{database.app_url}&application_name=paused"
    paused = TestDatabase(database.name, database.owner_url, url, database.server)
    async with core_harness(paused, tmp_path / "paused") as made:
        yield made


async def begin_paused(core: CoreHarness, slow: CoreHarness, other: ThirdSession) -> tuple[Worker, Worker]:
    """Return one worker as two processes; the committer of the second one is paused from now on."""
    worker = await core.worker()
    twin = Worker(core.platform, worker.id, worker.claimer, Committer(slow.db))
    slow.workers.append(twin)
    await other.connection.execute(HOLD)
    return worker, twin


async def test_reap_after_snapshot(core: CoreHarness, slow: CoreHarness) -> None:
    """In the snapshot the worker still holds the job; the run's rev, read under the lock, reveals the change."""
    async with core.third_session() as other:
        worker, twin = await begin_paused(core, slow, other)
        run = await core.start(job("a"), job("b", "a"))
        (first,) = await worker.claim()
        end = asyncio.create_task(twin.finish(first, "stale"))
        await other.until_waiting()
        await worker.vanish()
        assert (await worker.reap()).jobs == 1
        second = await core.worker()
        (again,) = await second.claim()
        before = await core.everything()
        await other.connection.execute(RELEASE)
        assert not (await end).recorded
        assert await core.everything() == before
        assert (await second.finish(again, "good")).recorded
    assert list(await core.live(run)) == ["b"]
    await worker.reap()
    await core.is_whole()


async def test_other_parent_of_join_after_snapshot(core: CoreHarness, slow: CoreHarness) -> None:
    async with core.third_session() as other:
        worker, twin = await begin_paused(core, slow, other)
        run = await core.start(job("a"), job("b"), job("c", "a", "b"))
        claimed = await worker.claim_by_node()
        end = asyncio.create_task(twin.finish(claimed["a"], 1))
        await other.until_waiting()
        assert (await worker.finish(claimed["b"], 2)).recorded
        await other.connection.execute(RELEASE)
        assert (await end).recorded
    assert list(await core.live(run)) == ["c"]
    await core.is_whole()


async def test_cancel_after_snapshot(core: CoreHarness, slow: CoreHarness) -> None:
    async with core.third_session() as other:
        worker, twin = await begin_paused(core, slow, other)
        run = await core.start(job("a"), job("b", "a"))
        (first,) = await worker.claim()
        end = asyncio.create_task(twin.finish(first, 1, hand_off=True))
        await other.until_waiting()
        await core.cancel(run)
        await other.connection.execute(RELEASE)
        done = await end
        assert done.recorded and done.following is None
    assert (await core.ended(run))["status"] == "cancelled"
    await core.is_whole()


async def test_concurrent_completions_of_one_job(core: CoreHarness, slow: CoreHarness) -> None:
    async with core.third_session() as other:
        worker, twin = await begin_paused(core, slow, other)
        run = await core.start(job("a"), job("b", "a"))
        (first,) = await worker.claim()
        end = asyncio.create_task(twin.finish(first, 1))
        await other.until_waiting()
        assert (await worker.finish(first, 1)).recorded
        before = await core.everything()
        await other.connection.execute(RELEASE)
        await end
        assert await core.everything() == before
    assert list(await core.live(run)) == ["b"]
    await core.is_whole()


async def test_claim_with_cancel_after_snapshot(core: CoreHarness, slow: CoreHarness) -> None:
    """Either the claim finds the job withdrawn, or the cancel finds it running, never both."""
    async with core.third_session() as other:
        worker, _ = await begin_paused(core, slow, other)
        run = await core.start(job("a"))

        async def claim() -> int:
            async with slow.db.acquire() as connection:
                return len(await worker.claimer.claim(connection, 1))

        claiming = asyncio.create_task(claim())
        await other.until_waiting()
        cancelling = asyncio.create_task(core.cancel(run))
        await other.until_waiting(2)
        await other.connection.execute(RELEASE)
        assert await claiming == 1
        await cancelling
        assert (await core.live(run))["a"]["state"] == "running"
        await core.cancel(run, force=True)
    assert (await core.ended(run))["status"] == "cancelled"
    await core.is_whole()
