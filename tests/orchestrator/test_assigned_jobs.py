"""Jobs that servers assign to workers with lent slots: only while the worker lends, and then nobody claims them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace
from tests.orchestrator.harness import CoreHarness, job
from tests.orchestrator.test_run_starts import REJECTED, model_start, start, with_id

from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.db import jobs
from orvanta_platform.db.starts import Lender, start_runs
from orvanta_platform.orchestrator import run_starts, slot_grants
from orvanta_platform.queue.lent_slots import Grant

pytestmark = pytest.mark.every_postgres

STATES = "SELECT state, count(*) AS count FROM job_live GROUP BY state ORDER BY state"


async def states(core: CoreHarness) -> dict[str, int]:
    return {row["state"]: row["count"] for row in await core.rows(STATES)}


async def test_job_is_assigned_and_ends_like_a_claimed_one(core: CoreHarness) -> None:
    worker, other = await core.worker(), await core.worker()
    await start(core)
    (claimed,) = await worker.claim()
    worker.lend()
    run = await start(core)
    assert await other.claim() == []
    (found,) = await worker.take_assigned()
    same = {"id": run, "nonce": claimed.nonce, "waited_s": claimed.waited_s, "seq": claimed.seq}
    of_run = replace(found.run, id=claimed.run.id, root=claimed.run.root, seed=claimed.run.seed)
    assert found.run.id == run and found.waited_s == 0
    assert replace(found, run=replace(of_run, scheduled_at=claimed.run.scheduled_at), **same) == replace(
        claimed, **same
    )
    assert await worker.take_assigned() == []
    assert (await worker.finish(found, 1)).recorded
    assert (await core.ended(run))["status"] == "succeeded"
    await core.is_whole()


async def test_worker_is_told_of_assigned_job_and_nobody_else(core: CoreHarness) -> None:
    worker = await core.worker()
    worker.lend(1)
    with core.platform.listen.watch("queues") as queues, core.platform.listen.watch(f"assigned:{worker.id}") as own:
        await start(core)
        assert await own.wait(20)
        assert not await queues.wait(0)
        await start(core)
        assert await queues.wait(20)
        assert queues.message == core.platform.starts.borrower
    assert await states(core) == {"available": 1, "running": 1}


REFUSALS = {
    "loan ended": "UPDATE worker SET beat = beat + 1",
    "drained": "UPDATE worker SET drained_at = app_now()",
    "lost": "UPDATE worker SET state = 'lost'",
    "fenced": "UPDATE worker SET generation = generation + 1",
    "gone": "DELETE FROM worker",
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_no_job_is_assigned_to_worker_that_does_not_lend(core: CoreHarness, why: str) -> None:
    worker = await core.worker()
    worker.lend()
    await core.run(REFUSALS[why])
    with core.platform.listen.watch("queues") as queues:
        await start(core)
        assert await queues.wait(20)
    assert await states(core) == {"available": 1}
    assert (await core.row("SELECT nonce, assigned_seq FROM job_live"))[:] == (None, None)
    await core.is_whole()


async def test_refused_slot_is_not_used_up(core: CoreHarness) -> None:
    """The heartbeat that is being recorded locks the row of the worker: a start does not wait for it."""
    worker = await core.worker()
    worker.lend(1)
    beat = "UPDATE worker SET jobs_executed = 1 WHERE id = $1"
    async with core.third_session() as other, other.holding(beat, worker.id):
        await start(core)
        assert await states(core) == {"available": 1}
    await start(core)
    assert await states(core) == {"available": 1, "running": 1}


async def test_heartbeat_waits_for_start_that_assigns(core: CoreHarness) -> None:
    """After the heartbeat that ends the loan, the worker finds every job that was assigned to it."""
    worker = await core.worker()
    model = await model_start(core)
    assigned = replace(with_id(model), lender=Lender(worker.id, worker.generation, 0))
    async with core.third_session() as other:
        async with other.connection.transaction():
            assert await start_runs(other.connection, [assigned]) == {assigned.run.id}
            beating = asyncio.create_task(worker.beat())
            await other.until_waiting()
        await beating
    (found,) = await worker.take_assigned()
    assert found.run.id == assigned.run.id and worker.beats == 1
    late = replace(with_id(model), lender=assigned.lender)
    assert await core.platform.starts.submit(late) == "enqueued"


async def test_job_is_assigned_only_if_its_run_is_started_alone(core: CoreHarness) -> None:
    """Runs that arrive together wait in the queue, where one claim takes several."""
    worker = await core.worker()
    model = await model_start(core)
    worker.lend(30)
    done = await asyncio.gather(*(core.platform.starts.submit(with_id(model)) for _ in range(20)))
    assert done == ["enqueued"] * 20
    assert await core.platform.starts.submit(with_id(model)) == "assigned"
    assert len(await worker.take_assigned()) == 1
    assert len(await worker.claim(30)) == 21  # with that of the model
    await core.is_whole()


async def test_slot_of_rejected_start_is_used_by_the_next_one(core: CoreHarness) -> None:
    worker = await core.worker()
    model = await model_start(core)
    worker.lend(1)
    with pytest.raises(asyncpg.PostgresError):
        await core.platform.starts.submit(REJECTED["audit"](with_id(model), model))
    assert await core.platform.starts.submit(with_id(model)) == "assigned"
    assert await core.platform.starts.submit(with_id(model)) == "enqueued"
    assert len(await worker.take_assigned()) == 1
    await core.is_whole()


async def test_batches_assign_to_a_worker_one_after_another(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the heartbeat of the worker, which waits for a batch that assigns, might wait for the next ones too."""
    worker = await core.worker()
    model = await model_start(core)
    worker.lend()
    assigning, answered = asyncio.Event(), asyncio.Event()

    async def slow(connection: Any, starts: Any) -> set[UUID]:
        if not assigning.is_set():
            assigning.set()
            await answered.wait()
        return await start_runs(connection, starts)

    monkeypatch.setattr(run_starts, "start_runs", slow)
    first = asyncio.create_task(core.platform.starts.submit(with_id(model)))
    async with asyncio.timeout(20):
        await assigning.wait()
        assert await core.platform.starts.submit(with_id(model)) == "enqueued"
    answered.set()
    assert await first == "assigned"
    assert await core.platform.starts.submit(with_id(model)) == "assigned"


