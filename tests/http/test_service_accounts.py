"""Service accounts: tokens without a login, owned by an admin."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.route_examples import ASKS, PASS_ON, SCHEDULE

from orvanta_platform.control.actor import Role

LATER = "2099-01-01T00:00:00Z"


async def post(client: httpx.AsyncClient, call: str, status: int = 200, **body: Any) -> str:
    answer = await client.post(call if call.startswith("/") else f"{W}/{call}", json=body)
    assert answer.status_code == status, answer.text
    return answer.text


async def create(api: ApiHarness, owner: httpx.AsyncClient, role: str = "developer") -> httpx.AsyncClient:
    """Return the client of a new service account `ci`."""
    await post(owner, "service_accounts/create", 201, username="ci", role=role)
    return await token(api, owner, "*:*")


async def token(api: ApiHarness, owner: httpx.AsyncClient, *scopes: str) -> httpx.AsyncClient:
    made = await post(owner, "service_accounts/tokens/create/ci", 201, scopes=list(scopes), expiration=LATER)
    return client_of(api.app, made)


async def test_service_account_works_with_tokens_and_cannot_log_in(api: ApiHarness) -> None:
    ci = await create(api, api.client)
    assert (await ci.get(f"{W}/users/whoami")).json()["username"] == "ci"
    await post(api.client, "folders/create", name="team", extra_perms={"u/ci": True})
    await post(ci, "flows/create", 201, **PASS_ON, path="f/team/flow")
    [found] = await api.get("service_accounts/list")
    assert (found["owner"], found["role"], found["tokens"], found["disabled"]) == ("admin", "developer", 1, False)
    email = found["email"]
    assert email == "ci@main.service.orvanta"
    await post(api.client, "/api/auth/login", 401, email=email, password="")
    await post(api.client, f"/api/users/reset_password/{email}", 409)
    await post(api.client, f"/api/users/update/{email}", 409, is_super_admin=True)
    await post(api.client, f"/api/users/link_identity/{email}", 409, provider="corp", subject="ada")
    await post(api.client, "users/update/ci", 400, role="admin")
    assert (await api.client.delete(f"{W}/users/delete/ci")).status_code == 409
    await post(api.client, "/api/users/create", 400, email="x@main.service.orvanta", password="a long password")
    await post(api.client, "/api/w/admins/workspaces/add_user", 400, email=email, role="admin")
    await post(ci, "/api/users/tokens/create", 403, label="more")
    assert (await ci.get("/api/w/admins/users/whoami")).status_code == 404
    operations = {row["operation"] for row in await api.get("audit/list", operation="service_accounts")}
    assert operations == {"service_accounts.create", "service_accounts.create_token"}


async def test_tokens_need_scopes_and_expiry(api: ApiHarness) -> None:
    await create(api, api.client)
    for body in (
        {"scopes": [], "expiration": LATER},
        {"scopes": ["jobs:run"]},
        {"expiration": LATER},
        {"scopes": ["jobs:run"], "expiration": "2020-01-01T00:00:00Z"},
    ):
        await post(api.client, "service_accounts/tokens/create/ci", 400, **body)
    await post(api.client, "service_accounts/tokens/create/admin", 404, scopes=["jobs:run"], expiration=LATER)
    await post(api.client, "service_accounts/create", 400, username="boss", role="admin")
    await post(api.client, "service_accounts/create", 409, username="ci")
    await post(api.client, "service_accounts/create", 409, username="admin")


async def test_disabled_or_deleted_service_account_has_no_access(api: ApiHarness) -> None:
    ci = await create(api, api.client)
    await post(api.client, "service_accounts/setenabled/ci", enabled=False)
    assert (await ci.get(f"{W}/users/whoami")).status_code == 401
    await post(api.client, "service_accounts/tokens/create/ci", 409, scopes=["jobs:run"], expiration=LATER)
    await post(api.client, "service_accounts/setenabled/ci", enabled=True)
    assert (await ci.get(f"{W}/users/whoami")).status_code == 401
    ci = await token(api, api.client, "users:read")
    assert (await ci.get(f"{W}/users/whoami")).status_code == 200
    assert (await api.client.delete(f"{W}/service_accounts/delete/ci")).status_code == 200
    assert (await ci.get(f"{W}/users/whoami")).status_code == 401
    assert await api.get("service_accounts/list") == []
    await post(api.client, "service_accounts/create", 409, username="ci")


async def test_departure_of_owner_stops_service_account_until_it_has_a_new_owner(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.ADMIN)
    ci = await create(api, bea)
    await post(api.client, "folders/create", name="team", extra_perms={"u/ci": True})
    await post(ci, "flows/create", 201, **PASS_ON, path="f/team/flow")
    await post(ci, "schedules/create", 201, **SCHEDULE, path="f/team/nightly", enabled=True)
    leaving = (await api.get("users/departure/bea"))["items"]
    assert leaving == [{"kind": "service_account", "workspace_id": "main", "path": "ci"}]
    await post(api.client, "users/update/bea", role="developer")
    lost = {each["kind"]: each for each in await api.get("ownership/list")}
    stopped = {"kind": "service_account", "path": "ci", "permissioned_as": "u/bea", "enabled": False}
    assert lost["service_account"] == stopped and lost["schedule"]["enabled"] is False
    assert (await ci.get(f"{W}/users/whoami")).status_code == 401
    assert (await api.get("schedules/get/f/team/nightly"))["enabled"] is False
    await post(api.client, "users/update/bea", disabled=True)
    await post(api.client, "service_accounts/setenabled/ci", 409, enabled=True)
    await post(api.client, "users/update/ci", 409, disabled=False)
    await api.member("dan", Role.DEVELOPER)
    assign: dict[str, Any] = {"kind": "service_account", "path": "ci", "enable": True}
    await post(api.client, "ownership/assign", 400, **assign, owner="u/dan")
    await post(api.client, "ownership/assign", **assign, owner="u/admin")
    [found] = await api.get("service_accounts/list")
    assert (found["owner"], found["disabled"], found["tokens"]) == ("admin", False, 0)
    assert [each["kind"] for each in await api.get("ownership/list")] == []


async def test_new_owner_of_service_account_ends_its_tokens(api: ApiHarness) -> None:
    """The former owner may know them, also if the service account was not stopped."""
    bea = await api.member("bea", Role.ADMIN)
    ci = await create(api, bea)
    assign: dict[str, Any] = {"kind": "service_account", "path": "ci", "enable": False}
    await post(api.client, "ownership/assign", **assign, owner="u/bea")
    assert (await ci.get(f"{W}/users/whoami")).status_code == 200
    await post(api.client, "ownership/assign", **assign, owner="u/admin")
    assert (await ci.get(f"{W}/users/whoami")).status_code == 401
    [found] = await api.get("service_accounts/list")
    assert (found["owner"], found["disabled"], found["tokens"]) == ("admin", False, 0)


async def test_service_account_does_not_decide_about_approvals(api: ApiHarness) -> None:
    """Otherwise, its owner could decide twice."""
    ci = await create(api, api.client)
    await post(api.client, "folders/create", name="team", extra_perms={"u/ci": True})
    await post(api.client, "flows/create", 201, **ASKS, path="f/team/asks")
    run = await post(api.client, "jobs/run/f/f/team/asks", 201)
    assert (await ci.get(f"{W}/approvals/list")).json()[0]["mine"] is False
    await post(ci, f"/api/v1/runs/{run}/consent", 403, decision="approved")
    decided = await api.client.post(
        f"/api/v1/runs/{run}/consent", json={"decision": "approved"}, headers={"X-Workspace": "main"}
    )
    assert decided.status_code == 200, decided.text


@pytest.mark.parametrize("limits", [{"scopes": ["users:write", "tokens:write"]}, {"workspace_id": "admins"}])
async def test_only_admins_without_limits_manage_service_accounts(api: ApiHarness, limits: dict[str, Any]) -> None:
    made = await post(api.client, "/api/users/tokens/create", 201, **limits)
    answer = await client_of(api.app, made).post(f"{W}/service_accounts/create", json={"username": "ci"})
    assert answer.status_code in (403, 404)


async def test_demoted_owner_loses_service_accounts(api: ApiHarness) -> None:
    ada = await api.member("ada", Role.ADMIN)
    ci = await create(api, ada)
    assert (await ci.get(f"{W}/users/whoami")).status_code == 200
    await post(api.client, "users/update/ada", role="developer")
    assert (await ci.get(f"{W}/users/whoami")).status_code == 401
    [found] = await api.get("service_accounts/list")
    assert found["disabled"] and found["tokens"] == 0
    rows = await api.get("audit/list", operation="service_accounts.stop")
    assert [row["resource"] for row in rows] == ["ci"]
    await post(api.client, "service_accounts/setenabled/ci", 409, enabled=True)


async def test_former_superadmin_loses_service_accounts_where_it_is_no_admin(api: ApiHarness) -> None:
    ada = await api.member("ada", Role.DEVELOPER)
    await post(api.client, "/api/workspaces/create", 201, id="other", name="other")
    await post(api.client, "/api/w/other/workspaces/add_user", email="ada@example.com", username="ada", role="admin")
    await post(api.client, "/api/users/update/ada@example.com", is_super_admin=True)
    ci = await create(api, ada)
    await post(ada, "/api/w/other/service_accounts/create", 201, username="cd", role="developer")
    await post(api.client, "/api/users/update/ada@example.com", is_super_admin=False)
    assert (await ci.get(f"{W}/users/whoami")).status_code == 401
    [found] = await api.get("service_accounts/list")
    assert found["disabled"] and found["tokens"] == 0
    rows = await api.get("audit/list", operation="service_accounts.stop")
    assert [row["resource"] for row in rows] == ["ci"]
    [account] = (await api.client.get("/api/w/other/service_accounts/list")).json()
    assert not account["disabled"], "it is an admin there"
