"""Jobs that servers assign to workers with lent slots: only while the worker lends, and then nobody claims them."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from tests.orchestrator.harness import CoreHarness, job
from tests.orchestrator.test_run_starts import REJECTED, model_start, start, with_id

pytestmark = pytest.mark.every_postgres

STATES = "SELECT state, count(*) AS count FROM job_live GROUP BY state ORDER BY state"


async def states(core: CoreHarness) -> dict[str, int]:
    return {row["state"]: row["count"] for row in await core.rows(STATES)}


async def test_job_is_assigned_and_ends_like_a_claimed_one(core: CoreHarness) -> None:
    worker, other = await core.worker(), await core.worker()
    await start(core)
    (claimed,) = await worker.claim()
    await worker.lend()
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
    await worker.lend(1)
    with core.platform.listen.watch("queues") as queues, core.platform.listen.watch(f"assigned:{worker.id}") as own:
        await start(core)
        assert await own.wait(20)
        assert not await queues.wait(0)
        await start(core)
        assert await queues.wait(20)
        assert queues.message == core.platform.starts.borrower
    assert await states(core) == {"available": 1, "running": 1}


REFUSALS = {
    "loan ended": "UPDATE worker SET lends = false",
    "drained": "UPDATE worker SET drained_at = app_now()",
    "lost": "UPDATE worker SET state = 'lost'",
    "fenced": "UPDATE worker SET generation = generation + 1",
    "gone": "DELETE FROM worker",
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_no_job_is_assigned_to_worker_that_does_not_lend(core: CoreHarness, why: str) -> None:
    worker = await core.worker()
    await worker.lend()
    await core.run(REFUSALS[why])
    with core.platform.listen.watch("queues") as queues:
        await start(core)
        assert await queues.wait(20)
    assert await states(core) == {"available": 1}
    await core.run("UPDATE worker SET lends = true, state = 'live', generation = 1, drained_at = NULL")
    await start(core)
    assert await states(core) == {"available": 2}, "the slots of the worker were not dropped"
    await core.is_whole()


async def test_end_of_loan_waits_for_start_that_assigns(core: CoreHarness) -> None:
    """After the end of the loan, the worker finds every job that was assigned to it."""
    worker = await core.worker()
    await worker.lend()
    async with core.third_session() as other:
        async with other.holding("SELECT FROM worker WHERE id = $1 FOR SHARE", worker.id):
            end = asyncio.create_task(worker.set_lending(lends=False))
            await other.until_waiting()
            assert not end.done()
        await end


async def test_start_waits_for_end_of_loan(core: CoreHarness) -> None:
    worker = await core.worker()
    await worker.lend()
    async with core.third_session() as other:
        async with other.connection.transaction():
            await other.connection.execute("UPDATE worker SET lends = false WHERE id = $1", worker.id)
            starting = asyncio.create_task(start(core))
            await other.until_waiting()
        await starting
    assert await states(core) == {"available": 1}


async def test_batch_assigns_as_many_jobs_as_slots_are_lent(core: CoreHarness) -> None:
    worker, lost = await core.worker(), await core.worker()
    model = await model_start(core)
    await worker.lend(3)
    await lost.lend(2)
    await lost.vanish()
    done = await asyncio.gather(*(core.platform.starts.submit(with_id(model)) for _ in range(20)))
    assert done.count("assigned") == 3 and done.count("enqueued") == 17
    assert len(await worker.take_assigned()) == 3 and await lost.take_assigned() == []
    assert len(await worker.claim(30)) == 18
    await core.is_whole()


async def test_slots_of_rejected_batch_are_used_by_its_other_starts(core: CoreHarness) -> None:
    worker = await core.worker()
    model = await model_start(core)
    await worker.lend(8)
    starts = [with_id(model) for _ in range(9)]
    starts[4] = REJECTED["audit"](starts[4], model)
    done = await asyncio.gather(*map(core.platform.starts.submit, starts), return_exceptions=True)
    assert isinstance(done.pop(4), asyncpg.PostgresError)
    assert done == ["assigned"] * 8
    assert len(await worker.take_assigned()) == 8


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
    await worker.lend(queues=queues)
    await core.start(*modules)
    assert await states(core) == {"available": len(modules)}


async def test_jobs_of_lost_worker_are_requeued(core: CoreHarness) -> None:
    worker, other = await core.worker(), await core.worker()
    await worker.lend()
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
    await worker.lend()
    await core.start(job("a"), job("b", "a"))
    (first,) = await worker.take_assigned()
    assert (await worker.finish(first, 1, hand_off=True)).following is not None
    assert await states(core) == {"running": 1}
    assert await worker.take_assigned() == []
