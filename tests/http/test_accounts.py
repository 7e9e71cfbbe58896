"""Accounts managed by superadmins, and the password and sessions of their owners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.db import accounts, tokens
from orvanta_platform.services.access import setup

PASSWORD = "correct horse"
NEXT = "battery staple"
EMAIL = "ada@example.org"
U = "/api/users"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await setup.create_user(made.platform.db, EMAIL, PASSWORD)
        yield made


async def login(api: ApiHarness, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    return await client_of(api.app, "").post("/api/auth/login", json={"email": email, "password": password})


async def session(api: ApiHarness, email: str = EMAIL, password: str = PASSWORD) -> httpx.AsyncClient:
    answer = await login(api, email, password)
    assert answer.status_code == 200, answer.text
    return client_of(api.app, answer.text)


async def changed(api: ApiHarness, call: str, body: Any = None, status: int = 200, method: str = "POST") -> str:
    answer = await api.client.request(method, f"{U}/{call}", json=body)
    assert answer.status_code == status, answer.text
    return answer.text


async def operations(api: ApiHarness) -> list[tuple[str, str | None, str | None]]:
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT operation, resource, workspace FROM audit ORDER BY id")
    return [(row["operation"], row["resource"], row["workspace"]) for row in rows]


async def use_link(api: ApiHarness, link: str, password: str) -> httpx.Response:
    body = {"token": link.partition("#")[2], "password": password}
    return await client_of(api.app, "").post("/api/auth/first_password", json=body)


async def test_link_of_new_account_sets_password_once(api: ApiHarness) -> None:
    link = await changed(api, "create", {"email": "New@example.org", "link": True}, 201)
    assert "/first_password#ovf_" in link
    assert (await login(api, "new@example.org", NEXT)).status_code == 401
    assert (await use_link(api, link, "short")).status_code == 400
    assert (await use_link(api, link, NEXT)).status_code == 200
    assert (await use_link(api, link, PASSWORD)).status_code == 401
    await session(api, "new@example.org", NEXT)
    both = {"email": "x@example.org", "link": True, "password": PASSWORD}
    await changed(api, "create", both, 400)
    assert ("users.create", "new@example.org", None) in await operations(api)
    query = {"operation": "users.set_first_password", "action_kind": "Updated"}
    (row,) = (await api.client.get("/api/audit/list", params=query)).json()
    assert row["resource"] == "new@example.org"


async def test_reset_ends_password_sessions_and_older_links(api: ApiHarness) -> None:
    ada = await session(api)
    first = await changed(api, f"reset_password/{EMAIL}")
    assert (await ada.get(f"{U}/whoami")).status_code == 401
    assert (await login(api)).status_code == 401
    second = await changed(api, f"reset_password/{EMAIL}")
    assert (await use_link(api, first, NEXT)).status_code == 401
    assert (await use_link(api, second, NEXT)).status_code == 200
    await session(api, password=NEXT)
    await changed(api, "reset_password/admin@localhost", status=400)
    await changed(api, "reset_password/nobody@example.org", status=404)
    assert ("users.reset_password", EMAIL, None) in await operations(api)


async def test_disabled_account_loses_sessions_and_tokens_for_good(api: ApiHarness) -> None:
    ada = await session(api)
    token = (await ada.post(f"{U}/tokens/create", json={"label": "ci"})).text
    link = await changed(api, "create", {"email": "new@example.org", "link": True}, 201)
    for email in (EMAIL, "new@example.org"):
        await changed(api, f"disable/{email}")
    assert (await login(api)).status_code == 401
    assert (await use_link(api, link, NEXT)).status_code == 401
    await changed(api, f"reset_password/{EMAIL}", status=409)
    await changed(api, f"update/{EMAIL}", {"is_super_admin": True}, 409)
    await changed(api, f"enable/{EMAIL}")
    for client in (ada, client_of(api.app, token)):
        assert (await client.get(f"{U}/whoami")).status_code == 401
    assert (await (await session(api)).get(f"{U}/tokens/list")).json() == []
    rows = (await api.client.get(f"{U}/list_as_super_admin")).json()
    assert {each["email"]: each["disabled"] for each in rows} == {
        "admin@localhost": False,
        EMAIL: False,
        "new@example.org": True,
    }


async def test_token_created_while_disabling_is_not_valid_later(api: ApiHarness) -> None:
    await changed(api, f"disable/{EMAIL}")
    async with api.platform.db.acquire() as conn:
        await conn.execute(
            "INSERT INTO token (hash, prefix, kind, email) VALUES (sha256('late'), 'late', 'user', $1)", EMAIL
        )
    await changed(api, f"enable/{EMAIL}")
    assert (await client_of(api.app, "late").get(f"{U}/whoami")).status_code == 401


@pytest.mark.parametrize("change", ["reset", "disabled"])
async def test_login_that_overlaps_reset_or_disabling_starts_no_session(api: ApiHarness, change: str) -> None:
    """Otherwise, an attacker who knows the old password could keep a session by logging in continuously."""
    async with api.platform.db.transaction() as conn:
        await conn.execute("SELECT FROM account WHERE email = $1 FOR UPDATE", EMAIL)
        await conn.execute("SELECT pg_current_xact_id()")
        overlapping = asyncio.ensure_future(login(api))
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid)"
        while not overlapping.done() and not await conn.fetchval(waits):
            await asyncio.sleep(POLL_S)
        if change == "reset":
            await accounts.clear_password(conn, EMAIL)
            await tokens.delete_sessions(conn, EMAIL)
        else:
            await accounts.set_disabled(conn, EMAIL, True)
            await tokens.delete_of_account(conn, EMAIL)
    assert (await overlapping).status_code == 401
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM token WHERE email = $1", EMAIL) == 0


async def test_deleted_account_leaves_tombstone(api: ApiHarness) -> None:
    ada = await session(api)
    await changed(api, f"delete/{EMAIL}", method="DELETE")
    assert (await ada.get(f"{U}/whoami")).status_code == 401
    assert (await login(api)).status_code == 401
    for call in ("enable", "disable", "reset_password", "update"):
        await changed(api, f"{call}/{EMAIL}", {}, 404)
    await changed(api, f"delete/{EMAIL}", status=404, method="DELETE")
    for body in ({"email": EMAIL}, {"email": "other@example.org", "username": "ada"}):
        await changed(api, "create", body, 409)
    listed = (await api.client.get(f"{U}/list_as_super_admin")).json()
    assert EMAIL not in [each["email"] for each in listed]
    whole = (await api.client.get(f"{U}/list_as_super_admin", params={"deleted": "true"})).json()
    assert [each["deleted"] for each in whole if each["email"] == EMAIL] == [True]


async def test_address_that_no_path_can_name_is_refused(api: ApiHarness) -> None:
    """The paths of calls contain the address, so the account could not be disabled."""
    for email in ("a/b@example.org", "a\\b@example.org", "a\x7fb@example.org"):
        await changed(api, "create", {"email": email}, 400)
    await changed(api, "create", {"email": "a+b%2F?#@example.org"}, 201)
    await changed(api, "disable/a+b%252F%3F%23@example.org")


async def test_last_superadmin_remains(api: ApiHarness) -> None:
    await changed(api, "update/admin@localhost", {"is_super_admin": False}, 409)
    for call, method in (("disable", "POST"), ("delete", "DELETE")):
        await changed(api, f"{call}/admin@localhost", status=400, method=method)
    await changed(api, f"update/{EMAIL}", {"is_super_admin": True, "name": "Ada"})
    ada = await session(api)
    async with api.platform.db.transaction() as conn:
        await accounts.lock_roles(conn)
        waiting = asyncio.ensure_future(ada.post(f"{U}/update/admin@localhost", json={"is_super_admin": False}))
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
        while not waiting.done() and not await conn.fetchval(waits):
            await asyncio.sleep(POLL_S)
        await conn.execute("UPDATE account SET super_admin = false WHERE email = $1", EMAIL)
    assert (await waiting).status_code == 409, "two superadmins cannot remove each other"


@pytest.mark.parametrize("limits", [{"scopes": ["users:write", "users:read"]}, {"workspace_id": "main"}])
async def test_limited_token_of_superadmin_cannot_raise_itself(api: ApiHarness, limits: dict[str, Any]) -> None:
    made = await api.client.post(f"{U}/tokens/create", json=limits)
    client = client_of(api.app, made.text)
    calls: list[tuple[str, str, Any]] = [
        ("POST", "create", {"email": "x@example.org", "super_admin": True, "password": PASSWORD}),
        ("POST", "create", {"email": "x@example.org", "devops": True, "link": True}),
        ("POST", f"update/{EMAIL}", {"is_super_admin": True}),
        ("POST", f"disable/{EMAIL}", None),
        ("POST", f"enable/{EMAIL}", None),
        ("POST", f"reset_password/{EMAIL}", None),
        ("DELETE", f"delete/{EMAIL}", None),
        ("POST", "setpassword", {"current_password": PASSWORD, "password": NEXT}),
        ("GET", "sessions/list", None),
        ("DELETE", "sessions/delete/ovs_1", None),
    ]
    for method, call, body in calls:
        answer = await client.request(method, f"{U}/{call}", json=body)
        assert answer.status_code == 403, (call, answer.text)


@pytest.mark.parametrize("devops", [True, False])
async def test_only_superadmins_manage_accounts(api: ApiHarness, devops: bool) -> None:
    client = await api.member("bea", Role.ADMIN)
    await changed(api, "update/bea@example.com", {"is_devops": devops})
    for method, call in (
        ("POST", f"update/{EMAIL}"),
        ("POST", "update/nobody@example.org"),
        ("POST", "update/bea@example.com"),
        ("POST", f"disable/{EMAIL}"),
        ("POST", f"enable/{EMAIL}"),
        ("POST", f"reset_password/{EMAIL}"),
        ("DELETE", f"delete/{EMAIL}"),
    ):
        answer = await client.request(method, f"{U}/{call}", json={"is_super_admin": True})
        assert answer.status_code == 403, (call, answer.text)
    assert not (await client.get(f"{U}/whoami")).json()["super_admin"]


async def test_own_password_needs_current_one_and_ends_other_sessions(api: ApiHarness) -> None:
    mine, other = await session(api), await session(api)
    token = (await mine.post(f"{U}/tokens/create", json={})).text
    for body, status in (
        ({"current_password": "wrong one", "password": NEXT}, 400),
        ({"current_password": PASSWORD, "password": "short"}, 400),
        ({"current_password": PASSWORD, "password": NEXT}, 200),
    ):
        answer = await mine.post(f"{U}/setpassword", json=body)
        assert answer.status_code == status, answer.text
    assert (await other.get(f"{U}/whoami")).status_code == 401
    assert (await mine.get(f"{U}/whoami")).status_code == 200
    assert (await client_of(api.app, token).get(f"{U}/whoami")).status_code == 200
    assert (await login(api)).status_code == 401
    await session(api, password=NEXT)
    found = [operation for operation, _, _ in await operations(api)]
    assert {"users.change_password", "users.change_password_failed"} <= set(found)


async def test_stolen_session_cannot_guess_password(api: ApiHarness) -> None:
    ada = await session(api)
    guess = {"current_password": "wrong one", "password": NEXT}
    assert (await ada.post(f"{U}/setpassword", json=guess)).status_code == 400
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE login_failure SET count = count + 20, last_at = app_now() WHERE key LIKE 'pair:%'")
    right = {"current_password": PASSWORD, "password": NEXT}
    assert (await ada.post(f"{U}/setpassword", json=right)).status_code == 429


async def test_account_without_password_has_none_to_change(api: ApiHarness) -> None:
    bea = await api.member("bea")
    answer = await bea.post(f"{U}/setpassword", json={"current_password": "", "password": NEXT})
    assert answer.status_code == 409


async def test_sessions_are_listed_and_revoked_by_their_owner(api: ApiHarness) -> None:
    mine, other = await session(api), await session(api)
    await other.get(f"{U}/whoami")
    rows = (await mine.get(f"{U}/sessions/list")).json()
    assert [each["current"] for each in rows].count(True) == 1 and len(rows) == 2
    assert all(each["last_address"] == "127.0.0.1" for each in rows)
    theirs = next(each["token_prefix"] for each in rows if not each["current"])
    assert (await api.client.delete(f"{U}/sessions/delete/{theirs}")).status_code == 404
    assert (await mine.delete(f"{U}/sessions/delete/{theirs}")).status_code == 200
    assert (await other.get(f"{U}/whoami")).status_code == 401
    assert (await mine.get(f"{W}/users/whoami")).status_code == 404
    assert ("users.session.revoke", theirs, None) in await operations(api)
