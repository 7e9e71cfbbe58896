"""References to items: direct, transitive, of every kind, and from items that the caller may not read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role
from orvanta_platform.db import workspaces
from orvanta_platform.services import turns
from orvanta_platform.services.catalog import dependents

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


SHOWN = ("kind", "path", "node", "pinned")


async def used_by(api: ApiHarness, kind: str = "script", path: str = PATH) -> list[dict[str, Any]]:
    """Return the direct references."""
    found = await api.get(f"references/{kind}/{path}")
    return [
        {name: each[name] for name in SHOWN if name in each} for each in found["references"] if each["distance"] == 1
    ]


def names(found: Any) -> list[tuple[str, str]]:
    return [(each["kind"], each["path"]) for each in found["references"]]


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


async def test_unknown_version_of_a_pinned_script_is_named(api: ApiHarness) -> None:
    """Trees of other workspaces contain their hashes; the error names what to change."""
    await deploy(api, "f/team/a", runs("one", hash="73496b409d923a18"))
    refused = await api.client.post(f"{W}/jobs/run/f/f/team/a", json={})
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "script_missing")
    assert error["message"].startswith(f"The workflow runs the version 73496b409d923a18 of the script {PATH},")
    assert error["hint"].endswith("Remove `hash` from the node; it then runs the current version.")
    await deploy(api, "f/team/a", runs("one"))
    assert (await api.client.post(f"{W}/jobs/run/f/f/team/a", json={})).status_code == 201


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
    await deploy(api, "f/team/outer", runs("call", "f/secret/a", "flow"))
    bea = await api.member("bea", Role.DEVELOPER)
    url = f"{W}/references/script/{PATH}"
    seen = (await bea.get(url)).json()
    assert [(each["path"], each["distance"], each.get("through")) for each in seen["references"]] == [
        ("f/team/a", 1, None),
        ("f/team/outer", 2, None),
    ], "an item that may not be read is not named, and what uses it is listed"
    assert seen["hidden"] == 1 and "secret" not in str(seen)
    for username, scopes, paths, hidden in (
        ("lim", ["scripts:read"], [], 3),
        ("near", ["scripts:read", "flows:read:f/secret/*"], ["f/secret/a"], 2),
    ):
        limited = (await (await api.member(username, Role.ADMIN, scopes=scopes)).get(url)).json()
        assert ([path for _, path in names(limited)], limited["hidden"]) == (paths, hidden)
    for hidden_path in ("flow/f/secret/a", "script/f/team/none", "variable/f/team/none", "group/none", "thing/x"):
        assert (await bea.get(f"{W}/references/{hidden_path}")).status_code == 404


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
    seen = (await ann.get(f"{W}/references/script/f/team/lib")).json()
    listed = [("flow", "f/team/flow"), ("script", "f/team/main"), ("script", "f/team/outer")]
    assert (names(seen), seen["hidden"]) == (listed, 1), "a script that may not be read is counted"
    await create("f/team/main", "X = 2", parent_hash=first)
    assert await used_by(api, path="f/team/lib") == users[:2]


async def test_references_to_variables_and_resources_are_found(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents are searched in pages; long ones that contain the path are listed without being parsed."""
    monkeypatch.setattr(dependents, "PAGE", 2)

    async def create(kind: str, path: str, **body: Any) -> None:
        answer = await api.client.post(f"{W}/{kind}/create", json={"path": path, **body})
        assert answer.status_code == 201, answer.text

    async def users(kind: str, path: str) -> list[tuple[str, str]]:
        return [(each["kind"], each["path"]) for each in await used_by(api, kind.removesuffix("s"), path)]

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
    listed = (await bea.get(f"{W}/references/variable/{key}")).json()
    assert (names({"references": [each for each in listed["references"] if each["distance"] == 1]})) == expected
    assert [(each["path"], each["through"]) for each in listed["references"] if each["distance"] == 2] == [
        (path, {"kind": "resource", "path": db}) for path in ("f/team/static", "f/team/hook")
    ], "what uses a resource that contains the variable"
    assert listed["hidden"] == 1
    await create("variables", "f/secret/token", value="1")
    assert (await bea.get(f"{W}/references/variable/f/secret/token")).status_code == 404
    assert (await api.client.get(f"{W}/references/resource/f/team/none")).status_code == 404
    of_type = await api.get("references/resource_type/postgresql")
    assert names(of_type) == [
        ("resource", db),
        ("flow", "f/team/static"),
        ("http_trigger", "f/team/hook"),
        ("schedule", "f/team/tick"),
    ]


