"""Names of files that differ only in case: a repository with both cannot be checked out on every system."""

from __future__ import annotations

from dulwich.repo import Repo
from tests.git_repositories import GitServer, commit_files, files_of
from tests.http.harness import ApiHarness, W
from tests.http.test_git import FLOW, bind, deploy, send, synchronised
from tests.http.test_git import api as api
from tests.http.test_git import repo as repo
from tests.http.test_git import server as server

from orvanta_platform.services.git import sync


async def test_names_that_differ_only_in_case_are_not_committed(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    """The next fetch would refuse them. The error names both, and the commit is made after one of them was renamed."""
    await deploy(api.client, FLOW % ("One", ""), path="f/team/Report")
    await bind(api, server, repo)
    before = files_of(repo)
    await deploy(api.client, FLOW % ("Two", ""), path="f/team/report")
    await sync.synchronise(api.platform, "main")
    error = (await api.get("git/get"))["error"]
    assert error["code"] == "repository_refused"
    assert "'f/team/Report.flow' and 'f/team/report.flow' differ only in case or form" in error["message"]
    assert files_of(repo) == before
    move = {"kind": "flow", "path": "f/team/report", "target": "f/team/other"}
    assert (await send(api.client, "POST", "moves/apply", {"items": [move]}))[0] == 200
    await synchronised(api)
    assert {name for name in files_of(repo) if "flow" in name} == {
        "f/team/Report.flow/flow.yaml",
        "f/team/other.flow/flow.yaml",
    }


async def test_error_of_names_in_a_repository_names_both(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await bind(api, server, repo)
    body = b"value: ''\nis_secret: false\n"
    commit_files(repo, {f"f/team/{name}.variable.yaml": body for name in ("Region", "region")})
    await api.client.post(f"{W}/git/fetch")
    await sync.synchronise(api.platform, "main")
    message = (await api.get("git/get"))["error"]["message"]
    assert "'f/team/Region.variable.yaml' and 'f/team/region.variable.yaml' differ only in case" in message
