"""Races of finish with cancel and with reap, each in both orders, controlled by a third session."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from tests.orchestrator.harness import CoreHarness, condition, job
from tests.polling import POLL_S

from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.recovery import _requeue
from orvanta_platform.services.runs.start import RunOptions

pytestmark = pytest.mark.every_postgres

LOCK_JOB = "SELECT FROM job_live WHERE id = $1 FOR UPDATE"


async def ask_to_cancel(connection: Connection, run: UUID, *, force: bool = False) -> None:
    """Commit the cancel request as the service does, without stepping the run."""
    assert await run_rows.request_cancel(connection, run, "ann", "enough")
    await run_rows.insert_event(connection, run, inbox.write(inbox.CancelRun(force)))
    await run_rows.set_cancel_timer(connection, run, 10.0)


@pytest.mark.parametrize("last", [False, True])
async def test_cancel_before_finish(core: CoreHarness, last: bool) -> None:
    """The finish waits for the cancel's transaction, processes the cancel first, and starts no job."""
    worker = await core.worker()
    run = await core.start(job("a"), *([] if last else [job("b", "a")]))
    (first,) = await worker.claim()
    async with core.third_session() as other:
        async with other.connection.transaction():
            await ask_to_cancel(other.connection, run)
            end = asyncio.create_task(worker.finish(first, "done"))
            await other.until_waiting()
        await end
    assert (await core.ended(run))["status"] == "cancelled"
    assert (await core.ended(run))["cancel_by"] == "ann"
    assert [row["node"] for row in await core.rows("SELECT node FROM job WHERE run = $1", run)] == ["a"]
    await core.is_whole()


async def test_finish_before_cancel(core: CoreHarness) -> None:
    """The finish commits and enqueues the next job; the cancel waits for it and withdraws that job."""
    worker = await core.worker()
    run = await core.start(job("a"), job("b", "a"))
    (first,) = await worker.claim()
    async with core.third_session() as other:
        async with other.holding(LOCK_JOB, first.id):
            end = asyncio.create_task(worker.finish(first, "done"))
            await other.until_waiting(1)
            cancel = asyncio.create_task(core.cancel(run))
            await other.until_waiting(2)
        assert (await end).recorded
        await cancel
    assert (await core.ended(run))["status"] == "cancelled"
    states = {row["node"]: row["state"] for row in await core.rows("SELECT * FROM job WHERE run = $1", run)}
    assert states == {"a": "succeeded", "b": "cancelled"}
    await core.is_whole()


async def test_last_finish_before_cancel_ends_run(core: CoreHarness) -> None:
    """A cancel after the end has no effect and reports no cancelled run."""
    worker = await core.worker()
    run = await core.start(job("a"))
    (first,) = await worker.claim()
    async with core.third_session() as other:
        async with other.holding(LOCK_JOB, first.id):
            end = asyncio.create_task(worker.finish(first, "done"))
            await other.until_waiting(1)
            cancel = asyncio.create_task(core.cancel(run))
            await other.until_waiting(2)
        assert (await end).recorded
        await cancel
    ended = await core.ended(run)
    assert (ended["status"], ended["cancel_by"]) == ("succeeded", None)
    await core.is_whole()


async def test_no_claim_after_cancel(core: CoreHarness) -> None:
    worker = await core.worker()
    run = await core.start(job("a"))
    async with core.db.transaction() as connection:
        await ask_to_cancel(connection, run)
    assert await worker.claim() == []
    assert (await core.live(run))["a"]["state"] == "available"


async def test_no_hand_off_after_cancel(core: CoreHarness) -> None:
    """A pending cancel alone prevents the fast path."""
    worker = await core.worker()
    run = await core.start(job("a"), job("b", "a"))
    (first,) = await worker.claim()
    async with core.db.transaction() as connection:
        await ask_to_cancel(connection, run)
    done = await worker.finish(first, 1, hand_off=True)
    assert done.following is None
    assert (await core.ended(run))["status"] == "cancelled"
    await core.is_whole()


@pytest.mark.parametrize("event", [inbox.StartRun(), "lost", "cancel_job"], ids=["start", "lost", "job"])
async def test_cancel_wins_over_earlier_events(core: CoreHarness, event: inbox.InboxEvent | str) -> None:
    """The process that inserted the events died, and the run is already cancelled when they are processed."""
    worker = await core.worker()
    if isinstance(event, str):
        run = await core.start(job("a"))
        (first,) = await worker.claim()
        event = inbox.JobLost(first.id, first.attempt, 1, 4) if event == "lost" else inbox.CancelJob(first.id, "enough")
    else:
        later = (await core.row("SELECT app_now() + interval '1 hour'"))[0]
        run = await core.start(condition("a", "true"), options=RunOptions(scheduled_at=later))
    async with core.db.transaction() as connection:
        await run_rows.insert_event(connection, run, inbox.write(event))
    await core.cancel(run, force=True)
    assert (await core.ended(run))["status"] == "cancelled"
    await core.is_whole()


