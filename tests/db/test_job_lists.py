"""The composed queries of job lists: all conditions on all parts, and the cost of the first page of a long history."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace
from tests.conftest import TestDatabase

from orvanta_platform.db import job_lists
from orvanta_platform.db.job_lists import JobFilter, Part, PathText, Slice, Visible, count_jobs, list_jobs
from orvanta_platform.db.pool import Database

PARTS: tuple[Part, ...] = ("live_runs", "live_jobs", "past_jobs", "ended_runs", "ended_jobs")
EVERYTHING = Visible(everything=True, patterns=[], principals=[], username="", scope=None)
LITTLE = Visible(everything=False, patterns=["f/x/%"], principals=["u/me"], username="me", scope=["f/%"])
NOW = datetime.now(UTC)
SAMPLES: dict[str, Any] = {
    "str": "x",
    "bool": True,
    "datetime": NOW,
    "UUID": UUID(int=1),
    "tuple[str, ...]": ("script",),
    "tuple[bytes, ...]": (b"key",),
    "PathText": PathText("x", ["f/x/y"]),
}


@pytest.mark.every_postgres
async def test_every_condition_is_a_query(db: Database) -> None:
    everything = JobFilter()
    async with db.acquire() as conn:
        for name, kind in JobFilter.__annotations__.items():
            value = SAMPLES[kind.removesuffix(" | None")]
            chosen = replace(JobFilter(), **{name: value})
            everything = replace(everything, **{name: value})
            for part in PARTS:
                for visible in (EVERYTHING, LITTLE):
                    assert await list_jobs(conn, "main", visible, [part], chosen, Slice(offset=2)) == []
                    assert await count_jobs(conn, "main", visible, [part], chosen) == 0
        both = replace(everything, success=None, completed_after=None, completed_before=None, is_flow_step=None)
        edges = Slice(before=UUID(int=5), after=UUID(int=3))
        for chosen in (everything, both, JobFilter()):
            assert await list_jobs(conn, "main", LITTLE, PARTS, chosen, edges) == []


HISTORY = """
WITH moment AS (
    SELECT n, app_now() - n * interval '1 second' AS at FROM generate_series(1, 5000) n
), made AS (
    SELECT at, (left(uuid_at(at)::text, 13) || '-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id FROM moment
), runs AS (
    INSERT INTO run (id, workspace, kind, path, engine_version, state, status, priority, root, trigger, created_by,
                     email, permissioned_as, created_at, scheduled_at, started_at, ended_at, seed)
    SELECT id, 'main', 'flow', 'f/x/y', 1, '', 'succeeded', 0, id, 'api', 'me',
           'me@example.com', 'u/me', at, at, at, at, 1 FROM made
)
INSERT INTO job (id, run, workspace, node, node_index, kind, state, enqueued_at, started_at, ended_at)
SELECT (left(id::text, 14) || '7001' || right(id::text, 18))::uuid, id, 'main', 'a', 0, 'flowscript', 'succeeded',
       at, at, at FROM made
"""


WAITING = """
WITH made AS (
    INSERT INTO run_live (id, workspace, kind, path, engine_version, state, status, root, trigger, created_by, email,
                          permissioned_as, seed)
    SELECT id, 'main', 'flow', 'f/x/y', 1, '', 'awaiting_approval', id, 'api', 'me', 'me@example.com', 'u/me', 1
    FROM (SELECT uuid_at(app_now() - n * interval '1 second') AS id FROM generate_series(1, 20000) n) s
    RETURNING id
)
INSERT INTO timer (run, job, kind, due_at) SELECT id, id, 'deadline', app_now() + interval '1 day' FROM made
"""


async def test_page_one_reads_few_pages_of_waiting_runs(database: TestDatabase) -> None:
    """Each run has a timer; for every caller, a page reads only the timers of the rows that it returns."""
    conn = await asyncpg.connect(database.owner_url)
    try:
        await conn.execute(WAITING)
        await conn.execute("ANALYZE run_live; ANALYZE timer")
        for visible in (EVERYTHING, LITTLE):
            text, values = job_lists.list_statement("main", visible, PARTS, JobFilter(), Slice(limit=30))
            for mode in ("force_generic_plan", "force_custom_plan"):
                await conn.execute(f"SET plan_cache_mode = {mode}")
                lines = await conn.fetch("EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) " + text, *values)
                plan = "\n".join(line[0] for line in lines)
                assert "Seq Scan on timer" not in plan and "Seq Scan on run_live" not in plan, plan
            assert len(await list_jobs(conn, "main", visible, PARTS, JobFilter(), Slice(limit=30))) == 30
    finally:
        await conn.close()


async def test_page_one_reads_few_pages_of_long_history(database: TestDatabase) -> None:
    conn = await asyncpg.connect(database.owner_url)
    try:
        await conn.execute(HISTORY)
        await conn.execute("ANALYZE run; ANALYZE job")
        for visible in (EVERYTHING, LITTLE):
            text, values = job_lists.list_statement("main", visible, PARTS, JobFilter(), Slice(limit=30))
            lines = await conn.fetch("EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) " + text, *values)
            plan = "\n".join(line[0] for line in lines)
            assert "Index Scan Backward" in plan, plan
            rows = [int(part.split()[0].split(".")[0]) for part in plan.split("(actual rows=")[1:]]
            assert max(rows) <= 100, plan
            assert len(await list_jobs(conn, "main", visible, PARTS, JobFilter(), Slice(limit=30))) == 30
            # Failed runs are found without reading other runs.
            failed = JobFilter(states=("failed",), has_null_parent=True)
            text, values = job_lists.list_statement("main", visible, PARTS, failed, Slice(limit=30))
            lines = await conn.fetch("EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) " + text, *values)
            plan = "\n".join(line[0] for line in lines)
            assert "Removed by Filter" not in plan, plan
    finally:
        await conn.close()


async def test_window_reads_only_its_part_of_history(database: TestDatabase) -> None:
    """A list and a histogram of ten minutes in the past do not read newer or older rows."""
    since, until = datetime.now(UTC) - timedelta(minutes=40), datetime.now(UTC) - timedelta(minutes=30)
    window = JobFilter(created_after=since, created_before=until, has_null_parent=True)
    conn = await asyncpg.connect(database.owner_url)
    try:
        await conn.execute(HISTORY)
        await conn.execute("ANALYZE run; ANALYZE job")
        for visible in (EVERYTHING, LITTLE):
            counted = await job_lists.count_over_time(conn, "main", visible, window, 60, 10_000)
            assert sum(each.runs for each in counted) in range(595, 606)
            assert {each.bucket for each in counted} <= set(range(11))
            unread = await job_lists.find_ended_run(conn, "main", window, 100)
            assert unread is not None
            counted = await job_lists.count_over_time(conn, "main", visible, window, 60, 10_000, unread[0])
            assert sum(each.runs for each in counted) in range(35, 46), "a minute of tolerance is newer"
            recent = await job_lists.list_recent_runs(conn, "main", visible, window, 10, 10_000, 1_000_000)
            assert len(recent) == 10 and recent[0].succeeded in range(595, 606)
            # Nothing older than the newest ten runs is read.
            assert not await job_lists.list_recent_runs(conn, "main", visible, window, 10, 10_000, 10)
            text, values = job_lists.list_statement("main", visible, PARTS, window, Slice(limit=30))
            lines = await conn.fetch("EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) " + text, *values)
            plan = "\n".join(line[0] for line in lines)
            assert all(int(gone) < 200 for gone in re.findall(r"Removed by Filter: (\d+)", plan)), plan
    finally:
        await conn.close()
