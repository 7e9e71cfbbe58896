"""The worker's main loop: claims jobs for free slots, runs them, and stops those that are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from orvanta_platform import clock
from orvanta_platform.control.queue_rules import QueueRules
from orvanta_platform.control.worker_groups import WorkerGroup
from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db.errors import DatabaseError
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.notify import RECONNECTED, Watch
from orvanta_platform.engine.events import NamedError
from orvanta_platform.engine.state import ENGINE_VERSION
from orvanta_platform.orchestrator import recovery, values
from orvanta_platform.orchestrator.attempt_outcome import Finish, SecretsOpened
from orvanta_platform.orchestrator.blueprints import NATIVE_QUEUE, WEBHOOK_QUEUE, Blueprint
from orvanta_platform.orchestrator.committer import Committer
from orvanta_platform.orchestrator.decided_values import error_json
from orvanta_platform.orchestrator.job_completion import Finished, finish_job
from orvanta_platform.orchestrator.recovery import LostAttempt
from orvanta_platform.queue.claim import Claimer, own_queue
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker import attempt_spans
from orvanta_platform.worker.batches import Batches
from orvanta_platform.worker.calls import Calls
from orvanta_platform.worker.claiming import CANNOT_CLAIM, DATABASE_AWAY, JobPolls, may_continue_run, measure
from orvanta_platform.worker.execute import Executor
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.lending import Lending, Slots
from orvanta_platform.worker.outcome import SandboxLost
from orvanta_platform.worker.runtimes.cells import SandboxUnavailable
from orvanta_platform.worker.runtimes.pool import Runtimes

START_GRACE_S = 0.005
"""Pause after a claim that took all waiting jobs, so that they start undisturbed. A notification ends it."""

WATCH_S = 1.0
"""Interval, in seconds, at which the worker checks that its running jobs still belong to it."""

NO_SLOT = -1
"""Slot number of a job that runs no process and so needs no user id of a slot."""

RETRY_S = 0.2
"""Pause before a database operation of a job is retried."""

LOST_CLAIM_CHECKS = 30
"""Number of checks for unknown jobs after a claim whose response was lost. The claim may take effect late."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Running:
    """A job in progress."""

    slot: int | None
    """The slot, or None if the job needs no process."""

    run: UUID
    task: asyncio.Task[None] | None = None
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: bool = False
    """True if the job no longer belongs to this worker; its result is discarded."""

    finishing: bool = False
    """True if its result is being written, possibly together with the claim of the next job of `run`."""


