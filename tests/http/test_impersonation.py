"""Impersonation of a member by an admin for support: permitted calls, refused calls, and audit rows."""

from __future__ import annotations

import re

import httpx
from tests.http.harness import PYTHON, ApiHarness, W, client_of

from orvanta_platform.control.actor import Role

J = {"X-Orvanta": "1"}


async def act_as(client: httpx.AsyncClient, username: str, status: int = 200, **more: object) -> httpx.Response:
    body = {"workspace_id": "main", "username": username, "reason": "ticket 7", **more}
    answer = await client.post("/api/auth/impersonate", json=body)
    assert answer.status_code == status, answer.text
    return answer


async def test_admin_acts_as_member_and_both_are_recorded(api: ApiHarness) -> None:
    boss = await api.member("boss", Role.ADMIN)
    await api.member("ada", Role.DEVELOPER)
    bob = client_of(api.app, (await act_as(boss, "ada", minutes=60)).text)
    me = (await bob.get("/api/users/whoami")).json()
    assert (me["username"], me["impersonated_by"]) == ("ada", "boss")
    assert (await bob.get(f"{W}/users/whoami")).json()["role"] == "developer"
    assert [each["id"] for each in (await bob.get("/api/workspaces/users")).json()["workspaces"]] == ["main"]
    assert (await bob.post(f"{W}/jobs/run/preview", json={**PYTHON, "args": {}})).status_code == 201
    made = await bob.post(f"{W}/variables/create", json={"path": "u/ada/x", "value": "1"})
    assert made.status_code == 201, made.text
    # Credentials and personal decisions remain with the member.
    for method, path, body in (
        ("POST", "/api/users/tokens/create", {"label": "x"}),
        ("GET", "/api/users/sessions/list", None),
        ("DELETE", "/api/users/tokens/delete/ov_x", None),
        ("POST", "/api/users/setpassword", {"current_password": "a", "password": "b"}),
        ("POST", "/api/users/totp/enrol", {"password": "a"}),
        ("POST", "/api/users/accept_invite", {"workspace_id": "main"}),
        ("POST", "/api/auth/impersonate", {"workspace_id": "main", "username": "boss", "reason": "x"}),
    ):
        answer = await bob.request(method, path, json=body)
        assert answer.status_code == 403, (path, answer.text)
    asks = {"value": {"modules": [{"id": "ask", "value": {"type": "approval"}}]}, "args": {}}
    waiting = (await bob.post(f"{W}/jobs/run/preview_flow", json=asks)).text
    assert (await bob.post(f"{W}/jobs/flow/resume/{waiting}", json={})).status_code == 403
    assert (await bob.post("/api/auth/end_impersonation", json={})).status_code == 200
    assert (await bob.get("/api/users/whoami")).status_code == 401
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch(
            "SELECT on_behalf_of, operation, parameters FROM audit WHERE actor = 'boss' ORDER BY id"
        )
    assert [(row["on_behalf_of"], row["operation"]) for row in rows] == [
        (None, "users.impersonate"),
        ("u/ada", "jobs.run"),
        ("u/ada", "variables.create"),
        ("u/ada", "jobs.run"),
        ("u/ada", "users.end_impersonation"),
    ]
    assert all('"impersonated":"ada"' in row["parameters"].replace(" ", "") for row in rows[1:])
    assert "ticket 7" in rows[0]["parameters"]


async def test_admin_who_acts_as_approver_decides_nothing(api: ApiHarness) -> None:
    boss = await api.member("boss", Role.ADMIN)
    await api.member("ada", Role.DEVELOPER)
    ada = client_of(api.app, (await act_as(boss, "ada")).text)
    for conditions in ({"approvers": ["u/ada"], "self_approval": False}, {}):
        asks = {"value": {"modules": [{"id": "ask", "value": {"type": "approval", **conditions}}]}, "args": {}}
        run = (await boss.post(f"{W}/jobs/run/preview_flow", json=asks)).text
        waiting = (await boss.get(f"{W}/approvals/list")).json()
        assert [each["run"] for each in waiting if each["run"] == run] == [run]
        node = (await boss.get(f"{W}/jobs_u/get/{run}")).json()["flow_status"]["modules"][0]["job"]
        links = (await boss.get(f"{W}/jobs/resume_urls/{node}/7")).json()
        page = links["approvalPage"]
        for link in (links["resume"], links["cancel"]):
            assert (await ada.post(link, json={})).status_code == 403
        for path, body in (
            (f"{W}/jobs/flow/resume/{run}", {}),
            (f"{W}/jobs_u/flow/resume_suspended/{run}", {"approved": True}),
        ):
            answer = await ada.post(path, json=body)
            assert answer.status_code in (403, 404), (path, answer.text)
        headers = {"X-Workspace": "main"}
        consent = await ada.post(f"/api/v1/runs/{run}/consent", json={"decision": "approved"}, headers=headers)
        assert consent.status_code in (403, 404), consent.text
        assert (await ada.post(page, data={"decision": "approved"})).status_code == 403
        # As a word: ids may contain these letters.
        assert not re.search(r"\bada\b", (await ada.get(page)).text)
        assert run not in (await ada.get(f"{W}/approvals/list?mine=true")).text
        assert run in (await boss.get(f"{W}/approvals/list")).text, "the run still waits"


