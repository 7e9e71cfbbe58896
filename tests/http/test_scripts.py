"""Scripts: deployment, byte-for-byte storage, lists, archiving and deletion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role

PATH = "f/sales/import"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "order": ["n"]}
BODY: dict[str, Any] = {
    "path": PATH,
    "summary": "Import",
    "description": "",
    "content": "def main(n: int):\n    return n\n",
    "language": "python3",
    "schema": SCHEMA,
    "is_template": False,
    "kind": "script",
    "tag": "heavy",
    "envs": ["A=1"],
    "labels": ["x"],
    "unknown_key": {"b": 1, "a": [1.50, 1e2]},
}
REQUIRED = {
    *("hash", "path", "summary", "description", "content", "created_by", "created_at", "archived", "deleted"),
    *("is_template", "extra_perms", "language", "kind", "starred", "has_preprocessor"),
}


async def create(api: ApiHarness, *, noop: bool = False, status: int = 201, **changes: Any) -> str:
    query = {"skip_if_noop": "true"} if noop else {}
    answer = await api.client.post(f"{W}/scripts/create", json=BODY | changes, params=query)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_script_is_returned_unchanged(api: ApiHarness) -> None:
    """Options of the published command-line client are not stored."""
    options = {"auto_parent": True, "preserve_on_behalf_of": True, "skip_draft_deletion": True}
    answer = await api.client.post(f"{W}/scripts/create", json=BODY | options)
    assert answer.status_code == 201 and answer.headers["content-type"].startswith("text/plain")
    assert len(answer.text) == 16
    for path in (f"get/p/{PATH}", f"get/h/{answer.text}"):
        found = await api.get(f"scripts/{path}")
        assert set(found) >= REQUIRED
        assert {key: found[key] for key in BODY} == BODY and not options.keys() & found.keys()
        assert found["hash"] == answer.text and found["workspace_id"] == "main" and found["created_by"] == "admin"
        assert "parent_hashes" not in found and "lock_error_logs" not in found
    raw = await api.client.get(f"{W}/scripts/get/p/{PATH}")
    assert '"unknown_key":{"b":1,"a":[1.5,100.0]}' in raw.text


async def test_raw_text(api: ApiHarness) -> None:
    digest = await create(api)
    for path in (f"raw/p/{PATH}", f"raw/p/{PATH}.py", f"raw/h/{digest}", f"raw/h/{digest}.py"):
        answer = await api.client.get(f"{W}/scripts/{path}")
        assert answer.text == BODY["content"] and answer.headers["content-type"].startswith("text/plain")


async def test_new_version_needs_parent_hash(api: ApiHarness) -> None:
    first = await create(api)
    error = await api.client.post(f"{W}/scripts/create", json=BODY)
    assert error.status_code == 409 and first in error.json()["error"]["hint"]
    second = await create(api, content="def main(): pass", parent_hash=first)
    stale = await api.client.post(f"{W}/scripts/create", json=BODY | {"parent_hash": first})
    assert stale.status_code == 409 and stale.json()["error"]["code"] == "version_conflict"
    assert stale.json()["error"]["details"]["newest"] == second
    third = await create(api, parent_hash=second)
    assert len({first, second, third}) == 3, "returning to an old text is a new version"
    found = await api.get(f"scripts/get/p/{PATH}")
    assert found["hash"] == third and found["parent_hashes"] == [second, first]
    await create(api, parent_hash="0" * 16, status=400)


async def test_unchanged_deploy_creates_no_version(api: ApiHarness) -> None:
    first = await create(api, noop=True)
    assert await create(api, noop=True) == first
    assert await create(api, noop=True, parent_hash=first, deployment_message="again") == first
    assert await create(api, noop=True, concurrent_limit=None) == first
    for change in ({"content": "x"}, {"summary": "y"}, {"schema": None}, {"tag": "z"}, {"lock": "a==1"}):
        assert await create(api, noop=True, parent_hash=first, **change) != first
        stage_hash = (await api.get(f"scripts/get/p/{PATH}"))["hash"]
        first = await create(api, parent_hash=stage_hash)


async def test_history_and_the_deployment_status(api: ApiHarness) -> None:
    first = await create(api, deployment_message="first")
    second = await create(api, parent_hash=first, summary="b")
    assert await api.get(f"scripts/history/p/{PATH}") == [
        {"script_hash": second},
        {"script_hash": first, "deployment_msg": "first"},
    ]
    assert await api.get(f"scripts/deployment_status/h/{second}") == {"lock": ""}


async def test_lists(api: ApiHarness) -> None:
    await create(api)
    await create(api, path="f/sales/two", language="bash", kind="approval")
    await create(api, path="u/admin/three")
    found = await api.get("scripts/list")
    assert [each["path"] for each in found] == ["u/admin/three", "f/sales/two", PATH]
    assert all(set(each) >= REQUIRED and each["content"] == "" for each in found)

    async def paths(**query: Any) -> list[str]:
        return [each["path"] for each in await api.get("scripts/list", **query)]

    assert await paths(path_start="f/sales/") == ["f/sales/two", PATH]
    assert await paths(path_exact=PATH) == [PATH]
    assert await paths(languages="bash") == ["f/sales/two"]
    assert await paths(kinds="approval,trigger") == ["f/sales/two"]
    assert await paths(created_by="somebody") == []
    assert await paths(order_desc="false") == [PATH, "f/sales/two", "u/admin/three"]
    assert await paths(page=0, per_page=2) == ["u/admin/three", "f/sales/two"]
    assert await paths(page=2, per_page=2, nonsense="1") == [PATH]
    assert await api.get("scripts/list_paths") == [PATH, "f/sales/two", "u/admin/three"]
    assert (await api.client.get(f"{W}/scripts/list", params={"page": "x"})).status_code == 400


async def test_lists_have_the_conditions_of_the_published_client(api: ApiHarness) -> None:
    """A label matches as a whole, in any spelling of its JSON."""
    await create(api, labels=["Größe", "a"], description="Long", deployment_message="First")
    await create(api, path="f/sales/two", is_template=True, dedicated_worker=True, labels=["aa"])
    flow = {"value": {"modules": []}, "summary": "", "labels": ["Größe"], "description": "Long"}
    escaped = json.dumps({**flow, "path": "f/sales/flow", "deployment_message": "Second"})
    assert (await api.client.post(f"{W}/flows/create", content=escaped)).status_code == 201

    async def paths(kind: str = "scripts", **query: Any) -> list[str]:
        return [each["path"] for each in await api.get(f"{kind}/list", **query)]

    assert await paths(is_template="true") == await paths(dedicated_worker="true") == ["f/sales/two"]
    assert await paths(is_template="false") == await paths(dedicated_worker="false") == [PATH]
    assert await paths(label="Größe") == await paths(label="a") == [PATH]
    assert await paths("flows", label="Größe") == ["f/sales/flow"] and await paths("flows", label="a") == []
    for kind, path, message in (("scripts", PATH, "First"), ("flows", "f/sales/flow", "Second")):
        (plain,) = await api.get(f"{kind}/list", path_exact=path)
        assert plain["description"] == "Long" and "deployment_msg" not in plain
        query = {"with_deployment_msg": "true", "without_description": "true"}
        (row,) = await api.get(f"{kind}/list", path_exact=path, **query)
        assert (row["description"], row["deployment_msg"]) == ("", message)


async def test_archived_script_is_hidden_from_lists_but_readable(api: ApiHarness) -> None:
    first = await create(api)
    assert await api.get(f"scripts/exists/p/{PATH}") is True
    for _ in range(2):
        assert (await api.client.post(f"{W}/scripts/archive/p/{PATH}")).status_code == 200
    assert await api.get(f"scripts/exists/p/{PATH}") is False
    assert await api.get("scripts/list") == []
    assert [each["path"] for each in await api.get("scripts/list", show_archived="true")] == [PATH]
    assert (await api.get(f"scripts/get/p/{PATH}"))["archived"] is True
    assert (await api.client.post(f"{W}/jobs/run/p/{PATH}", json={"n": 1})).status_code == 404
    assert await create(api, content="back") != first
    assert (await api.get(f"scripts/get/p/{PATH}"))["archived"] is False


async def test_deleted_script_frees_its_path(api: ApiHarness) -> None:
    first = await create(api)
    answer = await api.client.post(f"{W}/scripts/delete/p/{PATH}")
    assert answer.status_code == 200 and answer.json() == PATH
    gone = [f"get/p/{PATH}", f"get/h/{first}", f"raw/p/{PATH}", f"history/p/{PATH}", f"deployment_status/h/{first}"]
    for path in gone:
        assert (await api.client.get(f"{W}/scripts/{path}")).status_code == 404, path
    assert (await api.client.post(f"{W}/scripts/delete/p/{PATH}")).status_code == 404
    second = await create(api, content="new")
    assert await api.get(f"scripts/history/p/{PATH}") == [{"script_hash": second}]


async def test_one_version_is_archived_or_deleted(api: ApiHarness) -> None:
    first = await create(api)
    second = await create(api, parent_hash=first, summary="b")
    answer = await api.client.post(f"{W}/scripts/archive/h/{second}")
    assert answer.status_code == 200 and answer.json()["archived"] is True
    assert (await api.get(f"scripts/get/p/{PATH}"))["hash"] == first
    answer = await api.client.post(f"{W}/scripts/delete/h/{first}")
    assert answer.status_code == 200 and answer.json()["deleted"] is True
    assert (await api.client.get(f"{W}/scripts/get/h/{first}")).status_code == 404
    assert (await api.client.post(f"{W}/jobs/run/p/{PATH}", json={"n": 1})).status_code == 404


async def test_script_moves_with_parent_hash(api: ApiHarness) -> None:
    first = await create(api)
    await create(api, path="f/sales/moved", parent_hash=first)
    assert await api.get(f"scripts/exists/p/{PATH}") is False
    assert await api.get("scripts/list_paths") == ["f/sales/moved"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"path": "f/../x"}, 400, "bad_request"),
        ({"path": "sales/import"}, 400, "bad_request"),
        ({"path": "f/x/y\0"}, 400, "bad_request"),
        ({"language": "no language"}, 400, "invalid_script"),
        ({"language": None}, 400, "bad_request"),
        ({"content": "a\0b"}, 400, "invalid_script"),
        ({"content": 1}, 400, "bad_request"),
        ({"kind": "poem"}, 400, "bad_request"),
        ({"schema": {"type": "nothing"}}, 400, "bad_request"),
        ({"schema": {"properties": {"a": {"$ref": "http://127.0.0.1:1/x"}}}}, 400, "bad_request"),
        ({"schema": {"default": 2**60 + 1}}, 400, "bad_request"),
        ({"summary": "a\0b"}, 201, None),
    ],
)
async def test_undeployable_items_are_refused(
    api: ApiHarness, change: dict[str, Any], status: int, code: str | None
) -> None:
    answer = await api.client.post(f"{W}/scripts/create", json=BODY | change)
    assert answer.status_code == status, answer.text
    if code:
        assert answer.json()["error"]["code"] == code
        assert await api.get("scripts/list") == []


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"path": "\xff"}', b'{"a": ' * 20_000, b'{"a":' + b"[" * 20_000]
)
async def test_malformed_bodies_are_refused(api: ApiHarness, body: bytes) -> None:
    assert (await api.client.post(f"{W}/scripts/create", content=body)).status_code == 400


async def test_syntax_error_is_deployed_and_nothing_runs(api: ApiHarness, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    await create(api, content=f"open({str(touched)!r}, 'w')\ndef main(:\n")
    assert not touched.exists()


async def test_deploy_by_admin_creates_folder_and_other_deploys_are_refused(api: ApiHarness) -> None:
    bea = await api.member("bea", role=Role.DEVELOPER)
    refused = await bea.post(f"{W}/scripts/create", json=BODY)
    assert refused.status_code == 404 and "admin" in refused.json()["error"]["hint"]
    await create(api)
    folder = await api.get("folders/get/sales")
    assert folder["owners"] == ["u/admin"]
    assert (await bea.get(f"{W}/scripts/get/p/{PATH}")).status_code == 404
    await api.client.post(f"{W}/folders/addowner/sales", json={"owner": "u/bea"})
    assert (await bea.get(f"{W}/scripts/get/p/{PATH}")).status_code == 200
    assert (await bea.post(f"{W}/scripts/create", json=BODY | {"path": "f/sales/hers"})).status_code == 201


async def test_writes_are_audited_in_same_transaction(api: ApiHarness) -> None:
    first = await create(api)
    await create(api, parent_hash=first, summary="b")
    await api.client.post(f"{W}/scripts/archive/p/{PATH}")
    await api.client.post(f"{W}/scripts/delete/p/{PATH}")
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT operation, action_kind FROM audit WHERE resource = $1 ORDER BY id", PATH)
    assert [tuple(row) for row in rows] == [
        ("scripts.create", "Created"),
        ("scripts.update", "Updated"),
        ("scripts.archive", "Updated"),
        ("scripts.delete", "Delete"),
    ]
