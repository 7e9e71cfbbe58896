"""200 items of all kinds through a repository: pushed from one workspace, and applied to an empty one."""

from __future__ import annotations

from typing import Any

import pytest
from dulwich.repo import Repo
from tests.git_repositories import TOKEN, GitServer, files_of
from tests.http.harness import ApiHarness
from tests.http.test_changes_whole import apply, every_kind
from tests.http.test_git import api, bind, messages, pulled, repo, server, synchronised

from orvanta_platform.services.git import sync
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.writing import write

__all__ = ["api", "repo", "server"]

pytestmark = pytest.mark.extended
COPY = "/api/w/copy"


async def test_tree_of_every_kind_comes_back_through_a_repository(
    api: ApiHarness, server: GitServer, repo: Repo
) -> None:
    items = every_kind()
    await apply(api.platform, items)
    await bind(api, server, repo)
    files = files_of(repo)
    assert write(items)[0].items() <= files.items() and files == await pulled(api)

    assert (await api.client.post("/api/workspaces/create", json={"id": "copy", "name": "Copy"})).status_code == 201
    url = f"{server.url}/{repo.path.rpartition('/')[2]}"
    await send(api, "git/bind", {"url": url, "token": TOKEN})
    await sync.synchronise(api.platform, "copy")
    plan = (await api.client.get(f"{COPY}/git/incoming")).json()
    assert {each["action"] for each in plan["items"]} == {"add"} and len(plan["items"]) > len(items)
    await send(api, "git/apply", {"plan_hash": plan["plan_hash"]})
    keys = [{"kind": item.kind, "path": item.path} for item in items]
    found = await send(api, "changes/read", {"items": keys})
    assert write(Item(each["kind"], each["path"], each["content"]) for each in found) == write(items)

    # Neither workspace has anything to commit or to apply.
    before = messages(repo)
    await synchronised(api)
    await sync.synchronise(api.platform, "copy")
    assert messages(repo) == before and files_of(repo) == files
    assert (await api.client.get(f"{COPY}/git/get")).json()["error"] is None
    for base in ("main", "copy"):
        assert (await api.client.get(f"/api/w/{base}/git/incoming")).json()["items"] == []


async def send(api: ApiHarness, path: str, body: Any) -> Any:
    """Send a call to the second workspace, require success, and return the JSON of the response."""
    answer = await api.client.post(f"{COPY}/{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json() if answer.headers["content-type"].startswith("application/json") else None
