"""Members of a workspace: roles, invitations, removal; managers of groups."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role, system
from orvanta_platform.control.identity_providers import ClaimGrant
from orvanta_platform.db import accounts, workspaces
from orvanta_platform.db import members as member_rows
from orvanta_platform.services.access import claim_memberships


async def sent(
    client: httpx.AsyncClient, call: str, body: Any = None, status: int = 200, method: str = "POST"
) -> httpx.Response:
    url = call if call.startswith("/") else f"{W}/{call}"
    answer = await client.request(method, url, json=body)
    assert answer.status_code == status, (call, answer.text)
    return answer


async def remove(api: ApiHarness, username: str, status: int = 200) -> None:
    await sent(api.client, f"users/delete/{username}", status=status, method="DELETE")


async def test_role_is_changed_by_admins_only(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.OPERATOR)
    for body, role in (
        ({"role": "viewer"}, "viewer"),
        ({"is_admin": True}, "admin"),
        ({"is_admin": False, "operator": False}, "developer"),
        ({"operator": True}, "operator"),
    ):
        await sent(api.client, "users/update/bea", body)
        assert (await bea.get(f"{W}/users/whoami")).json()["role"] == role
    both = {"is_admin": True, "operator": True}
    await sent(api.client, "users/update/bea", both, 400)
    await sent(api.client, "workspaces/invite_user", {"email": "x@example.org", **both}, 400)
    await sent(api.client, "users/update/nobody", {"role": "viewer"}, 404)
    for role in (Role.VIEWER, Role.OPERATOR, Role.DEVELOPER):
        await sent(api.client, "users/update/bea", {"role": role})
        for call, sent_body, method in (
            ("users/update/bea", {"role": "admin"}, "POST"),
            ("users/update/admin", {"disabled": True}, "POST"),
            ("users/delete/admin", None, "DELETE"),
            ("workspaces/invite_user", {"email": "x@example.org", "is_admin": True}, "POST"),
            ("workspaces/list_pending_invites", None, "GET"),
            ("users/departure/admin", None, "GET"),
            ("ownership/list", None, "GET"),
        ):
            await sent(bea, call, sent_body, 403, method)
    assert (await bea.get(f"{W}/users/whoami")).json()["role"] == "developer"


async def test_token_with_scopes_cannot_raise_roles(api: ApiHarness) -> None:
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["users:write", "users:read"]})
    limited = client_of(api.app, made.text)
    await api.member("bea", Role.OPERATOR)
    await sent(api.client, "/api/users/create", {"email": "new@example.org"}, 201)
    await sent(limited, "users/update/bea", {"role": "admin"}, 403)
    await sent(limited, "users/delete/bea", None, 403, "DELETE")
    for call in ("workspaces/add_user", "workspaces/invite_user"):
        await sent(limited, call, {"email": "new@example.org", "role": "admin"}, 403)
    await sent(limited, "workspaces/add_user", {"email": "new@example.org", "role": "viewer"}, 403)
    await sent(limited, "ownership/assign", {"kind": "flow", "path": "f/a/b", "owner": "u/bea"}, 403)
    bound = (await api.client.post("/api/users/tokens/create", json={"workspace_id": "main"})).text
    await sent(client_of(api.app, bound), "users/update/bea", {"role": "admin"})


async def test_token_with_scopes_cannot_add_deployers_or_accounts(api: ApiHarness) -> None:
    """Deployers can let runs act for admins, and the owner of an account can accept invitations to its address."""
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["users:write", "users:read"]})
    limited = client_of(api.app, made.text)
    await api.member("bea", Role.DEVELOPER)
    for name in ("deployers", "ops"):
        await sent(limited, "groups/create", {"name": name})
    await sent(limited, "groups/adduser/ops", {"username": "bea"})
    await sent(limited, "groups/update/ops", {"managers": ["bea"]})
    await sent(limited, "groups/adduser/deployers", {"username": "bea"}, 403)
    await sent(limited, "groups/update/deployers", {"managers": ["bea"]}, 403)
    await sent(limited, "groups/update/deployers", {"summary": "S"})
    await sent(api.client, "workspaces/invite_user", {"email": "new@example.org", "role": "admin"})
    await sent(limited, "/api/users/create", {"email": "new@example.org", "password": "correct horse"}, 403)
    bound = (await api.client.post("/api/users/tokens/create", json={"workspace_id": "main"})).text
    await sent(client_of(api.app, bound), "groups/adduser/deployers", {"username": "bea"})


async def test_last_admin_remains(api: ApiHarness) -> None:
    await sent(api.client, "users/update/admin", {"role": "developer"}, 409)
    await sent(api.client, "users/update/admin", {"disabled": True}, 409)
    await remove(api, "admin", 409)
    ada = await api.member("ada", Role.ADMIN)
    await sent(api.client, "/api/users/disable/ada@example.com")
    await remove(api, "admin", 409)
    await sent(api.client, "/api/users/enable/ada@example.com")
    assert (await ada.get(f"{W}/users/whoami")).status_code == 401
    async with api.platform.db.transaction() as conn:
        await member_rows.lock(conn, "main", "admin")
        waiting = asyncio.ensure_future(api.client.delete(f"{W}/users/delete/admin"))
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid)"
        while not waiting.done() and not await conn.fetchval(waits):
            await asyncio.sleep(POLL_S)
        await conn.execute("UPDATE member SET role = 'viewer' WHERE workspace = 'main' AND username = 'ada'")
    assert (await waiting).status_code == 409, "two admins cannot remove each other"


async def test_removed_member_loses_grants_and_username_is_reserved(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    await sent(api.client, "groups/create", {"name": "deployers"})
    await sent(api.client, "groups/adduser/deployers", {"username": "bea"})
    await sent(api.client, "groups/update/deployers", {"managers": ["bea"]})
    await sent(api.client, "folders/create", {"name": "night", "owners": ["u/bea"], "extra_perms": {"u/bea": True}})
    await sent(bea, "variables/create", {"path": "u/bea/mine", "value": "1"}, 201)
    await remove(api, "bea")
    assert (await bea.get(f"{W}/users/whoami")).status_code == 404
    group = await api.get("groups/get/deployers")
    folder = await api.get("folders/get/night")
    assert (group["members"], group["managers"]) == ([], [])
    assert folder["owners"] == ["u/admin"] and "u/bea" not in folder["extra_perms"]
    assert (await api.get("variables/get/u/bea/mine"))["value"] == "1"
    await sent(api.client, "/api/users/create", {"email": "other@example.org"}, 201)
    await sent(api.client, "workspaces/add_user", {"email": "other@example.org", "username": "bea"}, 409)
    await sent(api.client, "workspaces/invite_user", {"email": "bea@example.com"})
    await sent(bea, "/api/users/accept_invite", {"workspace_id": "main", "username": "bee"}, 409)
    await sent(bea, "/api/users/accept_invite", {"workspace_id": "main"})
    found = (await bea.get(f"{W}/users/whoami")).json()
    assert (found["username"], found["groups"], found["folders"]) == ("bea", ["all"], [])


async def test_invitation_is_accepted_once_by_its_address(api: ApiHarness) -> None:
    zoe = await api.member("zoe", Role.VIEWER, workspace="admins")
    eve = await api.member("eve", Role.VIEWER, workspace="admins")
    await sent(api.client, "workspaces/invite_user", {"email": "Zoe@example.com", "role": "operator"})
    pending = (await api.client.get(f"{W}/workspaces/list_pending_invites")).json()
    assert [(each["email"], each["role"], each["operator"]) for each in pending] == [
        ("zoe@example.com", "operator", True)
    ]
    assert (await eve.get("/api/users/list_invites")).json() == []
    await sent(eve, "/api/users/accept_invite", {"workspace_id": "main"}, 404)
    assert [each["workspace_id"] for each in (await zoe.get("/api/users/list_invites")).json()] == ["main"]
    assert (await zoe.get(f"{W}/users/whoami")).status_code == 404
    await sent(api.client, "workspaces/archive")
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main"}, 404)
    await sent(api.client, "workspaces/unarchive")
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main"})
    assert (await zoe.get(f"{W}/users/whoami")).json()["role"] == "operator"
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main"}, 404)
    await sent(api.client, "workspaces/invite_user", {"email": "zoe@example.com"}, 409)
    await sent(api.client, "workspaces/invite_user", {"email": "eve@example.com"})
    await sent(eve, "/api/users/decline_invite", {"workspace_id": "main"})
    await sent(api.client, "workspaces/delete_invite", {"email": "eve@example.com"}, 404)


@pytest.mark.parametrize("loss", ["role", "disabled", "removed", "account", "superadmin"])
async def test_invitation_ends_with_admin_who_made_it(api: ApiHarness, loss: str) -> None:
    at = "admins" if loss == "superadmin" else "main"
    ada = await api.member("ada", Role.ADMIN, workspace=at)
    zoe = await api.member("zoe", Role.VIEWER, workspace="admins")
    if loss == "superadmin":
        await sent(api.client, "/api/users/update/ada@example.com", {"is_super_admin": True})
    await sent(ada, "workspaces/invite_user", {"email": "zoe@example.com", "role": "admin"})
    match loss:
        case "role":
            await sent(api.client, "users/update/ada", {"role": "developer"})
        case "disabled":
            await sent(api.client, "users/update/ada", {"disabled": True})
        case "removed":
            await remove(api, "ada")
        case "superadmin":
            await sent(api.client, "/api/users/update/ada@example.com", {"is_super_admin": False})
        case "account":
            await sent(api.client, "/api/users/disable/ada@example.com")
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main"}, 404)


async def test_invitation_made_while_its_author_or_address_was_removed_is_void(api: ApiHarness) -> None:
    """The invitation may be authorized before the removal and committed after it."""
    zoe = await api.member("zoe", Role.VIEWER)
    await api.member("ada", Role.ADMIN)
    async with api.platform.db.transaction() as conn:
        await member_rows.invite(conn, "main", "zoe@example.com", "admin", "ada@example.com")
    await remove(api, "zoe")
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main"}, 404)
    await remove(api, "ada")
    async with api.platform.db.transaction() as conn:
        await member_rows.invite(conn, "main", "zoe@example.com", "admin", "ada@example.com")
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main"}, 404)


async def test_disabled_or_deleted_account_is_not_added(api: ApiHarness) -> None:
    await api.member("zoe", Role.VIEWER, workspace="admins")
    await sent(api.client, "/api/users/disable/zoe@example.com")
    await sent(api.client, "workspaces/add_user", {"email": "zoe@example.com"}, 409)
    await sent(api.client, "/api/users/delete/zoe@example.com", method="DELETE")
    await sent(api.client, "workspaces/add_user", {"email": "zoe@example.com"}, 404)
    members = (await api.client.get("/api/w/admins/users/list")).json()
    assert "zoe" not in [each["username"] for each in members]


async def test_manager_changes_members_of_own_group_only(api: ApiHarness) -> None:
    bea, vic = await api.member("bea", Role.OPERATOR), await api.member("vic", Role.VIEWER)
    for name in ("ops", "deployers"):
        await sent(api.client, "groups/create", {"name": name, "summary": "S"})
    await sent(api.client, "groups/update/ops", {"managers": ["bea", "vic"]})
    found = await api.get("groups/get/ops")
    assert (found["managers"], found["summary"]) == (["bea", "vic"], "S")
    await sent(bea, "groups/adduser/ops", {"username": "vic"})
    await sent(bea, "groups/removeuser/ops", {"username": "vic"})
    for call, body in (
        ("groups/adduser/deployers", {"username": "bea"}),
        ("groups/update/ops", {"managers": ["bea"]}),
        ("groups/create", {"name": "mine"}),
    ):
        await sent(bea, call, body, 403)
    await sent(bea, "groups/delete/ops", None, 403, "DELETE")
    await sent(vic, "groups/adduser/ops", {"username": "vic"}, 403)
    await sent(api.client, "groups/update/ops", {"managers": ["nobody"]}, 400)
    assert (await api.get("groups/get/ops"))["managers"] == ["bea", "vic"]


async def test_ownership_of_paths(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    await sent(api.client, "folders/create", {"name": "hers", "owners": ["u/bea"]})
    await sent(api.client, "folders/create", {"name": "other"})
    owned = {
        path: (await bea.get(f"{W}/users/is_owner/{path}")).json()
        for path in ("u/bea/x", "u/admin/x", "f/hers/x", "f/other/x")
    }
    assert owned == {"u/bea/x": True, "u/admin/x": False, "f/hers/x": True, "f/other/x": False}
    assert (await api.client.get(f"{W}/users/is_owner/u/bea/x")).json() is True


async def test_nobody_takes_username_of_another_account(api: ApiHarness) -> None:
    """A superadmin who is not a member of a workspace acts there under the username of the account."""
    root = await api.member("root", Role.ADMIN, workspace="admins")
    zoe = await api.member("zoe", Role.VIEWER, workspace="admins")
    await sent(api.client, "/api/users/update/root@example.com", {"is_super_admin": True})
    await sent(root, "variables/create", {"path": "u/root/plan", "value": "hers"}, 201)
    await sent(api.client, "workspaces/invite_user", {"email": "zoe@example.com", "role": "developer"})
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main", "username": "root"}, 400)
    await sent(api.client, "workspaces/add_user", {"email": "zoe@example.com", "username": "root"}, 409)
    await sent(root, "/api/workspaces/create", {"id": "hers", "name": "hers", "username": "zoe"}, 409)
    await sent(api.client, "workspaces/add_user", {"email": "zoe@example.com", "username": "zed"})
    await sent(zoe, "variables/get_value/u/root/plan", status=404, method="GET")
    await sent(api.client, "/api/users/create", {"email": "new@example.org", "username": "zed"}, 409)
    await sent(api.client, "/api/users/create", {"email": "zed@example.org"}, 201)
    rows = (await api.client.get("/api/users/list_as_super_admin")).json()
    assert {each["email"]: each["username"] for each in rows}["zed@example.org"] == "zed2"


async def test_invited_person_does_not_choose_a_name_that_was_granted_something(api: ApiHarness) -> None:
    """Folders and approvals may name members who have not joined yet."""
    zoe = await api.member("zoe", Role.VIEWER, workspace="admins")
    await sent(api.client, "folders/create", {"name": "board", "owners": ["u/cfo"]})
    await sent(api.client, "folders/addowner/board", {"owner": "u/ceo"}, 400)
    await sent(api.client, "folders/addowner/board", {"owner": "g/nobody"}, 400)
    await sent(api.client, "workspaces/invite_user", {"email": "zoe@example.com", "role": "viewer"})
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main", "username": "cfo"}, 400)
    await sent(zoe, "/api/users/accept_invite", {"workspace_id": "main", "username": "zoe"})
    assert (await zoe.get(f"{W}/users/whoami")).json()["folders"] == []


async def test_names_of_platform_are_reserved(api: ApiHarness) -> None:
    await api.member("zoe", Role.VIEWER, workspace="admins")
    for username in ("system", "orvanta", "nobody"):
        await sent(api.client, "/api/users/create", {"email": "new@example.org", "username": username}, 400)
        await sent(api.client, "workspaces/add_user", {"email": "zoe@example.com", "username": username}, 400)
    await sent(api.client, "/api/users/create", {"email": "system@example.org"}, 201)


async def test_claim_demotes_no_admin_who_became_the_last_one_meanwhile(api: ApiHarness) -> None:
    """The role is read again after the lock is acquired."""
    await api.member("ada", Role.DEVELOPER)
    grants = [ClaimGrant(claim="staff", workspace="main", role=Role.VIEWER)]
    db = api.platform.db

    async def apply() -> None:
        async with db.transaction() as conn:
            account = await accounts.get(conn, "ada@example.com")
            assert account is not None
            await claim_memberships.apply(api.platform, conn, system(), account, grants, {"staff"})

    async with db.acquire() as watching:
        async with db.transaction() as conn:
            await member_rows.lock(conn, "main", "ada")
            await member_rows.set_role(conn, "main", "ada", Role.ADMIN)
            await member_rows.set_role(conn, "main", "admin", Role.DEVELOPER)
            applying = asyncio.create_task(apply())
            while not await watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                assert not applying.done()
                await asyncio.sleep(POLL_S)
        await applying
        found = await workspaces.get_member(watching, "main", "ada")
    assert found is not None and found.role == Role.ADMIN
