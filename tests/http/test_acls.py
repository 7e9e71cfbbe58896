"""Permissions of items: granting, removing, and the reasons why a member may act."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.jobs_running import token_of
from tests.http.route_examples import CODE, HOOK, PASS_ON, SCHEDULE, THING
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.db import acls as rows
from orvanta_platform.services.access import folders

ITEMS: dict[str, tuple[str, dict[str, Any], str]] = {
    "script": ("scripts/create", CODE, "scripts/get/p"),
    "flow": ("flows/create", PASS_ON, "flows/get"),
    "variable": ("variables/create", {"value": "1"}, "variables/get"),
    "resource": ("resources/create", THING, "resources/get"),
    "schedule": ("schedules/create", {**SCHEDULE, "script_path": "f/team/flow"}, "schedules/get"),
    "http_trigger": ("http_triggers/create", {**HOOK, "route_path": "x"}, "http_triggers/get"),
}


async def post(client: httpx.AsyncClient, call: str, status: int = 200, **body: Any) -> Any:
    answer = await client.post(f"{W}/{call}", json=body)
    assert answer.status_code == status, answer.text
    return answer


async def create(api: ApiHarness, kind: str, path: str = "f/team/x") -> None:
    call, body, _ = ITEMS[kind]
    await post(api.client, call, 201, **{**body, "path": path})


@pytest.fixture
async def team(api: ApiHarness) -> ApiHarness:
    await post(api.client, "folders/create", name="team")
    await post(api.client, "flows/create", 201, **PASS_ON, path="f/team/flow")
    await post(api.client, "resources/type/create", 201, name="thing")
    return api


async def test_permission_of_every_kind_is_granted_and_removed(team: ApiHarness) -> None:
    bea = await team.member("bea", Role.DEVELOPER)
    for kind, (_, _, reads) in ITEMS.items():
        await create(team, kind)
        call = f"{W}/{reads}/f/team/x"
        assert (await bea.get(call)).status_code == 404, kind
        await post(team.client, f"acls/add/{kind}/f/team/x", owner="u/bea")
        assert (await bea.get(call)).status_code == 200, kind
        assert (await bea.get(f"{W}/acls/get/{kind}/f/team/x")).json() == {"u/bea": False}
        await post(bea, f"acls/add/{kind}/f/team/x", 403, owner="u/bea", write=True)
        await post(team.client, f"acls/add/{kind}/f/team/x", owner="u/bea", write=True)
        await post(bea, f"acls/add/{kind}/f/team/x", 403, owner="g/all")
        await post(bea, f"acls/remove/{kind}/f/team/x", 403, owner="u/bea")
        await post(team.client, f"acls/remove/{kind}/f/team/x", owner="u/bea")
        assert (await bea.get(call)).status_code == 404, kind
        assert (await bea.get(f"{W}/acls/get/{kind}/f/team/x")).status_code == 404
        await post(team.client, f"acls/remove/{kind}/f/team/x", 404, owner="u/bea")
    listed = await team.get("audit/list", operation="acls")
    assert len(listed) == 3 * len(ITEMS)
    assert listed[0]["resource"] == "f/team/x"
    assert listed[0]["parameters"] == {"kind": "http_trigger", "principal": "u/bea"}


async def test_folder_and_group_permissions(team: ApiHarness) -> None:
    bea = await team.member("bea", Role.DEVELOPER)
    await post(team.client, "acls/add/folder/team", owner="u/bea")
    assert (await bea.get(f"{W}/flows/get/f/team/flow")).status_code == 200
    assert (await bea.get(f"{W}/acls/get/folder/team")).json() == {"u/admin": True, "u/bea": False}
    await post(bea, "acls/add/folder/team", 403, owner="u/bea", write=True)
    await post(team.client, "acls/add/folder/team", 409, owner="u/admin")
    await post(team.client, "acls/remove/folder/team", 409, owner="u/admin")
    await post(team.client, "folders/addowner/team", owner="u/bea")
    await post(bea, "acls/add/flow/f/team/flow", owner="g/all")
    await post(team.client, "groups/create", name="ops")
    await post(team.client, "acls/add/group_/ops", 400, owner="g/all")
    await post(team.client, "acls/add/group_/ops", 400, owner="g/all", write=True)
    await post(team.client, "acls/add/group_/all", 400, owner="u/bea", write=True)
    await post(bea, "acls/add/group_/ops", 403, owner="u/bea", write=True)
    for write in (False, True, False, True):
        await post(team.client, "acls/add/group_/ops", owner="u/bea", write=write)
        assert (await team.get("groups/get/ops"))["managers"] == (["bea"] if write else [])


async def test_only_existing_members_and_groups_get_permissions(team: ApiHarness) -> None:
    for owner in ("u/nobody", "g/none", "x/admin", "admin", ""):
        await post(team.client, "acls/add/flow/f/team/flow", 400, owner=owner)
    await post(team.client, "acls/add/flow/f/team/none", 404, owner="g/all")
    await post(team.client, "acls/add/volume/f/team/flow", 400, owner="g/all")


async def test_grants_of_leaver_and_deleted_group_end(team: ApiHarness) -> None:
    await team.member("bea", Role.DEVELOPER)
    await post(team.client, "groups/create", name="ops")
    for kind in ITEMS:
        await create(team, kind)
        for owner in ("u/bea", "g/ops"):
            await post(team.client, f"acls/add/{kind}/f/team/x", owner=owner)
    assert (await team.client.delete(f"{W}/users/delete/bea")).status_code == 200
    assert (await team.client.delete(f"{W}/groups/delete/ops")).status_code == 200
    for kind in ITEMS:
        assert await team.get(f"acls/get/{kind}/f/team/x") == {}, kind


async def test_grant_during_deletion_of_group_does_not_outlive_it(team: ApiHarness) -> None:
    await post(team.client, "groups/create", name="ops")
    async with team.platform.db.transaction() as conn:
        await folders.require_known(conn, "main", ["g/ops"])
        deleting = asyncio.ensure_future(team.client.delete(f"{W}/groups/delete/ops"))
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        async with team.platform.db.acquire() as other:
            while not deleting.done() and not await other.fetchval(waiting):
                await asyncio.sleep(POLL_S)
        await rows.set_permission(conn, "main", "flow", "f/team/flow", "g/ops", True)
    assert (await deleting).status_code == 200
    assert await team.get("acls/get/flow/f/team/flow") == {}


async def test_jobs_and_limited_tokens_cannot_change_permissions(team: ApiHarness) -> None:
    for limits in ({"scopes": ["flows:write"]}, {"scopes": ["*:*"]}):
        made = await team.client.post("/api/users/tokens/create", json=limits)
        client = client_of(team.app, made.text)
        await post(client, "acls/add/flow/f/team/flow", 403, owner="g/all")
        assert (await client.get(f"{W}/acls/get/flow/f/team/flow")).status_code == 200
    await team.preview()
    [job] = await team.worker.claim_all()
    await post(client_of(team.app, token_of(team, job)), "acls/add/flow/f/team/flow", 403, owner="g/all")


async def explain(client: httpx.AsyncClient, kind: str, path: str, **query: str) -> dict[str, Any]:
    answer = await client.get(f"{W}/acls/access/{kind}/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return {
        row["username"]: {
            action: [row[action]["allowed"]]
            + [" ".join(filter(None, [each["why"], each.get("principal")])) for each in row[action]["reasons"]]
            for action in ("read", "write", "run", "share")
            if action in row
        }
        for row in answer.json()
    }


async def test_access_names_reasons(team: ApiHarness) -> None:
    bea = await team.member("bea", Role.DEVELOPER)
    cem = await team.member("cem", Role.VIEWER)
    await team.member("dan", Role.OPERATOR)
    await post(team.client, "groups/create", name="ops")
    await post(team.client, "groups/adduser/ops", username="cem")
    await post(team.client, "acls/add/folder/team", owner="g/ops", write=True)
    await post(team.client, "acls/add/flow/f/team/flow", owner="u/bea")
    found = await explain(team.client, "flow", "f/team/flow")
    admin = ["superadmin", "folder_owner u/admin"]
    assert found == {
        "admin": {action: [True, *admin] for action in ("read", "write", "run", "share")},
        "bea": {"read": [True, "item u/bea"], "write": [False], "run": [True, "item u/bea"], "share": [False]},
        "cem": {
            "read": [True, "folder g/ops"],
            "write": [False, "folder g/ops"],
            "run": [False, "folder g/ops"],
            "share": [False],
        },
        "dan": {"read": [False], "write": [False], "run": [False], "share": [False]},
    }
    answer = await team.get("acls/access/flow/f/team/flow", username="cem")
    assert answer[0]["write"]["requires_roles"] == ["admin", "developer"]
    assert set(await explain(cem, "flow", "f/team/flow")) == set(found), "reads the folder"
    assert set(await explain(bea, "flow", "f/team/flow", username="bea")) == {"bea"}
    for query in ({}, {"username": "cem"}):
        assert (await bea.get(f"{W}/acls/access/flow/f/team/flow", params=query)).status_code == 403
    assert (await bea.get(f"{W}/acls/access/folder/team")).status_code == 404
    assert (await explain(team.client, "folder", "team"))["cem"]["read"] == [True, "folder g/ops"]
    await post(team.client, "users/update/bea", disabled=True)
    assert (await explain(team.client, "flow", "f/team/flow", username="bea"))["bea"]["read"] == [False]
    assert (await team.client.get(f"{W}/acls/access/flow/f/team/flow?username=none")).status_code == 404


async def test_explanation_agrees_with_answers_of_server(team: ApiHarness) -> None:
    """The named conditions are met exactly when the server permits the member's call."""
    clients = {role: await team.member(f"{role}_", role) for role in Role}
    await post(team.client, "groups/create", name="ops")
    await post(team.client, "groups/adduser/ops", username="operator_")
    grants: tuple[dict[str, bool], ...] = (
        {},
        {"g/ops": True},
        {"u/viewer_": False, "u/developer_": True},
        {"g/all": False},
    )
    own = "u/developer_/flow"
    await post(clients[Role.DEVELOPER], "flows/create", 201, **PASS_ON, path=own)
    cases = [("f/team/flow", perms) for perms in grants] + [(own, {}), (own, {"g/ops": True})]
    for path, perms in cases:
        for principal, write in perms.items():
            await post(team.client, f"acls/add/flow/{path}", owner=principal, write=write)
        for role, client in clients.items():
            found = (await team.get(f"acls/access/flow/{path}", username=f"{role}_"))[0]
            reads = (await client.get(f"{W}/flows/get/{path}")).status_code == 200
            archived = await client.post(f"{W}/flows/archive/{path}", json={"archived": False})
            runs = (await client.post(f"{W}/jobs/run/f/{path}", json={})).status_code == 201
            expected = {"read": reads, "write": archived.status_code == 200, "run": runs}
            assert {action: found[action]["allowed"] for action in expected} == expected, (path, perms, role)
            for action in expected:
                meets = bool(found[action]["reasons"]) and "requires_roles" not in found[action]
                assert meets is found[action]["allowed"], (path, perms, role, action)
        for principal in perms:
            await post(team.client, f"acls/remove/flow/{path}", owner=principal)
