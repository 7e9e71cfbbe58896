"""Cached results of workflows, on PostgreSQL."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, job

from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions
from orvanta_platform.workflow.mask import MASK


async def once(core: CoreHarness, worker: Worker, args: Any, result: Any = None, **value: Any) -> tuple[UUID, bool]:
    """Run a workflow of one node; return the run, and true if the node's job ran."""
    value = {"cache_ttl": 60, **value}
    run = await core.start(job("a"), args=args, **value)
    jobs = await worker.claim()
    for each in jobs:
        await worker.finish(each, result)
    return run, bool(jobs)


async def test_equal_input_returns_cached_result(core: CoreHarness) -> None:
    worker = await core.worker()
    first, _ = await once(core, worker, {"x": 1, "y": 2}, {"n": 1})
    second, ran = await once(core, worker, {"y": 2, "x": 1}, {"n": 2})
    assert not ran and await core.result(second) == {"n": 1}
    (event,) = await core.rows("SELECT data FROM event WHERE run = $1 AND kind = 'cached'", second)
    assert str(first) in event["data"]
    assert (await once(core, worker, {"x": 2, "y": 2}))[1]
    assert (await once(core, worker, {"x": 1, "y": 2}, cache_ttl=61))[1], "another workflow"
    assert (await once(core, worker, {"x": 1, "y": 2}, cache_ttl=0))[1]
    await core.is_whole()


async def test_cached_result_expires(core: CoreHarness) -> None:
    worker = await core.worker()
    await once(core, worker, {}, 1)
    assert not (await once(core, worker, {}))[1]
    await core.run("UPDATE cache SET at = at - interval '61 seconds'")
    assert (await once(core, worker, {}, 2))[1]
    assert not (await once(core, worker, {}))[1]


async def test_failures_and_masked_results_are_not_cached(core: CoreHarness) -> None:
    worker = await core.worker()
    await core.start(job("a"), args={}, cache_ttl=60)
    await worker.finish((await worker.claim())[0], error="Oops")
    assert (await once(core, worker, {}, {"token": MASK}))[1]
    assert (await once(core, worker, {}, None))[1]
    last, ran = await once(core, worker, {})
    assert not ran and await core.result(last) is None


async def test_cached_result_is_not_shared_across_identities(core: CoreHarness) -> None:
    worker = await core.worker()
    await once(core, worker, {}, 1)
    other = replace(ACTOR, username="bob", email="bob@example.com")
    body = (
        b'{"modules": [{"id": "a", "value": {"type": "rawscript", "language": "python3", "content": "# a",'
        b' "input_transforms": {}}, "needs": []}], "cache_ttl": 60}'
    )
    await runs.start_flow_preview(core.platform, other, WORKSPACE, body, None, b"{}", RunOptions())
    assert len(await worker.claim()) == 1


async def test_erased_result_is_computed_again(core: CoreHarness) -> None:
    worker = await core.worker()
    await once(core, worker, {}, 1)
    await core.run("DELETE FROM value WHERE kind = 'result'")
    await core.run("DELETE FROM run; DELETE FROM job")
    assert (await once(core, worker, {}, 2))[1]


async def test_cached_result_needs_no_permit(core: CoreHarness) -> None:
    worker = await core.worker()
    limits = {"concurrent_limit": 1, "concurrency_key": "k"}
    await once(core, worker, {}, 1, **limits)
    await core.start(job("b"), concurrent_limit=1, concurrency_key="k")
    run, ran = await once(core, worker, {}, **limits)
    assert await core.result(run) == 1 and ran, "the other run has the permit"


ITEMS = {"type": "javascript", "expr": "flow_input.items"}


def loop(*modules: dict[str, Any], **more: Any) -> dict[str, Any]:
    value = {"type": "forloopflow", "iterator": ITEMS, "skip_failures": False, "modules": list(modules)}
    return {"id": "l", "value": value, "cache_ttl": 60, **more}


async def all_of(worker: Worker, result: Any = None) -> int:
    """Complete all jobs in sequence; return their number."""
    count = 0
    while jobs := await worker.claim():
        for each in jobs:
            count += 1
            await worker.finish(each, [count, result])
    return count


