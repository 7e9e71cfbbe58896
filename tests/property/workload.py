"""Many random runs on one database, driven by workers that claim and finish jobs, vanish and return at random.

Everything except the user's code is real: claims, steps, reaping, timers and cancellations use the services. The
outcome of a job is determined by its scenario; its result names the attempt, so that a result recorded for the wrong
attempt is detected.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID

from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker
from tests.property.replay import Journal
from tests.unit.engine import oracle
from tests.unit.engine.generate import Scenario, scenario, traits

from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import MARK_STATE, Phase, RunState
from orvanta_platform.engine.states import NODE
from orvanta_platform.errors import InvalidWorkflow, NotFound
from orvanta_platform.orchestrator import inbox, timers
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.view import job_id
from orvanta_platform.services.runs import cancellation
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions

WORKERS = 4
NO_CAP = 1_000
SCRIPT = "f/test/step"
Move = Callable[[], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Tracked:
    """A run, and its state as the workload knows it."""

    id: UUID
    scenario: Scenario
    plan: Plan
    expected: oracle.Expected
    happened: set[str] = field(default_factory=set)
    sent: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    """Recorded result of each job, according to finish_job."""
    cancelled: bool = False
    job_cancelled: bool = False


def limited(chosen: Scenario) -> dict[str, Any]:
    """Add limits to some nodes, and to one in ten documents as a whole; they affect only the timing."""
    rng, value = Random(chosen.seed), chosen.value
    more = {"concurrent_limit": 3, "concurrency_key": "runs"} if rng.random() < 0.1 else {}
    return {**value, **more, "modules": [_limited(rng, module) for module in value["modules"]]}


def _limited(rng: Random, module: dict[str, Any]) -> dict[str, Any]:
    if module["value"]["type"] != "rawscript" or rng.random() > 0.2:
        return module
    window = {"concurrency_time_window_s": 60} if rng.random() < 0.3 else {}
    limit = {"concurrent_limit": 2, "custom_concurrency_key": f"workload {len(window)}"}
    return {**module, "value": {**module["value"], **limit, **window}}


class Workload:
    """Random runs, created by `gather`; `drive` executes them until all have ended."""

    def __init__(self, core: CoreHarness, seed: int, journal: Journal) -> None:
        self.scene = core
        self.rng = Random(seed)
        self.journal = journal
        self.runs: dict[UUID, Tracked] = {}
        self.workers: list[Worker] = []
        self.gone: list[tuple[Worker, ClaimedJob, Finish]] = []
        """Completions that a worker will report after it was fenced and reaped."""
        self.released: set[UUID] = set()
        """Jobs that workers have completed or given back, or are about to."""
        self.refused = 0
        self.moves: Counter[str] = Counter()

    async def gather(self, seeds: list[int]) -> None:
        """Start a run of each scenario that is a valid document. Workers begin and end loans meanwhile."""
        self.workers = [await self.scene.worker() for _ in range(WORKERS)]
        for seed in seeds:
            if self.rng.random() < 0.3:
                self.lend()
            if self.rng.random() < 0.1:
                await self.beat()
            await self.start(scenario(seed, script_path=SCRIPT))
        for worker in self.workers:
            worker.withdraw()  # a later workload would assign jobs to workers that nobody drives any more

    async def start(self, chosen: Scenario) -> None:
        """Start one run, immediately or (3 in 20) scheduled."""
        chosen = replace(chosen, value=limited(chosen))
        later = self.rng.random() < 0.15
        at = await self.scene.row("SELECT CASE WHEN $1 THEN app_now() + interval '1 hour' END", later)
        args, body = b'{"n": 1}', json.dumps(chosen.value).encode()
        options = RunOptions(scheduled_at=at[0])
        try:
            id = await runs.start_flow_preview(self.scene.platform, ACTOR, WORKSPACE, body, None, args, options)
        except InvalidWorkflow:
            self.refused += 1
            return
        made = Tracked(id, chosen, compile_plan(chosen.value), oracle.predict(chosen))
        made.happened |= {"a limit"} if made.plan.gated else set()
        made.happened |= traits(chosen.value) | ({"scheduled"} if later else set())
        self.runs[id] = made

    async def drive(self) -> None:
        """Make several moves concurrently until every run has ended."""
        for _ in range(20_000):
            if not await self.open_runs():
                break
            await asyncio.gather(*(self.guarded(self.choose()) for _ in range(self.rng.randint(1, 10))))
            over = (
                "SELECT p.key FROM permit p JOIN gate g USING (key) GROUP BY p.key, g.places HAVING count(*) > g.places"
            )
            assert await self.scene.rows(over) == [], "more than the limit run"
            await self.check_holders()
        else:
            raise AssertionError(f"runs do not end: {await self.describe_open_runs()}")
        for worker, job, finish in self.gone:
            await self.report_late(worker, job, finish)

    async def check_holders(self) -> None:
        """Check that a worker will complete each running job. One of a cancelled run may wait for an event instead."""
        running = await self.scene.rows(
            "SELECT j.id, j.node, j.run, j.worker, j.attempt, j.assigned_seq IS NOT NULL AS assigned FROM job_live j"
            " JOIN run_live r ON r.id = j.run AND r.cancel_at IS NULL WHERE j.state = 'running'"
        )
        workers = {worker.id: worker.held for worker in self.workers}
        for row in running:
            is_known = row["id"] in workers.get(row["worker"], ())
            may_be_taken = row["assigned"] and row["worker"] in workers and row["id"] not in self.released
            assert is_known or may_be_taken, f"nobody runs the job {dict(row)}"

    async def open_runs(self) -> list[UUID]:
        """Return the live runs."""
        return [row["id"] for row in await self.scene.rows("SELECT id FROM run_live")]

    async def describe_open_runs(self) -> list[str]:
        """Return the live runs with their live jobs, pending events, timers and permits."""
        queries = {
            "jobs": "SELECT id, node, state, attempt, worker, generation FROM job_live WHERE run = $1",
            "events": "SELECT seq, event FROM inbox WHERE run = $1",
            "timers": "SELECT * FROM timer WHERE run = $1",
            "permits": "SELECT * FROM permit WHERE run = $1",
        }
        held = {job: index for index, worker in enumerate(self.workers) for job in worker.held}
        workers = {worker.id: worker.generation for worker in self.workers}
        found = []
        for run in await self.open_runs():
            rows = {name: [dict(row) for row in await self.scene.rows(text, run)] for name, text in queries.items()}
            jobs = {row["id"] for row in rows["jobs"]}
            rows["held"] = [{"job": job, "worker": held.get(job), "released": job in self.released} for job in jobs]
            state = RunState.decode((await self.scene.row("SELECT state FROM run_live WHERE id = $1", run))[0])
            found.append(f"{run} {state.phase} {state.status} {rows}")
        return [f"workers {workers}", *found]

    async def guarded(self, move: tuple[str, Move]) -> None:
        name, act = move
        self.moves[name] += 1
        await act()

    def choose(self) -> tuple[str, Move]:
        """Choose the next move."""
        moves: list[tuple[int, str, Move]] = [
            (30, "claim", self.claim),
            (20, "take assigned", self.take_assigned),
            (1, "beat", self.beat),
            (50, "finish", self.finish),
            (6, "timers", self.fire_timers),
            (2, "crash", self.crash),
            (2, "cancel", self.cancel),
            (2, "cancel left", self.leave_cancel),
            (1, "cancel job", self.cancel_job),
            (2, "sweep", self.sweep),
            (3, "late", self.late),
            (1, "give back", self.give_back),
        ]
        _, name, act = self.rng.choices(moves, [weight for weight, _, _ in moves])[0]
        return name, act

    async def claim(self) -> None:
        """Claim some jobs for a worker and check that they may run."""
        worker = self.rng.choice(self.workers)
        room = 6 - len(worker.held)
        if room <= 0:
            return
        stopped = {run.id for run in self.runs.values() if run.cancelled}
        for job in await worker.claim(self.rng.randint(1, room)):
            assert job.run.id not in stopped, "claimed after a cancel"
            self.check_begin(self.runs[job.run.id], job)

    async def take_assigned(self) -> None:
        """Let a worker take the jobs that were assigned to it when their runs started."""
        for job in await self.rng.choice(self.workers).take_assigned(self.released):
            self.runs[job.run.id].happened.add("assigned")
            self.check_begin(self.runs[job.run.id], job)

    def lend(self) -> None:
        """Let a worker lend slots to the server."""
        self.rng.choice(self.workers).lend(self.rng.randint(1, 10))

    async def beat(self) -> None:
        """Let a worker end its loan. The jobs that it has not taken yet stay assigned to it."""
        await self.rng.choice(self.workers).beat()

    def check_begin(self, run: Tracked, job: ClaimedJob) -> None:
        """Check that no node starts before its edges are taken."""
        state = RunState.decode(job.run.state)
        if job.attempt > job.failures + 1:
            run.happened.add("started again after a crash")
        if job.node_index == len(run.plan.nodes):
            assert state.phase is Phase.FAILURE_MODULE
            return
        node_id = run.plan.node(job.node_index).id
        edges = oracle.needs(run.scenario.value, node_id)
        verdicts = [self.verdict(run, state, *edge) for edge in edges]
        match run.scenario.value["modules"][job.node_index].get("join", "all"):
            case "all":
                assert all(verdict is True for verdict in verdicts), "began before its edges"
            case "settled":
                assert None not in verdicts and (not verdicts or True in verdicts), "began before its edges"
            case _:
                assert not verdicts or True in verdicts, "began before its edges"
        if "failure" in [outcome for _, outcome in edges]:
            run.happened.add("failure edge taken")

    def verdict(self, run: Tracked, state: RunState, source: str, outcome: str) -> bool | None:
        """Return whether an edge is taken according to the scenario, or None if that is still open."""
        if MARK_STATE[state.nodes[run.plan.indexes[source]]] not in NODE.final:
            return None
        return run.job_cancelled or outcome in oracle.OUTCOMES[run.expected.ends[source]]

    async def finish(self) -> None:
        """Complete one job of a worker, sometimes while the worker is being fenced and reaped."""
        worker, job = self.take_job()
        if job is None:
            return
        finish = self.completion(worker, job)
        if self.rng.random() < 0.04 and worker in self.workers:
            self.workers.remove(worker)
            await asyncio.gather(self.report_completion(worker, job, finish), self.replace(worker))
            self.gone.append((worker, job, finish))
            return
        await self.report_completion(worker, job, finish)
        if self.rng.random() < 0.05:
            await self.report_again(worker, job, finish)

    def take_job(self) -> tuple[Worker, ClaimedJob | None]:
        worker = self.rng.choice(self.workers)
        if not worker.held:
            return worker, None
        job = worker.held.pop(self.rng.choice(list(worker.held)))
        self.released.add(job.id)
        return worker, job

    def completion(self, worker: Worker, job: ClaimedJob) -> Finish:
        """Return the completion of the attempt by its scenario; a counted failure leads to another attempt."""
        run = self.runs[job.run.id]
        node = job.node or ""
        if run.cancelled and self.rng.random() < 0.5:
            return worker.report(job, error="Killed", cancelled=True)
        if not run.scenario.succeeds(node, job.failures + 1):
            return worker.report(job, error="Error")
        return worker.report(job, {"node": node, "by": str(worker.id), "attempt": job.attempt})

    async def report_completion(self, worker: Worker, job: ClaimedJob, finish: Finish) -> None:
        run = self.runs[job.run.id]
        done = await worker.submit(job, finish, hand_off=self.rng.random() < 0.5)
        if done.recorded and not finish.cancelled:
            assert job.id not in run.sent or finish.error, "a result was recorded twice"
            if finish.error is None:
                run.sent[job.id] = json.loads(finish.raw)
            else:
                run.happened.add("an attempt failed")
        if done.following is not None:
            run.happened.add("handed off")
            self.check_begin(run, done.following)

    async def report_again(self, worker: Worker, job: ClaimedJob, finish: Finish) -> None:
        """Report the same completion again; it must not be written twice, whatever the response."""
        await worker.submit(job, finish)

    async def report_late(self, worker: Worker, job: ClaimedJob, finish: Finish) -> None:
        """Report a completion by a fenced and reaped worker, which must have no effect."""
        before = await self.of_run(job.run.id)
        await worker.submit(job, finish, hand_off=True)
        assert not worker.held.pop(job.id, None)
        assert before.keys() <= (await self.of_run(job.run.id)).keys()

    async def of_run(self, run: UUID) -> dict[UUID, str]:
        rows = await self.scene.rows("SELECT id, state FROM job WHERE run = $1", run)
        return {row["id"]: row["state"] for row in rows}

    async def late(self) -> None:
        """Report the completion of a job that its fenced and reaped worker no longer holds."""
        if self.gone:
            worker, job, finish = self.gone.pop(self.rng.randrange(len(self.gone)))
            await self.report_late(worker, job, finish)

    async def crash(self) -> None:
        """Let a worker vanish with all jobs that it holds, right after a claim or later."""
        worker = self.rng.choice(self.workers)
        if not worker.held:
            return
        self.workers.remove(worker)
        held = [(worker, job, self.completion(worker, job)) for job in worker.held.values()]
        await self.replace(worker)
        self.gone += held

    async def replace(self, worker: Worker) -> None:
        """Fence a worker during a claim, reap it twice concurrently, and start another one."""
        for job in worker.held.values():
            self.runs[job.run.id].happened.add("crash")
        await asyncio.gather(worker.vanish(), worker.claim(2))
        worker.held = {}
        reaped = await asyncio.gather(worker.reap(max_losses=NO_CAP), worker.reap(max_losses=NO_CAP))
        self.moves["reaped"] += sum(each.jobs for each in reaped)
        await worker.reap(max_losses=NO_CAP)
        assert await worker.claim(1) == [], "a fenced worker claims"
        self.workers.append(await self.scene.worker())

    async def give_back(self) -> None:
        """Release jobs that a worker has claimed and not started."""
        worker, job = self.take_job()
        if job is not None:
            async with self.scene.db.acquire() as connection:
                await job_rows.give_back(connection, [job.id], worker.id, worker.generation)

    async def fire_timers(self) -> None:
        """Let some timers fire."""
        due = "UPDATE timer SET due_at = app_now() - interval '1 second' WHERE random() < 0.5"
        await self.scene.run(due)
        await timers.fire(self.scene.platform.tools)
        await self.scene.run("UPDATE gate SET due_at = app_now(), starts = '{}' WHERE due_at IS NOT NULL")
        await timers.grant_due_permits(self.scene.platform.tools)

    async def sweep(self) -> None:
        """Let pending events age by a second and sweep them."""
        await self.scene.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
        await timers.sweep(self.scene.platform.tools)

    async def some_run(self) -> Tracked | None:
        """Return a live run that has not been disturbed yet; at most one in four is disturbed."""
        untouched = [run for run in self.runs.values() if not (run.cancelled or run.job_cancelled)]
        if (len(self.runs) - len(untouched)) * 4 >= len(self.runs):
            return None
        live = set(await self.open_runs())
        chosen = [run for run in untouched if run.id in live]
        return self.rng.choice(chosen) if chosen else None

    async def cancel(self) -> None:
        """Cancel a run, sometimes twice, the second time by force."""
        run = await self.some_run()
        if run is None:
            return
        force = self.rng.random() < 0.3
        await cancellation.cancel(self.scene.platform, ACTOR, WORKSPACE, run.id, "enough", force=force)
        await self.note_cancel(run)
        if self.rng.random() < 0.3:
            await cancellation.cancel(self.scene.platform, ACTOR, WORKSPACE, run.id, "at once", force=True)

    async def leave_cancel(self) -> None:
        """Record a cancellation by a server that is killed after its commit."""
        run = await self.some_run()
        if run is None:
            return
        async with self.scene.db.transaction() as connection:
            if await run_rows.request_cancel(connection, run.id, ACTOR.username, "enough"):
                await run_rows.insert_event(connection, run.id, inbox.write(inbox.CancelRun(False)))
                await run_rows.set_cancel_timer(connection, run.id, 10.0)
        await self.note_cancel(run)

    async def note_cancel(self, run: Tracked) -> None:
        """Note whether a cancellation came before the end of the run."""
        live = await self.scene.rows("SELECT FROM run_live WHERE id = $1 AND cancel_at IS NOT NULL", run.id)
        ended = await self.scene.rows("SELECT FROM run WHERE id = $1 AND cancel_by IS NOT NULL", run.id)
        if live or ended:
            run.cancelled = True
            run.happened.add("cancel")

    async def cancel_job(self) -> None:
        """Cancel one job of a run: its node fails, and the scenario's prediction no longer holds."""
        run = await self.some_run()
        if run is None:
            return
        node = self.rng.randrange(len(run.plan.nodes))
        id = job_id(run.plan, run.id, node)
        run.job_cancelled = True
        run.happened.add("cancel of a job")
        try:
            await cancellation.cancel(self.scene.platform, ACTOR, WORKSPACE, id, "enough")
        except NotFound:
            run.job_cancelled = False
            run.happened.discard("cancel of a job")
