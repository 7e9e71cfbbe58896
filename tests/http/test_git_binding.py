"""Bindings to repositories: they are read before they are bound, and a branch that does not exist is reported."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from dulwich.refs import Ref
from dulwich.repo import Repo
from tests.git_repositories import MAIN, TOKEN, GitServer, commit_files
from tests.http.harness import ApiHarness
from tests.http.test_git import api as api
from tests.http.test_git import repo as repo
from tests.http.test_git import send, synchronised
from tests.http.test_git import server as server

from orvanta_platform.outbound.git import limits


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
