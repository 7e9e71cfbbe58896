"""Workspaces, members, folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Administrator, fresh
from tests.http.harness import PYTHON, ApiHarness, W, api_harness
from tests.http.jobs_running import job_client, started

from orvanta_platform.control.actor import Role
from orvanta_platform.db import folders, tokens
from orvanta_platform.http import openapi

MEMBER = {
    *("email", "username", "is_admin", "is_super_admin", "created_at", "operator", "disabled", "folders"),
    *("folders_owners", "role", "groups", "service_account"),
}


async def test_workspaces(api: ApiHarness) -> None:
    body = {"id": "shop", "name": "The shop", "username": "boss", "color": "#fff"}
    made = await api.client.post("/api/workspaces/create", json=body)
    assert made.status_code == 201 and made.headers["content-type"].startswith("text/plain")
    assert (await api.client.post("/api/workspaces/create", json=body)).status_code == 409
    listed = (await api.client.get("/api/workspaces/list")).json()
    assert {"id": "shop", "name": "The shop", "owner": "admin@localhost"} in listed
    mine = (await api.client.get("/api/workspaces/users")).json()
    assert mine["email"] == "admin@localhost"
    entry: dict[str, Any] = {"id": "shop", "name": "The shop", "username": "boss", "color": "#fff"}
    entry |= {"disabled": False, "releases_only": False}
    assert entry in mine["workspaces"]
    for given, expected in (("shop", True), ("nowhere", False)):
        answer = await api.client.post("/api/workspaces/exists", json={"id": given})
        assert answer.status_code == 200 and answer.json() is expected
    for username, expected in (("boss", True), ("nobody", False)):
        query = {"id": "shop", "username": username}
        assert (await api.client.post("/api/workspaces/exists_username", json=query)).json() is expected
    assert (await api.client.get("/api/w/shop/users/whoami")).json()["username"] == "boss"


async def test_settings_that_workspaces_lack_are_refused(api: ApiHarness) -> None:
    body = {"id": "tinted", "name": "t", "color": "#b3261e"}
    assert (await api.client.post("/api/workspaces/create", json=body)).status_code == 201
    shown = (await api.client.get("/api/w/tinted/workspaces/get_settings")).json()
    assert shown["color"] == "#b3261e" and "color" not in await api.get("workspaces/get_settings")
    dev = await api.member("dev", Role.DEVELOPER)
    for call, none, some in (
        ("edit_large_file_storage_config", {"large_file_storage": None}, {"large_file_storage": {"type": "S3Storage"}}),
        ("critical_alerts/mute", {}, {"mute_critical_alerts": True}),
    ):
        url = f"{W}/workspaces/{call}"
        refused = await api.client.post(url, json=some)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "not_yet_supported")
        assert (await dev.post(url, json=some)).status_code == 403
        assert none is None or (await api.client.post(url, json=none)).status_code == 200


@pytest.mark.parametrize("id", ["", "a b", "../x", "a/b", "ü", "x" * 200])
async def test_invalid_names_are_refused(api: ApiHarness, id: str) -> None:
    assert (await api.client.post("/api/workspaces/create", json={"id": id, "name": "x"})).status_code == 400
    folder = await api.client.post(f"{W}/folders/create", json={"name": id})
    assert folder.status_code == (200 if id == "ü" else 400), "folders have names in any alphabet"


async def test_non_member_sees_no_workspace(api: ApiHarness) -> None:
    bea = await api.member("bea", role=Role.ADMIN)
    assert [each["id"] for each in (await bea.get("/api/workspaces/list")).json()] == ["main"]
    for path in ("admins", "nowhere"):
        answer = await bea.get(f"/api/w/{path}/users/whoami")
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == f"The workspace {path} does not exist."
    assert (await bea.post("/api/workspaces/create", json={"id": "hers"})).status_code == 403


@pytest.mark.parametrize(
    ("body", "role"),
    [
        ({}, "developer"),
        ({"is_admin": True}, "admin"),
        ({"operator": True}, "operator"),
        ({"role": "viewer"}, "viewer"),
    ],
)
async def test_members_are_added_with_a_role(api: ApiHarness, body: dict[str, object], role: str) -> None:
    account = {"email": "new@example.org", "password": "correct horse"}
    await api.client.post("/api/users/create", json=account)
    path = f"{W}/workspaces/add_user"
    added = await api.client.post(path, json={"email": account["email"], "username": "newbie", **body})
    assert added.status_code == 200
    found = await api.get("users/get/newbie")
    assert set(found) >= MEMBER and found["role"] == role
    assert found["is_admin"] is (role == "admin") and found["operator"] is (role in ("operator", "viewer"))
    assert (await api.client.post(path, json={"email": account["email"]})).status_code == 409
    assert (await api.client.post(path, json={"email": "nobody@example.org"})).status_code == 404
    email = await api.client.get(f"{W}/users/username_to_email/newbie")
    assert email.text == account["email"] and email.headers["content-type"].startswith("text/plain")
    assert await api.get("users/list_usernames") == ["admin", "newbie"]
    assert [each["username"] for each in await api.get("users/list")] == ["admin", "newbie"]
    assert [each["username"] for each in await api.get("users/list", page=2, per_page=1)] == ["newbie"]
    assert (await api.client.get(f"{W}/users/get/nobody")).status_code == 404


async def test_superadmin_without_membership_is_admin(api: ApiHarness) -> None:
    async with api.platform.db.acquire() as conn:
        await conn.execute("DELETE FROM member WHERE workspace = 'main'")
    found = await api.get("users/whoami")
    assert found["is_admin"] is True and found["is_super_admin"] is True and found["username"] == "admin"


async def test_folders(api: ApiHarness) -> None:
    await api.member("bea")
    assert (await api.client.post(f"{W}/groups/create", json={"name": "team"})).status_code == 200
    body = {"name": "sales", "summary": "Sales", "owners": ["u/bea"], "extra_perms": {"g/all": False}}
    assert (await api.client.post(f"{W}/folders/create", json=body)).status_code == 200
    assert (await api.client.post(f"{W}/folders/create", json=body)).status_code == 409
    found = await api.get("folders/get/sales")
    assert found["owners"] == ["u/admin", "u/bea"]
    assert found["extra_perms"] == {"u/admin": True, "u/bea": True, "g/all": False}
    assert found["summary"] == "Sales" and found["created_by"] == "admin"
    assert await api.get("folders/exists/sales") is True
    assert await api.get("folders/exists/other") is False
    assert (await api.client.get(f"{W}/folders/get/other")).status_code == 404
    answer = await api.client.post(f"{W}/folders/update/sales", json={"summary": "New"})
    assert answer.status_code == 200
    assert (await api.get("folders/get/sales"))["owners"] == ["u/admin", "u/bea"]
    assert (await api.client.post(f"{W}/folders/addowner/sales", json={"owner": "g/team"})).status_code == 200
    owner = {"owner": "u/bea", "write": False}
    assert (await api.client.post(f"{W}/folders/removeowner/sales", json=owner)).status_code == 200
    found = await api.get("folders/get/sales")
    assert found["owners"] == ["u/admin", "g/team"] and found["extra_perms"]["u/bea"] is False
    wrong = await api.client.post(f"{W}/folders/addowner/sales", json={"owner": "bea"})
    assert wrong.status_code == 400
    assert [each["name"] for each in await api.get("folders/list")] == ["sales"]
    assert await api.get("folders/listnames") == ["sales"]
    assert (await api.client.delete(f"{W}/folders/delete/sales")).status_code == 200
    assert (await api.client.delete(f"{W}/folders/delete/sales")).status_code == 404


async def test_folders_are_visible_by_permission(api: ApiHarness) -> None:
    bea = await api.member("bea", role=Role.DEVELOPER)
    for name, extra in (
        ("hers", {"u/bea": True}),
        ("a_b", {"u/bea": False}),
        ("axb", {}),
        ("everyones", {"g/all": False}),
    ):
        await api.client.post(f"{W}/folders/create", json={"name": name, "extra_perms": extra})
        body = {"path": f"f/{name}/x", "summary": "", "content": "echo", "language": "bash"}
        assert (await api.client.post(f"{W}/scripts/create", json=body)).status_code == 201
    names = (await bea.get(f"{W}/folders/listnames")).json()
    assert names == ["a_b", "everyones", "hers"]
    assert (await bea.get(f"{W}/folders/listnames", params={"only_member_of": "true"})).json() == ["hers"]
    assert (await bea.get(f"{W}/folders/get/axb")).status_code == 404
    assert (await bea.get(f"{W}/folders/exists/axb")).json() is False
    paths = (await bea.get(f"{W}/scripts/list_paths")).json()
    assert paths == ["f/a_b/x", "f/everyones/x", "f/hers/x"]
    listed = (await bea.get(f"{W}/scripts/list")).json()
    assert {each["path"] for each in listed} == set(paths)
    assert (await bea.get(f"{W}/scripts/get/p/f/axb/x")).status_code == 404
    assert (await bea.post(f"{W}/folders/update/hers", json={"summary": "x"})).status_code == 403
    assert (await bea.post(f"{W}/folders/create", json={"name": "more"})).status_code in (403, 404)


async def test_health_and_version(administrators: dict[str, Administrator], tmp_path: Path) -> None:
    with fresh(administrators) as database:
        async with api_harness(database, tmp_path) as api:
            version = await api.client.get("/api/version")
            assert version.text.startswith("Orvanta ") and version.headers["content-type"].startswith("text/plain")
            health = (await api.client.get("/api/health/status")).json()
            assert health["status"] == "healthy" and health["database_healthy"] is True
            await api.platform.db.close()
            api.platform.database_check.health_at = float("-inf")  # The answer is kept for a second.
            sick = await api.client.get("/api/health/status")
            assert sick.status_code == 503 and sick.json()["status"] == "unhealthy"
            refused = await api.client.get("/api/users/whoami")
            assert refused.status_code == 503 and refused.json()["error"]["code"] == "database_unavailable"


async def test_api_description_is_built_once(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unauthenticated callers may request the document, and building it takes seconds."""
    for name in ("json", "yaml"):
        await api.client.get(f"/api/openapi.{name}")
    monkeypatch.setattr(openapi, "document", None)
    monkeypatch.setattr(openapi, "as_yaml", None)
    for name in ("json", "yaml"):
        assert (await api.client.get(f"/api/openapi.{name}")).status_code == 200


