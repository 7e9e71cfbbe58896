"""Service accounts as members of other workspaces than the one that manages them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.route_examples import PASS_ON, SCHEDULE
from tests.http.test_service_accounts import LATER, create, post, token
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.db import workspaces

STAGE = "/api/w/stage"
ADDRESS = "ci@main.service.orvanta"


@pytest.fixture
async def bob(api: ApiHarness) -> httpx.AsyncClient:
    """Return the client of the admin of another workspace, who is no member of main."""
    await post(api.client, "/api/workspaces/create", 201, id="stage", name="Stage")
    return await api.member("bob", Role.ADMIN, workspace="stage")


async def everywhere(api: ApiHarness, *scopes: str) -> httpx.AsyncClient:
    """Return the client of a new token of `ci` that is valid in all of its workspaces."""
    body: dict[str, Any] = {"scopes": list(scopes), "expiration": LATER, "all_workspaces": True}
    return client_of(api.app, await post(api.client, "service_accounts/tokens/create/ci", 201, **body))


async def join(bob: httpx.AsyncClient, role: str = "developer", **body: Any) -> None:
    await post(bob, f"{STAGE}/workspaces/add_user", email=ADDRESS, role=role, **body)


async def status(client: httpx.AsyncClient, call: str = f"{STAGE}/users/whoami") -> int:
    return (await client.get(call)).status_code


async def test_admin_of_another_workspace_adds_service_account(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    bound = await create(api, api.client)
    both = await everywhere(api, "*:*")
    assert await status(both) == 404
    await post(api.client, f"{STAGE}/workspaces/add_user", 400, email=ADDRESS, role="admin")
    await join(bob, "viewer")
    me = (await both.get(f"{STAGE}/users/whoami")).json()
    assert (me["username"], me["role"], me["service_account_of"]) == ("ci", "viewer", "main")
    assert (await both.get(f"{W}/users/whoami")).json()["role"] == "developer"
    assert await status(bound) == 404, "a token of one workspace is not valid in the other"
    own = {"path": "u/ci/flow", **PASS_ON}
    await post(both, f"{STAGE}/flows/create", 403, **own)
    await post(bob, f"{STAGE}/users/update/ci", role="developer")
    await post(both, f"{STAGE}/flows/create", 201, **own)
    [shown] = [each for each in (await bob.get(f"{STAGE}/users/list")).json() if each["username"] == "ci"]
    assert shown["service_account"] and shown["service_account_of"] == "main"
    rows = (await bob.get(f"{STAGE}/audit/list", params={"operation": "workspaces.add_user"})).json()
    assert [(row["resource"], row["username"]) for row in rows] == [("ci", "bob")]


async def test_other_workspace_manages_the_membership_only(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await create(api, api.client)
    both = await everywhere(api, "*:*")
    await join(bob)
    base = f"{STAGE}/service_accounts"
    assert (await bob.get(f"{base}/list")).json() == []
    await post(bob, f"{base}/tokens/create/ci", 404, scopes=["*:*"], expiration=LATER)
    await post(bob, f"{base}/setenabled/ci", 404, enabled=False)
    assert (await bob.delete(f"{base}/delete/ci")).status_code == 404
    take = {"kind": "service_account", "path": "ci", "owner": "u/bob", "enable": True}
    await post(bob, f"{STAGE}/ownership/assign", 404, **take)
    await post(bob, f"{STAGE}/users/update/ci", 400, role="admin")
    act = {"workspace_id": "stage", "username": "ci", "reason": "Curiosity", "minutes": 5}
    await post(bob, "/api/auth/impersonate", 403, **act)
    [listed] = [each for each in (await bob.get(f"{STAGE}/tokens/list")).json() if each["username"] == "ci"]
    assert not listed["bound"] and not listed["revocable"]
    assert (await bob.delete(f"{STAGE}/tokens/delete/{listed['token_prefix']}")).status_code == 403
    await post(bob, f"{STAGE}/users/update/ci", disabled=True)
    assert (await status(both), await status(both, f"{W}/users/whoami")) == (404, 200)
    await post(bob, f"{STAGE}/users/update/ci", disabled=False)
    assert await status(both) == 200
    assert (await bob.delete(f"{STAGE}/users/delete/ci")).status_code == 200
    assert (await status(both), await status(both, f"{W}/users/whoami")) == (404, 200)
    assert (await api.client.delete(f"{W}/users/delete/ci")).status_code == 409


async def test_owner_gains_what_the_other_workspace_granted_only(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The admin who owns the service account is no member of the other workspace."""
    ann = await api.member("ann", Role.ADMIN)
    await create(api, ann)
    await join(bob, "viewer")
    await post(ann, f"{STAGE}/users/update/ci", 404, role="developer")
    body: dict[str, Any] = {"scopes": ["*:*"], "expiration": LATER, "all_workspaces": True}
    both = client_of(api.app, await post(ann, "service_accounts/tokens/create/ci", 201, **body))
    await post(both, f"{STAGE}/users/update/ci", 403, role="developer")
    await post(both, f"{STAGE}/workspaces/add_user", 403, email="ann@example.com", role="admin")
    await post(both, f"{STAGE}/groups/create", 403, name="deployers")
    assert await status(ann) == 404


