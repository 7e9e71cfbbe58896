"""Pages read by frequent queries: few, regardless of the number of dead rows that a snapshot retains."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.db.test_step_growth import JOBS, RUNS, WORKER, ends, goes_on, literals

from orvanta_platform import ids
from orvanta_platform.db.pool import BY_INDEX, Connection
from orvanta_platform.db.queries import load
from orvanta_platform.db.steps import (
    JobCompletion,
    RunEnd,
    StepWrite,
    arguments_of,
    arguments_of_one,
    parts_with_rows,
    statement,
)

MANY = 5_000
FEW_PAGES = 60

TIMERS = (
    "INSERT INTO timer (run, job, kind, due_at) SELECT gen_random_uuid(), gen_random_uuid(), 'retry', "
    "app_now() + n * interval '1 millisecond' + $2::interval FROM generate_series(1, $1::integer) n"
)
EVENTS = (
    "INSERT INTO inbox (run, event, created_at) SELECT gen_random_uuid(), '{}', "
    "app_now() - interval '1 hour' + n * interval '1 millisecond' FROM generate_series(1, $1::integer) n"
)
SCHEDULES = """
INSERT INTO schedule (id, workspace, path, cron, timezone, enabled, next_at, script_path, is_flow, permissioned_as,
                      email, created_by, edited_by)
SELECT gen_random_uuid(), 'main', 'f/many/s' || n, '0 * * * * *', 'UTC', true,
       app_now() - interval '1 hour' + n * interval '1 millisecond', 'f/many/work', false, 'u/ann', 'ann@example.com',
       'ann', 'ann'
FROM generate_series(1, $1::integer) n
"""
TIMERS_OF = (
    "INSERT INTO timer (run, job, kind, due_at) SELECT id, id, 'cancel', app_now() FROM unnest($1::uuid[]) AS id"
)
EVENTS_OF = "INSERT INTO inbox (run, event) SELECT id, '{}' FROM unnest($1::uuid[]) AS id"
CLAIMANT = """
INSERT INTO worker (id, name, instance, ip, worker_group, slots, version, isolation)
VALUES ($1, '', '', '', '', 4, '', '')
"""
WAITING = (
    "UPDATE job_live SET state = 'available', seq = nextval('job_seq'), worker = NULL, generation = NULL, attempt = 0"
)
PAST = "app_now() - interval '1 minute'"


@pytest.fixture
async def held(database: TestDatabase) -> AsyncIterator[Connection]:
    """Open a connection like a worker's while a snapshot of the empty database is held."""
    holder = await asyncpg.connect(database.owner_url)
    transaction = holder.transaction(isolation="repeatable_read")
    await transaction.start()
    await holder.fetchval("SELECT count(*) FROM timer")
    settings = BY_INDEX | {"plan_cache_mode": "force_generic_plan"}
    connection = await asyncpg.connect(database.owner_url, server_settings=settings)
    yield connection
    await connection.close()
    await holder.close()


async def pages(connection: Connection, name: str, past: str, noun: str) -> int:
    """Return the number of pages read by a query that scans above `past`."""
    text = load(noun)[name].text.replace("$1", past).replace("$2", past)
    found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


async def test_scans_past_deleted_timers_and_events(held: Connection) -> None:
    await held.execute(TIMERS, MANY, timedelta(hours=-1))
    await held.execute(EVENTS, MANY)
    await held.execute("DELETE FROM timer")
    await held.execute("DELETE FROM inbox")
    await held.execute(TIMERS, 1, timedelta(seconds=-1))
    for name in ("get_next_due", "take_due_timers"):
        from_the_start = await pages(held, name, "'2000-01-01Z'", "timers")
        assert from_the_start > FEW_PAGES, "nothing is held"
        async with held.transaction():
            assert await pages(held, name, PAST, "timers") < FEW_PAGES


async def test_scans_past_deleted_ticks(held: Connection) -> None:
    await held.execute("INSERT INTO workspace (id, name, owner) VALUES ('main', 'main', 'ann') ON CONFLICT DO NOTHING")
    await held.execute(SCHEDULES, MANY)
    await held.execute("UPDATE schedule SET next_at = app_now() + interval '1 hour'")
    assert await pages(held, "get_next_tick", "'2000-01-01Z'", "schedules") > FEW_PAGES, "nothing is held"
    assert await pages(held, "get_next_tick", PAST, "schedules") < FEW_PAGES


