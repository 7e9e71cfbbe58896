"""The plans of the most frequent queries on a large queue and history, stored as files.

WRITE_PLANS=1 rewrites the files: review the difference before committing it.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db import audit
from orvanta_platform.db.job_lists import JobFilter, Slice, Visible, list_jobs
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load

PLANS = Path(__file__).with_name("plans")
GROWTH = Path(__file__).with_name("growth.sql").read_text()
LIVE = (
    "job_live",
    "run_live",
    "timer",
    "inbox",
    "schedule",
    "schedule_tick",
    "gate",
    "gate_wait",
    "step_debounce",
    "approval",
    "decision",
)
ID = "00000000-0000-7000-8000-000000000001"

CLAIM = (
    "ARRAY['python3', 'python3', 'bash', 'bash'], ARRAY[5, 5, 0, 0]::smallint[], ARRAY[0, 1, 0, 1]::smallint[],"
    f" ARRAY[100, 0, 0, 0]::bigint[], ARRAY[3, 4, 3, 4], '{ID}', 1, 4"
)
QUEUE = {
    "claim": ("jobs", CLAIM),
    "list_assigned": ("jobs", f"'{ID}', 1, 100, ARRAY['{ID}']::uuid[]"),
    "list_waiting_pairs": ("jobs", ""),
    "take_due_timers": ("timers", "'2020-01-01Z'"),
    "get_next_due": ("timers", "'2020-01-01Z', '2020-01-01Z'"),
    "list_queue_heads": ("gates", "ARRAY['\\x01', '\\x02']::bytea[], ARRAY[2, 2]"),
    "list_due_gates": ("gates", "'2020-01-01Z'"),
    "end_due": ("step_debounces", "'2020-01-01Z'"),
    "lock_for_delete": ("step_debounces", f"ARRAY['\\x01', '\\x02']::bytea[], ARRAY['{ID}']::uuid[]"),
    "lock_jobs_of_run": ("jobs", f"'{ID}'"),
    "lock_run": ("runs", f"'{ID}'"),
    "read_inbox": ("inbox", f"'{ID}'"),
    "list_stale_inboxes": ("inbox", "'2020-01-01Z'"),
    "list_due": ("schedules", "100, '2020-01-01Z'"),
    "get_next_tick": ("schedules", "'2020-01-01Z'"),
    "is_running": ("ticks", f"'{ID}'"),
    "list_open": ("ticks", f"'{ID}', '2020-01-01Z', 1000"),
    "list_pending_handlers": ("ticks", "100"),
    "count_streak": ("ticks", f"'{ID}', 'failed', 'succeeded'"),
    "list_open_of_run": ("approvals", f"'{ID}'"),
    "find_waiting_run": ("approvals", f"'main', '{ID}'"),
    "list_decisions_of_run": ("approvals", f"'{ID}'"),
    "list_uncounted": ("approvals", f"'{ID}'"),
    "find_live_run": ("job_views", f"'{ID}', 'main'"),
}
PARTS = ("live_runs", "live_jobs", "ended_runs", "ended_jobs")


@pytest.fixture
async def grown(database: TestDatabase) -> AsyncIterator[Connection]:
    """Insert 20,000 waiting runs, each with a job, a timer and an event, and 20,000 ended ones."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(GROWTH)
    await owner.execute("VACUUM (ANALYZE)")
    yield owner
    await owner.close()


@pytest.mark.extended
@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_queue_queries_use_indexes(grown: Connection, mode: str) -> None:
    """No table is scanned or sorted completely, with generic and with custom plans of prepared statements."""
    await grown.execute(f"SET plan_cache_mode = {mode}")
    for name, (noun, values) in QUEUE.items():
        plan = await explain(grown, load(noun)[name].text, values)
        for table in LIVE:
            assert f"Seq Scan on {table}" not in plan, f"{name}\n{plan}"
        if name not in (
            "lock_jobs_of_run",
            "list_stale_inboxes",
            "list_queue_heads",
            "list_open_of_run",
            "list_decisions_of_run",
            "list_uncounted",
            "lock_for_delete",
        ):
            assert "Sort" not in plan, f"{name}\n{plan}"
        if mode == "force_generic_plan":
            compare(name, plan)


