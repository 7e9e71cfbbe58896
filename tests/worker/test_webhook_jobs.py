"""Webhook nodes of workflows on a real worker: they occupy no slots, and their credentials are never shown."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.polling import POLL_S
from tests.worker.answering import ReceivedRequest, answering, http

from orvanta_platform.daemons import timers
from orvanta_platform.db import workers
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.workflow.mask import MASK

SECRET = "s3cr3t-of-the-other-side"


@asynccontextmanager
async def working(api: ApiHarness, tmp_path: Path) -> AsyncIterator[None]:
    """Run a worker without cells, which webhooks do not need, and the timers for retries."""
    row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 1, "0", "none")
    async with api.platform.db.acquire() as conn:
        await workers.register(conn, row)
    worker = Worker(api.platform, Runtimes(tmp_path / "worker", []), Lease(row.id, 1, 3600))
    running = asyncio.create_task(worker.run())
    firing = asyncio.create_task(timers.run(api.platform))
    try:
        yield
    finally:
        firing.cancel()
        worker.drain()
        await asyncio.wait_for(running, 30)


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    allowed = ("127.0.0.0/8",)
    async with api_harness(database, tmp_path / "home", allowed_networks=allowed) as made, working(made, tmp_path):
        yield made


def hook(url: str, **value: Any) -> dict[str, Any]:
    return {"type": "webhook", "method": "POST", "url": {"type": "static", "value": url}, **value}


def js(expr: str) -> dict[str, Any]:
    return {"type": "javascript", "expr": expr}


async def run(api: ApiHarness, *modules: dict[str, Any], args: Any = None) -> tuple[int, Any, str]:
    """Run a workflow until it ends. Return the status of the response, the result and the id of the run."""
    body = {"value": {"modules": list(modules)}, "args": args or {}}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    return answer.status_code, answer.json(), answer.headers["x-run-id"]


async def test_inputs_are_transforms_and_the_credential_is_masked_everywhere(api: ApiHarness) -> None:
    resource = {"path": "f/team/api", "resource_type": "http_basic", "value": {"username": "ada", "password": SECRET}}
    assert (await api.client.post(f"{W}/resources/create", json=resource)).status_code == 201

    def echo(asked: ReceivedRequest) -> bytes:
        received = {"headers": asked.headers, "body": asked.body.decode(), "secret": SECRET}
        return http(200, json.dumps(received).encode(), content_type="application/json", x_secret=SECRET)

    async with answering(echo) as server:
        value = hook(
            server.url,
            auth="$res:f/team/api",
            headers=js("({'X-Name': flow_input.name})"),
            query={"type": "static", "value": {"q": 1}},
            body=js("({order: results.first.n})"),
        )
        first = {"id": "first", "value": {"type": "identity"}}
        status, result, id = await run(api, first, {"id": "call", "value": value}, args={"name": "Ada", "n": 7})
        sent = base64.b64encode(f"ada:{SECRET}".encode()).decode()
        assert server.asked[0].headers["authorization"] == f"Basic {sent}"
        assert server.asked[0].line == "POST /?q=1 HTTP/1.1" and server.asked[0].headers["x-name"] == "Ada"
        assert (status, result["status"]) == (200, 200)
        assert result["body"]["body"] == '{"order":7}' and result["body"]["secret"] == MASK
        assert result["body"]["headers"]["authorization"] == f"Basic {MASK}" and result["headers"]["x-secret"] == MASK
        server.answer = lambda asked: http(401, f"{SECRET} and {asked.headers['authorization']}".encode())
        status, result, _ = await run(api, first, {"id": "call", "value": value}, args={"name": "Ada", "n": 7})
        assert status == 500 and result["error"]["name"] == "webhook_status_unexpected"
        assert result["error"]["message"].endswith(f"{MASK} and Basic {MASK}")
        assert result["error"]["step_id"] == "call"
    log = (await api.client.get(f"{W}/jobs_u/get_flow_all_logs/{id}")).text
    assert f"POST {server.url}: 200" in log
    async with api.platform.db.acquire() as conn:
        stored = [await conn.fetch(f"SELECT * FROM {table}") for table in ("value", "event", "log_chunk", "audit")]  # noqa: S608
    assert SECRET not in str(stored) and sent not in str(stored)


async def test_retry_uses_same_idempotency_key(api: ApiHarness) -> None:
    async with answering(lambda _: http(503)) as server:
        status, _, _ = await run(api, {"id": "once", "value": hook(server.url)})
        assert status == 500 and len(server.asked) == 1
        server.asked.clear()
        server.answer = lambda _: http(200 if len(server.asked) > 2 else 503)
        retry = {"constant": {"attempts": 3, "seconds": 0}}
        status, result, _ = await run(api, {"id": "thrice", "value": hook(server.url), "retry": retry})
        assert (status, result["status"]) == (200, 200)
    assert len(server.asked) == 3 and len({each.headers["idempotency-key"] for each in server.asked}) == 1


async def test_calls_do_not_occupy_slots(api: ApiHarness) -> None:
    """While more calls than slots are in progress, a run without calls ends."""
    arrived: list[ReceivedRequest] = []
    async with answering(lambda asked: arrived.append(asked)) as server:
        calls = [{"id": f"c{n}", "value": hook(server.url), "needs": []} for n in range(8)]
        id = await api.flow(*calls)
        while len(arrived) < len(calls):
            server.arrived.clear()
            await server.arrived.wait()
        assert (await run(api, {"id": "a", "value": {"type": "identity"}}, args={"x": 1}))[1] == {"x": 1}
        answer = await api.client.post(f"{W}/jobs_u/queue/cancel/{id}", json={"reason": "enough"})
        assert answer.status_code == 200
        ended = await api.client.get(f"{W}/jobs_u/completed/get_result_maybe/{id}")
        while not ended.json()["completed"]:
            await asyncio.sleep(POLL_S)
            ended = await api.client.get(f"{W}/jobs_u/completed/get_result_maybe/{id}")


async def test_platform_cannot_call_itself(database: TestDatabase, tmp_path: Path) -> None:
    async with (
        answering(lambda _: http(200)) as server,
        api_harness(database, tmp_path / "home") as api,
        working(api, tmp_path),
    ):
        status, result, _ = await run(api, {"id": "a", "value": hook(server.url)})
    assert status == 500 and result["error"]["name"] == "webhook_address_refused" and not server.asked


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        ({"auth": "Bearer t0ken"}, "webhook_auth", "/auth"),
        ({"method": "CONNECT"}, "webhook_method", "/method"),
        ({"url": js("a b")}, "expression_syntax", "/url/expr"),
    ],
)
async def test_unsendable_webhook_is_not_deployed(api: ApiHarness, more: dict[str, Any], code: str, path: str) -> None:
    value = {"modules": [{"id": "a", "value": {**hook("https://x.example"), **more}}]}
    answer = await api.client.post(f"{W}/flows/create", json={"path": "f/team/x", "summary": "", "value": value})
    assert answer.status_code == 400, answer.text
    found = [(each["code"], each["path"]) for each in answer.json()["error"]["details"]]
    assert found == [(code, f"/value/modules/0/value{path}")]
