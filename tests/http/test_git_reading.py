"""Files that reviews of incoming changes read: each once, and not for longer than a limited time."""

from __future__ import annotations

from typing import Any

import pytest
from dulwich.repo import Repo
from tests.git_repositories import GitServer, commit_files
from tests.http.harness import ApiHarness
from tests.http.test_changes_parsing import record
from tests.http.test_git import FLOW, MAIN, bind, deploy, incoming, send, synchronised
from tests.http.test_git import api as api
from tests.http.test_git import repo as repo
from tests.http.test_git import server as server

from orvanta_platform.orchestrator.recent_results import RecentResults
from orvanta_platform.services.git import incoming_changes

INLINE = "value:\n  modules:\n    - id: a\n      value:\n        type: rawscript\n        language: bash\n"
INLINE += "        content: '!inline a.sh'\n"
FILES = {
    "f/team/broken.flow/flow.yaml": b"value: {modules: [}\n",
    "f/team/inline.flow/flow.yaml": INLINE.encode(),
    "f/team/inline.flow/a.sh": b"echo 1\n",
    "f/team/plain.flow/flow.yaml": (FLOW % ("Plain", "")).encode(),
    "f/team/north.variable.yaml": b"is_secret: false\nvalue: north\n",
}


async def test_each_incoming_file_is_parsed_once(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the review, by further ones, by the difference of an item and by the application."""
    await deploy(api.client, FLOW % ("Main", ""))
    await bind(api, server, repo)
    await deploy(api.client, FLOW % ("Changed here", ""))  # the incoming change is merged
    commit_files(repo, {MAIN: (FLOW % ("Main", "# there\n")).encode(), **FILES})
    await synchronised(api)
    texts = record(monkeypatch)
    actions, plan = await incoming(api)
    assert actions == {
        "variable f/team/north": "add",
        "flow f/team/broken": "conflict",
        "flow f/team/inline": "add",
        "flow f/team/main": "change",
        "flow f/team/plain": "add",
    }
    new = [each.decode() for name, each in FILES.items() if name.endswith(".yaml")]
    assert sorted(each for each in texts if each in new) == sorted(new)
    texts.clear()
    assert (await incoming(api))[1] == plan
    found = await send(api.client, "GET", "git/incoming/flow/f/team/inline")
    assert found[0] == 200 and texts == []
    chosen = [{"kind": "variable", "path": "f/team/north"}, {"kind": "flow", "path": "f/team/plain"}]
    done = await send(api.client, "POST", "git/apply", {"plan_hash": plan["plan_hash"], "items": chosen})
    assert done[0] == 200
    # The deployment of a workflow parses what it stores.
    assert set(texts) <= {FILES["f/team/plain.flow/flow.yaml"].decode()}


async def test_review_reads_for_a_limited_time_and_the_next_one_reads_on(
    api: ApiHarness, server: GitServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming_changes, "MAX_READ_S", 1e-12)  # one file
    await bind(api, server, repo)
    commit_files(repo, {f"f/team/v{n}.variable.yaml": b"is_secret: false\nvalue: x\n" for n in range(3)})
    await synchronised(api)
    actions, plan = await incoming(api)
    assert list(actions.values()) == ["add", "conflict", "conflict"]
    assert ["not read yet" in (each["reason"] or "") for each in plan["items"]] == [False, True, True]
    assert await refused(api, plan, None) == "changes_refused"
    # What was read is applied alone, without reading the others.
    assert await refused(api, plan, ["f/team/v0"]) is None
    actions, plan = await incoming(api)
    assert actions == {"variable f/team/v1": "add", "variable f/team/v2": "add"}
    assert await refused(api, plan, None) is None


async def refused(api: ApiHarness, plan: dict[str, Any], paths: list[str] | None) -> str | None:
    """Return the code of the error of an application; None if it succeeds."""
    items = None if paths is None else [{"kind": "variable", "path": path} for path in paths]
    body = {"plan_hash": plan["plan_hash"], **({} if items is None else {"items": items})}
    status, done = await send(api.client, "POST", "git/apply", body)
    return None if status == 200 else str(done["code"])


def test_recent_results_have_a_maximum_size() -> None:
    results = RecentResults(limit=1000)
    for name in (b"a", b"b", b"a", b"c"):
        results.put(name, name * 200)
        if name == b"b":
            assert results.get(b"a") == b"a" * 200  # used last
    assert [results.get(name) is not None for name in (b"a", b"b", b"c")] == [True, False, True]
    results.put(b"d", b"d" * 501)
    assert results.get(b"d") is None
