"""Calls by which limited tokens, jobs and members could exceed their rights."""

from __future__ import annotations

from typing import Any

import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.jobs_running import job_client
from tests.http.route_examples import ASKS, PASS_ON, SCHEDULE

from orvanta_platform.control.actor import Role
from orvanta_platform.db import audit as audit_rows
from orvanta_platform.services.approvals import inbox

MEMBERSHIPS: list[tuple[str, dict[str, Any]]] = [
    ("workspaces/add_user", {"email": "eve@example.com", "username": "eve"}),
    ("workspaces/invite_user", {"email": "guest@example.com"}),
]
FOLDERS: list[tuple[str, dict[str, Any]]] = [
    ("folders/create", {"name": "fresh", "owners": ["u/eve"]}),
    ("folders/create", {"name": "fresh", "extra_perms": {"u/eve": True}}),
    ("folders/update/team", {"owners": ["u/admin", "u/eve"]}),
    ("folders/update/team", {"extra_perms": {"u/eve": True}}),
    ("folders/addowner/team", {"owner": "u/eve"}),
    ("folders/removeowner/team", {"owner": "u/admin", "write": True}),
    ("acls/add/folder/team", {"owner": "u/eve", "write": True}),
]
GROUPS: list[tuple[str, dict[str, Any]]] = [
    ("groups/create", {"name": "fresh"}),
    ("groups/update/ops", {"summary": "x"}),
    ("groups/adduser/ops", {"username": "admin"}),
    ("groups/removeuser/ops", {"username": "admin"}),
]


async def test_jobs_and_scoped_tokens_of_admin_add_nobody(api: ApiHarness) -> None:
    """Otherwise, a developer could add an account through a script that an admin runs."""
    await api.member("eve", workspace="admins")
    await api.client.post(f"{W}/groups/create", json={"name": "ops"})
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["users:write"]})
    scoped = client_of(api.app, made.text)
    await api.preview()
    [job] = await api.worker.claim_all()
    async with job_client(api, job) as inside:
        for call, body in MEMBERSHIPS:
            assert (await scoped.post(f"{W}/{call}", json=body)).status_code == 403, call
        for call, body in (*MEMBERSHIPS, *GROUPS):
            assert (await inside.post(f"{W}/{call}", json=body)).status_code == 403, call
    for call, body in GROUPS:
        assert (await scoped.post(f"{W}/{call}", json=body)).status_code == 200, call
    for call, body in MEMBERSHIPS:
        assert (await api.client.post(f"{W}/{call}", json=body)).status_code == 200, call


async def test_jobs_grant_no_access_to_folders(api: ApiHarness) -> None:
    """Otherwise, a developer could become the owner of a folder through a script that an owner runs."""
    await api.client.post(f"{W}/folders/create", json={"name": "team"})
    await api.preview()
    [job] = await api.worker.claim_all()
    async with job_client(api, job) as inside:
        for call, body in FOLDERS:
            answer = await inside.post(f"{W}/{call}", json=body)
            assert answer.status_code == 403, (call, answer.text)
        assert (await inside.post(f"{W}/folders/create", json={"name": "fresh"})).status_code == 200
        assert (await inside.post(f"{W}/folders/update/team", json={"summary": "x"})).status_code == 200
    assert (await api.get("folders/get/team"))["extra_perms"] == {"u/admin": True}


async def test_jobs_and_scoped_tokens_do_not_make_secrets_readable(api: ApiHarness) -> None:
    """Otherwise, a token that may read variables and change the workspace could read secrets, which it must not."""
    body = {"path": "u/admin/key", "value": "swordfish", "is_secret": True}
    assert (await api.client.post(f"{W}/variables/create", json=body)).status_code == 201
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["workspaces:write", "variables:read"]})
    scoped = client_of(api.app, made.text)
    await api.preview()
    [job] = await api.worker.claim_all()
    async with job_client(api, job) as inside:
        for limited in (scoped, inside):
            answer = await limited.post(f"{W}/workspaces/edit_secrets_readable", json={"secrets_readable": True})
            assert answer.status_code == 403, answer.text
    assert (await scoped.get(f"{W}/variables/get_value/u/admin/key")).status_code == 403


async def test_permissions_of_folders_need_their_scope_and_no_impersonation(api: ApiHarness) -> None:
    """One rule for all calls: a push of a tree from CI sets them, an admin who acts as an owner does not."""
    boss, _ = await api.member("boss", Role.ADMIN), await api.member("eve", Role.DEVELOPER)
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["u/eve"]})
    session = {"workspace_id": "main", "username": "eve", "reason": "support"}
    acting = client_of(api.app, (await boss.post("/api/auth/impersonate", json=session)).text)
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["folders:write:f/team"]})
    scoped = client_of(api.app, made.text)
    for call, body in FOLDERS[2:]:
        assert (await acting.post(f"{W}/{call}", json=body)).status_code == 403, call
    await scoped.post(f"{W}/folders/removeowner/team", json={"owner": "u/eve"})
    for call, body in reversed(FOLDERS):
        status = 403 if call == "folders/create" else 200
        assert (await scoped.post(f"{W}/{call}", json=body)).status_code == status, call


