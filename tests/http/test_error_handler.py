"""The error handler of a workspace: the failed runs that start it, its rights, and its single start for each run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role
from orvanta_platform.engine.state import RunState
from orvanta_platform.services.triggers import error_handlers

HANDLER = "script/f/team/handler"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        for name in ("handler", "work"):
            new = {**PYTHON, "path": f"f/team/{name}", "summary": ""}
            assert (await made.client.post(f"{W}/scripts/create", json=new)).status_code == 201
        muted = {**PYTHON, "path": "f/team/muted", "summary": "", "ws_error_handler_muted": True}
        assert (await made.client.post(f"{W}/scripts/create", json=muted)).status_code == 201
        yield made


async def edit(client: Any, handler: str | None) -> int:
    """Set the error handler and return the status."""
    return int((await client.post(f"{W}/workspaces/edit_error_handler", json={"error_handler": handler})).status_code)


async def fail(api: ApiHarness, path: str = "f/team/work", error: str = "Boom", client: Any = None) -> str:
    """Run a script that fails; return the id of the run."""
    run = (await (client or api.client).post(f"{W}/jobs/run/p/{path}", json={})).text
    (job,) = await api.worker.claim_all()
    await api.worker.finish(job, error=error)
    return str(run)


async def test_handler_runs_as_the_admin_who_set_it(api: ApiHarness) -> None:
    """The handler has no rights of the member whose run failed, and treats the run's output as plain text."""
    assert await edit(api.client, HANDLER) == 200
    operator = await api.member("olga", Role.OPERATOR)
    run = await fail(api, error="$var:u/admin/secret", client=operator)
    await asyncio.gather(*(error_handlers.start_due(api.platform) for _ in range(3)))
    (job,) = await api.worker.claim_all()
    assert (job.run.path, job.run.permissioned_as) == ("f/team/handler", "u/admin")
    assert not RunState.decode(job.run.state).references
    args = (await api.get(f"jobs_u/get/{job.run.id}"))["args"]
    assert (args["job_id"], args["path"], args["is_flow"]) == (run, "f/team/work", False)
    assert args["error"]["name"] == "$var:u/admin/secret"
    assert (args["created_by"], args["email"], args["workspace_id"]) == ("olga", "olga@example.com", "main")
    assert "schedule_path" not in args
    # A failed run of the handler does not start it again, and the run is not handled twice.
    await api.worker.finish(job, error="Boom")
    assert await error_handlers.start_due(api.platform) == 0
    assert not await api.worker.claim_all()


async def test_handler_that_requires_more_does_not_start_and_shows_the_reason(api: ApiHarness) -> None:
    """Parameters for everything that a run has are filled; one that only runs of schedules have is missing."""
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for name in ("path", "email", "job_id", "workspace_id", "started_at", "schedule_path"):
        schema["properties"][name] = {"type": "string"}
    schema["properties"] |= {"error": {"type": "object"}, "is_flow": {"type": "boolean"}}
    required = [name for name in schema["properties"] if name not in ("started_at", "schedule_path")]
    for more, started in (([], "f/team/typed"), (["schedule_path"], None)):
        body = {
            **PYTHON,
            "path": f"f/team/typed{len(more) or ''}",
            "summary": "",
            "schema": {**schema, "required": required + more},
        }
        assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201
        assert await edit(api.client, f"script/{body['path']}") == 200
        await fail(api)
        assert await error_handlers.start_due(api.platform) == 1
        assert [job.run.path for job in await api.worker.claim_all()] == ([started] if started else [])
        reason = (await api.get("workspaces/get_settings"))["error_handler_error"]
        assert (reason is None) == (started is not None)
    assert "schedule_path" in reason


async def test_handler_may_be_deployed_later(api: ApiHarness) -> None:
    """As by a push of a tree, which sets it first. Until then the settings show what is missing."""
    assert await edit(api.client, "script/f/team/later") == 200
    missing = "The script f/team/later does not exist."
    assert (await api.get("workspaces/get_settings"))["error_handler_error"] == missing
    await fail(api)
    assert await error_handlers.start_due(api.platform) == 1
    assert not await api.worker.claim_all()
    developer = await api.member("dora", Role.DEVELOPER)
    body = {**PYTHON, "path": "f/team/later", "summary": ""}
    first = (await developer.post(f"{W}/scripts/create", json=body)).text
    await fail(api)
    assert await error_handlers.start_due(api.platform) == 1
    assert not await api.worker.claim_all(), "no admin accepted it"
    assert "accepted" in (await api.get("workspaces/get_settings"))["error_handler_error"]
    body = {**body, "content": "def main(**given):\n    return 2\n", "parent_hash": first}
    assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201
    await fail(api)
    assert await error_handlers.start_due(api.platform) == 1
    assert [job.run.path for job in await api.worker.claim_all()] == ["f/team/later"]
    assert (await api.get("workspaces/get_settings"))["error_handler_error"] is None


async def test_later_version_of_a_developer_does_not_run_as_admin(api: ApiHarness) -> None:
    """The version that was current when the handler was set is accepted, even if a developer wrote it."""
    developer = await api.member("dora", Role.DEVELOPER)
    body = {**PYTHON, "path": "f/team/hers", "summary": ""}
    first = (await developer.post(f"{W}/scripts/create", json=body)).text
    assert await edit(api.client, "script/f/team/hers") == 200
    changed = {**body, "content": "def main(**given):\n    return 2\n", "parent_hash": first}
    assert (await developer.post(f"{W}/scripts/create", json=changed)).status_code == 201
    await fail(api)
    assert await error_handlers.start_due(api.platform) == 1
    (job,) = await api.worker.claim_all()
    assert (await api.get(f"jobs_u/get/{job.run.id}"))["script_hash"] == first


