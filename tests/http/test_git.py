"""Workspaces bound to a Git repository: deployments become commits, commits become plans that a member applies."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from dulwich.repo import Repo
from tests.conftest import TestDatabase
from tests.git_repositories import (
    FILE,
    FOLDER,
    LINK,
    TOKEN,
    GitServer,
    commit,
    commit_files,
    files_of,
    git_server,
    log_of,
)
from tests.http.harness import ApiHarness, W, api_harness
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.daemons import git
from orvanta_platform.db import git as rows
from orvanta_platform.db.errors import QueryCanceled
from orvanta_platform.db.pool import Connection
from orvanta_platform.outbound.git.process import Session
from orvanta_platform.services.git import bindings, state, sync
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import locks
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.writing import write

FLOW = "summary: %s\nvalue:\n  modules:\n    - id: a\n      value:\n        type: identity\n%s"
NODE = "    - id: %s\n      value:\n        type: identity\n"
MAIN = "f/team/main.flow/flow.yaml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with git_server(tmp_path_factory.mktemp("repositories")) as made:
        yield made


@pytest.fixture
def repo(server: GitServer, request: pytest.FixtureRequest) -> Repo:
    return server.create(request.node.name)


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    folder = tmp_path / "repositories"
    async with api_harness(database, tmp_path, allowed_networks=("127.0.0.0/8",), git_folder=folder) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        yield made


async def send(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Return the status of a call, and its response or error."""
    answer = await client.request(method, f"{W}/{path}", json=body)
    if answer.is_error:
        return answer.status_code, answer.json()["error"]
    is_json = answer.headers["content-type"].startswith("application/json")
    return answer.status_code, answer.json() if is_json else answer.text


async def bind(api: ApiHarness, server: GitServer, repo: Repo, **more: Any) -> None:
    url = f"{server.url}/{Path(repo.path).name}"
    assert (await send(api.client, "POST", "git/bind", {"url": url, "token": TOKEN, **more}))[0] == 200
    await synchronised(api)


async def synchronised(api: ApiHarness) -> None:
    """Fetch and synchronise immediately, and require success."""
    await api.client.post(f"{W}/git/fetch")
    await sync.synchronise(api.platform, "main")
    assert (await api.get("git/get"))["error"] is None


async def deploy(client: httpx.AsyncClient, text: str, message: str | None = None, path: str = "f/team/main") -> None:
    body = {"items": [{"kind": "flow", "path": path, "content": {"text": text}}], "force": True}
    plan = (await send(client, "POST", "changes/plan", body))[1]
    done = await send(client, "POST", "changes/apply", {**body, "plan_hash": plan["plan_hash"], "message": message})
    assert done[0] == 200, done


