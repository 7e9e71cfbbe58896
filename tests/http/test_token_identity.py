"""Reads of the own identity, which every valid token permits."""

from __future__ import annotations

import pytest
from tests.http.harness import ApiHarness, W, client_of

from orvanta_platform.control.actor import Role


@pytest.mark.parametrize("scopes", [["jobs:run:f/team/*"], ["audit:read"]])
async def test_token_reads_its_identity_and_workspaces_only(api: ApiHarness, scopes: list[str]) -> None:
    await api.client.post("/api/workspaces/create", json={"id": "other", "name": "Other"})
    lim = await api.member("lim", Role.ADMIN, scopes=scopes)
    await api.client.post(f"{W}/folders/create", json={"name": "secret", "owners": ["u/lim"]})
    account = await lim.get("/api/users/whoami")
    assert (account.status_code, account.json()["email"]) == (200, "lim@example.com"), account.text
    assert (await lim.get("/api/users/email")).text == "lim@example.com"
    member = (await lim.get(f"{W}/users/whoami")).json()
    assert (member["username"], member["role"], member["is_admin"]) == ("lim", "admin", True)
    assert (member["folders"], member["folders_owners"]) == ([], []), "names of folders need users:read"
    assert [each["id"] for each in (await lim.get("/api/workspaces/list")).json()] == ["main"]
    mine = (await lim.get("/api/workspaces/users")).json()["workspaces"]
    assert [each["id"] for each in mine] == ["main"]
    for call in (
        f"{W}/users/list",
        f"{W}/users/get/lim",
        "/api/users/list_invites",
        "/api/users/totp/get",
        "/api/users/tokens/list",
        "/api/users/sessions/list",
        "/api/workspaces/list_archived",
        f"{W}/workspaces/get_settings",
    ):
        assert (await lim.get(call)).status_code == 403, call
    assert (await lim.get("/api/w/other/users/whoami")).status_code == 404


async def test_token_of_one_workspace_reads_that_one_only(api: ApiHarness) -> None:
    await api.client.post("/api/workspaces/create", json={"id": "other", "name": "Other"})
    body = {"scopes": ["jobs:run"], "workspace_id": "other"}
    made = (await api.client.post("/api/users/tokens/create", json=body)).text
    bound = client_of(api.app, made)
    assert [each["id"] for each in (await bound.get("/api/workspaces/users")).json()["workspaces"]] == ["other"]
    assert (await bound.get("/api/w/other/users/whoami")).status_code == 200
    assert (await bound.get(f"{W}/users/whoami")).status_code == 404


async def test_token_with_scope_reads_its_folders(api: ApiHarness) -> None:
    lim = await api.member("lim", Role.DEVELOPER, scopes=["users:read"])
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["u/lim"]})
    assert (await lim.get(f"{W}/users/whoami")).json()["folders_owners"] == ["team"]


async def test_limited_token_of_superadmin_reads_its_own_workspaces(api: ApiHarness) -> None:
    await api.client.post("/api/workspaces/create", json={"id": "other", "name": "Other"})
    async with api.platform.db.acquire() as conn:
        await conn.execute("DELETE FROM member WHERE workspace = 'other'")
    for scope, is_listed in (("jobs:run", False), ("workspaces:read", True)):
        token = (await api.client.post("/api/users/tokens/create", json={"scopes": [scope]})).text
        listed = (await client_of(api.app, token).get("/api/workspaces/list")).json()
        assert ("other" in [each["id"] for each in listed]) is is_listed, scope
