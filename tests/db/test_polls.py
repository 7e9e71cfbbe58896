"""Polls: queries of several daemons are sent as one statement, and by themselves if that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.harness import core_harness, job

from orvanta_platform import clock
from orvanta_platform.db import (
    audit_chain,
    erasures,
    git,
    instance_settings,
    jobs,
    messages,
    schedules,
    search,
    workers,
)
from orvanta_platform.db import polls as polls_module
from orvanta_platform.db.polls import Polls
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.orchestrator import timers
from orvanta_platform.queue.claim import LOW_WATER_AGE_S
from orvanta_platform.queue.scan_cursor import START

READS: dict[str, Callable[[Connection], Awaitable[Any]]] = {
    "workers": lambda conn: workers.list_observed(conn),
    "pairs": lambda conn: jobs.list_waiting_pairs(conn),
    "messages": lambda conn: messages.find_due(conn),
    "ticks": lambda conn: schedules.get_next_tick(conn, START),
    "git": lambda conn: git.list_due(conn, ["flows", "scripts"]),
    "erasures": lambda conn: erasures.has_due(conn),
    "search": lambda conn: search.list_workspaces(conn),
    "audit": lambda conn: audit_chain.has_unlinked(conn, (0, 0)),
    "settings": lambda conn: instance_settings.list_named(conn, ["worker_groups"]),
}


@pytest.fixture
async def db(database: TestDatabase) -> AsyncIterator[Database]:
    made = await Database.connect(database.app_url)
    yield made
    await made.close()


async def read(polls: Polls, *texts: str, seconds: float = 0.0) -> list[Any]:
    """Send these queries, which return one value each, in the same turn."""

    async def one(text: str) -> Any:
        async with polls.turn(seconds) as connection:
            return await connection.fetchval(text)

    return await asyncio.gather(*(one(text) for text in texts), return_exceptions=True)


async def test_joint_answers_equal_separate_ones(database: TestDatabase, tmp_path: Any) -> None:
    async with core_harness(database, tmp_path / "home") as core:
        await core.worker()
        await core.start(job("a"))
        polls = Polls(core.platform.db)

        async def joint(name: str) -> Any:
            async with polls.turn(0) as connection:
                return await READS[name](connection)

        async with core.platform.db.acquire() as connection:
            separate = {name: await READS[name](connection) for name in READS}
        for names in (list(READS), list(READS)[:3], list(READS)):
            found = dict(zip(names, await asyncio.gather(*map(joint, names)), strict=True))
            for name in names:
                expected = separate[name]
                if name == "ticks":  # the third value is the current time
                    assert found[name][:2] == expected[:2]
                else:
                    assert found[name] == expected, name
        assert polls.sent == 3
        assert separate["workers"] and separate["pairs"]


async def test_timers_are_found_in_the_turn(database: TestDatabase, tmp_path: Any) -> None:
    async with core_harness(database, tmp_path / "home") as core:
        polls = Polls(core.platform.db)

        async def due() -> jobs.Due:
            async with polls.turn(0) as connection:
                return await jobs.get_next_due(connection, START, START)

        async def observed() -> list[workers.ObservedWorker]:
            async with polls.turn(0) as connection:
                return await workers.list_observed(connection)

        found, _ = await asyncio.gather(due(), observed())
        assert (found.due_at, found.stale_at, found.now.tzinfo is not None) == (None, None, True)
        assert polls.sent == 1


async def test_failing_query_leaves_the_others_their_rows(db: Database) -> None:
    polls = Polls(db)
    one, failed, three = await read(polls, "SELECT 1 AS n", "SELECT 1 / (SELECT 0) AS n", "SELECT 3 AS n")
    assert (one, three) == (1, 3)
    assert "division by zero" in str(failed)


async def test_query_that_is_no_part_of_a_statement_is_sent_by_itself(db: Database) -> None:
    """An UPDATE cannot be a part; its connection is one of the pool all the same."""
    polls = Polls(db)
    changed, one = await read(polls, "UPDATE leader SET beat = beat RETURNING beat", "SELECT 1 AS n")
    assert (changed, one) == (None, 1)


async def test_cancelled_or_idle_daemon_does_not_hold_up_the_turn(db: Database) -> None:
    polls = Polls(db)
    entered = asyncio.Event()

    async def idle() -> None:
        async with polls.turn(0):
            entered.set()

    async def cancelled() -> None:
        async with polls.turn(0):
            entered.set()
            await asyncio.Event().wait()

    waiting = asyncio.create_task(cancelled())
    reading = asyncio.create_task(read(polls, "SELECT 1 AS n", "SELECT 2 AS n"))
    await idle()
    waiting.cancel()
    async with asyncio.timeout(30):
        assert await reading == [1, 2]


async def test_daemon_cancelled_before_its_turn_is_not_awaited(db: Database) -> None:
    polls = Polls(db)

    async def never() -> None:
        async with polls.turn(0):
            pytest.fail("it was cancelled")

    turns = [asyncio.create_task(never()) for _ in range(2)]
    reading = asyncio.create_task(read(polls, "SELECT 1 AS n"))
    begin = polls._begin

    def begin_and_cancel() -> None:
        begin()
        for each in turns:
            each.cancel()

    polls._begin = begin_and_cancel  # type: ignore[method-assign]
    async with asyncio.timeout(30):
        assert await reading == [1]
    assert all(
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*turns, return_exceptions=True)
    )


async def test_half_of_the_interval_passes_before_the_turn_of_another(db: Database) -> None:
    """Daemons with long intervals are not woken by every poll of one with a short one."""
    polls = Polls(db)
    long = asyncio.create_task(read(polls, "SELECT 1 AS n", seconds=3600))
    assert await read(polls, "SELECT 2 AS n", "SELECT 3 AS n") == [2, 3]
    assert not long.done() and polls.sent == 1
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


async def test_rest_ends_when_the_statement_of_a_turn_is_answered(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The duties that follow need no connection beside that of the statement."""
    polls, events = Polls(db), list[str]()
    send = polls.read

    async def send_and_record(queries: list[Any]) -> None:
        await send(queries)
        events.append("answered")

    async def rest() -> None:
        await polls.rest(3600, after_s=0)
        events.append("rested")

    monkeypatch.setattr(polls, "read", send_and_record)
    _, found = await asyncio.gather(rest(), read(polls, "SELECT 1 AS n", "SELECT 2 AS n"))
    assert found == [1, 2] and events == ["answered", "rested"]


