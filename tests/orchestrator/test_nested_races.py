"""Completions inside a node, concurrent with that of the node, in both orders; the run is locked until both wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, ThirdSession, Worker, job

from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow

LOCK_RUN = "SELECT FROM run_live WHERE id = $1 FOR UPDATE"
ORDERS = pytest.mark.parametrize("end_first", [True, False])


async def in_turn(other: ThirdSession, run: UUID, *acts: Coroutine[Any, Any, Any]) -> None:
    """Let all operations wait for the run's lock in this order, then release it."""
    async with other.holding(LOCK_RUN, run):
        tasks = []
        for place, act in enumerate(acts, 1):
            tasks.append(asyncio.create_task(act))
            await other.until_waiting(place)
    await asyncio.gather(*tasks)


def ordered(end_first: bool, end: Any, against: Any) -> tuple[Any, Any]:
    return (end, against) if end_first else (against, end)


def loop(*body: dict[str, Any], **more: Any) -> dict[str, Any]:
    items = {"type": "static", "value": [1, 2]}
    inside = [{key: part for key, part in each.items() if key != "needs"} for each in body]
    value = {"type": "forloopflow", "iterator": items, "parallel": True, "modules": inside}
    return {"id": "loop", "value": value, "needs": [], **more}


async def calling(core: CoreHarness) -> tuple[UUID, Worker, Any]:
    """Start a run that waits for its sub-workflow, whose only job is claimed."""
    body = {"modules": [{key: part for key, part in job("inside").items() if key != "needs"}]}
    value = msgspec.Raw(json.dumps(body).encode())
    new = NewFlow("f/sub/one", value, None, {"summary": msgspec.Raw(b'""')})
    await flows.create(core.platform, ACTOR, WORKSPACE, new)
    call = {"id": "call", "value": {"type": "flow", "path": "f/sub/one", "input_transforms": {}}, "needs": []}
    run = await core.start(call, job("after", "call"))
    worker = await core.worker()
    (held,) = await worker.claim()
    return run, worker, held


@ORDERS
async def test_end_of_child_concurrent_with_cancel_of_caller(core: CoreHarness, end_first: bool) -> None:
    run, worker, held = await calling(core)
    async with core.third_session() as other:
        await in_turn(other, run, *ordered(end_first, worker.finish(held, 1), core.cancel(run)))
    await timers.sweep(core.platform.tools)
    assert (await core.ended(run))["status"] == "cancelled"
    assert (await core.ended(held.run.id))["status"] in ("succeeded", "cancelled")
    assert not await core.rows("SELECT FROM run_live UNION ALL SELECT FROM job_live UNION ALL SELECT FROM counter")
    began = {row["state"] for row in await core.rows("SELECT state FROM job WHERE node = 'after'")}
    assert began <= ({"cancelled"} if end_first else set())
    await core.is_whole()


@pytest.mark.parametrize("body", [("a",), ("a", "b")])
async def test_last_two_iterations_concurrently(core: CoreHarness, body: tuple[str, ...]) -> None:
    run = await core.start(loop(*(job(id) for id in body)), job("after", "loop"))
    worker = await core.worker()
    for _ in body[1:]:
        for held in await worker.claim():
            await worker.finish(held, 0)
    first, second = await worker.claim()
    async with core.third_session() as other:
        await in_turn(other, run, worker.finish(first, "x"), worker.finish(second, "x"))
    (after,) = await worker.claim()
    assert after.node == "after"
    await worker.finish(after, "done")
    assert [row["kind"] for row in await core.rows("SELECT kind FROM job WHERE node = 'loop' AND kind <> 'frame'")] == [
        "forloopflow"
    ]
    assert await core.result(run) == "done"
    await core.is_whole()


@ORDERS
async def test_last_iteration_concurrent_with_timeout_of_loop(core: CoreHarness, end_first: bool) -> None:
    run = await core.start(loop(job("a"), timeout={"type": "static", "value": 60}))
    worker = await core.worker()
    first, last = await worker.claim()
    await worker.finish(first, 1)
    await core.run("UPDATE timer SET due_at = app_now()")
    fire = timers.fire(core.platform.tools)
    async with core.third_session() as other:
        await in_turn(other, run, *ordered(end_first, worker.finish(last, 2), fire))
    ended = await core.ended(run)
    # The timeout wins: it expired before either was written, and inbox events are processed before the finish.
    assert (ended["status"], ended["error_name"]) == ("failed", "Timeout")
    assert not await core.rows("SELECT FROM timer UNION ALL SELECT FROM job_live UNION ALL SELECT FROM counter")
    await core.is_whole()
