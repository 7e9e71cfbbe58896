"""Webhook floods: rate limits for anonymous callers before any database query, and queue limits for tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, script

BURST = 20
HOOK = {
    "path": "f/hooks/hook",
    "script_path": "f/hooks/take",
    "is_flow": False,
    "route_path": "orders",
    "http_method": "post",
    "authentication_method": "none",
    "is_static_website": False,
    "request_type": "async",
}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path, anonymous_rate=BURST * 6) as made:
        await made.client.post(f"{W}/scripts/create", json={**PYTHON, "path": "f/hooks/take", "summary": ""})
        answer = await made.client.post(f"{W}/http_triggers/create", json=HOOK)
        assert answer.status_code == 201, answer.text
        yield made


def stranger(api: ApiHarness, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(api.app, client=(address, 1))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://orvanta")


async def test_route_calls_are_rate_limited(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orvanta_platform.clock.monotonic", lambda: 1000.0)
    async with stranger(api, "203.0.113.1") as flood, stranger(api, "203.0.113.2") as other:
        answers = [await flood.post("/api/r/orders", json={}) for _ in range(BURST + 30)]
        assert [answer.status_code for answer in answers] == [201] * BURST + [429] * 30
        refused = answers[-1]
        assert (refused.headers["retry-after"], refused.json()["error"]["code"]) == ("1", "rate_limited")
        unknown = await flood.get("/api/r/nothing")
        assert unknown.status_code == 429
        assert (await other.post("/api/r/orders", json={})).status_code == 201
    assert (await api.get("jobs/queue/count"))["database_length"] == BURST + 1


async def test_signed_links_are_rate_limited_for_anonymous_callers_only(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orvanta_platform.clock.monotonic", lambda: 1000.0)
    run = await api.flow(script("a", suspend={"required_events": 1}), script("b"))
    path = f"{W}/jobs_u/resume/{run}/1/AAAA"
    async with stranger(api, "203.0.113.1") as guesser:
        codes = [(await guesser.post(path, json={})).status_code for _ in range(BURST + 2)]
    assert codes == [404] * BURST + [429] * 2
    headers = {**api.client.headers}
    async with stranger(api, "203.0.113.1") as member:
        assert (await member.post(path, json={}, headers=headers)).status_code == 404


@pytest.mark.parametrize("call", ["login", "first_password"])
async def test_sign_ins_are_rate_limited(api: ApiHarness, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The limit applies to all accounts together, as each attempt costs a hash or a query."""
    monkeypatch.setattr("orvanta_platform.clock.monotonic", lambda: 1000.0)
    headers = {"Content-Type": "application/json"}
    async with stranger(api, "203.0.113.1") as guesser, stranger(api, "203.0.113.2") as other:
        sent = [await guesser.post(f"/api/auth/{call}", content=b"{}", headers=headers) for _ in range(BURST + 2)]
        codes = [answer.status_code for answer in sent]
        assert codes == [400] * BURST + [429] * 2
        assert (await other.post(f"/api/auth/{call}", content=b"{}", headers=headers)).status_code == 400


async def test_token_calls_are_limited_by_queue_limit(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orvanta_platform.clock.monotonic", lambda: 1000.0)
    call = f"{W}/jobs/run/p/f/hooks/take"
    answers = [await api.client.post(call, json={}, params={"queue_limit": 24}) for _ in range(BURST + 10)]
    assert [answer.status_code for answer in answers] == [201] * 25 + [429] * 5
    assert answers[-1].headers["retry-after"] == "1"
    assert (await api.get("jobs/queue/count"))["database_length"] == 25
