"""Workflows: deployment, byte-for-byte storage, validation, moving and deletion."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role

PATH = "f/sales/order"
VALUE: dict[str, Any] = {"modules": [script("a"), script("b")]}
REQUIRED = {"summary", "value", "path", "edited_by", "edited_at", "archived", "extra_perms"}
LIST_REQUIRED = {
    *("workspace_id", "path", "summary", "edited_by", "edited_at", "archived", "extra_perms", "starred", "has_draft"),
}
YAML = """\
# what happens with an order
summary: Orders
value:
  modules:
    - id: a   # first
      value: {type: identity}
schema:
  properties: {n: {type: integer}}
"""


async def create(api: ApiHarness, status: int = 201, **changes: Any) -> Any:
    body = {"path": PATH, "summary": "Orders", "value": VALUE} | changes
    answer = await api.client.post(f"{W}/flows/create", json=body)
    assert answer.status_code == status, answer.text
    return answer.text if status == 201 else answer.json()["error"]


async def update(api: ApiHarness, status: int = 200, path: str = PATH, **changes: Any) -> Any:
    body = {"path": path, "summary": "Orders", "value": VALUE} | changes
    answer = await api.client.post(f"{W}/flows/update/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.text if status == 200 else answer.json()["error"]


async def test_document_is_returned_byte_for_byte(api: ApiHarness) -> None:
    value = '{ "modules" : [ {"value":{"type":"identity", "extra": 1.50},"id":"a", "summary":null} ],"zzz":[] }'
    schema = '{"type":"object" , "properties":{"n":{"type":"integer"}}, "order":["n"]}'
    body = f'{{"path":"{PATH}","summary":"S","value":{value},"schema":{schema},"tag":"heavy","other":[1, 2]}}'
    answer = await api.client.post(f"{W}/flows/create", content=body)
    assert answer.status_code == 201 and answer.text == PATH
    assert answer.headers["content-type"].startswith("text/plain")
    text = (await api.client.get(f"{W}/flows/get/{PATH}")).text
    assert f'"value":{value}' in text and f'"schema":{schema}' in text
    found = await api.get(f"flows/get/{PATH}")
    assert set(found) >= REQUIRED and found["tag"] == "heavy" and found["other"] == [1, 2]
    assert "source" not in found


async def test_versions(api: ApiHarness) -> None:
    await create(api, deployment_message="first")
    await update(api, value={"modules": [script("c")]})
    history = await api.get(f"flows/history/p/{PATH}")
    assert [set(each) for each in history] == [{"id", "created_at"}, {"id", "created_at", "deployment_msg"}]
    old = await api.get(f"flows/get/v/{history[1]['id']}")
    assert old["value"] == VALUE and old["version_id"] == history[1]["id"]
    assert (await api.get(f"flows/get_latest_version/{PATH}"))["id"] == history[0]["id"]
    assert (await api.get(f"flows/get/{PATH}"))["value"]["modules"][0]["id"] == "c"
    assert await api.get(f"flows/deployment_status/p/{PATH}") == {"lock": ""}
    assert (await api.client.get(f"{W}/flows/get/v/999999")).status_code == 404
    assert (await api.client.get(f"{W}/flows/get/v/{10**30}")).status_code in (400, 404)


async def test_deploy_over_newer_version_is_conflict(api: ApiHarness) -> None:
    await create(api)
    base = (await api.get(f"flows/get/{PATH}"))["version_id"]
    await update(api, base_version=base, value={"modules": [script("theirs")]})
    error = await update(api, 409, base_version=base, value={"modules": [script("mine")]})
    assert error["code"] == "version_conflict" and error["details"]["base"] == base
    assert error["details"]["theirs"]["value"]["modules"][0]["id"] == "theirs"
    assert error["details"]["mine"]["value"]["modules"][0]["id"] == "mine"
    assert (await create(api, 409))["code"] == "already_exists"


async def test_yaml_comments_are_preserved(api: ApiHarness) -> None:
    source = {"format": "yaml", "text": YAML}
    body = {"path": PATH, "source": source}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    found = await api.get(f"flows/get/{PATH}")
    assert found["source"] == source and found["source_members"] == {"summary": "Orders"}
    assert found["summary"] == "Orders"
    assert found["value"] == {"modules": [{"id": "a", "value": {"type": "identity"}}]}
    await update(api, **{name: found[name] for name in ("value", "schema", "source_members")})
    again = await api.get(f"flows/get/{PATH}")
    assert again["source_members"] == {"summary": "Orders"}
    assert again["source"] == found["source"] and again["version_id"] != found["version_id"]
    await update(api, value=VALUE)
    changed = await api.get(f"flows/get/{PATH}")
    assert changed["value"] == VALUE and changed["source"]["text"].startswith("# what happens with an order\n")


async def test_invalid_document_is_refused_with_all_errors(api: ApiHarness) -> None:
    nodes = [script("a", needs=["b"]), script("b", needs=["a"]), script("c", needs=["nobody"])]
    error = await create(api, 400, value={"modules": nodes})
    assert error["code"] == "invalid_workflow"
    found = {each["node"]: each for each in error["details"]}
    assert set(found) == {"a", "c"} and "b" in found["a"]["message"] and "nobody" in found["c"]["message"]
    assert all(set(each) == {"code", "severity", "node", "path", "message"} for each in error["details"])
    assert (await api.client.get(f"{W}/flows/get/{PATH}")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"value": {"modules": [{"id": "a", "value": {"type": "forloopflow", "modules": []}}]}}, "invalid_workflow"),
        ({"value": {"modules": {}}}, "invalid_workflow"),
        ({"value": []}, "invalid_workflow"),
        ({"value": None}, "bad_request"),
        ({"schema": {"type": "nothing"}}, "invalid_workflow"),
        ({"source": {"format": "yaml", "text": "value: !!python/object/apply:os.system [x]"}}, "invalid_workflow"),
        ({"source": {"format": "yaml", "text": "a: [b"}}, "invalid_workflow"),
        ({"source": {"format": "toml", "text": ""}}, "bad_request"),
        ({"path": "order"}, "bad_request"),
        ({"base_version": "x"}, "bad_request"),
    ],
)
async def test_undeployable_items_are_refused(api: ApiHarness, changes: dict[str, Any], code: str) -> None:
    assert (await create(api, 400, **changes))["code"] == code
    assert await api.get("flows/list") == []


@pytest.mark.parametrize(
    "value",
    [
        '{"modules":' + "[" * 10_000 + "]" * 10_000 + "}",
        '{"modules":[1e999]}',
        '{"modules":[' + "9" * 500 + "]}",
        '{"modules":["\\u0000"]}',
        '{"modules":["' + "x" * 11_000_000 + '"]}',
    ],
    ids=["deep", "infinite", "huge number", "nul", "11 MB"],
)
async def test_harmful_documents_are_refused(api: ApiHarness, value: str) -> None:
    body = f'{{"path":"{PATH}","summary":"","value":{value}}}'
    answer = await api.client.post(f"{W}/flows/create", content=body)
    assert answer.status_code == 400, answer.text[:300]
    assert answer.json()["error"]["code"] in ("invalid_workflow", "bad_request")


async def test_archive_delete_exists_and_lists(api: ApiHarness) -> None:
    await create(api)
    await create(api, path="u/admin/two")
    listed = await api.get("flows/list")
    assert [each["path"] for each in listed] == ["u/admin/two", PATH]
    assert all(set(each) >= LIST_REQUIRED and not {"value", "schema"} & set(each) for each in listed)
    assert await api.get("flows/list_paths") == [PATH, "u/admin/two"]
    await api.client.post(f"{W}/flows/archive/{PATH}", json={"archived": True})
    assert await api.get(f"flows/exists/{PATH}") is False
    await api.client.post(f"{W}/flows/archive/{PATH}", json={"archived": False})
    assert await api.get(f"flows/exists/{PATH}") is True
    assert (await api.client.delete(f"{W}/flows/delete/{PATH}")).status_code == 200
    assert (await api.client.get(f"{W}/flows/get/{PATH}")).status_code == 404
    bea = await api.member("bea", role=Role.DEVELOPER)
    for client, path, status in ((api.client, PATH, 200), (bea, PATH, 404), (api.client, "u/admin/never", 404)):
        assert (await client.delete(f"{W}/flows/delete/{path}")).status_code == status
    assert len(await api.get("audit/list", operation="flows.delete")) == 1
    await create(api)
    assert len(await api.get(f"flows/history/p/{PATH}")) == 1


async def test_update_moves_workflow(api: ApiHarness) -> None:
    await create(api)
    await create(api, path="f/sales/taken")
    body = {"path": "f/sales/taken", "summary": "", "value": VALUE}
    assert (await api.client.post(f"{W}/flows/update/{PATH}", json=body)).status_code == 409
    answer = await api.client.post(f"{W}/flows/update/{PATH}", json=body | {"path": "f/sales/moved"})
    assert answer.status_code == 200 and answer.text == "f/sales/moved"
    assert await api.get("flows/list_paths") == ["f/sales/moved", "f/sales/taken"]
    assert (await update(api, 404, path="f/sales/nothing"))["code"] == "not_found"


async def test_unreadable_script_cannot_be_referenced(api: ApiHarness) -> None:
    code = {"summary": "", "content": "echo", "language": "bash"}
    for path in ("f/secret/tool", "f/open/tool", "f/secret/shared"):
        assert (await api.client.post(f"{W}/scripts/create", json={**code, "path": path})).status_code == 201
    async with api.platform.db.acquire() as conn:
        query = """UPDATE item SET extra_perms = '{"u/bea": false}' WHERE path = 'f/secret/shared'"""
        await conn.execute(query)
    await api.client.post(f"{W}/folders/create", json={"name": "hers", "owners": ["u/bea"]})
    await api.client.post(f"{W}/folders/update/open", json={"extra_perms": {"g/all": False}})
    bea = await api.member("bea", role=Role.DEVELOPER)

    async def deploy(path: str) -> Any:
        named = {"id": "a", "value": {"type": "script", "path": path, "input_transforms": {}}}
        body = {"path": "f/hers/x", "summary": "", "value": {"modules": [named]}}
        answer = await bea.post(f"{W}/flows/create", json=body)
        await bea.delete(f"{W}/flows/delete/f/hers/x")
        return answer

    for path in ("f/secret/tool", "f/secret/nothing"):
        refused = await deploy(path)
        assert refused.status_code == 400, refused.text
        (found,) = refused.json()["error"]["details"]
        assert found["code"] == "script_not_readable" and found["node"] == "a" and path in found["message"]
        assert found["path"] == "/value/modules/0/value/path"
    for path in ("f/open/tool", "f/secret/shared", "f/hers/not_yet"):
        answer = await deploy(path)
        assert answer.status_code == 201, answer.text


async def test_concurrent_deploys_are_serialized(api: ApiHarness) -> None:
    await create(api)
    base = (await api.get(f"flows/get/{PATH}"))["version_id"]
    body = {"path": PATH, "summary": "", "value": VALUE, "base_version": base}
    calls = [api.client.post(f"{W}/flows/update/{PATH}", json=body | {"summary": str(n)}) for n in range(6)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*calls))
    assert statuses == [200, 409, 409, 409, 409, 409]
    assert len(await api.get(f"flows/history/p/{PATH}")) == 2
