"""Batches of jobs that need no process: claimed, answered and written together, in addition to the slots."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar
from uuid import UUID

import msgspec
import structlog

from orvanta_platform import clock
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.steps import StepWrite, write_steps
from orvanta_platform.engine.plan import Kind
from orvanta_platform.engine.state import ENGINE_VERSION
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.group_commit import MAX_BYTES
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
from orvanta_platform.worker import attempt_spans
from orvanta_platform.worker.claiming import CANNOT_CLAIM, may_continue_run, measure
from orvanta_platform.worker.lease import Lease

MAX_JOBS = 200
"""Maximum number of jobs in one batch. These jobs occupy no slot."""

MAX_CONCURRENT = 3
"""Maximum number of concurrent batches: while the database writes one, the next is decided."""

log = structlog.get_logger(__name__)

T = TypeVar("T")

Run = Callable[[ClaimedJob], Awaitable[None]]
"""Function that runs one job by itself, and then the jobs of its run that are handed off to this worker."""


class _ReadyStep(msgspec.Struct, frozen=True):
    """A job together with the write that completes it."""

    job: ClaimedJob
    finish: Finish
    write: StepWrite
    following: ClaimedJob | None
    """The next job of the run, if it was handed off to this worker."""


class Batches:
    """Server of the queue of native jobs.

    Jobs that cannot be part of a batch (large results, values that must be read, unknown engine versions) run
    individually.
    """

    def __init__(
        self,
        platform: Platform,
        lease: Lease,
        claimer: Claimer | None,
        run_unslotted: Run,
        on_lost_claim: Callable[[], None],
    ) -> None:
        """Create the server.

        `run_unslotted` runs one job by itself. `on_lost_claim` is called after a claim whose response was lost, as
        the claim may have taken jobs.
        """
        self._platform = platform
        self._lease = lease
        self.claimer: Claimer | None = claimer
        """None: the worker does not serve the queue."""
        self._run_unslotted = run_unslotted
        self._on_lost_claim = on_lost_claim
        self._held: dict[UUID, UUID] = {}
        self.jobs_executed = 0

    @property
    def held(self) -> dict[UUID, UUID]:
        """The jobs in progress, each with the id of its run."""
        return self._held

    async def serve(self, wait: Callable[[], Awaitable[object]], draining: asyncio.Event) -> None:
        """Process jobs until drained; `wait` returns when there may be something to claim."""
        in_progress: set[asyncio.Task[None]] = set()
        while not draining.is_set():
            jobs = await self._claim(self.claimer) if self.claimer and self._lease.may_claim else []
            if jobs:
                more_waits = len(jobs) >= MAX_JOBS
                in_progress.add(asyncio.create_task(self._run(jobs, more_waits), name="batch"))
                if len(in_progress) >= MAX_CONCURRENT:
                    _, in_progress = await asyncio.wait(in_progress, return_when=asyncio.FIRST_COMPLETED)
            else:
                await wait()
        if in_progress:
            await asyncio.wait(in_progress)

    async def _claim(self, claimer: Claimer) -> list[ClaimedJob]:
        try:
            async with self._platform.db.acquire() as connection:
                found = await claimer.claim(connection, MAX_JOBS)
        except CANNOT_CLAIM as error:
            log.warning("cannot claim", action="claim", error=str(error))
            self._on_lost_claim()
            return []
        self._held |= {job.id: job.run.id for job in found}
        self._platform.tools.recent.put_inputs(found)
        return found

    async def _run(self, jobs: list[ClaimedJob], more_waits: bool) -> None:
        """Run these jobs and the jobs of their runs that are handed off.

        After an unexpected error the worker no longer holds the jobs, so that they are requeued as unknown ones.
        """
        rounds, started = 0, clock.monotonic()
        while jobs:
            rounds += 1
            following: list[ClaimedJob] = []
            try:
                await self._round(jobs, may_continue_run(more_waits, rounds, started), following)
            except Exception:
                log.exception("batch failed", action="batch", jobs=len(jobs))
                for job in (*jobs, *following):
                    self._held.pop(job.id, None)
                self._on_lost_claim()
                return
            jobs = following

    async def _round(self, jobs: list[ClaimedJob], hand_off: bool, following: list[ClaimedJob]) -> None:
        """Process one batch and add the jobs that were handed off to `following`."""
        ready, rest = await self._decide(jobs, hand_off)
        written: set[int] = set()
        if ready:
            try:
                async with self._platform.db.acquire() as connection:
                    started = clock.monotonic()
                    written = await write_steps(connection, [step.write for step in ready])
                    self._platform.measurements.steps.observe(clock.monotonic() - started)
            except Exception:
                # The jobs run individually, which reports the error. If only the answer was lost, the worker also holds
                # the jobs that were handed off.
                self._on_lost_claim()
        for index, step in enumerate(ready):
            if index not in written:
                rest.append(step.job)
                continue
            del self._held[step.job.id]
            self.jobs_executed += 1
            self._lease.record.jobs_executed += 1
            measure(self._platform.measurements, step.job, step.finish, 0.0)
            if self._platform.spans is not None:
                attempt_spans.add(self._platform.spans, step.job, step.finish, 0.0)
            self._platform.tools.recent.put_rows(step.write.values)
            notify_step(self._platform.tools, step.write, awaited=step.job.run.awaited)
            await advance_caller(self._platform.tools, step.job, step.write)
            if step.following is not None:
                self._held[step.following.id] = step.following.run.id
                following.append(step.following)
        await asyncio.gather(*(self._run_individually(job) for job in rest))

    async def _run_individually(self, job: ClaimedJob) -> None:
        try:
            await self._run_unslotted(job)
        finally:
            self._held.pop(job.id, None)

    async def _decide(self, jobs: list[ClaimedJob], hand_off: bool) -> tuple[list[_ReadyStep], list[ClaimedJob]]:
        """Return the steps that can be written in one batch, and the jobs that must run individually."""
        ready: list[_ReadyStep] = []
        rest: list[ClaimedJob] = []
        runs: set[UUID] = set()
        size = 0
        blueprints = [(job, _try(job, partial(self._eligible_blueprint, job))) for job in jobs]
        eligible = [(job, blueprint) for job, blueprint in blueprints if blueprint is not None]
        raws = await self._previous_results(eligible)
        found = {job.id: (blueprint, raw) for (job, blueprint), raw in zip(eligible, raws, strict=True)}
        for job in jobs:
            step = None
            if job.id in found and job.run.id not in runs:
                step = _try(job, partial(self._step, job, *found[job.id], hand_off))
            if step is None or size > MAX_BYTES:
                rest.append(job)
                continue
            size += step.write.size
            runs.add(job.run.id)
            ready.append(step)
        return ready, rest

    def _eligible_blueprint(self, job: ClaimedJob) -> Blueprint | None:
        """Return the blueprint of the job's run, or None if the job cannot be part of a batch."""
        blueprint = self._platform.blueprints.get_cached(job.run)
        if blueprint is None or job.frame is not None or job.run.engine_version > ENGINE_VERSION:
            return None
        return blueprint if blueprint.plan.node(job.node_index).kind is Kind.IDENTITY else None

    async def _previous_results(self, eligible: list[tuple[ClaimedJob, Blueprint]]) -> list[bytes | None]:
        """Read the result that each job passes on, in one query; None if it is not available that way."""
        reader = self._platform.tools.reader
        try:
            nodes = [(blueprint.plan, job.run, job.node_index) for job, blueprint in eligible]
            return [*await read_previous(nodes, reader.load)]
        except Exception as error:
            log.info("jobs of the batch run individually", action="batch_read", error=str(error))
            return [None] * len(eligible)

    def _step(self, job: ClaimedJob, blueprint: Blueprint, raw: bytes | None, hand_off: bool) -> _ReadyStep | None:
        if raw is None or len(raw) >= values.COMPRESS_FROM:
            return None
        finish = Finish(
            job=job.id,
            node=job.node_index,
            attempt=job.attempt,
            worker=self._lease.worker,
            generation=self._lease.generation,
            raw=raw,
            value=values.inline_row(job.id, "result", raw),
            ran_s=0.0,
        )
        write = write_without_io(job, blueprint, finish)
        if write is None:
            return None
        write, handed_off = claim_next(write, job, finish) if hand_off else (write, None)
        return _ReadyStep(job, finish, write, claimed_of(job, write, handed_off) if handed_off else None)


def _try(job: ClaimedJob, decide: Callable[[], T | None]) -> T | None:
    """Return the result of `decide`, or None after an error, so that only this job runs individually and reports it."""
    try:
        return decide()
    except Exception:
        log.warning("job runs individually", action="batch_decide", job=str(job.id), exc_info=True)
        return None
