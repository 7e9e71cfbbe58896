"""Retention: dropped weekly partitions, runs deleted in batches, retained data, and objects deleted after rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, script

from orvanta_platform import clock, ids
from orvanta_platform.db import partitions as made_ahead
from orvanta_platform.db import retention as rows
from orvanta_platform.services.maintenance import consistency, retention, storage_report
from orvanta_platform.services.maintenance.retention import Policy, SweepResult

LARGE = "x" * (300 << 10)
TABLES = ("run", "job", "event", "value", "log_chunk", "log_object", "stream_chunk", "run_text")


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        yield made


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


def later(days: int) -> datetime:
    """Return the time in `days` days: the runs of the test are created now."""
    return clock.now() + timedelta(days=days)


async def ended(api: ApiHarness, result: Any = 1, text: str = "said\n") -> str:
    """Create an ended run of one script."""
    id = await api.preview()
    job = (await api.worker.claim())[""]
    await api.worker.print(job, text)
    await api.worker.finish(job, result)
    return id


async def ended_flow(api: ApiHarness, result: Any = 1) -> str:
    id = await api.flow(script("a"))
    job = (await api.worker.claim())["a"]
    await api.worker.finish(job, result)
    return id


async def sweep(api: ApiHarness, days: int, *, owner_url: str | None, keep: int = 90) -> SweepResult:
    platform = api.platform
    return await retention.sweep(platform.db, platform.storage, Policy(keep), later(days), owner_url=owner_url)


async def weeks(api: ApiHarness) -> list[rows.Partition]:
    async with api.platform.db.acquire() as conn:
        return await rows.list_partitions(conn)


async def count(api: ApiHarness, table: str) -> int:
    async with api.platform.db.acquire() as conn:
        return int(await conn.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608


def stored(home: Path) -> list[Path]:
    return [path for path in (home / "objects").rglob("*") if path.is_file()]


async def test_recent_history_is_retained(api: ApiHarness, database: TestDatabase) -> None:
    id = await ended(api)
    before = await weeks(api)
    done = await sweep(api, 89, owner_url=database.owner_url)
    assert not (done.runs or done.held) and UUID(id) in [UUID(each["id"]) for each in await api.get("jobs/list")]
    now = ids.new_run_id()
    # Their sizes may grow: rows about the run may be written after it has ended.
    retained = [each.child for each in before if each.upper > now]
    assert retained and retained == [each.child for each in await weeks(api) if each.upper > now]
    assert (await sweep(api, 10_000, owner_url=database.owner_url, keep=0)).partitions == []


async def test_old_weeks_are_dropped_with_their_objects(
    api: ApiHarness, database: TestDatabase, tmp_path: Path
) -> None:
    for make in (ended, ended_flow):
        await make(api, LARGE)
    assert len(stored(tmp_path)) == 2
    done = await sweep(api, 120, owner_url=database.owner_url)
    assert done.objects == 2 and not stored(tmp_path) and not done.held
    assert {name.split("_2")[0] for name in done.partitions} == set(TABLES)
    assert all([await count(api, table) == 0 for table in TABLES]) and await weeks(api) == []
    assert await consistency.check(api.platform.db) == []
    async with api.platform.db.acquire() as conn:
        assert await made_ahead.create_missing(conn, clock.now()) > 0
    await ended(api)


async def test_live_run_blocks_its_week_and_others_are_deleted_in_batches(
    api: ApiHarness, database: TestDatabase
) -> None:
    gone = await ended_flow(api, LARGE)
    live = await api.flow(script("a"), script("b"))
    await api.worker.finish((await api.worker.claim())["a"], "kept")
    done = await sweep(api, 120, owner_url=database.owner_url)
    week = [each.child for each in await weeks(api) if each.lower <= UUID(live) < each.upper]
    assert set(week) <= set(done.held) and all(live in why for why in done.held.values())
    assert done.runs == 1 and (await api.client.get(f"{W}/jobs_u/get/{gone}")).status_code == 404
    assert await consistency.check(api.platform.db) == []
    await api.worker.finish((await api.worker.claim())["b"], "end")
    assert (await api.get(f"jobs_u/completed/get_result/{live}")) == "end"
    assert (await sweep(api, 120, owner_url=database.owner_url)).held == {}
    assert await weeks(api) == []


async def test_run_reused_by_a_live_run_is_retained(api: ApiHarness, database: TestDatabase) -> None:
    id = await api.flow(script("a"), script("b"))
    await api.worker.finish((await api.worker.claim())["a"], LARGE)
    await api.worker.finish((await api.worker.claim())["b"], error="boom")
    again = await api.client.post(f"{W}/jobs/restart/f/{id}", json={"step_id": "b"})
    assert again.status_code == 201, again.text
    done = await sweep(api, 120, owner_url=None)
    assert done.runs == 0 and (await api.get(f"jobs_u/get/{id}"))["type"] == "CompletedJob"
    await api.worker.finish((await api.worker.claim())["b"], "end")
    assert (await sweep(api, 120, owner_url=None)).runs == 2
    assert await consistency.check(api.platform.db) == []


async def test_runs_are_deleted_in_batches_without_the_owner_role(
    api: ApiHarness, database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_PAGE", 2)
    for _ in range(5):
        await ended(api, LARGE, "line\n" * (300 << 10))
    before = await weeks(api)
    for owner_url in (None, database.app_url):
        done = await sweep(api, 120, owner_url=owner_url)
        assert done.partitions == [] and len(await weeks(api)) == len(before)
    assert all([await count(api, table) == 0 for table in (*TABLES, "decision")]) and not stored(tmp_path)
    assert await consistency.check(api.platform.db) == []


async def test_nested_data_without_rows_is_deleted(api: ApiHarness) -> None:
    def loop(id: str, expr: str, *body: dict[str, Any], **more: Any) -> dict[str, Any]:
        iterator = {"type": "javascript", "expr": expr}
        value = {"type": "forloopflow", "iterator": iterator, "skip_failures": False, "modules": list(body), **more}
        return {"id": id, "value": value}

    identity = {"id": "i", "value": {"type": "identity"}}
    branch = {"type": "branchone", "branches": [{"expr": "true", "modules": [script("x"), script("y")]}], "default": []}
    await api.flow(
        loop("none", "[]", script("n")),
        loop("items", "flow_input.items", script("a"), script("b"), parallel=True),
        {"id": "which", "value": branch},
        loop("alone", "flow_input.items", identity),
        args={"items": ["x" * 1000, "y" * 1000]},
    )
    while jobs := await api.worker.claim_all():
        for job in jobs:
            await api.worker.finish(job, "z" * 1000)
    assert await count(api, "run") == 1
    assert (await sweep(api, 120, owner_url=None)).runs == 1
    assert {table: await count(api, table) for table in TABLES} == dict.fromkeys(TABLES, 0)


async def test_workspace_may_shorten_retention(api: ApiHarness) -> None:
    setting = f"{W}/workspaces/edit_retention"
    assert (await api.client.post(setting, json={"retention_days": 91})).status_code == 400
    assert (await api.client.post(setting, json={"retention_days": 0})).status_code == 400
    bea = await api.member("bea")
    assert (await bea.post(setting, json={"retention_days": 7})).status_code == 403
    assert (await api.client.post(setting, json={"retention_days": 7})).status_code == 200
    assert (await api.get("workspaces/get_settings"))["retention_days"] == 7
    other = (await api.client.post("/api/w/admins/jobs/run/preview", json={"language": "bash", "content": "x"})).text
    await api.worker.finish((await api.worker.claim())[""], 1)
    await ended(api)
    assert (await sweep(api, 6, owner_url=None)).runs == 0
    assert (await sweep(api, 8, owner_url=None)).runs == 1
    assert await api.get("jobs/list") == []
    assert (await api.client.get(f"/api/w/admins/jobs_u/get/{other}")).status_code == 200
    assert await consistency.check(api.platform.db) == []


async def test_long_reader_is_not_disturbed_and_the_drop_is_resumed(
    api: ApiHarness, database: TestDatabase, monkeypatch: pytest.MonkeyPatch, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    monkeypatch.setattr(retention, "LOCK_TIMEOUT_MS", 50)
    await ended(api)
    reader = owner.transaction(isolation="repeatable_read")
    await reader.start()
    await owner.fetch("SELECT count(*) FROM value")
    done = await sweep(api, 120, owner_url=database.owner_url)
    assert "in use" in " ".join(done.held.values())
    assert await owner.fetchval("SELECT count(*) FROM run") == 1
    async with api.platform.db.acquire() as conn:
        await asyncio.wait_for(conn.fetch("SELECT count(*) FROM value"), 30)
    await reader.rollback()
    await sweep(api, 120, owner_url=database.owner_url)
    assert await weeks(api) == []
    async with api.platform.db.acquire() as conn:
        assert await rows.list_detached(conn) == []


async def test_sweep_killed_after_detaching_is_resumed(
    api: ApiHarness, database: TestDatabase, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    await ended(api)
    (week,) = [
        each for each in await weeks(api) if each.parent == "value" and each.lower <= ids.new_run_id() < each.upper
    ]
    await owner.execute(f"ALTER TABLE value DETACH PARTITION {week.child} CONCURRENTLY")
    await sweep(api, 120, owner_url=database.owner_url)
    assert await weeks(api) == []
    async with api.platform.db.acquire() as conn:
        assert await rows.list_detached(conn) == []


async def test_storage_report_shows_sizes_and_blocking_reasons(api: ApiHarness, database: TestDatabase) -> None:
    live = await api.preview()
    await api.worker.claim()
    await ended_flow(api, LARGE)
    await ended(api, "y" * 1000)

    async def report(days: int, owner_url: str | None) -> storage_report.StorageReport:
        return await storage_report.storage(api.platform.db, Policy(90), later(days), owner_url=owner_url)

    found = await report(0, database.owner_url)
    assert found.droppable and {"run", "value", "audit", "document"} <= {each.name for each in found.tables}
    assert [each.bytes for each in found.tables] == sorted((each.bytes for each in found.tables), reverse=True)
    own = next(each for each in found.workspaces if each.id == "main")
    assert own.runs == 2 and own.object_bytes >= len(LARGE) and own.value_bytes > 1000 and own.log_chars == 5
    assert all(each.held_by is None for each in found.weeks)
    held = [each.held_by for each in (await report(120, database.owner_url)).weeks if each.held_by]
    assert held and all(live in why for why in held)
    await api.client.post(f"{W}/jobs_u/queue/force_cancel/{live}", json={})
    async with api.platform.db.transaction() as conn:
        await conn.execute("DELETE FROM run_live")
    assert all("own" in str(each.held_by) for each in (await report(120, database.app_url)).weeks)
