"""Plans of incoming changes: items that others still use, files that cannot be read, and items read in parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dulwich.repo import Repo
from tests.git_repositories import FILE, FOLDER, GitServer, commit, commit_files, files_of
from tests.git_repositories import MAIN as MAIN_BRANCH
from tests.http.harness import ApiHarness, W
from tests.http.test_git import FLOW, MAIN, bind, deploy, incoming, messages, send, synchronised
from tests.http.test_git import api as api
from tests.http.test_git import repo as repo
from tests.http.test_git import server as server

from orvanta_platform.control.actor import Role
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.outbound.git import limits
from orvanta_platform.services.changes import change_sets, contents
from orvanta_platform.services.git import state, sync

CALL = "value:\n  modules:\n    - id: a\n      value:\n        type: flow\n        path: f/team/main\n"
OTHER = "f/team/other.flow/flow.yaml"
BROKEN = b"value: [\n"
WITHHELD = "The synchronisation failed. Admins of the workspace see the reason."


async def test_removed_items_that_are_still_used_are_named(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deploy(api.client, FLOW % ("Main", ""))
    await deploy(api.client, CALL, path="f/team/caller")
    await deploy(api.client, CALL, path="f/team/former")
    await bind(api, server, repo)
    former = "f/team/former.flow/flow.yaml"
    commit_files(repo, {MAIN: None, former: (FLOW % ("Former", "")).encode()})
    await synchronised(api)
    monkeypatch.setattr(change_sets, "MAX_ITEMS", 1)  # the parts of a large plan count together
    plan = (await incoming(api))[1]
    used = {each["path"]: each["used_by"] for each in plan["items"]}
    caller, other = [{"kind": "flow", "path": f"f/team/{name}", "node": "a"} for name in ("caller", "former")]
    assert used == {"f/team/main": [caller], "f/team/former": []} and plan["uses_truncated"] is False
    # Items that are applied without the others are used by these.
    body = {"plan_hash": plan["plan_hash"], "items": [{"kind": "flow", "path": "f/team/main"}]}
    status, done = await send(api.client, "POST", "git/apply", body)
    assert status == 200 and [each["used_by"] for each in done["entries"]] == [[caller, other]]


async def test_unreadable_files_do_not_block_the_others(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    """The error names them, and a new one is not deleted from the repository by a choice of the workspace's side."""
    await deploy(api.client, FLOW % ("Main", ""))
    await bind(api, server, repo)
    new = "f/team/new.flow/flow.yaml"
    commit_files(repo, {MAIN: BROKEN, new: BROKEN, OTHER: (FLOW % ("Other", "")).encode()})
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == {"flow f/team/main": "conflict", "flow f/team/new": "conflict", "flow f/team/other": "add"}
    reasons = {each["path"]: each["reason"] for each in plan["items"]}
    assert {each["path"] for each in plan["items"] if each["is_new"]} == {"f/team/new", "f/team/other"}
    assert "line 2" in reasons["f/team/new"] and reasons["f/team/other"] is None

    async def apply(**more: Any) -> tuple[int, Any]:
        return await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"], **more})

    status, error = await apply()
    assert (status, error["code"]) == (400, "changes_refused")
    assert error["message"].startswith("2 of the items cannot be read: flow f/team/main, flow f/team/new.")
    assert "--except" in error["hint"]
    assert [(each["path"], each["error"]["message"]) for each in error["details"]] == [
        (path, reasons[path]) for path in ("f/team/main", "f/team/new")
    ]
    keep = [{"kind": "flow", "path": "f/team/new", "choice": "workspace"}]
    status, error = await apply(choices=keep, items=[{"kind": "flow", "path": "f/team/new"}])
    assert status == 400 and "The workspace has no flow f/team/new" in error["message"]
    assert "--except" in error["hint"]
    # The other items are applied. A broken file of an item of the workspace is replaced by its present content.
    keep = [{"kind": "flow", "path": "f/team/main", "choice": "workspace"}]
    chosen = [{"kind": "flow", "path": f"f/team/{name}"} for name in ("main", "other")]
    assert (await apply(choices=keep, items=chosen))[0] == 200
    await synchronised(api)
    files = files_of(repo)
    assert b"summary: Main" in files[MAIN] and files[new] == BROKEN and b"Other" in files[OTHER]
    assert (await api.client.get(f"{W}/flows/exists/f/team/other")).json() is True


