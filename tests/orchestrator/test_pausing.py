"""Pauses of runs before a node, on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.cases.hand import one, work
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, job
from tests.orchestrator.test_expressions import account

from orvanta_platform.control.actor import Role
from orvanta_platform.errors import BadRequest, Conflict, Forbidden, InvalidInput, NotFound
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.run_views import graph as run_graph
from orvanta_platform.services.runs import pausing
from orvanta_platform.services.runs.breakpoints import PauseBefore
from orvanta_platform.services.runs.start import RunOptions
from orvanta_platform.services.secrets import variables
from orvanta_platform.services.secrets.variables import VariableDraft

BOB = replace(ACTOR, username="bob", email="bob@example.com", role=Role.OPERATOR, super_admin=False)


def adds(id: str, *needs: Any, **more: Any) -> dict[str, Any]:
    """Return a node that adds 1 to `flow_input.n`."""
    inputs = {"n": {"type": "javascript", "expr": "flow_input.n"}, "m": {"type": "static", "value": 1}}
    made = job(id, *needs, **more)
    content = "def main(n, m):\n    return n + m\n"
    return {**made, "value": {**made["value"], "content": content, "input_transforms": inputs}}


def loop(*body: dict[str, Any], parallel: bool = False) -> dict[str, Any]:
    iterator = {"type": "javascript", "expr": "flow_input.items"}
    value = {"type": "forloopflow", "iterator": iterator, "modules": list(body), "parallel": parallel}
    return {"id": "l", "value": {**value, "skip_failures": False}}


async def pauses(core: CoreHarness, run: UUID) -> pausing.RunPauses:
    return await pausing.get(core.platform, ACTOR, WORKSPACE, run)


async def go_on(core: CoreHarness, run: UUID, **values: bytes) -> None:
    """Resume the first of the paused nodes."""
    found = (await pauses(core, run)).paused[0]
    await pausing.continue_node(core.platform, ACTOR, WORKSPACE, run, found.job, **values)


async def status(core: CoreHarness, run: UUID) -> str:
    return str((await core.row("SELECT status FROM run_live WHERE id = $1", run))["status"])


@pytest.mark.parametrize("nests", [False, True])
async def test_paused_run_is_inspected_and_resumed_with_other_inputs(core: CoreHarness, nests: bool) -> None:
    """The pause survives a restart of the process, because all its state is in tables."""
    more = [loop(adds("x"))] if nests else []
    run = await core.start(
        adds("a"), adds("b", "a"), *more, args={"n": 4, "items": []}, options=RunOptions(pause=PauseBefore(("b",)))
    )
    worker = await core.worker()
    await one(core, worker, (await worker.claim())[0])
    assert (await status(core, run), await core.live(run)) == ("paused", {})
    (found,) = (await pauses(core, run)).paused
    assert (found.node, found.by, found.inputs, found.result) == ("b", "ann", True, True)
    graph = await run_graph.get(core.platform, ACTOR, WORKSPACE, run)
    assert (graph.status, graph.reason) == ("paused", "paused before node b by ann")
    assert [(wait.why.text) for node in graph.nodes for wait in node.waits] == ["paused before its start by ann"]
    assert graph.breakpoints == ("b",)
    looked = await pausing.preview_inputs(core.platform, ACTOR, WORKSPACE, run, found.job)
    assert json.loads(looked.inputs or b"") == {"n": 4, "m": 1}
    await core.is_whole()
    await go_on(core, run, inputs=b'{"m": 10}')
    assert set(await core.live(run)) == {"b"} and await status(core, run) == "running"
    await work(core, worker, run, [])
    assert await core.result(run) == (14 if not nests else [])
    (b,) = await core.rows(
        "SELECT convert_from(v.body, 'UTF8') AS r FROM value v JOIN job j USING (id)"
        " WHERE j.run = $1 AND j.node = 'b' AND v.kind = 'result'",
        run,
    )
    assert b["r"] == "14"
    events = await core.rows("SELECT kind, data FROM event WHERE run = $1 AND node = 'b' ORDER BY kind DESC", run)
    assert [(row["kind"], json.loads(row["data"])) for row in events if row["data"]] == [
        ("paused", {"by": "ann"}),
        ("continued", {"by": "ann", "with": "inputs"}),
    ]
    (line,) = await core.rows("SELECT parameters FROM audit WHERE operation = 'jobs.continue'")
    assert json.loads(line["parameters"]) | {"run": "", "job": ""} == {
        "run": "",
        "job": "",
        "node": "b",
        "inputs": ["m"],
        "result": False,
    }
    await core.is_whole()


async def test_breakpoint_set_during_run_pauses_and_result_replaces_node(
    core: CoreHarness,
) -> None:
    run = await core.start(adds("a"), adds("b", "a"), adds("c", "b"), args={"n": 1})
    worker = await core.worker()
    (claimed,) = await worker.claim()
    await pausing.set_breakpoint(core.platform, ACTOR, WORKSPACE, run, "b", None)
    await one(core, worker, claimed)
    assert await core.live(run) == {} and await status(core, run) == "paused"
    await pausing.set_breakpoint(core.platform, ACTOR, WORKSPACE, run, "b", None, on=False)
    assert (await pauses(core, run)).before == [] and len((await pauses(core, run)).paused) == 1
    await go_on(core, run, result=b'{"made": "by hand"}')
    assert set(await core.live(run)) == {"c"}
    (b,) = await core.rows("SELECT state FROM job WHERE run = $1 AND node = 'b'", run)
    assert b["state"] == "succeeded"
    await work(core, worker, run, [])
    await core.is_whole()


@pytest.mark.parametrize("parallel", [False, True])
async def test_condition_selects_iteration(core: CoreHarness, parallel: bool) -> None:
    run = await core.start(
        loop(adds("x"), parallel=parallel),
        args={"n": 1, "items": [5, 6, 7]},
        options=RunOptions(pause=PauseBefore(("x",), "flow_input.iter.value === 6")),
    )
    worker = await core.worker()
    while jobs := await worker.claim():
        for claimed in jobs:
            await one(core, worker, claimed)
    (found,) = (await pauses(core, run)).paused
    assert (found.node, found.place, await status(core, run)) == ("x", 1, "paused")
    graph = await run_graph.get(core.platform, ACTOR, WORKSPACE, run)
    (x,) = [node for node in graph.nodes if node.id == "x"]
    assert (graph.reason, x.status, (x.counts or {})["paused"]) == ("paused before node x by ann", "paused", 1)
    await core.is_whole()
    await go_on(core, run, inputs=b'{"n": 40}')
    await work(core, worker, run, [])
    assert await core.result(run) == [2, 41, 2]
    assert await core.rows("SELECT FROM pause") == []
    await core.is_whole()


@pytest.mark.parametrize("where", ["top", "inside", "force"])
async def test_paused_run_is_cancelled(core: CoreHarness, where: str) -> None:
    module = adds("x") if where == "top" else loop(adds("x"), parallel=True)
    args = {"n": 1, "items": [1, 2]}
    run = await core.start(module, args=args, options=RunOptions(pause=PauseBefore(("x",))))
    paused = (await pauses(core, run)).paused
    assert await status(core, run) == "paused" and len(paused) == (1 if where == "top" else 2)
    await core.cancel(run, force=where == "force")
    assert (await core.ended(run))["status"] == "cancelled"
    assert await core.rows("SELECT FROM pause") == []
    with pytest.raises(Conflict):
        await pausing.continue_node(core.platform, ACTOR, WORKSPACE, run, paused[0].job)
    await core.is_whole()


async def test_paused_node_is_cancelled_and_paused_run_times_out(core: CoreHarness) -> None:
    run = await core.start(adds("x"), options=RunOptions(pause=PauseBefore(("x",))))
    await core.cancel((await pauses(core, run)).paused[0].job)
    assert (await core.ended(run))["error_name"] == "Canceled"
    timed = await core.start(loop(adds("x")), args={"items": [1]}, options=RunOptions(pause=PauseBefore(("x",))))
    over = json.dumps({"type": "time_over", "node": str(timed)})
    await core.run("INSERT INTO inbox (run, event) VALUES ($1, $2)", timed, over)
    await advance(core.platform.tools, timed)
    assert (await core.ended(timed))["error_name"] == "Timeout"
    assert await core.rows("SELECT FROM pause") == []
    await core.is_whole()


async def test_concurrent_resumes_count_once(core: CoreHarness) -> None:
    run = await core.start(adds("a"), args={"n": 1}, options=RunOptions(pause=PauseBefore(("a",))))
    (found,) = (await pauses(core, run)).paused
    calls = (
        pausing.continue_node(core.platform, ACTOR, WORKSPACE, run, found.job, inputs=b'{"m": %d}' % m)
        for m in (1, 2, 3)
    )
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in outcomes if each is not None] == [Conflict, Conflict]
    assert len(await core.rows("SELECT FROM audit WHERE operation = 'jobs.continue'")) == 1


async def test_permissions_to_pause_and_to_read_paused_values(core: CoreHarness) -> None:
    run = await core.start(adds("a"), args={"n": 1}, options=RunOptions(pause=PauseBefore(("a",))))
    job_id = (await pauses(core, run)).paused[0].job
    viewer = replace(BOB, role=Role.VIEWER)
    for actor, error in ((viewer, (Forbidden, NotFound)), (BOB, (Forbidden, NotFound))):
        with pytest.raises(error):
            await pausing.continue_node(core.platform, actor, WORKSPACE, run, job_id, result=b"1")
    with pytest.raises((Forbidden, NotFound)):
        await pausing.continue_node(core.platform, viewer, WORKSPACE, run, job_id)
    for bad in (b"[1]", b"not json"):
        with pytest.raises(InvalidInput):
            await pausing.continue_node(core.platform, ACTOR, WORKSPACE, run, job_id, inputs=bad)
    with pytest.raises(InvalidInput):
        await pausing.set_breakpoint(core.platform, ACTOR, WORKSPACE, run, "a", "1 +")
    with pytest.raises(BadRequest, match="no node 'z'"):
        await pausing.set_breakpoint(core.platform, ACTOR, WORKSPACE, run, "z", None)
    with pytest.raises(BadRequest, match="no node 'z'"):
        await core.start(adds("a"), options=RunOptions(pause=PauseBefore(("z",))))
    assert len((await pauses(core, run)).paused) == 1


async def test_paused_sub_workflow_pauses_its_caller(core: CoreHarness) -> None:
    """Its inputs can be changed, and a pause inside the sub-workflow's run also pauses the caller."""
    body = msgspec.Raw(json.dumps({"modules": [adds("x"), adds("y", "x")]}).encode())
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow("f/main/adds", body, None, {}))
    inputs = {"n": {"type": "javascript", "expr": "flow_input.n"}, "m": {"type": "static", "value": 0}}
    call = {"id": "call", "value": {"type": "flow", "path": "f/main/adds", "input_transforms": inputs}}
    run = await core.start(call, args={"n": 1}, options=RunOptions(pause=PauseBefore(("call",))))
    (found,) = (await pauses(core, run)).paused
    looked = await pausing.preview_inputs(core.platform, ACTOR, WORKSPACE, run, found.job)
    assert json.loads(looked.inputs or b"") == {"n": 1, "m": 0}
    await go_on(core, run, inputs=b'{"n": 50}')
    child = (await core.row("SELECT id FROM run_live WHERE parent = $1", run))["id"]
    await pausing.set_breakpoint(core.platform, ACTOR, WORKSPACE, child, "y", None)
    worker = await core.worker()
    await one(core, worker, (await worker.claim())[0])
    assert (await status(core, child), await status(core, run)) == ("paused", "paused")
    await core.is_whole()
    await go_on(core, child)
    assert await status(core, run) == "running"
    await work(core, worker, run, [])
    assert await core.result(run) == 51
    await core.is_whole()


