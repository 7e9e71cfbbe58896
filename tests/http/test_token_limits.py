"""Limited tokens: previews, conditions and edited values require scopes, and runs have the token's limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, client_of, script
from tests.http.jobs_running import claimed, job_client

from orvanta_platform import clock
from orvanta_platform.control import names
from orvanta_platform.db import schedules, tokens
from orvanta_platform.services.triggers import ticks as scheduling

NOTE = "f/team/note"
FLOW = "f/team/flow"
RUN = f"jobs:run:{FLOW}"
HERE = {"X-Workspace": "main"}
READS = {"type": "javascript", "expr": f"variable('{NOTE}')"}
PREVIEW = {**PYTHON, "args": {}}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        body = {"path": NOTE, "value": "only its readers know", "is_secret": False, "description": ""}
        await made.client.post(f"{W}/folders/create", json={"name": "team", "extra_perms": {"g/all": True}})
        assert (await made.client.post(f"{W}/variables/create", json=body)).status_code == 201
        await deploy(made.client, FLOW, [script("a")])
        yield made


async def deploy(client: httpx.AsyncClient, path: str, modules: list[dict[str, Any]], **more: Any) -> None:
    value = {"modules": modules, **more.pop("value", {})}
    answer = await client.post(f"{W}/flows/create", json={"path": path, "summary": "", "value": value, **more})
    assert answer.status_code == 201, answer.text


async def limited(api: ApiHarness, *scopes: str, email: str = "admin@localhost") -> httpx.AsyncClient:
    """Return a client of the admin with a token of these scopes."""
    token = names.new_token("user")
    async with api.platform.db.transaction() as conn:
        digest, prefix = names.token_hash(token), names.token_prefix(token)
        await tokens.insert(conn, digest, prefix, "user", email, scopes=list(scopes))
    return client_of(api.app, token)


async def started(client: httpx.AsyncClient, path: str = FLOW, **args: Any) -> str:
    answer = await client.post(f"{W}/jobs/run/f/{path}", json=args)
    assert answer.status_code == 201, answer.text
    return answer.text


async def ended(api: ApiHarness, run: str) -> tuple[bool, Any]:
    found = await api.get(f"jobs_u/completed/get/{run}")
    return found["success"], found["result"]


async def reads(api: ApiHarness, run: str) -> bool:
    """Return true if the token of a run's job can read the variable."""
    async with job_client(api, await claimed(api, run)) as job:
        return (await job.get(f"{W}/variables/get_value/{NOTE}")).status_code == 200


async def test_condition_needs_scope_and_has_limits_of_token(api: ApiHarness) -> None:
    """Otherwise, `pause_if` would let a token for one workflow extract any secret of its owner, bit by bit."""
    asks = {"pause_before": "a", "pause_if": f"variable('{NOTE}').startsWith('o')"}
    client = await limited(api, RUN)
    for query in (asks, {"pause_before": "a"}):
        assert (await client.post(f"{W}/jobs/run/f/{FLOW}", json={}, params=query)).status_code == 403
    pausing = await limited(api, RUN, "jobs:pause", "jobs:read")
    answer = await pausing.post(f"{W}/jobs/run/f/{FLOW}", json={}, params=asks)
    assert answer.status_code == 201, answer.text
    (paused,) = (await pausing.get(f"/api/v1/runs/{answer.text}/pauses", headers=HERE)).json()["paused"]
    assert NOTE in paused["threw"], "the condition must not see the variable"


async def test_breakpoints_of_live_runs_need_scopes(api: ApiHarness) -> None:
    run = await started(api.client)
    client = await limited(api, "jobs:run", "jobs:read", "jobs:write")
    before = f"/api/v1/runs/{run}/pauses/before/a"
    condition = {"if": f"variable('{NOTE}') === 'x'"}
    assert (await client.put(before, json={}, headers=HERE)).status_code == 403
    assert (await client.put(before, json=condition, headers=HERE)).status_code == 403
    found = (await client.get(f"/api/v1/runs/{run}/pauses", headers=HERE)).json()
    assert (found["may_pause"], found["may_change"]) == (False, False)
    # The run was started without limits, so its conditions can read more than this token.
    pausing = await limited(api, "jobs:pause", "jobs:read", "jobs:edit")
    assert (await pausing.put(before, json={}, headers=HERE)).status_code == 200
    refused = await pausing.put(before, json=condition, headers=HERE)
    assert refused.status_code == 403 and "more permissions than your token" in refused.json()["error"]["message"]
    found = (await pausing.get(f"/api/v1/runs/{run}/pauses", headers=HERE)).json()
    assert (found["may_pause"], found["may_change"]) == (True, False)


