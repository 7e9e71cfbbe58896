"""Members and settings of a workspace in change sets and archives: on request, by admins, with the checks of their
services.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from typing import Any

import asyncpg
import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.test_archive_import import apply, read, zip_of
from tests.http.test_changes import HOOK, SCHEDULE

from orvanta_platform.control import invitation_limits
from orvanta_platform.control.actor import Actor, Role, system
from orvanta_platform.db.pool import JoinedDatabase
from orvanta_platform.services.access import members, users
from orvanta_platform.services.access.members import MemberChange
from orvanta_platform.services.access.users import NewAccount
from orvanta_platform.services.git.state import group_by_item

ADMIN = "admin@localhost"
PARTS = "include_users=true&include_settings=true"
FLOW = "summary: Report\nvalue: {modules: []}\n"
SETTINGS = {
    "secrets_readable": True,
    "search_run_data": False,
    "retention_days": 30,
    "token_max_age_days": 90,
    "error_handler": "flow/f/team/report",
}


def user(email: str, role: str, **more: Any) -> dict[str, Any]:
    """Return a change that adds a user."""
    return {"kind": "user", "path": email, "content": {"role": role, **more}}


def settings(**content: Any) -> dict[str, Any]:
    """Return a change of the settings."""
    return {"kind": "settings", "path": "settings", "content": content}


async def add_account(api: ApiHarness, name: str, **more: Any) -> str:
    """Add an account that is not a member; return its address."""
    async with api.platform.db.transaction() as conn:
        await users.add_account(conn, system(), NewAccount(f"{name}@example.com", username=name, **more), None)
    return f"{name}@example.com"


async def present(api: ApiHarness, *keys: tuple[str, str]) -> list[dict[str, Any]]:
    """Return items with their hashes."""
    body = {"items": [{"kind": kind, "path": path} for kind, path in keys]}
    found: list[dict[str, Any]] = (await api.client.post(f"{W}/changes/read", json=body)).json()
    return found


async def content(api: ApiHarness, kind: str, path: str) -> dict[str, Any]:
    """Return the content of an item."""
    (found,) = await present(api, (kind, path))
    whole: dict[str, Any] = found["content"]
    return whole


async def change(api: ApiHarness, key: tuple[str, str], new: dict[str, Any] | None, **more: Any) -> httpx.Response:
    """Change an item in its present version; None removes it."""
    (found,) = await present(api, key)
    body = {"items": [{"kind": key[0], "path": key[1], "base": found["hash"], "content": new}], **more}
    made = (await api.client.post(f"{W}/changes/plan", json=body)).json()
    answer: httpx.Response = await api.client.post(f"{W}/changes/apply", json={**body, "plan_hash": made["plan_hash"]})
    return answer


async def refusal(answer: httpx.Response) -> str:
    """Return the code of the error of the only item that a change set was refused for."""
    (details,) = answer.json()["error"]["details"]
    code: str = details["error"]["code"]
    return code


async def test_members_and_settings_are_listed_on_request_by_admins(api: ApiHarness) -> None:
    developer = await api.member("dora", Role.DEVELOPER)
    listed = {(each["kind"], each["path"]) for each in await api.get("changes/items")}
    every = {
        (each["kind"], each["path"])
        for each in await api.get("changes/items", include_users="true", include_settings="true")
    }
    assert every - listed == {("user", ADMIN), ("user", "dora@example.com"), ("settings", "settings")}
    assert {kind for kind, _ in listed}.isdisjoint({"user", "settings"})
    assert await content(api, "user", "dora@example.com") == {
        "username": "dora",
        "role": "developer",
        "disabled": False,
    }
    for query in PARTS.split("&"):
        assert (await developer.get(f"{W}/changes/items?{query}")).status_code == 403
        assert (await developer.get(f"{W}/workspaces/tarball?{query}")).status_code == 403
        assert (await developer.post(f"{W}/changes/archive?{query}", content=zip_of({}))).status_code == 403
    body = {"items": [{"kind": "user", "path": ADMIN}, {"kind": "settings", "path": "settings"}]}
    assert (await developer.post(f"{W}/changes/read", json=body)).json() == []


async def test_members_and_settings_come_back_through_an_archive(api: ApiHarness) -> None:
    await api.member("dora", Role.OPERATOR)
    items = [
        {"kind": "folder", "path": "team", "content": {}},
        {"kind": "flow", "path": "f/team/report", "content": {"text": FLOW}},
        settings(**SETTINGS),
    ]
    assert (await apply(api.client, W, items)).status_code == 200
    await api.client.post(f"{W}/workspaces/edit_webhook", json={"webhook": "https://example.com/hook?token=hidden"})
    export = f"workspaces/tarball?archive_type=zip&{PARTS}"
    archive = (await api.client.get(f"{W}/{export}")).content
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        texts = {name: opened.read(name).decode() for name in opened.namelist()}
    assert json.loads(texts["settings.json"]) == SETTINGS
    operator = {"username": "dora", "role": "operator", "disabled": False, "email": "dora@example.com"}
    assert json.loads(texts["users/dora@example.com.user.json"]) == operator
    assert "hidden" not in "".join(texts.values()), "the webhook is a secret"
    created = await api.client.post("/api/workspaces/create", json={"id": "copy", "name": "Copy"})
    assert created.status_code == 201
    found = await read(api, archive, "/api/w/copy", f"?{PARTS}")
    assert (found["failed"], found["left_out"]) == ([], [])
    done = await apply(api.client, "/api/w/copy", found["items"])
    assert done.status_code == 200, done.text
    assert (await api.client.get(f"/api/w/copy/{export}")).content == archive
    again = await api.client.post("/api/w/copy/changes/plan", json={"items": found["items"]})
    assert again.json()["nothing_to_do"]


async def test_user_without_an_account_is_left_out_and_the_rest_is_applied(api: ApiHarness) -> None:
    known = await add_account(api, "known")
    items = [user("nobody@example.com", "admin"), user(known, "viewer", username="kay", disabled=True)]
    items.append({"kind": "folder", "path": "team", "content": {}})
    checked = await apply(api.client, W, items, check_only=True)
    done = await apply(api.client, W, items)
    for answer in (checked, done):
        states = {each["path"]: (each["action"], each.get("reason", "")) for each in answer.json()["entries"]}
        action, reason = states.pop("nobody@example.com")
        assert action == "unchanged" and reason.startswith("There is no account nobody@example.com. Invite")
        assert states == {known: ("add", ""), "team": ("add", "")}
    assert await content(api, "user", known) == {"username": "kay", "role": "viewer", "disabled": True}
    accounts = {each["email"] for each in (await api.client.get("/api/users/list_as_super_admin")).json()}
    assert accounts == {ADMIN, known}, "no account is created"
    rows = {(row["operation"], row["resource"]) for row in await api.get("audit/list", per_page=100)}
    assert {("workspaces.add_user", "kay"), ("users.update", "kay")} <= rows


async def test_role_of_a_member_is_changed_and_the_last_admin_remains(api: ApiHarness) -> None:
    await api.member("dora", Role.DEVELOPER)
    key, admin = ("user", "dora@example.com"), ("user", ADMIN)
    assert await refusal(await change(api, admin, {"role": "viewer"})) == "last_admin"
    assert await refusal(await change(api, admin, None, prune=[""])) == "last_admin"
    assert await refusal(await change(api, key, {"username": "other"})) == "bad_request"
    swap = [user(ADMIN, "developer"), user("dora@example.com", "admin", super_admin=True)]
    swapped = await change_all(api, swap)
    assert swapped.status_code == 200, swapped.text
    assert (await content(api, *key))["role"] == "admin", "admins are stored first"
    account = (await api.client.get("/api/users/list_as_super_admin")).json()
    assert [each["email"] for each in account if each["super_admin"]] == [ADMIN]
    removed = await change(api, admin, None, prune=[""])
    assert removed.status_code == 200 and await present(api, admin) == []


async def change_all(api: ApiHarness, items: list[dict[str, Any]]) -> httpx.Response:
    """Change items, whatever their versions are."""
    body = {"items": items, "force": True}
    made = (await api.client.post(f"{W}/changes/plan", json=body)).json()
    return await api.client.post(f"{W}/changes/apply", json={**body, "plan_hash": made["plan_hash"]})


async def test_others_than_admins_change_neither_members_nor_settings(api: ApiHarness) -> None:
    developer = await api.member("dora", Role.DEVELOPER)
    added = user(await add_account(api, "new"), "viewer")
    for item in (user("dora@example.com", "admin"), added):
        assert await refusal(await apply(developer, W, [item])) == "forbidden"
    assert await refusal(await apply(developer, W, [settings(secrets_readable=True)])) == "forbidden"
    limited = await api.member("lena", Role.ADMIN, scopes=["users:write", "workspaces:write", "flows:write"])
    assert await refusal(await apply(limited, W, [added])) == "forbidden"


async def test_initial_settings_are_replaced_and_others_are_in_conflict(api: ApiHarness) -> None:
    assert (await apply(api.client, W, [settings(retention_days=30)])).status_code == 200
    again = await api.client.post(f"{W}/changes/plan", json={"items": [settings(retention_days=30)]})
    assert again.json()["nothing_to_do"]
    other = await apply(api.client, W, [settings(retention_days=60)])
    assert other.json()["error"]["code"] == "changes_conflict"
    rows = await api.get("audit/list", per_page=100)
    assert [row["operation"] for row in rows if row["operation"].startswith("workspaces.edit")] == [
        "workspaces.edit_retention"
    ]
    key = ("settings", "settings")
    assert (await change(api, key, {"retention_days": None, "search_run_data": True})).status_code == 200
    assert await content(api, *key) == {"secrets_readable": False, "search_run_data": True}
    assert (await change(api, key, {"error_handler": "flow/f/team/later"})).status_code == 200
    assert await refusal(await change(api, key, None, prune=[""])) == "bad_request"
    wrong = [settings(retention_days="soon"), {**settings(), "path": "more"}, user("Dora@example.com", "viewer")]
    made = await api.client.post(f"{W}/changes/plan", json={"items": wrong})
    assert [each["action"] for each in made.json()["entries"]] == ["conflict"] * 3


async def test_addresses_that_change_sets_try_are_counted(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """An admin of a workspace cannot find out which of many addresses have an account."""
    monkeypatch.setattr(invitation_limits, "FREE_OF_INVITER", 2)
    admin = await api.member("ada", Role.ADMIN)
    items = [user(f"guess{n}@example.com", "viewer") for n in range(4)]
    refused = await apply(admin, W, items, check_only=True)
    assert refused.status_code == 429 and "guess" not in refused.text
    assert (await apply(api.client, W, items)).status_code == 200, "superadmins list the accounts"


@pytest.mark.parametrize("leaves", [{"role": "admin", "disabled": True}, None])
async def test_triggers_of_members_who_leave_are_found_by_the_plan(
    api: ApiHarness, leaves: dict[str, Any] | None
) -> None:
    """Unless they are disabled, or the change set changes them, so that they act for the caller."""
    ada = await api.member("ada", Role.ADMIN)
    daily: dict[str, Any] = {"kind": "schedule", "path": "f/team/daily", "content": {**SCHEDULE, "enabled": True}}
    hook: dict[str, Any] = {"kind": "http_trigger", "path": "f/team/hook", "content": HOOK}
    triggers = [daily, hook]
    items = [
        {"kind": "folder", "path": "team", "content": {}},
        {"kind": "flow", "path": "f/team/main", "content": {"text": FLOW}},
        *triggers,
    ]
    assert (await apply(ada, W, items)).status_code == 200
    gone = {"kind": "user", "path": "ada@example.com", "content": leaves}
    more: dict[str, Any] = {"force": True, "prune": [""]}
    for client, wanted in ((api.client, triggers), (ada, [{**each, "path": f"{each['path']}2"} for each in triggers])):
        if client is ada:
            wanted[1]["content"] = {**HOOK, "route_path": "team/other"}
        body = {"items": [gone, *wanted], **more}
        made = (await client.post(f"{W}/changes/plan", json=body)).json()
        entries = {each["kind"]: each for each in made["entries"]}
        for kind in ("schedule", "http_trigger"):
            assert entries[kind]["action"] == "conflict", entries
            assert "act for u/ada, whom the change set disables or removes" in entries[kind]["reason"]
        refused = await client.post(f"{W}/changes/apply", json={**body, "plan_hash": made["plan_hash"]})
        assert refused.json()["error"]["code"] == "changes_conflict", refused.text
    changed = {"summary": "Changed"}
    wanted = [{**each, "content": {**each["content"], **changed}} for each in triggers]
    body = {"items": [gone, *wanted], **more}
    made = (await api.client.post(f"{W}/changes/plan", json=body)).json()
    done = await api.client.post(f"{W}/changes/apply", json={**body, "plan_hash": made["plan_hash"]})
    assert done.status_code == 200, done.text
    for kind, state in (("schedule", {"enabled": True}), ("http_trigger", {"mode": "enabled"})):
        stored = await api.get(f"{kind}s/get/f/team/{'daily' if kind == 'schedule' else 'hook'}")
        assert {**stored, **state} == stored and stored["permissioned_as"] == "u/admin", stored


async def test_suspended_trigger_of_a_member_who_leaves_is_found_by_the_plan(api: ApiHarness) -> None:
    """The departure of its member disables it, although its file says that it is suspended."""
    ada = await api.member("ada", Role.ADMIN)
    hook: dict[str, Any] = {"kind": "http_trigger", "path": "f/team/hook", "content": {**HOOK, "mode": "suspended"}}
    items = [
        {"kind": "folder", "path": "team", "content": {}},
        {"kind": "flow", "path": "f/team/main", "content": {"text": FLOW}},
        hook,
    ]
    assert (await apply(ada, W, items)).status_code == 200
    gone = user("ada@example.com", "admin", disabled=True)
    made = (await api.client.post(f"{W}/changes/plan", json={"items": [gone, hook], "force": True})).json()
    assert [each["action"] for each in made["entries"]] == ["change", "conflict"]


@pytest.mark.parametrize("left", [{"role": "admin", "disabled": True}, {"role": "developer"}, {"role": "admin"}, None])
async def test_triggers_of_service_accounts_whose_owner_leaves_are_found_by_the_plan(
    api: ApiHarness, left: dict[str, Any] | None
) -> None:
    ada = await api.member("ada", Role.ADMIN)
    assert (await ada.post(f"{W}/service_accounts/create", json={"username": "robot", "role": "developer"})).is_success
    more = {"scopes": ["*:*"], "expiration": "2099-01-01T00:00:00Z"}
    token = await ada.post(f"{W}/service_accounts/tokens/create/robot", json=more)
    robot = client_of(api.app, token.json()["token"] if token.text.startswith("{") else token.text)
    daily: dict[str, Any] = {"kind": "schedule", "path": "f/team/daily", "content": {**SCHEDULE, "enabled": True}}
    team = {"kind": "folder", "path": "team", "content": {"owners": ["u/robot"]}}
    flow = {"kind": "flow", "path": "f/team/main", "content": {"text": FLOW}}
    assert (await apply(ada, W, [team, flow])).status_code == 200
    assert (await apply(robot, W, [daily])).status_code == 200
    assert (await api.get("schedules/get/f/team/daily"))["permissioned_as"] == "u/robot"
    body = {"items": [{"kind": "user", "path": "ada@example.com", "content": left}, daily], "force": True}
    made = (await api.client.post(f"{W}/changes/plan", json={**body, "prune": [""]})).json()
    actions = {each["kind"]: each["action"] for each in made["entries"]}
    assert actions["schedule"] == ("unchanged" if left == {"role": "admin"} else "conflict"), made


async def test_dry_runs_count_each_address_once(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of members that nothing prevents to add, which the push after a dry run adds."""
    monkeypatch.setattr(invitation_limits, "FREE_OF_INVITER", 3)
    admin = await api.member("ada", Role.ADMIN)
    items = [user(await add_account(api, f"planned{n}"), "viewer") for n in range(3)]
    for _ in range(3):
        checked = await apply(admin, W, items, check_only=True)
        assert checked.status_code == 200, checked.text
        assert [each["action"] for each in checked.json()["entries"]] == ["add"] * 3
    guess = user("guess@example.com", "viewer")
    assert (await apply(admin, W, [*items, guess], check_only=True)).status_code == 429
    assert (await apply(admin, W, items)).status_code == 200
    for n in range(3):  # those that were added do not count
        checked = await apply(admin, W, [user(f"guess{n}@example.com", "viewer")], check_only=True)
        assert checked.status_code == 200, checked.text
    assert (await apply(admin, W, [guess], check_only=True)).status_code == 429


