"""The worker's loop: claim as many jobs as slots are free, run them, stop those that are to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import structlog

from orvanta_platform import clock
from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db.jobs import Claimed
from orvanta_platform.db.notify import Watch
from orvanta_platform.engine.events import Err
from orvanta_platform.engine.state import ENGINE_VERSION
from orvanta_platform.orchestrator import recovery, values
from orvanta_platform.orchestrator.attempt_outcome import Finish, SecretsOpened
from orvanta_platform.orchestrator.blueprints import NATIVE_QUEUE, WEBHOOK_QUEUE, Blueprint
from orvanta_platform.orchestrator.committer import Committer
from orvanta_platform.orchestrator.decided_values import error_json
from orvanta_platform.orchestrator.job_completion import Finished, finish_job
from orvanta_platform.orchestrator.recovery import Lost
from orvanta_platform.queue.claim import Claimer, own_queue
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.batches import Batches
from orvanta_platform.worker.calls import Calls
from orvanta_platform.worker.claiming import CANNOT_CLAIM, DATABASE_AWAY, UNTOLD_S, keeps_run, poll
from orvanta_platform.worker.execute import Executor
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.outcome import SandboxLost
from orvanta_platform.worker.runtimes.pool import Runtimes

BEGIN_S = 0.005
"""After a claim that took all it found, this long, or until a notification: what was claimed begins undisturbed."""

LOOK_S = 1.0
"""How often a worker asks whether what it runs is still its own."""

NO_SLOT = -1
"""Of a job that runs no process, and so needs no user of a slot's."""

AGAIN_S = 0.2
"""Pause before the database is asked again for what a job needs, or told of its end."""