async def test_values_for_paused_node_need_scopes(api: ApiHarness) -> None:
    answer = await api.client.post(f"{W}/jobs/run/f/{FLOW}", json={}, params={"pause_before": "a"})
    pauses = f"/api/v1/runs/{answer.text}/pauses"
    (paused,) = (await api.client.get(pauses, headers=HERE)).json()["paused"]
    go_on = f"{pauses}/{paused['job']}/continue"
    for scopes in (["jobs:run", "jobs:read", "jobs:write"], ["jobs:pause", "jobs:read", "jobs:edit"]):
        client = await limited(api, *scopes)
        assert (await client.post(go_on, json={"result": 1}, headers=HERE)).status_code == 403
    client = await limited(api, "jobs:pause", "jobs:read")
    assert (await client.post(go_on, json={}, headers=HERE)).status_code == 200


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("run/preview", PREVIEW),
        ("run_wait_result/preview", {"kind": "identity", "args": {}}),
        ("run_inline/preview", {"kind": "identity", "args": {}}),
        ("run/preview_flow", {"value": {"modules": []}, "args": {}}),
        ("run_wait_result/preview_flow", {"value": {"modules": []}, "args": {}}),
        ("run/dependencies_async", {"raw_scripts": [{"raw_code": "", "language": "python3", "path": "u/admin/x"}]}),
        ("run/flow_dependencies_async", {"path": "u/admin/x", "flow_value": {"modules": []}}),
    ],
)
async def test_runs_scope_excludes_previews(api: ApiHarness, call: str, body: dict[str, Any]) -> None:
    client = await limited(api, "jobs:run", "jobs:read", "jobs:write")
    answer = await asyncio.wait_for(client.post(f"{W}/jobs/{call}", json=body), 60)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["hint"] == "The token needs the scope jobs:preview."


async def test_edited_restarts_need_scopes(api: ApiHarness) -> None:
    run = await started(api.client)
    await api.worker.finish((await api.worker.claim())["a"], "done")
    client = await limited(api, "jobs:run", "jobs:read", "jobs:write")
    rerun = f"{W}/jobs/rerun/{run}"
    assert (await client.post(rerun, json={"n": 2})).status_code == 403
    assert (await client.post(rerun)).status_code == 201
    how = {"input_transforms": {"n": {"type": "static", "value": 2}}}
    many = {"job_ids": [run], "flow_options_by_path": {FLOW: how}}
    assert (await client.post(f"{W}/jobs/run/batch_rerun_jobs", json=many)).text.startswith("Error: ")
    point = {"flow_job_id": run, "step_id": "a"}
    body = {"value": {"modules": [script("a")]}, "restarted_from": point}
    assert (await client.post(f"{W}/jobs/run/preview_flow", json=body)).status_code == 403
    await api.client.post(f"{W}/flows/update/{FLOW}", json={"path": FLOW, "summary": "", "value": {"modules": []}})
    versions = await api.get(f"flows/history/p/{FLOW}")
    other = {"step_id": "a", "flow_version": max(each["id"] for each in versions)}
    refused = await client.post(f"{W}/jobs/restart/f/{run}", json=other)
    assert refused.status_code == 403 and "jobs:edit" in refused.json()["error"]["hint"], refused.text
    preview = (await api.client.post(f"{W}/jobs/run/preview", json=PREVIEW)).text
    assert (await client.post(f"{W}/jobs/rerun/{preview}")).status_code == 403


async def test_preview_runs_nothing_outside_token_scopes(api: ApiHarness) -> None:
    node = {"id": "b", "value": {"type": "flow", "path": FLOW, "input_transforms": {}}}
    body = {"value": {"modules": [node]}, "args": {}}
    client = await limited(api, "jobs:preview", "jobs:run:f/other/*")
    assert (await client.post(f"{W}/jobs/run/preview_flow", json=body)).status_code == 403
    reaching = await limited(api, "jobs:preview", "jobs:run:f/team/*")
    assert (await reaching.post(f"{W}/jobs/run/preview_flow", json=body)).status_code == 201