async def test_cached_loop_opens_no_body(core: CoreHarness) -> None:
    worker = await core.worker()
    reads = {"type": "javascript", "expr": "[flow_input.iter.value, results.before, context.k]"}
    body = job("x")
    body["value"]["input_transforms"] = {"v": reads}
    export = {"k": {"type": "javascript", "expr": "flow_input.k"}}
    before = {"id": "before", "value": {"type": "condition", "expr": "flow_input.b"}, "export": export}
    nodes = (before, loop(body, job("y", "x")), job("after", "l"))
    args = {"items": [1, 2], "b": True, "k": 1, "other": 5}
    first = await core.start(*nodes, args=args, output={"type": "javascript", "expr": "results.l"})
    assert await all_of(worker) == 5
    again = await core.start(*nodes, args={**args, "other": 6}, output={"type": "javascript", "expr": "results.l"})
    assert await all_of(worker) == 1, "what nothing inside reads does not count"
    assert await core.result(again) == await core.result(first)
    (event,) = await core.rows("SELECT node, data FROM event WHERE run = $1 AND kind = 'cached'", again)
    assert event["node"] == "l" and str(first) in event["data"]
    for other in ({"items": [1, 3]}, {"b": False}, {"k": 2}):
        await core.start(*nodes, args={**args, **other})
        assert await all_of(worker) == 5, other
    await core.run("UPDATE cache SET at = at - interval '61 seconds'")
    await core.start(*nodes, args=args)
    assert await all_of(worker) == 5
    await core.is_whole()


async def test_nodes_after_cached_loop_run_normally(core: CoreHarness) -> None:
    worker = await core.worker()
    export = {"n": {"type": "javascript", "expr": "result.length"}}
    nodes = (loop(job("x"), export=export, sleep={"type": "static", "value": 5}), job("after", "l"))
    for inside in (1, 0):
        run = await core.start(*nodes, args={"items": [7]})
        assert await all_of(worker) == inside
        assert (await core.row("SELECT body FROM value WHERE id = $1 AND kind = 'context'", run))["body"] == b"1"
        await core.run("UPDATE timer SET due_at = app_now()")
        await timers.fire(core.platform.tools)
        assert await all_of(worker) == 1 and (await core.ended(run))["status"] == "succeeded"
    await core.is_whole()


async def test_failed_or_stopped_loop_is_not_cached(core: CoreHarness) -> None:
    worker = await core.worker()
    await core.start(loop(job("x")), args={"items": [1]})
    await worker.finish((await worker.claim())[0], error="Oops")
    await core.start(loop(job("x"), retry={"constant": {"attempts": 1, "seconds": 0}}), args={"items": [1]})
    await worker.finish((await worker.claim())[0], error="Oops")
    await core.run("UPDATE timer SET due_at = app_now()")
    await timers.fire(core.platform.tools)
    assert await all_of(worker) == 1, "its second attempt is looked up as well, and finds nothing"
    await core.start(loop(job("x")), args={"items": [1]})
    assert await all_of(worker) == 0, "how often it is tried is none of its inputs"
    stop = {"stop_after_if": {"expr": "true"}}
    branch = {"type": "branchall", "branches": [{"modules": [job("x", **stop)]}]}
    for _ in range(2):
        run = await core.start({"id": "b", "value": branch, "cache_ttl": 60}, job("after", "b"))
        assert await all_of(worker) == 1 and (await core.ended(run))["status"] == "succeeded"
    await core.is_whole()


async def test_cached_sub_workflow_starts_no_run(core: CoreHarness) -> None:
    worker = await core.worker()
    body = msgspec.Raw(json.dumps({"modules": [job("x")]}).encode())
    summary = {"summary": msgspec.Raw(b'""')}
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow("f/sub/one", body, None, summary))
    inputs = {"n": {"type": "javascript", "expr": "flow_input.n % 10"}}
    call = {"id": "c", "value": {"type": "flow", "path": "f/sub/one", "input_transforms": inputs}, "cache_ttl": 60}
    first = await core.start(call, args={"n": 3})
    assert await all_of(worker) == 1
    again = await core.start(call, args={"n": 13})
    assert await core.result(again) == await core.result(first)
    assert not await core.rows("SELECT FROM run WHERE parent = $1", again)
    await core.start(call, args={"n": 4})
    assert await all_of(worker) == 1
    text = msgspec.Raw(json.dumps({"modules": [job("y")]}).encode())
    await flows.update(core.platform, ACTOR, WORKSPACE, "f/sub/one", NewFlow("f/sub/one", text, None, summary))
    await core.start(call, args={"n": 3})
    assert await all_of(worker) == 1, "another version is another thing"
    await core.is_whole()


async def test_branch_inside_loop_is_cached_per_iteration(core: CoreHarness) -> None:
    worker = await core.worker()
    branch = {"type": "branchone", "branches": [{"expr": "flow_input.iter.value > 1", "modules": [job("x")]}]}
    inner = {"id": "b", "value": {**branch, "default": []}, "cache_ttl": 60}
    plain = loop(inner)
    del plain["cache_ttl"]
    await core.start(plain, args={"items": [2, 2, 3]})
    assert await all_of(worker) == 3, "the index is read as well: it is a member of iter"
    run = await core.start(plain, args={"items": [2, 2, 3]})
    assert await all_of(worker) == 0 and [each[0] for each in await core.result(run)] == [1, 2, 3]
    await core.is_whole()
