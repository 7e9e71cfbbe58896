"""Joins whose parents finish concurrently are enqueued once."""

from __future__ import annotations

import asyncio

import pytest
from tests.orchestrator.harness import CoreHarness, Worker, job

from orvanta_platform.db.jobs import ClaimedJob

pytestmark = pytest.mark.every_postgres

ROUNDS, RUNS = 4, 50


async def test_join_of_two_concurrent_parents_is_enqueued_once(core: CoreHarness) -> None:
    """The first writer has locked the run and waits for a third session; the second finds the run locked."""
    first, second = await core.worker(), await core.worker()
    async with core.third_session() as other:
        for _ in range(ROUNDS):
            runs = [await core.start(job("a"), job("b"), job("c", "a", "b")) for _ in range(RUNS)]
            parents = await claim_all(first, 2 * RUNS)
            lefts = [parents[run, "a"] for run in runs]
            rights = [parents[run, "b"] for run in runs]
            lock = "SELECT FROM job_live WHERE id = ANY($1::uuid[]) FOR UPDATE"
            async with other.holding(lock, [left.id for left in lefts]):
                ends = [asyncio.create_task(first.finish(left, 1)) for left in lefts]
                await other.until_waiting(1)
                second.id, second.generation = first.id, first.generation
                ends += [asyncio.create_task(second.finish(right, 2)) for right in rights]
                await other.until_waiting(2)
            assert all(done.recorded for done in await asyncio.gather(*ends))
            assert [list(await core.live(run)) for run in runs] == [["c"]] * RUNS
            joins = await claim_all(first, RUNS)
            assert set(joins) == {(run, "c") for run in runs}
            await asyncio.gather(*(first.finish(each, 3) for each in joins.values()))
    assert (await core.row("SELECT count(*) FROM run WHERE status = 'succeeded'"))[0] == ROUNDS * RUNS
    await core.is_whole()


async def test_join_of_parents_that_wait_for_locked_run(core: CoreHarness) -> None:
    """While the run is locked, neither parent takes the fast path; then both are processed in sequence."""
    worker = await core.worker()
    async with core.third_session() as other:
        run = await core.start(job("a"), job("b"), job("c", "a", "b"))
        parents = await claim_all(worker, 2)
        async with other.holding("SELECT FROM run_live WHERE id = $1 FOR NO KEY UPDATE", run):
            ends = [asyncio.create_task(worker.finish(parents[run, name], name)) for name in "ab"]
            await other.until_waiting(2)
        assert all(done.recorded for done in await asyncio.gather(*ends))
    assert list(await core.live(run)) == ["c"]
    await core.is_whole()


async def test_join_of_many_parents_in_one_batch(core: CoreHarness) -> None:
    """Steps of one run never share a statement: nine of the ten are stale and take the slow path."""
    worker = await core.worker()
    names = [f"n{place}" for place in range(10)]
    run = await core.start(*map(job, names), job("join", *names))
    parents = await claim_all(worker, 10)
    done = await asyncio.gather(*(worker.finish(parents[run, name], name) for name in names))
    assert all(each.recorded for each in done)
    assert list(await core.live(run)) == ["join"]
    assert await core.rows("SELECT id FROM job WHERE run = $1 GROUP BY id HAVING count(*) > 1", run) == []
    await core.is_whole()


async def claim_all(worker: Worker, count: int) -> dict[tuple[object, str], ClaimedJob]:
    """Claim `count` jobs and return them by run and node."""
    found: list[ClaimedJob] = []
    while len(found) < count:
        found += await worker.claim(count - len(found))
    return {(each.run.id, each.node or ""): each for each in found}
