"""The queue: lanes, priorities, low-water marks, returned jobs, and transitions between all job states."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.installation import PATIENCE_S
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, job

from orvanta_platform import clock
from orvanta_platform.db import consistency
from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.jobs import ClaimedJob, ClaimLane
from orvanta_platform.db.steps import JobCompletion, RetryWake, StepWrite, write_steps
from orvanta_platform.engine.states import JOB, JobState
from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.orchestrator.value_cache import RecentValues
from orvanta_platform.queue import claim
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions, ScriptPreview
from orvanta_platform.worker import claiming

pytestmark = pytest.mark.every_postgres


async def start_single(core: CoreHarness, queue: str = "python3", priority: int = 0, lane: int = 1) -> UUID:
    """Start a run of one script with these queue settings."""
    preview = ScriptPreview("def main(): pass", "python3", tag=queue)
    run = await runs.start_preview(core.platform, ACTOR, WORKSPACE, preview, b"{}", RunOptions())
    await core.run("UPDATE job_live SET priority = $2, lane = $3 WHERE id = $1", run, priority, lane)
    return run


class Hours:
    """A monotonic clock controlled by the test."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        patch.setattr(clock, "monotonic", lambda: self.now)


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    return Hours(monkeypatch)


async def test_higher_priority_first_then_in_order(core: CoreHarness) -> None:
    worker = await core.worker()
    started = {priority: [await start_single(core, priority=priority) for _ in range(2)] for priority in (1, 50, 7)}
    claimed = [(await worker.claim(1))[0].id for _ in range(6)]
    assert claimed == [*started[50], *started[7], *started[1]]


async def test_one_claim_in_sixteen_starts_with_lowest_priority(core: CoreHarness) -> None:
    """A constant load of the highest priority does not starve lower priorities."""
    worker = await core.worker()
    low = await start_single(core, priority=0)
    taken: list[UUID] = []
    while low not in taken:
        await start_single(core, priority=100)
        taken += [found.id for found in await worker.claim(1)]
        assert len(taken) <= claim.FROM_BELOW
    assert len(taken) == claim.FROM_BELOW


async def test_three_of_four_places_go_to_runs_under_way(core: CoreHarness) -> None:
    worker = await core.worker()
    for lane in (0, 1):
        for _ in range(20):
            await start_single(core, lane=lane)
    assert Counter(found.lane for found in await worker.claim(8)) == {0: 6, 1: 2}
    assert Counter(found.lane for found in await worker.claim(1)) == {0: 1}


async def test_unused_place_goes_to_other_lane(core: CoreHarness) -> None:
    worker = await core.worker()
    for _ in range(20):
        await start_single(core, lane=0)
    assert len([*await worker.claim(8), *await worker.claim(2)]) >= 8


async def test_first_jobs_use_lane_of_new_runs(core: CoreHarness) -> None:
    worker = await core.worker()
    run = await core.start(job("a"), job("b", "a"))
    assert (await core.live(run))["a"]["lane"] == claim.NEW
    (first,) = await worker.claim()
    await worker.finish(first, 1)
    assert (await core.live(run))["b"]["lane"] == claim.UNDER_WAY


async def test_queues_of_one_priority_take_turns(core: CoreHarness) -> None:
    worker = await core.worker()
    for queue in "abc":
        for _ in range(6):
            await start_single(core, queue)
    first = [(await worker.claim(1))[0].queue for _ in range(9)]
    assert Counter(first) == {"a": 3, "b": 3, "c": 3}


async def test_worker_claims_only_from_its_queues(core: CoreHarness) -> None:
    mine, every = await core.worker(["a", "b"]), await core.worker()
    for queue in "abc":
        await start_single(core, queue)
    assert {found.queue for found in await mine.claim(10)} == {"a", "b"}
    assert [found.queue for found in await every.claim(10)] == ["c"]