async def test_plan_made_without_timers(held: Connection) -> None:
    """The planner assumes that the table is empty and that a full scan is cheap."""
    await held.execute(TIMERS, MANY, timedelta(days=1))
    await held.execute("DELETE FROM timer")
    await held.execute("ANALYZE timer")
    await held.execute(TIMERS, 1, timedelta(seconds=-1))
    assert await pages(held, "take_due_timers", "'2000-01-01Z'", "timers") < FEW_PAGES


def retried(run: UUID, job: UUID) -> StepWrite:
    """Return a step in which a job fails and is retried."""
    later = JobCompletion(job, 1, WORKER, 1, "scheduled", "Error", due_in_s=9)
    return StepWrite(run, 0, b"s", "running", [later])


def cancelled(run: UUID, job: UUID) -> StepWrite:
    """Return a step that cancels a job waiting for its retry, ends the run, and deletes the event from its inbox."""
    end = RunEnd("cancelled", reports=True)
    ending = JobCompletion(job, 1, None, None, "cancelled")
    return StepWrite(run, 0, b"", "cancelling", [ending], end=end, over_cancel=True, inbox_seq=1)


STEPS = (ends, goes_on, retried, cancelled)


@pytest.mark.parametrize("left", [1, 20])
async def test_steps_and_claims_among_dead_rows(held: Connection, left: int) -> None:
    """This holds even if the planner assumes that the tables have few rows."""
    await live(held, [ids.new_run_id() for _ in range(MANY)])
    await held.execute("DELETE FROM run_live; DELETE FROM job_live; DELETE FROM timer; DELETE FROM inbox")
    runs = [ids.new_run_id() for _ in range(left)]
    await live(held, runs)
    await held.execute("VACUUM (ANALYZE) run_live, job_live, timer, inbox")
    for step in STEPS:
        if step is cancelled:
            waits = "UPDATE job_live SET state = 'scheduled', worker = NULL, generation = NULL, claimed_at = NULL"
            await held.execute(waits)
        steps = [step(run, run) for run in runs]
        text, numbers = statement(parts_with_rows(steps[:1]), True, alone=True)
        alone = await literals(held, text, numbers, arguments_of_one(steps[0]))
        assert await pages_of(held, text, alone, 1) < FEW_PAGES, step
        text, numbers = statement(parts_with_rows(steps), left == 1)
        together = await literals(held, text, numbers, arguments_of(steps))
        assert await pages_of(held, text, together, left) < FEW_PAGES * left, step
    await held.execute(CLAIMANT, WORKER)
    await held.execute(WAITING)
    low = await held.fetchval("SELECT min(seq) - 1 FROM job_live")
    claim = [f"ARRAY[{each}]" for each in ("'native'", "0::smallint", "0::smallint", f"{low}::bigint", "4")]
    claimed = await pages_of(held, load("jobs")["claim"].text, [*claim, f"'{WORKER}'", "1", "4"], min(left, 4))
    assert claimed < FEW_PAGES


async def live(connection: Connection, runs: Sequence[UUID]) -> None:
    """Insert runs of one job, each with a timer and an event."""
    await connection.execute(RUNS, runs)
    await connection.execute(JOBS, runs, runs, WORKER)
    await connection.execute(TIMERS_OF, runs)
    await connection.execute(EVENTS_OF, runs)


async def pages_of(connection: Connection, text: str, values: Sequence[str], rows: int) -> int:
    """Return the pages read by a prepared statement that returns `rows` rows and is rolled back."""
    await connection.execute(f"PREPARE asked AS {text}")
    transaction = connection.transaction()
    await transaction.start()
    found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked({', '.join(values)})")
    await transaction.rollback()
    await connection.execute("DEALLOCATE asked")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    assert plan["Actual Rows"] == rows, found
    return most_pages(plan)


def most_pages(plan: dict[str, Any]) -> int:
    """Return the maximum number of pages read by a single scan of the plan; pages read by writes do not count."""
    inner = [most_pages(each) for each in plan.get("Plans", [])]
    own = int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"]) if "Scan" in plan["Node Type"] else 0
    return max([own, *inner])
