"""Renaming, archiving, restoring and deleting a workspace."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.http.harness import PYTHON, ApiHarness
from tests.http.jobs_running import claimed, job_client

from orvanta_platform.control.actor import Role
from orvanta_platform.control.permissions import WorkspaceArchived
from orvanta_platform.services.triggers import ticks

T = "/api/w/team"
SCHEDULE = {"schedule": "* * * * * *", "timezone": "UTC", "script_path": "u/admin/s", "is_flow": False, "args": {}}
ROUTE = {
    "path": "u/admin/route",
    "script_path": "u/admin/s",
    "is_flow": False,
    "route_path": "called",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
}
TABLES = "SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace' AND table_schema = 'public'"

COUNT = "SELECT count(*) FROM {} WHERE workspace = 'team'"


async def no_hook(*_: object) -> None:
    """Write nothing else in the transaction of the run."""


async def send(
    client: httpx.AsyncClient, call: str, body: Any = None, status: int = 200, method: str = "POST"
) -> httpx.Response:
    url = call if call.startswith("/") else f"{T}/{call}"
    answer = await client.request(method, url, json=body)
    assert answer.status_code == status, (call, answer.text)
    return answer


async def create_items(api: ApiHarness) -> None:
    """Create a workspace with one item of each kind."""
    client = api.client
    await send(client, "/api/workspaces/create", {"id": "team", "name": "Team"}, 201)
    await send(client, "folders/create", {"name": "f"})
    await send(client, "variables/create", {"path": "u/admin/v", "value": "v", "is_secret": True}, 201)
    await send(client, "resources/create", {"path": "u/admin/r", "resource_type": "any", "value": {}}, 201)
    await send(client, "scripts/create", {**PYTHON, "path": "u/admin/s", "summary": ""}, 201)
    await send(client, "schedules/create", {**SCHEDULE, "path": "u/admin/t", "enabled": True}, 201)
    await send(client, "http_triggers/create", ROUTE, 201)
    await send(client, "groups/create", {"name": "g"})
    await send(client, "service_accounts/create", {"username": "ci", "role": "developer"}, 201)
    answer = await client.post(f"{T}/job_helpers/upload_s3_file?file_key=a.txt", content=b"text")
    assert answer.status_code == 200, answer.text


async def test_workspace_is_renamed_archived_restored_and_deleted(api: ApiHarness) -> None:
    client = api.client
    await create_items(api)
    await send(client, "workspaces/change_workspace_name", {"new_name": " Sales "})
    names = {each["id"]: each["name"] for each in (await client.get("/api/workspaces/list")).json()}
    assert names["team"] == "Sales"
    await send(client, "workspaces/change_workspace_name", {"new_name": " "}, 400)
    for color, status in (("#B3261E", 200), ("red", 400)):
        await send(client, "workspaces/change_workspace_color", {"color": color}, status)
        assert (await send(client, "workspaces/get_settings", method="GET")).json()["color"] == "#b3261e"
    await send(client, "workspaces/change_workspace_color", {"color": None})
    assert "color" not in (await send(client, "workspaces/get_settings", method="GET")).json()
    run = (await send(client, "jobs/run/preview", {**PYTHON, "args": {}}, 201)).text
    job = await claimed(api, run)

    member = await api.member("vera", Role.VIEWER, workspace="team")
    states = [(await send(member, "workspaces/get_settings", method="GET")).json()["archived"]]
    await send(client, "workspaces/archive")
    states.append((await send(member, "workspaces/get_settings", method="GET")).json()["archived"])
    assert states == [False, True]
    await send(client, "workspaces/archive", status=403)
    for call, body in (
        ("jobs/run/p/u/admin/s", {}),
        ("jobs/run/preview", {**PYTHON, "args": {}}),
        ("variables/update/u/admin/v", {"value": "w"}),
        ("workspaces/change_workspace_name", {"new_name": "x"}),
        ("workspaces/change_workspace_color", {"color": "#b3261e"}),
        ("folders/create", {"name": "h"}),
    ):
        assert (await send(client, call, body, 403)).json()["error"]["code"] == "workspace_archived"
    assert (await client.post("/api/r/team/called", json={})).status_code == 404
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE schedule SET next_at = app_now() - interval '1 second'")
    [tick] = await ticks.due(api.platform, 10)
    with pytest.raises(WorkspaceArchived):
        await ticks.start_run(api.platform, tick.schedule, tick.at, in_transaction=no_hook)
    running = job_client(api, job)
    assert (await running.get(f"{T}/variables/get_value/u/admin/v")).json() == "v"
    assert (await running.post(f"{T}/jobs/run/p/u/admin/s", json={})).status_code == 403
    assert (await client.get(f"{T}/scripts/get/p/u/admin/s")).status_code == 200
    assert (await client.get(f"{T}/drafts/script/u/admin/s")).json() is None
    assert "team" not in {each["id"] for each in (await client.get("/api/workspaces/list")).json()}
    assert [each["id"] for each in (await client.get("/api/workspaces/list_archived")).json()] == ["team"]
    await send(client, "/api/workspaces/delete/team?confirm=team", status=409, method="DELETE")
    await api.worker.finish(job)

    await send(client, "workspaces/unarchive")
    await send(client, "workspaces/unarchive", status=409)
    await api.worker.finish(await claimed(api, (await send(client, "jobs/run/p/u/admin/s", {}, 201)).text))
    await send(client, "/api/workspaces/delete/team?confirm=team", status=409, method="DELETE")
    await send(client, "workspaces/archive")
    for other in ("", "main"):
        await send(client, f"/api/workspaces/delete/team?confirm={other}", status=400, method="DELETE")
    bea = await api.member("bea", Role.ADMIN, workspace="team")
    await send(bea, "/api/workspaces/delete/team?confirm=team", status=403, method="DELETE")
    await send(client, "/api/workspaces/delete/team", method="DELETE")

    await send(client, "users/whoami", status=404, method="GET")
    await send(client, "/api/workspaces/create", {"id": "team", "name": "Again"}, 409)
    async with api.platform.db.acquire() as conn:
        tables = {row[0] for row in await conn.fetch(TABLES)}
        left = {each for each in tables if await conn.fetchval(COUNT.format(each))}
        assert not await conn.fetchval("SELECT count(*) FROM account WHERE email LIKE '%@team.service.orvanta'")
    assert left <= {"audit", "audit_link"}, left
    rows = (await client.get("/api/audit/list", params={"operation": "workspaces"})).json()
    assert {"workspaces.begin_delete", "workspaces.delete"} <= {row["operation"] for row in rows}
