"""Change sets over the API: single settings of items, removed and moved."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.http.test_changes import FLOW, HOOK, SCHEDULE, actions, apply, plan

from orvanta_platform.control.actor import system
from orvanta_platform.services.changes import contents
from orvanta_platform.workflow.tree.item import Key

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


async def test_entry_of_a_list_keeps_its_own_secret(api: ApiHarness) -> None:
    """A removed, moved or added entry gives no other entry its secret, in a change set and in the API of resources."""
    answer = await api.client.post(f"{W}/workspaces/edit_secrets_readable", json={"secrets_readable": True})
    assert answer.status_code == 200, answer.text
    secret = {"type": "string", "password": True}
    entry = {"type": "object", "properties": {"password": secret}}
    schema = {"type": "object", "properties": {"list": {"type": "array", "items": entry}}}
    value = {"list": [{"n": n, "password": f"p{n}"} for n in (1, 2, 3)]}
    resource = {"kind": "resource", "path": "f/team/r", "content": {"resource_type": "shop", "value": value}}
    await apply(api, [FOLDER, {"kind": "resource_type", "path": "shop", "content": {"schema": schema}}, resource])

    async def change(entries: list[Any], code: int = 200) -> dict[str, Any]:
        stored = await read(api, "resource", "f/team/r")
        content = {**stored["content"], "value": {"list": entries}}
        return await apply(api, [resource | {"base": stored["hash"], "content": content}], code)

    async def secrets() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await api.get("resources/get_value_interpolated/f/team/r"))["list"]
        return found

    one, two, three = (await read(api, "resource", "f/team/r"))["content"]["value"]["list"]
    await change([three, two])
    assert await secrets() == [{"n": 3, "password": "p3"}, {"n": 2, "password": "p2"}]
    refused = await change([three, two, one], 400)
    assert "/list/2/password is the mask" in refused["error"]["details"][0]["error"]["message"]
    await change([{"n": 4, "password": "p4"}, {**three, "more": 1}, two], 400)
    await change([{"n": 4, "password": "p4"}, three, two])
    assert await secrets() == [{"n": n, "password": f"p{n}"} for n in (4, 3, 2)]
    shown = (await api.get("resources/get/f/team/r"))["value"]["list"]
    answer = await api.client.post(f"{W}/resources/update/f/team/r", json={"value": {"list": [shown[2], shown[0]]}})
    assert answer.status_code == 200, answer.text
    assert await secrets() == [{"n": 2, "password": "p2"}, {"n": 4, "password": "p4"}]
    await change([{**two, "n": 5}, one | {"n": 4}])
    assert await secrets() == [{"n": 5, "password": "p2"}, {"n": 4, "password": "p4"}]


async def test_items_are_read_in_one_state(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive, a list and a read contain no item of a change set that is applied while they read."""
    variable = {"kind": "variable", "path": "f/team/v", "content": {"value": "1", "is_secret": False}}
    await apply(api, [FOLDER, MAIN, variable])
    before = await api.get("changes/items")
    plain, pending = contents._READERS["flow"], [str(number) for number in range(3)]
    outside = True

    async def later(*arguments: Any) -> Any:
        nonlocal outside
        if outside and pending:
            outside = False
            number = pending.pop()
            text = {"text": FLOW % (f"Number {number}", "identity")}
            items = [{**variable, "content": {"value": number}}, {**MAIN, "content": text}]
            await apply(api, items, force=True)
            outside = True
        return await plain(*arguments)

    monkeypatch.setitem(contents._READERS, "flow", later)
    assert await api.get("changes/items") == before
    keys = [{"kind": "variable", "path": "f/team/v"}, {"kind": "flow", "path": "f/team/main"}]
    found = (await api.client.post(f"{W}/changes/read", json={"items": keys})).json()
    assert found[0]["content"]["value"] == "2" and "Number 2" in found[1]["content"]["text"]
    body = (await api.client.get(f"{W}/workspaces/tarball?archive_type=zip")).content
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert b'"1"' in archive.read("f/team/v.variable.json") and b"Number 1" in archive.read("f/team/main.flow.json")


async def test_reading_one_trigger_reads_no_others(api: ApiHarness) -> None:
    schedules = [{"kind": "schedule", "path": f"f/team/s{n}", "content": SCHEDULE} for n in range(3)]
    routes = [
        {"kind": "http_trigger", "path": f"f/team/h{n}", "content": HOOK | {"route_path": f"team/{n}"}}
        for n in range(3)
    ]
    await apply(api, [FOLDER, MAIN, *schedules, *routes])
    async with api.platform.db.acquire() as conn:
        keys: list[Key] = [("schedule", "f/team/s1"), ("http_trigger", "f/team/h1")]
        reading = await contents.read(conn, system("main"), "main", keys)
    assert [[path for path, _ in rows.decode()] for _, _, rows in reading] == [["f/team/s1"], ["f/team/h1"]]


async def test_schedule_follows_a_renamed_workflow_and_triggers_swap_routes(api: ApiHarness) -> None:
    schedule = {"kind": "schedule", "path": "f/team/daily", "content": SCHEDULE | {"enabled": True}}
    one, two = (
        {"kind": "http_trigger", "path": f"f/team/{name}", "content": HOOK | {"route_path": f"team/{name}"}}
        for name in ("one", "two")
    )
    await apply(api, [FOLDER, MAIN, schedule, one, two])
    renamed = MAIN | {"path": "f/team/new"}
    target = {"script_path": "f/team/new"}
    items: list[dict[str, Any]] = [
        *(renamed, MAIN | {"content": None}),
        schedule | {"content": SCHEDULE | {"enabled": True} | target},
        one | {"content": HOOK | target | {"route_path": "team/two"}},
        two | {"content": HOOK | target | {"route_path": "team/one"}},
    ]
    await apply(api, items, prune=[""], force=True)
    found = await api.get("schedules/get/f/team/daily")
    assert (found["script_path"], found["enabled"]) == ("f/team/new", True)
    routes = [(await api.get(f"http_triggers/get/f/team/{name}"))["route_path"] for name in ("one", "two")]
    assert routes == ["team/two", "team/one"]
    assert (await apply(api, items, prune=[""], force=True))["nothing_to_do"]
    third = one | {"path": "f/team/three", "content": HOOK | target | {"route_path": "team/one"}}
    refused = await apply(api, [third], 400)
    assert refused["error"]["details"][0]["error"]["code"] == "conflict"
    gone = schedule | {"content": SCHEDULE | {"script_path": "f/team/gone"}}
    refused = await apply(api, [gone], 400, force=True)
    assert refused["error"]["details"][0]["error"]["code"] == "not_found"
