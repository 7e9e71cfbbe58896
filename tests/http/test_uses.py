"""Users of a script or workflow: pinned and following nodes of current workflows, schedules, HTTP triggers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role
from orvanta_platform.services.catalog import uses

PATH = "f/team/charge"
HOOK = {
    "route_path": "team",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
    "is_static_website": False,
}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        await made.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
        body = {"path": PATH, "summary": "", "content": "echo 1", "language": "bash"}
        assert (await made.client.post(f"{W}/scripts/create", json=body)).status_code == 201
        yield made


def runs(node_id: str, path: str = PATH, kind: str = "script", **more: Any) -> dict[str, Any]:
    return {"id": node_id, "value": {"type": kind, "path": path, "input_transforms": {}, **more}}


def loop(node_id: str, *body: dict[str, Any]) -> dict[str, Any]:
    items = {"type": "static", "value": [1]}
    value = {"type": "forloopflow", "iterator": items, "skip_failures": False, "modules": list(body)}
    return {"id": node_id, "value": value}


async def deploy(api: ApiHarness, path: str, *nodes: dict[str, Any], **value: Any) -> None:
    present = (await api.client.get(f"{W}/flows/exists/{path}")).json()
    body = {"path": path, "value": {"modules": list(nodes), **value}}
    answer = await api.client.post(f"{W}/flows/{f'update/{path}' if present else 'create'}", json=body)
    assert answer.status_code in (200, 201), answer.text


async def used_by(api: ApiHarness, kind: str = "script", path: str = PATH) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await api.get(f"versions/used_by/{kind}/{path}")
    return found


async def test_pinned_and_following_nodes_are_found(api: ApiHarness) -> None:
    pinned = (await api.get(f"scripts/get/p/{PATH}"))["hash"]
    failing = {**runs("failure"), "id": "failure"}
    await deploy(api, "f/team/a", runs("one"), loop("each", runs("two", hash=pinned)), failure_module=failing)
    await deploy(api, "f/team/b", {"id": "x", "value": {"type": "identity"}})
    assert await used_by(api) == [
        {"kind": "flow", "path": "f/team/a", "node": "failure"},
        {"kind": "flow", "path": "f/team/a", "node": "one"},
        {"kind": "flow", "path": "f/team/a", "node": "two", "pinned": pinned},
    ]


async def test_only_current_versions_count(api: ApiHarness) -> None:
    await deploy(api, "f/team/a", runs("one"))
    await deploy(api, "f/team/a", runs("other", "f/team/else"))
    assert await used_by(api) == []
    old = (await api.get("versions/list/flow/f/team/a"))[-1]["id"]
    await api.client.post(f"{W}/versions/restore/flow/f/team/a", json={"version": old})
    assert [each["node"] for each in await used_by(api)] == ["one"]
    await api.client.post(f"{W}/flows/archive/f/team/a", json={"archived": True})
    assert await used_by(api) == []


async def test_sub_workflows_schedules_and_triggers_are_found(api: ApiHarness) -> None:
    await deploy(api, "f/team/inner", runs("one"))
    await deploy(api, "f/team/outer", runs("call", "f/team/inner", "flow"))
    timed = {"schedule": "0 0 3 * * *", "timezone": "UTC", "args": {}}
    for path, runnable, is_flow in (("f/team/s", PATH, False), ("f/team/t", "f/team/inner", True)):
        body = {**timed, "path": path, "script_path": runnable, "is_flow": is_flow}
        assert (await api.client.post(f"{W}/schedules/create", json=body)).status_code == 201
        body = {**HOOK, "path": path, "script_path": runnable, "is_flow": is_flow, "route_path": path[-1]}
        assert (await api.client.post(f"{W}/http_triggers/create", json=body)).status_code == 201
    assert [(each["kind"], each["path"]) for each in await used_by(api)] == [
        ("flow", "f/team/inner"),
        ("http_trigger", "f/team/s"),
        ("schedule", "f/team/s"),
    ]
    assert [(each["kind"], each["path"]) for each in await used_by(api, "flow", "f/team/inner")] == [
        ("flow", "f/team/outer"),
        ("http_trigger", "f/team/t"),
        ("schedule", "f/team/t"),
    ]


async def test_unreadable_users_are_hidden(api: ApiHarness) -> None:
    await deploy(api, "f/secret/a", runs("one"))
    await deploy(api, "f/team/a", runs("one"))
    assert len(await used_by(api)) == 2
    bea = await api.member("bea", Role.DEVELOPER)
    url = f"{W}/versions/used_by/script/{PATH}"
    assert [each["path"] for each in (await bea.get(url)).json()] == ["f/team/a"]
    limited = await api.member("lim", Role.ADMIN, scopes=["scripts:read"])
    assert (await limited.get(url)).json() == []
    near = await api.member("near", Role.ADMIN, scopes=["scripts:read", "flows:read:f/secret/*"])
    assert [each["path"] for each in (await near.get(url)).json()] == ["f/secret/a"]
    assert (await bea.get(f"{W}/versions/used_by/flow/f/secret/a")).status_code == 404
    assert (await bea.get(f"{W}/versions/used_by/script/f/team/none")).status_code == 404


async def test_importing_scripts_are_found(api: ApiHarness) -> None:
    async def create(path: str, content: str, **more: Any) -> str:
        body = {"path": path, "summary": "", "content": content, "language": "python3", **more}
        answer = await api.client.post(f"{W}/scripts/create", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.text)

    pinned = await create("f/team/lib", "X = 1")
    first = await create("f/team/main", "from .lib import X")
    await create("f/secret/main", "from f.team.lib import X")
    await create("f/team/outer", "from f.team.main import X")
    content = "from f.team.lib import X\ndef main(): return X"
    inline = {"id": "one", "value": {"type": "rawscript", "language": "python3", "content": content}}
    await deploy(api, "f/team/flow", inline)
    users = [
        {"kind": "flow", "path": "f/team/flow", "node": "one", "pinned": pinned},
        {"kind": "script", "path": "f/secret/main", "pinned": pinned},
        {"kind": "script", "path": "f/team/main", "pinned": pinned},
    ]
    assert await used_by(api, path="f/team/lib") == users
    ann = await api.member("ann", Role.DEVELOPER)
    seen = (await ann.get(f"{W}/versions/used_by/script/f/team/lib")).json()
    assert seen == [users[0], users[2]], "a script that may not be read is not listed"
    await create("f/team/main", "X = 2", parent_hash=first)
    assert await used_by(api, path="f/team/lib") == users[:2]


async def test_references_to_variables_and_resources_are_found(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents are searched in pages, and long ones that contain the path are listed without being read."""
    monkeypatch.setattr(uses, "PAGE", 2)

    async def create(kind: str, path: str, **body: Any) -> None:
        answer = await api.client.post(f"{W}/{kind}/create", json={"path": path, **body})
        assert answer.status_code == 201, answer.text

    async def users(kind: str, path: str) -> list[tuple[str, str]]:
        return [(each["kind"], each["path"]) for each in await api.get(f"{kind}/used_by/{path}")]

    db, key = "f/team/dätabase", "f/team/key"
    for path in (key, "f/team/key2", "f/team/charge"):
        await create("variables", path, value="1")
    await create("resources", db, resource_type="postgresql", value={"host": f"$var:{key}"})
    value = {"type": "identity", "input_transforms": {"of": {"type": "static", "value": f"$res:{db}"}}}
    await deploy(api, "f/team/static", {"id": "a", "value": value})
    expression = {"type": "javascript", "expr": f"variable('{key}')"}
    await deploy(api, "f/team/dynamic", {"id": "a", "value": {**value, "input_transforms": {"of": expression}}})
    code = f'def main():\n    return orvanta.get_variable(\n        "{key}"\n    )\n'
    await create("scripts", "f/team/reader", summary="", content=code, language="python3")
    long = f"# {key}\n# {'x' * (1 << 20)}\n"
    await create("scripts", "f/team/long", summary="", content=long + "def main(): ...\n", language="python3")
    other = 'def main():\n    return get_variable("f/team/key2"), "f/team/key"\n'
    await create("scripts", "f/team/other", summary="", content=other, language="python3")
    await deploy(api, "f/secret/hidden", {"id": "a", "value": {**value, "input_transforms": {"of": expression}}})
    tick = {"schedule": "0 0 3 1 1 *", "timezone": "UTC", "script_path": PATH, "is_flow": False}
    await create("schedules", "f/team/tick", **tick, args={"of": f"$var:{key}", "db": f"$res:{db}"})
    hook = {**HOOK, "authentication_method": "api_key", "authentication_resource_path": db}
    await create("http_triggers", "f/team/hook", **hook, script_path=PATH, is_flow=False)
    await deploy(api, "f/team/calls", runs("charge"))
    expected = [("flow", "f/team/dynamic"), ("resource", db), ("schedule", "f/team/tick")]
    expected += [("script", "f/team/long"), ("script", "f/team/reader")]
    assert await users("variables", key) == [("flow", "f/secret/hidden"), *expected]
    assert await users("variables", "f/team/charge") == [], "a script of the same path"
    found = [("flow", "f/team/static"), ("http_trigger", "f/team/hook"), ("schedule", "f/team/tick")]
    assert await users("resources", db) == found
    bea = await api.member("bea", Role.DEVELOPER)
    listed = (await bea.get(f"{W}/variables/used_by/{key}")).json()
    assert [(each["kind"], each["path"]) for each in listed] == expected
    await create("variables", "f/secret/token", value="1")
    assert (await bea.get(f"{W}/variables/used_by/f/secret/token")).status_code == 404
    assert (await api.client.get(f"{W}/resources/used_by/f/team/none")).status_code == 404
