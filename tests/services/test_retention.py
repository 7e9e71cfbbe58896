"""What history is kept: weeks dropped, runs deleted in batches, nothing that is needed, objects after rows."""

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
from tests.http.scene import Scene, W, scene, script

from orvanta_platform import clock, ids
from orvanta_platform.db import partitions as made_ahead
from orvanta_platform.db import retention as rows
from orvanta_platform.services.maintenance import consistency, retention, storage_report
from orvanta_platform.services.maintenance.retention import Policy, Swept

LARGE = "x" * (300 << 10)
TABLES = ("run", "job", "event", "value", "log_chunk", "log_object", "stream_chunk", "run_text")


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(database, tmp_path) as made:
        yield made


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


def later(days: int) -> datetime:
    """Real runs are of today: the sweep looks from this far ahead."""
    return clock.now() + timedelta(days=days)


async def ended(stage: Scene, result: Any = 1, text: str = "said\n") -> str:
    """A run of one script that has ended."""
    id = await stage.preview()
    job = (await stage.worker.claim())[""]
    await stage.worker.print(job, text)
    await stage.worker.finish(job, result)
    return id


async def ended_flow(stage: Scene, result: Any = 1) -> str:
    id = await stage.flow(script("a"))
    job = (await stage.worker.claim())["a"]
    await stage.worker.finish(job, result)
    return id


async def sweep(stage: Scene, days: int, *, owner_url: str | None, keep: int = 90) -> Swept:
    platform = stage.platform
    return await retention.sweep(platform.db, platform.storage, Policy(keep), later(days), owner_url=owner_url)


async def weeks(stage: Scene) -> list[rows.Partition]:
    async with stage.platform.db.acquire() as conn:
        return await rows.partitions(conn)


