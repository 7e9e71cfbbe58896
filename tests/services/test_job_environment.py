"""Environment variables of jobs: always set, and a path of the state that is unique to the trigger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, client_of

from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.services.triggers.scheduler import fire
from orvanta_platform.worker.environment import environment

SCRIPT = "f/team/count"
STATE = "u/admin/f_team_count_state"
DUE = "UPDATE schedule SET next_at = date_trunc('second', app_now()) - interval '1 second'"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await create(made, "scripts", {**PYTHON, "path": SCRIPT, "summary": ""})
        yield made


async def create(api: ApiHarness, kind: str, body: dict[str, Any]) -> None:
    answer = await api.client.post(f"{W}/{kind}/create", json=body)
    assert answer.status_code == 201, answer.text


async def schedule(api: ApiHarness, path: str, script_path: str = SCRIPT, *, is_flow: bool = False) -> None:
    body = {"path": path, "schedule": "0 0 3 * * *", "timezone": "UTC", "script_path": script_path, "enabled": True}
    await create(api, "schedules", {**body, "is_flow": is_flow, "args": {}})


async def start_due(api: ApiHarness) -> None:
    async with api.platform.db.acquire() as connection:
        await connection.execute(DUE)
    while await fire(api.platform):
        pass


def variables(api: ApiHarness, job: ClaimedJob) -> Mapping[str, str]:
    return environment(api.platform.settings, api.platform.keys, job, 1, None, version=job.run.version)


async def states(api: ApiHarness) -> list[tuple[str, str]]:
    """Return the schedules and the paths of the states of the jobs that wait."""
    found = [variables(api, job) for job in await api.worker.claim_all()]
    return sorted((each["WM_SCHEDULE_PATH"], each["WM_STATE_PATH"]) for each in found)


async def test_each_trigger_of_a_script_has_a_state(api: ApiHarness) -> None:
    await schedule(api, "f/team/daily")
    await schedule(api, "f/team/weekly")
    await start_due(api)
    assert await states(api) == [(f"f/team/{name}", f"{STATE}/schedule/f/team/{name}") for name in ("daily", "weekly")]
    hook = {
        "path": "f/team/hook",
        "script_path": SCRIPT,
        "is_flow": False,
        "route_path": "count",
        "http_method": "post",
    }
    await create(
        api,
        "http_triggers",
        {**hook, "authentication_method": "none", "is_static_website": False, "request_type": "async"},
    )
    assert (await client_of(api.app, "").post("/api/r/count", json={})).status_code == 201
    assert await states(api) == [("", f"{STATE}/http_trigger/f/team/hook")]
    await api.client.post(f"{W}/jobs/run/p/{SCRIPT}", json={})
    assert await states(api) == [("", f"{STATE}/caller")]


async def test_scheduled_workflow_passes_its_schedule_to_scripts_and_sub_workflows(api: ApiHarness) -> None:
    def flow(name: str, *values: dict[str, Any]) -> dict[str, Any]:
        modules = [{"id": f"{name}{n}", "value": {**value, "input_transforms": {}}} for n, value in enumerate(values)]
        return {"path": f"f/team/{name}", "summary": "", "value": {"modules": modules}}

    script = {"type": "script", "path": SCRIPT}
    await create(api, "flows", flow("inner", script))
    await create(api, "flows", flow("outer", script, {"type": "flow", "path": "f/team/inner"}))
    await schedule(api, "f/team/daily", "f/team/outer", is_flow=True)
    await start_due(api)
    (job,) = await api.worker.claim_all()
    path = "schedule/f/team/daily"
    assert variables(api, job)["WM_STATE_PATH"] == f"{STATE}/flow/f/team/outer/outer0/{path}"
    await api.worker.finish(job)
    while not (jobs := await api.worker.claim_all()):
        pass
    assert variables(api, jobs[0])["WM_STATE_PATH"] == f"{STATE}/flow/f/team/inner/inner0/{path}"


async def test_long_path_of_a_state_is_shortened(api: ApiHarness) -> None:
    names = ["f/team/" + letter * 240 for letter in "ab"]
    for name in names:
        await schedule(api, name)
    await start_due(api)
    found = [path for _, path in await states(api)]
    assert len(set(found)) == 2
    for path in found:
        assert path.startswith(f"{STATE}/") and len(path) <= 255
        await create(api, "resources", {"path": path, "value": 1, "resource_type": "state"})


async def test_every_variable_is_set(api: ApiHarness) -> None:
    """The list of contextual variables is complete, and a script finds each in its environment with both prefixes."""
    await api.preview()
    (job,) = await api.worker.claim_all()
    found = variables(api, job)
    names = {each["name"].removeprefix("OV_") for each in await api.get("variables/list_contextual")}
    assert {f"{prefix}_{name}" for prefix in ("OV", "WM") for name in names} | {"BASE_INTERNAL_URL"} == set(found)
    assert {
        *("WM_SCHEDULE_PATH", "WM_PERMISSIONED_AS", "WM_OBJECT_PATH", "WM_RUNNABLE_ID", "WM_STATE_PATH", "WM_JOB_ID"),
        *("WM_ROOT_FLOW_JOB_ID", "WM_FLOW_PATH", "WM_FLOW_JOB_ID", "WM_FLOW_STEP_ID", "WM_USERNAME", "WM_EMAIL"),
        *("WM_BASE_URL", "WM_END_USER_EMAIL", "WM_WORKER_GROUP", "WM_WORKSPACE", "WM_TOKEN", "WM_STATE_PATH_NEW"),
    } <= set(found)
    assert found["WM_PERMISSIONED_AS"] == "u/admin"
    assert found["WM_OBJECT_PATH"] == f"{job.run.id}/{job.id}"
