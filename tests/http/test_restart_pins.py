"""Versions inside shared sub-workflows: who takes which, at a start and at a restart by somebody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.scene import Scene, W, client_of, scene
from tests.http.test_acceptance import FLOW, SCRIPT, SUB, calling, code, edit, flow, result, rows, script

from orvanta_platform.control.actor import Role
from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.blueprints import read_pins, write_pins


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    """A folder that everybody writes, and one that the admin alone reads."""
    async with scene(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        await made.client.post(f"{W}/folders/create", json={"name": "closed", "owners": ["u/admin"]})
        yield made


@pytest.fixture
async def bob(stage: Scene) -> httpx.AsyncClient:
    """A developer, who may write f/team."""
    return await stage.member("bob", role=Role.DEVELOPER)


def first(*modules: dict[str, Any]) -> list[dict[str, Any]]:
    """Nodes after one that waits for a worker."""
    value = {"type": "rawscript", "language": "bash", "content": "echo", "input_transforms": {}}
    return [{"id": "first", "value": value}, *modules]


async def shared(stage: Scene) -> None:
    """FLOW runs SUB, which acts for the admin and runs SCRIPT."""
    await script(stage.client, "echo first")
    email = (await stage.get("users/whoami"))["email"]
    await flow(stage.client, SUB, "'sub'", calling(SCRIPT, "script"), on_behalf_of_email=email)
    await flow(stage.client, FLOW, "results.called", *first(calling(SUB)))


async def started(stage: Scene, client: httpx.AsyncClient, path: str = FLOW) -> str:
    """A run of a workflow of which the node `first` has succeeded."""
    run = await client.post(f"{W}/jobs/run/f/{path}", json={})
    assert run.status_code == 201, run.text
    await stage.worker.finish((await stage.worker.claim())["first"], None)
    return run.text


async def restart(client: httpx.AsyncClient, run: str) -> httpx.Response:
    return await client.post(f"{W}/jobs/restart/f/{run}", json={"step_id": "called"})


async def test_the_member_of_a_shared_workflow_restarts_a_run_of_somebody_else(
    stage: Scene, bob: httpx.AsyncClient
) -> None:
    """What was shared in the run before is not in theirs: it takes the same versions."""
    await shared(stage)
    run = await started(stage, bob)
    assert await code(stage) == "echo first"
    await script(bob, "echo second")
    again = await restart(stage.client, run)
    assert again.status_code == 201, again.text
    assert await code(stage) == "echo first"
    assert await result(stage, again.text) == "sub"


async def test_a_delegating_token_runs_a_workflow_on_behalf_of_its_owner(stage: Scene, bob: httpx.AsyncClient) -> None:
    """Its run has the same identity and no limits, so that the versions inside are those of the run."""
    await shared(stage)
    scopes = ["jobs:run", "jobs:delegate"]
    token = await stage.client.post("/api/users/tokens/create", json={"label": "shop", "scopes": scopes})
    await script(bob, "echo stolen")
    async with client_of(stage.app, token.text) as hook:
        run = await started(stage, hook)
    assert await code(stage) == "echo first"
    assert await result(stage, run) == "sub"


async def test_a_sub_workflow_without_its_pins_takes_none_of_its_caller(stage: Scene, bob: httpx.AsyncClient) -> None:
    """The caller has the same path pinned to a version that the member did not accept."""
    await shared(stage)
    await edit(stage.client, FLOW, "1", *first(calling(SUB), calling(SCRIPT, "script") | {"id": "own"}))
    await script(bob, "echo stolen")
    run = (await bob.post(f"{W}/jobs/run/f/{FLOW}", json={})).text
    job = (await stage.worker.claim())["first"]
    ((digest, pins),) = await rows(
        stage, "SELECT pin_set, pins FROM pin_set JOIN run_live ON pin_set = hash WHERE id = $1", job.run.id
    )
    outer = {key: pin for key, pin in read_pins(pins).items() if not key.startswith("u/admin|")}
    made, text = write_pins(outer)
    assert made != digest and SCRIPT in outer
    await rows(stage, "INSERT INTO pin_set (hash, pins) VALUES ($1, $2)", made, text)
    await rows(stage, "UPDATE run_live SET pin_set = $2 WHERE id = $1", job.run.id, made)
    await stage.worker.finish(job, None)
    for _ in range(5):
        await rows(stage, "UPDATE inbox SET created_at = app_now() - interval '2 seconds'")
        await timers.sweep(stage.platform.tools)
    assert await stage.worker.claim_all() == []
    error = (await result(stage, run))["error"]
    assert error["name"] == "version_not_pinned" and "Start the workflow again" in error["message"], error


async def test_a_restart_runs_nothing_that_its_starter_may_not_read(stage: Scene, bob: httpx.AsyncClient) -> None:
    """The sub-workflow of the run before named a script of a closed folder; its current version does not."""
    await script(stage.client, "echo closed", "f/closed/tool")
    await flow(stage.client, SUB, "'sub'", calling("f/closed/tool", "script"))
    await flow(stage.client, FLOW, "results.called", *first(calling(SUB)))
    run = await started(stage, stage.client)
    assert await code(stage) == "echo closed"
    await edit(stage.client, SUB, "'open'")
    refused = await restart(bob, run)
    assert refused.status_code == 400 and refused.json()["error"]["code"] == "script_missing", refused.text
    assert (await restart(stage.client, run)).status_code == 201


async def test_a_restart_takes_no_version_whose_acceptance_was_withdrawn(stage: Scene, bob: httpx.AsyncClient) -> None:
    """Inside a workflow that acts for another member."""
    await shared(stage)
    flawed = await script(stage.client, "echo flawed")
    run = await started(stage, bob)
    assert await code(stage) == "echo flawed"
    assert (await stage.client.post(f"{W}/scripts/archive/h/{flawed}")).status_code == 200
    refused = await restart(bob, run)
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "not_accepted", refused.text