async def count(stage: Scene, table: str) -> int:
    async with stage.platform.db.acquire() as conn:
        return int(await conn.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608


def stored(home: Path) -> list[Path]:
    return [path for path in (home / "objects").rglob("*") if path.is_file()]


async def test_young_history_stays(stage: Scene, database: TestDatabase) -> None:
    id = await ended(stage)
    before = await weeks(stage)
    done = await sweep(stage, 89, owner_url=database.owner_url)
    assert not (done.runs or done.held) and UUID(id) in [UUID(each["id"]) for each in await stage.get("jobs/list")]
    now = ids.new_run_id()
    assert [each for each in before if each.upper > now] == [each for each in await weeks(stage) if each.upper > now]
    assert (await sweep(stage, 10_000, owner_url=database.owner_url, keep=0)).partitions == []


async def test_old_weeks_are_dropped_with_their_objects(stage: Scene, database: TestDatabase, tmp_path: Path) -> None:
    for make in (ended, ended_flow):
        await make(stage, LARGE)
    assert len(stored(tmp_path)) == 2
    done = await sweep(stage, 120, owner_url=database.owner_url)
    assert done.objects == 2 and not stored(tmp_path) and not done.held
    assert {name.split("_2")[0] for name in done.partitions} == set(TABLES)
    assert all([await count(stage, table) == 0 for table in TABLES]) and await weeks(stage) == []
    assert await consistency.check(stage.platform.db) == []
    async with stage.platform.db.acquire() as conn:
        assert await made_ahead.ensure(conn, clock.now()) > 0
    await ended(stage)


async def test_a_run_under_way_holds_its_week_and_others_go_in_batches(stage: Scene, database: TestDatabase) -> None:
    gone = await ended_flow(stage, LARGE)
    live = await stage.flow(script("a"), script("b"))
    await stage.worker.finish((await stage.worker.claim())["a"], "kept")
    done = await sweep(stage, 120, owner_url=database.owner_url)
    week = [each.child for each in await weeks(stage) if each.lower <= UUID(live) < each.upper]
    assert set(week) <= set(done.held) and all(live in why for why in done.held.values())
    assert done.runs == 1 and (await stage.client.get(f"{W}/jobs_u/get/{gone}")).status_code == 404
    assert await consistency.check(stage.platform.db) == []
    await stage.worker.finish((await stage.worker.claim())["b"], "end")
    assert (await stage.get(f"jobs_u/completed/get_result/{live}")) == "end"
    assert (await sweep(stage, 120, owner_url=database.owner_url)).held == {}
    assert await weeks(stage) == []


async def test_what_a_run_under_way_goes_on_from_is_kept(stage: Scene, database: TestDatabase) -> None:
    id = await stage.flow(script("a"), script("b"))
    await stage.worker.finish((await stage.worker.claim())["a"], LARGE)
    await stage.worker.finish((await stage.worker.claim())["b"], error="boom")
    again = await stage.client.post(f"{W}/jobs/restart/f/{id}", json={"step_id": "b"})
    assert again.status_code == 201, again.text
    done = await sweep(stage, 120, owner_url=None)
    assert done.runs == 0 and (await stage.get(f"jobs_u/get/{id}"))["type"] == "CompletedJob"
    await stage.worker.finish((await stage.worker.claim())["b"], "end")
    assert (await sweep(stage, 120, owner_url=None)).runs == 2
    assert await consistency.check(stage.platform.db) == []


async def test_without_the_owner_runs_go_in_batches(
    stage: Scene, database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_PAGE", 2)
    for _ in range(5):
        await ended(stage, LARGE, "line\n" * (300 << 10))
    before = await weeks(stage)
    for owner_url in (None, database.app_url):
        done = await sweep(stage, 120, owner_url=owner_url)
        assert done.partitions == [] and len(await weeks(stage)) == len(before)
    assert all([await count(stage, table) == 0 for table in (*TABLES, "decision")]) and not stored(tmp_path)
    assert await consistency.check(stage.platform.db) == []


async def test_what_stands_under_no_row_of_its_own_goes_too(stage: Scene) -> None:
    def loop(id: str, expr: str, *body: dict[str, Any], **more: Any) -> dict[str, Any]:
        iterator = {"type": "javascript", "expr": expr}
        value = {"type": "forloopflow", "iterator": iterator, "skip_failures": False, "modules": list(body), **more}
        return {"id": id, "value": value}

    identity = {"id": "i", "value": {"type": "identity"}}
    branch = {"type": "branchone", "branches": [{"expr": "true", "modules": [script("x"), script("y")]}], "default": []}
    await stage.flow(
        loop("none", "[]", script("n")),
        loop("items", "flow_input.items", script("a"), script("b"), parallel=True),
        {"id": "which", "value": branch},
        loop("alone", "flow_input.items", identity),
        args={"items": ["x" * 1000, "y" * 1000]},
    )
    while jobs := await stage.worker.claim_all():
        for job in jobs:
            await stage.worker.finish(job, "z" * 1000)
    assert await count(stage, "run") == 1
    assert (await sweep(stage, 120, owner_url=None)).runs == 1
    assert {table: await count(stage, table) for table in TABLES} == dict.fromkeys(TABLES, 0)


async def test_a_workspace_may_keep_less(stage: Scene) -> None:
    setting = f"{W}/workspaces/edit_retention"
    assert (await stage.client.post(setting, json={"retention_days": 91})).status_code == 400
    assert (await stage.client.post(setting, json={"retention_days": 0})).status_code == 400
    bea = await stage.member("bea")
    assert (await bea.post(setting, json={"retention_days": 7})).status_code == 403
    assert (await stage.client.post(setting, json={"retention_days": 7})).status_code == 200
    assert (await stage.get("workspaces/get_settings"))["retention_days"] == 7
    other = (await stage.client.post("/api/w/admins/jobs/run/preview", json={"language": "bash", "content": "x"})).text
    await stage.worker.finish((await stage.worker.claim())[""], 1)
    await ended(stage)
    assert (await sweep(stage, 6, owner_url=None)).runs == 0
    assert (await sweep(stage, 8, owner_url=None)).runs == 1
    assert await stage.get("jobs/list") == []
    assert (await stage.client.get(f"/api/w/admins/jobs_u/get/{other}")).status_code == 200
    assert await consistency.check(stage.platform.db) == []


async def test_a_long_reader_is_not_disturbed_and_the_drop_is_taken_up(
    stage: Scene, database: TestDatabase, monkeypatch: pytest.MonkeyPatch, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    monkeypatch.setattr(retention, "PATIENCE_MS", 50)
    await ended(stage)
    reader = owner.transaction(isolation="repeatable_read")
    await reader.start()
    await owner.fetch("SELECT count(*) FROM value")
    done = await sweep(stage, 120, owner_url=database.owner_url)
    assert "in use" in " ".join(done.held.values())
    assert await owner.fetchval("SELECT count(*) FROM run") == 1
    async with stage.platform.db.acquire() as conn:
        await asyncio.wait_for(conn.fetch("SELECT count(*) FROM value"), 30)
    await reader.rollback()
    await sweep(stage, 120, owner_url=database.owner_url)
    assert await weeks(stage) == []
    async with stage.platform.db.acquire() as conn:
        assert await rows.detached(conn) == []


async def test_a_sweep_killed_after_detaching_is_taken_up(
    stage: Scene, database: TestDatabase, owner: asyncpg.Connection[asyncpg.Record]
) -> None:
    await ended(stage)
    (week,) = [
        each for each in await weeks(stage) if each.parent == "value" and each.lower <= ids.new_run_id() < each.upper
    ]
    await owner.execute(f"ALTER TABLE value DETACH PARTITION {week.child} CONCURRENTLY")
    await sweep(stage, 120, owner_url=database.owner_url)
    assert await weeks(stage) == []
    async with stage.platform.db.acquire() as conn:
        assert await rows.detached(conn) == []


async def test_the_report_says_what_takes_the_room_and_what_holds_it(stage: Scene, database: TestDatabase) -> None:
    live = await stage.preview()
    await stage.worker.claim()
    await ended_flow(stage, LARGE)
    await ended(stage, "y" * 1000)

    async def report(days: int, owner_url: str | None) -> storage_report.StorageReport:
        return await storage_report.storage(stage.platform.db, Policy(90), later(days), owner_url=owner_url)

    found = await report(0, database.owner_url)
    assert found.droppable and {"run", "value", "audit", "document"} <= {each.name for each in found.tables}
    assert [each.bytes for each in found.tables] == sorted((each.bytes for each in found.tables), reverse=True)
    own = next(each for each in found.workspaces if each.id == "main")
    assert own.runs == 2 and own.object_bytes >= len(LARGE) and own.value_bytes > 1000 and own.log_chars == 5
    assert all(each.held_by is None for each in found.weeks)
    held = [each.held_by for each in (await report(120, database.owner_url)).weeks if each.held_by]
    assert held and all(live in why for why in held)
    await stage.client.post(f"{W}/jobs_u/queue/force_cancel/{live}", json={})
    async with stage.platform.db.transaction() as conn:
        await conn.execute("DELETE FROM run_live")
    assert all("own" in str(each.held_by) for each in (await report(120, database.app_url)).weeks)
