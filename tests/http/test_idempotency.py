"""Idempotency keys: separate per caller, and bound to one input."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, client_of

from orvanta_platform.control import names
from orvanta_platform.control.actor import system
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.db import tokens
from orvanta_platform.services.runs import idempotency
from orvanta_platform.services.runs.idempotency import IdempotencyKey

PATH = "f/team/take"
KEY = {"Idempotency-Key": "order-1"}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "extra_perms": {"g/all": False}})
        answer = await made.client.post(f"{W}/scripts/create", json={**PYTHON, "path": PATH, "summary": ""})
        assert answer.status_code == 201, answer.text
        yield made


async def run(client: httpx.AsyncClient, args: Any = None, **params: Any) -> httpx.Response:
    return await client.post(f"{W}/jobs/run/p/{PATH}", json=args or {}, params=params, headers=KEY)


async def test_key_belongs_to_its_caller(api: ApiHarness) -> None:
    """Otherwise, the first user of a key would block all other users, who would receive that user's run."""
    ann, bob = await api.member("ann"), await api.member("bob")
    hers, his = await run(ann, {"n": 1}), await run(bob, {"n": 1})
    assert (hers.status_code, his.status_code) == (201, 201) and hers.text != his.text
    assert (await run(ann, {"n": 1})).text == hers.text
    assert (await run(bob, {"n": 1})).text == his.text


async def test_result_is_not_returned_to_another_caller(api: ApiHarness) -> None:
    ann, bob = await api.member("ann"), await api.member("bob")
    waiting = [
        asyncio.create_task(client.post(f"{W}/jobs/run_wait_result/p/{PATH}", json={}, headers=KEY))
        for client in (ann, bob)
    ]
    while not all(each.done() for each in waiting):
        for job in await api.worker.claim_all():
            await api.worker.finish(job, f"of {job.run.created_by}")
        await asyncio.sleep(0)
    assert [(await each).json() for each in waiting] == ["of ann", "of bob"]


async def test_limited_token_gets_no_run_of_another_token(api: ApiHarness) -> None:
    """`run_wait_result` returns the result of a token's own run, so a shared key would reveal results of others."""
    token = names.new_token("user")
    async with api.platform.db.transaction() as conn:
        digest, prefix = names.token_hash(token), names.token_prefix(token)
        await tokens.insert(conn, digest, prefix, "user", "admin@localhost", scopes=[f"jobs:run:{PATH}"])
    first = await run(api.client)
    assert (await run(client_of(api.app, token))).text != first.text


@pytest.mark.parametrize(
    "more", [{"tag": "gpu"}, {"scheduled_for": "2030-01-01T00:00:00Z"}, {"scheduled_in_secs": 60}, {"args": {"n": 2}}]
)
async def test_different_input_with_same_key_is_refused(api: ApiHarness, more: dict[str, Any]) -> None:
    first = await run(api.client, {"n": 1})
    answer = await run(api.client, more.get("args", {"n": 1}), **{k: v for k, v in more.items() if k != "args"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_reused")
    assert (await run(api.client, {"n": 1})).text == first.text
    assert len(await api.get("jobs/list")) == 1


async def test_different_code_with_same_key_is_refused(api: ApiHarness) -> None:
    calls: list[tuple[str, Any]] = [
        (f"{W}/jobs/run/preview", {**PYTHON, "args": {}}),
        (f"{W}/jobs/run/preview_flow", {"value": {"modules": []}}),
    ]
    for call, body in calls:
        first = await api.client.post(call, json=body, headers=KEY)
        assert first.status_code == 201, first.text
        assert (await api.client.post(call, json=body, headers=KEY)).text == first.text
    other = await api.client.post(f"{W}/jobs/run/preview", json={**PYTHON, "content": "x", "args": {}}, headers=KEY)
    assert other.status_code == 409


async def test_version_differs_from_newest_as_input(api: ApiHarness) -> None:
    first = await run(api.client)
    version = (await api.get(f"scripts/get/p/{PATH}"))["hash"]
    answer = await api.client.post(f"{W}/jobs/run/h/{version}", json={}, headers=KEY)
    assert answer.status_code == 409
    # A new version of the path does not change a repeated call.
    new = {
        **PYTHON,
        "content": "def main(**args):\n    return 2\n",
        "path": PATH,
        "summary": "",
        "parent_hash": version,
    }
    assert (await api.client.post(f"{W}/scripts/create", json=new)).status_code == 201
    assert (await run(api.client)).text == first.text


async def test_keys_are_separate_per_route(api: ApiHarness) -> None:
    """If the route authenticates callers, keys are also separate per caller."""
    ann, bob = await api.member("ann"), await api.member("bob")
    common = {
        "script_path": PATH,
        "is_flow": False,
        "http_method": "post",
        "is_static_website": False,
        "request_type": "async",
        "workspaced_route": True,
    }
    for name, method in (("one", "none"), ("two", "none"), ("known", "orvanta")):
        body = {**common, "path": f"f/team/{name}", "route_path": name, "authentication_method": method}
        assert (await api.client.post(f"{W}/http_triggers/create", json=body)).status_code == 201

    async def call(route: str, client: httpx.AsyncClient, args: Any = None) -> str:
        answer = await client.post(f"/api/r/main/{route}", json=args or {}, headers=KEY)
        return answer.text if answer.status_code == 201 else str(answer.status_code)

    found = [await call("one", ann), await call("two", ann), await call("known", ann), await call("known", bob)]
    assert len(set(found)) == 4
    assert [await call("one", bob), await call("known", ann)] == [found[0], found[2]]
    assert await call("known", ann, {"n": 1}) == "409"
    other = await call("one", ann, {"n": 1})
    assert UUID(other) and other != found[0], "strangers share keys of the same input alone"
    await api.client.delete(f"{W}/http_triggers/delete/f/team/one")
    body = {**common, "path": "f/team/one", "route_path": "one", "authentication_method": "none"}
    assert (await api.client.post(f"{W}/http_triggers/create", json=body)).status_code == 201
    assert await call("one", ann) != found[0], "a route that is made again has new keys"


async def test_different_password_with_same_key_is_refused(api: ApiHarness) -> None:
    """The stored arguments contain the mask, and the password cannot be guessed from the stored digest."""
    schema = {
        "type": "object",
        "properties": {"n": {"type": "number"}, "pin": {"type": "string", "format": "password"}},
    }
    path = "f/team/secret"
    answer = await api.client.post(
        f"{W}/scripts/create", json={**PYTHON, "path": path, "summary": "", "schema": schema}
    )
    assert answer.status_code == 201, answer.text

    async def call(pin: str) -> httpx.Response:
        return await api.client.post(f"{W}/jobs/run/p/{path}", json={"n": 1, "pin": pin}, headers=KEY)

    first = await call("1234")
    assert first.status_code == 201 and (await call("1234")).text == first.text
    refused = await call("4321")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "idempotency_key_reused")


async def test_digest_is_keyed() -> None:
    """Without the instance key, passwords cannot be guessed from the table."""
    actor = system("main")
    calls = [
        await idempotency.use_of(InstanceKeys(key), IdempotencyKey("k"), actor, "main", PATH, [], args)
        for key in (b"a" * 32, b"b" * 32)
        for args in (b"{}", b'{"pin":"1234"}')
    ]
    assert len({use.input for use in calls}) == 4