DOUBTFUL_LOOKS = 30
"""After a claim that got no answer, so many looks for jobs that it may have taken all the same, also late."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Running:
    """A job in a slot; `slot` None: it needs no process.

    `abandoned`: it is no longer this worker's; its end is nobody's business.
    `finishing`: its end is being written, and with it perhaps the next job of its `run`, already claimed.
    """

    slot: int | None
    run: UUID
    task: asyncio.Task[None] | None = None
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: bool = False
    finishing: bool = False


class Worker:
    """One worker process. `run` returns when `drain` was called and every slot is empty."""

    def __init__(self, platform: Platform, runtimes: Runtimes, lease: Lease) -> None:
        self._platform = platform
        self._lease = lease
        self._executor = Executor(platform, runtimes, lease)
        self._committer = Committer(platform.db)
        queues = platform.settings.queues or None
        self._claimer = Claimer(lease.worker, lease.generation, queues, but=[NATIVE_QUEUE, WEBHOOK_QUEUE])
        self._batches = self._make_batches(queues)
        self._calls = self._make_calls(queues)
        self._topics = [f"queue:{name}" for name in (*queues, own_queue(lease.worker))] if queues else ["queues"]
        self._free = list(range(platform.settings.slots))
        self._running: dict[UUID, _Running] = {}
        self._draining = asyncio.Event()
        self._watches: set[Watch] = set()
        self._slot_freed = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._doubtful_looks = 0
        self._lost: dict[UUID, Lost] = {}
        self._more_waits = False
        self._executed = 0

    def _make_batches(self, queues: Collection[str] | None) -> Batches | None:
        if queues is not None and NATIVE_QUEUE not in queues:
            return None
        claimer = Claimer(self._lease.worker, self._lease.generation, [NATIVE_QUEUE], pinned=False)
        return Batches(self._platform, self._lease, claimer, self._alone, self._doubt)

    def _make_calls(self, queues: Collection[str] | None) -> Calls | None:
        if queues is not None and WEBHOOK_QUEUE not in queues:
            return None
        claimer = Claimer(self._lease.worker, self._lease.generation, [WEBHOOK_QUEUE], pinned=False)
        return Calls(self._platform, self._lease, claimer, self._alone, self._doubt)

    @property
    def jobs_executed(self) -> int:
        """Jobs that this worker has run to their ends."""
        return self._executed + (self._batches.jobs_executed if self._batches else 0)

    def drain(self) -> None:
        """Claim nothing more; jobs that run go on to their end."""
        self._draining.set()
        self._slot_freed.set()
        for watch in self._watches:
            watch.set()

    async def run(self) -> None:
        """Work until drained."""
        self._committer.start()
        looking = asyncio.create_task(self._look(), name="worker look")
        polling = asyncio.create_task(poll(self._platform), name="worker poll")
        try:
            await asyncio.gather(self._claim_until_drained(), self._serve_batches(), self._serve_calls())
            while self._running:
                tasks = [running.task for running in self._running.values() if running.task is not None]
                await asyncio.wait(tasks)
        finally:
            for task in (looking, polling):
                task.cancel()
            await asyncio.gather(looking, polling, return_exceptions=True)
            await self._committer.close()
            await self._executor.shared.close()

    async def _claim_until_drained(self) -> None:
        told = True
        with self._wakeups(*self._topics) as watch:
            while not self._draining.is_set():
                self._slot_freed.clear()
                if not self._free:
                    await self._slot_freed.wait()
                elif self._lease.may_claim and await self._claim(told):
                    told = await watch.wait(BEGIN_S)
                elif self._free:
                    told = await watch.wait(UNTOLD_S)

    async def _serve_batches(self) -> None:
        if self._batches is None:
            return
        with self._wakeups(f"queue:{NATIVE_QUEUE}") as watch:
            await self._batches.serve(lambda: watch.wait(UNTOLD_S), self._draining)

    async def _serve_calls(self) -> None:
        if self._calls is None:
            return
        with self._wakeups(f"queue:{WEBHOOK_QUEUE}") as watch:
            await self._calls.serve(lambda: watch.wait(UNTOLD_S), self._draining)

    @contextmanager
    def _wakeups(self, *topics: str) -> Iterator[Watch]:
        """What hears of the topics, and of the drain."""
        with self._platform.listen.watch(*topics) as watch:
            self._watches.add(watch)
            try:
                yield watch
            finally:
                self._watches.discard(watch)

    async def _claim(self, told: bool) -> bool:
        """Fill the free slots; True where there may be more to claim at once."""
        free = len(self._free)
        async with self._claiming:
            try:
                async with self._platform.db.acquire() as connection:
                    found = await self._claimer.claim(connection, free, notified=told)
            except CANNOT_CLAIM as error:
                log.warning("cannot claim", action="claim", error=str(error))
                self._doubt()
                return False
            for job in found:
                self._start(job)
        self._more_waits = len(found) >= free
        return bool(found) and bool(self._free)

    def _doubt(self) -> None:
        """A claim got no answer: it may have taken jobs that nobody here knows of."""
        self._doubtful_looks = DOUBTFUL_LOOKS

    async def _alone(self, job: Claimed) -> None:
        """Run a job that no batch can take."""
        running = self._running[job.id] = _Running(None, job.run.id)
        await self._slot(job, running)

    def _start(self, job: Claimed) -> None:
        running = _Running(self._free.pop(), job.run.id)
        self._running[job.id] = running
        running.task = asyncio.create_task(self._slot(job, running), name=f"slot {running.slot}")

    async def _slot(self, job: Claimed, running: _Running) -> None:
        following: Claimed | None = job
        steps, began = 0, clock.monotonic()
        current = job
        try:
            while following is not None:
                current = following
                steps += 1
                hand_off = keeps_run(self._more_waits, steps, began)
                following = await self._one(current, running, hand_off)
                if following is not None:
                    del self._running[current.id]
                    running.cancelled = asyncio.Event()
                    self._running[following.id] = running
                    current = following
        except Exception as error:
            lost = isinstance(error, SandboxLost)
            log.error("slot failed", action="slot", job=str(current.id), sandbox_lost=lost, exc_info=not lost)
            self._lost[current.id] = Lost(current.id, current.run.id, current.attempt)
        finally:
            self._running.pop(current.id, None)
            if running.slot is not None:
                self._free.append(running.slot)
                self._slot_freed.set()

    async def _one(self, job: Claimed, running: _Running, hand_off: bool) -> Claimed | None:
        """Run one job and record its end; gives the next one of its run, where it was handed off."""
        if job.run.engine_version > ENGINE_VERSION:
            await self._give_back(job)
            return None
        executed = await self._execute(job, running)
        if executed is None or running.abandoned:
            return None
        self._executed += 1
        running.finishing = True
        hand_off = hand_off and not self._draining.is_set() and self._lease.may_claim
        try:
            done = await self._record(job, *executed, hand_off)
            if done.recorded:
                await self._executor.keep(job, executed[1])
        finally:
            running.finishing = False
            self._executor.recorded(job.id)
        if not done.recorded:
            log.info("the job is no longer this worker's", action="finish_stale", job=str(job.id))
        return done.following

    async def _execute(self, job: Claimed, running: _Running) -> tuple[Blueprint, Finish] | None:
        """Run the job; None where it was taken away before the database let it begin.

        Without beats it does not begin either: it may be somebody else's by now.
        """
        while not running.abandoned:
            if not self._lease.may_start:
                await asyncio.sleep(AGAIN_S)
                continue
            try:
                blueprint = await self._blueprint(job)
                slot = running.slot if running.slot is not None else NO_SLOT
                return blueprint, await self._executor.execute(job, blueprint, slot, running.cancelled)
            except DATABASE_AWAY as error:
                log.info("job waits for the database", action="execute_retry", job=str(job.id), error=str(error))
                await asyncio.sleep(AGAIN_S)
        return None

    async def _blueprint(self, job: Claimed) -> Blueprint:
        blueprints = self._platform.blueprints
        blueprint = blueprints.get_cached(job.run)
        if blueprint is None:
            async with self._platform.db.acquire() as connection:
                blueprint = await blueprints.of(connection, job.run)
        return blueprint

    async def _record(self, job: Claimed, blueprint: Blueprint, finish: Finish, hand_off: bool) -> Finished:
        """Tell the end until the database has taken it, or says that the job is not ours.

        A step that cannot be made, or that the database takes in no form, becomes the job's failure: its code has
        run, and must not for that run again. Raises where that cannot be recorded either.
        """
        refused = False
        while True:
            try:
                return await finish_job(
                    self._platform.tools, self._committer, job, blueprint, finish, hand_off=hand_off
                )
            except SecretsOpened:
                hidden = await self._mask_again(job, finish)
                finish = hidden if hidden is not None else finish
            except DATABASE_AWAY as error:
                log.info("finish is tried again", action="finish_retry", job=str(job.id), error=str(error))
                await asyncio.sleep(AGAIN_S)
            except Exception as error:
                if refused:
                    raise
                finish, hand_off, refused = self._refused(job, finish, error), False, True

    async def _mask_again(self, job: Claimed, finish: Finish) -> Finish | None:
        """None: the database is away."""
        try:
            return await self._executor.mask_again(job, finish)
        except DATABASE_AWAY as error:
            log.info("masking is tried again", action="mask_retry", job=str(job.id), error=str(error))
            await asyncio.sleep(AGAIN_S)
            return None

    def _refused(self, job: Claimed, finish: Finish, error: Exception) -> Finish:
        """This step is made in no form: the job fails with the reason, its neighbours went on."""
        by_database = isinstance(error, asyncpg.PostgresError)
        said = error.args[0] if by_database else str(error)  # PostgreSQL's details quote whole rows
        log.error("step refused", action="step_refused", job=str(job.id), error=said, exc_info=not by_database)
        fault = Err("StepRefused", f"The result could not be recorded: {said}")
        raw = error_json(fault, job.node)
        return Finish(
            job=finish.job,
            node=finish.node,
            attempt=finish.attempt,
            worker=finish.worker,
            generation=finish.generation,
            raw=raw,
            value=values.inline(job.id, "result", raw),
            error=fault,
            retryable=False,
            log_chars=finish.log_chars,
        )

    async def _give_back(self, job: Claimed) -> None:
        async with self._platform.db.acquire() as connection:
            await job_rows.give_back(connection, [job.id], self._lease.worker, self._lease.generation)

    async def _look(self) -> None:
        """Each second, and when told of a cancel: stop what is cancelled, drop what is no longer ours."""
        duties = (self._stop_what_must, self._give_back_lost, self._give_back_unknown, self._executor.shared.look)
        with self._platform.listen.watch("cancel") as watch:
            while True:
                await watch.wait(LOOK_S)
                for duty in duties:
                    try:
                        await duty()
                    except DATABASE_AWAY as error:
                        log.warning("cannot look at running jobs", action="look", error=str(error))
                    except Exception:
                        # A worker that looks no more runs what was cancelled, and keeps what it lost, for ever.
                        log.exception("look failed", action="look")

    async def _stop_what_must(self) -> None:
        asked = dict(self._running)
        if not asked:
            return
        async with self._platform.db.acquire() as connection:
            held = await job_rows.held_jobs(connection, list(asked), self._lease.worker, self._lease.generation)
        for job, running in asked.items():
            if self._running.get(job) is not running or running.finishing:
                continue  # what is written decides by itself whether the job was still ours
            if job not in held:
                running.abandoned = True
                running.cancelled.set()
            elif held[job]:
                running.cancelled.set()

    async def _give_back_lost(self) -> None:
        """Requeue jobs whose slot or sandbox failed, with a loss as for a lost worker, so that none repeats forever."""
        most, lease = self._platform.settings.max_losses, self._lease
        for lost in list(self._lost.values()):
            await recovery.lose(self._platform.tools, [lost], lease.worker, lease.generation, most)
            if self._lost.get(lost.job) is lost:  # its next attempt may be lost by now
                del self._lost[lost.job]

    async def _give_back_unknown(self) -> None:
        """Jobs that are ours in the database and in no slot: a claim took them whose answer was lost."""
        lease = self._lease
        if not self._doubtful_looks:
            return
        async with self._claiming, self._platform.db.acquire() as connection:
            known, finishing = self._known(), self._runs_finishing()
            held = await job_rows.held_by_worker(connection, lease.worker, lease.generation)
            known |= self._known() | set(self._lost)
            finishing |= self._runs_finishing()
            unknown = [job for job, run in held.items() if job not in known and run not in finishing]
            queues = []
            if unknown:
                log.warning("jobs are given back", action="give_back", jobs=len(unknown))
                queues = await job_rows.give_back(connection, unknown, lease.worker, lease.generation)
            # A job of a run that is being stepped may be a hand-off, or one to be given back: the next look tells.
            self._doubtful_looks -= not any(run in finishing for job, run in held.items() if job not in known)
        self._platform.notify.queue(*queues)

    def _known(self) -> set[UUID]:
        return {*self._running, *self._beside()}

    def _runs_finishing(self) -> set[UUID]:
        finishing = {running.run for running in self._running.values() if running.finishing}
        return finishing | set(self._batches.held.values() if self._batches else ())

    def _beside(self) -> dict[UUID, UUID]:
        """The jobs that are under way beside the slots, each with its run."""
        held = dict(self._batches.held) if self._batches else {}
        return held | self._calls.held if self._calls else held
