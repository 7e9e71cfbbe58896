"""Workflows whose results are used again, on PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
from tests.orchestrator.ground import ACTOR, WORKSPACE, Ground, Worker, job

from orvanta_platform.control.masking import MASK
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions


async def once(scene: Ground, worker: Worker, args: Any, result: Any = None, **value: Any) -> tuple[UUID, bool]:
    """A run of a workflow of one step, and whether the step ran."""
    value = {"cache_ttl": 60, **value}
    run = await scene.start(job("a"), args=args, **value)
    jobs = await worker.claim()
    for each in jobs:
        await worker.finish(each, result)
    return run, bool(jobs)


async def test_the_same_input_gives_the_stored_result(scene: Ground) -> None:
    worker = await scene.worker()
    first, _ = await once(scene, worker, {"x": 1, "y": 2}, {"n": 1})
    second, ran = await once(scene, worker, {"y": 2, "x": 1}, {"n": 2})
    assert not ran and await scene.result(second) == {"n": 1}
    (event,) = await scene.rows("SELECT data FROM event WHERE run = $1 AND kind = 'cached'", second)
    assert str(first) in event["data"]
    assert (await once(scene, worker, {"x": 2, "y": 2}))[1]
    assert (await once(scene, worker, {"x": 1, "y": 2}, cache_ttl=61))[1], "another workflow"
    assert (await once(scene, worker, {"x": 1, "y": 2}, cache_ttl=0))[1]
    await scene.is_whole()


async def test_a_result_is_used_for_its_time(scene: Ground) -> None:
    worker = await scene.worker()
    await once(scene, worker, {}, 1)
    assert not (await once(scene, worker, {}))[1]
    await scene.run("UPDATE cache SET at = at - interval '61 seconds'")
    assert (await once(scene, worker, {}, 2))[1]
    assert not (await once(scene, worker, {}))[1]


async def test_failures_and_masked_results_are_not_used_again(scene: Ground) -> None:
    worker = await scene.worker()
    await scene.start(job("a"), args={}, cache_ttl=60)
    await worker.finish((await worker.claim())[0], error="Oops")
    assert (await once(scene, worker, {}, {"token": MASK}))[1]
    assert (await once(scene, worker, {}, None))[1]
    last, ran = await once(scene, worker, {})
    assert not ran and await scene.result(last) is None


async def test_nobody_gets_what_was_computed_for_another(scene: Ground) -> None:
    worker = await scene.worker()
    await once(scene, worker, {}, 1)
    other = replace(ACTOR, username="bob", email="bob@example.com")
    body = (
        b'{"modules": [{"id": "a", "value": {"type": "rawscript", "language": "python3", "content": "# a",'
        b' "input_transforms": {}}, "needs": []}], "cache_ttl": 60}'
    )
    await runs.start_flow_preview(scene.platform, other, WORKSPACE, body, None, b"{}", RunOptions())
    assert len(await worker.claim()) == 1


async def test_what_is_gone_is_computed_anew(scene: Ground) -> None:
    worker = await scene.worker()
    await once(scene, worker, {}, 1)
    await scene.run("DELETE FROM value WHERE kind = 'result'")
    await scene.run("DELETE FROM run; DELETE FROM job")
    assert (await once(scene, worker, {}, 2))[1]


async def test_a_known_result_needs_no_permit(scene: Ground) -> None:
    worker = await scene.worker()
    limits = {"concurrent_limit": 1, "concurrency_key": "k"}
    await once(scene, worker, {}, 1, **limits)
    await scene.start(job("b"), concurrent_limit=1, concurrency_key="k")
    run, ran = await once(scene, worker, {}, **limits)
    assert await scene.result(run) == 1 and ran, "the other run has the permit"


ITEMS = {"type": "javascript", "expr": "flow_input.items"}


def loop(*modules: dict[str, Any], **more: Any) -> dict[str, Any]:
    value = {"type": "forloopflow", "iterator": ITEMS, "skip_failures": False, "modules": list(modules)}
    return {"id": "l", "value": value, "cache_ttl": 60, **more}


async def all_of(worker: Worker, result: Any = None) -> int:
    """How many jobs there were to be run, one after the other."""
    count = 0
    while jobs := await worker.claim():
        for each in jobs:
            count += 1
            await worker.finish(each, [count, result])
    return count


async def test_a_loop_that_is_known_opens_nothing(scene: Ground) -> None:
    worker = await scene.worker()
    reads = {"type": "javascript", "expr": "[flow_input.iter.value, results.before, context.k]"}
    body = job("x")
    body["value"]["input_transforms"] = {"v": reads}
    export = {"k": {"type": "javascript", "expr": "flow_input.k"}}
    before = {"id": "before", "value": {"type": "condition", "expr": "flow_input.b"}, "export": export}
    nodes = (before, loop(body, job("y", "x")), job("after", "l"))
    args = {"items": [1, 2], "b": True, "k": 1, "other": 5}
    first = await scene.start(*nodes, args=args, output={"type": "javascript", "expr": "results.l"})
    assert await all_of(worker) == 5
    again = await scene.start(*nodes, args={**args, "other": 6}, output={"type": "javascript", "expr": "results.l"})
    assert await all_of(worker) == 1, "what nothing inside reads does not count"
    assert await scene.result(again) == await scene.result(first)
    (event,) = await scene.rows("SELECT node, data FROM event WHERE run = $1 AND kind = 'cached'", again)
    assert event["node"] == "l" and str(first) in event["data"]
    for other in ({"items": [1, 3]}, {"b": False}, {"k": 2}):
        await scene.start(*nodes, args={**args, **other})
        assert await all_of(worker) == 5, other
    await scene.run("UPDATE cache SET at = at - interval '61 seconds'")
    await scene.start(*nodes, args=args)
    assert await all_of(worker) == 5
    await scene.is_whole()


async def test_what_follows_a_loop_that_is_known_goes_on_as_after_any(scene: Ground) -> None:
    worker = await scene.worker()
    export = {"n": {"type": "javascript", "expr": "result.length"}}
    nodes = (loop(job("x"), export=export, sleep={"type": "static", "value": 5}), job("after", "l"))
    for inside in (1, 0):
        run = await scene.start(*nodes, args={"items": [7]})
        assert await all_of(worker) == inside
        assert (await scene.row("SELECT body FROM value WHERE id = $1 AND kind = 'context'", run))["body"] == b"1"
        await scene.run("UPDATE timer SET due_at = app_now()")
        await timers.fire(scene.platform.tools)
        assert await all_of(worker) == 1 and (await scene.ended(run))["status"] == "succeeded"
    await scene.is_whole()


async def test_a_loop_that_failed_or_was_left_by_a_stop_is_not_known(scene: Ground) -> None:
    worker = await scene.worker()
    await scene.start(loop(job("x")), args={"items": [1]})
    await worker.finish((await worker.claim())[0], error="Oops")
    await scene.start(loop(job("x"), retry={"constant": {"attempts": 1, "seconds": 0}}), args={"items": [1]})
    await worker.finish((await worker.claim())[0], error="Oops")
    await scene.run("UPDATE timer SET due_at = app_now()")
    await timers.fire(scene.platform.tools)
    assert await all_of(worker) == 1, "its second attempt is looked up as well, and finds nothing"
    await scene.start(loop(job("x")), args={"items": [1]})
    assert await all_of(worker) == 0, "how often it is tried is none of its inputs"
    stop = {"stop_after_if": {"expr": "true"}}
    branch = {"type": "branchall", "branches": [{"modules": [job("x", **stop)]}]}
    for _ in range(2):
        run = await scene.start({"id": "b", "value": branch, "cache_ttl": 60}, job("after", "b"))
        assert await all_of(worker) == 1 and (await scene.ended(run))["status"] == "succeeded"
    await scene.is_whole()


async def test_a_sub_workflow_that_is_known_is_no_run(scene: Ground) -> None:
    worker = await scene.worker()
    body = msgspec.Raw(json.dumps({"modules": [job("x")]}).encode())
    summary = {"summary": msgspec.Raw(b'""')}
    await flows.create(scene.platform, ACTOR, WORKSPACE, NewFlow("f/sub/one", body, None, summary))
    inputs = {"n": {"type": "javascript", "expr": "flow_input.n % 10"}}
    call = {"id": "c", "value": {"type": "flow", "path": "f/sub/one", "input_transforms": inputs}, "cache_ttl": 60}
    first = await scene.start(call, args={"n": 3})
    assert await all_of(worker) == 1
    again = await scene.start(call, args={"n": 13})
    assert await scene.result(again) == await scene.result(first)
    assert not await scene.rows("SELECT FROM run WHERE parent = $1", again)
    await scene.start(call, args={"n": 4})
    assert await all_of(worker) == 1
    text = msgspec.Raw(json.dumps({"modules": [job("y")]}).encode())
    await flows.update(scene.platform, ACTOR, WORKSPACE, "f/sub/one", NewFlow("f/sub/one", text, None, summary))
    await scene.start(call, args={"n": 3})
    assert await all_of(worker) == 1, "another version is another thing"
    await scene.is_whole()


async def test_a_branch_inside_a_loop_is_known_by_its_iteration(scene: Ground) -> None:
    worker = await scene.worker()
    branch = {"type": "branchone", "branches": [{"expr": "flow_input.iter.value > 1", "modules": [job("x")]}]}
    inner = {"id": "b", "value": {**branch, "default": []}, "cache_ttl": 60}
    plain = loop(inner)
    del plain["cache_ttl"]
    await scene.start(plain, args={"items": [2, 2, 3]})
    assert await all_of(worker) == 3, "the index is read as well: it is a member of iter"
    run = await scene.start(plain, args={"items": [2, 2, 3]})
    assert await all_of(worker) == 0 and [each[0] for each in await scene.result(run)] == [1, 2, 3]
    await scene.is_whole()