async def test_disabled_service_account_ends_in_all_workspaces(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await create(api, api.client)
    both = await everywhere(api, "*:*")
    await join(bob)
    await post(both, f"{STAGE}/flows/create", 201, **PASS_ON, path="u/ci/flow")
    nightly = {**SCHEDULE, "path": "u/ci/nightly", "script_path": "u/ci/flow", "is_flow": True}
    await post(both, f"{STAGE}/schedules/create", 201, **nightly, enabled=True)
    await post(api.client, "service_accounts/setenabled/ci", enabled=False)
    assert await status(both) == 401
    schedule = (await bob.get(f"{STAGE}/schedules/get/u/ci/nightly")).json()
    assert not schedule["enabled"]
    [shown] = [each for each in (await bob.get(f"{STAGE}/users/list")).json() if each["username"] == "ci"]
    assert shown["disabled"]
    await post(bob, f"{STAGE}/users/update/ci", 409, disabled=False)
    lost = (await bob.get(f"{STAGE}/ownership/list")).json()
    assert [each["kind"] for each in lost] == ["schedule"]
    rows = (await bob.get(f"{STAGE}/audit/list", params={"operation": "service_accounts.stop"})).json()
    assert [row["resource"] for row in rows] == ["ci"]
    await post(api.client, "/api/workspaces/create", 201, id="live", name="Live")
    await post(api.client, "/api/w/live/workspaces/add_user", 409, email=ADDRESS, role="developer")
    await post(api.client, "service_accounts/setenabled/ci", enabled=True)
    assert await status(both) == 401, "its tokens were deleted"
    again = await everywhere(api, "users:read")
    assert await status(again) == 404, "the other workspace decides by itself"
    await post(bob, f"{STAGE}/users/update/ci", disabled=False)
    assert await status(again) == 200


async def test_trail_of_the_other_workspace_names_the_admin_as_it_knows_the_account(
    api: ApiHarness, bob: httpx.AsyncClient
) -> None:
    """The username in the workspace that manages the service account may be that of somebody else there."""
    ann = await api.member("ann", Role.ADMIN)
    await create(api, ann)
    await join(bob)
    trail = f"{STAGE}/audit/list?operation=service_accounts.stop"
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE account SET username = 'ann2' WHERE email = 'ann@example.com'")
    for name in ("ann2", "anna"):
        await post(ann, "service_accounts/setenabled/ci", enabled=False)
        assert (await bob.get(trail)).json()[0]["username"] == name
        rows = (await ann.get(f"{W}/audit/list?operation=service_accounts.disable")).json()
        assert rows[0]["username"] == "ann"
        await post(ann, "service_accounts/setenabled/ci", enabled=True)
        await post(bob, f"{STAGE}/users/update/ci", disabled=False)
        async with api.platform.db.transaction() as conn:
            await workspaces.add_member(conn, "stage", "anna", "ann@example.com", Role.VIEWER)


async def test_superadmin_disables_service_account_in_all_workspaces(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    ann = await api.member("ann", Role.ADMIN)
    await create(api, ann)
    await join(bob)
    await post(api.client, f"/api/users/disable/{ADDRESS}")
    await post(ann, "service_accounts/setenabled/ci", enabled=False)
    await post(ann, "service_accounts/setenabled/ci", enabled=True)
    assert await status(await everywhere(api, "users:read"), f"{W}/users/whoami") == 401, "only superadmins enable it"
    await post(api.client, "service_accounts/setenabled/ci", enabled=False)
    await post(api.client, f"/api/users/enable/{ADDRESS}")
    [shown] = [each for each in (await bob.get(f"{STAGE}/users/list")).json() if each["username"] == "ci"]
    assert shown["disabled"] and not shown["account_disabled"]


async def test_addition_and_disabling_at_once_leave_it_disabled(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """The later one of the two transactions waits for the other, and sees its outcome."""
    await create(api, api.client)
    body = {"email": ADDRESS, "role": "developer"}
    disabling = api.client.post(f"{W}/service_accounts/setenabled/ci", json={"enabled": False})
    adding = bob.post(f"{STAGE}/workspaces/add_user", json=body)
    disabled, added = await asyncio.gather(disabling, adding)
    assert disabled.status_code == 200, disabled.text
    members = {each["username"]: each["disabled"] for each in (await bob.get(f"{STAGE}/users/list")).json()}
    assert members.get("ci", True) is True
    assert added.status_code == (200 if "ci" in members else 409), added.text


async def test_addition_waits_for_a_transaction_that_holds_the_service_account(
    api: ApiHarness, bob: httpx.AsyncClient
) -> None:
    """Disabling takes longer than one wait for a lock if much acts for the service account."""
    await create(api, api.client)
    retries = api.platform.db.measurements.retries
    before = sum(retries.values.values())
    async with api.platform.db.transaction() as conn:
        await conn.execute("SELECT FROM member WHERE email = $1 FOR UPDATE", ADDRESS)
        adding = asyncio.create_task(
            bob.post(f"{STAGE}/workspaces/add_user", json={"email": ADDRESS, "role": "viewer"})
        )
        while not adding.done() and sum(retries.values.values()) == before:
            await asyncio.sleep(POLL_S)
    assert (await adding).status_code == 200


@pytest.mark.parametrize("how", ["member_disabled", "owner_demoted", "deleted"])
async def test_token_ends_with_the_service_account(api: ApiHarness, bob: httpx.AsyncClient, how: str) -> None:
    ann = await api.member("ann", Role.ADMIN)
    await create(api, ann)
    both = await everywhere(api, "*:*")
    await join(bob)
    match how:
        case "member_disabled":
            await post(api.client, "users/update/ci", disabled=True)
        case "owner_demoted":
            await post(api.client, "users/update/ann", role="developer")
        case _:
            assert (await api.client.delete(f"{W}/service_accounts/delete/ci")).status_code == 200
    assert await status(both) == 401
    members = {each["username"]: each for each in (await bob.get(f"{STAGE}/users/list")).json()}
    assert members["ci"]["disabled"] if how != "deleted" else "ci" not in members
    if how == "deleted":
        await post(bob, f"{STAGE}/service_accounts/create", 409, username="ci")
        await post(bob, f"{STAGE}/workspaces/add_user", 404, email=ADDRESS, role="viewer")


async def test_admins_revoke_tokens_of_their_service_accounts(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    ann = await api.member("ann", Role.ADMIN)
    await create(api, ann)
    both = await everywhere(api, "users:read", "flows:read:f/team/*")
    listed = [each for each in await api.get("tokens/list") if each["username"] == "ci" and not each["bound"]]
    assert [each["scopes"] for each in listed] == [["users:read", "flows:read:f/team/*"]]
    assert listed[0]["revocable"]
    assert (await ann.delete(f"{W}/tokens/delete/{listed[0]['token_prefix']}")).status_code == 200
    assert await status(both, f"{W}/users/whoami") == 401


async def test_deletion_of_its_workspace_reserves_the_username_elsewhere(
    api: ApiHarness, bob: httpx.AsyncClient
) -> None:
    """Otherwise the next member with this name would obtain what was granted to the service account."""
    await post(api.client, "/api/workspaces/create", 201, id="team", name="Team")
    await post(api.client, "/api/w/team/service_accounts/create", 201, username="ci", role="developer")
    await post(bob, f"{STAGE}/workspaces/add_user", email="ci@team.service.orvanta", role="developer")
    await post(bob, f"{STAGE}/folders/create", name="orders", extra_perms={"u/ci": True})
    await post(api.client, "/api/w/team/workspaces/archive")
    assert (await api.client.delete("/api/workspaces/delete/team")).status_code == 200
    folder = (await bob.get(f"{STAGE}/folders/get/orders")).json()
    assert "u/ci" not in folder["extra_perms"]
    await post(bob, f"{STAGE}/service_accounts/create", 409, username="ci")


async def test_token_of_all_workspaces_keeps_to_the_shortest_lifetime(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await create(api, api.client)
    await join(bob)
    await post(bob, f"{STAGE}/workspaces/edit_token_max_age", token_max_age_days=7)
    body: dict[str, Any] = {"scopes": ["*:*"], "expiration": LATER}
    await post(api.client, "service_accounts/tokens/create/ci", 400, **body, all_workspaces=True)
    assert await status(await token(api, api.client, "users:read"), f"{W}/users/whoami") == 200


async def test_tokens_are_revoked_while_the_workspace_is_archived(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """A token of all workspaces is valid in the others meanwhile, where nobody else can revoke it."""
    await create(api, api.client)
    both = await everywhere(api, "users:read")
    await join(bob)
    await post(api.client, "workspaces/archive")
    assert await status(both) == 200
    wanted: dict[str, Any] = {"scopes": ["*:*"], "expiration": LATER}
    await post(api.client, "service_accounts/tokens/create/ci", 403, **wanted)
    viewer = await api.member("vera", Role.VIEWER)
    for client, expected in ((viewer, 403), (bob, 404), (api.client, 200)):
        for each in await api.get("tokens/list"):
            if each["username"] == "ci" and not each["bound"]:
                answer = await client.delete(f"{W}/tokens/delete/{each['token_prefix']}")
                assert answer.status_code == expected, answer.text
    assert await status(both) == 401


async def test_token_of_one_workspace_creates_none_for_all(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Otherwise a token whose owner limited it to a workspace would act in all of those of the service account."""
    await create(api, api.client)
    await join(bob)
    body = {"label": "main only", "workspace_id": "main"}
    limited = client_of(api.app, await post(api.client, "/api/users/tokens/create", 201, **body))
    wanted: dict[str, Any] = {"scopes": ["*:*"], "expiration": LATER}
    await post(limited, "service_accounts/tokens/create/ci", 403, **wanted, all_workspaces=True)
    await post(limited, "service_accounts/tokens/create/ci", 201, **wanted)


@pytest.mark.parametrize("who", ["owner", "issuer"])
async def test_those_who_command_a_service_account_do_not_approve_its_runs(
    api: ApiHarness, bob: httpx.AsyncClient, who: str
) -> None:
    """Neither its owner nor the admin who created its token decides about a run that it starts in another workspace."""
    ann = await api.member("ann", Role.ADMIN)
    await create(api, ann)
    async with api.platform.db.transaction() as conn:
        for name in ("ann", "admin"):
            email = "ann@example.com" if name == "ann" else "admin@localhost"
            await workspaces.add_member(conn, "stage", name, email, Role.ADMIN)
    await join(bob)
    both = await everywhere(api, "*:*")
    asks = {"modules": [{"id": "ask", "value": {"type": "approval", "self_approval": False}}]}
    run = await post(both, f"{STAGE}/jobs/run/preview_flow", 201, value=asks, args={})
    decide: dict[str, Any] = {"json": {"decision": "approved"}, "headers": {"X-Workspace": "stage"}}
    refused = await (ann if who == "owner" else api.client).post(f"/api/v1/runs/{run}/consent", **decide)
    assert refused.status_code == 403 and "your own run" in refused.text, refused.text
    assert (await bob.post(f"/api/v1/runs/{run}/consent", **decide)).is_success


async def test_workspace_of_a_deleted_service_account_is_deleted(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    await post(api.client, "/api/workspaces/create", 201, id="team", name="Team")
    await post(api.client, "/api/w/team/service_accounts/create", 201, username="ci", role="developer")
    await post(bob, f"{STAGE}/workspaces/add_user", email="ci@team.service.orvanta", role="developer")
    assert (await api.client.delete("/api/w/team/service_accounts/delete/ci")).status_code == 200
    await post(api.client, "/api/w/team/workspaces/archive")
    assert (await api.client.delete("/api/workspaces/delete/team")).status_code == 200


async def test_service_account_of_an_archived_workspace_is_not_added(api: ApiHarness, bob: httpx.AsyncClient) -> None:
    """Its membership would end with the deletion of the workspace, and leave its username to somebody else."""
    await post(api.client, "/api/workspaces/create", 201, id="team", name="Team")
    await post(api.client, "/api/w/team/service_accounts/create", 201, username="ci", role="developer")
    await post(api.client, "/api/w/team/workspaces/archive")
    await post(bob, f"{STAGE}/workspaces/add_user", 409, email="ci@team.service.orvanta", role="developer")
