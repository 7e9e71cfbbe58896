"""The preprocessor of a workflow: the calls that use it, and its representation in the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, script

PATH = "f/hooks/orders"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        value = {"modules": [script("a")], "preprocessor_module": script("preprocessor")}
        body = {"path": PATH, "summary": "", "value": value, "schema": SCHEMA}
        answer = await made.client.post(f"{W}/flows/create", json=body)
        assert answer.status_code == 201, answer.text
        yield made


async def called(api: ApiHarness, args: Any, **query: Any) -> str:
    answer = await api.client.post(f"{W}/jobs/run/f/{PATH}", json=args, params=query)
    assert answer.status_code == 201, answer.text
    return answer.text


async def test_webhook_input_is_preprocessor_output(api: ApiHarness) -> None:
    run = await called(api, {"raw": "1"})
    before = (await api.get(f"jobs_u/get/{run}"))["flow_status"]
    assert (before["preprocessor_module"]["type"], before["modules"][0]["type"]) == (
        "WaitingForExecutor",
        "WaitingForPriorSteps",
    )
    assert "received_args" not in await api.get(f"jobs_u/get/{run}")
    await api.worker.finish((await api.worker.claim())["preprocessor"], {"n": 1})
    await api.worker.finish((await api.worker.claim())["a"], "done")
    job = await api.get(f"jobs_u/completed/get/{run}")
    assert (job["result"], job["args"], job["preprocessed"]) == ("done", {"n": 1}, True)
    assert job["received_args"] == {"raw": "1"}
    assert job["flow_status"]["preprocessor_module"]["type"] == "Success"
    assert await api.get(f"jobs_u/get_args/{run}") == {"n": 1}
    assert await api.get(f"jobs_u/get_args/{run}", received="true") == {"raw": "1"}


async def test_skipped_preprocessor_requires_schema(api: ApiHarness) -> None:
    answer = await api.client.post(f"{W}/jobs/run/f/{PATH}", json={"raw": "1"}, params={"skip_preprocessor": "true"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")
    run = await called(api, {"n": 2}, skip_preprocessor="true")
    assert set(await api.worker.claim()) == {"a"}
    job = await api.get(f"jobs_u/get/{run}")
    assert job["args"] == {"n": 2}
    assert "preprocessed" not in job
    assert "preprocessor_module" not in job["flow_status"]


async def test_preprocessor_runs_for_routes_but_not_previews(api: ApiHarness) -> None:
    hook = {
        "path": "f/hooks/route",
        "script_path": PATH,
        "is_flow": True,
        "route_path": "orders",
        "http_method": "post",
    }
    more = {"authentication_method": "none", "is_static_website": False, "request_type": "async"}
    assert (await api.client.post(f"{W}/http_triggers/create", json=hook | more)).status_code == 201
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://orvanta") as stranger:  # type: ignore[arg-type]
        assert (await stranger.post("/api/r/orders", json={"raw": 1})).status_code == 201
    assert set(await api.worker.claim()) == {"preprocessor"}
    await api.flow(script("a"), preprocessor_module=script("preprocessor"))
    assert set(await api.worker.claim()) == {"a"}


async def test_run_pauses_before_preprocessor(api: ApiHarness) -> None:
    for given in ({}, {"inputs": {"raw": "2"}}, {"result": {"n": 7}}, {"result": "no object"}):
        await paused_before_it(api, given)


async def paused_before_it(api: ApiHarness, given: dict[str, Any]) -> None:
    """Pause a run before its preprocessor and continue it with the given values."""
    run = await called(api, {"raw": "1"}, pause_before="preprocessor,a")
    pauses = f"/api/v1/runs/{run}/pauses"
    here = {"X-Workspace": "main"}
    (paused,) = (await api.client.get(pauses, headers=here)).json()["paused"]
    assert (paused["node"], paused["takes_inputs"]) == ("preprocessor", True)
    looked = (await api.client.get(f"{pauses}/{paused['job']}", headers=here)).json()
    assert looked["inputs"] == {"raw": "1"}
    answer = await api.client.post(f"{pauses}/{paused['job']}/continue", json=given, headers=here)
    assert answer.status_code == 200, answer.text
    if given.get("result") == "no object":
        job = await api.get(f"jobs_u/completed/get/{run}")
        assert (job["result"]["error"]["name"], job["args"]) == ("InvalidInput", {"raw": "1"})
        return
    if "result" not in given:
        await api.worker.finish((await api.worker.claim())["preprocessor"], {"n": 7})
    (paused,) = (await api.client.get(pauses, headers=here)).json()["paused"]
    assert paused["node"] == "a"
    await api.client.post(f"{pauses}/{paused['job']}/continue", json={}, headers=here)
    await api.worker.finish((await api.worker.claim())["a"], "done")
    job = await api.get(f"jobs_u/completed/get/{run}")
    assert (job["result"], job["args"], job["preprocessed"]) == ("done", {"n": 7}, True)


async def test_failed_preprocessor_fails_run_and_preserves_input(api: ApiHarness) -> None:
    run = await called(api, {"raw": 1})
    await api.worker.finish((await api.worker.claim())["preprocessor"], error="Bad")
    job = await api.get(f"jobs_u/completed/get/{run}")
    assert (job["success"], job["args"], job["result"]["error"]["name"]) == (False, {"raw": 1}, "Bad")
