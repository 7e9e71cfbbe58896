"""Endpoint of metrics and health checks: permissions, and responses while the process is not ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import asyncpg
import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness
from tests.polling import POLL_S
from tests.ports import free_port

from orvanta_platform import clock
from orvanta_platform import settings as settings_module
from orvanta_platform.daemons import monitoring as endpoints
from orvanta_platform.daemons import supervision
from orvanta_platform.daemons.leader_election import Duty, lead
from orvanta_platform.daemons.monitoring import monitoring
from orvanta_platform.db import workspaces
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import PortTaken, SettingsError
from orvanta_platform.services.maintenance import metrics as figures
from orvanta_platform.services.platform import Platform

TOKEN = "a-token-of-prometheus"


@asynccontextmanager
async def endpoint(api: ApiHarness, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the endpoint of the platform and return a client."""
    port = free_port()
    platform = replace(api.platform, settings=replace(api.platform.settings, metrics_token=token))
    async with (
        monitoring(platform, port, with_database=True),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield client
        with pytest.raises(PortTaken):
            async with monitoring(platform, port, with_database=True):
                pass


async def test_metrics_are_denied_without_the_token(api: ApiHarness) -> None:
    """Health checks need no token; all other paths and methods are refused."""
    async with endpoint(api, TOKEN) as client:
        for header in ("", "Bearer wrong", f"bearer {TOKEN}", TOKEN, f"Bearer {TOKEN}x"):
            answer = await client.get("/metrics", headers={"Authorization": header})
            assert answer.status_code == 401 and "orvanta_" not in answer.text
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200 and "orvanta_build_info" in answer.text
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 405
        assert (await client.get("/api/version")).status_code == 404


async def test_endpoint_without_token_answers_loopback_names_only(api: ApiHarness) -> None:
    """A web page whose own name resolves to 127.0.0.1 (DNS rebinding) cannot read the endpoint."""
    async with endpoint(api, None) as client:
        assert (await client.get("/metrics")).status_code == 200
        for path in ("/metrics", "/health/ready"):
            assert (await client.get(path, headers={"Host": "attacker.example"})).status_code == 400


async def test_figures_are_exposed_after_the_election_failed(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression test: after an unexpected error, the process never exposed figures of the database again."""

    async def fail_once(platform: Platform, name: str, duty: Duty) -> None:
        monkeypatch.setattr(endpoints, "lead", lead)
        raise asyncpg.InvalidPasswordError

    monkeypatch.setattr(endpoints, "lead", fail_once)
    monkeypatch.setattr(supervision, "RESTART_S", 0)
    async with asyncio.timeout(20), endpoint(api, None) as client:
        while "orvanta_db_size_bytes" not in (await client.get("/metrics")).text:
            await asyncio.sleep(POLL_S)


async def test_idle_connections_do_not_block_the_endpoint(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit, the oldest connections without a request are closed, so that health checks succeed."""
    for name in ("_HEAD_TIMEOUT_S", "_REQUEST_TIMEOUT_S"):
        monkeypatch.setattr(endpoints, name, 3600.0)
    async with endpoint(api, None) as client:
        streams = [await asyncio.open_connection(client.base_url.host, client.base_url.port) for _ in range(25)]
        async with asyncio.timeout(20):
            assert (await client.get("/health/live")).status_code == 200
            for reader, _ in streams[:6]:
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
        assert not any(reader.at_eof() for reader, _ in streams[6:])
        for _, writer in streams:
            writer.close()


async def test_readiness_names_the_obstacle(
    api: ApiHarness, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API needs no token, and its liveness check ignores problems that a restart would not solve. The database is
    queried at most once per second.
    """
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    anonymous = httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://orvanta")  # type: ignore[arg-type]
    async with anonymous as client:
        assert [(await client.get(f"/api/health/{name}")).status_code for name in ("live", "ready")] == [200, 200]
        before, api.platform.measurements.unready = api.platform.measurements.unready, lambda: "The worker is drained."
        try:
            answer = await client.get("/api/health/ready")
            assert (answer.status_code, answer.text) == (503, "The worker is drained.")
        finally:
            api.platform.measurements.unready = before
        owner = await asyncpg.connect(database.owner_url)
        await owner.execute("ALTER TABLE migration RENAME TO hidden")
        try:
            assert (await client.get("/api/health/ready")).status_code == 200, "the last answer is kept"
            now += 1.5
            calls = await asyncio.gather(*(client.get("/api/health/ready") for _ in range(20)))
            assert {each.status_code for each in calls} == {503}
            assert (await client.get("/api/health/ready")).status_code == 503
            assert (await client.get("/api/health/live")).status_code == 200
        finally:
            await owner.execute("ALTER TABLE hidden RENAME TO migration")
            await owner.close()


def test_metrics_for_other_machines_require_a_token() -> None:
    open_to_all = {"ORVANTA_METRICS_PORT": "9100", "ORVANTA_METRICS_HOST": "0.0.0.0"}
    with pytest.raises(SettingsError):
        settings_module.load(open_to_all)
    assert settings_module.load({**open_to_all, "ORVANTA_METRICS_TOKEN": TOKEN}).metrics_token == TOKEN
    with pytest.raises(SettingsError):
        settings_module.load({"ORVANTA_METRICS_TOKEN": "short"})


async def test_health_status_queries_the_database_once_per_second(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It needs no token: calls without number do not occupy the connections, and one that hangs is given up."""
    queries = 0
    read = workspaces.get_health
    now = clock.monotonic()
    monkeypatch.setattr(clock, "monotonic", lambda: now)

    async def count(conn: Connection) -> workspaces.Health:
        nonlocal queries
        queries += 1
        return await read(conn)

    async def hang(conn: Connection) -> workspaces.Health:
        await asyncio.sleep(60)
        raise AssertionError("it was given up before")

    monkeypatch.setattr(workspaces, "get_health", count)
    anonymous = httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://orvanta")  # type: ignore[arg-type]
    async with anonymous as client:
        calls = await asyncio.gather(*(client.get("/api/health/status") for _ in range(50)))
        assert {each.status_code for each in calls} == {200} and queries == 1
        now += 1.5
        monkeypatch.setattr(workspaces, "get_health", hang)
        async with asyncio.timeout(20):
            assert (await client.get("/api/health/status")).status_code == 503


async def test_metrics_of_many_queues_are_bounded(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any member can name queues. Those that workers name keep their series."""
    monkeypatch.setattr(figures, "MAX_QUEUES", 3)
    for number in range(6):
        await api.preview(tag=f"q{number}")
    for _ in range(2):
        await api.preview(tag="z")
    await api.preview(tag="gpu")
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE worker SET queues = '{gpu}'")
    found = await figures.read_figures(api.platform)
    assert {each.queue: each.jobs for each in found.jobs} == {"gpu": 1, "z": 2, "q0": 1, "other": 5}
    assert all(each.oldest_s is not None for each in found.jobs)
