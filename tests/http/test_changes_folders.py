"""Change sets that remove folders: those that have items afterwards remain."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.http.test_changes import actions, apply, plan

from orvanta_platform.control.actor import Role

FOLDER = {"kind": "folder", "path": "closing"}
FLOW = {"kind": "flow", "path": "f/closing/main", "content": {"text": "value: {modules: []}\n"}}
REGION = {"kind": "variable", "path": "f/closing/region", "content": {"is_secret": False, "value": "north"}}
SCHEDULE = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/closing/main", "is_flow": True, "args": {}}
HOOK = {
    "script_path": "f/closing/main",
    "is_flow": True,
    "route_path": "closing",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
    "request_type": "sync",
}
ITEMS: list[dict[str, Any]] = [
    FLOW,
    REGION,
    {"kind": "script", "path": "f/closing/base", "content": {"content": "x = 1\n", "language": "python3"}},
    {"kind": "resource", "path": "f/closing/shop", "content": {"resource_type": "shop", "value": {}}},
    {"kind": "schedule", "path": "f/closing/daily", "content": SCHEDULE},
    {"kind": "http_trigger", "path": "f/closing/hook", "content": HOOK},
]
NAMES = [f"{each['kind']} {each['path']}" for each in ITEMS]
FORCE: dict[str, Any] = {"force": True, "prune": [""]}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await apply(made, [FOLDER | {"content": {"summary": "Closing"}}, *ITEMS])
        yield made


def gone(*items: dict[str, Any]) -> list[dict[str, Any]]:
    return [each | {"content": None} for each in items]


async def folder_exists(api: ApiHarness) -> bool:
    found: bool = await api.get("folders/exists/closing")
    return found


async def test_folder_of_stored_items_remains(api: ApiHarness) -> None:
    """Also if the workspace lacked them before."""
    await apply(api, gone(*ITEMS), **FORCE)
    done = await apply(api, [*gone(FOLDER), FLOW], **FORCE)
    assert actions(done) == {"flow f/closing/main": "add", "folder closing": "unchanged"}
    assert "items in this folder" in done["entries"][1]["reason"] and await folder_exists(api)
    assert actions(await apply(api, [*gone(FOLDER), FLOW], **FORCE)) == {
        "flow f/closing/main": "unchanged",
        "folder closing": "unchanged",
    }


@pytest.mark.parametrize("left", range(len(ITEMS)), ids=[each["kind"] for each in ITEMS])
async def test_folder_of_items_that_are_not_in_the_change_set_remains(api: ApiHarness, left: int) -> None:
    others = [each for index, each in enumerate(ITEMS) if index != left]
    done = await apply(api, gone(FOLDER, *others), **FORCE)
    removed = [name for index, name in enumerate(NAMES) if index != left]
    assert actions(done) == {**dict.fromkeys(removed, "remove"), "folder closing": "unchanged"}
    present = {f"{each['kind']} {each['path']}" for each in await api.get("changes/items")}
    assert {NAMES[left], "folder closing"} <= present and not present.intersection(removed)


async def test_empty_folder_is_removed(api: ApiHarness) -> None:
    """States of runs and items of other folders with a similar name do not count."""
    await apply(api, [{"kind": "folder", "path": "closings", "content": {}}, FLOW | {"path": "f/closings/main"}])
    state = {"path": "f/closing/state", "resource_type": "state", "value": {"n": 1}}
    assert (await api.client.post(f"{W}/resources/create", json=state)).status_code == 201
    done = await apply(api, gone(FOLDER, *ITEMS), **FORCE)
    assert actions(done) == dict.fromkeys([*NAMES, "folder closing"], "remove") and not await folder_exists(api)


async def test_folder_that_gets_an_item_after_the_plan_remains(api: ApiHarness) -> None:
    items = gone(FOLDER, *ITEMS)
    made = await plan(api, items, **FORCE)
    await apply(api, [REGION | {"path": "f/closing/other"}])
    body = {"items": items, "plan_hash": made["plan_hash"], **FORCE}
    answer = await api.client.post(f"{W}/changes/apply", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "stale_plan")
    assert actions(await apply(api, items, **FORCE))["folder closing"] == "unchanged"


@pytest.mark.parametrize(("count", "text"), [(1, "1 of the items is in"), (2, "2 of the items are in")])
async def test_conflicts_are_counted(api: ApiHarness, count: int, text: str) -> None:
    changed = [
        each | {"base": "0"} for each in (REGION | {"content": {"value": "x"}}, FLOW | {"content": {"text": ""}})
    ]
    answer = await apply(api, changed[:count], 409)
    assert answer["error"]["message"].startswith(text)


async def test_plan_does_not_reveal_the_items_of_a_folder_to_readers(api: ApiHarness) -> None:
    """A viewer who may read the folder may not delete it: its plan does not depend on its items."""
    viewer = await api.member("viewer22", Role.VIEWER)
    grant = {"owner": "u/viewer22", "write": False}
    assert (await api.client.post(f"{W}/folders/removeowner/closing", json=grant)).status_code == 200
    seen = (await viewer.post(f"{W}/changes/plan", json={"items": gone(FOLDER), **FORCE})).json()
    assert actions(seen) == {"folder closing": "remove"}
