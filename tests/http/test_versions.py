"""Versions: history, diff, restoring of old versions, archiving and restoring of items."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, script

from orvanta_platform.control.actor import Role

PATH = "f/team/order"
YAML = "# kept\nsummary: Orders\nvalue:\n  modules:\n    - {id: a, value: {type: identity}}   # first\n"
BASH = {"path": PATH, "summary": "", "content": "echo 1", "language": "bash"}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        await made.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
        yield made


async def deploy(api: ApiHarness, *nodes: dict[str, Any], path: str = PATH, **more: Any) -> int:
    present = (await api.client.get(f"{W}/flows/exists/{path}")).json()
    body = {"path": path, "value": {"modules": list(nodes)}, **more}
    answer = await api.client.post(f"{W}/flows/{f'update/{path}' if present else 'create'}", json=body)
    assert answer.status_code in (200, 201), answer.text
    version: int = (await api.get(f"flows/get/{path}"))["version_id"]
    return version


async def restore(api: ApiHarness, kind: str, version: int, status: int = 201, **more: Any) -> Any:
    answer = await api.client.post(f"{W}/versions/restore/{kind}/{PATH}", json={"version": version, **more})
    assert answer.status_code == status, answer.text
    return answer.json()["version_id"] if status == 201 else answer.json()["error"]


async def test_history_has_author_time_and_message(api: ApiHarness) -> None:
    first = await deploy(api, script("a"), deployment_message="first")
    second = await deploy(api, script("b"))
    found = await api.get(f"versions/list/flow/{PATH}")
    assert [(each["id"], each["number"], each["current"]) for each in found] == [(second, 2, True), (first, 1, False)]
    assert found[1]["message"] == "first" and "message" not in found[0]
    assert {(each["author"], each["lock_state"], each["archived"]) for each in found} == {("admin", "locked", False)}
    assert [each["id"] for each in await api.get(f"versions/list/flow/{PATH}", before=second)] == [first]
    old = await api.get(f"versions/get/flow/{first}")
    assert (old["version_id"], old["value"]["modules"][0]["id"]) == (first, "a")


async def test_diff_of_versions(api: ApiHarness) -> None:
    first = await deploy(api, script("a"), summary="Orders")
    second = await deploy(api, script("a", retry={"constant": {"attempts": 1, "seconds": 1}}), script("b"), summary="S")
    there = await api.get(f"versions/diff/flow/{PATH}", before=first, after=second)
    assert [each["id"] for each in there["added"]] == ["b"] and there["same"] is False
    assert there["changed"] == [{"id": "a", "kind": "rawscript", "keys": ["/retry"]}]
    assert there["document"] == ["/summary"]
    back = await api.get(f"versions/diff/flow/{PATH}", before=second, after=first)
    assert [each["id"] for each in back["removed"]] == ["b"]
    assert (await api.get(f"versions/diff/flow/{PATH}", before=first, after=first))["same"] is True


async def test_diff_of_version_and_draft(api: ApiHarness) -> None:
    first = await deploy(api, script("a"))
    url = f"{W}/drafts/flow/{PATH}"
    draft: dict[str, Any] = {"path": PATH, "value": {"modules": [script("a"), script("b")]}, "base_version": first}
    saved = (await api.client.put(url, json={"value": draft, "base_version": first})).json()
    found = await api.get(f"versions/diff/flow/{PATH}", before=first, after="draft")
    assert [each["id"] for each in found["added"]] == ["b"] and found["document"] == []
    draft = {"source": {"format": "yaml", "text": YAML}}
    saved = (await api.client.put(url, json={"value": draft, "seq": saved["seq"]})).json()
    found = await api.get(f"versions/diff/flow/{PATH}", before=first, after="draft")
    assert found["changed"][0]["id"] == "a" and found["document"] == ["/summary"]
    draft = {"source": {"format": "yaml", "text": "a: ["}}
    await api.client.put(url, json={"value": draft, "seq": saved["seq"]})
    params = {"before": str(first), "after": "draft"}
    broken = await api.client.get(f"{W}/versions/diff/flow/{PATH}", params=params)
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "invalid_workflow")


async def test_old_version_is_restored(api: ApiHarness) -> None:
    body = {"path": PATH, "source": {"format": "yaml", "text": YAML}, "tag": "big"}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    first = (await api.get(f"flows/get/{PATH}"))["version_id"]
    second = await deploy(api, script("b"))
    third = await restore(api, "flow", first)
    found = await api.get(f"flows/get/{PATH}")
    assert third > second and found["version_id"] == third
    assert found["source"]["text"] == YAML and found["tag"] == "big" and found["summary"] == "Orders"
    assert (await api.get(f"versions/diff/flow/{PATH}", before=first, after=third))["same"] is True
    history = await api.get(f"versions/list/flow/{PATH}")
    assert history[0]["message"] == "Restored version 1" and len(history) == 3
    await restore(api, "flow", second, message="Back")
    assert (await api.get(f"versions/list/flow/{PATH}"))[0]["message"] == "Back"


async def test_script_versions(api: ApiHarness) -> None:
    digest = (await api.client.post(f"{W}/scripts/create", json=BASH)).text
    first = (await api.get(f"scripts/get/h/{digest}"))["version_id"]
    more = {"parent_hash": digest, "content": "echo 2", "tag": "big", "schema": {"type": "object"}}
    await api.client.post(f"{W}/scripts/create", json=BASH | more)
    second = (await api.get(f"scripts/get/p/{PATH}"))["version_id"]
    found = await api.get(f"versions/diff/script/{PATH}", before=first, after=second)
    assert found["document"] == ["/content", "/schema", "/tag"]
    third = await restore(api, "script", first)
    shown = await api.get(f"scripts/get/p/{PATH}")
    assert (shown["version_id"], shown["content"], shown.get("tag")) == (third, "echo 1", None)
    assert (await api.get(f"versions/diff/script/{PATH}", before=first, after=third))["same"] is True
    assert (await api.get(f"versions/get/script/{second}"))["content"] == "echo 2"
    assert [each["number"] for each in await api.get(f"versions/list/script/{PATH}")] == [3, 2, 1]


@pytest.mark.parametrize("kind", ["scripts/archive/p", "flows/archive"])
async def test_archived_item_is_restored(api: ApiHarness, kind: str) -> None:
    await api.client.post(f"{W}/scripts/create", json=BASH)
    await deploy(api, script("a"))
    noun = kind.partition("/")[0]
    exists = f"{noun}/exists/{'p/' if noun == 'scripts' else ''}{PATH}"
    assert (await api.client.post(f"{W}/{kind}/{PATH}")).status_code == 200
    assert await api.get(exists) is False
    answer = await api.client.post(f"{W}/{kind}/{PATH}", json={"archived": False})
    assert answer.status_code == 200 and answer.text.startswith("Restored")
    assert await api.get(exists) is True


async def test_version_of_another_path_is_404(api: ApiHarness) -> None:
    own = await deploy(api, script("a"))
    other = await deploy(api, script("a"), path="f/secret/order")
    assert (await restore(api, "flow", other, 400))["code"] == "bad_request"
    assert (await restore(api, "script", own, 404))["code"] == "not_found"
    params = {"before": str(own), "after": str(other)}
    assert (await api.client.get(f"{W}/versions/diff/flow/{PATH}", params=params)).status_code == 400
    for wrong in ({"before": "x", "after": str(own)}, {"after": str(own)}, {"before": "9" * 30, "after": "draft"}):
        assert (await api.client.get(f"{W}/versions/diff/flow/{PATH}", params=wrong)).status_code == 400
    bea = await api.member("bea", Role.DEVELOPER)
    calls = (
        "versions/list/flow/f/secret/order",
        f"versions/get/flow/{other}",
        f"versions/diff/flow/f/secret/order?before={other}&after={other}",
        f"versions/diff/flow/{PATH}?before={own}&after={other}",
    )
    for call in calls:
        assert (await bea.get(f"{W}/{call}")).status_code == 404, call
    viewer = await api.member("vic", Role.VIEWER)
    answer = await viewer.post(f"{W}/versions/restore/flow/{PATH}", json={"version": own})
    assert answer.status_code == 403
