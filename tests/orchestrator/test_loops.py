"""Loops, branches and sub-workflows under cancellation, loss, timeouts and concurrent ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, core_harness, job

from orvanta_platform.engine.state import RunState
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow

pytestmark = pytest.mark.every_postgres


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    async with core_harness(database, tmp_path) as made:
        yield made


def loop(id: str, items: list[Any], *modules: dict[str, Any], more: dict[str, Any] | None = None, **value: Any) -> Any:
    iterator = {"type": "static", "value": items}
    inside = [{key: part for key, part in module.items() if key != "needs"} for module in modules]
    tree = {"type": "forloopflow", "iterator": iterator, "skip_failures": False, "modules": inside, **value}
    return {"id": id, "value": tree, "needs": [], **(more or {})}


async def all_jobs(worker: Worker) -> list[Any]:
    found = []
    while claimed := await worker.claim(50):
        found += claimed
    return found


async def test_cancel_ends_everything_inside(core: CoreHarness) -> None:
    run = await core.start(
        loop("outer", [1, 2], loop("inner", [1, 2], job("a"), job("b"), parallel=True), parallel=True)
    )
    worker = await core.worker()
    held = await worker.claim(2)
    await core.cancel(run)
    assert {row["state"] for row in (await core.rows("SELECT state FROM job_live WHERE run = $1", run))} == {"running"}
    for each in held:
        assert (await worker.finish(each, cancelled=True)).recorded
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"]) == ("cancelled", "Canceled")
    left = "SELECT FROM frame UNION ALL SELECT FROM counter UNION ALL SELECT FROM job_live UNION ALL SELECT FROM timer"
    assert not await core.rows(f"{left} UNION ALL SELECT FROM inbox")
    await core.is_whole()


async def test_forced_cancel_waits_for_no_worker(core: CoreHarness) -> None:
    run = await core.start(loop("outer", [1, 2], job("a"), job("b"), parallel=True))
    worker = await core.worker()
    held = await worker.claim(1)
    await core.cancel(run, force=True)
    assert (await core.ended(run))["status"] == "cancelled"
    assert not (await worker.finish(held[0], 1)).recorded
    assert not await core.rows("SELECT FROM frame UNION ALL SELECT FROM counter UNION ALL SELECT FROM job_live")
    await core.is_whole()


async def test_last_iterations_end_concurrently(core: CoreHarness) -> None:
    for body in ([job("a")], [job("a"), job("b")]):
        run = await core.start(loop("loop", [1, 2, 3, 4], *body, parallel=True))
        worker = await core.worker()
        while held := await all_jobs(worker):
            done = await asyncio.gather(*(worker.finish(each, "x") for each in held))
            assert all(each.recorded for each in done)
        assert await core.result(run) == ["x"] * 4
        await core.is_whole()


async def test_completion_reported_twice_counts_once(core: CoreHarness) -> None:
    run = await core.start(loop("loop", [1, 2], job("a"), parallel=True))
    worker = await core.worker()
    first, second = await all_jobs(worker)
    report = worker.report(first, "x")
    both = await asyncio.gather(worker.submit(first, report), worker.submit(first, report))
    assert all(each.recorded for each in both)
    assert [row["id"] for row in await core.rows("SELECT id FROM run_live")] == [run]
    await worker.finish(second, "y")
    assert sorted(await core.result(run)) == ["x", "y"]


async def test_iteration_survives_loss_of_worker(core: CoreHarness) -> None:
    run = await core.start(loop("loop", [1, 2], job("a"), job("b")))
    lost = await core.worker()
    (held,) = await lost.claim()
    await lost.vanish()
    assert (await lost.reap()).jobs == 1
    worker = await core.worker()
    (again,) = await worker.claim()
    assert (again.id, again.attempt, again.frame) == (held.id, 2, held.frame)
    assert not (await lost.finish(held, "late")).recorded
    await worker.finish(again, 1)
    while held_now := await all_jobs(worker):
        for each in held_now:
            await worker.finish(each, 1)
    assert await core.result(run) == [1, 1]
    await core.is_whole()


async def test_inner_job_losing_its_worker_too_often_fails_iteration(core: CoreHarness) -> None:
    run = await core.start(loop("loop", [1, 2], job("a"), skip_failures=True))
    lost = await core.worker()
    await lost.claim()
    await lost.vanish()
    await lost.reap(max_losses=0)
    worker = await core.worker()
    (second,) = await worker.claim()
    await worker.finish(second, "ok")
    assert await core.result(run) == [None, "ok"]


async def test_timeout_of_loop_ends_its_contents(core: CoreHarness) -> None:
    run = await core.start(
        loop("loop", [1, 2], job("a"), more={"timeout": 60}),
    )
    worker = await core.worker()
    (held,) = await worker.claim()
    await core.run("UPDATE timer SET due_at = app_now() WHERE kind = 'timeout'")
    await timers.fire(core.platform.tools)
    assert not (await worker.finish(held, 1)).recorded
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "Timeout")
    assert not await core.rows("SELECT FROM timer")
    await core.is_whole()


async def test_loop_ending_in_time_leaves_no_timer(core: CoreHarness) -> None:
    run = await core.start(loop("loop", [1], job("a"), more={"timeout": 60}), job("after", "loop"))
    worker = await core.worker()
    await worker.finish((await worker.claim())[0], 1)
    assert not await core.rows("SELECT FROM timer")
    await worker.finish((await worker.claim())[0], 2)
    assert await core.result(run) == 2


async def test_loop_opened_by_dead_process_is_continued_by_sweep(core: CoreHarness) -> None:
    """The process dies after committing the transaction that opened the bodies."""
    run = await core.start(loop("loop", [1, 2], {"id": "a", "value": {"type": "identity"}}, job("b")))
    frame = await core.row("SELECT id FROM frame")
    await core.run("DELETE FROM job_live")
    await core.run("DELETE FROM value WHERE kind = 'result'")
    await core.run("DELETE FROM job")
    state = (await core.row("SELECT state FROM run_live"))["state"]
    fresh = {"type": "frames_begin", "frames": [str(frame["id"])]}
    new = await core.row("SELECT $1::bytea AS state", _new_state(2))
    await core.run("UPDATE frame SET state = $1", new["state"])
    await core.run("INSERT INTO inbox (run, event) VALUES ($1, $2)", run, json.dumps(fresh))
    await core.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
    assert await timers.sweep(core.platform.tools) == 1
    assert (await core.row("SELECT state FROM run_live"))["state"] == state
    worker = await core.worker()
    for _ in range(2):
        (each,) = await worker.claim()
        await worker.finish(each, "b")
    assert await core.result(run) == ["b", "b"]


def _new_state(nodes: int) -> bytes:
    return RunState(bytes(nodes)).encode()


async def test_cancel_of_a_caller_ends_its_sub_workflows(core: CoreHarness) -> None:
    body = {"modules": [{key: part for key, part in job("inside").items() if key != "needs"}]}
    value = msgspec.Raw(json.dumps(body).encode())
    await flows.create(
        core.platform, ACTOR, WORKSPACE, NewFlow("f/sub/slow", value, None, {"summary": msgspec.Raw(b'""')})
    )
    call = {"id": "call", "value": {"type": "flow", "path": "f/sub/slow", "input_transforms": {}}, "needs": []}
    run = await core.start(call)
    worker = await core.worker()
    (held,) = await worker.claim()
    child: UUID = held.run.id
    assert (held.run.parent, held.run.root) == (run, run)
    await core.cancel(run)
    assert {row["status"] for row in await core.rows("SELECT status FROM run_live")} == {"cancelling"}
    await worker.finish(held, cancelled=True)
    assert [(await core.ended(each))["status"] for each in (child, run)] == ["cancelled", "cancelled"]
    await core.is_whole()
