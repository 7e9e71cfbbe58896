"""Contents of items that `changes/read` returns: kinds, limits, and keys that documents choose themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W
from tests.http.test_changes import FLOW, ITEMS, apply, plan

from orvanta_platform.control.actor import Role
from orvanta_platform.services.changes import contents

SERVER_FIELDS = {
    "kind": "variable",
    "path": "f/other/item",
    "hash": "0" * 64,
    "action": "unchanged",
    "reason": "It is harmless.",
    "overwrites": False,
}


async def read(client: httpx.AsyncClient, *keys: Sequence[str], code: int = 200) -> Any:
    items = [{"kind": kind, "path": path} for kind, path in keys]
    answer = await client.post(f"{W}/changes/read", json={"items": items})
    assert answer.status_code == code, answer.text
    return answer.json()


def nested(levels: int) -> dict[str, Any]:
    """Return objects in each other."""
    return {"a": nested(levels - 1)} if levels else {}


async def test_kinds_without_a_folder_are_read_by_their_names(api: ApiHarness) -> None:
    await apply(api, ITEMS)
    names = [("folder", "team"), ("group", "crew"), ("resource_type", "shop")]
    found = await read(api.client, *names, ("folder", "nothing"), ("group", "nothing"), ("resource_type", "nothing"))
    assert [(each["kind"], each["path"]) for each in found] == names
    assert [each["content"].get("summary") for each in found] == ["Team", "Crew", None]
    assert "properties" in found[2]["content"]["schema"]
    assert await read(api.client, ("folder", "f/team"), ("group", "g/crew")) == []
    eve = await api.member("eve", Role.DEVELOPER)
    assert [each["kind"] for each in await read(eve, *names)] == ["group", "resource_type"]


async def test_contents_beyond_the_limit_are_read_in_parts(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {f"f/team/flow{n}": FLOW % (f"Number {n}", "identity") for n in range(4)}
    await apply(api, [{"kind": "flow", "path": path, "content": {"text": text}} for path, text in texts.items()])
    for n in range(2):
        node = {"id": "a", "value": {"type": "identity"}, "mock": {"enabled": False, "return_value": nested(60)}}
        body = {"path": f"f/team/json{n}", "summary": "", "value": {"modules": [node]}}
        assert (await api.client.post(f"{W}/flows/create", json=body)).is_success
    for n in range(2):
        body = {"path": f"f/team/r{n}", "resource_type": "any", "value": "x" * 200}
        assert (await api.client.post(f"{W}/resources/create", json=body)).is_success
    monkeypatch.setattr(contents, "MAX_READ_SIZE", 2 * len(texts["f/team/flow0"]) + 100)
    monkeypatch.setattr(contents, "_PART_SIZE", 1)
    keys = [("flow", path) for path in texts]
    error = (await read(api.client, *keys, code=413))["error"]
    assert (error["code"], error["details"]) == ("too_large", {"limit": contents.MAX_READ_SIZE})
    assert [each["path"] for each in await read(api.client, *keys[:2])] == list(texts)[:2]
    assert (await read(api.client, ("resource", "f/team/r0"), ("resource", "f/team/r1"), code=413))["error"]
    # The YAML of a workflow that was deployed as JSON is larger than its document.
    monkeypatch.setattr(contents, "MAX_READ_SIZE", 4000)
    assert (await read(api.client, ("flow", "f/team/json0"), ("flow", "f/team/json1"), code=413))["error"]
    monkeypatch.setattr(contents, "MAX_READ_SIZE", 1)
    for key in [*keys, ("flow", "f/team/json0"), ("resource", "f/team/r0")]:
        assert len(await read(api.client, key)) == 1


async def test_keys_of_a_content_are_separate_from_fields_of_the_server(api: ApiHarness) -> None:
    text = FLOW % ("Own", "identity") + "".join(f"{name}: own\n" for name in SERVER_FIELDS if name != "path")
    test = {"inputs": SERVER_FIELDS, "nodes": {}, "expect": {"status": "succeeded"}}
    wanted: list[dict[str, Any]] = [
        {"kind": "resource", "path": "f/team/own", "content": {"resource_type": "any", "value": SERVER_FIELDS}},
        {"kind": "flow", "path": "f/team/flow", "content": {"text": text}},
        {"kind": "workflow_test", "path": "f/team/flow/tests/own", "content": test},
        {"kind": "variable", "path": "f/team/value", "content": {"value": "1", **SERVER_FIELDS}},
    ]
    made = await plan(api, wanted)
    shown = {(each["kind"], each["path"]): each for each in made["entries"]}
    assert set(shown) == {(each["kind"], each["path"]) for each in wanted}
    for entry in made["entries"]:
        assert set(entry) <= set(SERVER_FIELDS) and "reason" not in entry
        assert (entry["action"], entry["overwrites"]) == ("add", False)
    await apply(api, wanted)
    for each in await read(api.client, *shown):
        assert set(each) == {"kind", "path", "hash", "content"}
        assert (each["kind"], each["path"]) in shown and each["hash"] != SERVER_FIELDS["hash"]
