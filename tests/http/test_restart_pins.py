"""Versions inside shared sub-workflows, at a start and at a restart by another member."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.http.test_acceptance import FLOW, SCRIPT, SUB, calling, code, edit, flow, result, rows, script

from orvanta_platform.control.actor import Role
from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.blueprints import read_pins, write_pins


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    """Create a folder writable by everybody, and one readable only by the admin."""
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        await made.client.post(f"{W}/folders/create", json={"name": "closed", "owners": ["u/admin"]})
        yield made


@pytest.fixture
async def bob(api: ApiHarness) -> httpx.AsyncClient:
    """Add a developer with write access to f/team, and return the client."""
    return await api.member("bob", role=Role.DEVELOPER)


def first(*modules: dict[str, Any]) -> list[dict[str, Any]]:
    """Return these nodes, preceded by one that waits for a worker."""
    value = {"type": "rawscript", "language": "bash", "content": "echo", "input_transforms": {}}
    return [{"id": "first", "value": value}, *modules]


async def shared(api: ApiHarness) -> None:
    """Deploy FLOW, which runs SUB; SUB acts for the admin and runs SCRIPT."""
    await script(api.client, "echo first")
    email = (await api.get("users/whoami"))["email"]
    await flow(api.client, SUB, "'sub'", calling(SCRIPT, "script"), on_behalf_of_email=email)
    await flow(api.client, FLOW, "results.called", *first(calling(SUB)))


async def started(api: ApiHarness, client: httpx.AsyncClient, path: str = FLOW) -> str:
    """Start a run of a workflow whose node `first` has succeeded."""
    run = await client.post(f"{W}/jobs/run/f/{path}", json={})
    assert run.status_code == 201, run.text
    await api.worker.finish((await api.worker.claim())["first"], None)
    return run.text


async def restart(client: httpx.AsyncClient, run: str) -> httpx.Response:
    return await client.post(f"{W}/jobs/restart/f/{run}", json={"step_id": "called"})


async def test_member_restarts_shared_run_of_another(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The restart uses the same versions, although the workflow was shared only when the first run started."""
    await shared(api)
    run = await started(api, bob)
    assert await code(api) == "echo first"
    await script(bob, "echo second")
    again = await restart(api.client, run)
    assert again.status_code == 201, again.text
    assert await code(api) == "echo first"
    assert await result(api, again.text) == "sub"


async def test_delegating_token_runs_on_behalf_workflow_of_its_owner(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Its run has the same identity and no limits, so its sub-workflows use the versions of the run."""
    await shared(api)
    scopes = ["jobs:run", "jobs:delegate"]
    token = await api.client.post("/api/users/tokens/create", json={"label": "shop", "scopes": scopes})
    await script(bob, "echo stolen")
    async with client_of(api.app, token.text) as hook:
        run = await started(api, hook)
    assert await code(api) == "echo first"
    assert await result(api, run) == "sub"


@pytest.mark.extended
async def test_sub_workflow_without_pins_uses_none_of_its_caller(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The caller's run has pinned the same path to a version that the member did not accept."""
    await shared(api)
    await edit(api.client, FLOW, "1", *first(calling(SUB), calling(SCRIPT, "script") | {"id": "own"}))
    await script(bob, "echo stolen")
    run = (await bob.post(f"{W}/jobs/run/f/{FLOW}", json={})).text
    job = (await api.worker.claim())["first"]
    ((digest, pins),) = await rows(
        api, "SELECT pin_set, pins FROM pin_set JOIN run_live ON pin_set = hash WHERE id = $1", job.run.id
    )
    outer = {key: pin for key, pin in read_pins(pins).items() if not key.startswith("u/admin|")}
    made, text = write_pins(outer)
    assert made != digest and SCRIPT in outer
    await rows(api, "INSERT INTO pin_set (hash, pins) VALUES ($1, $2)", made, text)
    await rows(api, "UPDATE run_live SET pin_set = $2 WHERE id = $1", job.run.id, made)
    await api.worker.finish(job, None)
    for _ in range(5):
        await rows(api, "UPDATE inbox SET created_at = app_now() - interval '2 seconds'")
        await timers.sweep(api.platform.tools)
    assert await api.worker.claim_all() == []
    error = (await result(api, run))["error"]
    assert error["name"] == "version_not_pinned" and "Start the workflow again" in error["message"], error


async def test_restart_runs_nothing_unreadable_to_its_starter(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The sub-workflow version of the first run used a script in a closed folder; its current version does not."""
    await script(api.client, "echo closed", "f/closed/tool")
    await flow(api.client, SUB, "'sub'", calling("f/closed/tool", "script"))
    await flow(api.client, FLOW, "results.called", *first(calling(SUB)))
    run = await started(api, api.client)
    assert await code(api) == "echo closed"
    await edit(api.client, SUB, "'open'")
    refused = await restart(bob, run)
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "script_missing", refused.text
    assert (await restart(api.client, run)).status_code == 201


async def test_restart_uses_no_version_with_withdrawn_acceptance(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The restarted part is a workflow that acts for another member."""
    await shared(api)
    flawed = await script(api.client, "echo flawed")
    run = await started(api, bob)
    assert await code(api) == "echo flawed"
    assert (await api.client.post(f"{W}/scripts/archive/h/{flawed}")).status_code == 200
    refused = await restart(bob, run)
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "not_accepted", refused.text