async def test_concurrent_claims_take_each_job_once(core: CoreHarness) -> None:
    workers = [await core.worker() for _ in range(6)]
    started = [await start_single(core) for _ in range(60)]
    found: list[ClaimedJob] = []
    while len(found) < 60:
        for batch in await asyncio.gather(*(worker.claim(5) for worker in workers)):
            found += batch
    assert sorted(each.id for each in found) == sorted(started)
    assert {each.attempt for each in found} == {1}


async def test_job_committed_late_is_not_skipped(core: CoreHarness, hours: Hours) -> None:
    """Its seq is below those claimed meanwhile: within the lag it is found immediately, otherwise within a second."""
    worker = await core.worker()
    async with core.third_session() as other:
        for wait_s, found_at_once in ((0.1, True), (0.5, False)):
            async with other.connection.transaction():
                late = await start_single(core)
                await core.run("DELETE FROM job_live WHERE id = $1", late)
                await other.connection.execute(COPY, late)
                assert await start_single(core)
                assert len(await worker.claim(1)) == 1
                hours.now += wait_s
                assert await start_single(core)
                assert len(await worker.claim(1)) == 1
            taken = [found.id for found in await worker.claim(1)]
            assert (taken == [late]) is found_at_once
            hours.now += claim.LOW_WATER_AGE_S + 0.01
            if not found_at_once:
                assert [found.id for found in await worker.claim(1)] == [late]
            hours.now += claim.LOW_WATER_AGE_S + 0.01


COPY = (
    "INSERT INTO job_live (id, run, workspace, node_index, kind, language, queue, priority,"
    " lane, seq, state, enqueued_at)"
    " SELECT r.id, r.id, workspace, 0, kind, language, 'python3', 0, 1, nextval('job_seq'), 'available', app_now()"
    " FROM run_live r WHERE id = $1"
)


async def test_low_water_mark_follows_claims(core: CoreHarness, hours: Hours) -> None:
    worker = await core.worker()
    for _ in range(4):
        await start_single(core)
    (first,) = await worker.claim(1)
    hours.now += 0.1
    (second,) = await worker.claim(1)
    water = worker.claimer._mark("python3", 0, 1)
    assert water.mark(hours.now, claim.LOW_WATER_AGE_S) == 0
    hours.now += 0.2
    assert water.mark(hours.now, claim.LOW_WATER_AGE_S) == first.seq
    hours.now += 0.1
    assert water.mark(hours.now, claim.LOW_WATER_AGE_S) == second.seq
    hours.now += claim.LOW_WATER_AGE_S
    assert water.mark(hours.now, claim.LOW_WATER_AGE_S) == 0


async def test_marks_of_empty_queues_are_dropped(core: CoreHarness, hours: Hours) -> None:
    """Dynamic tags may name any number of queues."""
    worker = await core.worker()
    for number in range(20):
        started = await start_single(core, queue=f"tag-{number}")
        assert [found.id for found in await worker.claim(1)] == [started]
        hours.now += claim.LOW_WATER_AGE_S + 0.01
    assert {queue for queue, _, _ in worker.claimer._marks} == {"tag-18", "tag-19"}


async def test_mark_that_applies_is_not_dropped(core: CoreHarness, hours: Hours) -> None:
    """Another queue has work meanwhile."""
    worker = await core.worker()
    await start_single(core)
    (first,) = await worker.claim(1)
    hours.now += claim.LOW_WATER_LAG_S + 0.01
    await start_single(core, queue="bash")
    assert len(await worker.claim(1)) == 1
    assert worker.claimer._mark("python3", 0, 1).mark(hours.now, claim.LOW_WATER_AGE_S) == first.seq


