"""Warnings of plans: items that are removed, and that other items still use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role
from orvanta_platform.db import version_references
from orvanta_platform.services.catalog import dependents
from orvanta_platform.services.changes import remaining_uses

CALL = "value: {modules: [{id: a, value: {type: %s, path: %s, input_transforms: {%s}}}]}\n"
NOTHING = "value: {modules: []}\n"
SCHEDULE = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/used/main", "is_flow": True, "args": {}}
ITEMS: dict[tuple[str, str], dict[str, Any]] = {
    ("resource_type", "uses_shop"): {"schema": {"type": "object"}},
    ("variable", "f/used/region"): {"value": "north", "is_secret": False},
    ("resource", "f/used/shop"): {"resource_type": "uses_shop", "value": {"region": "$var:f/used/region"}},
    ("script", "f/used/base"): {"content": "def base():\n    return 1\n", "language": "python3"},
    ("script", "f/used/helper"): {
        "content": "from f.used.base import base\ndef main(shop=None):\n    return base()\n",
        "language": "python3",
    },
    ("flow", "f/used/main"): {
        "text": CALL % ("script", "f/used/helper", "shop: {type: static, value: '$res:f/used/shop'}")
    },
    ("schedule", "f/used/daily"): SCHEDULE,
}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        for name, owners in (("used", ["g/all"]), ("hidden", [])):
            await made.client.post(f"{W}/folders/create", json={"name": name, "owners": owners})
        await apply(made.client, ITEMS)
        yield made


async def plan(client: httpx.AsyncClient, items: Any, prune: Any = None) -> dict[str, Any]:
    """Return the plan of changes of items, None for removed ones, whose bases are the present items."""
    present = {(each["kind"], each["path"]): each["hash"] for each in (await client.get(f"{W}/changes/items")).json()}
    body = {
        "items": [
            {"kind": kind, "path": path, "base": present.get((kind, path)), "content": content}
            for (kind, path), content in items.items()
        ],
        "prune": [""] if None in items.values() else prune,
    }
    answer = await client.post(f"{W}/changes/plan", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found | {"body": body}


async def apply(client: httpx.AsyncClient, items: Any) -> dict[str, Any]:
    made = await plan(client, items)
    body = made["body"] | {"plan_hash": made["plan_hash"]}
    answer = await client.post(f"{W}/changes/apply", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def uses(made: dict[str, Any]) -> dict[str, list[str]]:
    """Return the uses of the removed items by their paths."""
    return {
        each["path"]: [" ".join(filter(None, (use["kind"], use["path"], use.get("node")))) for use in each["used_by"]]
        for each in made["entries"]
        if "used_by" in each
    }


def removed(*keys: tuple[str, str]) -> dict[tuple[str, str], None]:
    return dict.fromkeys(keys)


async def test_removed_items_name_the_items_that_use_them(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two queries for all of them, the indexed one first, and nothing of an item that is removed as well."""
    queries: list[int] = []
    query = version_references.list_references

    async def counted(conn: Any, workspace: str, sought: Any, *rest: Any, **more: Any) -> Any:
        queries.append(len(sought))
        return await query(conn, workspace, sought, *rest, **more)

    monkeypatch.setattr(version_references, "list_references", counted)
    keys = [each for each in ITEMS if each[1] not in ("f/used/main", "f/used/daily")]
    made = await plan(api.client, removed(*keys))
    assert uses(made) == {"f/used/helper": ["flow f/used/main a"], "f/used/shop": ["flow f/used/main"]}
    assert queries == [2, 3] and made["uses_truncated"] is False
    assert [uses(await plan(api.client, removed(each))) for each in keys] == [
        {"uses_shop": ["resource f/used/shop"]},
        {"f/used/region": ["resource f/used/shop"]},
        {"f/used/shop": ["flow f/used/main"]},
        {"f/used/base": ["script f/used/helper"]},
        {"f/used/helper": ["flow f/used/main a"]},
    ]
    assert uses(await plan(api.client, removed(("flow", "f/used/main")))) == {"f/used/main": ["schedule f/used/daily"]}
    assert uses(await plan(api.client, removed(*ITEMS))) == {}
    # It is a warning: the items can be removed.
    await apply(api.client, removed(("variable", "f/used/region")))


async def test_new_contents_count_instead_of_those_that_they_replace(api: ApiHarness) -> None:
    gone = ("script", "f/used/helper")
    changed = {("flow", "f/used/main"): {"text": NOTHING}, gone: None}
    assert uses(await plan(api.client, changed)) == {}
    other = {("flow", "f/used/other"): {"text": CALL % ("script", "f/used/helper", "")}}
    assert uses(await plan(api.client, changed | other)) == {"f/used/helper": ["flow f/used/other"]}
    code = {"content": "from f.used.base import base\ndef main():\n    return 2\n", "language": "python3"}
    replaced = {("script", "f/used/helper"): {"content": "def main():\n    pass\n", "language": "python3"}}
    base = removed(("script", "f/used/base"))
    assert uses(await plan(api.client, replaced | base)) == {}
    assert uses(await plan(api.client, replaced | base | {("script", "f/used/late"): code})) == {
        "f/used/base": ["script f/used/late"]
    }
    moved = {("schedule", "f/used/daily"): SCHEDULE | {"script_path": "f/used/other"}}
    assert uses(await plan(api.client, moved | other | removed(("flow", "f/used/main")))) == {}
    partly = {("schedule", "f/used/daily"): {"summary": "Each day"}}
    assert uses(await plan(api.client, partly | removed(("flow", "f/used/main")))) == {
        "f/used/main": ["schedule f/used/daily"]
    }
    # A workflow that no deployment accepts, and whose aliases would take all of the memory, is not parsed.
    bomb = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert uses(await plan(api.client, {("flow", "f/used/bomb"): {"text": bomb}} | removed(gone))) == {
        "f/used/helper": ["flow f/used/main a"]
    }


