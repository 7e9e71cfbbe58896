"""The inbox: events are durable before they are processed; early and late events, timers, losses."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.orchestrator.harness import CoreHarness, condition, job, on

from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.orchestrator import inbox, recovery, timers
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.orchestrator.decision import prepare
from orvanta_platform.orchestrator.recovery import LostAttempt
from orvanta_platform.queue.scan_cursor import START
from orvanta_platform.services.runs.start import RunOptions

pytestmark = pytest.mark.every_postgres

RETRY = {"constant": {"attempts": 2, "seconds": 60}}


async def leave(core: CoreHarness, run: UUID, *events: inbox.InboxEvent) -> None:
    """Insert events into the inbox without processing them."""
    async with core.db.transaction() as connection:
        for event in events:
            assert await run_rows.insert_event(connection, run, inbox.write(event))


async def one_job(core: CoreHarness, **more: object) -> tuple[UUID, ClaimedJob]:
    """Start a run of a job that this worker has claimed."""
    worker = await core.worker()
    run = await core.start(job("a", **more))
    (claimed,) = await worker.claim()
    return run, claimed


async def test_any_slow_path_drains_inbox(core: CoreHarness) -> None:
    worker = await core.worker()
    run = await core.start(job("a"), job("b"), job("c", on("a", "always"), on("b", "always"), join="settled"))
    claimed = await worker.claim_by_node()
    await leave(core, run, inbox.CancelJob(claimed["a"].id, "enough"))
    done = await advance(core.platform.tools, run, worker.report(claimed["b"], 2))
    assert done.recorded and not done.ended
    assert await core.rows("SELECT FROM inbox") == []
    assert set(await core.live(run)) == {"c"}
    ended = {row["node"]: row["error_name"] for row in await core.rows("SELECT * FROM job WHERE run = $1", run)}
    assert ended == {"a": "Canceled", "b": None}
    before = await core.everything()
    await worker.finish(claimed["a"], "late")
    assert await core.everything() == before
    await core.is_whole()


async def test_sweep_drains_events_pending_for_a_second(core: CoreHarness) -> None:
    run, claimed = await one_job(core)
    await leave(core, run, inbox.CancelJob(claimed.id, "enough"))
    assert await timers.sweep(core.platform.tools) == 0
    await core.run("UPDATE inbox SET created_at = app_now() - interval '2 seconds'")
    assert await timers.sweep(core.platform.tools) == 1
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "Canceled")
    await core.is_whole()


async def test_long_inbox_is_drained_completely(core: CoreHarness) -> None:
    run = await core.start(job("a", continue_on_error=True), job("b"))
    first = (await core.live(run))["a"]["id"]
    await leave(
        core, run, inbox.CancelJob(first, "enough"), *[inbox.RetryDue(uuid4())] * 450, inbox.CancelRun(force=True)
    )
    await advance(core.platform.tools, run)
    assert (await core.ended(run))["status"] == "cancelled"
    await core.is_whole()


async def test_concurrent_drains_count_each_event_once(core: CoreHarness) -> None:
    worker = await core.worker()
    run = await core.start(*(job(f"n{place}", continue_on_error=True) for place in range(8)))
    claimed = await worker.claim()
    await leave(core, run, *(inbox.CancelJob(each.id, "enough") for each in claimed[:7]))
    await asyncio.gather(*(advance(core.platform.tools, run) for _ in range(4)))
    assert await core.rows("SELECT FROM inbox") == []
    assert len(await core.rows("SELECT FROM job WHERE run = $1", run)) == 7
    await core.is_whole()


async def test_expression_reads_values_of_earlier_event_in_same_transaction(core: CoreHarness) -> None:
    """Expressions are evaluated outside of the transaction, so the earlier event's values are not yet in any table."""
    worker = await core.worker()
    run = await core.start(
        job("a"),
        job("b"),
        condition("c", "results.a.error.name === 'Canceled'", on("a", "always"), "b", join="settled"),
    )
    claimed = await worker.claim_by_node()
    await leave(core, run, inbox.CancelJob(claimed["a"].id, "enough"))
    await advance(core.platform.tools, run, worker.report(claimed["b"], 2))
    assert (await core.ended(run))["status"] == "succeeded"
    assert await core.result(run) is True
    await core.is_whole()


