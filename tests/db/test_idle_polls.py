"""Intervals of polls while a process is idle, and common times of the processes of a machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.installation import PATIENCE_S
from tests.orchestrator.harness import core_harness

from orvanta_platform import clock
from orvanta_platform.daemons import messages, scheduler, timers
from orvanta_platform.daemons.supervision import Daemon
from orvanta_platform.db import polls as polls_module
from orvanta_platform.db.notify import Listener, Notifier
from orvanta_platform.db.polls import Polls, may_extend
from orvanta_platform.db.pool import Database

HOUR_S = 3600.0

Advance = Callable[[float], Any]


@pytest.fixture
async def advance(monkeypatch: pytest.MonkeyPatch) -> Advance:
    """Return a function that puts the clock of the event loop forward and lets it run what is due."""
    loop = asyncio.get_running_loop()
    time, ahead = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: time() + ahead)

    async def put_forward(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds
        for _ in range(10):
            await asyncio.sleep(0)

    return put_forward


async def wait_for_turn(polls: Polls, *, extend: bool = True) -> None:
    async with polls.turn(HOUR_S, extend=extend):
        pass


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls_module, "IDLE_AFTER_S", 0.0)


@pytest.mark.usefixtures("idle")
async def test_idle_process_waits_twice_as_long(db: Database, advance: Advance) -> None:
    polls = Polls(db, is_notified=lambda: True)
    waiting = asyncio.create_task(wait_for_turn(polls))
    others = asyncio.create_task(wait_for_turn(polls, extend=False))
    await advance(0)
    await advance(HOUR_S / 4)
    assert not others.done()
    await advance(HOUR_S)
    assert others.done()
    assert waiting.done(), "it takes the turn of another"
    waiting = asyncio.create_task(wait_for_turn(polls))
    await advance(0)
    await advance(1.5 * HOUR_S)
    assert not waiting.done()
    await advance(HOUR_S)
    assert waiting.done()


@pytest.mark.usefixtures("idle")
async def test_no_interval_is_extended_without_notifications(db: Database, advance: Advance) -> None:
    waiting = asyncio.create_task(wait_for_turn(Polls(db, is_notified=lambda: False)))
    await advance(0)
    await advance(HOUR_S)
    assert waiting.done()


async def test_no_interval_is_extended_after_activity(db: Database, advance: Advance) -> None:
    polls = Polls(db, is_notified=lambda: True)
    polls.rouse()
    waiting = asyncio.create_task(wait_for_turn(polls))
    await advance(0)
    await advance(HOUR_S)
    assert waiting.done()


async def test_activity_ends_an_extended_wait(db: Database, advance: Advance, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not begin a turn at once, while the process handles what roused it."""
    monkeypatch.setattr(polls_module, "IDLE_AFTER_S", 0.0)
    polls = Polls(db, is_notified=lambda: True)
    waiting = asyncio.create_task(wait_for_turn(polls))
    await advance(0)
    await advance(1.5 * HOUR_S)
    polls.rouse()
    await advance(0)
    assert not waiting.done()
    await advance(polls_module._ROUSED_S)
    assert waiting.done()


async def test_turns_begin_at_common_times(db: Database, advance: Advance) -> None:
    polls, loop = Polls(db), asyncio.get_running_loop()
    await advance(clock.BEAT_S - loop.time() % clock.BEAT_S + 0.25 * clock.BEAT_S)
    waiting = asyncio.create_task(polls._next_turn(4 * clock.BEAT_S, None))
    await asyncio.sleep(0)
    assert polls._timer_at % clock.BEAT_S == pytest.approx(0.0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@pytest.mark.parametrize(("due_s", "extends"), [(None, True), (2.5, True), (1.5, False), (-1.0, False)])
def test_interval_is_not_extended_beyond_what_is_due_next(due_s: float | None, extends: bool) -> None:
    assert may_extend(due_s, 1.0) is extends


async def test_listener_knows_whether_it_hears_notifications(db: Database) -> None:
    """Only a notification shows it: a pooler accepts LISTEN and passes none on."""
    listener = Listener(db)
    assert not listener.hears
    await listener.start()
    try:
        assert listener.hears
        heard = asyncio.Event()
        listener.report_activity(heard.set)
        Notifier(listener).send("whatever")
        async with asyncio.timeout(PATIENCE_S):
            await heard.wait()
        assert listener.connection is not None
        with listener.watch("topic") as watch:
            async with db.acquire() as connection:
                await connection.execute("SELECT pg_terminate_backend($1)", listener.connection.get_server_pid())
            assert await watch.wait(PATIENCE_S)
        assert not listener.hears, "the new connection has received none"
    finally:
        await listener.close()


async def test_notification_rouses_the_polls_of_a_platform(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roused = asyncio.Event()
    monkeypatch.setattr(Polls, "rouse", lambda _: roused.set())
    async with core_harness(database, tmp_path / "home") as core:
        roused.clear()
        core.platform.notify.send("whatever")
        async with asyncio.timeout(PATIENCE_S):
            await roused.wait()
        assert core.platform.polls._is_notified()


@pytest.mark.parametrize(
    ("daemon", "extends"),
    [(timers.run, True), (messages.run, True), (scheduler.run, True), (timers.run_in_worker, False)],
    ids=["timers", "messages", "schedules", "timers of a worker"],
)
async def test_servers_poll_less_often_while_idle(
    daemon: Daemon, extends: bool, database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interval of a worker is the longer one already."""
    asked: asyncio.Queue[tuple[float, bool]] = asyncio.Queue()

    def turn(seconds: float, *, extend: bool = False) -> Any:
        asked.put_nowait((seconds, extend))
        return Polls(core.platform.db).turn(seconds)

    async with core_harness(database, tmp_path / "home") as core:
        monkeypatch.setattr(core.platform.polls, "turn", turn)
        running = asyncio.ensure_future(daemon(core.platform))
        async with asyncio.timeout(PATIENCE_S):
            found = await asked.get()
            while found[0] == 0.0:
                found = await asked.get()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert found == (2.0 if daemon is timers.run_in_worker else 1.0, extends)
