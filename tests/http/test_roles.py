"""Permissions of each role for each kind of call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, script

from orvanta_platform.control.actor import Role

CODE = {"summary": "", "content": "echo 1", "language": "bash"}
SCHEDULE = {"schedule": "0 0 3 * * *", "timezone": "UTC", "args": {}, "is_flow": True}
HOOK = {
    "script_path": "f/team/flow",
    "is_flow": True,
    "route_path": "team",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
    "is_static_website": False,
}
FLOW = {"summary": "", "value": {"modules": [script("a")]}}

Call = tuple[str, str, Any]
READS: list[Call] = [
    ("GET", "job_helpers/list_stored_files?max_keys=1", None),
    ("GET", "scripts/get/p/f/team/script", None),
    ("GET", "flows/get/f/team/flow", None),
    ("GET", "scripts/list", None),
    ("GET", "flows/list", None),
    ("GET", "jobs/list", None),
    ("GET", "users/list", None),
    ("GET", "groups/list", None),
    ("GET", "templates/list", None),
    ("GET", "versions/list/flow/f/team/flow", None),
    ("GET", "references/script/f/team/script", None),
    ("GET", "acceptance/list", None),
    ("GET", "drafts/list/flow", None),
    ("POST", "flows/validate", {"value": FLOW["value"]}),
    ("POST", "scripts/schema", {"language": "bash", "content": ""}),
    ("GET", "folders/get/team", None),
    ("GET", "schedules/get/f/team/schedule", None),
    ("GET", "schedules/exists/f/team/schedule", None),
    ("GET", "schedules/list", None),
    ("GET", "schedules/list_with_jobs", None),
    ("GET", "http_triggers/get/f/team/hook", None),
    ("GET", "http_triggers/exists/f/team/hook", None),
    ("GET", "http_triggers/list", None),
    ("POST", "http_triggers/route_exists", {"route_path": "x", "http_method": "get", "workspaced_route": True}),
]
RUNS: list[Call] = [
    ("POST", "job_helpers/upload_s3_file?file_key=f/team/file", {}),
    ("GET", "job_helpers/test_connection", None),
    ("POST", "jobs/run/p/f/team/script", {}),
    ("POST", "jobs/run/f/f/team/flow", {}),
]
STREAMS: list[Call] = [
    ("POST", "jobs/run_and_stream/p/f/team/script", {}),
    ("POST", "jobs/run_and_stream/f/f/team/flow", {}),
]
"""Run calls whose response lasts until the end of the run."""

WRITES: list[Call] = [
    ("POST", "jobs/run/preview", CODE),
    ("POST", "jobs/run/preview_flow", {"value": FLOW["value"]}),
    ("POST", "scripts/create", {**CODE, "path": "f/team/new"}),
    ("POST", "flows/create", {**FLOW, "path": "f/team/new"}),
    ("POST", "flows/update/f/team/flow", {**FLOW, "path": "f/team/flow"}),
    ("POST", "scripts/archive/p/f/team/script", None),
    ("POST", "flows/archive/f/team/flow", {"archived": False}),
    ("POST", "schedules/create", {**SCHEDULE, "path": "f/team/new", "script_path": "f/team/flow"}),
    ("POST", "schedules/update/f/team/schedule", SCHEDULE),
    ("POST", "schedules/setenabled/f/team/schedule", {"enabled": True}),
    ("DELETE", "schedules/delete/f/team/new", None),
    ("POST", "http_triggers/create", {**HOOK, "path": "f/team/new", "route_path": "new"}),
    ("POST", "http_triggers/update/f/team/hook", HOOK),
    ("POST", "http_triggers/setmode/f/team/hook", {"mode": "enabled"}),
    ("DELETE", "http_triggers/delete/f/team/new", None),
    ("PUT", "drafts/flow/f/team/flow", {"value": {}}),
    ("DELETE", "drafts/delete/flow/f/team/flow", None),
    ("DELETE", "flows/delete/f/team/new", None),
    ("POST", "scripts/delete/p/f/team/new", None),
    ("POST", "folders/update/team", {"summary": "x"}),
    ("POST", "folders/addowner/team", {"owner": "g/all"}),
]
ADMINISTERS: list[Call] = [
    ("POST", "folders/create", {"name": "fresh"}),
    ("POST", "groups/create", {"name": "ops"}),
    ("POST", "groups/update/ops", {"summary": "x"}),
    ("POST", "groups/adduser/ops", {"username": "admin"}),
    ("POST", "groups/removeuser/ops", {"username": "admin"}),
    ("DELETE", "groups/delete/ops", None),
    ("POST", "workspaces/edit_retention", {"retention_days": 30}),
    ("POST", "workspaces/add_user", {"email": "admin@localhost", "username": "second"}),
]
HIDDEN: list[Call] = [
    ("POST", "job_helpers/upload_s3_file?file_key=f/secret/file", {}),
    ("GET", "job_helpers/load_file_metadata?file_key=f/secret/file", None),
    ("DELETE", "job_helpers/delete_s3_file?file_key=f/secret/file", None),
    ("GET", "scripts/get/p/f/secret/script", None),
    ("GET", "scripts/raw/p/f/secret/script", None),
    ("GET", "scripts/history/p/f/secret/script", None),
    ("GET", "flows/get/f/secret/flow", None),
    ("GET", "folders/get/secret", None),
    ("POST", "jobs/run/p/f/secret/script", {}),
    ("POST", "jobs/run/f/f/secret/flow", {}),
    ("POST", "jobs/run_and_stream/p/f/secret/script", {}),
    ("POST", "jobs/run_and_stream/f/f/secret/flow", {}),
    ("POST", "scripts/archive/p/f/secret/script", None),
    ("POST", "scripts/create", {**CODE, "path": "f/secret/new"}),
    ("POST", "scripts/create", {**CODE, "path": "u/admin/new"}),
    ("POST", "flows/update/f/secret/flow", {**FLOW, "path": "f/secret/flow"}),
    ("GET", "schedules/get/f/secret/schedule", None),
    ("POST", "schedules/create", {**SCHEDULE, "path": "f/secret/new", "script_path": "f/team/flow"}),
    ("POST", "schedules/update/f/secret/schedule", SCHEDULE),
    ("POST", "schedules/setenabled/f/secret/schedule", {"enabled": True}),
    ("DELETE", "schedules/delete/f/secret/schedule", None),
    ("GET", "http_triggers/get/f/secret/hook", None),
    ("POST", "http_triggers/create", {**HOOK, "path": "f/secret/new"}),
    ("POST", "http_triggers/update/f/secret/hook", HOOK),
    ("POST", "http_triggers/setmode/f/secret/hook", {"mode": "enabled"}),
    ("DELETE", "http_triggers/delete/f/secret/hook", None),
    ("PUT", "drafts/flow/f/secret/flow", {"value": {}}),
    ("GET", "drafts/flow/f/secret/flow", None),
    ("GET", "versions/list/flow/f/secret/flow", None),
    ("GET", "references/script/f/secret/script", None),
    ("POST", "versions/restore/flow/f/secret/flow", {"version": 1}),
    ("POST", "acceptance/accept/flow/f/secret/flow", {"version": 2}),
    ("DELETE", "flows/delete/f/secret/flow", None),
    ("DELETE", "folders/delete/secret", None),
]


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        for folder, owners in (("team", ["g/all"]), ("secret", [])):
            await made.client.post(f"{W}/folders/create", json={"name": folder, "owners": owners})
            await made.client.post(f"{W}/scripts/create", json={**CODE, "path": f"f/{folder}/script"})
            await made.client.post(f"{W}/flows/create", json={**FLOW, "path": f"f/{folder}/flow"})
            body = {**SCHEDULE, "path": f"f/{folder}/schedule", "script_path": f"f/{folder}/flow"}
            await made.client.post(f"{W}/schedules/create", json=body)
            body = {**HOOK, "path": f"f/{folder}/hook", "script_path": f"f/{folder}/flow", "route_path": folder}
            assert (await made.client.post(f"{W}/http_triggers/create", json=body)).status_code == 201
        yield made


async def status(client: httpx.AsyncClient, call: Call) -> int:
    method, path, body = call
    return (await client.request(method, f"{W}/{path}", json=body)).status_code


@pytest.mark.parametrize("role", list(Role))
async def test_roles_have_exactly_their_rights(api: ApiHarness, role: Role) -> None:
    client = await api.member("bea", role=role)
    level = [Role.VIEWER, Role.OPERATOR, Role.DEVELOPER, Role.ADMIN].index(role)
    for needed, calls in enumerate((READS, RUNS, WRITES, ADMINISTERS)):
        for call in calls:
            found = await status(client, call)
            if needed <= level:
                assert found in (200, 201, 409), (role, call, found)
            else:
                assert found in (403, 404), (role, call, found)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.DEVELOPER])
async def test_hidden_objects_are_404(api: ApiHarness, role: Role) -> None:
    client = await api.member("bea", role=role)
    for call in HIDDEN:
        assert await status(client, call) == 404, (role, call)
    for path in (
        "scripts/list",
        "flows/list",
        "scripts/list_paths",
        "flows/list_paths",
        "folders/listnames",
        "schedules/list",
        "http_triggers/list",
    ):
        assert "secret" not in (await client.get(f"{W}/{path}")).text, path
    everything = await client.get(f"{W}/scripts/list", params={"path_start": "f/secret", "show_archived": "true"})
    assert everything.json() == []


async def test_caller_without_run_right_gets_no_stream(api: ApiHarness) -> None:
    viewer = await api.member("vic", role=Role.VIEWER)
    for call in STREAMS:
        assert await status(viewer, call) == 403, call


async def test_outsider_gets_404_for_everything_in_workspace(api: ApiHarness) -> None:
    client = await api.member("zoe", role=Role.ADMIN, workspace="admins")
    for call in (*READS, *RUNS, *STREAMS, *WRITES, *ADMINISTERS, *HIDDEN):
        assert await status(client, call) == 404, call


async def test_runs_are_visible_by_path(api: ApiHarness) -> None:
    bea = await api.member("bea", role=Role.DEVELOPER)
    hers = (await bea.post(f"{W}/jobs/run/p/f/team/script", json={})).text
    hidden = (await api.client.post(f"{W}/jobs/run/p/f/secret/script", json={})).text
    shared = (await api.client.post(f"{W}/jobs/run/f/f/team/flow", json={})).text
    listed = {each["id"] for each in (await bea.get(f"{W}/jobs/list")).json()}
    assert {hers, shared} <= listed and hidden not in listed
    for call in (
        f"jobs_u/get/{hidden}",
        f"jobs_u/get_logs/{hidden}",
        f"jobs_u/getupdate/{hidden}",
        f"jobs_u/getupdate/{hidden}?stream_offset=0",
        f"jobs_u/getupdate_sse/{hidden}",
        f"jobs_u/get_args/{hidden}",
    ):
        assert (await bea.get(f"{W}/{call}")).status_code == 404, call
    assert (await bea.post(f"{W}/jobs_u/queue/cancel/{hidden}", json={})).status_code == 404
    viewer = await api.member("vic", role=Role.VIEWER)
    assert (await viewer.get(f"{W}/jobs_u/get/{shared}")).status_code == 200
    assert (await viewer.post(f"{W}/jobs_u/queue/cancel/{shared}", json={})).status_code == 403


ASKS = {"modules": [{"id": "ask", "value": {"type": "approval"}}]}


@pytest.mark.parametrize("role", list(Role))
async def test_run_right_includes_decisions_and_states(api: ApiHarness, role: Role) -> None:
    """Viewers can read pending decisions; members without access to the folder receive a 404 response."""
    client = await api.member("bea", role=role)
    may = role is not Role.VIEWER
    for folder, seen in (("team", True), ("secret", role is Role.ADMIN)):
        await api.client.post(f"{W}/flows/create", json={"summary": "", "value": ASKS, "path": f"f/{folder}/asks"})
        run = (await api.client.post(f"{W}/jobs/run/f/f/{folder}/asks", json={})).text
        info = (await api.client.get(f"{W}/jobs_u/flow/approval_info/{run}")).json()
        reads: list[Call] = [
            ("GET", f"jobs_u/flow/approval_info/{run}", None),
            ("GET", f"jobs/flow/user_states/{run}/k", None),
        ]
        decides: list[Call] = [
            ("GET", f"jobs/resume_urls/{info['job']}/1", None),
            ("GET", f"jobs/job_signature/{info['job']}/1", None),
            ("POST", f"jobs_u/flow/resume_suspended/{run}", {"approved": True}),
        ]
        for call in reads:
            assert await status(client, call) == (200 if seen else 404), (role, call)
        # The run acts for an admin, as do the expressions that read its states.
        found = await status(client, ("POST", f"jobs/flow/user_states/{run}/k", 1))
        assert found == (404 if not seen else 200 if role is Role.ADMIN else 403), (role, found)
        for call in decides:
            found = await status(client, call)
            assert found in ((200, 201) if seen and may else (403,) if seen else (404,)), (role, call, found)
