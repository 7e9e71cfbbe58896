"""Routes of the instance: only superadmins may write them, and payloads reach only the intended workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, client_of

from orvanta_platform.control import names
from orvanta_platform.control.actor import Role
from orvanta_platform.control.route_paths import parse
from orvanta_platform.db import tokens, workspaces

OTHER = "/api/w/other"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        assert (await made.client.post("/api/workspaces/create", json={"id": "other"})).status_code == 201
        for prefix in (W, OTHER):
            new = {**PYTHON, "path": "f/hooks/take", "summary": ""}
            assert (await made.client.post(f"{prefix}/scripts/create", json=new)).status_code == 201
        yield made


async def create(client: httpx.AsyncClient, prefix: str, route: str, **more: Any) -> httpx.Response:
    body = {
        "path": "f/hooks/hook",
        "script_path": "f/hooks/take",
        "is_flow": False,
        "route_path": route,
        "http_method": "post",
        "authentication_method": "none",
        "is_static_website": False,
        "request_type": "async",
        "workspaced_route": False,
        **more,
    }
    return await client.post(f"{prefix}/http_triggers/create", json=body)


async def call(api: ApiHarness, route: str) -> str:
    """Return the workspace whose trigger receives a request, or the status if there is none."""
    answer = await api.client.post(f"/api/r/{route}", json={"card": "4242"})
    if answer.status_code != 201:
        return str(answer.status_code)
    async with api.platform.db.acquire() as conn:
        return str(await conn.fetchval("SELECT workspace FROM run_live WHERE id = $1", answer.text))


async def mode(client: httpx.AsyncClient, prefix: str, wanted: str) -> int:
    answer = await client.post(f"{prefix}/http_triggers/setmode/f/hooks/hook", json={"mode": wanted})
    return answer.status_code


async def test_workspace_admin_cannot_take_instance_route(api: ApiHarness) -> None:
    """Otherwise, an admin could intercept `users/42` of another workspace's `users/:id`."""
    assert (await create(api.client, W, "users/:id")).status_code == 201
    bea = await api.member("bea", Role.ADMIN, workspace="other")
    assert (await create(bea, OTHER, "users/42")).status_code == 403
    assert await call(api, "users/42") == "main"
    asked = {"route_path": "users/:x", "http_method": "post", "workspaced_route": False}
    assert (await bea.post(f"{OTHER}/http_triggers/route_exists", json=asked)).status_code == 403


async def test_workspace_admin_cannot_change_instance_route(api: ApiHarness) -> None:
    assert (await create(api.client, W, "pay")).status_code == 201
    bea = await api.member("bea", Role.ADMIN)
    change = {"script_path": "f/hooks/take", "is_flow": False}
    for more in ({}, {"workspaced_route": True}):
        answer = await bea.post(f"{W}/http_triggers/update/f/hooks/hook", json={**change, **more})
        assert answer.status_code == 403
    assert (await bea.delete(f"{W}/http_triggers/delete/f/hooks/hook")).status_code == 403
    assert await mode(bea, W, "disabled") == 200, "whoever writes it may stop it"
    assert (await create(api.client, W, "own", path="u/admin/hook")).status_code == 201
    moved = await bea.post(f"{W}/ownership/transfer", json={"username": "admin", "target": "u/bea"})
    assert [(each["path"], each["code"]) for each in moved.json()["refused"]] == [("u/admin/hook", "forbidden")]
    assert await mode(bea, W, "enabled") == 403
    assert await mode(api.client, W, "enabled") == 200


async def test_workspace_token_cannot_write_instance_route(api: ApiHarness) -> None:
    """This includes tokens of superadmins, in particular job tokens."""
    token = names.new_token("user")
    async with api.platform.db.transaction() as conn:
        digest, prefix = names.token_hash(token), names.token_prefix(token)
        await tokens.insert(conn, digest, prefix, "user", "admin@localhost", workspace="main")
    assert (await create(client_of(api.app, token), W, "pay")).status_code == 403


async def test_routes_of_two_workspaces_cannot_overlap(api: ApiHarness) -> None:
    assert (await create(api.client, W, "users/:id")).status_code == 201
    for route in ("users/42", "users/*rest", ":any/42", "*rest"):
        answer = await create(api.client, OTHER, route)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict"), route
    for route in ("users", "users/42/orders", "clients/:id"):
        path = f"f/hooks/{route.replace('/', '_').replace(':', '')}"
        assert (await create(api.client, OTHER, route, path=path)).status_code == 201, route
    assert (await create(api.client, W, "users/42", path="f/hooks/exact")).status_code == 201, "the same workspace"


async def test_disabled_route_does_not_fall_through(api: ApiHarness) -> None:
    """Otherwise, another workspace could receive the payloads of a disabled `/api/r/main/pay`."""
    assert (await create(api.client, W, "pay", workspaced_route=True)).status_code == 201
    for route in ("main/pay", "main/:x", "main/*rest"):
        answer = await create(api.client, OTHER, route)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict"), route
    assert (await create(api.client, OTHER, ":first/pay")).status_code == 201
    assert await call(api, "main/pay") == "main"
    assert await call(api, "elsewhere/pay") == "other"
    assert await mode(api.client, W, "disabled") == 200
    assert await call(api, "main/pay") == "404"
    assert (await api.client.delete(f"{W}/http_triggers/delete/f/hooks/hook")).status_code == 200
    assert await call(api, "main/pay") == "404", "deleted, it is still below the id of a workspace"


async def test_disabled_route_hides_less_specific_routes(api: ApiHarness) -> None:
    assert (await create(api.client, W, "users/:id", path="f/hooks/any")).status_code == 201
    assert (await create(api.client, W, "users/42")).status_code == 201
    assert await mode(api.client, W, "disabled") == 200
    assert (await call(api, "users/42"), await call(api, "users/43")) == ("404", "main")


async def test_new_workspace_takes_over_no_route(api: ApiHarness) -> None:
    assert (await create(api.client, W, "shop/pay")).status_code == 201
    answer = await api.client.post("/api/workspaces/create", json={"id": "shop"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    async with api.platform.db.acquire() as conn:
        assert not await workspaces.exists(conn, "shop")


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/:x", True),
        ("a/:x/c", "a/b/:y", True),
        ("a/*r", "a/b/c", True),
        ("*r", "a", True),
        ("a/*r", "a", False),
        ("a/:x", "a/b/c", False),
        ("a/:x/c", "a/b/d", False),
        ("a", "b", False),
    ],
)
def test_route_overlap(one: str, other: str, overlap: bool) -> None:
    assert parse(one).overlaps(parse(other)) is overlap
    assert parse(other).overlaps(parse(one)) is overlap