async def test_references_are_transitive_with_handlers_and_runs(api: ApiHarness) -> None:
    await deploy(api, "f/team/inner", runs("one"))
    await deploy(api, "f/team/outer", runs("call", "f/team/inner", "flow"), loop("each", runs("again")))
    await deploy(api, "f/secret/top", runs("call", "f/team/outer", "flow"))
    timed = {"schedule": "0 0 3 1 1 *", "timezone": "UTC", "args": {}, "script_path": "f/team/other", "is_flow": False}
    code = {"path": "f/team/other", "summary": "", "content": "echo 1", "language": "bash", "tag": "big"}
    assert (await api.client.post(f"{W}/scripts/create", json=code)).is_success
    handled = {**timed, "path": "f/team/tick", "on_failure": f"script/{PATH}", "enabled": False}
    assert (await api.client.post(f"{W}/schedules/create", json=handled)).is_success
    set_handler = await api.client.post(
        f"{W}/workspaces/edit_error_handler", json={"error_handler": "flow/f/team/inner"}
    )
    assert set_handler.is_success
    for path in ("f/team/outer", "f/secret/top", "f/secret/top"):
        assert (await api.client.post(f"{W}/jobs/run/f/{path}", json={})).is_success
    found = await api.get(f"references/script/{PATH}")
    shown = [
        (each["distance"], each["kind"], each["path"], each.get("node"), (each.get("through") or {}).get("path"))
        for each in found["references"]
    ]
    assert shown == [
        (1, "flow", "f/team/inner", "one", None),
        (1, "flow", "f/team/outer", "again", None),
        (1, "schedule", "f/team/tick", None, None),
        (2, "error_handler", "f/team/inner", None, "f/team/inner"),
        (2, "flow", "f/secret/top", "call", "f/team/outer"),
    ]
    assert [each["runs"] for each in found["references"] if each["kind"] == "flow"] == [3, 3, 2], (
        "runs of sub-workflows count"
    )
    assert next(each for each in found["references"] if each["kind"] == "schedule")["enabled"] is False
    bea = await api.member("bea", Role.DEVELOPER)
    seen = (await bea.get(f"{W}/references/script/{PATH}")).json()
    assert (seen["hidden"], seen["hidden_runs"], "secret" in str(seen)) == (1, 2, False)
    unable = await api.member("norun", Role.ADMIN, scopes=["scripts:read", "flows:read"])
    limited = (await unable.get(f"{W}/references/script/{PATH}")).json()
    assert (sum(each["runs"] for each in limited["references"]), limited["hidden_runs"]) == (0, 0)


