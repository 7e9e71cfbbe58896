"""Resources and resource types over the API: schemas and codes, secret fields, references, permissions."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W
from tests.http.jobs_running import job_client, started

from orvanta_platform.control.actor import Role

R = f"{W}/resources"
HUSH = "hush-hush-hush"
DATABASE = {"host": "db", "port": 5432, "password": HUSH, "dbname": "shop"}
MASKED = {**DATABASE, "password": "***"}


async def make(client: httpx.AsyncClient, path: str, value: Any = DATABASE, kind: str = "postgresql") -> None:
    answer = await client.post(f"{R}/create", json={"path": path, "value": value, "resource_type": kind})
    assert answer.status_code == 201, answer.text


async def code(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> tuple[int, str | None]:
    """Return the status and, for an error, its code."""
    answer = await client.request(method, f"{R}/{path}", json=body)
    error = answer.json()["error"]["code"] if answer.status_code >= 400 else None
    return answer.status_code, error


async def operations(api: ApiHarness, like: str) -> list[tuple[str, str, str | None]]:
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch(
            "SELECT actor, operation, resource FROM audit WHERE operation LIKE $1 ORDER BY id", like
        )
    return [tuple(row) for row in rows]


async def test_resource_without_secrets_is_returned_unchanged(api: ApiHarness) -> None:
    raw = '{"b":1.10,"a":[123456789012345678901234567890,"\\u00e9"]}'
    body = f'{{"path":"u/admin/config","resource_type":"any","description":"d","labels":["l"],"value":{raw}}}'
    answer = await api.client.post(f"{R}/create", content=body)
    assert answer.status_code == 201 and answer.headers["content-type"].startswith("text/plain")
    for call in ("get_value", "get_value_interpolated"):
        answer = await api.client.get(f"{R}/{call}/u/admin/config")
        assert (answer.text, answer.headers["content-type"]) == (raw, "application/json")
    shown = await api.get("resources/get/u/admin/config")
    assert raw in (await api.client.get(f"{R}/get/u/admin/config")).text
    fixed = {name: shown[name] for name in shown if name not in ("value", "edited_at", "version")}
    assert fixed == {
        "workspace_id": "main",
        "path": "u/admin/config",
        "resource_type": "any",
        "description": "d",
        "labels": ["l"],
        "extra_perms": {},
        "created_by": "admin",
        "is_oauth": False,
        "is_linked": False,
        "is_refreshed": False,
    }
    (listed,) = await api.get("resources/list")
    assert listed == {name: shown[name] for name in shown if name != "value"}


async def test_error_codes(api: ApiHarness) -> None:
    await make(api.client, "u/admin/db")
    body = {"path": "u/admin/db", "value": {"host": "other"}, "resource_type": "postgresql"}
    assert await code(api.client, "POST", "create", body) == (409, "already_exists")
    assert await code(api.client, "POST", "create?update_if_exists=true", body) == (201, None)
    assert await api.get("resources/get_value/u/admin/db") == {"host": "other"}
    assert await code(api.client, "POST", "create", {**body, "path": "x"}) == (400, "bad_request")
    assert await code(api.client, "POST", "create", {**body, "path": "u/admin/y", "resource_type": ""}) == (
        400,
        "bad_request",
    )
    assert await code(api.client, "POST", "update_value/u/admin/db", {"value": [1]}) == (200, None)
    assert await api.get("resources/get_value/u%2Fadmin%2Fdb") == [1]
    assert await code(api.client, "POST", "update_value/u/admin/db", {}) == (200, None)
    assert await api.get("resources/get_value/u/admin/db") is None
    assert await code(api.client, "POST", "update_value/u/admin/none", {"value": 1}) == (404, "not_found")
    assert await api.get("resources/exists/u/admin/db") is True
    assert await code(api.client, "DELETE", "delete/u/admin/db") == (200, None)
    assert await code(api.client, "DELETE", "delete/u/admin/db") == (404, "not_found")
    assert await api.get("resources/exists/u/admin/db") is False
    for call in ("get", "get_value", "get_value_interpolated"):
        assert await code(api.client, "GET", f"{call}/u/admin/db") == (404, "not_found")


async def test_secret_field_is_masked_and_readable_by_jobs(api: ApiHarness) -> None:
    await make(api.client, "u/admin/db")
    assert (await api.get("resources/get/u/admin/db"))["value"] == MASKED
    for call in ("get_value", "get_value_interpolated"):
        assert await code(api.client, "GET", f"{call}/u/admin/db") == (403, "secret_is_write_only")
    for call in ("list", "list?value=hush", "get/u/admin/db"):
        assert HUSH not in (await api.client.get(f"{R}/{call}")).text
    async with api.platform.db.acquire() as conn:
        assert HUSH not in str(await conn.fetch("SELECT * FROM resource"))
    job = job_client(api, await started(api))
    assert (await job.get(f"{R}/get_value/u/admin/db")).json() == DATABASE
    assert (await job.get(f"{R}/get_value_interpolated/u/admin/db")).json() == DATABASE
    assert (await job.get(f"{R}/get/u/admin/db")).json()["value"] == MASKED
    assert await operations(api, "resources.open") == [("admin", "resources.open", "u/admin/db")]


async def test_masked_value_can_be_written_back(api: ApiHarness) -> None:
    await make(api.client, "u/admin/db")
    job = job_client(api, await started(api))

    async def value(path: str = "u/admin/db") -> Any:
        return (await job.get(f"{R}/get_value/{path}")).json()

    changed = {**MASKED, "host": "elsewhere"}
    assert await code(api.client, "POST", "update_value/u/admin/db", {"value": changed}) == (200, None)
    assert await value() == {**DATABASE, "host": "elsewhere"}
    assert await code(api.client, "POST", "update/u/admin/db", {"description": "d"}) == (200, None)
    assert await value() == {**DATABASE, "host": "elsewhere"}
    assert await code(api.client, "POST", "update/u/admin/db", {"path": "f/team/db"}) == (200, None)
    assert await value("f/team/db") == {**DATABASE, "host": "elsewhere"}
    assert await code(api.client, "POST", "update/f/team/db", {"resource_type": "any"}) == (200, None)
    assert (await api.get("resources/get/f/team/db"))["value"]["password"] == "***"
    assert await value("f/team/db") == {**DATABASE, "host": "elsewhere"}
    assert await code(api.client, "POST", "update_value/f/team/db", {"value": {"password": "open"}}) == (200, None)
    assert await api.get("resources/get_value/f/team/db") == {"password": "open"}
    await make(api.client, "u/admin/taken")
    assert await code(api.client, "POST", "update/f/team/db", {"path": "u/admin/taken"}) == (409, "already_exists")
    copy = {"path": "u/admin/copy", "value": MASKED, "resource_type": "postgresql"}
    assert await code(api.client, "POST", "create", copy) == (400, "bad_request")


async def test_references_are_resolved(api: ApiHarness) -> None:
    variable = {"path": "u/admin/pw", "value": HUSH, "is_secret": True, "description": ""}
    assert (await api.client.post(f"{W}/variables/create", json=variable)).status_code == 201
    plain = {"path": "u/admin/host", "value": 'db"1', "is_secret": False, "description": ""}
    await api.client.post(f"{W}/variables/create", json=plain)
    value = {
        "host": "$var:u/admin/host",
        "password": "$var:u/admin/pw",
        "note": "say $var:u/admin/pw",
        "$var:u/admin/pw": 1,
    }
    await make(api.client, "u/admin/db", value)
    await make(api.client, "u/admin/all", {"dbs": ["$res:u/admin/db", "$res:u/admin/db"], "no": "$res:nothing"}, "any")
    assert (await api.get("resources/get/u/admin/db"))["value"] == value
    assert await api.get("resources/get_value/u/admin/all") == {
        "dbs": ["$res:u/admin/db", "$res:u/admin/db"],
        "no": "$res:nothing",
    }
    assert await code(api.client, "GET", "get_value_interpolated/u/admin/all") == (403, "secret_is_write_only")
    job = job_client(api, await started(api))
    filled = {**value, "host": 'db"1', "password": HUSH}
    found = await job.get(f"{R}/get_value_interpolated/u/admin/all")
    assert found.json() == {"dbs": [filled, filled], "no": "$res:nothing"}
    assert await operations(api, "%.open") == [("admin", "variables.open", "u/admin/pw")]


async def test_broken_and_circular_references(api: ApiHarness) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a"), ("self", "self"), ("lost", "none")):
        await make(api.client, f"u/admin/{name}", {"next": f"$res:u/admin/{other}"}, "any")
    for name in ("a", "c", "self"):
        assert await code(api.client, "GET", f"get_value_interpolated/u/admin/{name}") == (400, "reference_loop")
    assert await code(api.client, "GET", "get_value_interpolated/u/admin/lost") == (404, "not_found")
    await make(api.client, "u/admin/l0", {"x": 1}, "any")
    for level in range(1, 25):
        await make(api.client, f"u/admin/l{level}", {"x": f"$res:u/admin/l{level - 1}"}, "any")
    assert await code(api.client, "GET", "get_value_interpolated/u/admin/l19") == (200, None)
    assert await code(api.client, "GET", "get_value_interpolated/u/admin/l24") == (400, "reference_loop")


async def test_references_are_limited_in_size(api: ApiHarness) -> None:
    await make(api.client, "u/admin/w0", "x" * 1000, "any")
    for level in range(1, 12):
        await make(api.client, f"u/admin/w{level}", [f"$res:u/admin/w{level - 1}"] * 10, "any")
    assert await code(api.client, "GET", "get_value_interpolated/u/admin/w2") == (200, None)
    assert await code(api.client, "GET", "get_value_interpolated/u/admin/w11") == (413, "too_large")


async def test_reference_needs_rights_of_reader(api: ApiHarness) -> None:
    await make(api.client, "f/secret/db")
    await make(api.client, "f/team/uses", {"db": "$res:f/secret/db"}, "any")
    await api.client.post(f"{W}/folders/update/team", json={"extra_perms": {"g/all": False}})
    bea = await api.member("bea", role=Role.DEVELOPER)
    job = job_client(api, await started(api, bea))
    assert (await job.get(f"{R}/get_value/f/team/uses")).json() == {"db": "$res:f/secret/db"}
    assert await code(job, "GET", "get_value_interpolated/f/team/uses") == (404, "not_found")


async def test_writer_of_resource_must_be_able_to_read_references(api: ApiHarness) -> None:
    """Otherwise, a run of another member would resolve them and could send a secret to an address in another field."""
    await api.client.post(f"{W}/folders/create", json={"name": "team", "extra_perms": {"g/all": True}})
    await api.member("ann", role=Role.DEVELOPER)
    bea = await api.member("bea", role=Role.DEVELOPER)
    secret = {"path": "u/ann/secret", "value": HUSH, "is_secret": True, "description": ""}
    assert (await api.client.post(f"{W}/variables/create", json=secret)).status_code == 201
    await make(api.client, "f/team/api", {"host": "here", "token": "$var:u/ann/secret"}, "any")
    await make(api.client, "f/team/outer", {"api": "$res:f/team/api"}, "any")
    await make(bea, "f/team/own", {"host": "there"}, "any")

    there = {"host": "there", "token": "$var:u/ann/secret"}
    new = {"path": "u/bea/api", "resource_type": "any"}
    for value in (there, ["$res:f/team/api"], ["$res:f/team/outer"], "$var:u/ann/not_yet", r"$var:u/ann/secret"):
        assert await code(bea, "POST", "create", {**new, "value": value}) == (403, "forbidden"), value
        assert await code(bea, "POST", "update/f/team/own", {"value": value}) == (403, "forbidden"), value
        assert await code(bea, "POST", "update_value/f/team/own", {"value": value}) == (403, "forbidden"), value
    assert await code(bea, "POST", "update/f/team/api", {"value": there}) == (403, "forbidden")
    assert await code(bea, "POST", "update/f/team/api", {"path": "f/team/moved"}) == (403, "forbidden")
    assert await code(bea, "POST", "update/f/team/api", {"description": "of ann"}) == (200, None)
    state = {"path": "u/bea/state", "resource_type": "state", "value": there}
    assert await code(bea, "POST", "create", state) == (201, None), "it is no reference there"
    assert await code(bea, "POST", "update/u/bea/state", {"resource_type": "any"}) == (403, "forbidden")
    assert await code(bea, "POST", "create", {**new, "value": ["$var:f/team/not_yet", "$var:u/bea/x"]}) == (201, None)
    assert await code(api.client, "POST", "update/f/team/api", {"value": there}) == (200, None)


async def test_built_in_resource_types(api: ApiHarness) -> None:
    names = await api.get("resources/type/listnames")
    databases = {"postgresql", "mysql", "ms_sql_server", "snowflake", "bigquery"}
    assert databases | {"s3", "smtp", "slack", "http_basic", "graphql", "ssh"} <= set(names) and len(names) >= 20
    secret = re.compile("(password|token|secretKey|private_key|passphrase|api_key|webhook_url)$")
    types = {each["name"]: each["schema"]["properties"] for each in await api.get("resources/type/list")}
    fields = [(name, field, each.get("password")) for name, of in types.items() for field, each in of.items()]
    assert [each for each in fields if secret.search(each[1]) and not each[2]] == []
    shown = await api.get("resources/type/get/postgresql")
    assert shown["schema"]["properties"]["password"]["password"] is True and "workspace_id" not in shown
    assert await api.get("resources/type/exists/postgresql") is True
    assert await code(api.client, "POST", "type/create", {"name": "postgresql"}) == (409, "already_exists")
    assert await code(api.client, "DELETE", "type/delete/postgresql") == (409, "conflict")
    change = {"description": "ours"}
    assert await code(api.client, "POST", "type/update/postgresql", change) == (200, None)
    own = await api.get("resources/type/get/postgresql")
    assert own == {**shown, **change, "workspace_id": "main", "created_by": "admin", "edited_at": own["edited_at"]}
    assert (await api.client.get("/api/w/admins/resources/type/get/postgresql")).json() == shown
    assert await code(api.client, "DELETE", "type/delete/postgresql") == (200, None)
    assert await api.get("resources/type/get/postgresql") == shown


async def test_workspace_resource_types(api: ApiHarness) -> None:
    made = {"name": "c_ini", "format_extension": "ini", "description": "d", "schema": {"type": "object"}}
    assert await code(api.client, "POST", "type/create", made) == (201, None)
    assert await code(api.client, "POST", "type/create", made) == (409, "already_exists")
    assert await code(api.client, "POST", "type/create", {"name": "a b"}) == (400, "bad_request")
    assert await code(api.client, "POST", "type/create", {"name": "c_x", "schema": [1]}) == (400, "bad_request")
    assert await api.get("resources/file_resource_type_to_file_ext_map") == {
        "c_ini": {"format_extension": "ini", "is_fileset": False}
    }
    listed = {each["name"]: each for each in await api.get("resources/type/list")}
    assert listed["c_ini"]["schema"] == {"type": "object"} and "slack" in listed
    await make(api.client, "u/admin/ini", {"content": "a=1"}, "c_ini")
    assert await code(api.client, "DELETE", "type/delete/c_ini") == (409, "conflict")
    assert await code(api.client, "DELETE", "delete/u/admin/ini") == (200, None)
    assert await code(api.client, "DELETE", "type/delete/c_ini") == (200, None)
    assert await code(api.client, "DELETE", "type/delete/c_ini") == (404, "not_found")
    assert await code(api.client, "GET", "type/get/c_ini") == (404, "not_found")


async def test_new_secret_field_is_sealed_immediately(api: ApiHarness) -> None:
    await make(api.client, "u/admin/api", {"key": HUSH, "url": "x"}, "c_api")
    assert (await api.get("resources/get_value/u/admin/api"))["key"] == HUSH
    schema = {"properties": {"key": {"format": "password"}}}
    assert await code(api.client, "POST", "type/create", {"name": "c_api", "schema": schema}) == (201, None)
    assert (await api.get("resources/get/u/admin/api"))["value"] == {"key": "***", "url": "x"}
    job = job_client(api, await started(api))
    assert (await job.get(f"{R}/get_value/u/admin/api")).json() == {"key": HUSH, "url": "x"}
    assert await code(api.client, "POST", "type/update/c_api", {"schema": {}}) == (200, None)
    assert (await api.get("resources/get/u/admin/api"))["value"] == {"key": "***", "url": "x"}
    assert await code(api.client, "GET", "get_value/u/admin/api") == (403, "secret_is_write_only")


async def test_connections_are_an_alias(api: ApiHarness) -> None:
    body = {"path": "u/admin/db", "value": DATABASE, "resource_type": "postgresql"}
    assert (await api.client.post(f"{W}/connections/create", json=body)).status_code == 201
    assert (await api.get("connections/get/u/admin/db"))["value"] == MASKED
    assert await api.get("connections/list") == await api.get("resources/list")
    assert await api.get("connections/type/listnames") == await api.get("resources/type/listnames")
    paths = (await api.client.get("/api/openapi.json")).json()["paths"]
    there = {path for path in paths if "/resources/" in path}
    assert there and {path.replace("/resources/", "/connections/") for path in there} <= set(paths)


READS = ("get/f/team/db", "list", "exists/f/team/db", "type/list", "type/get/slack", "get_value/f/team/plain")
WRITES: list[tuple[str, str, Any]] = [
    ("POST", "create", {"path": "f/team/new", "value": DATABASE, "resource_type": "postgresql"}),
    ("POST", "update/f/team/db", {"description": "x"}),
    ("POST", "update_value/f/team/db", {"value": MASKED}),
    ("DELETE", "delete/f/team/new", None),
    ("POST", "type/create", {"name": "c_new"}),
]
ADMINISTERS: list[tuple[str, str, Any]] = [
    ("POST", "type/update/c_new", {"description": "x"}),
    ("DELETE", "type/delete/c_new", None),
]
HIDDEN: list[tuple[str, str, Any]] = [
    ("GET", "get/f/secret/db", None),
    ("GET", "get_value/f/secret/plain", None),
    ("GET", "get_value_interpolated/f/secret/plain", None),
    ("POST", "create", {"path": "f/secret/new", "value": 1, "resource_type": "any"}),
    ("POST", "update/f/secret/db", {"description": "x"}),
    ("POST", "update_value/f/secret/db", {"value": 1}),
    ("DELETE", "delete/f/secret/db", None),
]


@pytest.mark.parametrize("role", list(Role))
async def test_rights_of_roles(api: ApiHarness, role: Role) -> None:
    for folder, owners in (("team", ["g/all"]), ("secret", [])):
        await api.client.post(f"{W}/folders/create", json={"name": folder, "owners": owners})
        await make(api.client, f"f/{folder}/db")
        await make(api.client, f"f/{folder}/plain", 1, "any")
    client = await api.member("bea", role=role)
    for call in READS:
        assert (await code(client, "GET", call))[0] == 200, call
    assert HUSH not in (await client.get(f"{R}/get/f/team/db")).text
    assert (await code(client, "GET", "get_value/f/team/db")) == (403, "secret_is_write_only")
    for method, call, body in WRITES:
        found, _ = await code(client, method, call, body)
        assert found in ((200, 201) if role in (Role.ADMIN, Role.DEVELOPER) else (403, 404)), call
    for method, call, body in ADMINISTERS:
        found, _ = await code(client, method, call, body)
        assert found in ((200,) if role is Role.ADMIN else (403,)), call
    if role is Role.ADMIN:
        return
    for method, call, body in HIDDEN:
        assert (await code(client, method, call, body))[0] == 404, call
    assert [each["path"] for each in (await client.get(f"{R}/list")).json()] == ["f/team/db", "f/team/plain"]


async def test_lists_are_filtered(api: ApiHarness) -> None:
    await make(api.client, "u/admin/db")
    await make(api.client, "u/admin/chat", {"token": HUSH}, "slack")
    await make(api.client, "u/admin/config", {"some": "thing"}, "any")

    async def paths(**query: Any) -> list[str]:
        found = await api.client.get(f"{R}/list", params=query)
        return [each["path"].removeprefix("u/admin/") for each in found.json()]

    assert await paths() == ["chat", "config", "db"]
    assert await paths(resource_type="slack,any") == ["chat", "config"]
    assert await paths(resource_type_exclude="slack,any") == ["db"]
    assert await paths(path="u/admin/db") == ["db"]
    assert await paths(path_start="u/admin/c", per_page=1, page=2) == ["config"]
    assert await paths(value="thing") == ["config"]
    assert await paths(after="u/admin/chat", per_page=1) == ["config"]


async def test_operator_job_stores_state(api: ApiHarness) -> None:
    olga = await api.member("olga", role=Role.OPERATOR)
    state = {"path": "u/olga/x_state", "value": 1, "resource_type": "state"}
    assert (await code(olga, "POST", "create", state))[0] == 403
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE member SET role = 'developer' WHERE username = 'olga'")
    job = job_client(api, await started(api, olga))
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE member SET role = 'operator' WHERE username = 'olga'")
    assert await code(job, "POST", "create", state) == (201, None)
    assert await code(job, "POST", "update_value/u/olga/x_state", {"value": 2}) == (200, None)
    assert (await code(job, "POST", "create", {**state, "path": "f/team/x"}))[0] == 404
    assert (await code(job, "POST", "create", {**state, "path": "u/olga/db", "resource_type": "any"}))[0] == 403
    assert (await code(job, "POST", "update/u/olga/x_state", {"resource_type": "any"}))[0] == 403


@pytest.mark.parametrize("kind", ["var", "res"])
async def test_value_refers_to_limited_number_of_items(api: ApiHarness, kind: str) -> None:
    """Each item is read by a separate query while the call holds a connection."""
    body = {"path": "u/admin/many", "resource_type": "any"}
    for count, status in ((1_000, 201), (1_001, 413)):
        value = [f"${kind}:u/admin/n{n}" for n in range(count)]
        answer = await api.client.post(
            f"{W}/resources/create", params={"update_if_exists": "true"}, json={**body, "value": value}
        )
        assert answer.status_code == status, (count, answer.text)
    assert answer.json()["error"]["details"] == {"limit": 1_000}


async def test_change_based_on_former_version_is_refused(api: ApiHarness) -> None:
    await make(api.client, "f/team/db")
    base = (await api.get("resources/get/f/team/db"))["version"]
    change = {"value": {**MASKED, "port": 5433}, "base_version": base}
    assert await code(api.client, "POST", "update/f/team/db", change) == (200, None)
    answer = await api.client.post(f"{R}/update/f/team/db", json={**change, "value": MASKED})
    assert answer.status_code == 409 and HUSH not in answer.text
    stored, error = await api.get("resources/get/f/team/db"), answer.json()["error"]
    assert (error["code"], stored["value"]["port"]) == ("version_conflict", 5433)
    theirs = {"value": {**MASKED, "port": 5433}, "description": None}
    assert error["details"] == {"name": "f/team/db", "base": base, "newest": stored["version"], "theirs": theirs}
    again = {"value": MASKED, "base_version": stored["version"]}
    assert await code(api.client, "POST", "update/f/team/db", again) == (200, None)
    assert (await api.get("resources/get/f/team/db"))["value"]["port"] == 5432