IDENTITY = {"id": "a", "value": {"type": "identity"}, "needs": []}


@pytest.mark.parametrize(
    ("modules", "queues"),
    [([job("a"), job("b")], None), ([job("a", tag="gpu")], ["python3", "default"]), ([IDENTITY], None)],
    ids=["several", "not served", "without a slot"],
)
async def test_other_jobs_are_claimed(
    core: CoreHarness, modules: list[dict[str, Any]], queues: list[str] | None
) -> None:
    worker = await core.worker()
    worker.lend(queues=queues)
    await core.start(*modules)
    assert await states(core) == {"available": len(modules)}


async def test_jobs_of_lost_worker_are_requeued(core: CoreHarness) -> None:
    worker, other = await core.worker(), await core.worker()
    worker.lend()
    run = await start(core)
    await worker.vanish()
    assert (await worker.reap()).jobs == 1
    (found,) = await other.claim()
    assert found.run.id == run and found.attempt == 2
    assert (await other.finish(found, 1)).recorded
    await core.is_whole()


async def test_handed_off_job_is_not_taken_for_an_assigned_one(core: CoreHarness) -> None:
    """The worker learns of it from the answer to the step, which may still be under way."""
    worker = await core.worker()
    worker.lend()
    await core.start(job("a"), job("b", "a"))
    (first,) = await worker.take_assigned()
    assert (await worker.finish(first, 1, hand_off=True)).following is not None
    worker.held.clear()
    assert await states(core) == {"running": 1}
    assert await worker.take_assigned() == []


async def test_job_that_was_given_back_and_claimed_is_not_assigned(core: CoreHarness) -> None:
    worker = await core.worker()
    worker.lend()
    await start(core)
    (found,) = await worker.take_assigned()
    async with core.db.acquire() as connection:
        await jobs.give_back(connection, [found.id], worker.id, worker.generation)
    (claimed,) = await worker.claim()
    assert (claimed.id, claimed.attempt) == (found.id, 1) and claimed.nonce != found.nonce
    worker.held.clear()
    assert await worker.take_assigned() == []
    await core.is_whole()


async def test_cancellation_is_read_with_assigned_job(core: CoreHarness) -> None:
    worker = await core.worker()
    worker.lend()
    run = await start(core)
    await core.cancel(run)
    async with core.db.acquire() as connection:
        ((found, is_cancelled),) = await jobs.list_assigned(connection, worker.id, worker.generation, 0, [])
    assert found.run.id == run and is_cancelled


@pytest.mark.parametrize("change", ["other server", "other key", "text", "nothing"])
async def test_grant_is_accepted_only_from_this_installation(core: CoreHarness, change: str) -> None:
    """Any role that can connect to the database can notify."""
    worker = await core.worker()
    server = core.platform.starts.borrower
    assert server is not None
    grant = Grant(worker.id, worker.generation, 1, 5, 10, None)
    other = InstanceKeys(bytes(32))
    message = {
        "other server": slot_grants.write(core.platform.keys, "0" * 32, grant),
        "other key": slot_grants.write(other, server, grant),
        "text": msgspec.json.encode(grant).decode(),
        "nothing": slot_grants.write(core.platform.keys, server, grant),
    }[change]
    core.platform.listen.wake([f"lent:{server}\t{message}"])
    await start(core)
    assert await states(core) == {"running" if change == "nothing" else "available": 1}


async def test_server_is_named_only_for_jobs_that_could_be_assigned(core: CoreHarness) -> None:
    with core.platform.listen.watch("queues") as queues:
        for modules in ([job("a"), job("b")], [IDENTITY]):
            await core.start(*modules)
            assert await queues.wait(20) and queues.message is None
        await core.start(job("a"))
        assert await queues.wait(20) and queues.message == core.platform.starts.borrower
