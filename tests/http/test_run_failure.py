"""The failure of a run: the first error and the last successful run before it."""

from __future__ import annotations

from typing import Any

from tests.http.harness import PYTHON, ApiHarness, W, script

HERE = {"X-Workspace": "main"}


async def failure(api: ApiHarness, id: str) -> dict[str, Any]:
    answer = await api.client.get(f"/api/v1/runs/{id}/failure", headers=HERE)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_first_error_is_found_inside_loops_and_branches(api: ApiHarness) -> None:
    tolerated = {**script("tried"), "continue_on_error": True}
    choose = {"type": "branchone", "branches": [{"expr": "true", "modules": [script("deep")]}], "default": []}
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": [1, 2]}, "skip_failures": False}
    value = {**loop, "modules": [tolerated, {"id": "choose", "value": choose}]}
    id = await api.flow({"id": "each", "value": value})
    assert await failure(api, id) == {}
    await api.worker.finish((await api.worker.claim())["tried"], error="Tried")
    await api.worker.finish((await api.worker.claim())["deep"], {"x": 1})
    await api.worker.finish((await api.worker.claim())["tried"], {})
    deep = (await api.worker.claim())["deep"]
    await api.worker.finish(deep, error="Boom")
    found = (await failure(api, id))["failure"]
    assert (found["node"], found["job"], found["run"]) == ("deep", str(deep.id), id)
    assert found["around"] == [{"node": "each", "place": 1}, {"node": "choose", "place": 0}]
    assert found["error"]["name"] == "Boom"


async def test_last_success_names_changed_versions(api: ApiHarness) -> None:
    code = {"path": "f/a/code", **PYTHON}
    first = (await api.client.post(f"{W}/scripts/create", json=code)).text
    call = {"id": "call", "value": {"type": "script", "path": "f/a/code", "input_transforms": {}}}
    flow = {"path": "f/a/flow", "summary": "", "value": {"modules": [call]}}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201

    async def ended(error: str | None) -> str:
        id = (await api.client.post(f"{W}/jobs/run/f/f/a/flow", json={})).text
        job = (await api.worker.claim())["call"]
        await (api.worker.finish(job, {}) if error is None else api.worker.finish(job, error=error))
        return id

    well = await ended(None)
    newer = {**code, "content": "def main():\n    raise ValueError\n", "parent_hash": first}
    assert (await api.client.post(f"{W}/scripts/create", json=newer)).status_code == 201
    since = (await failure(api, await ended("Boom")))["since"]
    assert since["run"] == well and since["version"]["number"] == 1
    (called,) = since["called"]
    assert (called["path"], called["before"]["number"], called["after"]["number"]) == ("f/a/code", 1, 2)
    alone = await api.preview()
    await api.worker.finish((await api.worker.claim())[""], error="Alone")
    found = await failure(api, alone)
    assert found["failure"]["error"]["name"] == "Alone" and "node" not in found["failure"] and "since" not in found


async def test_last_success_of_a_test_names_changed_document(api: ApiHarness) -> None:
    """Tests have no version: their documents are compared. Deployed runs count as successes too."""
    path = "f/a/tested"

    async def tested(content: str, error: str | None = None) -> str:
        value = {"modules": [script("node", summary=content)]}
        body = {"value": value, "path": path, "args": {}}
        id = (await api.client.post(f"{W}/jobs/run/preview_flow", json=body)).text
        job = (await api.worker.claim())["node"]
        await (api.worker.finish(job, {}) if error is None else api.worker.finish(job, error=error))
        return id

    well = await tested("one")
    since = (await failure(api, await tested("one", "Boom")))["since"]
    assert (since["run"], since["document_changed"]) == (well, False)
    since = (await failure(api, await tested("two", "Boom")))["since"]
    assert (since["run"], since["document_changed"]) == (well, True)
    flow = {"path": path, "summary": "", "value": {"modules": [script("node", summary="three")]}}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    deployed = (await api.client.post(f"{W}/jobs/run/f/{path}", json={})).text
    await api.worker.finish((await api.worker.claim())["node"], {})
    since = (await failure(api, await tested("two", "Boom")))["since"]
    assert (since["run"], since["document_changed"]) == (deployed, True)
