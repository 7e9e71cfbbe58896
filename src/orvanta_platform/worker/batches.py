"""Jobs that need no process, many at a time: claimed, answered and written in batches, beside the slots."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

import structlog

from orvanta_platform import clock
from orvanta_platform.db.jobs import Claimed
from orvanta_platform.db.steps import StepWrite, write_steps
from orvanta_platform.engine.plan import Kind
from orvanta_platform.engine.state import ENGINE_VERSION
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.committer import MAX_BYTES
from orvanta_platform.orchestrator.job_completion import (
    advance_caller,
    claim_next,
    claimed_of,
    notify_step,
    write_without_io,
)
from orvanta_platform.orchestrator.scope import read_previous
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.claiming import CANNOT_CLAIM, keeps_run
from orvanta_platform.worker.lease import Lease

MOST = 200
"""Jobs of one batch: what a worker holds of the queue without a slot."""

AT_ONCE = 3
"""Batches under way: while the database writes one, the next is decided."""

log = structlog.get_logger(__name__)

Run = Callable[[Claimed], Awaitable[None]]
"""Runs one job by itself, to the end of it and of what it is handed on to."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A job with the write that ends it, and the next job of its run where that is of the same kind."""

    job: Claimed
    write: StepWrite
    following: Claimed | None


class Batches:
    """Serves the queue of native jobs. What a batch cannot take (large, to be asked, stale) runs by itself."""

    def __init__(
        self, platform: Platform, lease: Lease, claimer: Claimer, alone: Run, doubtful: Callable[[], None]
    ) -> None:
        """`alone` runs one job by itself; `doubtful` is called when a claim got no answer and may have taken jobs."""
        self._platform = platform
        self._lease = lease
        self._claimer = claimer
        self._alone = alone
        self.doubtful = doubtful
        self._held: dict[UUID, UUID] = {}
        self.jobs_executed = 0

    @property
    def held(self) -> dict[UUID, UUID]:
        """The jobs that are under way, each with its run."""
        return self._held

    async def serve(self, wait: Callable[[], Awaitable[object]], draining: asyncio.Event) -> None:
        """Work until drained; `wait` returns when there may be something to claim."""
        under_way: set[asyncio.Task[None]] = set()
        while not draining.is_set():
            jobs = await self._claim() if self._lease.may_claim else []
            if jobs:
                more_waits = len(jobs) >= MOST
                under_way.add(asyncio.create_task(self._run(jobs, more_waits), name="batch"))
                if len(under_way) >= AT_ONCE:
                    _, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            else:
                await wait()
        if under_way:
            await asyncio.wait(under_way)

    async def _claim(self) -> list[Claimed]:
        try:
            async with self._platform.db.acquire() as connection:
                found = await self._claimer.claim(connection, MOST)
        except CANNOT_CLAIM as error:
            log.warning("cannot claim", action="claim", error=str(error))
            self.doubtful()
            return []
        self._held |= {job.id: job.run.id for job in found}
        return found

    async def _run(self, jobs: list[Claimed], more_waits: bool) -> None:
        """Run these jobs, and those of their runs that follow."""
        rounds, began = 0, clock.monotonic()
        while jobs:
            rounds += 1
            jobs = await self._round(jobs, keeps_run(more_waits, rounds, began))

    async def _round(self, jobs: list[Claimed], hand_off: bool) -> list[Claimed]:
        """One batch; gives the jobs that follow."""
        ready, rest = await self._ready(jobs, hand_off)
        written: set[int] = set()
        if ready:
            with suppress(Exception):  # whatever it is, each job is told of by itself then
                async with self._platform.db.acquire() as connection:
                    written = await write_steps(connection, [one.write for one in ready])
        following: list[Claimed] = []
        for place, one in enumerate(ready):
            if place not in written:
                rest.append(one.job)
                continue
            del self._held[one.job.id]
            self.jobs_executed += 1
            self._platform.tools.recent.put_rows(one.write.values)
            notify_step(self._platform.tools, one.write)
            await advance_caller(self._platform.tools, one.job, one.write)
            if one.following is not None:
                self._held[one.following.id] = one.following.run.id
                following.append(one.following)
        await asyncio.gather(*(self._by_itself(job) for job in rest))
        return following

    async def _by_itself(self, job: Claimed) -> None:
        try:
            await self._alone(job)
        finally:
            self._held.pop(job.id, None)

    async def _ready(self, jobs: list[Claimed], hand_off: bool) -> tuple[list[_Ready], list[Claimed]]:
        """The jobs whose ends can be written at once, and the others."""
        ready: list[_Ready] = []
        rest: list[Claimed] = []
        runs: set[UUID] = set()
        size = 0
        known = [(job, blueprint) for job in jobs if (blueprint := self._plain(job)) is not None]
        raws = await self._previous(known)
        found = {job.id: (blueprint, raw) for (job, blueprint), raw in zip(known, raws, strict=True)}
        for job in jobs:
            one = self._one(job, *found[job.id], hand_off) if job.id in found and job.run.id not in runs else None
            if one is None or size > MAX_BYTES:
                rest.append(job)
                continue
            size += one.write.size
            runs.add(job.run.id)
            ready.append(one)
        return ready, rest

    def _plain(self, job: Claimed) -> Blueprint | None:
        blueprint = self._platform.blueprints.get_cached(job.run)
        if blueprint is None or job.frame is not None or job.run.engine_version > ENGINE_VERSION:
            return None
        return blueprint if blueprint.plan.node(job.node_index).kind is Kind.IDENTITY else None

    async def _previous(self, known: list[tuple[Claimed, Blueprint]]) -> list[bytes | None]:
        """What each job passes on, in one query; None where it is not to be had so."""
        reader = self._platform.tools.reader
        try:
            places = [(blueprint.plan, job.run, job.node_index) for job, blueprint in known]
            return [*await read_previous(places, reader.load)]
        except Exception as error:
            log.info("batch is run one by one", action="batch_read", error=str(error))
            return [None] * len(known)

    def _one(self, job: Claimed, blueprint: Blueprint, raw: bytes | None, hand_off: bool) -> _Ready | None:
        if raw is None or len(raw) >= values.COMPRESS_FROM:
            return None
        finish = Finish(
            job=job.id,
            node=job.node_index,
            attempt=job.attempt,
            worker=self._lease.worker,
            generation=self._lease.generation,
            raw=raw,
            value=values.inline(job.id, "result", raw),
            ran_s=0.0,
        )
        write = write_without_io(job, blueprint, finish)
        if write is None:
            return None
        write, given = claim_next(write, job, finish) if hand_off else (write, None)
        return _Ready(job, write, claimed_of(job, write, given) if given else None)