async def test_callers_code_has_limits_of_token(api: ApiHarness) -> None:
    """Otherwise, the job tokens of a preview, or of a script deployed by the token, would have the whole account's
    rights.
    """
    client = await limited(api, "jobs:run", "jobs:preview")
    assert not await reads(api, (await client.post(f"{W}/jobs/run/preview", json=PREVIEW)).text)
    deployer = await limited(api, "jobs:run", "scripts:write", "folders:write")
    new = {**PYTHON, "path": "f/team/own", "summary": ""}
    assert (await deployer.post(f"{W}/scripts/create", json=new)).status_code == 201
    run = (await deployer.post(f"{W}/jobs/run/p/f/team/own", json={})).text
    assert not await reads(api, run)
    reader = await limited(api, "jobs:run", "jobs:preview", "variables:read:f/team/*")
    assert await reads(api, (await reader.post(f"{W}/jobs/run/preview", json=PREVIEW)).text)


async def test_job_starts_no_run_beyond_its_limits(api: ApiHarness) -> None:
    run = await started(await limited(api, RUN))
    async with job_client(api, await claimed(api, run)) as job:
        assert (await job.post(f"{W}/jobs/run/preview", json=PREVIEW)).status_code == 403
        inner = await started(job)
    assert not await reads(api, inner)


async def test_expressions_and_references_have_limits_of_run(api: ApiHarness) -> None:
    await deploy(api.client, "f/team/tells", [], value={"output": READS})
    inner = {"id": "b", "value": {"type": "flow", "path": "f/team/tells", "input_transforms": {}}}
    await deploy(api.client, "f/team/calls", [inner])
    for path in ("f/team/tells", "f/team/calls"):
        success, result = await ended(api, await started(await limited(api, "jobs:run"), path))
        assert not success and "only its readers know" not in str(result)
        reading = await limited(api, "jobs:run", "variables:read:f/team/*")
        assert await ended(api, await started(reading, path)) == (True, "only its readers know")
    run = await started(await limited(api, "jobs:run", "jobs:read"), FLOW)
    job = (await api.worker.claim())["a"]
    assert job.run.id == UUID(run) and job.run.scopes == ["jobs:run", "jobs:read"]


async def test_reruns_have_limits_of_their_caller(api: ApiHarness) -> None:
    """A run without limits is rerun with the limits of the calling token."""
    run = await started(api.client)
    await api.worker.finish((await api.worker.claim())["a"], error="no")
    client = await limited(api, "jobs:run", "jobs:read")
    for call, body in ((f"rerun/{run}", None), (f"restart/f/{run}", {"step_id": "a"})):
        answer = await asyncio.wait_for(client.post(f"{W}/jobs/{call}", json=body), 60)
        assert answer.status_code == 201, answer.text
        assert not await reads(api, answer.text)


async def test_schedules_and_routes_have_limits_of_writers_token(api: ApiHarness) -> None:
    client = await limited(api, "schedules:write", "http_triggers:write", "jobs:run")
    tick = {"schedule": "0 0 * * * *", "timezone": "UTC", "script_path": FLOW, "is_flow": True, "enabled": True}
    answer = await client.post(f"{W}/schedules/create", json={**tick, "path": "f/team/tick"})
    assert answer.status_code in (200, 201), answer.text
    async with api.platform.db.acquire() as conn:
        row = await schedules.get(conn, "main", "f/team/tick")
    assert row is not None and row.next_at is not None
    due = scheduling.Due(row, row.next_at, clock.now())
    assert await scheduling.start(api.platform, due, row.next_at + timedelta(hours=1))
    (run,) = [each["id"] for each in await api.get("jobs/list") if each["job_kind"] == "flow"]
    assert not await reads(api, run)
    route = {
        "path": "f/team/route",
        "script_path": FLOW,
        "is_flow": True,
        "route_path": "go",
        "http_method": "post",
        "authentication_method": "none",
        "is_static_website": False,
        "request_type": "async",
    }
    answer = await client.post(f"{W}/http_triggers/create", json={**route, "workspaced_route": True})
    assert answer.status_code == 201, answer.text
    called = await api.client.post("/api/r/main/go", json={})
    assert not await reads(api, called.text)
    # An update by a caller without limits removes the limits.
    assert (await api.client.post(f"{W}/http_triggers/update/f/team/route", json=route)).status_code == 200
    called = await api.client.post("/api/r/main/go", json={})
    assert await reads(api, called.text)