class Worker:
    """One worker process. `run` returns when `drain` was called and all slots are empty."""

    def __init__(self, platform: Platform, runtimes: Runtimes, lease: Lease) -> None:
        self._platform = platform
        self._lease = lease
        self._runtimes = runtimes
        self._executor = Executor(platform, runtimes, lease)
        self._committer = Committer(platform.db)
        self._polls = JobPolls(platform)
        self._batches = Batches(platform, lease, None, self._run_unslotted, self._suspect_lost_claim)
        self._calls = Calls(platform, lease, None, self._run_unslotted, self._suspect_lost_claim)
        self._slots = platform.settings.slots
        self._free = list(range(self._slots))
        self._executor.queues = platform.settings.queues or None
        lendable = Slots(
            free=lambda: len(self._free),
            nothing_waits=self._is_queue_empty,
            may_claim=lambda: lease.may_claim and not self._draining.is_set(),
            known=self._known_or_lost_jobs,
            start=self._start_assigned,
        )
        self._lending = Lending(platform, lease, lendable)
        self._claim_watch: Watch | None = None
        self._nothing_waits = False
        self._serve(self._executor.queues, {})
        self._running: dict[UUID, _Running] = {}
        self._draining = asyncio.Event()
        self._watches: set[Watch] = set()
        self._slot_freed = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._lost_claim_checks = 0
        self._lost: dict[UUID, LostAttempt] = {}
        self._has_jobs = asyncio.Event()
        self._more_waits = False
        self._executed = 0
        platform.measurements.slots = self._count_slots
        platform.measurements.unready = self._unready

    async def configure(self, group: WorkerGroup, isolation: str) -> tuple[list[str] | None, int]:
        """Apply the settings of the worker's group; return the queues (None: all) and the number of slots.

        Running jobs continue. If there are fewer slots than before, those in use are given up as their jobs end.
        """
        settings = self._platform.settings
        queues = group.worker_tags or settings.queues or None
        async with self._claiming:
            self._lending.withdraw()
            self._lease.excluded = await self._exclusion(group, isolation)
            self._executor.variables, self._executor.queues = group.env_vars_static, queues
            self._slots = group.slots or settings.slots
            used = {running.slot for running in self._running.values()}
            self._free = [slot for slot in range(self._slots) if slot not in used]
            self._serve(queues, group.priority_tags, calls=group.network != "none")
        self._slot_freed.set()
        for watch in self._watches:
            watch.set()
        return None if queues is None else list(queues), self._slots

    def follow_queue_rules(self, rules: QueueRules) -> None:
        """Refuse the jobs of workspaces that may not use their queue by these rules from now on."""
        self._executor.queue_rules = rules

    async def _exclusion(self, group: WorkerGroup, isolation: str) -> str | None:
        """Apply the network of the group; return the reason for which this worker may claim no jobs, None if it may."""
        try:
            await self._runtimes.set_offline(group.network == "none")
        except SandboxUnavailable as error:
            return f"The group of the worker requires jobs without network, which is impossible here: {error.message}."
        return None if group.allows(isolation) else "The group of the worker requires a stronger isolation level."

    def _serve(self, queues: Collection[str] | None, first: Mapping[str, int], *, calls: bool = True) -> None:
        """Claim jobs of these queues (None: all) from now on, those of `first` before others.

        `calls`: also those of webhook nodes, if the queues include them.
        """
        worker, generation = self._lease.worker, self._lease.generation
        self._lending.queues, self._nothing_waits = queues, False
        self._claimer = Claimer(worker, generation, queues, but=[NATIVE_QUEUE, WEBHOOK_QUEUE], first=first)
        for part, queue in ((self._batches, NATIVE_QUEUE), (self._calls, WEBHOOK_QUEUE)):
            served = (queues is None or queue in queues) and (calls or part is not self._calls)
            part.claimer = Claimer(worker, generation, [queue], pinned=False) if served else None
        self._topics = [f"queue:{name}" for name in (*queues, own_queue(worker))] if queues else ["queues"]

    @property
    def jobs_executed(self) -> int:
        """Number of jobs that this worker has completed."""
        return self._executed + self._batches.jobs_executed

    def _count_slots(self) -> tuple[int, int]:
        """Return the numbers of used and free slots."""
        return sum(running.slot is not None for running in self._running.values()), len(self._free)

    def _unready(self) -> str | None:
        """Return the reason for which this worker claims no jobs; None if it does."""
        if self._draining.is_set() or self._lease.record.drained:
            return "The worker is drained."
        if self._lease.excluded is not None:
            return self._lease.excluded
        return None if self._lease.may_claim else "The heartbeats of the worker are not recorded."

    def drain(self) -> None:
        """Stop claiming jobs. Running jobs continue until they are finished."""
        self._draining.set()
        self._slot_freed.set()
        for watch in self._watches:
            watch.set()

    async def run(self) -> None:
        """Work until drained."""
        aside = (
            asyncio.create_task(self._watch_running(), name="worker watch"),
            asyncio.create_task(self._polls.run(), name="worker poll"),
            asyncio.create_task(self._check_after_reconnects(), name="worker reconnects"),
            asyncio.create_task(self._serve_assigned(), name="worker loan"),
        )
        try:
            await asyncio.gather(self._claim_until_drained(), self._serve_batches(), self._serve_calls())
            while self._running:
                tasks = [running.task for running in self._running.values() if running.task is not None]
                await asyncio.wait(tasks)
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            await self._committer.close()
            await self._executor.shared.close()

    async def _claim_until_drained(self) -> None:
        while not self._draining.is_set():
            topics = self._topics
            with self._wakeups(*topics) as watch:
                self._claim_watch = watch
                await self._claim_while_served(topics, watch)

    async def _claim_while_served(self, topics: list[str], watch: Watch) -> None:
        """Claim jobs until drained or until the worker serves other queues."""
        notified = True
        while not self._draining.is_set() and self._topics is topics:
            self._slot_freed.clear()
            if not self._free:
                await self._slot_freed.wait()
            elif self._lease.may_claim and await self._claim(notified):
                notified = await self._await_work(watch, watch.wait(START_GRACE_S))
            elif self._free:
                notified = await self._await_work(watch, self._polls.wait(watch))

    async def _await_work(self, watch: Watch, waiting: Awaitable[bool]) -> bool:
        """Wait until work is announced, or until `waiting` ends without an announcement; return whether it was."""
        notified = await waiting
        if notified:
            self._nothing_waits = False
        if watch.message is not None:
            self._lending.ask(watch.message)
            watch.message = None
        return notified

    def _is_queue_empty(self) -> bool:
        """Return whether nothing waits that it could claim: a claim saw it, and nothing was announced since."""
        is_announced = self._claim_watch is None or self._claim_watch.is_set
        return self._nothing_waits and not is_announced

    async def _serve_assigned(self) -> None:
        with self._wakeups(f"assigned:{self._lease.worker}") as watch:
            await self._lending.serve(watch, self._claiming)

    def _start_assigned(self, job: ClaimedJob, is_cancelled: bool) -> bool:
        """Start a job that a server assigned, unless no slot is free or this worker does not serve its queue."""
        if not self._free or not self._claimer.serves(job.queue):
            return False
        running = self._start(job)
        if is_cancelled:
            running.cancelled.set()
        self._more_waits |= not self._free
        return True

    async def _serve_batches(self) -> None:
        with self._wakeups(f"queue:{NATIVE_QUEUE}") as watch:
            await self._batches.serve(lambda: self._polls.wait(watch), self._draining)

    async def _serve_calls(self) -> None:
        with self._wakeups(f"queue:{WEBHOOK_QUEUE}") as watch:
            await self._calls.serve(lambda: self._polls.wait(watch), self._draining)

    @contextmanager
    def _wakeups(self, *topics: str) -> Iterator[Watch]:
        """Return a watch that is set by notifications on the topics and by the drain."""
        with self._platform.listen.watch(*topics) as watch:
            self._watches.add(watch)
            try:
                yield watch
            finally:
                self._watches.discard(watch)

    async def _claim(self, notified: bool) -> bool:
        """Fill the free slots; return whether there may be more to claim immediately."""
        async with self._claiming:
            try:
                async with self._platform.db.acquire() as connection:
                    if self._lending.outstanding:
                        await self._lending.take(connection)
                    free = len(self._free)
                    found = await self._claimer.claim(connection, free, notified=notified) if free else []
            except CANNOT_CLAIM as error:
                log.warning("cannot claim", action="claim", error=str(error))
                self._suspect_lost_claim()
                return False
            self._platform.tools.recent.put_inputs(found)
            for job in found:
                self._start(job)
            self._nothing_waits = free > 0 and self._claimer.saw_nothing
            self._lending.settle()
        self._more_waits = len(found) >= free
        return bool(found) and bool(self._free)

    async def _check_after_reconnects(self) -> None:
        """Check for unknown jobs whenever the listener has connected again.

        A standby that was promoted may have received the claim of a job, but not its end.
        """
        with self._platform.listen.watch(RECONNECTED) as watch:
            while True:
                await watch.wait(None)
                self._suspect_lost_claim()

    def _suspect_lost_claim(self) -> None:
        """Check for unknown jobs: the response of a claim or of a hand-off was lost, and it may have taken some."""
        self._lost_claim_checks = LOST_CLAIM_CHECKS
        self._has_jobs.set()

    async def _run_unslotted(self, job: ClaimedJob) -> None:
        """Run a job outside the slots and outside any batch."""
        running = self._running[job.id] = _Running(None, job.run.id)
        self._has_jobs.set()
        await self._slot(job, running)

    def _start(self, job: ClaimedJob) -> _Running:
        running = _Running(self._free.pop(), job.run.id)
        self._running[job.id] = running
        self._has_jobs.set()
        running.task = asyncio.create_task(self._slot(job, running), name=f"slot {running.slot}")
        return running

    async def _slot(self, job: ClaimedJob, running: _Running) -> None:
        following: ClaimedJob | None = job
        steps, started = 0, clock.monotonic()
        current = job
        structlog.contextvars.bind_contextvars(run=str(job.run.id), workspace=job.run.workspace)
        try:
            while following is not None:
                current = following
                steps += 1
                hand_off = may_continue_run(self._more_waits, steps, started)
                following = await self._run_job(current, running, hand_off)
                if following is not None:
                    del self._running[current.id]
                    running.cancelled = asyncio.Event()
                    self._running[following.id] = running
                    current = following
        except Exception as error:
            lost = isinstance(error, SandboxLost)
            log.error("slot failed", action="slot", job=str(current.id), sandbox_lost=lost, exc_info=not lost)
            self._lost[current.id] = LostAttempt(current.id, current.run.id, current.attempt)
        finally:
            self._running.pop(current.id, None)
            if running.slot is not None and running.slot < self._slots:
                self._free.append(running.slot)
                self._slot_freed.set()
                self._lending.settle(job_ended=True)

    async def _run_job(self, job: ClaimedJob, running: _Running, hand_off: bool) -> ClaimedJob | None:
        """Run one job and record its result; return the next job of its run if it was handed off."""
        if job.run.engine_version > ENGINE_VERSION:
            await self._requeue(job)
            return None
        structlog.contextvars.bind_contextvars(job=str(job.id))
        try:
            return await self._run_attempt(job, running, hand_off)
        finally:
            self._executor.discard(job.id)

    async def _run_attempt(self, job: ClaimedJob, running: _Running, hand_off: bool) -> ClaimedJob | None:
        started = clock.monotonic()
        executed = await self._execute(job, running)
        if executed is None or running.abandoned:
            return None
        self._executed += 1
        self._lease.record.jobs_executed += 1
        measure(self._platform.measurements, job, executed[1], clock.monotonic() - started)
        running.finishing = True
        hand_off = hand_off and not self._draining.is_set() and self._lease.may_claim
        try:
            done = await self._record(job, *executed, hand_off)
            if done.recorded:
                await self._executor.store_for_reuse(job, executed[1])
        finally:
            running.finishing = False
        if done.recorded and self._platform.spans is not None:
            attempt_spans.add(self._platform.spans, job, executed[1], clock.monotonic() - started)
        if done.recorded:
            log.debug("job finished", action="finish", attempt=job.attempt, kind=job.kind)
        else:
            log.info("the job no longer belongs to this worker", action="finish_stale", job=str(job.id))
        return done.following

    async def _execute(self, job: ClaimedJob, running: _Running) -> tuple[Blueprint, Finish] | None:
        """Run the job; return None if it was taken from this worker before it could start.

        Without recent beats the job does not start, as it may belong to another worker by now.
        """
        while not running.abandoned:
            if not self._lease.may_start:
                await asyncio.sleep(RETRY_S)
                continue
            try:
                blueprint = await self._blueprint(job)
                slot = running.slot if running.slot is not None else NO_SLOT
                return blueprint, await self._executor.execute(job, blueprint, slot, running.cancelled)
            except DATABASE_AWAY as error:
                log.info("job waits for the database", action="execute_retry", job=str(job.id), error=str(error))
                await asyncio.sleep(RETRY_S)
        return None

    async def _blueprint(self, job: ClaimedJob) -> Blueprint:
        blueprints = self._platform.blueprints
        blueprint = blueprints.get_cached(job.run)
        if blueprint is None:
            async with self._platform.db.acquire() as connection:
                blueprint = await blueprints.of(connection, job.run)
        return blueprint

    async def _record(self, job: ClaimedJob, blueprint: Blueprint, finish: Finish, hand_off: bool) -> Finished:
        """Write the result until the database accepts it or reports that the job no longer belongs to this worker.

        A step that cannot be decided or that the database rejects becomes a failure of the job: its code has run and
        must not run again for this reason. Raises the error if the failure cannot be recorded either.
        """
        refused = False
        while True:
            try:
                return await finish_job(
                    self._platform.tools, self._committer, job, blueprint, finish, hand_off=hand_off
                )
            except SecretsOpened:
                masked = await self._mask_again(job, finish)
                finish = masked if masked is not None else finish
            except DATABASE_AWAY as error:
                log.info("retrying to finish the job", action="finish_retry", job=str(job.id), error=str(error))
                await asyncio.sleep(RETRY_S)
            except Exception as error:
                if not isinstance(error, DatabaseError):
                    # If the step was written before the error, the worker may hold a job that was handed off to it.
                    self._suspect_lost_claim()
                if refused:
                    raise
                finish, hand_off, refused = self._refused(job, finish, error), False, True

    async def _mask_again(self, job: ClaimedJob, finish: Finish) -> Finish | None:
        """Return the masked finish, or None after a pause if the database is unavailable."""
        try:
            return await self._executor.mask_again(job, finish)
        except DATABASE_AWAY as error:
            log.info("retrying to mask secrets", action="mask_retry", job=str(job.id), error=str(error))
            await asyncio.sleep(RETRY_S)
            return None

    def _refused(self, job: ClaimedJob, finish: Finish, error: Exception) -> Finish:
        """Return a finish that fails the job with the reason for which its step was refused."""
        by_database = isinstance(error, DatabaseError)
        reason = error.args[0] if by_database else str(error)  # PostgreSQL's details quote whole rows
        log.error("step refused", action="step_refused", job=str(job.id), error=reason, exc_info=not by_database)
        fault = NamedError("StepRefused", f"The result could not be recorded: {reason}")
        raw = error_json(fault, job.node)
        return Finish(
            job=finish.job,
            node=finish.node,
            attempt=finish.attempt,
            worker=finish.worker,
            generation=finish.generation,
            raw=raw,
            value=values.inline_row(job.id, "result", raw),
            error=fault,
            retryable=False,
            log_chars=finish.log_chars,
        )

    async def _requeue(self, job: ClaimedJob) -> None:
        async with self._platform.db.acquire() as connection:
            await job_rows.give_back(connection, [job.id], self._lease.worker, self._lease.generation)

    async def _watch_running(self) -> None:
        """Stop cancelled jobs and drop lost ones, every second and after a notification of a cancel.

        The loop rests while there are no jobs.
        """
        duties = (
            self._sync_running,
            self._requeue_lost,
            self._requeue_unknown,
            self._executor.shared.remove_finished,
        )
        with self._platform.listen.watch("cancel") as watch:
            while True:
                if not (self._running or self._lost or self._lost_claim_checks) and self._executor.shared.is_empty:
                    self._has_jobs.clear()
                    await self._has_jobs.wait()
                await watch.wait(WATCH_S)
                for duty in duties:
                    try:
                        await duty()
                    except DATABASE_AWAY as error:
                        log.warning("cannot check running jobs", action="watch", error=str(error))
                    except Exception:
                        # The loop must survive: without it, cancelled jobs run on and lost jobs are never requeued.
                        log.exception("check of running jobs failed", action="watch")

    async def _sync_running(self) -> None:
        """Stop the running jobs that are cancelled or no longer belong to this worker."""
        checked = dict(self._running)
        if not checked:
            return
        async with self._platform.db.acquire() as connection:
            held = await job_rows.filter_held_jobs(
                connection, list(checked), self._lease.worker, self._lease.generation
            )
        for job, running in checked.items():
            if self._running.get(job) is not running or running.finishing:
                continue  # the write itself checks that the job still belongs to this worker
            if job not in held:
                running.abandoned = True
                running.cancelled.set()
            elif held[job]:
                running.cancelled.set()

    async def _requeue_lost(self) -> None:
        """Requeue jobs whose slot or sandbox failed. Each counts one loss, so that none repeats forever."""
        most, lease = self._platform.settings.max_losses, self._lease
        for lost in list(self._lost.values()):
            await recovery.requeue_lost(self._platform.tools, [lost], lease.worker, lease.generation, most)
            if self._lost.get(lost.job) is lost:  # its next attempt may already be lost as well
                del self._lost[lost.job]

    async def _requeue_unknown(self) -> None:
        """Requeue jobs that belong to this worker but are unknown to it, as the response of their claim was lost."""
        lease = self._lease
        if not self._lost_claim_checks:
            return
        async with self._claiming, self._platform.db.acquire() as connection:
            known, finishing = self._known_jobs(), self._runs_finishing()
            held = await job_rows.list_held_by_worker(connection, lease.worker, lease.generation)
            known |= self._known_jobs() | set(self._lost)
            finishing |= self._runs_finishing()
            unknown = [job for job, run in held.items() if job not in known and run not in finishing]
            queues = []
            if unknown:
                log.warning("requeuing unknown jobs", action="give_back", jobs=len(unknown))
                queues = await job_rows.give_back(connection, unknown, lease.worker, lease.generation)
            # An unknown job of a run that is being stepped may be a hand-off or a lost claim: the next check decides.
            self._lost_claim_checks -= not any(run in finishing for job, run in held.items() if job not in known)
        self._platform.notify.queue(*queues)

    def _known_jobs(self) -> set[UUID]:
        return {*self._running, *self._unslotted_jobs()}

    def _known_or_lost_jobs(self) -> set[UUID]:
        return {*self._known_jobs(), *self._lost}

    def _runs_finishing(self) -> set[UUID]:
        finishing = {running.run for running in self._running.values() if running.finishing}
        return finishing | set(self._batches.held.values())

    def _unslotted_jobs(self) -> dict[UUID, UUID]:
        """Return the jobs in progress outside the slots, each with the id of its run."""
        return {**self._batches.held, **self._calls.held}
