"""Chosen items of a list: archived and restored together, and exported."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from tests.http.harness import ApiHarness, W
from tests.http.test_changes import FLOW, apply
from tests.http.test_changes import api as api

from orvanta_platform.control.actor import Role

TEAM = {"kind": "folder", "path": "team", "content": {"summary": "Team", "owners": []}}
ITEMS: list[dict[str, Any]] = [
    TEAM,
    {"kind": "flow", "path": "f/team/one", "content": {"text": FLOW % ("One", "identity")}},
    {"kind": "flow", "path": "f/team/two", "content": {"text": FLOW % ("Two", "identity")}},
    {"kind": "script", "path": "f/team/code", "content": {"content": "x = 1\n", "language": "python3"}},
    {"kind": "workflow_test", "path": "f/team/one/tests/empty", "content": {"input": {}}},
    {"kind": "workflow_test", "path": "f/team/two/tests/other", "content": {"input": {}}},
]
NAMES = [{"kind": each["kind"], "path": each["path"]} for each in ITEMS[1:4]]


async def set_archived(client: Any, items: list[dict[str, str]], archived: bool = True) -> tuple[int, Any]:
    answer = await client.post(f"{W}/changes/set_archived", json={"items": items, "archived": archived})
    return answer.status_code, answer.json() if "json" in answer.headers["content-type"] else answer.text


async def archived(api: ApiHarness) -> set[str]:
    flows = await api.get("flows/list", show_archived=True)
    scripts = await api.get("scripts/list", only_archived=True)
    return {each["path"] for each in (*flows, *scripts) if each["archived"]}


async def test_chosen_items_are_archived_and_restored_together(api: ApiHarness) -> None:
    await apply(api, ITEMS)
    assert await set_archived(api.client, NAMES) == (200, "Archived 3 items.")
    assert await archived(api) == {each["path"] for each in NAMES}
    assert await set_archived(api.client, NAMES[:1], archived=False) == (200, "Restored 1 item.")
    assert await archived(api) == {each["path"] for each in NAMES[1:]}


async def test_nothing_is_archived_if_one_item_cannot_be(api: ApiHarness) -> None:
    await apply(api, ITEMS)
    missing = {"kind": "flow", "path": "f/team/zz"}
    for state in (True, False):
        status, body = await set_archived(api.client, [*NAMES, missing], archived=state)
        assert (status, body["error"]["code"]) == (400, "changes_refused"), body
        (refused,) = body["error"]["details"]
        assert (refused["path"], refused["error"]["code"]) == ("f/team/zz", "not_found")
    assert await archived(api) == set()
    reader = await api.member("reader", Role.DEVELOPER)
    status, body = await set_archived(reader, NAMES)
    assert body["error"]["code"] == "changes_refused" and len(body["error"]["details"]) == 3
    viewer = await api.member("viewer", Role.VIEWER)
    assert (await set_archived(viewer, NAMES))[0] == 403
    assert (await set_archived(api.client, [{"kind": "variable", "path": "f/team/v"}]))[0] == 400
    assert (await set_archived(api.client, NAMES * 2000))[0] == 413
    assert await archived(api) == set()


async def test_archive_of_chosen_workflows_has_their_tests(api: ApiHarness) -> None:
    await apply(api, ITEMS)
    files = "f/team/code.py", "f/team/code.script.json", "f/team/one.flow.json"
    for query, tests in (("", ()), ("&include_tests=true", ("f/team/one.flow/tests/empty.json",))):
        assert await names(api, f"items=flow/f/team/one,script/f/team/code{query}") == sorted((*files, *tests))


async def test_archive_of_unknown_items_is_refused(api: ApiHarness) -> None:
    await apply(api, ITEMS)
    query = "items=flow/f/team/one,flow/f/team/zz"
    answer = await api.client.get(f"{W}/workspaces/tarball?archive_type=zip&{query}")
    assert answer.status_code == 404 and "flow f/team/zz" in answer.json()["error"]["message"]


async def test_audit_trail_says_what_was_exported(api: ApiHarness) -> None:
    await apply(api, ITEMS)
    await names(api, "items=flow/f/team/one,script/f/team/code&include_key=true")
    await names(api, "secret_mode=plain&skip_resources=true&include_users=true")
    rows = await api.get("audit/list", operation="workspaces.export")
    whole, chosen = (each["parameters"] for each in rows)
    assert (chosen["items"], chosen["include_key"], chosen["secret_mode"]) == (2, True, "blank")
    assert (whole["items"], whole["include_key"], whole["secret_mode"]) == (None, False, "plain")
    assert "user" in whole["kinds"] and "resource" not in whole["kinds"]


async def names(api: ApiHarness, query: str) -> list[str]:
    answer = await api.client.get(f"{W}/workspaces/tarball?archive_type=zip&{query}")
    assert answer.status_code == 200, answer.text
    return zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
