"""The audit trail as shown to its readers, and the tokens that admins can list and revoke."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.jobs_running import claimed, job_client

from orvanta_platform.control.actor import Role
from orvanta_platform.db import audit
from orvanta_platform.services.access import audit_trail

TOKENS = "/api/users/tokens"


async def found(client: httpx.AsyncClient, path: str, status: int = 200, **params: Any) -> Any:
    url = path if path.startswith("/") else f"{W}/{path}"
    answer = await client.get(url, params=params)
    assert answer.status_code == status, answer.text
    return answer.json()


async def made(client: httpx.AsyncClient, **body: Any) -> tuple[str, str]:
    """Create a token; return it and its prefix."""
    answer = await client.post(f"{TOKENS}/create", json=body)
    assert answer.status_code == 201, answer.text
    return answer.text, answer.text[:12]


async def test_trail_is_filtered_paged_and_read_by_id(api: ApiHarness) -> None:
    await api.member("bea", Role.DEVELOPER)
    for name in ("one", "two", "three"):
        await api.client.post(f"{W}/groups/create", json={"name": name})
    await api.client.post(f"{W}/groups/adduser/one", json={"username": "bea"})
    rows = await found(api.client, "audit/list", operation="groups.create")
    assert [row["resource"] for row in rows] == ["three", "two", "one"]
    assert {row["workspace_id"] for row in rows} == {"main"} and rows[0]["address"] == "127.0.0.1"
    assert [each["resource"] for each in await found(api.client, "audit/list", operation="groups", per_page=1)] == [
        "one"
    ]
    conditions = {"operations": "groups.create,groups.adduser", "exclude_operations": "groups.create"}
    exported = (await api.client.get(f"{W}/audit/export", params=conditions)).text.splitlines()
    assert [json.loads(line)["operation"] for line in exported] == ["groups.adduser"]
    assert len(await found(api.client, "audit/list", operations="groups")) == 4
    assert await found(api.client, "audit/list", operations="groups", exclude_operations="flows,groups") == []
    older = await found(api.client, "audit/list", operation="groups.create", before_id=rows[0]["id"], per_page=1)
    assert [each["resource"] for each in older] == ["two"]
    assert await found(api.client, "audit/list", username="bea") == []
    assert len(await found(api.client, "audit/list", resource="one", action_kind="Updated")) == 1
    begun = await found(api.client, "audit/list", operation="groups.create", resource_prefix="t")
    assert [each["resource"] for each in begun] == ["three", "two"]
    for other in ("%", "t_", "T"):
        assert await found(api.client, "audit/list", resource_prefix=other) == []
    conditions = {"resource_prefix": "tw", "action_kind": "Created"}
    exported = (await api.client.get(f"{W}/audit/export", params=conditions)).text.splitlines()
    assert [json.loads(line)["resource"] for line in exported] == ["two"]
    middle = rows[1]["timestamp"]
    later = await found(api.client, "audit/list", operation="groups.create", after=middle)
    earlier = await found(api.client, "audit/list", operation="groups.create", before=middle)
    assert [row["resource"] for row in later] == ["three", "two"]
    assert [row["resource"] for row in earlier] == ["one"]
    filters = {"operation": "groups.create", "after": middle, "before_id": rows[0]["id"]}
    assert [row["resource"] for row in await found(api.client, "audit/list", **filters)] == ["two"]
    accounts = (await api.client.get("/api/audit/list", params={"after": "2020-01-01"})).json()
    paged = {"after": "2020-01-01", "before_id": accounts[0]["id"], "per_page": 1}
    assert (await api.client.get("/api/audit/list", params=paged)).json() == accounts[1:2]
    one = await found(api.client, f"audit/get/{rows[0]['id']}")
    assert one == rows[0]
    await found(api.client, "audit/list", status=400, after="yesterday")
    await found(api.client, "audit/list", status=400, before_id="x")


def prefix_of(client: httpx.AsyncClient) -> str:
    """Return the prefix of a client's token."""
    return client.headers["Authorization"].removeprefix("Bearer ")[:12]


