"""Code of a lesser writer and the identity of triggers: a newer version waits until somebody who may accepts it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.scene import Scene, W, client_of, scene

from orvanta_platform.control.actor import Role
from orvanta_platform.db import items
from orvanta_platform.services.schedule_ends import Round, follow
from orvanta_platform.triggers.schedule import fire

NOTE = "u/admin/note"
SECRET = "only the admin knows"
STEALS = f"variable('{NOTE}')"
FLOW, SUB, SCRIPT = "f/team/main", "f/team/sub", "f/team/tool"
SCHEDULE = {"path": "f/team/nightly", "schedule": "0 0 3 * * *", "timezone": "UTC", "is_flow": True, "enabled": True}
HOOK = {
    "path": "f/team/hook",
    "is_flow": True,
    "route_path": "call",
    "http_method": "post",
    "authentication_method": "none",
    "is_static_website": False,
    "request_type": "async",
    "workspaced_route": True,
}


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    """A folder that everybody writes, and a variable that the admin alone reads."""
    async with scene(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        body = {"path": NOTE, "value": SECRET, "is_secret": False, "description": ""}
        assert (await made.client.post(f"{W}/variables/create", json=body)).status_code == 201
        yield made


@pytest.fixture
async def bob(stage: Scene) -> httpx.AsyncClient:
    """A developer, who may write f/team."""
    return await stage.member("bob", role=Role.DEVELOPER)


def calling(path: str, kind: str = "flow") -> dict[str, Any]:
    """A node that runs a workflow or script by its path."""
    return {"id": "called", "value": {"type": kind, "path": path, "input_transforms": {}}}


async def flow(
    client: httpx.AsyncClient, path: str, output: str, *modules: dict[str, Any], new: bool = True, **more: Any
) -> httpx.Response:
    """Deploy a workflow whose result is that of an expression; it needs no worker unless `modules` do."""
    nodes = list(modules) or [{"id": "a", "value": {"type": "branchone", "branches": [], "default": []}}]
    value = {"modules": nodes, "output": {"type": "javascript", "expr": output}}
    call = "flows/create" if new else f"flows/update/{path}"
    answer = await client.post(f"{W}/{call}", json={"path": path, "summary": "", "value": value, **more})
    assert answer.status_code == (201 if new else 200), answer.text
    return answer


async def edit(client: httpx.AsyncClient, path: str, output: str, *modules: dict[str, Any], **more: Any) -> None:
    await flow(client, path, output, *modules, new=False, **more)


async def script(client: httpx.AsyncClient, content: str, path: str = SCRIPT) -> str:
    """Deploy a script, over what is there; gives the version's hash."""
    found = await client.get(f"{W}/scripts/get/p/{path}")
    parent = {"parent_hash": found.json()["hash"]} if found.status_code == 200 else {}
    body = {"path": path, "summary": "", "content": content, "language": "bash", **parent}
    answer = await client.post(f"{W}/scripts/create", json=body)
    assert answer.status_code == 201, answer.text
    return answer.text


async def schedule(client: httpx.AsyncClient, target: str = FLOW, **more: Any) -> None:
    answer = await client.post(f"{W}/schedules/create", json={**SCHEDULE, "script_path": target, "args": {}, **more})
    assert answer.status_code == 201, answer.text


async def rows(stage: Scene, query: str, *values: Any) -> list[Any]:
    async with stage.platform.db.acquire() as conn:
        return list(await conn.fetch(query, *values))


async def tick(stage: Scene) -> str:
    """Let the schedule tick; gives the run's id, empty where there is none."""
    await rows(stage, "UPDATE schedule SET next_at = date_trunc('second', app_now()) - interval '1 second'")
    assert await fire(stage.platform)
    found = await rows(stage, "SELECT coalesce(run, asked) AS run FROM schedule_tick ORDER BY at DESC LIMIT 1")
    return str(found[0]["run"] or "")


async def result(stage: Scene, run: str) -> Any:
    found = await stage.get(f"jobs_u/completed/get/{run}")
    return found["result"]


async def code(stage: Scene) -> str:
    """The text of the only script that waits for a worker."""
    (job,) = await stage.worker.claim_all()
    async with stage.platform.db.acquire() as conn:
        blueprint = await stage.platform.blueprints.of(conn, job.run)
        plan = blueprint.plan
        version = job.run.version if plan.single else blueprint.pin(plan.nodes[job.node_index]).version
        assert version is not None and job.run.permissioned_as == "u/admin"
        row = await items.get_by_version(conn, "main", "script", version)
    assert row is not None
    await stage.worker.finish(job, None)
    return row.body.decode()


async def test_an_edit_does_not_run_as_the_owner_of_a_schedule(stage: Scene, bob: httpx.AsyncClient) -> None:
    await flow(stage.client, FLOW, "'first'")
    await schedule(stage.client)
    await edit(bob, FLOW, STEALS)
    assert await result(stage, await tick(stage)) == "first"


async def test_an_edit_does_not_run_as_the_owner_of_an_http_trigger(stage: Scene, bob: httpx.AsyncClient) -> None:
    await flow(stage.client, FLOW, "'first'")
    made = await stage.client.post(f"{W}/http_triggers/create", json={**HOOK, "script_path": FLOW})
    assert made.status_code == 201, made.text
    await edit(bob, FLOW, STEALS)
    async with client_of(stage.app, "") as stranger:
        run = await stranger.post("/api/r/main/call", json={})
    assert run.status_code == 201, run.text
    assert await result(stage, run.text) == "first"


async def test_an_edited_script_does_not_run_inside_an_on_behalf_workflow(stage: Scene, bob: httpx.AsyncClient) -> None:
    await script(stage.client, "echo first")
    email = (await stage.get("users/whoami"))["email"]
    await flow(stage.client, FLOW, "1", calling(SCRIPT, "script"), on_behalf_of_email=email)
    await script(bob, "echo stolen")
    assert (await bob.post(f"{W}/jobs/run/f/{FLOW}", json={})).status_code == 201
    assert await code(stage) == "echo first"


async def test_an_edit_of_what_a_trigger_reaches_does_not_run_as_its_owner(
    stage: Scene, bob: httpx.AsyncClient
) -> None:
    """A script inside a workflow inside the workflow that the schedule names; then the workflow in the middle."""
    await script(stage.client, "echo first")
    await flow(stage.client, SUB, "'middle'", calling(SCRIPT, "script"))
    await flow(stage.client, FLOW, "results.called", calling(SUB))
    await schedule(stage.client)
    await script(bob, "echo stolen")
    run = await tick(stage)
    assert await code(stage) == "echo first"
    assert await result(stage, run) == "middle"
    await edit(bob, SUB, STEALS)
    run = await tick(stage)
    assert await code(stage) == "echo first"
    assert await result(stage, run) == "middle"


@pytest.mark.parametrize("handler", ["dynamic_skip", "on_failure", "on_success"])
async def test_an_edit_of_a_handler_does_not_run_as_the_owner_of_its_schedule(
    stage: Scene, bob: httpx.AsyncClient, handler: str
) -> None:
    await script(stage.client, "echo first")
    await flow(stage.client, FLOW, "1" if handler == "on_success" else "missing.name")
    await schedule(stage.client, **{handler: f"script/{SCRIPT}"})
    await script(bob, "echo stolen")
    await tick(stage)
    await follow(stage.platform, Round())
    assert await code(stage) == "echo first"