async def test_reap_before_finish(core: CoreHarness) -> None:
    """The finish waits for the reaper's transaction and finds that its worker no longer holds the job."""
    worker = await core.worker()
    run = await core.start(job("a"), job("b", "a"))
    (first,) = await worker.claim()
    await worker.vanish()
    async with core.third_session() as other:
        async with other.connection.transaction():
            back, _, _ = await _requeue([run], worker.id, 1, 3, None, other.connection)
            assert back == 1
            end = asyncio.create_task(worker.finish(first, "stale"))
            await other.until_waiting()
        before = await core.everything()
        assert not (await end).recorded
        assert await core.everything() == before
    waiting = (await core.live(run))["a"]
    assert (waiting["state"], waiting["losses"], waiting["attempt"]) == ("available", 1, 1)
    second = await core.worker()
    (again,) = await second.claim()
    assert (again.id, again.attempt) == (first.id, 2)
    before = await core.everything()
    assert not (await worker.finish(first, "stale")).recorded
    assert await core.everything() == before
    assert (await second.finish(again, "good")).recorded
    assert await core.rows("SELECT FROM value WHERE id = $1 AND body = '\"good\"'", first.id)
    await worker.reap()
    await core.is_whole()


async def test_finish_before_reap(core: CoreHarness) -> None:
    """The reaper waits for the finish and finds nothing to requeue."""
    worker = await core.worker()
    run = await core.start(job("a"), job("b", "a"))
    (first,) = await worker.claim()
    await worker.vanish()
    async with core.third_session() as other:
        async with other.holding(LOCK_JOB, first.id):
            end = asyncio.create_task(worker.finish(first, "done"))
            await other.until_waiting(1)
            reaping = asyncio.create_task(worker.reap())
            await other.until_waiting(2)
        assert (await end).recorded
        assert (await reaping).jobs == 0
    assert set(await core.live(run)) == {"b"}
    await worker.reap()
    assert (await core.row("SELECT state FROM worker WHERE id = $1", worker.id))["state"] == "stopped"
    await core.is_whole()


async def test_fenced_worker_claims_nothing(core: CoreHarness) -> None:
    """The worker was suspended before its claim and then reaped: a job that it claimed would never be requeued."""
    worker = await core.worker()
    run = await core.start(job("a"))
    await worker.vanish()
    await worker.reap()
    assert await worker.claim() == []
    assert (await core.live(run))["a"]["state"] == "available"
    await core.is_whole()


async def test_claim_in_progress_delays_fence(core: CoreHarness) -> None:
    """The worker is fenced after its claim commits, so the reaper sees the claimed jobs."""
    worker = await core.worker()
    await core.start(job("a"))
    async with core.third_session() as other:
        async with other.connection.transaction():
            (taken,) = await worker.claimer.claim(other.connection, 1)
            fence = asyncio.create_task(worker.vanish())
            while not (fence.done() or await other.waiting()):
                await asyncio.sleep(POLL_S)
            assert not fence.done(), "fenced in the middle of a claim"
        await fence
    assert (await worker.reap()).jobs == 1
    (again,) = await (await core.worker()).claim()
    assert again.id == taken.id
    await core.is_whole()


async def test_hand_off_by_fenced_worker_is_reaped(core: CoreHarness) -> None:
    """The worker is not yet reaped: its finish still counts, and the job handed off to it is reaped as well."""
    worker = await core.worker()
    run = await core.start(job("a"), job("b", "a"))
    (first,) = await worker.claim()
    await worker.vanish()
    done = await worker.finish(first, 1, hand_off=True)
    assert done.following is not None
    assert (await worker.reap()).jobs == 1
    assert not (await worker.finish(done.following, 2)).recorded
    assert (await core.live(run))["b"]["state"] == "available"
    await core.is_whole()


async def test_second_reaper_finds_nothing(core: CoreHarness) -> None:
    worker = await core.worker()
    runs = [await core.start(job("a")) for _ in range(20)]
    assert len(await worker.claim(20)) == 20
    await worker.vanish()
    reaped = await asyncio.gather(*(worker.reap() for _ in range(3)))
    assert sum(each.jobs for each in reaped) == 20
    for run in runs:
        assert [row["losses"] for row in (await core.live(run)).values()] == [1]
    await core.is_whole()


async def test_live_worker_is_not_reaped(core: CoreHarness) -> None:
    """Only jobs of an ended generation are requeued."""
    worker = await core.worker()
    run = await core.start(job("a"))
    (first,) = await worker.claim()
    async with core.db.acquire() as connection:
        assert await job_rows.list_runs_held_by(connection, worker.id, 2) == []
    assert (await worker.finish(first, 1)).recorded
    assert (await core.ended(run))["status"] == "succeeded"