async def test_plan_made_on_empty_tables_finds_results_by_id(
    database: TestDatabase,
) -> None:
    """The server plans each statement once, often while tables are empty; no plan may scan rows inserted later."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    queries = load("job_views")
    for name in ("get_status_of_ended", "get_status"):
        plan = await explain(owner, queries[name].text, f"'{ID}', 'main'")
        conditions = [line for line in plan.splitlines() if "'result'" in line]
        assert conditions and all("(id = " in line for line in conditions), plan
        assert "Seq Scan on value" not in plan and "Seq Scan on run_" not in plan, plan
    plan = await explain(owner, load("values")["get_values"].text, f"ARRAY['{ID}']::uuid[], ARRAY['args'], ARRAY['']")
    assert "Seq Scan" not in plan and "Hash Join" not in plan and "(id = k.id) AND (kind = k.kind)" in plan, plan
    plan = await explain(owner, queries["find"].text, f"'{ID}', 'main'")
    assert not re.search("Seq Scan on (run|job)_", plan), plan
    scans = re.findall(r"Scan using (?:run|job)_\S+ on .*\n\s+Index Cond: (.*)", plan)
    assert len(scans) >= 8 and all(re.search(r"\b(id|run) = ", condition) for condition in scans), plan
    await owner.close()


@pytest.mark.extended
async def test_list_queries_use_indexes(grown: Connection) -> None:
    """The lists contain the newest rows of one workspace, from each part alone and from all parts."""
    listener = Heard()
    everything = Visible(everything=True, patterns=[], principals=[], username="", scope=None)
    await list_jobs(listener, "main", everything, PARTS, JobFilter(), Slice(limit=30))  # type: ignore[arg-type]
    plan = await explain(grown, listener.text, "'main'")
    for table in ("run_live", "job_live", "timer", "value"):
        assert f"Seq Scan on {table}" not in plan, plan
    compare("list_jobs", plan)


async def test_audit_trail_is_searched_by_beginning_of_resource(database: TestDatabase) -> None:
    """The plan depends on the values of the filters, as those of the server do."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "INSERT INTO audit (workspace, actor, operation, action_kind, resource)"
        " SELECT 'main', 'ann', CASE WHEN n % 2 = 0 THEN 'jobs.run' ELSE 'flows.update' END, 'Execute',"
        " 'f/folder' || n % 100 || '/item' || n"
        " FROM generate_series(1, 20000) AS n"
    )
    await owner.execute("ANALYZE audit")
    await owner.execute("SET plan_cache_mode = force_custom_plan")
    queries, none = load("audit"), ", ".join(["NULL"] * 3)
    pages = (("list_matching", "NULL, 30, 0", ", true"), ("list_ascending", "0, 1000000, 30", ""))
    for resource, prefix in (("NULL", "'f/nothing/'"), ("'f/folder7/item7'", "NULL")):
        for name, more, order in pages:
            values = f"'main', {none}, {resource}, NULL, NULL, {more}, NULL, NULL, {prefix}{order}"
            plan = await explain(owner, queries[name].text, values)
            assert "audit_resource" in plan and re.search(r"Index Cond: .*resource", plan), plan
    await owner.close()


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_moves_are_searched_by_operation_and_resource(database: TestDatabase, mode: str) -> None:
    """The number of audit rows does not matter, neither of other items nor of other operations."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "INSERT INTO audit (workspace, actor, operation, action_kind, resource, parameters)"
        " SELECT 'main', 'ann', CASE n % 100 WHEN 0 THEN 'flows.move' WHEN 1 THEN 'flows.delete'"
        " ELSE 'flows.update' END, 'Updated', 'f/folder/item' || n % 70, '{\"to\": \"f/folder/new\"}'"
        " FROM generate_series(1, 20000) AS n"
    )
    await owner.execute("ANALYZE audit")
    await owner.execute(f"SET plan_cache_mode = {mode}")
    plan = await explain(
        owner, load("moves")["list_targets"].text, "'main', ARRAY['flow', 'flow'], ARRAY['f/folder/item4', 'f/x']"
    )
    conditions = re.findall("Index Cond: .*operation.*resource", plan)
    assert len(conditions) == len(re.findall("Scan (?:Backward )?(?:using .*)?on audit", plan)) == 5, plan
    await owner.close()


@pytest.mark.parametrize("since", [None, datetime(2020, 1, 1, tzinfo=UTC)])
async def test_search_of_what_never_occurs_together_reads_few_rows(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch, since: datetime | None
) -> None:
    """A folder and an operation are frequent each, and no row has both: the limit ends no scan in the order of rows."""
    monkeypatch.setattr(audit, "NEWEST", 100, raising=False)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "INSERT INTO audit (workspace, actor, operation, action_kind, resource)"
        " SELECT 'main', 'ann', CASE WHEN n % 2 = 0 THEN 'jobs.run' ELSE 'flows.update' END, 'Execute',"
        " 'f/folder' || n % 10 || '/item' || n FROM generate_series(1, 20000) AS n"
    )
    await owner.execute("VACUUM ANALYZE audit")
    filter = audit.AuditFilter(operation="jobs", resource_prefix="f/folder7/", since=since)
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_all_tables WHERE relname = 'audit'"
    async with owner.transaction():
        assert await audit.list_page(owner, "main", filter, before=None, limit=30, offset=0) == []
        assert await owner.fetchval(read) < 1000
    await owner.close()


class Heard:
    """A connection that only records its queries."""

    text = ""

    async def fetch(self, text: str, *_: Any) -> list[Any]:
        self.text = text
        return []


async def explain(connection: Connection, text: str, values: str) -> str:
    """Return the plan of a prepared statement with these values."""
    await connection.execute(f"PREPARE asked AS {text}")
    call = f"asked({values})" if values else "asked"
    rows = await connection.fetch(f"EXPLAIN (COSTS OFF) EXECUTE {call}")
    await connection.execute("DEALLOCATE asked")
    return re.sub(r"_\d{4}w\d\d", "_week", "".join(f"{row[0]}\n" for row in rows))


def compare(name: str, plan: str) -> None:
    """Compare the plan with its file."""
    file = PLANS / f"{name}.txt"
    if os.environ.get("WRITE_PLANS"):
        file.write_text(plan)
    assert plan == file.read_text(), f"{file.name} has changed:\n{plan}"
