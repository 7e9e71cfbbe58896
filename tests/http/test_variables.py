"""Variables over the API: schemas and codes, hidden secrets, permissions."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, client_of
from tests.http.jobs_running import job_client, started

from orvanta_platform.control.actor import Role

V = f"{W}/variables"
HUSH = "hush-hush-hush"


async def make(client: httpx.AsyncClient, path: str, value: str = HUSH, *, secret: bool = True, **more: Any) -> None:
    body = {"path": path, "value": value, "is_secret": secret, "description": "", **more}
    answer = await client.post(f"{V}/create", json=body)
    assert answer.status_code == 201, answer.text


async def code(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> tuple[int, str | None]:
    """Return the status and, for an error, its code."""
    answer = await client.request(method, f"{V}/{path}", json=body)
    error = answer.json()["error"]["code"] if answer.status_code >= 400 else None
    return answer.status_code, error


async def audit(api: ApiHarness, operation: str) -> list[Any]:
    async with api.platform.db.acquire() as conn:
        return [
            dict(row) for row in await conn.fetch("SELECT * FROM audit WHERE operation = $1 ORDER BY id", operation)
        ]


async def test_plain_variable_is_stored_and_shown(api: ApiHarness) -> None:
    extra = {"labels": ["a"], "description": "what it is for", "expires_at": "2090-01-01T00:00:00Z", "account": 7}
    await make(api.client, "f/sales/url", "https://x", secret=False, **extra)
    shown = await api.get("variables/get/f/sales/url")
    assert shown == {
        "workspace_id": "main",
        "path": "f/sales/url",
        "is_secret": False,
        "extra_perms": {},
        "value": "https://x",
        "is_expired": False,
        "is_linked": False,
        "is_refreshed": False,
        "version": shown["version"],
        **extra,
    }
    answer = await api.client.get(f"{V}/get_value/f/sales/url")
    assert (answer.text, answer.headers["content-type"]) == ('"https://x"', "application/json")
    assert await api.get("variables/list") == [shown]
    assert await api.get("variables/exists/f/sales/url") is True
    assert await api.get("variables/exists/f/sales/other") is False


async def test_error_codes_and_messages(api: ApiHarness) -> None:
    body = {"path": "u/admin/x", "value": "v", "is_secret": False, "description": ""}
    answer = await api.client.post(f"{V}/create", json=body)
    assert answer.status_code == 201 and answer.headers["content-type"].startswith("text/plain")
    assert await code(api.client, "POST", "create", body) == (409, "already_exists")
    assert await code(api.client, "POST", "create", {**body, "path": "nowhere"}) == (400, "bad_request")
    assert await code(api.client, "POST", "create", {"path": "u/admin/y"}) == (400, "bad_request")
    assert await code(api.client, "POST", "create", {**body, "path": "u/admin/nul", "value": "a\0b"}) == (
        400,
        "bad_request",
    )
    long = {**body, "path": "u/admin/long", "value": "x" * ((1 << 20) + 1)}
    assert await code(api.client, "POST", "create", long) == (413, "too_large")
    assert await code(api.client, "POST", "update/u/admin/x", {"value": "w"}) == (200, None)
    assert await api.get("variables/get_value/u/admin/x") == "w"
    assert await code(api.client, "POST", "update/u/admin/none", {"value": "w"}) == (404, "not_found")
    assert await code(api.client, "GET", "get/u/admin/none") == (404, "not_found")
    assert await code(api.client, "GET", "get_value/u/admin/none") == (404, "not_found")
    assert await code(api.client, "DELETE", "delete/u%2Fadmin%2Fx") == (200, None)
    assert await code(api.client, "DELETE", "delete/u/admin/x") == (404, "not_found")


async def test_secret_is_never_shown(api: ApiHarness, database: TestDatabase) -> None:
    await make(api.client, "u/admin/token")
    shown = await api.get("variables/get/u/admin/token")
    assert shown["is_secret"] is True and "value" not in shown
    assert await code(api.client, "GET", "get_value/u/admin/token") == (403, "secret_is_write_only")
    assert await code(api.client, "GET", "get/u/admin/token?decrypt_secret=true") == (403, "secret_is_write_only")
    for call in ("list", "list?value=hush", "get/u/admin/token?include_encrypted=true"):
        assert HUSH not in (await api.client.get(f"{V}/{call}")).text
    owner = await asyncpg.connect(database.owner_url)
    try:
        for table in ("variable", "data_key", "audit", "opening"):
            rows = await owner.fetch(f"SELECT * FROM {table}")  # noqa: S608
            assert HUSH not in str(rows) and HUSH.encode() not in b"".join(
                each for row in rows for each in row.values() if isinstance(each, bytes)
            )
    finally:
        await owner.close()
    created = await audit(api, "variables.create")
    assert [(row["actor"], row["resource"], row["parameters"]) for row in created] == [
        ("admin", "u/admin/token", '{"is_secret": true}')
    ]


async def test_job_opens_secrets_readable_to_its_identity(api: ApiHarness) -> None:
    await make(api.client, "u/admin/token")
    await make(api.client, "f/team/shared", "shared-secret")
    bea = await api.member("bea", role=Role.DEVELOPER)
    await api.client.post(f"{W}/folders/update/team", json={"extra_perms": {"u/bea": False}})
    mine = job_client(api, await started(api))
    assert (await mine.get(f"{V}/get_value/u/admin/token")).json() == HUSH
    assert (await mine.get(f"{V}/get/u/admin/token?decrypt_secret=true")).json()["value"] == HUSH
    assert "value" not in (await mine.get(f"{V}/get/u/admin/token")).json()
    job = await started(api, bea)
    hers = job_client(api, job)
    assert await code(hers, "GET", "get_value/u/admin/token") == (404, "not_found")
    assert (await hers.get(f"{V}/get_value/f/team/shared")).json() == "shared-secret"
    assert (await hers.get(f"{V}/get_value/f/team/shared")).json() == "shared-secret"
    opened = await audit(api, "variables.open")
    assert [(row["actor"], row["resource"]) for row in opened] == [("admin", "u/admin/token"), ("bea", "f/team/shared")]
    assert str(job.id) in opened[1]["parameters"] and HUSH not in str(opened)


async def test_concurrent_reads_are_one_opening(api: ApiHarness) -> None:
    await make(api.client, "u/admin/token")
    await make(api.client, "u/admin/other", "another-secret")
    client = job_client(api, await started(api))
    calls = [client.get(f"{V}/get_value/u/admin/{name}") for name in ("token", "other") for _ in range(20)]
    assert [answer.json() for answer in await asyncio.gather(*calls)] == [HUSH] * 20 + ["another-secret"] * 20
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT max(openings) FROM job_live") == 2
    assert len(await audit(api, "variables.open")) == 2


async def test_ended_job_opens_nothing(api: ApiHarness) -> None:
    await make(api.client, "u/admin/token")
    job = await started(api)
    client = job_client(api, job)
    assert (await client.get(f"{V}/list")).status_code == 200
    await api.worker.finish(job)
    assert await code(client, "GET", "get_value/u/admin/token") == (401, "unauthenticated")
    assert await audit(api, "variables.open") == []


async def test_secrets_readable_lets_developers_read(api: ApiHarness) -> None:
    await make(api.client, "f/team/token")
    await api.client.post(f"{W}/folders/update/team", json={"owners": ["g/all"]})
    clients = {role: await api.member(role.value, role=role) for role in Role if role is not Role.ADMIN}
    setting = f"{W}/workspaces/edit_secrets_readable"
    for client in clients.values():
        assert (await client.post(setting, json={"secrets_readable": True})).status_code == 403
    assert (await api.client.post(setting, json={"secrets_readable": True})).status_code == 200
    assert (await api.get("workspaces/get_settings"))["secrets_readable"] is True
    assert (await clients[Role.DEVELOPER].get(f"{V}/get_value/f/team/token")).json() == HUSH
    for role in (Role.OPERATOR, Role.VIEWER):
        assert await code(clients[role], "GET", "get_value/f/team/token") == (403, "secret_is_write_only")
    assert [row["actor"] for row in await audit(api, "variables.open")] == ["developer"]
    assert [row["parameters"] for row in await audit(api, "workspaces.edit_secrets_readable")] == [
        '{"secrets_readable": true}'
    ]
    await api.client.post(setting, json={"secrets_readable": False})
    assert await code(clients[Role.DEVELOPER], "GET", "get_value/f/team/token") == (403, "secret_is_write_only")


async def test_secret_changes(api: ApiHarness) -> None:
    await make(api.client, "u/admin/token")
    job = job_client(api, await started(api))

    async def value(path: str = "u/admin/token") -> Any:
        return (await job.get(f"{V}/get_value/{path}")).json()

    assert await code(api.client, "POST", "update/u/admin/token", {"description": "d"}) == (200, None)
    assert await value() == HUSH
    assert await code(api.client, "POST", "update/u/admin/token", {"is_secret": False}) == (400, "bad_request")
    assert await code(api.client, "POST", "update/u/admin/token", {"path": "u/admin/moved"}) == (200, None)
    assert await value("u/admin/moved") == HUSH
    assert await code(api.client, "GET", "get/u/admin/token") == (404, "not_found")
    assert await code(api.client, "POST", "update/u/admin/moved", {"value": "rotated-secret"}) == (200, None)
    assert await value("u/admin/moved") == "rotated-secret"
    plain = {"value": "readable", "is_secret": False}
    assert await code(api.client, "POST", "update/u/admin/moved", plain) == (200, None)
    assert await api.get("variables/get_value/u/admin/moved") == "readable"
    assert await code(api.client, "POST", "update/u/admin/moved", {"is_secret": True}) == (200, None)
    assert await code(api.client, "GET", "get_value/u/admin/moved") == (403, "secret_is_write_only")
    assert await value("u/admin/moved") == "readable"
    await make(api.client, "u/admin/taken")
    assert await code(api.client, "POST", "update/u/admin/moved", {"path": "u/admin/taken"}) == (
        409,
        "already_exists",
    )


async def test_encrypted_value_can_be_stored_in_its_workspace(api: ApiHarness) -> None:
    packed = (await api.client.post(f"{V}/encrypt", json=HUSH)).text
    assert HUSH not in packed
    body = {"path": "u/admin/sent", "value": packed, "is_secret": True, "description": ""}
    assert await code(api.client, "POST", "create?already_encrypted=true", body) == (201, None)
    job = job_client(api, await started(api))
    assert (await job.get(f"{V}/get_value/u/admin/sent")).json() == HUSH
    # Values that are not secret are not encrypted, and archives contain none of secrets.
    plain = {**body, "path": "u/admin/plain", "value": "north", "is_secret": False}
    assert await code(api.client, "POST", "create?already_encrypted=true", plain) == (201, None)
    for path, sent in (("plain", {"value": "south"}), ("sent", {"value": ""})):
        assert await code(api.client, "POST", f"update/u/admin/{path}?already_encrypted=true", sent) == (200, None)
    assert (await api.client.get(f"{V}/get_value/u/admin/plain")).json() == "south"
    assert (await job.get(f"{V}/get_value/u/admin/sent")).json() == HUSH
    for wrong in ("hush", packed[:-8], packed[:20] + "AAAA" + packed[24:]):
        refused = {**body, "path": "u/admin/wrong", "value": wrong}
        assert await code(api.client, "POST", "create?already_encrypted=true", refused) == (400, "bad_request")
    elsewhere = await api.client.post("/api/w/admins/variables/create?already_encrypted=true", json=body)
    assert elsewhere.status_code == 400


async def test_moved_or_changed_ciphertext_cannot_be_opened(api: ApiHarness) -> None:
    await make(api.client, "u/admin/one", "first-secret")
    await make(api.client, "u/admin/two", "second-secret")
    job = job_client(api, await started(api))
    async with api.platform.db.acquire() as conn:
        await conn.execute(
            "UPDATE variable AS v SET sealed = o.sealed FROM variable AS o "
            "WHERE o.path = 'u/admin/one' AND v.path = 'u/admin/two'"
        )
    assert await code(job, "GET", "get_value/u/admin/two") == (500, "secret_unreadable")
    assert (await job.get(f"{V}/get_value/u/admin/one")).json() == "first-secret"
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE data_key SET wrapped_by = 'another key'")
    assert await code(job, "GET", "get_value/u/admin/one") == (500, "secret_unreadable")
    assert await audit(api, "variables.open") != []


async def test_expired_variable_is_listed_but_not_readable(api: ApiHarness) -> None:
    await make(api.client, "u/admin/old", secret=False, expires_at="2020-01-01T00:00:00Z")
    assert (await api.get("variables/get/u/admin/old"))["is_expired"] is True
    assert await code(api.client, "GET", "get_value/u/admin/old") == (404, "not_found")


READS = ("get/f/team/token", "get_value/f/team/plain", "list", "list_contextual", "exists/f/team/token")
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "create", {"path": "f/team/new", "value": "v", "is_secret": True, "description": ""}),
    ("POST", "update/f/team/token", {"value": "w"}),
    ("DELETE", "delete/f/team/new", None),
]
HIDDEN: list[tuple[str, str, Any]] = [
    ("GET", "get/f/secret/token", None),
    ("GET", "get_value/f/secret/plain", None),
    ("POST", "create", {"path": "f/secret/new", "value": "v", "is_secret": True, "description": ""}),
    ("POST", "create", {"path": "u/admin/new", "value": "v", "is_secret": True, "description": ""}),
    ("POST", "update/f/secret/token", {"value": "w"}),
    ("POST", "update/f/team/token", {"path": "f/secret/moved"}),
    ("DELETE", "delete/f/secret/token", None),
]


@pytest.mark.parametrize("role", list(Role))
async def test_rights_of_roles(api: ApiHarness, role: Role) -> None:
    for folder, owners in (("team", ["g/all"]), ("secret", [])):
        await api.client.post(f"{W}/folders/create", json={"name": folder, "owners": owners})
        await make(api.client, f"f/{folder}/token")
        await make(api.client, f"f/{folder}/plain", "plain", secret=False)
    client = await api.member("bea", role=role)
    for call in READS:
        assert (await code(client, "GET", call))[0] == 200, call
    for method, call, body in WRITES:
        found, _ = await code(client, method, call, body)
        assert found in ((200, 201) if role in (Role.ADMIN, Role.DEVELOPER) else (403, 404)), call
    if role is Role.ADMIN:
        return
    for method, call, body in HIDDEN:
        found, _ = await code(client, method, call, body)
        assert found == 404 or (found == 403 and "team" in call and role is not Role.DEVELOPER), call
    assert "secret" not in str([each["path"] for each in (await client.get(f"{V}/list")).json()])
    assert (await client.get(f"{V}/exists/f/secret/token")).json() is False


async def test_lists_are_filtered_paged_and_scoped(api: ApiHarness) -> None:
    for name, label in (("a", "x"), ("b", "y"), ("c", "y")):
        await make(
            api.client, f"f/sales/{name}", f"value-{name}", secret=False, labels=[label], description=f"for {name}"
        )
    await make(api.client, "u/admin/z")

    async def paths(client: httpx.AsyncClient | None = None, **query: Any) -> list[str]:
        found = await (client or api.client).get(f"{V}/list", params=query)
        return [each["path"] for each in found.json()]

    assert await paths() == ["f/sales/a", "f/sales/b", "f/sales/c", "u/admin/z"]
    assert await paths(per_page=2, page=2) == ["f/sales/c", "u/admin/z"]
    assert await paths(per_page=2, after="f/sales/a") == ["f/sales/b", "f/sales/c"]
    assert await paths(path_start="u/") == ["u/admin/z"]
    assert await paths(path="f/sales/b") == ["f/sales/b"]
    assert await paths(label="y") == ["f/sales/b", "f/sales/c"]
    assert await paths(description="FOR c") == ["f/sales/c"]
    assert await paths(value="value-a") == ["f/sales/a"]
    assert await paths(value="hush") == []
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["variables:read:f/sales/a*"]})
    scoped = client_of(api.app, made.text)
    assert await paths(scoped) == ["f/sales/a"]
    assert await code(scoped, "GET", "get/f/sales/b") == (403, "forbidden")
    assert (await code(scoped, "POST", "update/f/sales/a", {"value": "x"}))[0] == 403
    other = client_of(api.app, (await api.client.post("/api/users/tokens/create", json={"scopes": ["jobs:run"]})).text)
    assert (await code(other, "GET", "list"))[0] == 403


async def test_run_only_token_opens_no_secret_by_reference(api: ApiHarness) -> None:
    """Input from outside is plain text: it cannot name secrets of the token's owner."""
    await make(api.client, "f/team/token")
    flow = {"path": "f/sales/echo", "summary": "", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201

    async def run(args: Any, *scopes: str) -> int:
        made = await api.client.post("/api/users/tokens/create", json={"scopes": scopes} if scopes else {})
        client = client_of(api.app, made.text)
        return (await client.post(f"{W}/jobs/run/f/f/sales/echo", json=args)).status_code

    inner = {"a": [{"b": "$var:f/team/token"}]}
    assert await run(inner, "jobs:run:f/sales/*") == 403
    assert await run({"a": "$res:f/team/db"}, "jobs:run", "variables:read") == 403
    assert await run(inner, "jobs:run", "variables:read:f/team/*") == 201
    assert await run({"a": "say $var:f/team/token"}, "jobs:run:f/sales/*") == 201
    assert await run(inner) == 201


async def test_variables_are_hidden_from_other_workspaces(api: ApiHarness) -> None:
    await make(api.client, "f/team/token")
    stranger = await api.member("zoe", role=Role.ADMIN, workspace="admins")
    assert await code(stranger, "GET", "get/f/team/token") == (404, "not_found")
    assert await code(stranger, "GET", "list") == (404, "not_found")
    there = await stranger.get("/api/w/admins/variables/list")
    assert there.json() == []
    job = job_client(api, await started(api))
    assert (await job.get("/api/w/admins/variables/get_value/f/team/token")).status_code == 404


async def test_change_based_on_former_version_is_refused(api: ApiHarness) -> None:
    """Two admins open the same form: the second to save sees what the first has stored, and can replace it."""
    await make(api.client, "f/sales/url", "https://x", secret=False)
    base = (await api.get("variables/list"))[0]["version"]
    assert base == (await api.get("variables/get/f/sales/url"))["version"]
    changes = [{"value": each, "description": "", "base_version": base} for each in ("https://a", "https://b")]
    assert await code(api.client, "POST", "update/f/sales/url", changes[0]) == (200, None)
    answer = await api.client.post(f"{V}/update/f/sales/url", json=changes[1])
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "version_conflict")
    stored = await api.get("variables/get/f/sales/url")
    assert stored["value"] == "https://a"
    assert error["details"] == {
        "name": "f/sales/url",
        "base": base,
        "newest": stored["version"],
        "theirs": {"value": "https://a", "description": ""},
    }
    again = {**changes[1], "base_version": stored["version"]}
    assert await code(api.client, "POST", "update/f/sales/url", again) == (200, None)
    assert await code(api.client, "POST", "update/f/sales/url", {"value": "https://c"}) == (200, None), "no base: any"
    await make(api.client, "f/sales/key")
    change = {"description": "x", "base_version": "another"}
    answer = await api.client.post(f"{V}/update/f/sales/key", json=change)
    assert answer.status_code == 409 and HUSH not in answer.text
    assert answer.json()["error"]["details"]["theirs"] == {"value": None, "description": ""}