async def test_cycle_and_long_chain_end(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    await deploy(api, "f/team/a", {"id": "x", "value": {"type": "identity"}})
    await deploy(api, "f/team/b", runs("call", "f/team/a", "flow"))
    await deploy(api, "f/team/a", runs("call", "f/team/b", "flow"))
    found = await api.get("references/flow/f/team/a")
    assert (names(found), found["truncated"]) == ([("flow", "f/team/b")], False), "the item itself is not listed"
    await deploy(api, "f/team/c", runs("call", "f/team/b", "flow"))
    monkeypatch.setattr(dependents, "MAX_DISTANCE", 1)
    found = await api.get("references/flow/f/team/a")
    assert (names(found), found["truncated"]) == ([("flow", "f/team/b")], True)
    monkeypatch.setattr(dependents, "MAX_SHOWN", 1)
    await deploy(api, "f/team/d", runs("call", "f/team/a", "flow"))
    found = await api.get("references/flow/f/team/a")
    assert (names(found), found["truncated"]) == ([("flow", "f/team/b")], True)


async def test_references_to_queues_and_groups_are_found(api: ApiHarness) -> None:
    async def create(kind: str, **body: Any) -> None:
        answer = await api.client.post(f"{W}/{kind}/create", json=body)
        assert answer.is_success, answer.text

    code = {"summary": "", "content": "echo 1", "language": "bash"}
    await create("scripts", path="f/team/big", **code, tag="big")
    await create("scripts", path="f/team/bigger", **code, tag="bigger")
    await deploy(api, "f/team/calls", runs("call", "f/team/big"))
    inline = {"type": "rawscript", "language": "bash", "content": "echo big", "input_transforms": {}}
    await deploy(api, "f/team/inline", {"id": "a", "value": {**inline, "tag": "big"}})
    await deploy(api, "f/team/other", {"id": "a", "value": {**inline, "tag": "bigger"}})
    timed = {"schedule": "0 0 3 1 1 *", "timezone": "UTC", "args": {}, "script_path": PATH, "is_flow": False}
    await create("schedules", path="f/team/tick", **timed, tag="big")
    assert (await api.client.post(f"{W}/jobs/run/p/f/team/big", json={})).is_success
    found = await api.get("references/queue/big")
    direct = [("flow", "f/team/inline"), ("schedule", "f/team/tick"), ("script", "f/team/big")]
    assert (names(found), found["runs"]) == ([*direct, ("flow", "f/team/calls")], 1)

    await create("groups", name="ops")
    await create("folders", name="shared", owners=["g/ops"])
    await create("variables", path="f/team/token", value="1")
    assert (await api.client.post(f"{W}/acls/add/variable/f/team/token", json={"owner": "g/ops"})).is_success
    assert (await api.client.post(f"{W}/acls/add/script/{PATH}", json={"owner": "g/ops"})).is_success
    await deploy(api, "f/team/asks", {"id": "ask", "value": {"type": "approval", "approvers": ["g/ops"]}})
    await deploy(api, "f/team/never", {"id": "ask", "value": {"type": "approval", "approvers": ["g/ops2"]}})
    policy = {"name": "described", "rules": [{"kind": "require", "on": "flow", "field": "description"}]}
    await create("policies", **policy, mode="evaluate", bypass=["g/ops"])
    assert [(each["kind"], each["path"]) for each in await used_by(api, "group", "ops")] == [
        ("flow", "f/team/asks"),
        ("folder", "f/shared"),
        ("policy", "described"),
        ("script", PATH),
        ("variable", "f/team/token"),
    ]


async def test_queue_that_a_policy_sets_is_used(api: ApiHarness) -> None:
    """Items without a tag use the queue that a policy gave to them or to their nodes."""
    rules = [{"kind": "default", "on": on, "field": "tag", "value": "big"} for on in ("script", "node")]
    policy = {"name": "large", "mode": "active", "rules": rules}
    assert (await api.client.post(f"{W}/policies/create", json=policy)).is_success
    code = {"path": "f/team/plain", "summary": "", "content": "echo 1", "language": "bash"}
    assert (await api.client.post(f"{W}/scripts/create", json=code)).is_success
    inline = {"type": "rawscript", "language": "bash", "content": "echo 1", "input_transforms": {}}
    await deploy(api, "f/team/inline", {"id": "a", "value": inline})
    assert names(await api.get("references/queue/big")) == [
        ("flow", "f/team/inline"),
        ("policy", "large"),
        ("script", "f/team/plain"),
    ]


async def test_policies_and_later_environments_are_searched(api: ApiHarness) -> None:
    """A policy is used by the items in its scope. Items are searched for in the environments after that of the
    workspace that the caller may read.
    """
    post = api.client.post
    await deploy(api, "f/team/a", runs("one"))
    await deploy(api, "u/admin/outer", runs("call", "f/team/a", "flow"))
    policy = {"name": "described", "rules": [{"kind": "require", "on": "flow", "field": "description"}]}
    assert (await post(f"{W}/policies/create", json={**policy, "scope": "f/team", "mode": "off"})).is_success
    assert (await post(f"{W}/groups/create", json={"name": "ops"})).is_success
    bea = await api.member("bea", Role.DEVELOPER)
    for number, name in enumerate(("main", "stage", "live", "shut")):
        if number:
            assert (await post("/api/workspaces/create", json={"id": name, "name": name})).is_success
        made = {"name": f"{name}-env", "workspace": name, "rules": {"approvers": ["g/ops"]}}
        assert (await post("/api/environments/create", json=made)).is_success
        if number in (1, 2):
            async with api.platform.db.transaction() as conn:
                await workspaces.add_member(conn, name, "bea", "bea@example.com", Role.DEVELOPER)
    there = "/api/w/stage"
    body = {"path": PATH, "summary": "", "content": "echo 1", "language": "bash"}
    user = {"path": "f/team/user", "value": {"modules": [runs("one")]}}
    for path, each in (
        ("folders/create", {"name": "team", "owners": ["g/all"]}),
        ("scripts/create", body),
        ("flows/create", user),
        ("jobs/run/f/f/team/user", {}),
    ):
        assert (await post(f"{there}/{path}", json=each)).is_success, path
    assert names(await api.get("references/policy/described")) == [("flow", "f/team/a"), ("script", PATH)]
    assert names(await api.get("references/group/ops")) == [("environment", "main-env")]
    found = (await bea.get(f"{W}/references/script/{PATH}", params={"environments": True})).json()
    assert names(found) == [("flow", "f/team/a")], "the workflow of the admin is counted"
    assert (found["hidden"], found["hidden_environments"]) == (1, 1)
    stage, live = found["environments"]
    assert (stage["environment"], stage["workspace"], live["uses"]) == ("stage-env", "stage", None)
    assert [(each["path"], each["runs"]) for each in stage["uses"]["references"]] == [("f/team/user", 1)]
    later = (await bea.get(f"{there}/references/script/{PATH}", params={"environments": True})).json()
    assert [each["environment"] for each in later["environments"]] == ["live-env"]
    limited = await api.member("lim", Role.ADMIN, scopes=["scripts:read"])
    found = (await limited.get(f"{W}/references/script/{PATH}", params={"environments": True})).json()
    assert (found["environments"], found["hidden_environments"]) == ([], 3)


def test_lists_of_groups_are_read_once() -> None:
    """The search takes linear time even if a document repeats the list's name: no part belongs to two lists."""
    hostile = b"user_groups_required: [" + b"user_groups_required " * 50_000
    assert sum(map(len, dependents.lists_of_groups(hostile))) <= len(hostile)
    refers = dependents.check_of("group", "ops")
    assert not refers(hostile + b"x")
    for text, found in (
        (b'{"user_groups_required":{"type":"static","value":["dev","ops"]}}', True),
        (b"user_groups_required:\n  type: static\n  value: [ops]\n", True),
        (b"user_groups_required: user_groups_required: ['ops']", True),
        (b'{"user_groups_required":["dev"],"tags":["ops"]}', False),
        (b"user_groups_required: [ops2]", False),
    ):
        assert refers(text) is found, text


async def test_searches_for_references_take_turns_and_are_limited(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searches of a workspace do not run concurrently; the number of texts and the time of each are limited."""
    bea = await api.member("bea", Role.VIEWER)
    url = f"{W}/references/group/all"
    monkeypatch.setattr(turns, "_MAX_WAITING", 0)
    async with api.platform.turns.take("references", "main"):
        assert (await bea.get(url)).status_code == 429
    assert (await bea.get(url)).json()["truncated"] is False
    monkeypatch.setattr(dependents, "MAX_SECONDS", 0)
    cut = (await bea.get(url)).json()
    assert (cut["truncated"], cut["references"]) == (True, [])
    monkeypatch.undo()

    levels = [[("resource", f"f/team/r{level}_{each}") for each in range(60)] for level in range(3)]
    budget = dependents.Searches(100)
    assert [len(budget.of(each)) for each in levels] == [60, 40, 0]
    assert len(budget.of([("flow", "f/team/a")])) == 1
