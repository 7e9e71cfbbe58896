"""Workflows beyond the limits of YAML: their text is JSON, and remains the same on each way out and back."""

from __future__ import annotations

import json
from typing import Any

from dulwich.repo import Repo
from tests.git_repositories import GitServer, commit_files, files_of
from tests.http.harness import ApiHarness, W
from tests.http.test_archive_comments import exported, imported
from tests.http.test_git import api as api
from tests.http.test_git import bind, incoming, pulled, send, synchronised
from tests.http.test_git import repo as repo
from tests.http.test_git import server as server

from orvanta_platform.workflow.limits import MAX_YAML_EVENTS
from orvanta_platform.workflow.text import write_yaml

FILE = "f/team/large.flow/flow.yaml"
SMALL = "f/team/small.flow/flow.yaml"
NODE = {"id": "a", "value": {"type": "identity"}}
LARGE: dict[str, Any] = {"modules": [NODE], "flow_env": {"x": [{"a": "b"}] * MAX_YAML_EVENTS}}
TEXT = json.dumps({"summary": "Large", "value": LARGE}, indent=2) + "\n"


async def deploy(api: ApiHarness) -> None:
    """Deploy a large and a small workflow as JSON."""
    for name, value in (("large", LARGE), ("small", {"modules": [NODE]})):
        body = {"path": f"f/team/{name}", "summary": name.title(), "value": value}
        assert (await api.client.post(f"{W}/flows/create", json=body)).is_success


async def plan(api: ApiHarness, text: str) -> dict[str, Any]:
    """Return the entry of the workflow in the plan of a push, and apply that."""
    body = {"items": [{"kind": "flow", "path": "f/team/large", "content": {"text": text}}], "force": True}
    found = (await send(api.client, "POST", "changes/plan", body))[1]
    done = await send(api.client, "POST", "changes/apply", {**body, "plan_hash": found["plan_hash"]})
    assert done[0] == 200, done
    entry: dict[str, Any] = found["entries"][0]
    return entry


async def test_push_of_a_pulled_large_workflow_changes_nothing(api: ApiHarness) -> None:
    await deploy(api)
    files = await pulled(api)
    assert files[FILE].decode() == TEXT
    assert files[SMALL].decode() == write_yaml({"summary": "Small", "value": {"modules": [NODE]}})
    assert (await plan(api, TEXT))["action"] == "unchanged"
    # A changed text is stored as it is.
    changed = TEXT.replace('"Large"', '"Other"')
    assert (await plan(api, changed))["action"] == "change"
    assert (await pulled(api))[FILE].decode() == changed
    assert (await plan(api, changed))["action"] == "unchanged"


async def test_archive_of_a_large_workflow_changes_nothing(api: ApiHarness) -> None:
    await deploy(api)
    files = await exported(api)
    unchanged = dict.fromkeys(("f/team/large", "f/team/small"), "unchanged")
    assert await imported(api, files) == (unchanged, [])
    files["f/team/large.flow.json"]["summary"] = "Other"
    assert await imported(api, files) == ({**unchanged, "f/team/large": "change"}, [])
    files["f/team/large.flow.json"]["summary"] = "Large"
    assert (await imported(api, files))[1] == []  # the stored text is now JSON, which has no comments
    assert json.loads((await pulled(api))[FILE]) == json.loads(TEXT)


async def test_large_workflow_in_a_bound_repository(api: ApiHarness, server: GitServer, repo: Repo) -> None:
    await deploy(api)
    await bind(api, server, repo)
    assert files_of(repo)[FILE].decode() == TEXT
    head = (await api.get("git/get"))["head"]
    await synchronised(api)
    assert (await incoming(api))[0] == {} and (await api.get("git/get"))["head"] == head
    changed = TEXT.replace('"Large"', '"Other"').encode()
    commit_files(repo, {FILE: changed})
    await synchronised(api)
    actions, found = await incoming(api)
    assert actions == {"flow f/team/large": "change"}
    assert (await send(api.client, "POST", "git/apply", {"plan_hash": found["plan_hash"]}))[0] == 200
    await synchronised(api)
    assert files_of(repo)[FILE] == changed == (await pulled(api))[FILE] and (await incoming(api))[0] == {}
