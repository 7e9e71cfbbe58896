"""Cancellation of containers, or of single bodies, by id while the run continues."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cases.test_cases import deploy
from tests.conftest import TestDatabase
from tests.orchestrator.harness import CoreHarness, core_harness, job, on

from orvanta_platform.errors import NotFound
from orvanta_platform.ids import derived_id
from orvanta_platform.orchestrator import timers


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    async with core_harness(database, tmp_path) as made:
        yield made
        await made.is_whole()
        assert not await made.rows("SELECT FROM frame UNION ALL SELECT FROM counter UNION ALL SELECT FROM job_live")


def loop(id: str, items: list[Any], *body: dict[str, Any], more: dict[str, Any] | None = None, **value: Any) -> Any:
    iterator = {"type": "static", "value": items}
    value = {"type": "forloopflow", "iterator": iterator, "modules": list(body), "skip_failures": False, **value}
    return {"id": id, "value": value, "needs": [], **(more or {})}


async def first(core: CoreHarness, query: str) -> UUID:
    id: UUID = (await core.rows(query))[0]["id"]
    return id


COUNTER = "SELECT id FROM counter"
FRAME = "SELECT id FROM frame ORDER BY place"


async def test_cancelled_loop_fails_without_retries(core: CoreHarness) -> None:
    """An edge on failure handles the cancellation; a later report of the worker has no effect."""
    retry = {"retry": {"constant": {"attempts": 3, "seconds": 0}}}
    run = await core.start(
        loop("l", [1, 2], job("a"), job("b", "a"), more=retry, parallel=True), job("h", on("l", "failure"))
    )
    worker = await core.worker()
    held = await worker.claim()
    await core.cancel(await first(core, COUNTER))
    assert list(await core.live(run)) == ["h"]
    assert [(await worker.finish(each, 1)).recorded for each in held] == [False, False]
    await worker.finish((await worker.claim())[0], "handled")
    assert await core.result(run) == "handled"
    (row,) = await core.rows("SELECT state, error_name FROM job WHERE node = 'l' AND kind <> 'frame'")
    assert (row["state"], row["error_name"]) == ("failed", "Canceled")


async def test_cancelled_iteration_does_not_affect_others(core: CoreHarness) -> None:
    run = await core.start(loop("l", [1, 2], job("a"), job("b", "a"), parallel=True, skip_failures=True))
    worker = await core.worker()
    held = {each.frame: each for each in await worker.claim()}
    frame = await first(core, FRAME)
    await core.cancel(frame)
    assert not (await worker.finish(held.pop(frame), 1)).recorded
    await worker.finish(held.popitem()[1], 1)
    await worker.finish((await worker.claim())[0], "b")
    result = await core.result(run)
    assert sorted(result, key=str) == [None, "b"]
    (row,) = await core.rows("SELECT state, error_name FROM job WHERE id = $1", frame)
    assert (row["state"], row["error_name"]) == ("failed", "Canceled")


async def test_cancelled_iteration_fails_loop(core: CoreHarness) -> None:
    run = await core.start(loop("l", [1, 2], job("a"), job("b", "a")))
    worker = await core.worker()
    await worker.claim()
    await core.cancel(await first(core, FRAME))
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "Canceled")
    error = {"name": "Canceled", "message": "enough", "step_id": "l"}
    assert await core.result(run) == [{"error": error}]


async def test_cancelled_inner_loop(core: CoreHarness) -> None:
    inner = {**loop("i", [1, 2], job("a"), job("b", "a")), "continue_on_error": True}
    run = await core.start(loop("o", [1], inner, job("c", "i")))
    worker = await core.worker()
    await worker.claim()
    id = (await core.row("SELECT id FROM counter WHERE frame IS NOT NULL"))["id"]
    await core.cancel(id)
    await worker.finish((await worker.claim())[0], "c")
    assert await core.result(run) == ["c"]


async def test_cancelled_loop_waiting_for_retry(core: CoreHarness) -> None:
    more = {"retry": {"constant": {"attempts": 1, "seconds": 600}}}
    run = await core.start(loop("l", [1], job("a"), more=more))
    worker = await core.worker()
    await worker.finish((await worker.claim())[0], error="Broken")
    await core.cancel(await first(core, COUNTER))
    assert (await core.ended(run))["error_name"] == "Canceled"
    assert not await core.rows("SELECT FROM timer")


async def test_cancelled_node_ends_its_sub_workflow(core: CoreHarness) -> None:
    await deploy(core, "f/team/child", {"modules": [job("p"), job("q", "p")]})
    call = {"type": "flow", "path": "f/team/child", "input_transforms": {}}
    run = await core.start({"id": "c", "value": call, "needs": []}, job("h", on("c", "failure")))
    worker = await core.worker()
    (held,) = await worker.claim()
    await core.cancel(await first(core, COUNTER))
    await worker.finish(held, cancelled=True)
    await worker.finish((await worker.claim())[0], "handled")
    assert await core.result(run) == "handled"


@pytest.mark.parametrize("nested", [False, True])
async def test_unanswered_cancel_of_sub_workflow_ends_by_timer(core: CoreHarness, nested: bool) -> None:
    """The worker has stopped, or its job cannot be killed."""
    await deploy(core, "f/team/child", {"modules": [loop("l", [1], job("p")) if nested else job("p")]})
    call = {"type": "flow", "path": "f/team/child", "input_transforms": {}}
    run = await core.start({"id": "c", "value": call, "needs": []}, job("h", on("c", "failure")))
    worker = await core.worker()
    (held,) = await worker.claim()
    await core.cancel(await first(core, COUNTER + " ORDER BY child IS NULL"))
    assert not await core.live(run)
    await core.run("UPDATE timer SET due_at = app_now()")
    assert await timers.fire(core.platform.tools) == 1
    assert not (await worker.finish(held, 1)).recorded
    await worker.finish((await worker.claim())[0], "handled")
    assert await core.result(run) == "handled"


async def test_cancel_of_unknown_id(core: CoreHarness) -> None:
    run = await core.start(job("a"))
    with pytest.raises(NotFound):
        await core.cancel(derived_id(run, "nothing"))
    await core.cancel(run)
