"""The timeout of a run as a whole, on PostgreSQL."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, job

from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions

PATH = "f/main/limited"


async def deploy(
    core: CoreHarness, path: str, *modules: dict[str, Any], timeout: float | None = None, **value: Any
) -> None:
    body = msgspec.Raw(json.dumps({"modules": list(modules), **value}).encode())
    settings = {"summary": msgspec.Raw(b'""')}
    settings |= {"timeout": msgspec.Raw(json.dumps(timeout).encode())} if timeout else {}
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow(path, body, None, settings))


async def start(core: CoreHarness, path: str = PATH) -> UUID:
    return await runs.start_flow(core.platform, ACTOR, WORKSPACE, path, b"{}", RunOptions())


async def time_is_up(core: CoreHarness) -> None:
    await core.run("UPDATE timer SET due_at = app_now() WHERE kind = 'timeout'")
    assert await timers.fire(core.platform.tools) == 1


FAILURE = {"failure_module": {"id": "failure", "value": job("f")["value"]}}


async def test_run_times_out(core: CoreHarness) -> None:
    await deploy(core, PATH, job("a"), job("b", "a"), timeout=60, **FAILURE)
    run, worker = await start(core), await core.worker()
    await worker.finish((await worker.claim())[0], "done")
    (b,) = await worker.claim()
    await time_is_up(core)
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "Timeout")
    assert (await core.result(run))["error"]["message"] == "timed out: the run has not ended within 60 s"
    states = {row["node"]: row["state"] for row in await core.rows("SELECT node, state FROM job WHERE run = $1", run)}
    assert states == {"a": "succeeded", "b": "cancelled"}
    assert not (await worker.finish(b, "too late")).recorded
    await core.is_whole()


async def test_run_ending_in_time_leaves_no_timer(core: CoreHarness) -> None:
    await deploy(core, PATH, job("a"), timeout=60)
    run, worker = await start(core), await core.worker()
    await worker.finish((await worker.claim())[0], "done")
    assert await core.result(run) == "done" and await core.rows("SELECT FROM timer") == []


async def test_run_without_timeout_has_no_timer(core: CoreHarness) -> None:
    await deploy(core, PATH, job("a"))
    await start(core)
    assert await core.rows("SELECT FROM timer") == []


@pytest.mark.parametrize("waits", ["approval", "delay", "retry"])
async def test_waiting_run_times_out(core: CoreHarness, waits: str) -> None:
    retry = {"constant": {"attempts": 3, "seconds": 600}}
    nodes = {
        "approval": {"id": "a", "value": {"type": "approval"}},
        "delay": {"id": "a", "value": {"type": "delay", "seconds": 600}},
        "retry": job("a", retry=retry),
    }
    await deploy(core, PATH, nodes[waits], timeout=60)
    run, worker = await start(core), await core.worker()
    for each in await worker.claim():
        await worker.finish(each, error="Oops")
    await time_is_up(core)
    assert (await core.ended(run))["error_name"] == "Timeout"
    assert await core.rows("SELECT FROM timer UNION ALL SELECT FROM approval") == []
    await core.is_whole()


async def test_timeout_of_run_ends_its_contents(core: CoreHarness) -> None:
    """Loops, their bodies and a sub-workflow end, and workers no longer hold their jobs."""
    await deploy(core, "f/main/inner", job("x"))
    items = {"type": "static", "value": [1, 2]}
    loop = {"type": "forloopflow", "iterator": items, "parallel": True, "skip_failures": True, "modules": [job("y")]}
    call = {"id": "c", "value": {"type": "flow", "path": "f/main/inner", "input_transforms": {}}, "needs": []}
    await deploy(core, PATH, {"id": "l", "value": loop, "needs": []}, call, timeout=60)
    run, worker = await start(core), await core.worker()
    assert len(await worker.claim()) == 3
    await time_is_up(core)
    assert (await core.ended(run))["error_name"] == "Timeout"
    (child,) = await core.rows("SELECT status FROM run WHERE parent = $1", run)
    assert child["status"] == "cancelled" and await core.rows("SELECT FROM job_live") == []
    await core.is_whole()


async def test_sub_workflow_uses_its_own_timeout(core: CoreHarness) -> None:
    await deploy(core, "f/main/inner", job("x"), timeout=60)
    call = {"id": "c", "value": {"type": "flow", "path": "f/main/inner", "input_transforms": {}}}
    await deploy(core, PATH, call)
    run = await start(core)
    await time_is_up(core)
    assert (await core.ended(run))["status"] == "failed"
    assert (await core.result(run))["error"]["name"] == "Timeout"
    await core.is_whole()


async def test_timeout_of_cancelled_run_has_no_effect(core: CoreHarness) -> None:
    await deploy(core, PATH, job("a"), timeout=60)
    run, worker = await start(core), await core.worker()
    (a,) = await worker.claim()
    await core.cancel(run)
    await time_is_up(core)
    await worker.finish(a, cancelled=True)
    assert (await core.ended(run))["status"] == "cancelled"
    await core.is_whole()
