"""The time limit of a run as a whole, on PostgreSQL."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.orchestrator.ground import ACTOR, WORKSPACE, Ground, job

from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions

PATH = "f/main/limited"


async def deploy(
    scene: Ground, path: str, *modules: dict[str, Any], timeout: float | None = None, **value: Any
) -> None:
    body = msgspec.Raw(json.dumps({"modules": list(modules), **value}).encode())
    settings = {"summary": msgspec.Raw(b'""')}
    settings |= {"timeout": msgspec.Raw(json.dumps(timeout).encode())} if timeout else {}
    await flows.create(scene.platform, ACTOR, WORKSPACE, NewFlow(path, body, None, settings))


async def start(scene: Ground, path: str = PATH) -> UUID:
    return await runs.start_flow(scene.platform, ACTOR, WORKSPACE, path, b"{}", RunOptions())


async def time_is_up(scene: Ground) -> None:
    await scene.run("UPDATE timer SET due_at = app_now() WHERE kind = 'timeout'")
    assert await timers.fire(scene.platform.tools) == 1


FAILURE = {"failure_module": {"id": "failure", "value": job("f")["value"]}}


async def test_a_run_has_its_time_and_no_more(scene: Ground) -> None:
    await deploy(scene, PATH, job("a"), job("b", "a"), timeout=60, **FAILURE)
    run, worker = await start(scene), await scene.worker()
    await worker.finish((await worker.claim())[0], "done")
    (b,) = await worker.claim()
    await time_is_up(scene)
    ended = await scene.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "Timeout")
    assert (await scene.result(run))["error"]["message"] == "timed out: the run has not ended within 60 s"
    states = {row["node"]: row["state"] for row in await scene.rows("SELECT node, state FROM job WHERE run = $1", run)}
    assert states == {"a": "succeeded", "b": "cancelled"}
    assert not (await worker.finish(b, "too late")).recorded
    await scene.is_whole()


async def test_a_run_that_ends_in_time_leaves_no_timer(scene: Ground) -> None:
    await deploy(scene, PATH, job("a"), timeout=60)
    run, worker = await start(scene), await scene.worker()
    await worker.finish((await worker.claim())[0], "done")
    assert await scene.result(run) == "done" and await scene.rows("SELECT FROM timer") == []


async def test_a_run_without_a_time_limit_has_no_timer(scene: Ground) -> None:
    await deploy(scene, PATH, job("a"))
    await start(scene)
    assert await scene.rows("SELECT FROM timer") == []


@pytest.mark.parametrize("waits", ["approval", "delay", "retry"])
async def test_a_run_that_waits_is_over_in_time(scene: Ground, waits: str) -> None:
    retry = {"constant": {"attempts": 3, "seconds": 600}}
    nodes = {
        "approval": {"id": "a", "value": {"type": "approval"}},
        "delay": {"id": "a", "value": {"type": "delay", "seconds": 600}},
        "retry": job("a", retry=retry),
    }
    await deploy(scene, PATH, nodes[waits], timeout=60)
    run, worker = await start(scene), await scene.worker()
    for each in await worker.claim():
        await worker.finish(each, error="Oops")
    await time_is_up(scene)
    assert (await scene.ended(run))["error_name"] == "Timeout"
    assert await scene.rows("SELECT FROM timer UNION ALL SELECT FROM approval") == []
    await scene.is_whole()


async def test_the_time_of_a_run_ends_all_that_is_inside(scene: Ground) -> None:
    """Loops, their bodies and a sub-workflow; what runs there is nobody's any more."""
    await deploy(scene, "f/main/inner", job("x"))
    items = {"type": "static", "value": [1, 2]}
    loop = {"type": "forloopflow", "iterator": items, "parallel": True, "skip_failures": True, "modules": [job("y")]}
    call = {"id": "c", "value": {"type": "flow", "path": "f/main/inner", "input_transforms": {}}, "needs": []}
    await deploy(scene, PATH, {"id": "l", "value": loop, "needs": []}, call, timeout=60)
    run, worker = await start(scene), await scene.worker()
    assert len(await worker.claim()) == 3
    await time_is_up(scene)
    assert (await scene.ended(run))["error_name"] == "Timeout"
    (child,) = await scene.rows("SELECT status FROM run WHERE parent = $1", run)
    assert child["status"] == "cancelled" and await scene.rows("SELECT FROM job_live") == []
    await scene.is_whole()


async def test_a_sub_workflow_has_the_time_of_its_own_deployment(scene: Ground) -> None:
    await deploy(scene, "f/main/inner", job("x"), timeout=60)
    call = {"id": "c", "value": {"type": "flow", "path": "f/main/inner", "input_transforms": {}}}
    await deploy(scene, PATH, call)
    run = await start(scene)
    await time_is_up(scene)
    assert (await scene.ended(run))["status"] == "failed"
    assert (await scene.result(run))["error"]["name"] == "Timeout"
    await scene.is_whole()


async def test_a_run_that_is_being_cancelled_is_cancelled_and_not_late(scene: Ground) -> None:
    await deploy(scene, PATH, job("a"), timeout=60)
    run, worker = await start(scene), await scene.worker()
    (a,) = await worker.claim()
    await scene.cancel(run)
    await time_is_up(scene)
    await worker.finish(a, cancelled=True)
    assert (await scene.ended(run))["status"] == "cancelled"
    await scene.is_whole()