async def test_delegated_runs_have_full_rights_and_no_caller_options(api: ApiHarness) -> None:
    """Such a token, for example of a webhook, starts a workflow that reads secrets but cannot choose options of the
    run.
    """
    client = await limited(api, RUN, f"jobs:delegate:{FLOW}", "jobs:pause", "jobs:preview")
    assert await reads(api, await started(client))
    query = {"pause_before": "a", "pause_if": f"variable('{NOTE}') === 'x'"}
    assert (await client.post(f"{W}/jobs/run/f/{FLOW}", json={}, params=query)).status_code == 403
    assert (await client.post(f"{W}/jobs/run/f/{FLOW}", json={"a": f"$var:{NOTE}"})).status_code == 403
    every = await limited(api, "jobs:*", "jobs:delegate")
    assert not await reads(api, (await every.post(f"{W}/jobs/run/preview", json=PREVIEW)).text)
    assert not await reads(api, await started(await limited(api, "jobs:*"))), "no `*` delegates"


async def test_limited_token_cannot_deploy_on_behalf_items(api: ApiHarness) -> None:
    """Otherwise, the runs would act for the token's owner without the limits."""
    client = await limited(api, "flows:write", "scripts:write", "jobs:run")
    for email in ("admin@localhost", "bob@example.com"):
        body = {"path": "f/team/x", "summary": "", "value": {"modules": [], "output": READS}}
        answer = await client.post(f"{W}/flows/create", json={**body, "on_behalf_of_email": email})
        assert answer.status_code == 403, answer.text
        new = {**PYTHON, "path": "f/team/y", "summary": "", "on_behalf_of_email": email}
        assert (await client.post(f"{W}/scripts/create", json=new)).status_code == 403


async def test_debounced_calls_are_not_joined_across_limits(api: ApiHarness) -> None:
    """Otherwise, a limited token's call joined with a waiting one without limits would choose the input of that run."""
    await deploy(api.client, "f/team/waits", [script("a")], value={"debounce_delay_s": 60, "debounce_key": "k"})
    first = await started(api.client, "f/team/waits", n=1)
    assert await started(api.client, "f/team/waits", n=2) == first
    assert await started(await limited(api, "jobs:run"), "f/team/waits", n=3) != first


async def test_results_are_not_reused_across_limits(api: ApiHarness) -> None:
    await deploy(api.client, "f/team/kept", [script("a")], value={"cache_ttl": 600})
    await started(api.client, "f/team/kept")
    await api.worker.finish((await api.worker.claim())["a"], "only its readers know")
    assert await ended(api, await started(api.client, "f/team/kept")) == (True, "only its readers know")
    await started(await limited(api, "jobs:run"), "f/team/kept")
    assert list(await api.worker.claim()) == ["a"], "it runs by itself"


async def test_workspace_and_job_tokens_cannot_manage_tokens(api: ApiHarness) -> None:
    made = await api.client.post("/api/users/tokens/create", json={"label": "kept"})
    prefix = names.token_prefix(made.text)
    bound = (await api.client.post("/api/users/tokens/create", json={"workspace_id": "main"})).text
    run = await started(api.client)
    async with job_client(api, await claimed(api, run)) as job, client_of(api.app, bound) as client:
        for each in (job, client):
            assert (await each.get("/api/users/tokens/list")).status_code == 403
            assert (await each.delete(f"/api/users/tokens/delete/{prefix}")).status_code == 403
            assert (await each.post("/api/users/tokens/create", json={})).status_code == 403
    assert (await client_of(api.app, made.text).get("/api/users/whoami")).status_code == 200


async def test_limited_token_creates_no_token(api: ApiHarness) -> None:
    client = await limited(api, "tokens:write", "jobs:run")
    for scopes in (None, ["jobs:run"], ["*:*"]):
        assert (await client.post("/api/users/tokens/create", json={"scopes": scopes})).status_code == 403
