"""Versions: history, any one of them, what differs between two, an old one again, archived and brought back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.scene import Scene, W, scene, script

from orvanta_platform.control.actor import Role

PATH = "f/team/order"
YAML = "# kept\nsummary: Orders\nvalue:\n  modules:\n    - {id: a, value: {type: identity}}   # first\n"
BASH = {"path": PATH, "summary": "", "content": "echo 1", "language": "bash"}


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        await made.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
        yield made


async def deploy(stage: Scene, *nodes: dict[str, Any], path: str = PATH, **more: Any) -> int:
    present = (await stage.client.get(f"{W}/flows/exists/{path}")).json()
    body = {"path": path, "value": {"modules": list(nodes)}, **more}
    answer = await stage.client.post(f"{W}/flows/{f'update/{path}' if present else 'create'}", json=body)
    assert answer.status_code in (200, 201), answer.text
    version: int = (await stage.get(f"flows/get/{path}"))["version_id"]
    return version


async def restore(stage: Scene, kind: str, version: int, status: int = 201, **more: Any) -> Any:
    answer = await stage.client.post(f"{W}/versions/restore/{kind}/{PATH}", json={"version": version, **more})
    assert answer.status_code == status, answer.text
    return answer.json()["version_id"] if status == 201 else answer.json()["error"]


async def test_the_history_says_who_when_and_why(stage: Scene) -> None:
    first = await deploy(stage, script("a"), deployment_message="first")
    second = await deploy(stage, script("b"))
    found = await stage.get(f"versions/list/flow/{PATH}")
    assert [(each["id"], each["number"], each["current"]) for each in found] == [(second, 2, True), (first, 1, False)]
    assert found[1]["message"] == "first" and "message" not in found[0]
    assert {(each["author"], each["lock_state"], each["archived"]) for each in found} == {("admin", "locked", False)}
    assert [each["id"] for each in await stage.get(f"versions/list/flow/{PATH}", before=second)] == [first]
    old = await stage.get(f"versions/get/flow/{first}")
    assert (old["version_id"], old["value"]["modules"][0]["id"]) == (first, "a")


async def test_what_differs_between_any_two(stage: Scene) -> None:
    first = await deploy(stage, script("a"), summary="Orders")
    second = await deploy(
        stage, script("a", retry={"constant": {"attempts": 1, "seconds": 1}}), script("b"), summary="S"
    )
    there = await stage.get(f"versions/diff/flow/{PATH}", before=first, after=second)
    assert [each["id"] for each in there["added"]] == ["b"] and there["same"] is False
    assert there["changed"] == [{"id": "a", "kind": "rawscript", "keys": ["/retry"]}]
    assert there["document"] == ["/summary"]
    back = await stage.get(f"versions/diff/flow/{PATH}", before=second, after=first)
    assert [each["id"] for each in back["removed"]] == ["b"]
    assert (await stage.get(f"versions/diff/flow/{PATH}", before=first, after=first))["same"] is True


async def test_what_differs_between_a_version_and_the_draft(stage: Scene) -> None:
    first = await deploy(stage, script("a"))
    url = f"{W}/drafts/save/flow/{PATH}"
    draft: dict[str, Any] = {"path": PATH, "value": {"modules": [script("a"), script("b")]}, "base_version": first}
    kept = (await stage.client.put(url, json={"value": draft, "base_version": first})).json()
    found = await stage.get(f"versions/diff/flow/{PATH}", before=first, after="draft")
    assert [each["id"] for each in found["added"]] == ["b"] and found["document"] == []
    draft = {"source": {"format": "yaml", "text": YAML}}
    kept = (await stage.client.put(url, json={"value": draft, "revision": kept["revision"]})).json()
    found = await stage.get(f"versions/diff/flow/{PATH}", before=first, after="draft")
    assert found["changed"][0]["id"] == "a" and found["document"] == ["/summary"]
    draft = {"source": {"format": "yaml", "text": "a: ["}}
    await stage.client.put(url, json={"value": draft, "revision": kept["revision"]})
    params = {"before": str(first), "after": "draft"}
    broken = await stage.client.get(f"{W}/versions/diff/flow/{PATH}", params=params)
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "invalid_workflow")


async def test_an_old_version_is_deployed_again(stage: Scene) -> None:
    body = {"path": PATH, "source": {"format": "yaml", "text": YAML}, "tag": "big"}
    assert (await stage.client.post(f"{W}/flows/create", json=body)).status_code == 201
    first = (await stage.get(f"flows/get/{PATH}"))["version_id"]
    second = await deploy(stage, script("b"))
    third = await restore(stage, "flow", first)
    found = await stage.get(f"flows/get/{PATH}")
    assert third > second and found["version_id"] == third
    assert found["source"]["text"] == YAML and found["tag"] == "big" and found["summary"] == "Orders"
    assert (await stage.get(f"versions/diff/flow/{PATH}", before=first, after=third))["same"] is True
    history = await stage.get(f"versions/list/flow/{PATH}")
    assert history[0]["message"] == "Restored version 1" and len(history) == 3
    await restore(stage, "flow", second, message="Back")
    assert (await stage.get(f"versions/list/flow/{PATH}"))[0]["message"] == "Back"


async def test_scripts_have_the_same_calls(stage: Scene) -> None:
    digest = (await stage.client.post(f"{W}/scripts/create", json=BASH)).text
    first = (await stage.get(f"scripts/get/h/{digest}"))["version_id"]
    more = {"parent_hash": digest, "content": "echo 2", "tag": "big", "schema": {"type": "object"}}
    await stage.client.post(f"{W}/scripts/create", json=BASH | more)
    second = (await stage.get(f"scripts/get/p/{PATH}"))["version_id"]
    found = await stage.get(f"versions/diff/script/{PATH}", before=first, after=second)
    assert found["document"] == ["/content", "/schema", "/tag"]
    third = await restore(stage, "script", first)
    shown = await stage.get(f"scripts/get/p/{PATH}")
    assert (shown["version_id"], shown["content"], shown.get("tag")) == (third, "echo 1", None)
    assert (await stage.get(f"versions/diff/script/{PATH}", before=first, after=third))["same"] is True
    assert (await stage.get(f"versions/get/script/{second}"))["content"] == "echo 2"
    assert [each["number"] for each in await stage.get(f"versions/list/script/{PATH}")] == [3, 2, 1]


@pytest.mark.parametrize("kind", ["scripts/archive/p", "flows/archive"])
async def test_archived_and_brought_back(stage: Scene, kind: str) -> None:
    await stage.client.post(f"{W}/scripts/create", json=BASH)
    await deploy(stage, script("a"))
    noun = kind.partition("/")[0]
    exists = f"{noun}/exists/{'p/' if noun == 'scripts' else ''}{PATH}"
    assert (await stage.client.post(f"{W}/{kind}/{PATH}")).status_code == 200
    assert await stage.get(exists) is False
    answer = await stage.client.post(f"{W}/{kind}/{PATH}", json={"archived": False})
    assert answer.status_code == 200 and answer.text.startswith("Brought back")
    assert await stage.get(exists) is True


async def test_a_version_of_another_path_is_none_of_this(stage: Scene) -> None:
    own = await deploy(stage, script("a"))
    other = await deploy(stage, script("a"), path="f/secret/order")
    assert (await restore(stage, "flow", other, 400))["code"] == "bad_request"
    assert (await restore(stage, "script", own, 404))["code"] == "not_found"
    params = {"before": str(own), "after": str(other)}
    assert (await stage.client.get(f"{W}/versions/diff/flow/{PATH}", params=params)).status_code == 400
    for wrong in ({"before": "x", "after": str(own)}, {"after": str(own)}, {"before": "9" * 30, "after": "draft"}):
        assert (await stage.client.get(f"{W}/versions/diff/flow/{PATH}", params=wrong)).status_code == 400
    bea = await stage.member("bea", Role.DEVELOPER)
    calls = (
        "versions/list/flow/f/secret/order",
        f"versions/get/flow/{other}",
        f"versions/diff/flow/f/secret/order?before={other}&after={other}",
        f"versions/diff/flow/{PATH}?before={own}&after={other}",
    )
    for call in calls:
        assert (await bea.get(f"{W}/{call}")).status_code == 404, call
    viewer = await stage.member("vic", Role.VIEWER)
    answer = await viewer.post(f"{W}/versions/restore/flow/{PATH}", json={"version": own})
    assert answer.status_code == 403