async def test_answers_for_rolled_back_state_are_not_used(core: CoreHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an expression is evaluated outside the transaction, a worker finishes the job that an event cancels.

    The run then has another state at the rev that it had in that transaction.
    """
    worker = await core.worker()
    run = await core.start(
        job("a"), job("b"), condition("c", "true", "b"), job("d", on("a", "success")), job("e", on("a", "failure"))
    )
    claimed = await worker.claim_by_node()
    await leave(core, run, inbox.CancelJob(claimed["a"].id, "enough"))

    async def finish_first(*args: Any) -> None:
        if "a" in claimed:
            assert (await worker.finish(claimed.pop("a"), 1)).recorded
        await prepare(*args)

    monkeypatch.setattr("orvanta_platform.orchestrator.advance.prepare", finish_first)
    assert (await advance(core.platform.tools, run, worker.report(claimed["b"], 2))).recorded
    assert set(await core.live(run)) == {"d"}
    ended = {row["node"]: row["state"] for row in await core.rows("SELECT * FROM job WHERE run = $1", run)}
    assert ended == {"a": "succeeded", "b": "succeeded", "c": "succeeded"}
    await core.is_whole()


@pytest.mark.parametrize("how", ["export", "condition", "lost"])
async def test_failed_run_names_its_error(core: CoreHarness, how: str) -> None:
    throwing = {"type": "javascript", "expr": "flow_input.missing.x"}
    if how == "export":
        run, claimed = await one_job(core, export={"x": throwing})
        assert (await core.workers[0].finish(claimed, 1)).recorded
    elif how == "condition":
        worker = await core.worker()
        run = await core.start(job("a"), condition("b", "flow_input.missing.x", "a"))
        (claimed,) = await worker.claim()
        assert (await worker.finish(claimed, 1)).recorded
    else:
        run, claimed = await one_job(core)
        await core.workers[0].vanish()
        await core.workers[0].reap(max_losses=0)
    ended = await core.ended(run)
    error = await core.result(run)
    assert (ended["status"], ended["error_name"]) == ("failed", error["error"]["name"])
    assert ended["error_name"] == ("worker_lost" if how == "lost" else "TypeError")
    await core.is_whole()


@pytest.mark.parametrize("kind", ["retry", "lost", "lost generation", "job", "start"])
async def test_outdated_event_is_processed_without_effect(core: CoreHarness, kind: str) -> None:
    """The event is too early, too late, or of another attempt."""
    run, claimed = await one_job(core, retry=RETRY)
    events: dict[str, inbox.InboxEvent] = {
        "retry": inbox.RetryDue(claimed.id),
        "lost": inbox.JobLost(claimed.id, claimed.attempt + 1, 1, 4),
        "lost generation": inbox.JobLost(claimed.id, claimed.attempt, 2, 4),
        "job": inbox.CancelJob(uuid4(), "enough"),
        "start": inbox.StartRun(),
    }
    before = await core.live(run)
    await leave(core, run, events[kind])
    await advance(core.platform.tools, run)
    assert await core.rows("SELECT FROM inbox") == []
    assert await core.live(run) == before
    assert (await core.workers[0].finish(claimed, 1)).recorded
    assert (await core.ended(run))["status"] == "succeeded"
    await core.is_whole()


async def test_event_for_ended_run_is_deleted(core: CoreHarness) -> None:
    run, claimed = await one_job(core)
    await core.run(
        "INSERT INTO inbox (run, event) VALUES ($1, $2)", uuid4(), inbox.write(inbox.CancelRun()).replace("'", "")
    )
    stray = (await core.row("SELECT run FROM inbox"))["run"]
    await advance(core.platform.tools, stray)
    assert await core.rows("SELECT FROM inbox") == []
    assert (await core.workers[0].finish(claimed, 1)).recorded
    async with core.db.acquire() as connection:
        assert not await run_rows.insert_event(connection, run, inbox.write(inbox.CancelRun()))


async def test_retry_waits_for_its_timer(core: CoreHarness) -> None:
    run, claimed = await one_job(core, retry=RETRY)
    worker = core.workers[0]
    assert (await worker.finish(claimed, error="Boom")).recorded
    waiting = (await core.live(run))["a"]
    assert (waiting["state"], waiting["failures"], waiting["worker"]) == ("scheduled", 1, None)
    (noted,) = json.loads(waiting["attempts"])
    assert (noted["attempt"], noted["reason"], noted["error"]) == (1, "retry", "Boom")
    assert await timers.fire(core.platform.tools) == 0
    assert await worker.claim() == []
    assert 55 < ((await timers.find_due(core.platform.tools)).in_s or 0) <= 60
    await core.run("UPDATE timer SET due_at = app_now()")
    assert await timers.fire(core.platform.tools) == 1
    (again,) = await worker.claim()
    assert (again.id, again.attempt, again.failures) == (claimed.id, 2, 1)
    assert not (await worker.finish(claimed, "of the first attempt")).recorded
    assert (await worker.finish(again, "good")).recorded
    assert await core.result(run) == "good"
    await core.is_whole()


async def test_timer_fired_twice_counts_once(core: CoreHarness) -> None:
    worker = await core.worker()
    runs = [await core.start(job("a", retry=RETRY)) for _ in range(20)]
    await asyncio.gather(*[worker.finish(each, error="Boom") for each in await worker.claim(20)])
    await core.run("UPDATE timer SET due_at = app_now()")
    fired = await asyncio.gather(*(timers.fire(core.platform.tools) for _ in range(4)))
    assert sum(fired) == 20
    assert [(await core.live(run))["a"]["state"] for run in runs] == ["available"] * 20
    await core.is_whole()


async def test_timer_of_dead_process_is_not_lost(core: CoreHarness) -> None:
    """The timer is deleted in the transaction that inserts its event, so the sweep finds the event."""
    run, claimed = await one_job(core, retry=RETRY)
    await core.workers[0].finish(claimed, error="Boom")
    await core.run("UPDATE timer SET due_at = app_now()")
    await core.db.retrying(partial(timers._take_due, START))
    assert await core.rows("SELECT FROM timer") == []
    await core.is_whole()
    await core.run("UPDATE inbox SET created_at = app_now() - interval '2 seconds'")
    await timers.sweep(core.platform.tools)
    assert (await core.live(run))["a"]["state"] == "available"


async def test_scheduled_run_starts_in_lane_of_new_runs(core: CoreHarness) -> None:
    worker = await core.worker()
    later = (await core.row("SELECT app_now() + interval '1 hour'"))[0]
    run = await core.start(job("a"), options=RunOptions(scheduled_at=later))
    assert await worker.claim() == []
    assert await core.live(run) == {}
    await core.run("UPDATE timer SET due_at = app_now()")
    await timers.fire(core.platform.tools)
    assert (await core.live(run))["a"]["lane"] == 1
    (claimed,) = await worker.claim()
    assert (await worker.finish(claimed, 1)).recorded
    await core.is_whole()


async def test_unanswered_cancel_ends_by_timer(core: CoreHarness) -> None:
    run, claimed = await one_job(core)
    await core.cancel(run)
    assert (await core.live(run))["a"]["state"] == "running"
    assert (await core.row("SELECT status FROM run_live"))["status"] == "cancelling"
    await core.run("UPDATE timer SET due_at = app_now()")
    assert await timers.fire(core.platform.tools) == 1
    assert (await core.ended(run))["status"] == "cancelled"
    assert not (await core.workers[0].finish(claimed, 1)).recorded
    await core.is_whole()


async def test_answered_cancel_ends_run(core: CoreHarness) -> None:
    run, claimed = await one_job(core, retry=RETRY)
    await core.cancel(run)
    assert (await core.workers[0].finish(claimed, error="Killed", cancelled=True)).recorded
    assert (await core.ended(run))["status"] == "cancelled"
    assert await core.rows("SELECT FROM timer") == []
    await core.is_whole()


async def test_job_losing_its_worker_too_often_fails(core: CoreHarness) -> None:
    """Losses do not count as retry attempts of the workflow, which are for failures of the code."""
    run = await core.start(job("a", retry=RETRY))
    for losses in range(4):
        worker = await core.worker()
        (claimed,) = await worker.claim()
        assert (claimed.attempt, claimed.failures) == (losses + 1, 0)
        await worker.vanish()
        reaped = await worker.reap(max_losses=3)
        assert (reaped.jobs, len(reaped.stepped)) == ((1, 0) if losses < 3 else (0, 1))
        await worker.reap(max_losses=3)
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "worker_lost")
    (row,) = await core.rows("SELECT * FROM job WHERE run = $1", run)
    assert (row["attempt"], row["losses"]) == (4, 3)
    assert [noted["reason"] for noted in json.loads(row["attempts"])] == ["worker_lost"] * 3
    kinds = [row["kind"] for row in await core.rows("SELECT kind FROM event WHERE run = $1 ORDER BY seq", run)]
    assert kinds.count("reap") == 3
    await core.is_whole()


async def test_loss_of_earlier_attempt_does_not_affect_next(core: CoreHarness) -> None:
    """The worker may have run the job again after the loss was recorded."""
    run, claimed = await one_job(core)
    worker = core.workers[0]
    lost = [LostAttempt(claimed.id, run, claimed.attempt)]
    for _ in range(2):
        await recovery.requeue_lost(core.platform.tools, lost, worker.id, worker.generation, max_losses=3)
        await worker.claim()
    assert [row["losses"] for row in await core.rows("SELECT losses FROM job_live WHERE run = $1", run)] == [1]


async def test_unprocessed_loss_event_is_not_lost(core: CoreHarness) -> None:
    """The reaper died between its two transactions: another one reaps the worker, and the event counts once."""
    run, claimed = await one_job(core)
    worker = core.workers[0]
    await worker.vanish()
    await leave(core, run, inbox.JobLost(claimed.id, 1, 1, 4))
    await worker.reap(max_losses=0)
    await worker.reap(max_losses=0)
    assert (await core.ended(run))["status"] == "failed"
    assert len(await core.rows("SELECT FROM job WHERE run = $1", run)) == 1
    await core.is_whole()


async def test_later_export_of_one_step_wins(core: CoreHarness) -> None:
    """The node that ends last in the step determines the value."""
    worker = await core.worker()
    first, second = ({"x": {"type": "javascript", "expr": expr}} for expr in ("1", "2"))
    run = await core.start(job("a", export=first), condition("b", "true", "a", export=second))
    (claimed,) = await worker.claim()
    assert (await worker.finish(claimed, 1)).recorded
    (stored,) = await core.rows("SELECT body FROM value WHERE id = $1 AND kind = 'context'", run)
    assert stored["body"] == b"2"
    await core.is_whole()


async def test_result_of_run_contains_error_of_throwing_export(core: CoreHarness) -> None:
    """The node's result is the error, not the job's value, even in the step that ends the run."""
    worker = await core.worker()
    throwing = {"x": {"type": "javascript", "expr": "flow_input.missing.x"}}
    run = await core.start(job("a", export=throwing, continue_on_error=True), job("b"))
    claimed = await worker.claim_by_node()
    assert (await worker.finish(claimed["b"], "b")).recorded
    assert (await worker.finish(claimed["a"], "a")).recorded
    result = await core.result(run)
    assert (result["a"]["error"]["name"], result["b"]) == ("TypeError", "b")
    await core.is_whole()


async def test_result_of_run_contains_values_of_last_step(core: CoreHarness) -> None:
    worker = await core.worker()
    run = await core.start(job("a"), condition("b", "true", "a"), job("c"))
    claimed = await worker.claim_by_node()
    assert (await worker.finish(claimed["c"], "c")).recorded
    assert (await worker.finish(claimed["a"], "a")).recorded
    assert await core.result(run) == {"b": True, "c": "c"}
    await core.is_whole()


async def test_expression_reads_error_of_throwing_export_in_same_step(core: CoreHarness) -> None:
    worker = await core.worker()
    throwing = {"x": {"type": "javascript", "expr": "flow_input.missing.x"}}
    run = await core.start(
        job("a", export=throwing), condition("b", "results.a.error.name === 'TypeError'", on("a", "failure"))
    )
    (claimed,) = await worker.claim()
    assert (await worker.finish(claimed, "a")).recorded
    assert await core.result(run) is True
    await core.is_whole()
