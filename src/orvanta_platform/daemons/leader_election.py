"""Leader election: one process at a time performs a duty; another takes over when the leader's heartbeat stops.

Leaders are observed like workers: by the observer's own monotonic clock, never by comparing clocks. For a moment two
processes may believe that they lead (one was frozen and has not noticed yet), so each write of a duty must be
idempotent by a unique key or a compare-and-set.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import uuid4

import structlog

from orvanta_platform import clock
from orvanta_platform.db import leaders
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.db.workers import ObservedWorker
from orvanta_platform.queue.failure_detector import Observer
from orvanta_platform.services.platform import Platform

LEASE_S = 5.0
"""Seconds without a heartbeat after which another process takes over."""

BEAT_S = 2.0
"""Seconds between two heartbeats. They follow a poll of the process, and may be an eighth late."""

_RENEWAL_SHARE = 0.7
"""Share of the lease without a successful heartbeat after which a leader gives up."""

_CHECK_FACTOR = 0.625
"""Seconds between two checks of an observer, per second between two heartbeats."""

_RETRY_S = 0.25
"""Maximum pause before a failed heartbeat is repeated."""

Duty = Callable[[Platform], Awaitable[None]]

_UNAVAILABLE: tuple[type[Exception], ...] = (*CONNECTION_LOST, *TRANSIENT, TimeoutError)

log = structlog.get_logger(__name__)


async def lead(platform: Platform, name: str, duty: Duty, *, lease_s: float = LEASE_S, beat_s: float = BEAT_S) -> None:
    """Perform `duty` whenever this process leads `name`; otherwise watch the leader. Runs until cancelled."""
    leadership = Leadership(platform, name, lease_s=lease_s, beat_s=beat_s)
    while True:
        try:
            if await leadership.seek():
                await _serve(platform, leadership, duty)
        except _UNAVAILABLE as error:
            log.warning("duty interrupted", action="lead", leader=name, error=repr(error))
        await asyncio.sleep(beat_s * _CHECK_FACTOR * random.uniform(0.8, 1.2))


async def _serve(platform: Platform, leadership: Leadership, duty: Duty) -> None:
    """Perform the duty until the term is over, or might be over unnoticed."""
    task = asyncio.create_task(_run_duty(duty, platform), name=f"duty {leadership.name}")
    beating = asyncio.create_task(leadership.hold(), name=f"leader {leadership.name}")
    try:
        await asyncio.wait((task, beating), return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        beating.cancel()
        try:
            await asyncio.wait((task, beating))
        finally:
            await leadership.resign()
    for each in (task, beating):
        if not each.cancelled() and (error := each.exception()) is not None:
            raise error


async def _run_duty(duty: Duty, platform: Platform) -> None:
    await duty(platform)


class Leadership:
    """Participation of this process in the election of the leader of `name`."""

    def __init__(self, platform: Platform, name: str, *, lease_s: float = LEASE_S, beat_s: float = BEAT_S) -> None:
        self.name = name
        self.holder = uuid4()
        self.term: int | None = None
        self._platform = platform
        self._lease_s = lease_s
        self._beat_s = beat_s
        self._observer = Observer(lease_s, gap_s=max(3 * beat_s * _CHECK_FACTOR, lease_s / 2))

    async def seek(self) -> bool:
        """Check the leader once and return whether this process leads from now on.

        A leader that stopped because it could not send heartbeats while the database was unavailable need not wait for
        its own lease.
        """
        async with self._platform.db.acquire() as connection:
            seen = await leaders.observe(connection, self.name)
            if seen is None:
                self.term = await leaders.claim(connection, self.name, self.holder)
            elif seen.resigned or seen.holder == self.holder or self._is_expired(seen):
                self.term = await leaders.take_over(connection, self.name, self.holder, seen)
        if self.term is not None:
            log.info("leading", action="lead", leader=self.name, term=self.term)
        return self.term is not None

    async def beat(self) -> bool:
        """Send one heartbeat. Returns False if another process leads."""
        assert self.term is not None
        async with self._platform.db.acquire() as connection:
            return await leaders.beat(connection, self.name, self.holder, self.term)

    async def hold(self) -> None:
        """Send heartbeats until the term is over, or until they have failed for so long that it may be over.

        A heartbeat counts from before it was sent: observers may have seen it long before its answer arrived.
        """
        sent_at = clock.monotonic()
        while (left_s := sent_at + self._lease_s * _RENEWAL_SHARE - clock.monotonic()) > 0:
            now = clock.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    if not await self.beat():
                        break
            except _UNAVAILABLE as error:
                log.info("heartbeat failed", action="beat", leader=self.name, error=repr(error))
                await asyncio.sleep(min(_RETRY_S, self._beat_s))
                continue
            sent_at = now
            await self._platform.polls.rest(1.125 * self._beat_s, after_s=0.75 * self._beat_s)
        log.warning("leadership ended", action="lead", leader=self.name, term=self.term)

    async def resign(self) -> None:
        """End the term of this process, if the database is available."""
        term, self.term = self.term, None
        if term is None:
            return
        with suppress(*_UNAVAILABLE):
            async with asyncio.timeout(self._beat_s), self._platform.db.acquire() as connection:
                await leaders.resign(connection, self.name, self.holder, term)

    def _is_expired(self, seen: leaders.Leader) -> bool:
        as_worker = ObservedWorker(seen.holder, seen.term, seen.beat, "live")
        return bool(self._observer.scan([as_worker], clock.monotonic()))
