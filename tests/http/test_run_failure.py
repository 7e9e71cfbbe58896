"""Why a run failed: the first error, wherever it arose, and what went well before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.scene import PYTHON, Scene, W, scene, script

HERE = {"X-Workspace": "main"}


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(database, tmp_path) as made:
        yield made


async def failure(stage: Scene, id: str) -> dict[str, Any]:
    answer = await stage.client.get(f"/api/v1/runs/{id}/failure", headers=HERE)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_first_error_is_found_inside_loops_and_branches(stage: Scene) -> None:
    tolerated = {**script("tried"), "continue_on_error": True}
    choose = {"type": "branchone", "branches": [{"expr": "true", "modules": [script("deep")]}], "default": []}
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": [1, 2]}, "skip_failures": False}
    value = {**loop, "modules": [tolerated, {"id": "choose", "value": choose}]}
    id = await stage.flow({"id": "each", "value": value})
    assert await failure(stage, id) == {}
    await stage.worker.finish((await stage.worker.claim())["tried"], error="Tried")
    await stage.worker.finish((await stage.worker.claim())["deep"], {"x": 1})
    await stage.worker.finish((await stage.worker.claim())["tried"], {})
    deep = (await stage.worker.claim())["deep"]
    await stage.worker.finish(deep, error="Boom")
    found = (await failure(stage, id))["failure"]
    assert (found["node"], found["job"], found["run"]) == ("deep", str(deep.id), id)
    assert found["around"] == [{"node": "each", "place": 1}, {"node": "choose", "place": 0}]
    assert found["error"]["name"] == "Boom"


async def test_what_went_well_before_names_the_versions_of_what_is_called(stage: Scene) -> None:
    code = {"path": "f/a/code", **PYTHON}
    first = (await stage.client.post(f"{W}/scripts/create", json=code)).text
    call = {"id": "call", "value": {"type": "script", "path": "f/a/code", "input_transforms": {}}}
    flow = {"path": "f/a/flow", "summary": "", "value": {"modules": [call]}}
    assert (await stage.client.post(f"{W}/flows/create", json=flow)).status_code == 201

    async def ended(error: str | None) -> str:
        id = (await stage.client.post(f"{W}/jobs/run/f/f/a/flow", json={})).text
        job = (await stage.worker.claim())["call"]
        await (stage.worker.finish(job, {}) if error is None else stage.worker.finish(job, error=error))
        return id

    well = await ended(None)
    newer = {**code, "content": "def main():\n    raise ValueError\n", "parent_hash": first}
    assert (await stage.client.post(f"{W}/scripts/create", json=newer)).status_code == 201
    since = (await failure(stage, await ended("Boom")))["since"]
    assert since["run"] == well and since["version"]["number"] == 1
    (called,) = since["called"]
    assert (called["path"], called["before"]["number"], called["after"]["number"]) == ("f/a/code", 1, 2)
    alone = await stage.preview()
    await stage.worker.finish((await stage.worker.claim())[""], error="Alone")
    found = await failure(stage, alone)
    assert found["failure"]["error"]["name"] == "Alone" and "node" not in found["failure"] and "since" not in found