async def test_rest_is_not_prolonged_by_a_statement_without_an_answer(db: Database) -> None:
    polls = Polls(db)
    endless = asyncio.create_task(read(polls, "SELECT pg_sleep(3600)::text AS n", "SELECT 2 AS n"))
    resting = asyncio.create_task(polls.rest(0.1, after_s=0))
    async with asyncio.timeout(30):
        await resting
    assert not endless.done()
    endless.cancel()
    await asyncio.gather(endless, return_exceptions=True)


async def test_lulls_begin_one_after_another(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of one turn would need a connection each otherwise."""
    monkeypatch.setattr(polls_module, "LULL_S", 0.0)
    polls, events = Polls(db), list[str]()

    async def lull(name: str) -> None:
        await polls.lull(0, after_s=0)
        events.append(name)

    async with polls._lulls:
        waiting = [asyncio.create_task(lull(name)) for name in ("a", "b")]
        await polls.rest(0, after_s=0)
        assert events == []
    await asyncio.gather(*waiting)
    assert sorted(events) == ["a", "b"]


async def test_slow_statements_are_not_continued(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls_module, "SLOW_S", 0.0)
    polls = Polls(db)
    for _ in range(polls_module.SLOW_TURNS + 2):
        assert await read(polls, "SELECT 1 AS n", "SELECT 2 AS n") == [1, 2]
    assert polls.sent == polls_module.SLOW_TURNS


async def test_query_without_an_answer_does_not_hold_up_the_others(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polls_module, "LIMIT_S", 0.1)
    polls = Polls(db)
    endless = asyncio.create_task(read(polls, "SELECT pg_sleep(3600)::text AS n"))
    async with asyncio.timeout(30):
        assert await read(polls, "SELECT 1 AS n", "SELECT 2 AS n") == [1, 2]
    assert not endless.done() and polls.sent == 0
    endless.cancel()
    await asyncio.gather(endless, return_exceptions=True)


async def test_query_that_fails_repeatedly_is_sent_by_itself(db: Database) -> None:
    """The others remain parts of one statement, also if they were parts of successful ones meanwhile."""
    polls = Polls(db)
    good, failing = ("SELECT 1 AS n", "SELECT 2 AS n"), "SELECT 1 / (SELECT 0) AS n"
    for turn in range(polls_module.SLOW_TURNS):
        assert (await read(polls, failing, *good))[1:] == [1, 2]
        assert await read(polls, *good) == [1, 2]
        assert polls.sent == turn + 1
    failed, *found = await read(polls, failing, *good)
    assert found == [1, 2] and "division by zero" in str(failed)
    assert polls.sent == polls_module.SLOW_TURNS + 1


async def test_duration_of_a_joint_statement_is_that_of_no_query(db: Database) -> None:
    polls = Polls(db)

    async def alone_s(text: str) -> float:
        async with polls.turn(0) as connection:
            await connection.fetchval(text)
            found: float = connection.alone_s
            return found

    assert not any(await asyncio.gather(alone_s("SELECT 1 AS n"), alone_s("SELECT 2 AS n")))
    assert await alone_s("SELECT 1 AS n") > 0.0


async def test_slow_statement_postpones_no_scan_of_timers_from_the_start(
    database: TestDatabase, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such scans are rare if they are slow; the duration of a joint statement may be that of another query."""
    async with core_harness(database, tmp_path / "home") as core:
        polls, positions, now = Polls(core.platform.db), timers.ScanPositions(), 1000.0
        monkeypatch.setattr(clock, "monotonic", lambda: now)
        send = polls.read

        async def send_slowly(queries: list[Any]) -> None:
            nonlocal now
            await send(queries)
            now += 1.0

        monkeypatch.setattr(polls, "read", send_slowly)

        async def other() -> None:
            async with polls.turn(0) as connection:
                await workers.list_observed(connection)

        await asyncio.gather(timers.find_due(core.platform.tools, positions, polls.turn(0)), other())
        assert polls.sent == 1
        now += 2 * LOW_WATER_AGE_S
        await timers.find_due(core.platform.tools, positions)
        assert positions.past == START


async def test_lost_connection_is_the_error_of_each_query(db: Database) -> None:
    """Each daemon handles its own error, as if it had polled alone; the next turn has a new connection."""
    polls = Polls(db)
    end = "SELECT pg_terminate_backend(pg_backend_pid()) AS n"
    failed, _ = await read(polls, end, "SELECT 2 AS n")
    assert isinstance(failed, Exception)
    assert await read(polls, "SELECT 1 AS n", "SELECT 2 AS n") == [1, 2]


async def test_one_query_is_sent_as_it_is(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    @asynccontextmanager
    async def acquire() -> AsyncIterator[Connection]:
        async with db.pool.acquire() as connection:
            sent.append(connection)
            yield connection

    monkeypatch.setattr(db, "acquire", acquire)
    polls = Polls(db)
    assert await read(polls, "SELECT 1 AS n") == [1]
    assert len(sent) == 1 and polls.sent == 0
