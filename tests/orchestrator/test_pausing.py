"""Runs that are paused before a node, on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.cases.hand import one, work
from tests.orchestrator.ground import ACTOR, WORKSPACE, Ground, job
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
    """A step that gives twice its input."""
    inputs = {"n": {"type": "javascript", "expr": "flow_input.n"}, "m": {"type": "static", "value": 1}}
    made = job(id, *needs, **more)
    content = "def main(n, m):\n    return n + m\n"
    return {**made, "value": {**made["value"], "content": content, "input_transforms": inputs}}


def loop(*body: dict[str, Any], parallel: bool = False) -> dict[str, Any]:
    iterator = {"type": "javascript", "expr": "flow_input.items"}
    value = {"type": "forloopflow", "iterator": iterator, "modules": list(body), "parallel": parallel}
    return {"id": "l", "value": {**value, "skip_failures": False}}


async def pauses(scene: Ground, run: UUID) -> pausing.Pauses:
    return await pausing.get(scene.platform, ACTOR, WORKSPACE, run)


async def go_on(scene: Ground, run: UUID, **values: bytes) -> None:
    """Let what is paused longest go on."""
    found = (await pauses(scene, run)).paused[0]
    await pausing.go_on(scene.platform, ACTOR, WORKSPACE, run, found.job, **values)


async def status(scene: Ground, run: UUID) -> str:
    return str((await scene.row("SELECT status FROM run_live WHERE id = $1", run))["status"])


@pytest.mark.parametrize("nests", [False, True])
async def test_a_run_is_paused_looked_at_and_goes_on_with_other_inputs(scene: Ground, nests: bool) -> None:
    """It survives a process that knows nothing of it: all that is kept is in tables."""
    more = [loop(adds("x"))] if nests else []
    run = await scene.start(
        adds("a"), adds("b", "a"), *more, args={"n": 4, "items": []}, options=RunOptions(pause=PauseBefore(("b",)))
    )
    worker = await scene.worker()
    await one(scene, worker, (await worker.claim())[0])
    assert (await status(scene, run), await scene.live(run)) == ("paused", {})
    (found,) = (await pauses(scene, run)).paused
    assert (found.node, found.by, found.inputs, found.result) == ("b", "ann", True, True)
    graph = await run_graph.get(scene.platform, ACTOR, WORKSPACE, run)
    assert (graph.status, graph.reason) == ("paused", "paused before node b by ann")
    assert [(wait.why.text) for node in graph.nodes for wait in node.waits] == ["paused before it begins by ann"]
    assert graph.breakpoints == ("b",)
    looked = await pausing.look(scene.platform, ACTOR, WORKSPACE, run, found.job)
    assert json.loads(looked.inputs or b"") == {"n": 4, "m": 1}
    await scene.is_whole()
    await go_on(scene, run, inputs=b'{"m": 10}')
    assert set(await scene.live(run)) == {"b"} and await status(scene, run) == "running"
    await work(scene, worker, run, [])
    assert await scene.result(run) == (14 if not nests else [])
    (b,) = await scene.rows(
        "SELECT convert_from(v.body, 'UTF8') AS r FROM value v JOIN job j USING (id)"
        " WHERE j.run = $1 AND j.node = 'b' AND v.kind = 'result'",
        run,
    )
    assert b["r"] == "14"
    told = await scene.rows("SELECT kind, data FROM event WHERE run = $1 AND node = 'b' ORDER BY kind DESC", run)
    assert [(row["kind"], json.loads(row["data"])) for row in told if row["data"]] == [
        ("paused", {"by": "ann"}),
        ("continued", {"by": "ann", "with": "inputs"}),
    ]
    (line,) = await scene.rows("SELECT parameters FROM audit WHERE operation = 'jobs.continue'")
    assert json.loads(line["parameters"]) | {"run": "", "job": ""} == {
        "run": "",
        "job": "",
        "node": "b",
        "inputs": ["m"],
        "result": False,
    }
    await scene.is_whole()


async def test_a_breakpoint_set_while_it_runs_holds_a_stale_worker_and_a_result_stands_for_the_node(
    scene: Ground,
) -> None:
    run = await scene.start(adds("a"), adds("b", "a"), adds("c", "b"), args={"n": 1})
    worker = await scene.worker()
    (claimed,) = await worker.claim()
    await pausing.set_before(scene.platform, ACTOR, WORKSPACE, run, "b", None)
    await one(scene, worker, claimed)
    assert await scene.live(run) == {} and await status(scene, run) == "paused"
    await pausing.set_before(scene.platform, ACTOR, WORKSPACE, run, "b", None, on=False)
    assert (await pauses(scene, run)).before == [] and len((await pauses(scene, run)).paused) == 1
    await go_on(scene, run, result=b'{"made": "by hand"}')
    assert set(await scene.live(run)) == {"c"}
    (b,) = await scene.rows("SELECT state FROM job WHERE run = $1 AND node = 'b'", run)
    assert b["state"] == "succeeded"
    await work(scene, worker, run, [])
    await scene.is_whole()


@pytest.mark.parametrize("parallel", [False, True])
async def test_a_condition_chooses_an_iteration(scene: Ground, parallel: bool) -> None:
    run = await scene.start(
        loop(adds("x"), parallel=parallel),
        args={"n": 1, "items": [5, 6, 7]},
        options=RunOptions(pause=PauseBefore(("x",), "flow_input.iter.value === 6")),
    )
    worker = await scene.worker()
    while jobs := await worker.claim():
        for claimed in jobs:
            await one(scene, worker, claimed)
    (found,) = (await pauses(scene, run)).paused
    assert (found.node, found.place, await status(scene, run)) == ("x", 1, "paused")
    graph = await run_graph.get(scene.platform, ACTOR, WORKSPACE, run)
    (x,) = [node for node in graph.nodes if node.id == "x"]
    assert (graph.reason, x.status, (x.counts or {})["paused"]) == ("paused before node x by ann", "paused", 1)
    await scene.is_whole()
    await go_on(scene, run, inputs=b'{"n": 40}')
    await work(scene, worker, run, [])
    assert await scene.result(run) == [2, 41, 2]
    assert await scene.rows("SELECT FROM pause") == []
    await scene.is_whole()


@pytest.mark.parametrize("where", ["top", "inside", "force"])
async def test_a_paused_run_is_cancelled(scene: Ground, where: str) -> None:
    module = adds("x") if where == "top" else loop(adds("x"), parallel=True)
    args = {"n": 1, "items": [1, 2]}
    run = await scene.start(module, args=args, options=RunOptions(pause=PauseBefore(("x",))))
    paused = (await pauses(scene, run)).paused
    assert await status(scene, run) == "paused" and len(paused) == (1 if where == "top" else 2)
    await scene.cancel(run, force=where == "force")
    assert (await scene.ended(run))["status"] == "cancelled"
    assert await scene.rows("SELECT FROM pause") == []
    with pytest.raises(Conflict):
        await pausing.go_on(scene.platform, ACTOR, WORKSPACE, run, paused[0].job)
    await scene.is_whole()


async def test_a_paused_node_alone_is_cancelled_and_a_run_times_out(scene: Ground) -> None:
    run = await scene.start(adds("x"), options=RunOptions(pause=PauseBefore(("x",))))
    await scene.cancel((await pauses(scene, run)).paused[0].job)
    assert (await scene.ended(run))["error_name"] == "Canceled"
    timed = await scene.start(loop(adds("x")), args={"items": [1]}, options=RunOptions(pause=PauseBefore(("x",))))
    over = json.dumps({"type": "time_over", "node": str(timed)})
    await scene.run("INSERT INTO inbox (run, event) VALUES ($1, $2)", timed, over)
    await advance(scene.platform.tools, timed)
    assert (await scene.ended(timed))["error_name"] == "Timeout"
    assert await scene.rows("SELECT FROM pause") == []
    await scene.is_whole()


async def test_of_two_who_let_it_go_on_one_does(scene: Ground) -> None:
    run = await scene.start(adds("a"), args={"n": 1}, options=RunOptions(pause=PauseBefore(("a",))))
    (found,) = (await pauses(scene, run)).paused
    calls = (
        pausing.go_on(scene.platform, ACTOR, WORKSPACE, run, found.job, inputs=b'{"m": %d}' % m) for m in (1, 2, 3)
    )
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(each) for each in told if each is not None] == [Conflict, Conflict]
    assert len(await scene.rows("SELECT FROM audit WHERE operation = 'jobs.continue'")) == 1


async def test_who_may_cancel_may_pause_and_values_are_for_whom_the_run_acts(scene: Ground) -> None:
    run = await scene.start(adds("a"), args={"n": 1}, options=RunOptions(pause=PauseBefore(("a",))))
    job_id = (await pauses(scene, run)).paused[0].job
    viewer = replace(BOB, role=Role.VIEWER)
    for actor, error in ((viewer, (Forbidden, NotFound)), (BOB, (Forbidden, NotFound))):
        with pytest.raises(error):
            await pausing.go_on(scene.platform, actor, WORKSPACE, run, job_id, result=b"1")
    with pytest.raises((Forbidden, NotFound)):
        await pausing.go_on(scene.platform, viewer, WORKSPACE, run, job_id)
    for bad in (b"[1]", b"not json"):
        with pytest.raises(InvalidInput):
            await pausing.go_on(scene.platform, ACTOR, WORKSPACE, run, job_id, inputs=bad)
    with pytest.raises(InvalidInput):
        await pausing.set_before(scene.platform, ACTOR, WORKSPACE, run, "a", "1 +")
    with pytest.raises(BadRequest, match="no node 'z'"):
        await pausing.set_before(scene.platform, ACTOR, WORKSPACE, run, "z", None)
    with pytest.raises(BadRequest, match="no node 'z'"):
        await scene.start(adds("a"), options=RunOptions(pause=PauseBefore(("z",))))
    assert len((await pauses(scene, run)).paused) == 1


async def test_a_call_of_another_workflow_is_paused_and_so_is_its_caller(scene: Ground) -> None:
    """Its inputs may be changed; what is paused inside the run that it makes pauses the caller as well."""
    body = msgspec.Raw(json.dumps({"modules": [adds("x"), adds("y", "x")]}).encode())
    await flows.create(scene.platform, ACTOR, WORKSPACE, NewFlow("f/main/adds", body, None, {}))
    inputs = {"n": {"type": "javascript", "expr": "flow_input.n"}, "m": {"type": "static", "value": 0}}
    call = {"id": "call", "value": {"type": "flow", "path": "f/main/adds", "input_transforms": inputs}}
    run = await scene.start(call, args={"n": 1}, options=RunOptions(pause=PauseBefore(("call",))))
    (found,) = (await pauses(scene, run)).paused
    looked = await pausing.look(scene.platform, ACTOR, WORKSPACE, run, found.job)
    assert json.loads(looked.inputs or b"") == {"n": 1, "m": 0}
    await go_on(scene, run, inputs=b'{"n": 50}')
    child = (await scene.row("SELECT id FROM run_live WHERE parent = $1", run))["id"]
    await pausing.set_before(scene.platform, ACTOR, WORKSPACE, child, "y", None)
    worker = await scene.worker()
    await one(scene, worker, (await worker.claim())[0])
    assert (await status(scene, child), await status(scene, run)) == ("paused", "paused")
    await scene.is_whole()
    await go_on(scene, child)
    assert await status(scene, run) == "running"
    await work(scene, worker, run, [])
    assert await scene.result(run) == 51
    await scene.is_whole()


async def test_a_failure_module_is_paused(scene: Ground) -> None:
    options = RunOptions(pause=PauseBefore(("failure",)))
    run = await scene.start(job("a"), failure_module=adds("failure"), args={"n": 1}, options=options)
    worker = await scene.worker()
    await worker.finish((await worker.claim())[0], error="E")
    assert await status(scene, run) == "paused"
    assert [each.node for each in (await pauses(scene, run)).paused] == ["failure"]
    await go_on(scene, run, result=b"3")
    assert (await scene.ended(run))["status"] == "succeeded" and await scene.result(run) == 3
    await scene.is_whole()


async def test_a_secret_is_masked_where_inputs_are_looked_at(scene: Ground) -> None:
    secret = "s3cret-that-nobody-sees"
    await account(scene)
    await variables.create(scene.platform, ACTOR, WORKSPACE, VariableDraft("u/ann/key", secret, is_secret=True))
    made = adds("a")
    made["value"]["input_transforms"]["key"] = {"type": "static", "value": "$var:u/ann/key"}
    made["value"]["input_transforms"]["auth"] = {"type": "javascript", "expr": "`Bearer ${variable('u/ann/key')}`"}
    run = await scene.start(made, args={"n": 4}, options=RunOptions(pause=PauseBefore(("a",))))
    (paused,) = (await pauses(scene, run)).paused
    look = await pausing.look(scene.platform, ACTOR, WORKSPACE, run, paused.job)
    assert look.inputs is not None and secret.encode() not in look.inputs
    assert json.loads(look.inputs) == {"n": 4, "m": 1, "key": "$var:u/ann/key", "auth": "Bearer ***"}
    await pausing.go_on(scene.platform, ACTOR, WORKSPACE, run, paused.job, inputs=b'{"n":5}')
    events = await scene.rows("SELECT data::text AS text FROM event WHERE run = $1", run)
    audit = await scene.rows("SELECT parameters::text AS text FROM audit")
    assert not [row["text"] for row in (*events, *audit) if secret in (row["text"] or "")]
