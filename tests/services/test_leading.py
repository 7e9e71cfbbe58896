"""Leader election: there is one leader at a time; an observer measures missing heartbeats with its own clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.conftest import TestDatabase

from orvanta_platform import clock
from orvanta_platform.daemons import leader_duties, supervision
from orvanta_platform.daemons.leader_election import LEASE_S, Leadership, lead
from orvanta_platform.db import leaders
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings


class Hours:
    """A monotonic clock controlled by the test."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> Hours:
    made = Hours()
    monkeypatch.setattr(clock, "monotonic", made)
    return made


@pytest.fixture
async def platform(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Platform]:
    made = await open_platform(Settings(home=tmp_path, database_url=database.app_url))
    yield made
    await made.close()


def candidate(platform: Platform) -> Leadership:
    return Leadership(platform, "duty")


async def watch(observer: Leadership, hours: Hours, seconds: int) -> list[bool]:
    """Let the observer try to become the leader once per second; return the results."""
    found = []
    for _ in range(seconds):
        hours.now += 1
        found.append(await observer.seek())
    return found


async def test_first_candidate_leads_while_its_heartbeat_continues(platform: Platform, hours: Hours) -> None:
    first, second = candidate(platform), candidate(platform)
    assert await first.seek() and first.term == 1
    for _ in range(20):
        hours.now += 1
        assert await first.beat()
        assert not await second.seek()


async def test_leader_without_heartbeat_is_replaced_after_the_lease(platform: Platform, hours: Hours) -> None:
    first, second = candidate(platform), candidate(platform)
    await first.seek()
    await second.seek()
    assert await watch(second, hours, int(LEASE_S)) == [False] * (int(LEASE_S) - 1) + [True]
    assert second.term == 2
    assert not await first.beat(), "its term is over, and it hears so"
    assert await second.beat()


async def test_leader_resumes_after_missed_heartbeats(platform: Platform, hours: Hours) -> None:
    first, second = candidate(platform), candidate(platform)
    await first.seek()
    await second.seek()
    first.term = None
    assert await first.seek() and first.term == 2
    hours.now += 1
    assert not await second.seek()


async def test_suspended_observer_restarts_its_observation(platform: Platform, hours: Hours) -> None:
    """After the observer was suspended, or the database restarted, every heartbeat appears to have stopped."""
    first, second = candidate(platform), candidate(platform)
    await first.seek()
    await second.seek()
    hours.now += 3600
    assert not await second.seek()
    assert (await watch(second, hours, int(LEASE_S)))[-1] is True


async def test_one_of_many_observers_takes_over(platform: Platform, hours: Hours) -> None:
    await candidate(platform).seek()
    observers = [candidate(platform) for _ in range(5)]
    for _ in range(int(LEASE_S)):
        for each in observers:
            await each.seek()
        hours.now += 1
    assert sum(await asyncio.gather(*(each.seek() for each in observers))) == 1


async def test_leader_that_stops_is_replaced_immediately(platform: Platform, hours: Hours) -> None:
    first, second = candidate(platform), candidate(platform)
    await first.seek()
    await first.resign()
    assert await second.seek() and second.term == 2
    await first.resign()
    assert await second.beat(), "who resigns twice takes nothing from others"


