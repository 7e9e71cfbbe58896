"""Batches of steps: a rejected step does not fail others, and a locked run does not delay others."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from tests.orchestrator.harness import CoreHarness, job

from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.steps import StepWrite, write_steps
from orvanta_platform.orchestrator import committer as commit
from orvanta_platform.orchestrator.committer import Committer

pytestmark = pytest.mark.every_postgres

GOOD = 100
REFUSED: dict[str, dict[str, Any]] = {
    "constraint": {"value": {"size": None}},
    "nul": {"value": {"name": "a\0b"}},
    "surrogate": {"value": {"name": "\ud800"}},
    "overflow": {"mem_peak_kb": 1 << 40},
}


async def claim_all(core: CoreHarness, count: int) -> list[ClaimedJob]:
    """Start `count` runs of one job, all claimed by the first worker."""
    await asyncio.gather(*(core.start(job("a")) for _ in range(count)))
    found: list[ClaimedJob] = []
    while len(found) < count:
        found += await core.workers[0].claim(count - len(found))
    return found


@pytest.mark.parametrize("why", REFUSED)
async def test_result_rejected_by_database_fails_alone(core: CoreHarness, why: str) -> None:
    worker = await core.worker()
    jobs = await claim_all(core, GOOD + 1)
    culprit = jobs[GOOD // 3]
    finishes = [worker.report(each, 1) for each in jobs]
    change = dict(REFUSED[why])
    value = replace(finishes[GOOD // 3].value, **change.pop("value", {}))
    finishes[GOOD // 3] = replace(finishes[GOOD // 3], value=value, **change)
    done = await asyncio.gather(
        *(worker.submit(each, finish) for each, finish in zip(jobs, finishes, strict=True)),
        return_exceptions=True,
    )
    failed = [(each, end) for each, end in zip(jobs, done, strict=True) if isinstance(end, BaseException)]
    assert [each.id for each, _ in failed] == [culprit.id]
    assert isinstance(failed[0][1], asyncpg.PostgresError)
    ended = await core.rows("SELECT status FROM run")
    assert [row["status"] for row in ended] == ["succeeded"] * GOOD
    assert list(await core.live(culprit.run.id)) == ["a"]
    assert (await worker.finish(culprit, error="StepRefused", retryable=False)).recorded
    assert (await core.ended(culprit.run.id))["error_name"] == "StepRefused"
    await core.is_whole()


async def test_locked_run_delays_no_other_run(core: CoreHarness) -> None:
    """A third session locks one run while 1,000 other runs finish."""
    worker = await core.worker()
    jobs = await claim_all(core, 1_001)
    stuck, others = jobs[500], [*jobs[:500], *jobs[501:]]
    async with core.third_session() as other:
        async with other.holding("SELECT FROM run_live WHERE id = $1 FOR NO KEY UPDATE", stuck.run.id):
            waiting = asyncio.create_task(worker.finish(stuck, "late"))
            done = await asyncio.gather(*(worker.finish(each, 1) for each in others))
            assert all(end.recorded for end in done)
            assert not waiting.done()
        assert (await waiting).recorded
    assert (await core.row("SELECT count(*) FROM run WHERE status = 'succeeded'"))[0] == 1_001
    await core.is_whole()


async def test_steps_submitted_during_commit_form_next_batch(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch has at most 200 steps, and at most one of each run; a single step does not wait for others."""
    sizes: list[int] = []

    async def counted(connection: Any, steps: list[StepWrite]) -> set[int]:
        assert len({step.run for step in steps}) == len(steps)
        fenced = await write_steps(connection, steps)
        sizes.append(len(steps))  # A commit that waits too long for the lock is retried.
        return fenced

    monkeypatch.setattr(commit, "write_steps", counted)
    worker = await core.worker()
    jobs = await claim_all(core, 451)
    assert (await worker.finish(jobs[0], 1)).recorded
    assert sizes == [1]
    async with core.third_session() as other:
        async with other.holding("SELECT FROM job_live WHERE id = $1 FOR UPDATE", jobs[1].id):
            first = asyncio.create_task(worker.finish(jobs[1], 1))
            await other.until_waiting()
            rest = [asyncio.create_task(worker.finish(each, 1)) for each in jobs[2:]]
            while len(worker.committer._items) < len(rest):
                await asyncio.sleep(0)
        await asyncio.gather(first, *rest)
    assert sizes == [1, 1, 200, 200, 49]
    await core.is_whole()


async def test_committer_survives_step_that_cannot_be_sent(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = await core.worker()
    jobs = await claim_all(core, 20)

    async def broken(connection: Any, steps: list[StepWrite]) -> set[int]:
        if jobs[3].run.id in {step.run for step in steps}:
            raise RuntimeError("broken")
        return await write_steps(connection, steps)

    monkeypatch.setattr(commit, "write_steps", broken)
    ends = await asyncio.gather(*(worker.finish(each, 1) for each in jobs), return_exceptions=True)
    assert [isinstance(end, RuntimeError) for end in ends] == [each is jobs[3] for each in jobs]
    monkeypatch.setattr(commit, "write_steps", write_steps)
    assert (await worker.finish(jobs[3], 1)).recorded
    await core.is_whole()


async def test_close_cancels_pending_steps(core: CoreHarness) -> None:
    worker = await core.worker()
    (claimed,) = await claim_all(core, 1)
    async with core.third_session() as other:
        async with other.holding("SELECT FROM job_live WHERE id = $1 FOR UPDATE", claimed.id):
            committer = Committer(core.db)
            worker.committer, before = committer, worker.committer
            ends = [asyncio.create_task(worker.finish(claimed, 1))]
            await other.until_waiting()
            ends.append(asyncio.create_task(worker.finish(claimed, 1)))
            while not committer._items:
                await asyncio.sleep(0)
            await committer.close()
            worker.committer = before
            done = await asyncio.wait_for(asyncio.gather(*ends, return_exceptions=True), 20)
        assert all(isinstance(end, asyncio.CancelledError) for end in done)