async def test_uses_by_items_that_the_caller_may_not_read_are_counted(api: ApiHarness) -> None:
    hidden = {("flow", "f/hidden/secret"): {"text": CALL % ("script", "f/used/helper", "")}}
    await apply(api.client, hidden)
    ann = await api.member("ann", Role.DEVELOPER)
    made = await plan(ann, removed(("script", "f/used/helper")))
    (entry,) = made["entries"]
    assert (uses(made), entry["hidden_uses"]) == ({"f/used/helper": ["flow f/used/main a"]}, 1)
    assert "f/hidden" not in str(made)
    assert uses(await plan(api.client, removed(("script", "f/used/helper")))) == {
        "f/used/helper": ["flow f/hidden/secret a", "flow f/used/main a"]
    }


async def test_hidden_uses_of_items_that_the_caller_may_not_change_are_not_counted(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even that there are more of them."""
    monkeypatch.setattr(dependents, "MAX_SHOWN", 1)
    call = {"text": CALL % ("script", "f/used/helper", "")}
    await apply(api.client, {("flow", "f/hidden/secret"): call, ("flow", "f/hidden/other"): call})
    found = {}
    for name, role in (("ann", Role.DEVELOPER), ("otto", Role.OPERATOR)):
        made = await plan(await api.member(name, role), removed(("script", "f/used/helper")))
        assert uses(made) == {"f/used/helper": ["flow f/used/main a"]}
        found[name] = made["entries"][0].get("hidden_uses", 0), made["uses_truncated"]
    assert found == {"ann": (0, True), "otto": (0, False)}
    monkeypatch.setattr(dependents, "MAX_SHOWN", 1000)
    for name, role, hidden in (("bea", Role.DEVELOPER, 2), ("oda", Role.OPERATOR, 0)):
        made = await plan(await api.member(name, role), removed(("script", "f/used/helper")))
        assert (made["entries"][0].get("hidden_uses", 0), made["uses_truncated"]) == (hidden, False), name


async def test_search_that_takes_too_long_keeps_the_uses_that_an_index_has(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = version_references.list_references

    async def slow(conn: Any, workspace: str, sought: Any, *rest: Any, **more: Any) -> Any:
        if any(each.text is not None for each in sought):
            raise TimeoutError
        return await query(conn, workspace, sought, *rest, **more)

    monkeypatch.setattr(version_references, "list_references", slow)
    made = await plan(api.client, removed(("script", "f/used/helper"), ("variable", "f/used/region")))
    assert uses(made) == {"f/used/helper": ["flow f/used/main a"]} and made["uses_truncated"] is True


@pytest.mark.parametrize(("seconds", "found"), [(remaining_uses.MAX_SECONDS, True), (0, False)])
async def test_search_of_new_contents_is_limited_in_time(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch, seconds: float, found: bool
) -> None:
    monkeypatch.setattr(remaining_uses, "MAX_SECONDS", seconds)
    text = CALL % ("script", "f/used/helper", "")
    made = await plan(api.client, {("script", "f/used/helper"): None, ("flow", "f/used/new"): {"text": text}})
    assert ([each for each in uses(made)["f/used/helper"] if "new" in each] == ["flow f/used/new"]) is found
    assert made["uses_truncated"] is not found


async def test_moves_to_paths_that_the_caller_may_not_read_are_not_named(api: ApiHarness) -> None:
    ann = await api.member("ann", Role.DEVELOPER)
    body = {"items": [{"kind": "flow", "path": "f/used/main", "target": "f/hidden/main"}]}
    change = {
        "items": [{"kind": "flow", "path": "f/used/main", "base": "0", "content": {"text": NOTHING}}],
        "prune": None,
    }
    assert (await api.client.post(f"{W}/moves/apply", json=body)).status_code == 200
    (mine,) = (await api.client.post(f"{W}/changes/plan", json=change)).json()["entries"]
    assert (mine["moved_to"], mine["action"], mine["code"]) == ("f/hidden/main", "conflict", "moved")
    assert mine["reason"] == "It was moved to f/hidden/main in the workspace in the meantime."
    (hers,) = (await ann.post(f"{W}/changes/plan", json=change)).json()["entries"]
    assert (
        "moved_to" not in hers
        and hers["code"] == "deleted"
        and hers["reason"] == "It was deleted in the workspace in the meantime."
    )
