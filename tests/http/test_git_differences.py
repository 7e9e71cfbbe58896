"""Differences of single items of the incoming plan of a repository."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from dulwich.repo import Repo
from tests.git_repositories import GitServer, commit_files
from tests.http.harness import ApiHarness
from tests.http.test_changes import apply
from tests.http.test_git import FLOW, MAIN, NODE, bind, deploy, incoming, send, synchronised
from tests.http.test_git import api as api
from tests.http.test_git import repo as repo
from tests.http.test_git import server as server

from orvanta_platform.control.actor import Role
from orvanta_platform.services.git import incoming_differences, state

TYPE = b"schema:\n  type: object\n  properties:\n    key:\n      type: string\n      password: true\n"
SCHEMA = {"type": "object", "properties": {"key": {"type": "string", "password": True}}}


async def difference(api: ApiHarness, kind: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = await api.get(f"git/incoming/{kind}/{path}")
    assert (found["kind"], found["path"]) == (kind, path)
    return found


async def test_added_changed_and_removed_items_have_differences(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await deploy(api.client, FLOW % ("one", NODE % "b"))
    await deploy(api.client, FLOW % ("gone", ""), path="f/team/gone")
    await bind(api, server, repo)
    added = "f/team/new.flow/flow.yaml"
    files = {
        MAIN: (FLOW % ("two", NODE % "c")).encode(),
        added: (FLOW % ("new", "")).encode(),
        "f/team/gone.flow/flow.yaml": None,
    }
    commit_files(repo, files, "Change")
    await synchronised(api)
    assert len((await incoming(api))[0]) == 3
    changed = await difference(api, "flow", "f/team/main")
    assert "one" in changed["before"]["text"] and "two" in changed["after"]["text"]
    assert changed["difference"]["renamed"] == [{"before": "b", "after": "c"}]
    new = await difference(api, "flow", "f/team/new")
    assert new["before"] is None and "new" in new["after"]["text"] and new["difference"] is None
    gone = await difference(api, "flow", "f/team/gone")
    assert "gone" in gone["before"]["text"] and gone["after"] is None


async def test_merge_is_shown_and_of_a_conflict_the_repository(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await deploy(api.client, FLOW % ("one", NODE % "b"))
    await deploy(api.client, FLOW % ("one", ""), path="f/team/other")
    await bind(api, server, repo)
    await deploy(api.client, FLOW % ("mine", NODE % "b"))
    await deploy(api.client, FLOW % ("mine", ""), path="f/team/other")
    theirs = {MAIN: FLOW % ("one", NODE % "b" + NODE % "c"), "f/team/other.flow/flow.yaml": FLOW % ("theirs", "")}
    commit_files(repo, {name: text.encode() for name, text in theirs.items()}, "Change")
    await synchronised(api)
    assert (await incoming(api))[0] == {"flow f/team/main": "change", "flow f/team/other": "conflict"}
    merged = await difference(api, "flow", "f/team/main")
    assert "mine" in merged["after"]["text"] and "id: c" in merged["after"]["text"]
    conflict = await difference(api, "flow", "f/team/other")
    assert "mine" in conflict["before"]["text"] and "theirs" in conflict["after"]["text"]


async def test_secrets_of_files_are_masked(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    items = [
        {"kind": "variable", "path": "f/team/old", "content": {"value": "stored", "is_secret": True}},
        {"kind": "resource_type", "path": "shop", "content": {"schema": SCHEMA}},
        {
            "kind": "resource",
            "path": "f/team/old",
            "content": {"resource_type": "shop", "value": {"key": "stored", "url": "a"}},
        },
    ]
    await apply(api, items)
    await bind(api, server, repo)
    text = "resource_type: %s\nvalue:\n  key: leaked\n  url: b\n  note: '***'\n"
    files = {
        "f/team/old.variable.yaml": b"value: leaked\nis_secret: true\ndescription: x\n",
        "f/team/new.variable.yaml": b"value: leaked\nis_secret: true\n",
        "f/team/old.resource.yaml": (text % "shop").encode(),
        "f/team/new.resource.yaml": (text % "shop").encode(),
        "till.resource-type.yaml": TYPE,
        "f/team/till.resource.yaml": (text % "till").encode(),
    }
    commit_files(repo, files, "Leak")
    await synchronised(api)
    actions, plan = await incoming(api)
    assert len(actions) == 6, actions
    # The plan names them, because they remain readable in the repository.
    named = {f"{each['kind']} {each['path']}": each["secrets"] for each in plan["items"] if each["secrets"]}
    expected = {"variable f/team/old": ["/value"], "variable f/team/new": ["/value"]}
    assert named == expected | {f"resource f/team/{name}": ["/value/key"] for name in ("new", "old", "till")}
    for name in actions:
        kind, path = name.split(" ")
        found = await difference(api, kind, path)
        assert "leaked" not in str(found) and "stored" not in str(found)
        if kind == "resource":
            assert found["after"]["value"] == {"key": "***", "url": "b", "note": "***"}
    assert "value" not in (await difference(api, "variable", "f/team/old"))["after"]
    assert (await difference(api, "variable", "f/team/new"))["after"]["value"] == "***"


@pytest.mark.parametrize("is_stored", [False, True])
async def test_secrets_of_types_inside_of_other_types_are_masked(
    api: ApiHarness, server: GitServer, repo: Repo, is_stored: bool
) -> None:
    """Both of a new type, and of one whose inner type the repository alone changes so that it declares a secret."""
    outer = {"type": "object", "properties": {"inner": {"type": "object", "format": "resource-box"}}}
    box = {"type": "object", "properties": {"lid": {"type": "object", "format": "resource-lid"}}}
    plain = {"type": "object", "properties": {"key": {"type": "string"}}}
    types = {"outer": outer, "box": box, "lid": plain} if is_stored else {}
    items = [{"kind": "resource_type", "path": name, "content": {"schema": each}} for name, each in types.items()]
    await apply(api, items) if items else None
    await bind(api, server, repo)
    files: dict[str, dict[str, Any]] = {
        f"{name}.resource-type.yaml": {"schema": each} for name, each in (("outer", outer), ("box", box))
    }
    files["lid.resource-type.yaml"] = {"schema": SCHEMA}
    value = {"inner": {"lid": {"key": "leaked", "url": "b"}}}
    files["f/team/new.resource.yaml"] = {"resource_type": "outer", "value": value}
    commit_files(repo, {name: json.dumps(each).encode() for name, each in files.items()}, "Types")
    await synchronised(api)
    found = await difference(api, "resource", "f/team/new")
    assert found["after"]["value"] == {"inner": {"lid": {"key": "***", "url": "b"}}}


async def test_incoming_types_are_read_in_threads(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To parse the largest YAML takes half a second, and a type may name many others. A schema that cannot be applied
    hides none of the workspace.
    """
    await apply(api, [{"kind": "resource_type", "path": "box", "content": {"schema": SCHEMA}}])
    await bind(api, server, repo)
    outer = {"type": "object", "properties": {"inner": {"type": "object", "format": "resource-box"}}}
    files: dict[str, dict[str, Any]] = {
        "outer.resource-type.yaml": {"schema": outer},
        "box.resource-type.yaml": {"schema": ["wrong"]},
        "f/team/new.resource.yaml": {"resource_type": "outer", "value": {"inner": {"key": "leaked"}}},
    }
    commit_files(repo, {name: json.dumps(each).encode() for name, each in files.items()}, "Types")
    await synchronised(api)
    used = set()

    def content_of(*arguments: Any) -> Any:
        used.add(threading.current_thread())
        return state.content_of(*arguments)

    monkeypatch.setattr(incoming_differences, "content_of", content_of)
    found = await difference(api, "resource", "f/team/new")
    assert found["after"]["value"] == {"inner": {"key": "***"}}
    assert used and threading.current_thread() not in used