async def incoming(api: ApiHarness) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the action of each item of the incoming plan, and the plan."""
    plan = await api.get("git/incoming")
    return {f"{each['kind']} {each['path']}": each["action"] for each in plan["items"]}, plan


async def pulled(api: ApiHarness) -> dict[str, bytes]:
    """Return the files that `orvanta pull` writes."""
    keys = [{"kind": each["kind"], "path": each["path"]} for each in await api.get("changes/items")]
    found = (await send(api.client, "POST", "changes/read", {"items": keys}))[1]
    return write([Item(each["kind"], each["path"], each["content"]) for each in found])[0]


def messages(repo: Repo) -> list[tuple[str, str]]:
    """Return the author and message of each commit, oldest first."""
    return [(each.author.decode(), each.message.decode().strip()) for each in reversed(log_of(repo))]


async def test_deployments_become_commits_of_their_authors(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    ann = await api.member("ann", Role.DEVELOPER)
    await bind(api, server, repo)
    assert messages(repo) == [("admin <admin@localhost>", "Export of the workspace main")]
    assert files_of(repo) == await pulled(api)
    # Two deployments of an item before the next synchronisation become two commits, each with its content.
    await deploy(ann, FLOW % ("First", ""), "Add the workflow\n\nIt was missing.")
    await deploy(api.client, FLOW % ("Second", ""))
    body = {"path": "f/team/key", "value": "hidden", "is_secret": True}
    assert (await send(ann, "POST", "variables/create", body))[0] == 201
    await synchronised(api)
    assert messages(repo)[1:] == [
        ("ann <ann@example.com>", "Add the workflow\n\nIt was missing."),
        ("admin <admin@localhost>", "Update the workflow f/team/main"),
        ("ann <ann@example.com>", "Create the variable f/team/key"),
    ]
    first: Any = repo[log_of(repo)[2].tree]
    assert b"First" in repo[first.lookup_path(repo.__getitem__, MAIN.encode())[1]].as_raw_string()
    assert files_of(repo) == await pulled(api)
    assert not any(b"hidden" in body for body in files_of(repo).values())
    # Removed, archived and moved items are deleted from the branch; a synchronisation without changes adds no commit.
    assert (await send(ann, "DELETE", "flows/delete/f/team/main"))[0] == 200
    await synchronised(api)
    await synchronised(api)
    assert MAIN not in files_of(repo) and messages(repo)[4:] == [
        ("ann <ann@example.com>", "Delete the workflow f/team/main")
    ]
    found = await api.get("git/history")
    assert [(each["direction"], each["author"]) for each in found] == [
        *[("out", "ann")] * 2,
        ("out", "admin"),
        ("out", "ann"),
        ("out", "admin"),
    ]
    assert await api.get("git/history", before=found[-1]["n"]) == []


@pytest.mark.extended
async def test_commits_made_elsewhere_are_applied_by_member_who_reviewed_them(
    api: ApiHarness, server: GitServer, repo: Repo
) -> None:
    ann, bea = await api.member("ann", Role.DEVELOPER), await api.member("bea", Role.DEVELOPER)
    assert (await send(api.client, "POST", "folders/create", {"name": "closed"}))[0] == 200
    await deploy(ann, FLOW % ("Main", ""))
    await bind(api, server, repo)
    files = {
        MAIN: (FLOW % ("Changed", "")).encode(),
        "f/team/region.variable.yaml": b"# by hand\nis_secret: false\nvalue: north\n",
        "f/closed/x.variable.yaml": b"value: secret path\nis_secret: false\n",
        "README.md": b"# Not an item\n",
    }
    commit_files(repo, files, "Change by hand", author="Kim <kim@example.com>")
    await synchronised(api)
    # Nothing is applied or committed automatically.
    assert (await api.get("flows/get/f/team/main"))["summary"] == "Main"
    actions, plan = await incoming(api)
    assert actions == {
        "variable f/closed/x": "add",
        "variable f/team/region": "add",
        "flow f/team/main": "change",
    }
    history = await api.get("git/history")
    assert (history[0]["direction"], history[0]["author"], history[0]["message"]) == ("in", "Kim", "Change by hand")
    # Other members see the items that they may read, and apply them with their own rights.
    seen = (await send(ann, "GET", "git/incoming"))[1]
    assert (len(seen["items"]), seen["hidden"]) == (2, 1)
    done = await send(ann, "POST", "git/apply", {"plan_hash": plan["plan_hash"]})
    assert (done[0], done[1]["code"]) == (409, "stale_plan")
    done = await send(ann, "POST", "git/apply", {"plan_hash": seen["plan_hash"], "message": "Take over"})
    assert done[0] == 200, done
    assert (await api.get("flows/get/f/team/main"))["edited_by"] == "ann"
    stale = await send(bea, "POST", "git/apply", {"plan_hash": seen["plan_hash"]})
    assert (stale[0], stale[1]["code"]) == (409, "stale_plan")
    # Messages that may name items of closed folders are shown only to members who may read all of these items.
    for folder in ("team", "closed"):
        variable = {"path": f"f/{folder}/plan", "value": "x", "is_secret": False}
        assert (await send(api.client, "POST", "variables/create", variable))[0] == 201
    await synchronised(api)
    whole = ["Create the variable f/closed/plan", "Create the variable f/team/plan", "Change by hand"]
    for client, expected in ((api.client, whole), (ann, ["", whole[1], ""])):
        shown = [each["message"] for each in (await send(client, "GET", "git/history"))[1]]
        assert shown[:3] == expected
    # The next synchronisation changes neither side: the formatting of the file is preserved.
    before = messages(repo)
    await synchronised(api)
    assert messages(repo) == before and files_of(repo)["f/team/region.variable.yaml"].startswith(b"# by hand")
    assert (await incoming(api))[0] == {"variable f/closed/x": "add"}
    # The plan also contains removals.
    commit_files(repo, {MAIN: None, "f/closed/x.variable.yaml": None}, "Remove")
    await synchronised(api)
    actions, plan = await incoming(api)
    assert actions == {"flow f/team/main": "remove"}
    assert (await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"]}))[0] == 200
    await synchronised(api)
    assert (await incoming(api))[0] == {} and MAIN not in await pulled(api)
    operations = [row["operation"] for row in await api.get("audit/list", per_page=100)]
    assert operations.count("git.apply") == 2 and operations.count("git.bind") == 1


async def test_changes_of_both_sides_are_merged_by_node(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await deploy(api.client, FLOW % ("Main", NODE % "b"))
    await deploy(api.client, FLOW % ("Other", ""), path="f/team/other")
    shared = {"name": "shared", "extra_perms": {"g/all": False}}
    assert (await send(api.client, "POST", "folders/create", shared))[0] == 200
    await deploy(api.client, FLOW % ("Shared", ""), path="f/shared/x")
    ann, bea = await api.member("ann", Role.DEVELOPER), await api.member("bea", Role.DEVELOPER)
    await bind(api, server, repo)
    text = files_of(repo)[MAIN].decode()
    other = MAIN.replace("main", "other")
    theirs = (FLOW % ("Theirs", "")).encode()
    files = {MAIN: (text + NODE % "theirs").encode(), other: theirs, "f/shared/x.flow/flow.yaml": theirs}
    commit_files(repo, files)
    await deploy(api.client, FLOW % ("Main", NODE % "mine" + NODE % "b"))
    await deploy(api.client, FLOW % ("Mine", ""), path="f/team/other")
    await deploy(api.client, FLOW % ("Mine", ""), path="f/shared/x")
    before = messages(repo)
    await synchronised(api)
    assert messages(repo) == before  # items changed on both sides wait for a decision
    actions, plan = await incoming(api)
    assert actions == {
        "flow f/shared/x": "conflict",
        "flow f/team/main": "change",
        "flow f/team/other": "conflict",
    }
    _, merged, conflict = plan["items"]
    assert (merged["merged"], merged["places"], conflict["places"]) == (True, None, ["/summary"])
    body = {"plan_hash": plan["plan_hash"]}
    refused = await send(api.client, "POST", "git/apply", body)
    assert (refused[0], refused[1]["code"]) == (409, "changes_conflict")
    assert "both sides: flow f/shared/x, flow f/team/other." in refused[1]["message"]
    # The version of the workspace can be kept only for conflicts, and for items that the caller may write.
    for path, status in (("f/team/main", 400), ("f/shared/x", 403)):
        items = [{"kind": "flow", "path": path}]
        choices = [{**items[0], "choice": "workspace"}]
        assert (await send(ann, "POST", "git/apply", {**body, "items": items, "choices": choices}))[0] == status, path
    items = [{"kind": "flow", "path": f"f/team/{name}"} for name in ("main", "other")]
    choices = [{**items[1], "choice": "workspace"}]
    body |= {"items": items, "choices": choices, "message": "Merge"}
    assert (await send(bea, "POST", "git/apply", body))[0] == 200
    modules = (await api.get("flows/get/f/team/main"))["value"]["modules"]
    assert [each["id"] for each in modules] == ["a", "mine", "b", "theirs"]
    await synchronised(api)
    assert b"Mine" in files_of(repo)[other] and files_of(repo)["f/shared/x.flow/flow.yaml"] == theirs
    assert (await incoming(api))[0] == {"flow f/shared/x": "conflict"}
    assert messages(repo)[-1] == ("bea <bea@example.com>", "Merge")
    audited = [row for row in await api.get("audit/list", per_page=100) if row["operation"] == "flows.keep"]
    assert [(row["username"], row["resource"]) for row in audited] == [("bea", "f/team/other")]


@pytest.mark.extended
async def test_end_of_server_between_commit_and_push_doubles_no_commit(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bind(api, server, repo)
    push, unpack, loop = Session.push, state.unpack, threading.get_ident()
    in_loop: list[bytes] = []

    def noted(body: bytes | None) -> Any:
        if threading.get_ident() == loop and body is not None:
            in_loop.append(body)
        return unpack(body)

    monkeypatch.setattr(state, "unpack", noted)

    class Killed(BaseException):
        """Simulated kill of the process."""

    async def killed_before(self: Session) -> None:
        raise Killed

    async def killed_after(self: Session) -> None:
        await push(self)
        raise Killed

    for n, dying in enumerate((killed_before, killed_after)):
        for summary in ("Old", "New"):
            await deploy(api.client, FLOW % (f"{summary} {n}", ""), f"{summary} {n}")
        monkeypatch.setattr(Session, "push", dying)
        with pytest.raises(Killed):
            await sync.synchronise(api.platform, "main")
        monkeypatch.setattr(Session, "push", push)
        if dying is killed_after:  # another commit follows, and the item changes again
            commit_files(repo, {"README.md": b"x"}, "By hand")
            await deploy(api.client, FLOW % ("Newest", ""), "Newest")
        await synchronised(api)
    assert [each[1] for each in messages(repo)][1:] == ["Old 0", "New 0", "Old 1", "New 1", "By hand", "Newest"]
    assert (await incoming(api))[0] == {} and {**await pulled(api), "README.md": b"x"} == files_of(repo)
    assert in_loop == []  # items may be large, so other threads unpack them
    # A synchronisation that was superseded by another one stores nothing.
    async with api.platform.db.acquire() as conn:
        row = await rows.get(conn, "main")
        assert row is not None and not await rows.store_pushing(conn, "main", row.sync - 1, b"")


@pytest.mark.extended
async def test_errors_are_shown_without_credentials_and_repeated(
    api: ApiHarness, server: GitServer, repo: Repo
) -> None:
    await bind(api, server, repo)
    url = f"{server.url}/{Path(repo.path).name}"
    wrong = f"wrong-{TOKEN}"
    with structlog.testing.capture_logs() as logged:
        assert (await send(api.client, "POST", "git/bind", {"url": url, "token": wrong, "check": False}))[0] == 200
        await deploy(api.client, FLOW % ("Main", ""))
        await sync.synchronise(api.platform, "main")
    found = await api.get("git/get")
    assert (found["state"], found["error"]["code"]) == ("failed", "repository_login_failed")
    assert found["has_token"] and found["retry_at"] > found["edited_at"]
    assert await sync.list_due(api.platform) == []  # not due until the time of the retry
    audit = await api.get("audit/list", per_page=100)
    assert wrong not in json.dumps([found, audit, str(logged)]) and "Authorization" not in str(logged)
    # The token is kept if the URL is unchanged, and is not sent to another server.
    assert (await send(api.client, "POST", "git/bind", {"url": url, "token": TOKEN}))[0] == 200
    assert (await send(api.client, "POST", "git/bind", {"url": url, "username": "git"}))[0] == 200
    await synchronised(api)
    assert "Main" in files_of(repo)[MAIN].decode()
    other = {"url": f"{server.url}/else.git"}
    assert (await send(api.client, "POST", "git/bind", other))[1]["details"] == {"code": "repository_login_failed"}
    assert (await send(api.client, "POST", "git/bind", {**other, "check": False}))[0] == 200
    assert not (await api.get("git/get"))["has_token"]
    assert (await send(api.client, "DELETE", "git/unbind"))[0] == 200
    assert await api.get("git/get") is None
    assert (await send(api.client, "POST", "git/fetch"))[0] == 404


@pytest.mark.extended
async def test_commit_waits_for_lock_of_dependencies(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await bind(api, server, repo)
    script = {"path": "f/team/s", "content": "import idna\n", "language": "python3", "summary": ""}
    assert (await send(api.client, "POST", "scripts/create", {**script, "deployment_message": "Add it"}))[0] == 201
    await deploy(api.client, FLOW % ("Later", ""), "Later")
    await synchronised(api)
    assert len(messages(repo)) == 1
    async with api.platform.db.acquire() as conn:
        run = await conn.fetchval("SELECT lock_job FROM version WHERE path = 'f/team/s'")
    await locks.store_outcome(api.platform, run, lock="idna==3.10")
    await synchronised(api)
    await synchronised(api)
    assert [each[1] for each in messages(repo)[1:]] == ["Add it", "Later"]
    assert files_of(repo)["f/team/s.script.lock"] == b"idna==3.10" and files_of(repo) == await pulled(api)


REFUSED_URLS = (
    "-oProxyCommand=x",
    "--upload-pack=touch /tmp/owned",
    "ext::sh -c touch% /tmp/owned",
    "ssh://git@example.com/x",
    "git@example.com:x/y",
    "git://example.com/x",
    "/srv/x.git",
    "file:///etc",
    "file://host/srv/x.git",
    "https://user:token@example.com/x.git",
    "https://10.0.0.1/x.git",
    "https://2130706434/x.git",
    "https://[::ffff:10.0.0.1]/x.git",
    "https://169.254.169.254/x.git",
    "http://1.1.1.1/x.git",
    "https://example.com/x.git\n--upload-pack=x",
    "https://example.com/x.git?a=b",
    "https://example.com",
)

LOCAL_CONFIG = """
[core]
\thooksPath = {file}
\tfsmonitor = {command}
\tsshCommand = {command}
\tgitProxy = {command}
\tworktree = /etc
[include]
\tpath = {file}
[uploadpack]
\tpackObjectsHook = {command}
[credential]
\thelper = !{command}
[filter "x"]
\tsmudge = {command}
\tclean = {command}
[url "ext::{command} "]
\tinsteadOf = file://
[protocol "ext"]
\tallow = always
"""
"""Configuration of a repository by which Git would run a command, read another file or call another URL."""


async def test_urls_branches_and_folders_are_checked(api: ApiHarness, server: GitServer, tmp_path: Path) -> None:
    for url in REFUSED_URLS:
        status, error = await send(api.client, "POST", "git/bind", {"url": url, "token": TOKEN, "check": False})
        assert (status, error["code"]) == (400, "bad_request"), url
    good = {"url": f"{server.url}/x.git", "check": False}
    for branch in ("", "-x", "a..b", "a.lock", "a/", "a b", "a~1", "a\nb", "@{-1}", "a//b"):
        assert (await send(api.client, "POST", "git/bind", {**good, "branch": branch}))[0] == 400, branch
    for folder in ("..", "a/../b", ".git", "a/.GIT/b", "a\\b", "a\n", "a//b"):
        assert (await send(api.client, "POST", "git/bind", {**good, "folder": folder}))[0] == 400, folder
    for token in ("a\nb", ""):
        assert (await send(api.client, "POST", "git/bind", {**good, "token": token}))[0] == (400 if token else 200)
    # A repository in the folder of the instance is used without executing its hooks or configuration.
    root = tmp_path / "repositories"
    repo, other = GitServer(root / "main"), GitServer(root / "other")
    for each in (repo, other):
        each.root.mkdir(parents=True)
    made = repo.create("local")
    for hook in ("pre-receive", "post-receive", "update"):
        place = Path(made.path) / "hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\ntouch {tmp_path}/owned\n")
        place.chmod(0o755)
    with (Path(made.path) / "config").open("a") as config:
        config.write(LOCAL_CONFIG.format(command=f"touch {tmp_path}/owned", file=tmp_path / "private"))
    (tmp_path / "private").write_text("private-line = [\n")
    (repo.root / "link").symlink_to("/etc")
    (repo.root / "moved").symlink_to(made.path)
    # Repositories of other workspaces are refused, even through links.
    foreign = Path(other.create("foreign").path)
    (repo.root / "foreign").symlink_to(foreign)
    for place in (repo.root / "link", repo.root / "foreign", foreign, root / "main/../other/foreign.git", root):
        assert (await send(api.client, "POST", "git/bind", {"url": place.as_uri(), "check": False}))[0] == 400, place
    # Replacing a link after the check has no effect: the child receives the resolved folder.
    found, _ = await bindings.resolve(api.platform, "main", (repo.root / "moved").as_uri())
    assert found == Path(made.path).resolve().as_uri()
    assert (await send(api.client, "POST", "git/bind", {"url": Path(made.path).as_uri(), "folder": "a/b"}))[0] == 200
    await synchronised(api)
    assert {f"a/b/{name}" for name in await pulled(api)} == set(files_of(made))
    found = await api.get("git/get")
    assert found["error"] is None and not (tmp_path / "owned").exists()
    objects, alternates = Path(made.path) / "objects", Path(made.path) / "objects/info/alternates"
    for refused in ("other objects", "linked objects"):
        if refused == "other objects":
            alternates.write_text("/srv/other/objects\n")
        else:
            alternates.unlink()
            objects.rename(tmp_path / "objects")
            objects.symlink_to(tmp_path / "objects")
        await api.client.post(f"{W}/git/fetch")
        await sync.synchronise(api.platform, "main")
        assert (await api.get("git/get"))["error"]["code"] == "repository_refused", refused
    repo.close()
    other.close()


@pytest.mark.extended
async def test_ignored_links_remove_no_item_and_hostile_branch_changes_nothing(
    api: ApiHarness, server: GitServer, repo: Repo
) -> None:
    await deploy(api.client, FLOW % ("Main", ""))
    await bind(api, server, repo)
    meta = files_of(repo)["f/team/folder.meta.yaml"]
    inside: Any = [
        (b"folder.meta.yaml", FILE, meta),
        (b"main.flow", FOLDER, [(b"flow.yaml", LINK, b"/etc/passwd")]),
    ]
    group = [(name.encode(), FILE, body) for name, body in files_of(repo).items() if name.count("/") == 0]
    commit(repo, [*group, (b"f", FOLDER, [(b"team", FOLDER, inside)])])
    await synchronised(api)
    found = await api.get("git/get")
    assert found["findings"] == [{"name": MAIN, "reason": "symbolic link"}]
    assert "flow f/team/main" not in (await incoming(api))[0]
    ann = await api.member("ann", Role.DEVELOPER)
    assert (await send(ann, "GET", "git/get"))[1]["findings"] == []
    # A refused branch changes neither the state nor the workspace.
    commit(repo, [(b"f", FOLDER, [(b"..", FOLDER, [])])])
    await api.client.post(f"{W}/git/fetch")
    await sync.synchronise(api.platform, "main")
    found = await api.get("git/get")
    assert found["error"]["code"] == "repository_refused" and "flow f/team/main" not in (await incoming(api))[0]
    # A deleted branch is an error, and removes no items.
    del repo.refs[b"refs/heads/main"]  # type: ignore[arg-type]
    await api.client.post(f"{W}/git/fetch")
    await sync.synchronise(api.platform, "main")
    assert (await api.get("git/get"))["error"]["code"] == "branch_missing"


@pytest.mark.extended
async def test_servers_that_do_not_answer_delay_no_other_repository(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    is_done, synchronise = asyncio.Event(), sync.synchronise

    async def noted(platform: Platform, workspace: str) -> None:
        await synchronise(platform, workspace)
        ended.append(workspace)
        is_done.set()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    await bind(api, server, repo)
    async with await asyncio.start_server(silent, "127.0.0.1") as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/x.git"
        for name in ("a", "b"):
            await api.client.post("/api/workspaces/create", json={"id": name, "name": name})
            body = {"url": url, "check": False}
            assert (await api.client.post(f"/api/w/{name}/git/bind", json=body)).status_code == 200
        async with api.platform.db.acquire() as conn:
            await conn.execute("UPDATE git_binding SET tries = 1 WHERE workspace <> 'main'")
        assert (await send(api.client, "POST", "git/fetch"))[0] == 200
        monkeypatch.setattr(sync, "synchronise", noted)
        monkeypatch.setattr(git, "AT_ONCE", 2)
        monkeypatch.setattr(git, "FAILING_AT_ONCE", 1, raising=False)
        task = asyncio.ensure_future(git.run(api.platform))
        await is_done.wait()
        task.cancel()
        await asyncio.wait([task])
    assert ended == ["main"]


@pytest.mark.parametrize("error", [QueryCanceled("statement timeout"), ConnectionResetError("connection lost")])
async def test_database_errors_do_not_interrupt_synchronisations(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """One workspace fails before it is synchronised, another one while it is, and then the list of those due."""
    begin, run, fail, list_due = rows.begin_sync, sync._Sync.run, sync._fail, sync.list_due
    not_begun, failed, not_listed, finished = asyncio.Event(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def list_or_fail(platform: Platform, wait_s: float) -> list[tuple[str, bool]]:
        if failed.is_set() and not not_listed.is_set():
            not_listed.set()
            raise error
        return await list_due(platform, wait_s)

    async def begin_or_fail(conn: Connection, workspace: str) -> int | None:
        if workspace == "main":
            not_begun.set()
            raise error
        return await begin(conn, workspace)

    async def run_or_fail(self: sync._Sync) -> None:
        if self._workspace == "a":
            raise error
        await not_begun.wait()
        await not_listed.wait()
        await run(self)
        finished.set()

    async def noted(*arguments: Any) -> None:
        await fail(*arguments)
        failed.set()

    for name in ("main", "a", "b"):
        await api.client.post("/api/workspaces/create", json={"id": name, "name": name})
        body = {"url": f"{server.url}/{Path(repo.path).name}", "token": TOKEN}
        assert (await api.client.post(f"/api/w/{name}/git/bind", json=body)).status_code == 200
    monkeypatch.setattr(rows, "begin_sync", begin_or_fail)
    monkeypatch.setattr(sync._Sync, "run", run_or_fail)
    monkeypatch.setattr(sync, "_fail", noted)
    monkeypatch.setattr(sync, "list_due", list_or_fail)
    monkeypatch.setattr(git, "POLL_S", POLL_S)
    tasks = [asyncio.ensure_future(each) for each in (git.run(api.platform), finished.wait())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert finished.is_set()
    shown = (await api.client.get("/api/w/a/git/get")).json()["error"]
    name = type(error).__name__
    assert (shown["code"], shown["message"]) == ("sync_failed", f"The synchronisation failed ({name}).")


async def test_limited_callers_do_not_bind(api: ApiHarness, server: GitServer) -> None:
    body = {"url": f"{server.url}/x.git"}
    ann = await api.member("ann", Role.DEVELOPER)
    limited = await api.member("bea", Role.ADMIN, scopes=["git:write"])
    assert (await send(ann, "POST", "git/bind", body))[0] == 403
    assert (await send(limited, "POST", "git/bind", body))[0] == 403
    assert (await send(ann, "DELETE", "git/unbind"))[0] == 403


async def test_plans_are_made_one_after_the_other(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await bind(api, server, repo)
    for call, status in ((("GET", "git/incoming"), 200), (("POST", "git/apply", {"plan_hash": "x"}), 409)):
        async with api.platform.turns.take("git", "main"):
            tasks = [asyncio.ensure_future(send(api.client, *call)) for _ in range(9)]
            (refused,), waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            assert (refused.result()[0], refused.result()[1]["code"]) == (429, "rate_limited")
            assert api.platform.db.pool.get_idle_size() == api.platform.db.pool.get_size()
        assert {each[0] for each in await asyncio.gather(*waiting)} == {status}