async def test_leader_stops_after_a_heartbeat_that_took_as_long_as_its_lease(
    platform: Platform, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the answer arrives, others may have observed the heartbeat for the whole lease."""
    leader = Leadership(platform, "duty", beat_s=0)
    await leader.seek()
    beat, sent = leader.beat, list[bool]()

    async def beat_slowly() -> bool:
        sent.append(await beat())
        hours.now += LEASE_S
        return len(sent) == 1

    monkeypatch.setattr(leader, "beat", beat_slowly)
    await leader.hold()
    assert sent == [True]


async def test_leader_repeats_failed_heartbeats_before_it_gives_up(
    platform: Platform, hours: Hours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leads on after an outage of a second, and gives up before its lease is over."""
    leader = Leadership(platform, "duty")
    await leader.seek()
    beat, began = leader.beat, hours.now
    answers, failing_until = list[bool](), began + 1

    async def fail_at_first() -> bool:
        if hours.now < failing_until:
            raise ConnectionError
        answers.append(await beat())
        return len(answers) < 2 and answers[-1]

    async def pass_time(seconds: float, **_: float) -> None:
        hours.now += seconds

    monkeypatch.setattr(leader, "beat", fail_at_first)
    monkeypatch.setattr(asyncio, "sleep", pass_time)
    monkeypatch.setattr(platform.polls, "rest", pass_time)
    await leader.hold()
    assert answers == [True, True]
    failing_until = float("inf")
    began = hours.now
    await leader.hold()
    assert hours.now - began < LEASE_S


async def test_heartbeats_of_leaders_commit_asynchronously(platform: Platform, hours: Hours) -> None:
    leader = candidate(platform)
    assert await leader.seek() and leader.term is not None
    async with platform.db.acquire() as connection:
        async with connection.transaction():
            assert await leaders.beat(connection, "duty", leader.holder, leader.term)
            assert await connection.fetchval("SHOW synchronous_commit") == "off"
        assert await connection.fetchval("SHOW synchronous_commit") == "on"


@asynccontextmanager
async def running(work: asyncio.Task[None]) -> AsyncIterator[asyncio.Task[None]]:
    try:
        yield work
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def test_duty_runs_on_one_leader_and_continues_on_the_next(platform: Platform) -> None:
    began: asyncio.Queue[str] = asyncio.Queue()
    doing: set[str] = set()

    async def serve(name: str) -> None:
        async def duty(_: Platform) -> None:
            assert not doing
            doing.add(name)
            try:
                began.put_nowait(name)
                await asyncio.Event().wait()
            finally:
                doing.remove(name)

        await lead(platform, "duty", duty, beat_s=0.01)

    async with running(asyncio.create_task(serve("a"))) as first:
        assert await began.get() == "a"
        async with running(asyncio.create_task(serve("b"))):
            first.cancel()
            assert await began.get() == "b"
            assert doing == {"b"}


async def test_leader_stops_its_duty_after_losing_the_lead(platform: Platform) -> None:
    began, stopped = asyncio.Event(), asyncio.Event()

    async def duty(_: Platform) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with running(asyncio.create_task(lead(platform, "duty", duty, beat_s=0.01))):
        await began.wait()
        async with platform.db.acquire() as connection:
            await connection.execute("UPDATE leader SET term = term + 1, holder = gen_random_uuid()")
        await stopped.wait()


async def test_failing_duty_is_logged_and_releases_the_lead(platform: Platform, hours: Hours) -> None:
    async def duty(_: Platform) -> None:
        raise ValueError("it broke")

    with pytest.raises(ValueError, match="it broke"):
        await lead(platform, "duty", duty)
    assert await candidate(platform).seek()


async def test_duty_that_fails_is_restarted_and_does_not_stop_the_others(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: asyncio.Queue[int] = asyncio.Queue()
    stopped = asyncio.Event()

    async def failing(_: Platform) -> None:
        attempts.put_nowait(1)
        raise ValueError("it broke")

    async def waiting(_: Platform) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    monkeypatch.setattr(leader_duties, "DUTIES", (failing, waiting))
    monkeypatch.setattr(supervision, "RESTART_S", 0.0)
    async with running(asyncio.create_task(leader_duties.run(platform))), asyncio.timeout(30):
        for _ in range(3):
            await attempts.get()
        assert not stopped.is_set()
        async with platform.db.acquire() as connection:
            assert await connection.fetchval("SELECT array_agg(name || ' ' || term) FROM leader") == ["duties 1"]
    assert stopped.is_set()
