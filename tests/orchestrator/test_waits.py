"""Delay, sleep, skip_if, mock and skip_expr on PostgreSQL: timers move, workers are not held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.orchestrator.ground import ACTOR, WORKSPACE, Ground, job, on

from orvanta_platform import clock
from orvanta_platform.http.schemas.flow_status import FlowStatus, flow_status
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.run_views import jobs


def delay(id: str, *needs: Any, **value: Any) -> dict[str, Any]:
    return {"id": id, "value": {"type": "delay", **value}, "needs": list(needs)}


def js(text: str) -> dict[str, str]:
    return {"type": "javascript", "expr": text}


async def due(scene: Ground) -> int:
    """All that is to come has come."""
    await scene.run("UPDATE timer SET due_at = app_now()")
    return await timers.fire(scene.platform.tools)


async def seen(scene: Ground, run: UUID) -> FlowStatus:
    """The run as the wire tells it."""
    progress = (await jobs.get(scene.platform, ACTOR, WORKSPACE, run)).progress
    assert progress is not None
    return flow_status(progress)


async def test_a_delay_holds_no_worker(scene: Ground) -> None:
    run = await scene.start(delay("d", seconds=60), job("a", "d"), args={"x": 1}, output=js("results.d"))
    worker = await scene.worker()
    assert await worker.claim() == []
    row = await scene.row("SELECT due_at - app_now() AS left, kind FROM timer WHERE run = $1", run)
    assert row["kind"] == "wait" and timedelta(seconds=50) < row["left"] <= timedelta(seconds=60)
    (wait,) = (await seen(scene, run)).waits
    assert (wait.id, wait.reason) == ("d", "waiting for its time")
    assert await due(scene) == 1
    await worker.finish((await worker.claim_by_node())["a"])
    assert await scene.result(run) == {"x": 1}
    await scene.is_whole()


async def test_a_delay_until_a_time_that_is_past_is_none(scene: Ground) -> None:
    run = await scene.start(delay("d", until={"type": "static", "value": "2020-01-31T12:00:00Z"}))
    assert await scene.result(run) == {} and await scene.rows("SELECT FROM timer") == []


async def test_a_delay_until_a_time(scene: Ground) -> None:
    at = clock.now() + timedelta(days=3)
    run = await scene.start(delay("d", until=js("flow_input.at")), args={"at": at.isoformat()})
    assert (await scene.row("SELECT due_at FROM timer WHERE run = $1", run))["due_at"] == at
    await due(scene)
    assert (await scene.ended(run))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("next week", "must be a time"),
        (5, "must be a time"),
        ("2030-01-31T12:00:00", "needs an offset"),
        ("2999-01-31T12:00:00Z", "more than ten years"),
    ],
)
async def test_a_delay_until_no_time_fails(scene: Ground, at: Any, says: str) -> None:
    run = await scene.start(delay("d", until=js("flow_input.at")), args={"at": at})
    error = (await scene.result(run))["error"]
    assert (error["name"], error["step_id"]) == ("InvalidDelay", "d") and says in error["message"]


async def test_sleep_is_after_the_step_and_before_the_next(scene: Ground) -> None:
    run = await scene.start(job("a", sleep=js("flow_input.s")), job("b", "a"), args={"s": 30})
    worker = await scene.worker()
    await worker.finish((await worker.claim_by_node())["a"], 5)
    assert await worker.claim() == []
    assert (await scene.row("SELECT state FROM job WHERE run = $1 AND node = 'a'", run))["state"] == "succeeded"
    status = await seen(scene, run)
    assert [module.type for module in status.modules] == ["Success", "WaitingForPriorSteps"]
    assert [wait.id for wait in status.waits] == ["a"]
    await due(scene)
    await worker.finish((await worker.claim_by_node())["b"], 6)
    assert await scene.result(run) == 6
    await scene.is_whole()


async def test_cancel_ends_what_waits(scene: Ground) -> None:
    run = await scene.start(delay("d", seconds=60), job("a", sleep=60), job("b", "a"))
    worker = await scene.worker()
    await worker.finish((await worker.claim_by_node())["a"])
    await scene.cancel(run)
    assert (await scene.ended(run))["status"] == "cancelled" and await scene.rows("SELECT FROM timer") == []
    await scene.is_whole()


async def test_a_timer_that_came_twice_does_nothing_twice(scene: Ground) -> None:
    run = await scene.start(job("a", sleep=60), job("b", "a", sleep=60), job("c", "b"))
    worker = await scene.worker()
    await worker.finish((await worker.claim_by_node())["a"])
    await due(scene)
    event = '{"type": "node_due", "kind": "wait", "job": "%s"}'
    ended = await scene.row("SELECT id FROM job WHERE run = $1 AND node = 'a'", run)
    await scene.run("INSERT INTO inbox (run, event) VALUES ($1, $2)", run, event % ended["id"])
    await worker.finish((await worker.claim_by_node())["b"])
    assert await worker.claim() == [] and await scene.rows("SELECT FROM inbox") == []


async def test_skip_if_and_mock_need_no_worker(scene: Ground) -> None:
    run = await scene.start(
        job("a", mock={"enabled": True, "return_value": {"n": 2}}, export={"n": js("result.n")}),
        job("b", "a", skip_if={"expr": "results.a.n === 2"}),
        job("c", on("b", "success"), skip_if={"expr": "context.n === 2"}),
        job("f", on("b", "failure")),
        output=js("results"),
    )
    assert await scene.result(run) == {"a": {"n": 2}, "b": {"n": 2}, "c": {"n": 2}}
    modules = (await seen(scene, run)).modules
    assert [(module.type, module.skipped) for module in modules][1:] == [("Success", True)] * 3
    await scene.is_whole()


async def test_skip_expr_skips_the_run(scene: Ground) -> None:
    run = await scene.start(job("a"), skip_expr="flow_input.off", args={"off": True})
    row = await scene.ended(run)
    assert (row["status"], row["skipped"], await scene.result(run)) == ("succeeded", True, None)
    assert await scene.start(job("a"), skip_expr="flow_input.off", args={"off": False})
    assert len(await (await scene.worker()).claim()) == 1


async def test_flow_env_is_read_by_expressions(scene: Ground) -> None:
    run = await scene.start(flow_env={"limits": {"most": 3}}, output=js("flow_env.limits.most + 1"))
    assert await scene.result(run) == 4


async def test_a_step_that_ends_and_sleeps_is_written_once_though_its_run_is_locked(scene: Ground) -> None:
    run = await scene.start(job("a", sleep=60), job("b", "a"), job("c"))
    worker = await scene.worker()
    claimed = await worker.claim_by_node()
    await worker.finish(claimed["c"])
    await worker.finish(claimed["a"])
    assert [row["kind"] for row in await scene.rows("SELECT kind FROM timer WHERE run = $1", run)] == ["wait"]
    await scene.is_whole()


@pytest.mark.parametrize("value", [{"type": "delay", "seconds": 60}, {"type": "approval", "timeout": 60}])
async def test_a_node_that_waits_is_cancelled_alone(scene: Ground, value: dict[str, Any]) -> None:
    """It fails with the name Canceled; an edge may handle that, and the run goes on."""
    run = await scene.start({"id": "w", "value": value, "needs": []}, job("a"), job("f", on("w", "failure")))
    (wait,) = (await seen(scene, run)).waits[:1]
    assert wait.id == "w"
    await scene.cancel(wait.job)
    assert set(await scene.live(run)) == {"a", "f"} and await scene.rows("SELECT FROM timer") == []
    row = await scene.row("SELECT state, error_name FROM job WHERE run = $1", run)
    assert (row["state"], row["error_name"]) == ("failed", "Canceled")
    assert await scene.rows("SELECT FROM approval") == []
    await scene.cancel(run)
    await scene.is_whole()


async def test_an_approval_inside_a_loop_is_cancelled_alone(scene: Ground) -> None:
    body = {"iterator": {"type": "static", "value": [1]}, "modules": [{"id": "w", "value": {"type": "approval"}}]}
    run = await scene.start({"id": "l", "value": {"type": "forloopflow", "skip_failures": True, **body}, "needs": []})
    asked = await scene.row("SELECT job FROM approval")
    await scene.cancel(asked["job"])
    assert (await scene.ended(run))["status"] == "succeeded" and await scene.result(run) == [None]
    await scene.is_whole()