async def test_settings_and_lock_that_files_lack_stay(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    settings = {"summary": "Total", "tag": "north"}
    content = {"content": "def main(): pass\n", "language": "python3", "settings": settings, "lock": "wheel==0.45.1"}
    await apply(api, [{"kind": "script", "path": "f/team/total", "content": content}])
    await bind(api, server, repo)
    code = b"def main(): return 1\n"
    lost = {"f/team/total.script.yaml": None, "f/team/total.script.lock": None}
    commit_files(repo, {"f/team/total.py": code, **lost, "f/team/new.py": code}, "Change")
    await synchronised(api)
    found = await difference(api, "script", "f/team/total")
    assert found["before"]["lock"].startswith("wheel==") and found["before"]["settings"]["tag"] == "north"
    assert found["after"] == {**found["before"], "content": code.decode()}
    assert (await difference(api, "script", "f/team/new"))["after"] == {"content": code.decode(), "language": "python3"}
    commit_files(repo, {"f/team/total.script.yaml": b"summary: Other\n"}, "Settings")
    await synchronised(api)
    found = await difference(api, "script", "f/team/total")
    assert (found["after"]["settings"], found["after"]["lock"]) == ({"summary": "Other"}, found["before"]["lock"])


async def test_hidden_and_unknown_items_have_no_difference(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    assert (await send(api.client, "POST", "folders/create", {"name": "closed"}))[0] == 200
    await deploy(api.client, FLOW % ("one", ""), path="f/closed/main")
    await bind(api, server, repo)
    files = {
        "f/closed/main.flow/flow.yaml": (FLOW % ("two", "")).encode(),
        "f/team/bad.variable.yaml": b"value: [1]\nis_secret: false\n",
    }
    commit_files(repo, files, "Change")
    await synchronised(api)
    reader = await api.member("reader", Role.DEVELOPER)
    assert (await send(reader, "GET", "git/incoming/flow/f/closed/main"))[0] == 404
    for name in ("flow/f/team/none", "thing/f/closed/main"):
        assert (await send(api.client, "GET", f"git/incoming/{name}"))[0] == 404
    status, error = await send(api.client, "GET", "git/incoming/variable/f/team/bad")
    assert status == 400 and "value" in error["message"]
    assert (await send(api.client, "GET", "git/incoming/flow/f/closed/main"))[0] == 200