async def test_items_are_read_in_parts(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A workspace may have more contents than fit into memory, of which a branch has at most 32 MiB."""
    names = [f"f/team/part{n}" for n in range(4)]
    for name in names:
        await deploy(api.client, FLOW % (name, ""), path=name)
    await bind(api, server, repo)
    read, parts = contents.read, []

    async def counted(*arguments: Any, **more: Any) -> contents.Reading:
        found = await read(*arguments, **more)
        if more.get("depth", "texts") == "texts":
            parts.append(sum(key[0] in contents.LARGE_KINDS for key, _ in contents.decode(found)))
        return found

    monkeypatch.setattr(contents, "_PART_SIZE", 1)
    monkeypatch.setattr(contents, "read", counted)
    files = {f"{name}.flow/flow.yaml": (FLOW % ("Changed", "")).encode() for name in names}
    commit_files(repo, files, "Change")
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == {f"flow {name}": "change" for name in names}
    assert (await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"]}))[0] == 200
    await synchronised(api)
    assert (await incoming(api))[0] == {} and len(parts) > 8 and max(parts) == 1
    monkeypatch.setattr(limits, "ITEMS", 100)
    await deploy(api.client, FLOW % ("Later", ""), path=names[0])
    await sync.synchronise(api.platform, "main")
    assert (await api.get("git/get"))["error"]["code"] == "repository_too_large"


async def test_state_that_cannot_be_read_is_an_error_of_the_binding(
    api: ApiHarness, server: GitServer, repo: Repo
) -> None:
    """It is shown, and the synchronisation is repeated with delays; the plan names the item."""
    await deploy(api.client, FLOW % ("Main", ""))
    await bind(api, server, repo)
    commit_files(repo, {MAIN: (FLOW % ("Changed", "")).encode()})
    await synchronised(api)

    async def damage(conn: Connection) -> None:
        await conn.execute("UPDATE git_item SET incoming = 'damaged' WHERE path = 'f/team/main'")

    await api.platform.db.retrying(damage)
    expected = "The state of the flow f/team/main at the last synchronisation cannot be read."
    item = (await incoming(api))[1]["items"][0]
    assert (item["action"], item["reason"]) == ("conflict", expected)
    await deploy(api.client, FLOW % ("Other", ""), path="f/team/other")
    await sync.synchronise(api.platform, "main")
    found = await api.get("git/get")
    assert found["error"]["code"] == "sync_failed" and found["error"]["message"].startswith(expected)
    assert found["state"] == "failed" and found["retry_at"] is not None
    ann = await api.member("ann", Role.DEVELOPER)
    assert (await send(ann, "GET", "git/get"))[1]["error"] == {"code": "sync_failed", "message": WITHHELD}


async def test_errors_that_may_name_hidden_files_are_shown_to_admins_only(
    api: ApiHarness, server: GitServer, repo: Repo
) -> None:
    await bind(api, server, repo)
    ann = await api.member("ann", Role.DEVELOPER)

    async def errors() -> tuple[dict[str, str], dict[str, str]]:
        await api.client.post(f"{W}/git/fetch")
        await sync.synchronise(api.platform, "main")
        return (await api.get("git/get"))["error"], (await send(ann, "GET", "git/get"))[1]["error"]

    inside: Any = [(name, FILE, b"value: 1\n") for name in (b"Key.variable.yaml", b"key.variable.yaml")]
    commit(repo, [(b"f", FOLDER, [(b"closed", FOLDER, inside)])])
    error, shown = await errors()
    assert error["code"] == shown["code"] == "repository_refused" and "f/closed" in error["message"]
    assert shown["message"] == WITHHELD
    del repo.refs[MAIN_BRANCH]
    error, shown = await errors()
    assert error == shown and error["code"] == "branch_missing"


@pytest.mark.parametrize("phase", ["review", "synchronisation"])
async def test_other_calls_of_the_workspace_proceed_between_items(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """A branch may have hundreds of items, each of which takes a second to parse."""
    names = [f"f/team/{name}" for name in ("one", "two", "three")]
    for path in names if phase == "synchronisation" else ():
        await deploy(api.client, FLOW % ("Main", ""), path=path)
    await bind(api, server, repo)
    commit_files(repo, {f"{path}.flow/flow.yaml": (FLOW % ("Other", "")).encode() for path in names})
    monkeypatch.setattr(document_threads, "_SLICE_S", 0)
    order: list[str] = []
    read = state.item_of

    def read_item(*item: Any) -> Any:
        if not order:
            document_threads._threads.submit("main", lambda: order.append("other call"))
        order.append(item[1])
        return read(*item)

    if phase == "synchronisation":
        monkeypatch.setattr(state, "item_of", read_item)
        await synchronised(api)
    else:
        await synchronised(api)
        monkeypatch.setattr(state, "item_of", read_item)
        await incoming(api)
    assert {*order[: order.index("other call")]} < {*names} == {*order} - {"other call"}


def test_files_before_a_change_of_a_workflow_are_not_parsed() -> None:
    """A file of a workflow contains all its settings, so the one before it does not matter."""
    text = FLOW % ("Main", "")
    found = state.content_of(("flow", "f/team/main"), {MAIN: text.encode()}, {MAIN: BROKEN})
    assert found == {"text": text}


async def test_folder_whose_file_is_deleted_remains_with_its_items(
    api: ApiHarness, server: GitServer, repo: Repo
) -> None:
    """The repository gets the file back in a commit of the member. Without items, the folder is deleted."""
    await deploy(api.client, FLOW % ("Main", ""))
    await bind(api, server, repo)
    meta = "f/team/folder.meta.yaml"
    commit_files(repo, {meta: None})
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == {"folder team": "unchanged"} and "items in this folder" in plan["items"][0]["reason"]
    status, done = await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"]})
    assert status == 200 and "items in this folder" in done["entries"][0]["reason"]
    await synchronised(api)
    assert {meta, MAIN} <= files_of(repo).keys() and (await incoming(api))[0] == {}
    assert messages(repo)[-1][0].startswith("admin")
    commit_files(repo, {meta: None, MAIN: None})
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == {"folder team": "remove", "flow f/team/main": "remove"}
    assert (await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"]}))[0] == 200
    assert await api.get("folders/exists/team") is False


@pytest.mark.parametrize("conflict", [False, True])
async def test_workflow_in_json_keeps_the_comments_of_the_workspace(
    api: ApiHarness, server: GitServer, repo: Repo, conflict: bool
) -> None:
    """A text with carriage returns cannot be edited, and the answer warns of it."""
    texts = {"f/team/kept": "# kept\nsummary: Sum # shown\nvalue: {modules: []}\n"}
    texts["f/team/returns"] = "# lost\rsummary: Sum # shown\rvalue: {modules: []}\r"
    for path, text in texts.items():
        await deploy(api.client, text, path=path)
    await bind(api, server, repo)
    files = {f"{path}.flow/flow.yaml": None for path in texts}
    new = json.dumps({"summary": "Sums", "value": {"modules": []}}).encode()
    commit_files(repo, {**files, **{f"{path}.flow/flow.json": new for path in texts}})
    if conflict:
        for path, text in texts.items():
            await deploy(api.client, text.replace("Sum", "Other"), path=path)
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == dict.fromkeys((f"flow {path}" for path in texts), "conflict" if conflict else "change")
    choices = [{"kind": "flow", "path": path, "choice": "repository"} for path in texts] if conflict else []
    body = {"plan_hash": plan["plan_hash"], "choices": choices}
    answer = await api.client.post(f"{W}/git/apply", json=body)
    assert answer.status_code == 200, answer.text
    (warning,) = json.loads(answer.headers["X-Warnings"])
    assert warning["code"] == "comments_lost" and "f/team/returns" in warning["message"]
    kept = (await api.get("flows/get/f/team/kept"))["source"]["text"]
    assert kept == texts["f/team/kept"].replace("Sum ", "Sums ")
    assert "#" not in (await api.get("flows/get/f/team/returns"))["source"]["text"]
    await synchronised(api)
    assert (await incoming(api))[0] == {}


@pytest.mark.parametrize("large", [False, True])
async def test_merge_with_a_workflow_in_json_keeps_comments_or_warns(
    api: ApiHarness, server: GitServer, repo: Repo, large: bool
) -> None:
    """JSON beyond the limits of YAML replaces the text of the workspace."""
    text = "# kept\nsummary: Sum # shown\nvalue: {modules: []}\n"
    await deploy(api.client, text, path="f/team/sum")
    await bind(api, server, repo)
    there = {"summary": "Sums", "value": {"modules": []}, "x-list": [0] * (20_000 if large else 1)}
    name = "f/team/sum.flow/flow"
    commit_files(repo, {f"{name}.yaml": None, f"{name}.json": json.dumps(there).encode()})
    await deploy(api.client, f"{text}description: Here\n", path="f/team/sum")
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == {"flow f/team/sum": "change"}
    answer = await api.client.post(f"{W}/git/apply", json={"plan_hash": plan["plan_hash"]})
    assert answer.status_code == 200, answer.text
    warnings = [each["code"] for each in json.loads(answer.headers.get("X-Warnings", "[]"))]
    assert warnings == (["comments_lost"] if large else [])
    found = await api.get("flows/get/f/team/sum")
    assert (found["summary"], found["description"]) == ("Sums", "Here")
    assert ("# kept" in found["source"]["text"], "# shown" in found["source"]["text"]) == (not large, not large)
