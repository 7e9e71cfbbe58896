"""Present paths of moved items in the plans of changes that miss them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W
from tests.http.test_remaining_uses import NOTHING
from tests.http.test_remaining_uses import api as api

from orvanta_platform.control.actor import Role
from orvanta_platform.services.changes import moved_items


async def deploy(client: httpx.AsyncClient, *paths: str) -> None:
    change = {"items": [{"kind": "flow", "path": path, "content": {"text": NOTHING}} for path in paths], "force": True}
    plan = (await client.post(f"{W}/changes/plan", json=change)).json()
    done = await client.post(f"{W}/changes/apply", json=change | {"plan_hash": plan["plan_hash"]})
    assert done.status_code == 200, done.text


async def move(client: httpx.AsyncClient, path: str, target: str) -> None:
    body = {"items": [{"kind": "flow", "path": path, "target": target}]}
    done = await client.post(f"{W}/moves/apply", json=body)
    assert done.status_code == 200, done.text


async def delete(client: httpx.AsyncClient, path: str) -> None:
    change = {"items": [{"kind": "flow", "path": path, "content": None}], "prune": [""], "force": True}
    plan = (await client.post(f"{W}/changes/plan", json=change)).json()
    done = await client.post(f"{W}/changes/apply", json=change | {"plan_hash": plan["plan_hash"]})
    assert done.status_code == 200, done.text


async def moved_to(client: httpx.AsyncClient, *paths: str) -> list[str | None]:
    """Return the present paths of workflows, as the plan of a change of them names these."""
    items = [{"kind": "flow", "path": path, "base": "0", "content": {"text": NOTHING}} for path in paths]
    answer = await client.post(f"{W}/changes/plan", json={"items": items, "prune": None})
    assert answer.status_code == 200, answer.text
    entries: dict[str, Any] = {each["path"]: each for each in answer.json()["entries"]}
    return [entries[path].get("moved_to") for path in paths]


async def test_item_that_replaces_a_deleted_one_at_the_new_path_is_not_named(api: ApiHarness) -> None:
    await deploy(api.client, "f/used/a")
    await move(api.client, "f/used/a", "f/used/b")
    assert await moved_to(api.client, "f/used/a") == ["f/used/b"]
    await delete(api.client, "f/used/b")
    await deploy(api.client, "f/used/b")
    assert await moved_to(api.client, "f/used/a") == [None]
    # The new item is moved on, and the deleted one with it is not.
    await move(api.client, "f/used/b", "f/used/c")
    assert await moved_to(api.client, "f/used/a", "f/used/b") == [None, "f/used/c"]


async def test_items_that_follow_a_moved_one_at_a_path_do_not_matter(api: ApiHarness) -> None:
    """An item was moved twice. Another one at the path between was deleted, and a third one was moved elsewhere."""
    await deploy(api.client, "f/used/a")
    await move(api.client, "f/used/a", "f/used/b")
    await move(api.client, "f/used/b", "f/used/c")
    await deploy(api.client, "f/used/b")
    await delete(api.client, "f/used/b")
    assert await moved_to(api.client, "f/used/a", "f/used/b") == ["f/used/c", None]
    await deploy(api.client, "f/used/b")
    await move(api.client, "f/used/b", "f/used/d")
    assert await moved_to(api.client, "f/used/a", "f/used/b") == ["f/used/c", "f/used/d"]
    await delete(api.client, "f/used/c")
    await deploy(api.client, "f/used/b")
    assert await moved_to(api.client, "f/used/a") == [None]


async def test_moves_from_folders_that_the_caller_may_not_read_are_not_confirmed(api: ApiHarness) -> None:
    ann = await api.member("ann", Role.DEVELOPER)
    await deploy(api.client, "f/hidden/secret")
    await move(api.client, "f/hidden/secret", "f/used/public")
    paths = "f/hidden/secret", "f/hidden/guessed"
    assert await moved_to(api.client, *paths) == ["f/used/public", None]
    assert await moved_to(ann, *paths) == [None, None]
    items = [{"kind": "flow", "path": path, "base": "0", "content": {"text": NOTHING}} for path in paths]
    answer = (await ann.post(f"{W}/changes/plan", json={"items": items, "prune": None})).json()
    assert len({(each["action"], each.get("reason")) for each in answer["entries"]}) == 1, answer


async def test_search_for_moves_is_limited(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the number of items, and in its duration."""
    await deploy(api.client, "f/used/a", "f/used/b")
    await move(api.client, "f/used/a", "f/used/c")
    await move(api.client, "f/used/b", "f/used/d")
    assert await moved_to(api.client, "f/used/a", "f/used/b") == ["f/used/c", "f/used/d"]
    with monkeypatch.context() as patch:
        patch.setattr(moved_items, "MAX_SOUGHT", 1)
        assert await moved_to(api.client, "f/used/a", "f/used/b") == ["f/used/c", None]
    monkeypatch.setattr(moved_items, "MAX_SECONDS", 0)
    assert await moved_to(api.client, "f/used/a", "f/used/b") == [None, None]