async def test_runs_without_need_of_the_handler_do_not_start_it(api: ApiHarness) -> None:
    """Successful runs, previews, muted scripts, and workflows whose own failure module succeeded."""
    await fail(api)  # before there is a handler
    assert await edit(api.client, HANDLER) == 200
    await fail(api, "f/team/muted")
    await api.preview()
    (job,) = await api.worker.claim_all()
    await api.worker.finish(job, error="Boom")
    script = {"type": "script", "path": "f/team/work", "input_transforms": {}}
    value = {"modules": [{"id": "a", "value": script}], "failure_module": {"id": "failure", "value": script}}
    flow = {"path": "f/team/flow", "summary": "", "value": value}
    answer = await api.client.post(f"{W}/flows/create", json=flow)
    assert answer.status_code == 201, answer.text
    await api.client.post(f"{W}/jobs/run/f/f/team/flow", json={})
    (job,) = await api.worker.claim_all()
    await api.worker.finish(job, error="Boom")
    (job,) = await api.worker.claim_all()
    await api.worker.finish(job, "handled")
    while await error_handlers.start_due(api.platform):
        pass
    assert not await api.worker.claim_all()


async def test_handler_starts_later_if_a_policy_limits_runs(api: ApiHarness) -> None:
    assert await edit(api.client, HANDLER) == 200
    await fail(api)
    rules = [{"kind": "limit", "resource": "runs_concurrent", "maximum": 1}]
    policy = {"name": "busy", "mode": "active", "rules": rules}
    assert (await api.client.post(f"{W}/policies/create", json=policy)).status_code == 200
    await api.preview()
    assert await error_handlers.start_due(api.platform) == 1
    (job,) = await api.worker.claim_all()
    await api.worker.finish(job)
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE failed_run SET due_at = app_now()")
    assert await error_handlers.start_due(api.platform) == 1
    (job,) = await api.worker.claim_all()
    assert job.run.path == "f/team/handler"


async def test_handler_is_shown_to_readers_of_its_item_only(api: ApiHarness) -> None:
    await api.client.post(f"{W}/scripts/create", json={**PYTHON, "path": "u/admin/hidden", "summary": ""})
    callers = [await api.member("dora", Role.DEVELOPER), api.client]
    for handler, readers in ((HANDLER, callers), ("script/u/admin/hidden", callers[1:])):
        await edit(api.client, handler)
        for client in callers:
            shown = (await client.get(f"{W}/workspaces/get_settings")).json()
            assert ("error_handler" in shown, shown["error_handler_runs_as"] is not None) == (client in readers,) * 2


async def test_only_admins_set_the_handler_and_only_while_they_are_admins_it_runs(api: ApiHarness) -> None:
    developer = await api.member("dora", Role.DEVELOPER)
    limited = await api.member("lars", Role.ADMIN, scopes=["jobs:run", "workspaces:write"])
    for client in (developer, limited):
        assert await edit(client, HANDLER) == 403
    assert [await edit(api.client, name) for name in ("script/f/team/missing", "no path")] == [200, 400]
    second = await api.member("anna", Role.ADMIN)
    assert await edit(second, HANDLER) == 200
    shown = await api.get("workspaces/get_settings")
    assert (shown["error_handler"]["path"], shown["error_handler_runs_as"]) == (HANDLER, "u/anna")
    assert (await api.client.post(f"{W}/users/update/anna", json={"role": "developer"})).status_code == 200
    await fail(api)
    assert await error_handlers.start_due(api.platform) == 1
    assert not await api.worker.claim_all()
    assert "no longer an admin" in (await api.get("workspaces/get_settings"))["error_handler_error"]
    (listed,) = await api.get("ownership/list")
    assert (listed["kind"], listed["path"], listed["enabled"]) == ("error_handler", "f/team/handler", True)
    assert await edit(api.client, None) == 200
    assert "error_handler" not in await api.get("workspaces/get_settings")


async def test_handler_of_a_leaver_stops_until_another_admin_owns_it(api: ApiHarness) -> None:
    """It also remains stopped if the leaver returns."""
    anna = await api.member("anna", Role.ADMIN)
    assert await edit(anna, HANDLER) == 200
    left = f"{W}/users/update/anna"
    stops = (await api.get("users/departure/anna"))["items"]
    assert [(each["kind"], each["path"]) for each in stops] == [("error_handler", "f/team/handler")]
    for disabled in (True, False):
        assert (await api.client.post(left, json={"disabled": disabled})).status_code == 200
    await fail(api)
    assert await error_handlers.start_due(api.platform) == 1
    assert not await api.worker.claim_all()
    assert (await api.get("workspaces/get_settings"))["error_handler_error"].startswith("identity_disabled")
    await api.client.post(left, json={"disabled": True})
    (listed,) = await api.get("ownership/list")
    assert (listed["kind"], listed["permissioned_as"], listed["enabled"]) == ("error_handler", "u/anna", False)
    await api.member("dora", Role.DEVELOPER)
    given = {"kind": "error_handler", "path": "f/team/handler", "owner": "u/admin", "enable": True}
    for wrong, status in (({"owner": "u/dora"}, 400), ({"path": "f/team/work"}, 404), ({}, 200)):
        answer = await api.client.post(f"{W}/ownership/assign", json={**given, **wrong})
        assert answer.status_code == status, answer.text
    assert await api.get("ownership/list") == []
    shown = await api.get("workspaces/get_settings")
    assert (shown["error_handler_runs_as"], shown.get("error_handler_error")) == ("u/admin", None)
    await fail(api)
    assert await error_handlers.start_due(api.platform) == 1
    (job,) = await api.worker.claim_all()
    assert (job.run.path, job.run.permissioned_as) == ("f/team/handler", "u/admin")
