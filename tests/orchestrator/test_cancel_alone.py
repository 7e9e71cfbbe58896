"""Nodes that hold others, and single bodies of them, cancelled by their ids while the run goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cases.test_cases import deploy
from tests.conftest import TestDatabase
from tests.orchestrator.ground import Ground, ground, job, on

from orvanta_platform.errors import NotFound
from orvanta_platform.ids import derived_id


@pytest.fixture
async def scene(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Ground]:
    async with ground(database, tmp_path) as made:
        yield made
        await made.is_whole()
        assert not await made.rows("SELECT FROM frame UNION ALL SELECT FROM counter UNION ALL SELECT FROM job_live")


def loop(id: str, items: list[Any], *body: dict[str, Any], more: dict[str, Any] | None = None, **value: Any) -> Any:
    iterator = {"type": "static", "value": items}
    value = {"type": "forloopflow", "iterator": iterator, "modules": list(body), "skip_failures": False, **value}
    return {"id": id, "value": value, "needs": [], **(more or {})}


async def first(scene: Ground, query: str) -> UUID:
    id: UUID = (await scene.rows(query))[0]["id"]
    return id


COUNTER = "SELECT id FROM counter"
FRAME = "SELECT id FROM frame ORDER BY place"


async def test_a_loop_fails_at_once_without_retries(scene: Ground) -> None:
    """An edge on failure handles it; what its worker says then comes too late."""
    retry = {"retry": {"constant": {"attempts": 3, "seconds": 0}}}
    run = await scene.start(
        loop("l", [1, 2], job("a"), job("b", "a"), more=retry, parallel=True), job("h", on("l", "failure"))
    )
    worker = await scene.worker()
    held = await worker.claim()
    await scene.cancel(await first(scene, COUNTER))
    assert list(await scene.live(run)) == ["h"]
    assert [(await worker.finish(each, 1)).recorded for each in held] == [False, False]
    await worker.finish((await worker.claim())[0], "handled")
    assert await scene.result(run) == "handled"
    (row,) = await scene.rows("SELECT state, error_name FROM job WHERE node = 'l' AND kind <> 'frame'")
    assert (row["state"], row["error_name"]) == ("failed", "Canceled")


async def test_an_iteration_fails_and_the_others_go_on(scene: Ground) -> None:
    run = await scene.start(loop("l", [1, 2], job("a"), job("b", "a"), parallel=True, skip_failures=True))
    worker = await scene.worker()
    held = {each.frame: each for each in await worker.claim()}
    frame = await first(scene, FRAME)
    await scene.cancel(frame)
    assert not (await worker.finish(held.pop(frame), 1)).recorded
    await worker.finish(held.popitem()[1], 1)
    await worker.finish((await worker.claim())[0], "b")
    result = await scene.result(run)
    assert sorted(result, key=str) == [None, "b"]
    (row,) = await scene.rows("SELECT state, error_name FROM job WHERE id = $1", frame)
    assert (row["state"], row["error_name"]) == ("failed", "Canceled")


async def test_an_iteration_that_counts_fails_the_loop(scene: Ground) -> None:
    run = await scene.start(loop("l", [1, 2], job("a"), job("b", "a")))
    worker = await scene.worker()
    await worker.claim()
    await scene.cancel(await first(scene, FRAME))
    ended = await scene.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "Canceled")
    error = {"name": "Canceled", "message": "enough", "step_id": "l"}
    assert await scene.result(run) == [{"error": error}]


async def test_a_loop_in_a_loop(scene: Ground) -> None:
    inner = {**loop("i", [1, 2], job("a"), job("b", "a")), "continue_on_error": True}
    run = await scene.start(loop("o", [1], inner, job("c", "i")))
    worker = await scene.worker()
    await worker.claim()
    id = (await scene.row("SELECT id FROM counter WHERE frame IS NOT NULL"))["id"]
    await scene.cancel(id)
    await worker.finish((await worker.claim())[0], "c")
    assert await scene.result(run) == ["c"]


async def test_a_loop_that_waits_for_its_retry(scene: Ground) -> None:
    more = {"retry": {"constant": {"attempts": 1, "seconds": 600}}}
    run = await scene.start(loop("l", [1], job("a"), more=more))
    worker = await scene.worker()
    await worker.finish((await worker.claim())[0], error="Broken")
    await scene.cancel(await first(scene, COUNTER))
    assert (await scene.ended(run))["error_name"] == "Canceled"
    assert not await scene.rows("SELECT FROM timer")


async def test_a_sub_workflow_ends_with_its_node(scene: Ground) -> None:
    await deploy(scene, "f/team/child", {"modules": [job("p"), job("q", "p")]})
    call = {"type": "flow", "path": "f/team/child", "input_transforms": {}}
    run = await scene.start({"id": "c", "value": call, "needs": []}, job("h", on("c", "failure")))
    worker = await scene.worker()
    (held,) = await worker.claim()
    await scene.cancel(await first(scene, COUNTER))
    await worker.finish(held, cancelled=True)
    await worker.finish((await worker.claim())[0], "handled")
    assert await scene.result(run) == "handled"


async def test_an_id_of_nothing(scene: Ground) -> None:
    run = await scene.start(job("a"))
    with pytest.raises(NotFound):
        await scene.cancel(derived_id(run, "nothing"))
    await scene.cancel(run)