async def test_jobs_committed_late_are_claimed_immediately(core: CoreHarness, hours: Hours) -> None:
    """A job below the mark indicates further ones, which are claimed without waiting for the next full scan."""
    worker = await core.worker()
    late = [await start_single(core) for _ in range(5)]
    await core.run("UPDATE job_live SET state = 'scheduled', seq = NULL")
    await start_single(core)
    assert len(await worker.claim(1)) == 1
    hours.now += 0.5
    await start_single(core)
    assert len(await worker.claim(1)) == 1
    await core.run("UPDATE job_live SET state = 'available', seq = attempt + 1 WHERE state = 'scheduled'")
    hours.now += claim.LOW_WATER_AGE_S + 0.01
    taken = [found.id for _ in late for found in await worker.claim(1)]
    assert sorted(taken) == sorted(late)


async def test_slow_scans_from_start_are_rare(core: CoreHarness, hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead rows retained by a snapshot slow down full scans; jobs in known lanes are claimed without them."""
    looks: list[float] = []
    starts: list[float] = []
    real_pairs, real_claim = job_rows.list_waiting_pairs, job_rows.claim

    async def list_waiting_pairs(connection: Any) -> list[tuple[str, int]]:
        looks.append(hours.now)
        hours.now += 0.5
        return await real_pairs(connection)

    async def claim_rows(connection: Any, lanes: Sequence[ClaimLane], *rest: Any) -> list[ClaimedJob]:
        if lanes[-1].low == 0:
            starts.append(hours.now)
            hours.now += 0.5
        return await real_claim(connection, lanes, *rest)

    monkeypatch.setattr(job_rows, "list_waiting_pairs", list_waiting_pairs)
    monkeypatch.setattr(job_rows, "claim", claim_rows)
    worker = await core.worker()
    for _ in range(40):
        started = await start_single(core)
        assert [found.id for found in await worker.claim(1)] == [started]
        hours.now += 0.5
    most = (hours.now - looks[0]) / (claim.SCAN_SHARE * 0.5) + 2
    assert len(looks) <= most and len(starts) <= most
    elsewhere = await start_single(core, queue="bash")
    hours.now += claim.SCAN_SHARE * 0.5
    assert [found.id for found in await worker.claim(1)] == [elsewhere]


async def test_scan_of_stopped_process_does_not_delay_next_one(
    core: CoreHarness, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was slow, but not because of dead rows: a job that was committed late would wait twenty times as long."""
    stopped_s, real = [600.0], job_rows.claim

    async def claim_rows(*args: Any) -> list[ClaimedJob]:
        hours.now += stopped_s.pop() if stopped_s else 0.0
        return await real(*args)

    worker = await core.worker()
    late = await start_single(core)
    await core.run("UPDATE job_live SET state = 'scheduled', seq = NULL")
    await start_single(core)
    monkeypatch.setattr(job_rows, "claim", claim_rows)
    assert len(await worker.claim(1)) == 1
    await core.run("UPDATE job_live SET state = 'available', seq = 1 WHERE id = $1", late)
    hours.now += 0.5
    assert [found.id for found in await worker.claim(1)] == [late]


async def test_fast_scan_is_made_each_time(core: CoreHarness, hours: Hours, monkeypatch: pytest.MonkeyPatch) -> None:
    real = job_rows.list_waiting_pairs

    async def list_waiting_pairs(connection: Any) -> list[tuple[str, int]]:
        hours.now += 0.05
        return await real(connection)

    monkeypatch.setattr(job_rows, "list_waiting_pairs", list_waiting_pairs)
    worker = await core.worker()
    for queue in ("python3", "bash", "bun"):
        started = await start_single(core, queue=queue)
        async with core.platform.db.acquire() as connection:
            assert [found.id for found in await worker.claimer.claim(connection, 2, notified=False)] == [started]


async def test_poll_survives_any_error(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing restarts it, and it finds the jobs whose notification was lost."""
    scan, errors = job_rows.list_waiting_pairs, [ValueError("it broke"), TimeoutError()]

    async def fail_twice(connection: Any) -> list[tuple[str, int]]:
        if errors:
            raise errors.pop()
        return await scan(connection)

    monkeypatch.setattr(job_rows, "list_waiting_pairs", fail_twice)
    monkeypatch.setattr(claiming, "POLL_S", 0.0)
    await start_single(core)
    await core.run("UPDATE job_live SET queue = 'unannounced'")
    with core.platform.listen.watch("queue:unannounced") as watch:
        polling = asyncio.create_task(claiming.JobPolls(core.platform).run())
        try:
            assert await watch.wait(PATIENCE_S)
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)


async def test_loops_claim_without_notification_only_while_polls_fail(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim that finds nothing costs a statement, and an answered poll has found that nothing waits."""
    monkeypatch.setattr(claiming, "_WAIT_S", (0.0, 0.0))
    polls = claiming.JobPolls(core.platform)
    with core.platform.listen.watch("queue:a") as watch:
        assert not await polls.wait(watch)
        polls._answered_at = clock.monotonic()
        waiting = asyncio.create_task(polls.wait(watch))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        watch.set()
        assert await waiting


async def test_lone_job_costs_one_claim_and_one_scan(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim locks the row of the worker: one that finds nothing would be a transaction that writes."""
    made: list[str] = []
    scan, claim_rows = job_rows.list_waiting_pairs, job_rows.claim

    async def counted_scan(connection: Any) -> list[tuple[str, int]]:
        made.append("scan")
        return await scan(connection)

    async def counted_claim(*args: Any) -> list[ClaimedJob]:
        made.append("claim")
        return await claim_rows(*args)

    monkeypatch.setattr(job_rows, "list_waiting_pairs", counted_scan)
    monkeypatch.setattr(job_rows, "claim", counted_claim)
    worker = await core.worker()
    for round_number in range(4):
        made.clear()
        started = await start_single(core)
        async with core.db.acquire() as connection:
            assert [found.id for found in await worker.claimer.claim(connection, 4)] == [started]
            assert await worker.claimer.claim(connection, 4, notified=False) == []
        assert made == (["claim", "scan"] if round_number else ["scan", "claim", "scan"])


async def test_returned_jobs_count_no_attempt(core: CoreHarness) -> None:
    worker, second = await core.worker(), await core.worker()
    run = await core.start(job("a"))
    (first,) = await worker.claim()
    async with core.db.acquire() as connection:
        assert await job_rows.give_back(connection, [first.id], second.id, 1) == []
        assert await job_rows.give_back(connection, [first.id], worker.id, 2) == []
        assert await job_rows.give_back(connection, [first.id], worker.id, 1) == ["python3"]
        assert await job_rows.give_back(connection, [first.id], worker.id, 1) == []
    waiting = (await core.live(run))["a"]
    assert (waiting["state"], waiting["attempt"], waiting["losses"]) == ("available", 0, 0)
    (again,) = await second.claim()
    assert again.attempt == 1
    assert not (await worker.finish(first, "never started")).recorded
    assert (await second.finish(again, "good")).recorded
    await core.is_whole()


async def test_job_returned_in_cancelled_run_is_withdrawn(core: CoreHarness) -> None:
    """No worker may claim it, and a claim of one job finds nothing else as long as it is the first in the queue."""
    worker = await core.worker()
    run = await core.start(job("a"))
    (first,) = await worker.claim()
    await core.cancel(run)
    async with core.db.acquire() as connection:
        assert await job_rows.give_back(connection, [first.id], worker.id, 1) == ["python3"]
    await core.run("UPDATE job_live SET lane = 0")
    later = await core.start(job("a"))
    await core.run("UPDATE job_live SET lane = 0")
    await core.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
    await timers.sweep(core.platform.tools)
    assert (await core.ended(run))["status"] == "cancelled"
    assert [found.run.id for found in await worker.claim(1)] == [later]
    await core.is_whole()


async def test_job_returned_during_cancellation_is_withdrawn(core: CoreHarness) -> None:
    """The cancellation has found the job running, and is committed before the job becomes available."""
    worker = await core.worker()
    run = await core.start(job("a"))
    (first,) = await worker.claim()

    async def give_back() -> list[str]:
        async with core.db.acquire() as connection:
            return await job_rows.give_back(connection, [first.id], worker.id, 1)

    async with core.third_session() as other:
        async with other.connection.transaction():
            assert await run_rows.request_cancel(other.connection, run, "ann", "enough")
            assert [found.state for found in await job_rows.lock_jobs_of_run(other.connection, run)] == ["running"]
            giving = asyncio.create_task(give_back())
            await other.until_waiting()
        assert await giving == ["python3"]
    assert [row["run"] for row in await core.rows("SELECT run FROM inbox")] == [run]
    await advance(core.platform.tools, run)
    assert (await core.ended(run))["status"] == "cancelled"
    await core.is_whole()


async def test_reaped_job_gains_priority_and_goes_to_end_of_queue(core: CoreHarness) -> None:
    worker = await core.worker()
    runs_of = [await start_single(core, priority=priority) for priority in (0, 100)]
    found = await worker.claim(10)
    await worker.vanish()
    await worker.reap()
    rows = {row["id"]: row for row in await core.rows("SELECT * FROM job_live")}
    assert [rows[run]["priority"] for run in runs_of] == [1, 100]
    assert all(rows[each.id]["seq"] > (each.seq or 0) for each in found)


async def bring(core: CoreHarness, worker: Worker, state: JobState) -> ClaimedJob:
    """Put a job into this state by the real protocol."""
    await core.start(job("a", retry={"constant": {"attempts": 3, "seconds": 60}}))
    (claimed,) = await worker.claim()
    match state:
        case JobState.SCHEDULED:
            await worker.finish(claimed, error="Boom")
        case JobState.AVAILABLE:
            async with core.db.acquire() as connection:
                await job_rows.give_back(connection, [claimed.id], worker.id, 1)
        case JobState.SUCCEEDED:
            await worker.finish(claimed, 1)
        case JobState.FAILED:
            await worker.finish(claimed, error="Boom", retryable=False)
        case JobState.CANCELLED:
            await core.cancel(claimed.run.id, force=True)
    return claimed


async def state_of(core: CoreHarness, id: UUID) -> str:
    query = "SELECT state FROM job_live WHERE id = $1 UNION ALL SELECT state FROM job WHERE id = $1"
    return str((await core.row(query, id))["state"])


async def push(core: CoreHarness, worker: Worker, claimed: ClaimedJob, new: JobState) -> None:
    """Apply each operation of the protocol that leads to this state, for every possible holder of the job."""
    live = await core.rows("SELECT * FROM run_live WHERE id = $1", claimed.run.id)
    match new:
        case JobState.RUNNING:
            await (await core.worker()).claim()
        case JobState.AVAILABLE:
            wake = [RetryWake(claimed.id, None)]
            await _write(core, live, StepWrite(claimed.run.id, 0, b"", "running", wakes=wake))
            await worker.vanish()
            await worker.reap(max_losses=1_000)
        case JobState.SCHEDULED:
            await worker.finish(claimed, error="Boom")
        case JobState.SUCCEEDED:
            await worker.finish(claimed, 1)
        case JobState.FAILED:
            await worker.finish(claimed, error="Boom", retryable=False)
        case JobState.CANCELLED:
            await core.cancel(claimed.run.id, force=True)


async def _write(core: CoreHarness, live: list[asyncpg.Record], write: StepWrite) -> None:
    if live:
        known = StepWrite(
            write.run, live[0]["rev"], live[0]["state"], "running", wakes=write.wakes, endings=write.endings
        )
        async with core.db.acquire() as connection:
            await write_steps(connection, [known])


@pytest.mark.parametrize("old", list(JobState))
async def test_only_declared_state_transitions_happen(core: CoreHarness, old: JobState) -> None:
    """Each operation of the protocol that leads to one of the six states is applied to a job in this state."""
    for new in JobState:
        worker = await core.worker()
        claimed = await bring(core, worker, old)
        assert await state_of(core, claimed.id) == old
        await push(core, worker, claimed, new)
        came_to = await state_of(core, claimed.id)
        allowed = (old, new) in JOB.arrows
        assert came_to == (new if allowed else old), f"{old} to {new} came to {came_to}"
        await core.cancel(claimed.run.id, force=True)


async def out_of_form(core: CoreHarness) -> set[UUID]:
    """Return the rows that `doctor --consistency` reports as invalid in every state."""
    async with core.db.acquire() as connection:
        found = await consistency.find_violations(connection)
    return {row.id for row in found if row.check == "rows_out_of_form"}


async def test_invalid_row_is_reported(core: CoreHarness) -> None:
    """An available job has a queue position, a running one has a worker, and other jobs have neither."""
    run, worker = await core.start(job("a")), await core.worker()
    update = "UPDATE job_live SET state = $2, seq = $3, worker = $4, generation = $5 WHERE run = $1"
    states = ("scheduled", "available", "running", "succeeded", "nonsense")
    for state, seq, held in itertools.product(states, (None, 1), (False, True)):
        values = (run, state, seq, worker.id if held else None, 1 if held else None)
        fits = (state == "running") == held and (state == "available") == (seq is not None)
        await core.run(update, *values)
        assert bool(await out_of_form(core)) != (fits and state in states[:3]), (state, seq, held)


async def test_history_contains_only_ended_jobs(core: CoreHarness) -> None:
    run = await core.start(job("a"))
    insert = (
        "INSERT INTO job (id, run, workspace, node, node_index, kind, state, enqueued_at, ended_at)"
        " VALUES ($1, $2, 'main', 'a', 0, 'flowscript', $3, app_now(), app_now())"
    )
    for place, state in enumerate(JobState):
        id = UUID(int=run.int + place)
        await core.run(insert, id, run, state)
        assert (id in await out_of_form(core)) == (state not in JOB.final)


async def test_waiting_job_is_withdrawn_unless_claimed(core: CoreHarness) -> None:
    """A waiting job is withdrawn with its attempt number; after a claim, the withdrawal is stale."""
    worker = await core.worker()
    run = await core.start(job("a"), job("b"))
    live = await core.live(run)
    row = await core.row("SELECT * FROM run_live WHERE id = $1", run)
    ending = JobCompletion(live["a"]["id"], 0, None, None, "cancelled")
    write = StepWrite(run, row["rev"], row["state"], "running", endings=[ending])
    claimed = await worker.claim_by_node()
    assert set(claimed) == {"a", "b"}
    async with core.db.acquire() as connection:
        assert await write_steps(connection, [write]) == set()
    assert await state_of(core, live["a"]["id"]) == "running"


async def test_claim_returns_small_input_of_new_run(core: CoreHarness) -> None:
    """A larger input, and that of a later job of a run, is read when it is needed."""
    worker = await core.worker()
    inputs = {"small": b'{"n": 1}', "large": b'{"n": "%s"}' % (b"x" * 4097), "packed": b'{"n": "%s"}' % (b"x" * 90_000)}
    preview = ScriptPreview("def main(n): pass", "python3")
    started = {}
    for name, args in inputs.items():
        started[await runs.start_preview(core.platform, ACTOR, WORKSPACE, preview, args, RunOptions())] = name
    started[later := await start_single(core, lane=0)] = "later"
    claimed = {started[found.id]: found for found in await worker.claim(10)}
    assert {name: found.args for name, found in claimed.items()} == {
        "small": inputs["small"],
        "large": None,
        "packed": None,
        "later": None,
    }
    recent = RecentValues()
    recent.put_inputs(claimed.values())
    assert recent.get((claimed["small"].run.id, "args", "")) == inputs["small"]
    assert recent.get((later, "args", "")) is None