async def test_address_added_to_several_workspaces_is_forgiven_once(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change set finds that the address was tried; the guesses still count."""
    monkeypatch.setattr(invitation_limits, "FREE_OF_INVITER", 3)
    admin = await api.member("ada", Role.ADMIN)
    email = await add_account(api, "shared")
    guesses = [user(f"guess{n}@example.com", "viewer") for n in range(2)]
    assert (await apply(admin, W, [user(email, "viewer"), *guesses], check_only=True)).status_code == 200
    names = ["main", "second", "third"]
    for name in names[1:]:
        assert (await api.client.post("/api/workspaces/create", json={"id": name, "name": name})).is_success
    actors = [
        Actor(email="ada@example.com", username="ada", workspace=name, role=Role.ADMIN, groups=frozenset({"all"}))
        for name in names
    ]
    for actor in actors:
        await members.count_additions(api.platform, actor, str(actor.workspace), [email])
    for actor in actors:
        await members.add(
            api.platform,
            actor,
            str(actor.workspace),
            email=email,
            username=None,
            role=Role.VIEWER,
            is_counted=True,
        )
    others = [user(f"other{n}@example.com", "viewer") for n in range(3)]
    assert (await apply(admin, W, others, check_only=True)).status_code == 429


async def test_last_admin_remains_if_another_one_was_demoted_after_the_snapshot(api: ApiHarness) -> None:
    await api.member("ada", Role.ADMIN)
    actor = system("main")

    async def demote(platform: Any, username: str) -> None:
        await members.update(platform, actor, "main", username, MemberChange(role=Role.VIEWER))

    async with api.platform.db.transaction(snapshot=True) as conn:
        await conn.fetchval("SELECT 1")
        await demote(api.platform, "ada")
        joined = dataclasses.replace(api.platform, db=JoinedDatabase(api.platform.db, conn))
        with pytest.raises(asyncpg.SerializationError):
            await demote(joined, "admin")


def test_repositories_have_neither_members_nor_settings() -> None:
    files = {f"users/{ADMIN}.user.yaml": b"role: admin\n", "settings.yaml": b"retention_days: 1\n"}
    assert group_by_item(files) == {}