async def test_nobody_acts_as_a_higher_role(api: ApiHarness) -> None:
    boss, ada = await api.member("boss", Role.ADMIN), await api.member("ada", Role.DEVELOPER)
    await act_as(ada, "boss", 403)
    await act_as(boss, "admin", 403)  # a superadmin
    await act_as(boss, "boss", 400)
    await act_as(boss, "nobody", 404)
    await act_as(boss, "ada", 404, workspace_id="admins")
    await act_as(boss, "ada", 400, minutes=61)
    await act_as(boss, "ada", 400, reason=" ")
    limited = await boss.post("/api/users/tokens/create", json={"scopes": ["users:write"]})
    await act_as(client_of(api.app, limited.text), "ada", 403)
    await boss.post(f"{W}/service_accounts/create", json={"username": "ci", "role": "operator"})
    await act_as(boss, "ci", 403)
    # The session is valid only while the admin has this role and the member is not a superadmin.
    mine = client_of(api.app, (await act_as(boss, "ada")).text)
    assert (await mine.get("/api/users/whoami")).status_code == 200
    promote = {"is_super_admin": True}
    await api.client.post("/api/users/update/ada@example.com", json=promote)
    assert (await mine.get("/api/users/whoami")).status_code == 401
    await api.client.post("/api/users/update/ada@example.com", json={"is_super_admin": False})
    assert (await mine.get("/api/users/whoami")).status_code == 200
    await api.client.post(f"{W}/users/update/boss", json={"role": "developer"})
    assert (await mine.get("/api/users/whoami")).status_code == 401


async def test_browser_returns_to_its_own_session(api: ApiHarness) -> None:
    await api.member("ada")
    created = {"email": "boss@example.org", "username": "boss", "password": "correct horse"}
    await api.client.post("/api/users/create", json=created)
    await api.client.post(
        f"{W}/workspaces/add_user", json={"email": "boss@example.org", "username": "boss", "role": "admin"}
    )
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta", headers=J) as browser:
        await browser.post("/api/auth/login", json={"email": "boss@example.org", "password": "correct horse"})
        own = browser.cookies["token"]
        await act_as(browser, "ada")
        assert (await browser.get("/api/users/email")).text == "ada@example.com"
        assert browser.cookies["orvanta_own"] == own
        await browser.post("/api/auth/end_impersonation", json={})
        assert (await browser.get("/api/users/email")).text == "boss@example.org"
        assert browser.cookies["token"] == own and "orvanta_own" not in browser.cookies
        assert (await browser.post("/api/auth/end_impersonation", json={})).status_code == 409
        await act_as(browser, "ada")
        await browser.post("/api/auth/logout", json={})
        assert not browser.cookies
    assert (await client_of(api.app, own).get("/api/users/whoami")).status_code == 401, "both sessions have ended"


async def test_impersonation_ends_with_sessions_of_its_admin(api: ApiHarness) -> None:
    await api.member("ada")
    created = {"email": "boss@example.org", "username": "boss", "password": "correct horse"}
    await api.client.post("/api/users/create", json=created)
    added = {"email": "boss@example.org", "username": "boss", "role": "admin"}
    await api.client.post(f"{W}/workspaces/add_user", json=added)

    async def acting(password: str) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
        body = {"email": "boss@example.org", "password": password}
        boss = client_of(api.app, (await client_of(api.app, "").post("/api/auth/login", json=body)).text)
        return boss, client_of(api.app, (await act_as(boss, "ada")).text)

    # A thief of the session that is revoked may have started another one with it.
    for call in ("sessions/delete", "tokens/delete"):
        boss, ada = await acting("correct horse")
        stolen, _ = await acting("correct horse")
        prefix = str(stolen.headers["Authorization"]).removeprefix("Bearer ")[:12]
        assert (await boss.delete(f"/api/users/{call}/{prefix}")).status_code == 200
        assert (await stolen.get("/api/users/whoami")).status_code == 401
        assert (await ada.get("/api/users/whoami")).status_code == 401, call
    # So may one of the session that ends by a logout.
    boss, ada = await acting("correct horse")
    assert (await boss.post("/api/auth/logout")).status_code == 200
    assert (await ada.get("/api/users/whoami")).status_code == 401
    boss, ada = await acting("correct horse")
    assert (await ada.post("/api/auth/end_impersonation", json={})).status_code == 200
    assert (await boss.get("/api/users/whoami")).status_code == 200
    boss, ada = await acting("correct horse")
    body = {"current_password": "correct horse", "password": "battery staple"}
    assert (await boss.post("/api/users/setpassword", json=body)).status_code == 200
    assert (await ada.get("/api/users/whoami")).status_code == 401
    boss, ada = await acting("battery staple")
    await api.client.post("/api/users/disable/boss@example.org")
    await api.client.post("/api/users/enable/boss@example.org")
    assert (await ada.get("/api/users/whoami")).status_code == 401, "it does not return"
    boss, ada = await acting("battery staple")
    assert (await api.client.post("/api/users/reset_password/boss@example.org")).status_code == 200
    assert (await ada.get("/api/users/whoami")).status_code == 401