async def test_progress_is_set_by_job_or_its_starter_only(api: ApiHarness) -> None:
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    code = {"summary": "", "content": "echo 1", "language": "bash", "path": "f/team/script"}
    await api.client.post(f"{W}/scripts/create", json=code)
    bea, cem = await api.member("bea"), await api.member("cem")
    ids = [(await each.post(f"{W}/jobs/run/p/f/team/script", json={})).text for each in (bea, cem)]
    jobs = {str(job.run.id): job for job in await api.worker.claim_all()}
    call = f"{W}/job_metrics/set_progress/{jobs[ids[0]].id}"
    assert (await cem.post(call, json={"percent": 10})).status_code == 403
    async with job_client(api, jobs[ids[1]]) as other, job_client(api, jobs[ids[0]]) as own:
        assert (await other.post(call, json={"percent": 10})).status_code == 403
        assert (await own.post(call, json={"percent": 10})).json() == 10
    assert (await bea.post(call, json={"percent": 20})).json() == 20
    assert (await api.client.post(call, json={"percent": 30})).json() == 30


async def test_scoped_token_does_not_end_sessions(api: ApiHarness) -> None:
    body = {"email": "dan@example.com", "password": "a long password", "username": "dan"}
    assert (await api.client.post("/api/users/create", json=body)).status_code == 201
    session = (await api.client.post("/api/auth/login", json=body)).text
    browser = client_of(api.app, session)
    made = await browser.post("/api/users/tokens/create", json={"scopes": ["tokens:write"]})
    scoped = client_of(api.app, made.text)
    assert (await scoped.delete(f"/api/users/tokens/delete/{session[:12]}")).status_code == 404
    assert (await browser.get("/api/users/whoami")).status_code == 200
    assert (await browser.delete(f"/api/users/tokens/delete/{made.text[:12]}")).status_code == 200
    assert (await browser.delete(f"/api/users/tokens/delete/{session[:12]}")).status_code == 200
    assert (await browser.get("/api/users/whoami")).status_code == 401


async def test_approvals_behind_those_of_others_are_listed(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "_BATCH", 2)
    for name, owners in (("hers", ["u/bea"]), ("others", [])):
        if name == "hers":
            bea = await api.member("bea", Role.DEVELOPER)
        await api.client.post(f"{W}/folders/create", json={"name": name, "owners": owners})
        await api.client.post(f"{W}/flows/create", json={**ASKS, "path": f"f/{name}/asks"})
    for name in ("others", "others", "others", "others", "hers"):
        assert (await api.client.post(f"{W}/jobs/run/f/f/{name}/asks", json={})).status_code == 201
    for query in ("", "?mine=true"):
        assert len((await bea.get(f"{W}/approvals/list{query}")).json()) == 1
    assert len(await api.get("approvals/list")) == 5
    assert len(await api.get("approvals/list", per_page=3)) == 3


async def test_failed_assignment_of_owner_changes_nothing(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.member("bea", Role.ADMIN)
    await api.client.post(f"{W}/folders/create", json={"name": "team"})
    await api.client.post(f"{W}/flows/create", json={**PASS_ON, "path": "f/team/flow"})
    body = {**SCHEDULE, "path": "f/team/nightly", "enabled": False}
    assert (await api.client.post(f"{W}/schedules/create", json=body)).status_code == 201
    before = await api.get("schedules/get/f/team/nightly")
    append = audit_rows.append

    async def failing(conn: Any, entry: Any) -> None:
        if entry.operation == "ownership.assign":
            raise ConnectionAbortedError("the last row")
        await append(conn, entry)

    monkeypatch.setattr("orvanta_platform.control.audit.append", failing)
    monkeypatch.setattr("orvanta_platform.db.pool._ATTEMPTS", 1)
    assign = {"kind": "schedule", "path": "f/team/nightly", "owner": "u/bea", "enable": True}
    assert (await api.client.post(f"{W}/ownership/assign", json=assign)).status_code >= 500
    assert await api.get("schedules/get/f/team/nightly") == before
    monkeypatch.undo()
    assert (await api.client.post(f"{W}/ownership/assign", json=assign)).status_code == 200
    assert (await api.get("schedules/get/f/team/nightly"))["enabled"] is True
