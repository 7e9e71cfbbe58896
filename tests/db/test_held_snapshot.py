"""What is looked at all the time reads a few pages, however many rows have gone that a snapshot keeps."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db.pool import BY_INDEX, Connection
from orvanta_platform.db.queries import load

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
PAST = "app_now() - interval '1 minute'"


@pytest.fixture
async def held(database: TestDatabase) -> AsyncIterator[Connection]:
    """A connection as a worker has it, while a snapshot of the empty database is held."""
    holder = await asyncpg.connect(database.owner_url)
    transaction = holder.transaction(isolation="repeatable_read")
    await transaction.start()
    await holder.fetchval("SELECT count(*) FROM timer")
    settings = BY_INDEX | {"plan_cache_mode": "force_generic_plan"}
    connection = await asyncpg.connect(database.owner_url, server_settings=settings)
    yield connection
    await connection.close()
    await holder.close()


async def pages(connection: Connection, name: str, past: str, noun: str = "jobs") -> int:
    """The pages that a query reads which looks above `past`."""
    text = load(noun)[name].text.replace("$1", past).replace("$2", past)
    found = await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


async def test_timers_and_events_that_went(held: Connection) -> None:
    await held.execute(TIMERS, MANY, timedelta(hours=-1))
    await held.execute(EVENTS, MANY)
    await held.execute("DELETE FROM timer")
    await held.execute("DELETE FROM inbox")
    await held.execute(TIMERS, 1, timedelta(seconds=-1))
    for name in ("what_is_due", "take_due_timers"):
        from_the_start = await pages(held, name, "'2000-01-01Z'")
        assert from_the_start > FEW_PAGES, "nothing is held"
        async with held.transaction():
            assert await pages(held, name, PAST) < FEW_PAGES


async def test_ticks_that_went(held: Connection) -> None:
    await held.execute("INSERT INTO workspace (id, name, owner) VALUES ('main', 'main', 'ann') ON CONFLICT DO NOTHING")
    await held.execute(SCHEDULES, MANY)
    await held.execute("UPDATE schedule SET next_at = app_now() + interval '1 hour'")
    assert await pages(held, "next_tick", "'2000-01-01Z'", "schedules") > FEW_PAGES, "nothing is held"
    assert await pages(held, "next_tick", PAST, "schedules") < FEW_PAGES


async def test_a_plan_that_was_made_when_all_timers_were_gone(held: Connection) -> None:
    """It takes the table for empty, and reading the whole of it for cheap."""
    await held.execute(TIMERS, MANY, timedelta(days=1))
    await held.execute("DELETE FROM timer")
    await held.execute("ANALYZE timer")
    await held.execute(TIMERS, 1, timedelta(seconds=-1))
    assert await pages(held, "take_due_timers", "'2000-01-01Z'") < FEW_PAGES
