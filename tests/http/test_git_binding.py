"""Bindings to repositories: they are read before they are bound, and a branch that does not exist is reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dulwich.refs import Ref
from dulwich.repo import Repo
from tests.git_repositories import MAIN, TOKEN, GitServer, commit_files
from tests.http.harness import ApiHarness, W
from tests.http.test_git import api as api
from tests.http.test_git import repo as repo
from tests.http.test_git import send, synchronised
from tests.http.test_git import server as server

from orvanta_platform.outbound.git import limits
from orvanta_platform.outbound.git.messages import Remote
from orvanta_platform.outbound.git.process import session
from orvanta_platform.services.platform import PROBES_AT_ONCE


async def test_repositories_that_cannot_be_read_are_refused(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    """The error has the reason, and nothing is bound."""
    url = f"{server.url}/{Path(repo.path).name}"

    async def bind(**more: Any) -> tuple[int, Any]:
        return await send(api.client, "POST", "git/bind", {"url": url, "token": TOKEN, **more})

    for more, code in (
        ({"token": "wrong"}, "repository_login_failed"),
        ({"token": None}, "repository_login_failed"),
        ({"url": f"{server.url}/ghost.git"}, "repository_not_found"),
        ({"url": "http://127.0.0.1:9/x.git"}, "repository_unreachable"),
    ):
        status, error = await bind(**more)
        assert (status, error["code"], error["details"]) == (400, "bad_request", {"code": code}), more
        assert error["message"].startswith("The repository cannot be read. "), more
        assert TOKEN not in str(error)
    assert await api.get("git/get") is None
    # It can be bound unread, and keeps the token for a later check of the same URL.
    assert (await bind(check=False))[1]["has_branch"] is None
    assert (await bind(token=None))[0] == 200
    await synchronised(api)


async def test_branch_that_does_not_exist_is_reported(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    body = {"url": f"{server.url}/{Path(repo.path).name}", "token": TOKEN}
    bound = {"workspace": "main", "has_branch": False, "branches": []}
    assert await send(api.client, "POST", "git/bind", body) == (200, bound)
    commit_files(repo, {"README.md": b"Text\n"})
    repo.refs[Ref(b"refs/heads/develop")] = repo.refs[MAIN]
    for branch, exists in (("main", True), ("develop", True), ("mian", False)):
        found = (await send(api.client, "POST", "git/bind", {**body, "branch": branch}))[1]
        assert (found["has_branch"], found["branches"]) == (exists, ["develop", "main"])
    # The first commit of a binding creates the branch.
    await synchronised(api)
    assert Ref(b"refs/heads/mian") in repo.refs.as_dict()


async def test_silent_server_ends_a_check_in_time(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROBE_S", 0.5)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1") as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/x.git"
        status, error = await send(api.client, "POST", "git/bind", {"url": url})
    assert (status, error["details"]) == (400, {"code": "repository_unreachable"})
    assert api.platform.db.pool.get_idle_size() == api.platform.db.pool.get_size()


class Silent:
    """Server that accepts connections, and closes them without an answer when they are released."""

    def __init__(self) -> None:
        self.connected: asyncio.Queue[None] = asyncio.Queue()
        self.released = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.put_nowait(None)
        await self.released.wait()
        writer.close()


@asynccontextmanager
async def silent_server() -> AsyncIterator[Silent]:
    made = Silent()
    async with await asyncio.start_server(made.serve, "127.0.0.1") as listening:
        made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/x.git"
        try:
            yield made
        finally:
            made.released.set()


async def test_check_of_a_silent_server_delays_no_review(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    url = f"{server.url}/{Path(repo.path).name}"
    assert (await send(api.client, "POST", "git/bind", {"url": url, "token": TOKEN}))[0] == 200
    async with silent_server() as silent:
        check = asyncio.create_task(send(api.client, "POST", "git/bind", {"url": silent.url}))
        await silent.connected.get()
        assert (await send(api.client, "GET", "git/incoming"))[0] == 200
        assert not check.done()
        silent.released.set()
        assert (await check)[0] == 400


async def test_checks_of_all_workspaces_share_a_few_children(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PROBE_WAIT_S", 0)
    name = Path(repo.path).name
    body = {"url": f"{server.url}/{name}", "token": TOKEN}
    async with AsyncExitStack() as others:
        for _ in range(PROBES_AT_ONCE):
            await others.enter_async_context(api.platform.git_probes)
        status, error = await send(api.client, "POST", "git/bind", body)
        assert (status, error["code"]) == (429, "rate_limited")
    assert not any(name in each for each in server.requests) and await api.get("git/get") is None
    assert (await send(api.client, "POST", "git/bind", body))[0] == 200
    assert not api.platform.git_probes.locked()


async def test_refused_checks_are_recorded(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    """The server has connected for the caller. The token is not recorded."""
    url = f"{server.url}/{Path(repo.path).name}"
    assert (await send(api.client, "POST", "git/bind", {"url": url, "token": "wrong"}))[0] == 400
    (row,) = (await api.client.get(f"{W}/audit/list", params={"operation": "git.probe"})).json()
    assert row["parameters"] == {"url": url, "branch": "main", "error": "repository_login_failed"}
    assert (row["resource"], "wrong" in str(row)) == ("main", False)


async def test_child_that_only_reads_branches_has_smaller_limits(tmp_path: Path) -> None:
    async with silent_server() as silent, session(tmp_path) as child:
        remote = Remote(url=silent.url, addresses=["127.0.0.1"], branch="main", folder="")
        probe = asyncio.create_task(child.probe(remote))
        await silent.connected.get()
        text = Path(f"/proc/{child._process.pid}/limits").read_text()
        probe.cancel()
    found = {line[:26].strip(): line[26:].split()[0] for line in text.splitlines()}
    assert found["Max address space"] == str(limits.PROBE_MEMORY)
    assert found["Max cpu time"] == str(limits.PROBE_PROCESSOR_S)
    assert found["Max file size"] == str(limits.PROBE_FILE)