async def test_failure_module_is_paused(core: CoreHarness) -> None:
    options = RunOptions(pause=PauseBefore(("failure",)))
    run = await core.start(job("a"), failure_module=adds("failure"), args={"n": 1}, options=options)
    worker = await core.worker()
    await worker.finish((await worker.claim())[0], error="E")
    assert await status(core, run) == "paused"
    assert [each.node for each in (await pauses(core, run)).paused] == ["failure"]
    await go_on(core, run, result=b"3")
    assert (await core.ended(run))["status"] == "succeeded" and await core.result(run) == 3
    await core.is_whole()


async def test_secret_is_masked_in_paused_inputs(core: CoreHarness) -> None:
    secret = "s3cret-that-nobody-sees"
    await account(core)
    await variables.create(core.platform, ACTOR, WORKSPACE, VariableDraft("u/ann/key", secret, is_secret=True))
    made = adds("a")
    made["value"]["input_transforms"]["key"] = {"type": "static", "value": "$var:u/ann/key"}
    made["value"]["input_transforms"]["auth"] = {"type": "javascript", "expr": "`Bearer ${variable('u/ann/key')}`"}
    run = await core.start(made, args={"n": 4}, options=RunOptions(pause=PauseBefore(("a",))))
    (paused,) = (await pauses(core, run)).paused
    look = await pausing.preview_inputs(core.platform, ACTOR, WORKSPACE, run, paused.job)
    assert look.inputs is not None and secret.encode() not in look.inputs
    assert json.loads(look.inputs) == {"n": 4, "m": 1, "key": "$var:u/ann/key", "auth": "Bearer ***"}
    await pausing.continue_node(core.platform, ACTOR, WORKSPACE, run, paused.job, inputs=b'{"n":5}')
    events = await core.rows("SELECT data::text AS text FROM event WHERE run = $1", run)
    audit = await core.rows("SELECT parameters::text AS text FROM audit")
    assert not [row["text"] for row in (*events, *audit) if secret in (row["text"] or "")]
