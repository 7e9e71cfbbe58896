"""Calls of HTTP triggers through the unmodified published typed client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from orvanta_api import AuthenticatedClient
from orvanta_api.api.http_trigger import (
    create_http_trigger,
    delete_http_trigger,
    exists_http_trigger,
    exists_route,
    get_http_trigger,
    list_http_triggers,
    set_http_trigger_mode,
    update_http_trigger,
)
from orvanta_api.models.create_http_trigger_body import CreateHttpTriggerBody
from orvanta_api.models.create_http_trigger_body_authentication_method import CreateHttpTriggerBodyAuthenticationMethod
from orvanta_api.models.create_http_trigger_body_http_method import CreateHttpTriggerBodyHttpMethod
from orvanta_api.models.create_http_trigger_body_request_type import CreateHttpTriggerBodyRequestType
from orvanta_api.models.exists_route_body import ExistsRouteBody
from orvanta_api.models.exists_route_body_http_method import ExistsRouteBodyHttpMethod
from orvanta_api.models.set_http_trigger_mode_body import SetHttpTriggerModeBody
from orvanta_api.models.set_http_trigger_mode_body_mode import SetHttpTriggerModeBodyMode
from orvanta_api.models.update_http_trigger_body import UpdateHttpTriggerBody
from orvanta_api.models.update_http_trigger_body_authentication_method import UpdateHttpTriggerBodyAuthenticationMethod
from orvanta_api.models.update_http_trigger_body_http_method import UpdateHttpTriggerBodyHttpMethod
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness
from tests.http.test_jobs_server import served, token_of

PATH, WORK = "u/admin/route", "u/admin/work"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/scripts/create", json={**PYTHON, "summary": "", "path": WORK})
        yield made


async def test_typed_client_manages_and_calls_triggers(api: ApiHarness) -> None:
    async with served(api) as base:
        typed = AuthenticatedClient(f"{base}/api", token_of(api), raise_on_unexpected_status=True)
        with typed as client:
            await asyncio.to_thread(create, client)
            async with httpx.AsyncClient(base_url=base, timeout=60) as stranger:
                answer = await stranger.post("/api/r/orders/7", json={"n": 1})
            assert answer.status_code == 201, answer.text
            assert await api.get(f"jobs_u/get_args/{answer.text}") == {"n": 1, "id": "7"}
            await asyncio.to_thread(use, client)


def create(client: AuthenticatedClient) -> None:
    body = CreateHttpTriggerBody(
        path=PATH,
        script_path=WORK,
        route_path="orders/:id",
        is_flow=False,
        http_method=CreateHttpTriggerBodyHttpMethod.POST,
        authentication_method=CreateHttpTriggerBodyAuthenticationMethod.NONE,
        is_static_website=False,
        request_type=CreateHttpTriggerBodyRequestType.ASYNC,
    )
    assert exists_http_trigger.sync("main", PATH, client=client) is False
    assert create_http_trigger.sync("main", client=client, body=body) == PATH
    assert exists_http_trigger.sync("main", PATH, client=client) is True
    route = ExistsRouteBody(route_path="orders/:x", http_method=ExistsRouteBodyHttpMethod.POST)
    assert exists_route.sync("main", client=client, body=route) is True


def use(client: AuthenticatedClient) -> None:
    listed = list_http_triggers.sync("main", client=client, path_start="u/admin")
    assert listed is not None and [each.path for each in listed] == [PATH]
    change = UpdateHttpTriggerBody(
        path=PATH,
        script_path=WORK,
        is_flow=False,
        http_method=UpdateHttpTriggerBodyHttpMethod.PUT,
        authentication_method=UpdateHttpTriggerBodyAuthenticationMethod.ORVANTA,
        is_static_website=False,
        summary="Orders",
    )
    update_http_trigger.sync("main", PATH, client=client, body=change)
    mode = SetHttpTriggerModeBody(mode=SetHttpTriggerModeBodyMode.DISABLED)
    set_http_trigger_mode.sync("main", PATH, client=client, body=mode)
    found = get_http_trigger.sync("main", PATH, client=client)
    assert found is not None
    assert (found.http_method, found.authentication_method, found.mode) == ("put", "orvanta", "disabled")
    assert (found.route_path, found.request_type, found.summary) == ("orders/:id", "async", "Orders")
    delete_http_trigger.sync("main", PATH, client=client)
    assert exists_http_trigger.sync("main", PATH, client=client) is False
