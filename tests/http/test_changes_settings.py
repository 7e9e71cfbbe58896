"""Change sets over the API: single settings of items, removed and moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.http.test_changes import FLOW, HOOK, SCHEDULE, actions, apply, plan

FOLDER = {"kind": "folder", "path": "team", "content": {"summary": "Team"}}
MAIN = {"kind": "flow", "path": "f/team/main", "content": {"text": FLOW % ("Main", "identity")}}
RETRY = {"constant": {"attempts": 1, "seconds": 1}}
REMOVABLE: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("folder", "team", {"summary": "Team", "owners": ["u/admin", "g/all"], "extra_perms": {"g/all": True}}, {}),
    ("group", "crew", {"summary": "Crew", "members": ["admin"], "managers": ["admin"]}, {}),
    ("resource_type", "shop", {"description": "A shop"}, {"schema": {"type": "object"}}),
    ("variable", "f/team/v", {"description": "D", "labels": ["a"]}, {"value": "1", "is_secret": False}),
    ("resource", "f/team/r", {"description": "D", "labels": ["a"]}, {"value": {"a": 1}, "resource_type": "shop"}),
    (
        *("schedule", "f/team/daily"),
        {"on_failure": "flow/f/team/main", "retry": RETRY, "paused_until": "2099-01-01T00:00:00+00:00", "tag": "x"},
        SCHEDULE | {"enabled": True, "missed": "skip"},
    ),
    ("http_trigger", "f/team/hook", {"summary": "S", "retry": RETRY, "labels": ["a"], "wrap_body": True}, HOOK),
]


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        yield made


async def read(api: ApiHarness, kind: str, path: str) -> dict[str, Any]:
    answer = await api.client.post(f"{W}/changes/read", json={"items": [{"kind": kind, "path": path}]})
    found: dict[str, Any] = answer.json()[0]
    return found


async def test_null_removes_settings_and_leaves_those_that_an_item_needs(api: ApiHarness) -> None:
    rows = [{"kind": kind, "path": path, "content": needed | own} for kind, path, own, needed in REMOVABLE]
    await apply(api, [FOLDER, MAIN])
    await apply(api, [each for each in rows if each["kind"] != "folder"])
    await apply(api, [rows[0]], force=True)
    for kind, path, own, needed in REMOVABLE:
        before = await read(api, kind, path)
        content = dict.fromkeys((*own, *needed))
        if kind == "resource":
            del content["value"]  # null is a value
        if kind == "schedule":
            content |= {name: needed[name] for name in ("schedule", "timezone", "script_path", "is_flow", "enabled")}
        change = {"kind": kind, "path": path, "base": before["hash"], "content": content}
        assert actions(await plan(api, [change])) == {f"{kind} {path}": "change"}, kind
        await apply(api, [change])
        after = await read(api, kind, path)
        assert not any(after["content"].get(name) for name in own), after
        kept = {name: value for name, value in needed.items() if name not in ("missed", "args")}
        assert {name: after["content"].get(name) for name in kept} == kept
        assert (await plan(api, [change | {"base": after["hash"]}]))["nothing_to_do"], after
