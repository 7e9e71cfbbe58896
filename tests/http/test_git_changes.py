"""Changes that only one side of a workspace bound to a Git repository has: moves, removals, wrong values, merges."""

from __future__ import annotations

import pytest
from dulwich.repo import Repo
from tests.git_repositories import GitServer, commit_files, files_of
from tests.http.harness import ApiHarness, W
from tests.http.test_git import FLOW, MAIN, NODE, bind, deploy, incoming, messages, pulled, send, synchronised
from tests.http.test_git import api as api
from tests.http.test_git import repo as repo
from tests.http.test_git import server as server

from orvanta_platform.control.actor import Role
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.git import sync


async def test_move_is_one_commit_of_its_author(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    caller = FLOW.replace("type: identity", "type: flow\n        path: f/team/main") % ("caller", "")
    await deploy(api.client, FLOW % ("one", ""))
    await deploy(api.client, caller, path="f/team/caller")
    await bind(api, server, repo)
    before = len(messages(repo))
    body = {"items": [{"kind": "flow", "path": "f/team/main", "target": "f/team/renamed"}]}
    assert (await send(api.client, "POST", "moves/apply", body))[0] == 200
    await synchronised(api)
    await synchronised(api)
    assert messages(repo)[before:] == [("admin <admin@localhost>", "Change 3 items")]
    assert files_of(repo) == await pulled(api)


async def test_tests_of_a_workflow_are_committed_with_it(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    """The audit trail does not name the tests of a workflow that is moved or deleted."""
    ann = await api.member("ann", Role.DEVELOPER)
    await deploy(api.client, FLOW % ("one", ""))
    test = {"kind": "workflow_test", "path": "f/team/main/tests/happy", "content": {"inputs": {}}}
    body = {"items": [test], "force": True}
    plan = (await send(api.client, "POST", "changes/plan", body))[1]
    assert (await send(api.client, "POST", "changes/apply", {**body, "plan_hash": plan["plan_hash"]}))[0] == 200
    await bind(api, server, repo)
    before = len(messages(repo))
    moved = {"items": [{"kind": "flow", "path": "f/team/main", "target": "f/team/renamed"}]}
    assert (await send(ann, "POST", "moves/apply", moved))[0] == 200
    await synchronised(api)
    assert "f/team/renamed.flow/tests/happy.yaml" in files_of(repo)
    archive = "flows/archive/f/team/renamed"
    changes = [("POST", archive, {"archived": True}), ("POST", archive, {"archived": False})]
    for method, path, content in (*changes, ("DELETE", "flows/delete/f/team/renamed", None)):
        assert (await send(ann, method, path, content))[0] == 200
        await synchronised(api)
    titles = ["Change 2 items", *(f"{verb} the workflow f/team/renamed" for verb in ("Archive", "Update", "Delete"))]
    assert messages(repo)[before:] == [("ann <ann@example.com>", each) for each in titles]
    assert files_of(repo) == await pulled(api)


async def test_commits_contain_whole_transactions(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bind(api, server, repo)
    before = len(messages(repo))
    monkeypatch.setattr(sync, "_MAX_ROWS", 3)
    for count in (2, 6):
        items = [{"kind": "variable", "path": f"f/team/v{n}", "content": {"value": str(count)}} for n in range(count)]
        body = {"items": items, "force": True}
        plan = (await send(api.client, "POST", "changes/plan", body))[1]
        done = await send(
            api.client, "POST", "changes/apply", {**body, "plan_hash": plan["plan_hash"], "message": "Set"}
        )
        assert done[0] == 200, done
    for _ in range(3):
        await synchronised(api)
    assert messages(repo)[before:] == [("admin <admin@localhost>", "Set")] * 2
    assert files_of(repo) == await pulled(api)


async def test_merge_that_equals_the_workspace_is_committed(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    named = "    - id: b\n      value:\n        type: identity\n      summary: B\n"
    await deploy(api.client, FLOW % ("one", NODE % "b"))
    await bind(api, server, repo)
    await deploy(api.client, FLOW % ("two", named))
    commit_files(repo, {MAIN: (FLOW % ("one", named)).encode()}, "Part of it")
    await synchronised(api)
    _, plan = await incoming(api)
    body = {"plan_hash": plan["plan_hash"], "choices": [], "message": "Merge"}
    assert (await send(api.client, "POST", "git/apply", body))[0] == 200
    await synchronised(api)
    assert messages(repo)[-1] == ("admin <admin@localhost>", "Merge")
    assert files_of(repo) == await pulled(api) and b"two" in files_of(repo)[MAIN]


async def test_wrong_value_is_a_reason_of_its_item(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await bind(api, server, repo)
    files = {
        "f/team/bad.variable.yaml": b"value: [1]\nis_secret: false\n",
        "f/team/good.variable.yaml": b"value: '1'\nis_secret: false\n",
    }
    commit_files(repo, files, "Add variables")
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == {"variable f/team/bad": "conflict", "variable f/team/good": "add"}
    assert "value" in plan["items"][0]["reason"]
    good = [{"kind": "variable", "path": "f/team/good"}]
    done = await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"], "items": good})
    assert done[0] == 200
    assert (await api.client.get(f"{W}/variables/get_value/f/team/good")).json() == "1"


async def test_branch_that_no_change_set_holds_is_applied_in_parts(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bind(api, server, repo)
    body = b"value: '" + b"x" * 500 + b"'\nis_secret: false\n"
    commit_files(repo, {f"f/team/v{n}.variable.yaml": body for n in range(4)}, "Add variables")
    await synchronised(api)
    monkeypatch.setattr(change_sets, "MAX_CONTENT_SIZE", 1200)
    actions, plan = await incoming(api)
    assert set(actions.values()) == {"add"} and len(actions) == 4
    assert (await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"]}))[0] == 413
    while plan["items"]:
        part = [{"kind": each["kind"], "path": each["path"]} for each in plan["items"][:2]]
        assert (await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"], "items": part}))[0] == 200
        _, plan = await incoming(api)
    assert len([each for each in await api.get("changes/items") if each["kind"] == "variable"]) == 4


async def test_settings_that_a_commit_removes_are_removed(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await deploy(api.client, FLOW % ("one", ""))
    schedule = {
        "path": "f/team/daily",
        "schedule": "0 0 6 * * *",
        "timezone": "UTC",
        "script_path": "f/team/main",
        "is_flow": True,
        "args": {},
        "on_failure": "flow/f/team/main",
        "paused_until": "2090-01-01T00:00:00Z",
    }
    assert (await send(api.client, "POST", "schedules/create", schedule))[0] == 201
    await bind(api, server, repo)
    name, folder = "f/team/daily.schedule.yaml", "f/team/folder.meta.yaml"
    lines = files_of(repo)[name].decode().splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.startswith(("on_failure:", "paused_until:")))
    assert len(kept.splitlines()) == len(lines) - 2
    commit_files(repo, {name: kept.encode(), folder: b"owners: []\nextra_perms: {}\n"}, "Remove")
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == {"folder team": "change", "schedule f/team/daily": "change"}
    assert (await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"]}))[0] == 200
    found = await api.get("schedules/get/f/team/daily")
    assert (found.get("on_failure"), found.get("paused_until")) == (None, None)
    assert (await api.get("folders/get/team"))["owners"] in ([], ["u/admin"])
    await synchronised(api)
    assert (await incoming(api))[0] == {} and files_of(repo)[name].decode() == kept