async def test_openapi_document(api: ApiHarness) -> None:
    document = (await api.client.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    for path in (
        *("/api/auth/login", "/api/w/{workspace}/scripts/get/p/{path}", "/api/w/{workspace}/flows/create"),
        *("/api/w/{workspace}/jobs/run/f/{path}", "/api/v1/runs/{run_id}", "/api/workers/list"),
    ):
        assert path in paths
    assert paths["/api/version"]["get"]["security"] == []
    assert {"query": []} in paths["/api/w/{workspace}/jobs/run/f/{path}"]["post"]["security"]
    ids = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"] for path in paths.values() for operation in path.values())
    references = str(document).split("#/components/schemas/")[1:]
    assert {each.split("'")[0] for each in references} <= set(document["components"]["schemas"])
    text = (await api.client.get("/api/openapi.yaml")).text
    assert text.startswith("components:") and "/api/auth/login" in text


async def test_folder_principals_are_limited(api: ApiHarness) -> None:
    await api.member("z")
    fits, more = [f"u/x{n}" for n in range(999)], [f"u/y{n}" for n in range(1001)]
    grants = dict.fromkeys(more, False)
    answers = [
        await api.client.post(f"{W}/folders/create", json={"name": "wide", "owners": more}),
        await api.client.post(f"{W}/folders/create", json={"name": "wide", "extra_perms": grants}),
    ]
    created = await api.client.post(f"{W}/folders/create", json={"name": "full", "owners": fits})
    assert created.status_code == 200, created.text
    for call, body in (
        ("update", {"owners": more}),
        ("update", {"extra_perms": grants}),
        ("update", {"owners": more[:1]}),
        ("update", {"extra_perms": {"u/z": True}}),
        ("addowner", {"owner": "u/z"}),
        ("removeowner", {"owner": "u/z", "write": False}),
    ):
        answers += [await api.client.post(f"{W}/folders/{call}/full", json=body)]
    codes = [(answer.status_code, answer.json()["error"]["code"]) for answer in answers if answer.status_code != 200]
    assert codes == [(400, "limit_exceeded")] * len(answers)
    for call, owner in (("removeowner", "u/x1"), ("addowner", "u/z")):
        assert (await api.client.post(f"{W}/folders/{call}/full", json={"owner": owner})).status_code == 200
    few = {"owners": ["u/admin", *["u/a"] * 2000], "extra_perms": {}}
    again = await api.client.post(f"{W}/folders/update/full", json=few)
    assert again.status_code == 200, again.text
    assert (await api.get("folders/get/full"))["owners"] == ["u/admin", "u/a"]


async def test_members_are_read_with_their_own_grants_only(api: ApiHarness) -> None:
    await api.member("bea", role=Role.DEVELOPER)
    others = {f"u/x{n}": True for n in range(500)}
    for name, perms in (("open", {**others, "g/all": False}), ("closed", others)):
        body = {"name": name, "owners": ["u/bea"] if name == "open" else [], "extra_perms": perms}
        assert (await api.client.post(f"{W}/folders/create", json=body)).status_code == 200
    async with api.platform.db.acquire() as conn:
        found = await folders.list_grants(conn, "main", ["u/bea", "g/all"])
    assert [(each.name, each.owners, each.extra_perms) for each in found] == [
        ("open", ["u/bea"], {"u/bea": True, "g/all": False})
    ]
    for call in ("users/get/bea", "users/list"):
        answer = await api.get(call)
        member = answer if isinstance(answer, dict) else next(each for each in answer if each["username"] == "bea")
        assert (member["folders"], member["folders_owners"]) == (["open"], ["open"])


async def test_token_is_resolved_with_grants_of_its_principals(api: ApiHarness) -> None:
    others = {f"u/x{n}": True for n in range(500)}
    await api.member("bea", role=Role.DEVELOPER)
    for name, owners, perms in (
        ("mine", ["u/bea"], others),
        ("open", [], {**others, "g/all": False}),
        ("closed", ["u/x1"], others),
    ):
        body = {"name": name, "owners": owners, "extra_perms": perms}
        assert (await api.client.post(f"{W}/folders/create", json=body)).status_code == 200
    async with api.platform.db.acquire() as conn:
        bearer = await tokens.resolve_identity(conn, "main", "u/bea", "bea@example.com", None)
    assert bearer is not None
    found = {each.name: (each.owners, each.extra_perms) for each in bearer.grants}
    assert found == {"mine": (["u/bea"], {"u/bea": True}), "open": ([], {"g/all": False})}


@pytest.mark.parametrize("name", ["f\u0456nance", "\u0391lpha", "\uff46inance"])
async def test_folder_names_do_not_mix_alphabets_that_look_alike(api: ApiHarness, name: str) -> None:
    answer = await api.client.post(f"{W}/folders/create", json={"name": name})
    assert answer.status_code == 400 and "alphabet" in answer.text
    for single in ("\u043f\u0440\u043e\u0434\u0430\u0436\u0438-2", "\u55b6\u696d_team", "ma\u00f1ana"):
        assert (await api.client.post(f"{W}/folders/create", json={"name": single})).status_code in (200, 409)


async def test_job_changes_no_folder_that_its_identity_does_not_own(api: ApiHarness) -> None:
    """A job may change a folder's summary, like its member, but neither its owners nor its permissions."""
    bea = await api.member("bea", Role.DEVELOPER)
    for folder, owners in (("hers", ["u/bea"]), ("shared", [])):
        body = {"name": folder, "summary": "first", "owners": owners, "extra_perms": {"u/bea": True}}
        assert (await api.client.post(f"{W}/folders/create", json=body)).status_code == 200
    job = job_client(api, await started(api, bea))
    answer = await job.post(f"{W}/folders/update/shared", json={"summary": "pushed"})
    assert answer.status_code == 403
    assert (await job.post(f"{W}/folders/update/hers", json={"summary": "pushed"})).status_code == 200
    for change in ({"owners": ["u/bea", "g/all"]}, {"extra_perms": {"g/all": True}}):
        assert (await job.post(f"{W}/folders/update/hers", json=change)).status_code == 403
    assert (await api.get("folders/get/shared"))["summary"] == "first"


async def test_two_admins_do_not_overwrite_settings(api: ApiHarness) -> None:
    other = await api.member("olga", role=Role.ADMIN)
    changes = {
        "edit_retention": ("retention_days", None, 10, 20),
        "edit_token_max_age": ("token_max_age_days", None, 30, 60),
        "edit_secrets_readable": ("secrets_readable", False, True, False),
        "edit_search_run_data": ("search_run_data", False, True, False),
        "change_workspace_name": ("new_name", await name_of(api), "Theirs", "Mine"),
        "edit_error_handler": ("error_handler", None, "script/f/lib/theirs", "script/f/lib/mine"),
    }
    await api.client.post(f"{W}/folders/create", json={"name": "lib", "owners": ["u/olga"]})
    for path in ("f/lib/theirs", "f/lib/mine"):
        new = {**PYTHON, "path": path, "summary": ""}
        assert (await api.client.post(f"{W}/scripts/create", json=new)).status_code == 201
    for call, (name, base, theirs, mine) in changes.items():
        url = f"{W}/workspaces/{call}"
        first = await other.post(url, json={name: theirs, "base": base})
        assert first.status_code == 200, first.text
        second = await api.client.post(url, json={name: mine, "base": base})
        error = second.json()["error"]
        assert (second.status_code, error["code"]) == (409, "version_conflict"), call
        assert error["details"] == {"name": name, "base": base, "theirs": theirs}
        assert (await api.client.post(url, json={name: mine, "base": theirs})).status_code == 200
        assert (await api.client.post(url, json={name: theirs})).status_code == 200, "without a base"
    assert await name_of(api) == "Theirs"


async def name_of(api: ApiHarness) -> str:
    return (await api.client.get(f"{W}/workspaces/get_workspace_name")).text
