"""Delay, sleep, skip_if, mock and skip_expr on PostgreSQL: timers fire, and no worker is occupied."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, job, on

from orvanta_platform import clock
from orvanta_platform.http.schemas.flow_status import FlowStatus, flow_status
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.run_views import jobs


def delay(id: str, *needs: Any, **value: Any) -> dict[str, Any]:
    return {"id": id, "value": {"type": "delay", **value}, "needs": list(needs)}


def js(text: str) -> dict[str, str]:
    return {"type": "javascript", "expr": text}


async def due(core: CoreHarness) -> int:
    """Make all timers due and fire them."""
    await core.run("UPDATE timer SET due_at = app_now()")
    return await timers.fire(core.platform.tools)


async def seen(core: CoreHarness, run: UUID) -> FlowStatus:
    """Return the run as shown by the API."""
    progress = (await jobs.get(core.platform, ACTOR, WORKSPACE, run)).progress
    assert progress is not None
    return flow_status(progress)


async def test_delay_occupies_no_worker(core: CoreHarness) -> None:
    run = await core.start(delay("d", seconds=60), job("a", "d"), args={"x": 1}, output=js("results.d"))
    worker = await core.worker()
    assert await worker.claim() == []
    row = await core.row("SELECT due_at - app_now() AS left, kind FROM timer WHERE run = $1", run)
    assert row["kind"] == "wait" and timedelta(seconds=50) < row["left"] <= timedelta(seconds=60)
    (wait,) = (await seen(core, run)).waits
    assert (wait.id, wait.reason) == ("d", "waiting for its start time")
    assert await due(core) == 1
    await worker.finish((await worker.claim_by_node())["a"])
    assert await core.result(run) == {"x": 1}
    await core.is_whole()


async def test_delay_until_past_time_ends_immediately(core: CoreHarness) -> None:
    run = await core.start(delay("d", until={"type": "static", "value": "2020-01-31T12:00:00Z"}))
    assert await core.result(run) == {} and await core.rows("SELECT FROM timer") == []


async def test_delay_until_time(core: CoreHarness) -> None:
    at = clock.now() + timedelta(days=3)
    run = await core.start(delay("d", until=js("flow_input.at")), args={"at": at.isoformat()})
    assert (await core.row("SELECT due_at FROM timer WHERE run = $1", run))["due_at"] == at
    await due(core)
    assert (await core.ended(run))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("next week", "must be a time"),
        (5, "must be a time"),
        ("2030-01-31T12:00:00", "needs an offset"),
        ("2999-01-31T12:00:00Z", "more than ten years"),
    ],
)
async def test_delay_until_invalid_time_fails(core: CoreHarness, at: Any, says: str) -> None:
    run = await core.start(delay("d", until=js("flow_input.at")), args={"at": at})
    error = (await core.result(run))["error"]
    assert (error["name"], error["step_id"]) == ("InvalidDelay", "d") and says in error["message"]


async def test_sleep_delays_next_node(core: CoreHarness) -> None:
    run = await core.start(job("a", sleep=js("flow_input.s")), job("b", "a"), args={"s": 30})
    worker = await core.worker()
    await worker.finish((await worker.claim_by_node())["a"], 5)
    assert await worker.claim() == []
    assert (await core.row("SELECT state FROM job WHERE run = $1 AND node = 'a'", run))["state"] == "succeeded"
    status = await seen(core, run)
    assert [module.type for module in status.modules] == ["Success", "WaitingForPriorSteps"]
    assert [wait.id for wait in status.waits] == ["a"]
    await due(core)
    await worker.finish((await worker.claim_by_node())["b"], 6)
    assert await core.result(run) == 6
    await core.is_whole()


async def test_cancel_ends_waiting_nodes(core: CoreHarness) -> None:
    run = await core.start(delay("d", seconds=60), job("a", sleep=60), job("b", "a"))
    worker = await core.worker()
    await worker.finish((await worker.claim_by_node())["a"])
    await core.cancel(run)
    assert (await core.ended(run))["status"] == "cancelled" and await core.rows("SELECT FROM timer") == []
    await core.is_whole()


async def test_timer_event_twice_counts_once(core: CoreHarness) -> None:
    run = await core.start(job("a", sleep=60), job("b", "a", sleep=60), job("c", "b"))
    worker = await core.worker()
    await worker.finish((await worker.claim_by_node())["a"])
    await due(core)
    event = '{"type": "node_due", "kind": "wait", "job": "%s"}'
    ended = await core.row("SELECT id FROM job WHERE run = $1 AND node = 'a'", run)
    await core.run("INSERT INTO inbox (run, event) VALUES ($1, $2)", run, event % ended["id"])
    await worker.finish((await worker.claim_by_node())["b"])
    assert await worker.claim() == [] and await core.rows("SELECT FROM inbox") == []


async def test_skip_if_and_mock_need_no_worker(core: CoreHarness) -> None:
    run = await core.start(
        job("a", mock={"enabled": True, "return_value": {"n": 2}}, export={"n": js("result.n")}),
        job("b", "a", skip_if={"expr": "results.a.n === 2"}),
        job("c", on("b", "success"), skip_if={"expr": "context.n === 2"}),
        job("f", on("b", "failure")),
        output=js("results"),
    )
    assert await core.result(run) == {"a": {"n": 2}, "b": {"n": 2}, "c": {"n": 2}}
    modules = (await seen(core, run)).modules
    assert [(module.type, module.skipped) for module in modules][1:] == [("Success", True)] * 3
    await core.is_whole()


async def test_skip_expr_skips_the_run(core: CoreHarness) -> None:
    run = await core.start(job("a"), skip_expr="flow_input.off", args={"off": True})
    row = await core.ended(run)
    assert (row["status"], row["skipped"], await core.result(run)) == ("succeeded", True, None)
    assert await core.start(job("a"), skip_expr="flow_input.off", args={"off": False})
    assert len(await (await core.worker()).claim()) == 1


async def test_flow_env_is_read_by_expressions(core: CoreHarness) -> None:
    run = await core.start(flow_env={"limits": {"most": 3}}, output=js("flow_env.limits.most + 1"))
    assert await core.result(run) == 4


async def test_sleeping_node_is_written_once_if_run_is_locked(core: CoreHarness) -> None:
    run = await core.start(job("a", sleep=60), job("b", "a"), job("c"))
    worker = await core.worker()
    claimed = await worker.claim_by_node()
    await worker.finish(claimed["c"])
    await worker.finish(claimed["a"])
    assert [row["kind"] for row in await core.rows("SELECT kind FROM timer WHERE run = $1", run)] == ["wait"]
    await core.is_whole()


@pytest.mark.parametrize("value", [{"type": "delay", "seconds": 60}, {"type": "approval", "timeout": 60}])
async def test_waiting_node_is_cancelled_alone(core: CoreHarness, value: dict[str, Any]) -> None:
    """The node fails with the error name Canceled; an edge can handle the failure, and the run continues."""
    run = await core.start({"id": "w", "value": value, "needs": []}, job("a"), job("f", on("w", "failure")))
    (wait,) = (await seen(core, run)).waits[:1]
    assert wait.id == "w"
    await core.cancel(wait.job)
    assert set(await core.live(run)) == {"a", "f"} and await core.rows("SELECT FROM timer") == []
    row = await core.row("SELECT state, error_name FROM job WHERE run = $1", run)
    assert (row["state"], row["error_name"]) == ("failed", "Canceled")
    assert await core.rows("SELECT FROM approval") == []
    await core.cancel(run)
    await core.is_whole()


async def test_approval_inside_loop_is_cancelled_alone(core: CoreHarness) -> None:
    body = {"iterator": {"type": "static", "value": [1]}, "modules": [{"id": "w", "value": {"type": "approval"}}]}
    run = await core.start({"id": "l", "value": {"type": "forloopflow", "skip_failures": True, **body}, "needs": []})
    asked = await core.row("SELECT job FROM approval")
    await core.cancel(asked["job"])
    assert (await core.ended(run))["status"] == "succeeded" and await core.result(run) == [None]
    await core.is_whole()
