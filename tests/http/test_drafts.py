"""Drafts: revisions, visibility to their owner only, access by path, and deletion on deploy."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, script

from orvanta_platform.control.actor import Role

PATH = "f/team/order"
VALUE: dict[str, Any] = {"modules": [script("a")]}
HEAD = {"kind", "path", "seq", "hash", "base_version", "newest_version", "created_at", "edited_at"}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        await made.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
        yield made


async def save(client: httpx.AsyncClient, value: Any, status: int = 200, path: str = PATH, **more: Any) -> Any:
    kind = more.pop("kind", "flow")
    answer = await client.put(f"{W}/drafts/{kind}/{path}", json={"value": value, **more})
    assert answer.status_code == status, answer.text
    return answer.json() if status == 200 else answer.json()["error"]


async def deploy(client: httpx.AsyncClient, path: str = PATH, **more: Any) -> int:
    present = await client.get(f"{W}/flows/exists/{path}")
    call = f"update/{path}" if present.json() else "create"
    answer = await client.post(f"{W}/flows/{call}", json={"path": path, "value": VALUE, **more})
    assert answer.status_code in (200, 201), answer.text
    version: int = (await client.get(f"{W}/flows/get/{path}")).json()["version_id"]
    return version


async def test_draft_is_returned_byte_for_byte(api: ApiHarness) -> None:
    value = '{ "value" : {"modules": [ "not yet"] }, "n":1.50, "source":{"format":"yaml","text":"a: [" } }'
    answer = await api.client.put(f"{W}/drafts/flow/{PATH}", content=f'{{"value":{value},"base_version":null}}')
    assert answer.status_code == 200 and set(answer.json()) == HEAD
    assert answer.json()["hash"] == hashlib.sha256(value.encode()).hexdigest()
    found = await api.client.get(f"{W}/drafts/flow/{PATH}")
    assert f'"value":{value}' in found.text
    assert found.json()["base_version"] is None and found.json()["newest_version"] is None
    assert [each["path"] for each in await api.get("drafts/list/flow")] == [PATH]
    assert await api.get("drafts/list/script") == []


async def test_save_requires_current_revision(api: ApiHarness) -> None:
    base = await deploy(api.client)
    first = await save(api.client, {"n": 1}, base_version=base)
    second = await save(api.client, {"n": 2}, base_version=base, seq=first["seq"])
    assert second["seq"] > first["seq"] and second["created_at"] == first["created_at"]
    error = await save(api.client, {"n": 3}, 409, base_version=base, seq=first["seq"])
    assert error["code"] == "draft_conflict"
    details = error["details"]
    assert details["base"]["version"] == base and len(details["base"]["hash"]) == 64
    assert (details["theirs"]["seq"], details["theirs"]["hash"]) == (second["seq"], second["hash"])
    assert details["mine"]["seq"] == first["seq"] and details["mine"]["hash"] not in (
        first["hash"],
        second["hash"],
    )
    assert (await save(api.client, {"n": 4}, 409))["code"] == "draft_conflict"
    assert (await api.get(f"drafts/flow/{PATH}"))["value"] == {"n": 2}


async def test_save_can_be_repeated_after_lost_response(api: ApiHarness) -> None:
    first = await save(api.client, {"n": 1})
    second = await save(api.client, {"n": 2}, seq=first["seq"])
    assert await save(api.client, {"n": 2}, seq=first["seq"]) == second


async def test_concurrent_first_saves_conflict(api: ApiHarness) -> None:
    calls = [api.client.put(f"{W}/drafts/flow/{PATH}", json={"value": {"n": n}}) for n in range(8)]
    found = sorted(answer.status_code for answer in await asyncio.gather(*calls))
    assert found == [200] + [409] * 7


async def test_discarded_draft_differs_from_later_one(api: ApiHarness) -> None:
    first = await save(api.client, {"n": 1})
    url = f"{W}/drafts/delete/flow/{PATH}"
    conflict = await api.client.delete(url, params={"seq": first["seq"] + 1})
    assert conflict.status_code == 409
    assert (await api.client.delete(url, params={"seq": first["seq"]})).status_code == 200
    assert (await api.client.delete(url)).status_code == 404
    gone = await save(api.client, {"n": 2}, 409, seq=first["seq"])
    assert gone["details"]["theirs"] is None and gone["details"]["base"] is None
    await save(api.client, {"n": 3})
    await save(api.client, {"n": 2}, 409, seq=first["seq"])


async def test_deploy_by_another_user_is_reported(api: ApiHarness) -> None:
    base = await deploy(api.client)
    await save(api.client, {"n": 1}, base_version=base)
    newest = await deploy(api.client, summary="later")
    found = await api.get(f"drafts/flow/{PATH}")
    assert (found["base_version"], found["newest_version"]) == (base, newest)
    await deploy(api.client, "f/team/other")
    shown = {each["path"]: each["has_draft"] for each in await api.get("flows/list")}
    assert shown == {PATH: True, "f/team/other": False}
    bea = await api.member("bea", Role.DEVELOPER)
    assert not any(each["has_draft"] for each in (await bea.get(f"{W}/flows/list")).json())


async def test_drafts_of_others_are_listed_but_not_opened(api: ApiHarness) -> None:
    base = await deploy(api.client)
    bea, cat = await api.member("bea", Role.DEVELOPER), await api.member("cat", Role.OPERATOR)
    await save(bea, {"n": "of bea"}, base_version=base)
    await save(api.client, {"n": 1})
    await save(bea, {"n": 1}, path="u/bea/own")
    url = f"{W}/drafts/others/flow/{PATH}"
    (seen,) = (await api.client.get(url)).json()
    assert (seen.pop("edited_at") is not None, seen) == (True, {"owner": "bea", "base_version": base})
    assert [each["owner"] for each in (await bea.get(url)).json()] == ["admin"]
    assert (await cat.get(url)).status_code == 403
    # The editor opens items for everyone who may read them.
    assert (await cat.get(f"{W}/drafts/flow/{PATH}")).json() is None
    assert (await cat.get(f"{W}/drafts/flow/f/secret/x")).status_code == 404
    assert (await api.client.get(f"{W}/drafts/others/flow/f/team/new")).json() == []
    assert (await bea.get(f"{W}/drafts/others/flow/f/secret/x")).status_code == 404
    assert (await api.client.get(f"{W}/drafts/flow/{PATH}")).json()["value"] == {"n": 1}
    assert (await bea.delete(f"{W}/drafts/flow/{PATH}")).status_code == 200
    assert (await api.client.get(url)).json() == []


async def test_draft_only_item_has_no_version(api: ApiHarness) -> None:
    body = {"path": PATH, "summary": "Order", "value": VALUE, "draft_only": True}
    made = await api.client.post(f"{W}/flows/create", json=body)
    assert (made.status_code, made.text) == (201, PATH)
    code = {"path": "f/team/code", "summary": "", "content": "echo 1", "language": "bash", "draft_only": True}
    made = await api.client.post(f"{W}/scripts/create", json=code)
    saved = await api.get("drafts/script/f/team/code")
    assert made.text == saved["hash"]
    assert saved["value"] == {"summary": "", "content": "echo 1", "language": "bash"}
    source = (await api.get(f"drafts/flow/{PATH}"))["value"]["source"]
    assert json.loads(source["text"]) == {"summary": "Order", "value": VALUE}
    assert await api.get("flows/list") == [] and await api.get("scripts/list") == []
    for kind in ("flow", "script"):
        await save(api.client, {"summary": 1}, path=f"f/team/odd_{kind}", kind=kind)
    for kind, path, summary in (("flows", PATH, "Order"), ("scripts", "f/team/code", "")):
        drafts = await api.get(f"{kind}/list", include_draft_only=True, path_start="f/team/")
        assert {each["path"]: each["summary"] for each in drafts} == {path: summary, f"f/team/odd_{kind[:-1]}": ""}
        assert all(each["draft_only"] and each["has_draft"] for each in drafts)
        for more in ({"path_start": "f/other"}, {"page": 2}, {"starred_only": True}, {"created_by": "bea"}):
            assert await api.get(f"{kind}/list", include_draft_only=True, **more) == []
    for call in (f"jobs/run/f/{PATH}", "jobs/run/p/f/team/code"):
        assert (await api.client.post(f"{W}/{call}", json={})).status_code == 404
    await deploy(api.client)
    again = await api.client.post(f"{W}/flows/create", json=body)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_exists")
    listed = await api.get("flows/list", include_draft_only=True)
    assert [(each["path"], "draft_only" in each) for each in listed] == [("f/team/odd_flow", True), (PATH, False)]
    bea = await api.member("bea", Role.DEVELOPER)
    assert (await bea.get(f"{W}/scripts/list", params={"include_draft_only": True})).json() == []
    assert (await bea.post(f"{W}/scripts/create", json={**code, "path": "f/secret/x"})).status_code == 404
    assert (await bea.post(f"{W}/scripts/create", json={"draft_only": True})).status_code == 400


async def test_drafts_are_read_only_with_permission(api: ApiHarness) -> None:
    vic, bea = await api.member("vic", Role.VIEWER), await api.member("bea", Role.DEVELOPER)
    limited = await api.member("eve", Role.DEVELOPER, scopes=["flows:write"])
    for client, method, call, status in (
        (vic, "POST", "drafts/create", 403),
        (vic, "PUT", f"drafts/flow/{PATH}", 403),
        (bea, "PUT", "drafts/flow/f/secret/x", 404),
        (limited, "POST", "drafts/create", 400),
    ):
        answer = await client.request(method, f"{W}/{call}", content=b'{"value":')
        assert answer.status_code == status, (call, answer.text)
    large = {"path": PATH, "value": {**VALUE, "note": "x" * (300 << 10)}, "draft_only": True}
    assert (await bea.post(f"{W}/flows/create", json=large)).status_code == 201
    null = await bea.post(f"{W}/flows/create", json={**large, "path": "f/team/\0"})
    assert (null.status_code, null.json()["error"]["code"]) == (400, "bad_request")
    wrong = await bea.post(f"{W}/flows/create", content=b"[" + b" " * (300 << 10) + b"]")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "bad_request")


async def test_deployed_draft_is_removed(api: ApiHarness) -> None:
    saved = await save(api.client, {"n": 1})
    await deploy(api.client, draft_revision=saved["seq"])
    assert await api.get("drafts/list/flow") == []
    assert "draft_revision" not in await api.get(f"flows/get/{PATH}")
    old = await save(api.client, {"n": 2})
    await save(api.client, {"n": 3}, seq=old["seq"])
    await deploy(api.client, draft_revision=old["seq"])
    assert (await api.get(f"drafts/flow/{PATH}"))["value"] == {"n": 3}


async def test_drafts_of_scripts(api: ApiHarness) -> None:
    body = {"path": PATH, "summary": "", "content": "echo 1", "language": "bash"}
    digest = (await api.client.post(f"{W}/scripts/create", json=body)).text
    base = (await api.get(f"scripts/get/h/{digest}"))["version_id"]
    saved = await save(api.client, {"content": "echo 2"}, kind="script", base_version=base)
    assert (await api.get("scripts/list", path_start=PATH))[0]["has_draft"] is True
    more = {"parent_hash": digest, "draft_revision": saved["seq"], "content": "echo 2"}
    assert (await api.client.post(f"{W}/scripts/create", json=body | more)).status_code == 201
    assert await api.get(f"drafts/script/{PATH}") is None
    assert (await api.get("scripts/list", path_start=PATH))[0]["has_draft"] is False
    assert (await save(api.client, {}, 400, base_version=base))["code"] == "bad_request"


async def test_create_without_revision_replaces_draft(api: ApiHarness) -> None:
    for n in (1, 2):
        body = {"path": PATH, "typ": "flow", "value": {"n": n}}
        assert (await api.client.post(f"{W}/drafts/create", json=body)).status_code == 201
    assert (await api.get(f"drafts/flow/{PATH}"))["value"] == {"n": 2}


async def test_draft_is_visible_to_owner_only(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    await save(api.client, {"whose": "admin"})
    missing = await bea.get(f"{W}/drafts/flow/{PATH}")
    assert (missing.status_code, missing.json()) == (200, None)
    assert (await bea.get(f"{W}/drafts/list/flow")).json() == []
    await save(bea, {"whose": "bea"})
    assert (await bea.delete(f"{W}/drafts/delete/flow/{PATH}")).status_code == 200
    assert (await api.get(f"drafts/flow/{PATH}"))["value"] == {"whose": "admin"}


async def test_hidden_path_has_no_drafts(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    await deploy(api.client, "f/secret/order")
    for path in ("f/secret/order", "f/secret/new", "u/admin/new", "f/nowhere/new"):
        await save(bea, {}, 404, path)
        assert (await bea.get(f"{W}/drafts/flow/{path}")).status_code == 404
    assert (await save(bea, {}, path="u/bea/new"))["path"] == "u/bea/new"
    await save(bea, {"n": 1})
    await api.client.post(f"{W}/folders/removeowner/team", json={"owner": "g/all"})
    assert [each["path"] for each in (await bea.get(f"{W}/drafts/list/flow")).json()] == ["u/bea/new"]
    viewer = await api.member("vic", Role.VIEWER)
    await save(viewer, {}, 403, "u/vic/new")
    limited = await api.member("lim", Role.DEVELOPER, scopes=["flows:read"])
    await save(limited, {}, 403, "u/lim/new")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"value": [1]}, 400),
        ({"value": "text"}, 400),
        ({}, 400),
        ({"value": {}, "base_version": 999_999}, 400),
        ({"value": {}, "seq": "x"}, 400),
        ({"value": {"text": "x" * (10 << 20)}}, 413),
    ],
)
async def test_invalid_draft_is_refused(api: ApiHarness, body: dict[str, Any], status: int) -> None:
    await save(api.client, {}, 400, "no/path")
    answer = await api.client.put(f"{W}/drafts/flow/{PATH}", json=body)
    assert answer.status_code == status, answer.text
    assert (await api.client.get(f"{W}/drafts/app/{PATH}")).status_code == 404


async def test_saves_leave_one_row_and_one_audit_entry(api: ApiHarness) -> None:
    revision = None
    for n in range(20):
        revision = (await save(api.client, {"n": n}, seq=revision))["seq"]
    async with api.platform.db.acquire() as conn:
        lines = await conn.fetch("SELECT operation FROM audit WHERE operation LIKE 'drafts.%'")
        rows = await conn.fetchval("SELECT count(*) FROM draft")
    assert ([each["operation"] for each in lines], rows) == (["drafts.create"], 1)