async def test_reading_is_recorded(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each filter of the page is a call: the calls of a reader within some minutes are one row, exports one each."""
    ada = await api.member("ada", Role.ADMIN)
    for client in (api.client, ada, api.client, ada):
        await found(client, "audit/list", username="bea")
    for _ in range(2):
        assert (await api.client.get(f"{W}/audit/export", params={"username": "bea"})).status_code == 200
    rows = await found(api.client, "audit/list", operation="audit")
    assert [(row["username"], row["operation"], row.get("parameters")) for row in rows] == [
        ("admin", "audit.export", {"actor": "bea"}),
        ("admin", "audit.export", {"actor": "bea"}),
        ("ada", "audit.list", {"token": prefix_of(ada)}),
        ("admin", "audit.list", {"token": prefix_of(api.client)}),
    ]
    # Neither does another token of the reader read unseen.
    other = client_of(api.app, (await made(ada))[0])
    for client in (other, ada, other):
        await found(client, "audit/list", username="bea")
    rows = await found(api.client, "audit/list", operation="audit.list", username="ada")
    assert [row["parameters"] for row in rows] == [{"token": prefix_of(each)} for each in (other, ada)]
    for _ in range(2):
        await found(api.client, "/api/audit/list")
    instance = await found(api.client, "/api/audit/list", operation="audit")
    assert [row["operation"] for row in instance] == ["audit.list"], "other workspaces have rows of their own"
    # A stolen token does not read unseen behind its owner, nor does a job that acts for the reader.
    transport = httpx.ASGITransport(api.app, client=("10.0.0.9", 1))  # type: ignore[arg-type]
    await found(httpx.AsyncClient(transport=transport, base_url="http://orvanta", headers=ada.headers), "audit/list")
    rows = await found(api.client, "audit/list", operation="audit.list", username="ada")
    assert (len(rows), rows[0]["address"]) == (3, "10.0.0.9")
    job = job_client(api, await claimed(api, await api.preview()))
    for _ in range(2):
        await found(job, "audit/list")
    assert len(await found(api.client, "audit/list", operation="audit.list", username="admin")) == 3
    monkeypatch.setattr(audit_trail, "ONE_READING", timedelta(0))
    await found(ada, "audit/list")
    rows = await found(api.client, "audit/list", operation="audit.list", username="ada")
    assert len(rows) == 4


@pytest.mark.parametrize("newest", [0, 2])
async def test_pages_are_the_same_whether_rows_are_new_or_rare(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch, newest: int
) -> None:
    for number in range(6):
        await api.client.post(f"{W}/groups/create", json={"name": f"g{number}"})
    filters: tuple[dict[str, Any], ...] = (
        {"operation": "groups"},
        {"operation": "groups", "after": "2020-01-01"},
        {"resource_prefix": "g", "per_page": 2, "page": 2},
        {"resource_prefix": "g", "per_page": 2, "page": 3, "after": "2020-01-01"},
        {"username": "admin", "operation": "groups.create", "resource": "g3"},
    )
    await found(api.client, "audit/list")
    expected = [await found(api.client, "audit/list", **each) for each in filters]
    assert [len(each) for each in expected] == [6, 6, 2, 2, 1]
    monkeypatch.setattr(audit, "NEWEST", newest)
    assert [await found(api.client, "audit/list", **each) for each in filters] == expected


async def test_export_has_every_row_once(api: ApiHarness, monkeypatch: Any) -> None:
    monkeypatch.setattr(audit_trail, "_BATCH", 2)
    for number in range(5):
        await api.client.post(f"{W}/groups/create", json={"name": f"g{number}"})
    answer = await api.client.get(f"{W}/audit/export", params={"operation": "groups.create"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["resource"] for line in answer.text.splitlines()] == [f"g{n}" for n in range(5)]
    whole = [json.loads(line)["id"] for line in (await api.client.get(f"{W}/audit/export")).text.splitlines()]
    assert whole == sorted(set(whole)) and len(whole) > 5


async def test_rows_of_other_workspaces_and_instance_are_hidden(api: ApiHarness) -> None:
    """This includes rows that name an account of the workspace, or whose caller sent the workspace in a header."""
    ada = await api.member("ada", Role.ADMIN)
    await api.client.post("/api/users/create", json={"email": "new@example.org"}, headers={"X-Workspace": "main"})
    await api.client.post("/api/w/admins/groups/create", json={"name": "theirs"})
    mine = await found(ada, "audit/list", per_page=1000)
    assert {row["workspace_id"] for row in mine} == {"main"}
    assert "users.create" not in {row["operation"] for row in mine}
    theirs = (await found(api.client, "/api/w/admins/audit/list", operation="groups.create"))[0]["id"]
    await found(ada, f"audit/get/{theirs}", 404)
    await found(ada, "/api/w/admins/audit/list", 404)
    for path in ("/api/audit/list", "/api/audit/export"):
        await found(ada, path, 403)
    instance = await found(api.client, "/api/audit/list", operation="users.create")
    assert instance[0]["resource"] == "new@example.org" and "workspace_id" not in instance[0]


async def test_roles_and_scopes_of_readers(api: ApiHarness) -> None:
    for number, role in enumerate((Role.VIEWER, Role.OPERATOR, Role.DEVELOPER)):
        client = await api.member(f"m{number}", role)
        for path in ("audit/list", "audit/export", "audit/get/1", "tokens/list"):
            await found(client, path, 403)
        assert (await client.delete(f"{W}/tokens/delete/ov_x")).status_code == 403
    reader = client_of(api.app, (await made(api.client, scopes=["audit:read"]))[0])
    await found(reader, "audit/list")
    other = client_of(api.app, (await made(api.client, scopes=["users:read"]))[0])
    await found(other, "audit/list", 403)


async def test_admin_sees_and_revokes_tokens_of_workspace(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    bound, bound_prefix = await made(bea, label="ci", workspace_id="main", scopes=["jobs:run"])
    _, wide_prefix = await made(bea, label="private")
    _, limited_prefix = await made(bea, scopes=["jobs:run:f/plan_x/*", "jobs:run:f/plan_y/*", "jobs:read"])
    assert (await client_of(api.app, bound).get(f"{W}/users/list")).status_code == 403
    rows = {row["token_prefix"]: row for row in await found(api.client, "tokens/list")}
    assert bound not in str(rows)
    one = rows[bound_prefix]
    assert (one["username"], one["label"], one["bound"], one["scopes"]) == ("bea", "ci", True, ["jobs:run"])
    assert one["last_address"] == "127.0.0.1"
    assert not rows[wide_prefix]["bound"] and not {"label", "last_address"} & set(rows[wide_prefix])
    assert rows[limited_prefix]["scopes"] == ["jobs:read", "jobs:run"], "paths may be those of other workspaces"
    zoe = await api.member("zoe", Role.ADMIN, workspace="admins")
    assert bound_prefix not in str(await found(zoe, "/api/w/admins/tokens/list"))
    assert (await zoe.delete(f"/api/w/admins/tokens/delete/{bound_prefix}")).status_code == 404
    assert (await api.client.delete(f"{W}/tokens/delete/{wide_prefix}")).status_code == 403
    assert (await api.client.delete(f"{W}/tokens/delete/{bound_prefix}")).status_code == 200
    assert (await api.client.delete(f"{W}/tokens/delete/{bound_prefix}")).status_code == 404
    assert (await client_of(api.app, bound).get(f"{W}/users/whoami")).status_code == 401
    rows = await found(api.client, "audit/list", operation="tokens.revoke")
    assert [(row["resource"], row["parameters"]) for row in rows] == [(bound_prefix, {"owner": "bea@example.com"})]


async def test_limited_token_revokes_no_token_of_others(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    _, prefix = await made(bea, workspace_id="main")
    limited = client_of(api.app, (await made(api.client, scopes=["tokens:write"]))[0])
    assert (await limited.delete(f"{W}/tokens/delete/{prefix}")).status_code == 403
