"""Calls that manage HTTP triggers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role

SCRIPT = "f/hooks/take"
HOOK = {
    "path": "f/hooks/hook",
    "script_path": SCRIPT,
    "is_flow": False,
    "route_path": "orders/:id",
    "http_method": "post",
    "authentication_method": "none",
    "is_static_website": False,
}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        answer = await made.client.post(f"{W}/scripts/create", json={**PYTHON, "path": SCRIPT, "summary": ""})
        assert answer.status_code == 201, answer.text
        await made.client.post(f"{W}/folders/addowner/hooks", json={"owner": "g/all"})
        yield made


async def create(api: ApiHarness, client: httpx.AsyncClient | None = None, **more: Any) -> httpx.Response:
    return await (client or api.client).post(f"{W}/http_triggers/create", json={**HOOK, **more})


async def test_trigger_is_created_shown_updated_and_deleted(api: ApiHarness) -> None:
    made = await create(api, summary="Orders", labels=["shop"])
    assert (made.status_code, made.text) == (201, "f/hooks/hook")
    found = await api.get("http_triggers/get/f/hooks/hook")
    assert found.pop("edited_at")
    assert found == {
        **HOOK,
        "summary": "Orders",
        "labels": ["shop"],
        "request_type": "sync",
        "workspaced_route": False,
        "wrap_body": False,
        "raw_string": False,
        "mode": "enabled",
        "permissioned_as": "u/admin",
        "extra_perms": {},
        "workspace_id": "main",
        "edited_by": "admin",
    }
    assert (await create(api)).status_code == 409
    change = {
        "script_path": SCRIPT,
        "is_flow": False,
        "request_type": "async",
        "mode": "disabled",
    }
    answer = await api.client.post(f"{W}/http_triggers/update/f/hooks/hook", json=change)
    assert answer.status_code == 200, answer.text
    found = await api.get("http_triggers/get/f/hooks/hook")
    assert (found["request_type"], found["mode"], found["summary"]) == ("async", "disabled", "Orders")
    assert (found["route_path"], found["path"]) == ("orders/:id", "f/hooks/hook")
    moved = await api.client.post(f"{W}/http_triggers/update/f/hooks/hook", json={**change, "path": "f/hooks/b"})
    assert moved.status_code == 400
    answer = await api.client.post(f"{W}/http_triggers/setmode/f/hooks/hook", json={"mode": "enabled"})
    assert answer.status_code == 200
    assert [each["mode"] for each in await api.get("http_triggers/list")] == ["enabled"]
    assert await api.get("http_triggers/exists/f/hooks/hook") is True
    assert (await api.client.delete(f"{W}/http_triggers/delete/f/hooks/hook")).status_code == 200
    assert await api.get("http_triggers/exists/f/hooks/hook") is False
    assert (await api.client.get(f"{W}/http_triggers/get/f/hooks/hook")).status_code == 404
    async with api.platform.db.acquire() as conn:
        rows = await conn.fetch("SELECT operation FROM audit WHERE operation LIKE 'http_triggers.%' ORDER BY id")
    verbs = ["create", "update", "setmode", "delete"]
    assert [row["operation"] for row in rows] == [f"http_triggers.{verb}" for verb in verbs]


async def test_lists_are_filtered_and_paged(api: ApiHarness) -> None:
    for number in range(3):
        await create(api, path=f"f/hooks/h{number}", route_path=f"r{number}", labels=["odd"] if number == 1 else None)
    listed = await api.get("http_triggers/list", per_page=2)
    assert [each["path"] for each in listed] == ["f/hooks/h0", "f/hooks/h1"]
    assert [each["path"] for each in await api.get("http_triggers/list", after="f/hooks/h1")] == ["f/hooks/h2"]
    for params, count in (
        ({"label": "odd"}, 1),
        ({"path": SCRIPT}, 3),
        ({"path_start": "f/hooks/h2"}, 1),
        ({"is_flow": "true"}, 0),
        ({"path": "' OR true --"}, 0),
    ):
        answer = await api.client.get(f"{W}/http_triggers/list", params=params)
        assert len(answer.json()) == count, params


async def test_route_belongs_to_one_trigger(api: ApiHarness) -> None:
    await create(api)
    for route in ("orders/:other", "/orders/:id"):
        answer = await create(api, path="f/hooks/second", route_path=route)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict"), route
    assert (await create(api, path="f/hooks/get", http_method="get")).status_code == 201
    assert (await create(api, path="f/hooks/own", workspaced_route=True)).status_code == 201
    body = {"route_path": "orders/:x", "http_method": "post"}
    for more, found in (
        ({}, True),
        ({"trigger_path": "f/hooks/hook"}, False),
        ({"http_method": "put"}, False),
        ({"workspaced_route": True}, True),
        ({"route_path": "free"}, False),
    ):
        answer = await api.client.post(f"{W}/http_triggers/route_exists", json={**body, **more})
        assert answer.json() is found, more
    change = {"script_path": SCRIPT, "is_flow": False, "http_method": "post"}
    answer = await api.client.post(f"{W}/http_triggers/update/f/hooks/get", json=change)
    assert answer.status_code == 409


@pytest.mark.parametrize(
    "more",
    [
        {"route_path": ""},
        {"route_path": "a//b"},
        {"route_path": "a/../b"},
        {"route_path": "a b"},
        {"route_path": "a/:"},
        {"route_path": ":a/:a"},
        {"route_path": "*rest/a"},
        {"route_path": "x" * 501},
        {"http_method": "head"},
        {"mode": "paused"},
        {"request_type": "later"},
        {"authentication_method": "custom_script"},
        {"authentication_method": "password"},
        {"authentication_method": "api_key"},
        {"is_static_website": True},
        {"static_asset_config": {"s3": "x"}},
        {"error_handler_path": "f/hooks/take"},
        {"retry": {"constant": {"attempts": -1}}},
        {"retry": "often"},
        {"summary": "x" * 1001},
        {"path": "no/path"},
    ],
)
async def test_invalid_triggers_are_refused(api: ApiHarness, more: dict[str, Any]) -> None:
    answer = await create(api, **more)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"] and await api.get("http_triggers/list") == []


async def test_authentication_by_token_has_two_names(api: ApiHarness) -> None:
    assert (await create(api, authentication_method="windmill")).status_code == 201
    assert (await api.get("http_triggers/get/f/hooks/hook"))["authentication_method"] == "orvanta"


async def test_missing_items_are_refused(api: ApiHarness) -> None:
    for more in ({"script_path": "f/hooks/missing"}, {"is_flow": True}):
        assert (await create(api, **more)).status_code == 404, more
    for call in ("update/f/hooks/none", "setmode/f/hooks/none"):
        body = {"script_path": SCRIPT, "is_flow": False, "mode": "enabled"}
        assert (await api.client.post(f"{W}/http_triggers/{call}", json=body)).status_code == 404


async def test_instance_route_needs_superadmin(api: ApiHarness) -> None:
    bea = await api.member("bea", role=Role.ADMIN)
    refused = await create(api, bea)
    assert refused.status_code == 403 and "workspaced_route" in refused.json()["error"]["hint"]
    assert (await create(api, bea, workspaced_route=True)).status_code == 201
    change = {"script_path": SCRIPT, "is_flow": False, "workspaced_route": False}
    assert (await bea.post(f"{W}/http_triggers/update/f/hooks/hook", json=change)).status_code == 403


async def test_runs_act_for_another_member_with_permission_only(api: ApiHarness) -> None:
    bea = await api.member("bea", role=Role.DEVELOPER)
    other = {"permissioned_as": "u/admin", "preserve_permissioned_as": True, "workspaced_route": True}
    assert (await create(api, bea, **other)).status_code == 403
    assert (await create(api, permissioned_as="u/bea", preserve_permissioned_as=True)).status_code == 201
    assert (await api.get("http_triggers/get/f/hooks/hook"))["permissioned_as"] == "u/bea"
    change = {"script_path": SCRIPT, "is_flow": False}
    await api.client.post(f"{W}/http_triggers/update/f/hooks/hook", json=change)
    assert (await api.get("http_triggers/get/f/hooks/hook"))["permissioned_as"] == "u/admin"


async def test_trigger_secret_must_be_readable_by_its_creator(api: ApiHarness) -> None:
    """Otherwise, its content could be guessed by naming a resource of another member."""
    value = {"username": "ada", "password": "secret"}
    body = {"path": "u/admin/key", "resource_type": "http_basic", "value": value}
    assert (await api.client.post(f"{W}/resources/create", json=body)).status_code == 201
    bea = await api.member("bea", role=Role.DEVELOPER)
    more: dict[str, Any] = {"authentication_method": "basic_http", "authentication_resource_path": "u/admin/key"}
    assert (await create(api, bea, workspaced_route=True, **more)).status_code == 404
    assert (await create(api, workspaced_route=True, **more)).status_code == 201
    hidden = {**PYTHON, "path": "u/admin/hidden", "summary": ""}
    assert (await api.client.post(f"{W}/scripts/create", json=hidden)).status_code == 201
    answer = await create(api, bea, path="f/hooks/b", script_path="u/admin/hidden", workspaced_route=True)
    assert answer.status_code == 404
