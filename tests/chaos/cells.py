"""Cells of the kill table. Each stops a process at a crash point, kills a victim and checks the data afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import httpx
from tests.chaos.gate import Arrival
from tests.chaos.runs import Stood, Verdict, judge, runs_since, standing, until_ended
from tests.chaos.stage import Part, Stage

from orvanta_platform.db import pool
from orvanta_platform.ids import new_run_id
from orvanta_platform.services.maintenance import consistency

Victim = Literal["worker", "worker's process", "server", "PostgreSQL", "backend"]
VICTIMS: tuple[Victim, ...] = ("worker", "worker's process", "server", "PostgreSQL")
LOUD = 400_000
"""Characters that exceed the pipe between a job and its worker: a job that prints them blocks in the middle."""

LONG = 1_500_000
"""Characters that exceed the size up to which a log is stored in rows."""

REAPED = "SELECT state = 'stopped' FROM worker WHERE id = $1"
WROTE = "SELECT count(*) FROM job WHERE worker = $1"
HELD = (
    "SELECT j.id FROM job_live j JOIN worker w ON w.id = j.worker AND w.generation = j.generation "
    "WHERE w.state = 'live' AND w.name LIKE '%-' || $1::text"
)
LIVE = "SELECT count(*) = $1 FROM run_live WHERE parent IS NULL"
ACCEPTED = (
    "SELECT (SELECT count(*) FROM run_live WHERE id > $1 AND parent IS NULL)"
    " + (SELECT count(*) FROM run WHERE id > $1 AND parent IS NULL) >= $2"
)
BEATS = "SELECT sum(beat)::bigint FROM worker WHERE state = 'live'"
BEATS_OVER = "SELECT coalesce(sum(beat), 0) >= $1 FROM worker WHERE state = 'live'"


@dataclass(slots=True)
class ApiHarness:
    """One cell in progress. `runs`: the accepted runs with their n; `stood`: the jobs at the time of the fault.

    `fenced`: a worker that was reaped after it had recorded the completion of `wrote` jobs; it must record no more.
    """

    stage: Stage
    count: int
    loud: int = 0
    runs: dict[UUID, int] = field(default_factory=dict)
    stood: dict[UUID, Stood] = field(default_factory=dict)
    accepting: asyncio.Task[None] | None = None
    first: asyncio.Task[None] | None = None
    """A run that was started before the others."""
    fenced: UUID | None = None
    wrote: int = 0
    since: UUID = field(default_factory=new_run_id)
    path: str | None = None

    async def accept_all(self) -> None:
        """Start all runs. A call that fails because the server is killed promises nothing."""
        async with self.stage.client() as client:
            calls = [self.stage.accept(client, n, self.loud, self.path) for n in range(self.count)]
            answers = await asyncio.gather(*calls, return_exceptions=True)
        for n, answer in enumerate(answers):
            if isinstance(answer, UUID):
                self.runs[answer] = n
            elif not isinstance(answer, httpx.TransportError):
                raise answer
        if self.accepting is None:
            assert len(self.runs) == self.count

    async def strike(self) -> None:
        """Record the current jobs; their recovery is measured from here on."""
        self.stood = await standing(self.stage.database)

    async def strike_again(self, part: Part) -> None:
        """Measure the recovery of the jobs in this worker's slots from a second fault."""
        again = await standing(self.stage.database)
        held = {row["id"] for row in await self.stage.database.rows(HELD, str(part.pid))}
        self.stood |= {id: stood for id, stood in again.items() if id in held}

    async def until_reaped(self, worker: UUID) -> None:
        """Wait until other processes have declared this worker lost and requeued its jobs."""
        await self.stage.database.until(REAPED, worker)
        self.fenced, self.wrote = worker, await self.stage.database.value(WROTE, worker)

    async def kill(self, victim: Victim, part: Part) -> None:
        """Send SIGKILL to the victim."""
        if not self.stood:
            await self.strike()
        elif victim in ("worker", "worker's process"):
            await self.strike_again(part)
        match victim:
            case "worker":
                await asyncio.to_thread(part.kill)
            case "worker's process":
                await asyncio.to_thread(part.kill_child)
            case "server":
                await asyncio.to_thread(self.stage.server.kill)
            case "PostgreSQL":
                await asyncio.to_thread(self.stage.database.kill)
            case "backend":
                pass
        if victim != "PostgreSQL":
            await self.stage.database.end_unanswered()

    async def end(self) -> Verdict:
        """Open the gate, wait for all runs, judge them, restart killed processes, and check the data."""
        stage = self.stage
        stage.gate.disarm()
        for accepting in (self.first, self.accepting):
            if accepting is not None:
                await accepting
        self.runs |= await runs_since(stage.database, self.since)
        await until_ended(stage.database, list(self.runs))
        verdict = await judge(stage.database, self.runs, self.stood.values())
        if not verdict.clean:
            print(*(part.output() for part in stage.parts), sep="\n")
        else:
            await stage.make_ready()
        if self.fenced is not None:
            assert await stage.database.value(WROTE, self.fenced) == self.wrote
        database = await pool.Database.connect(stage.database.url)
        try:
            found = await consistency.check(database)
            assert found == [], found
        finally:
            await database.close()
        return verdict


Reach = Callable[[ApiHarness, str], Awaitable[Part]]
"""Brings a cell to a crash point and returns the part that waits there; all runs are accepted, none has ended."""


async def on_the_way(scene: ApiHarness, point: str) -> Part:
    """Stop every job at the point."""
    scene.stage.gate.arm(point)
    await scene.accept_all()
    return scene.stage.part_of(await scene.stage.gate.arrival(point))


async def in_user_code(scene: ApiHarness, point: str) -> Part:
    """Stop jobs in the middle of their code: they print more than is read."""
    scene.loud = LOUD
    return await on_the_way(scene, point)


async def with_a_long_log(scene: ApiHarness, point: str) -> Part:
    """Stop jobs whose logs become objects on completion."""
    scene.loud = LONG
    return await on_the_way(scene, point)


async def in_commit(scene: ApiHarness, point: str) -> Part:
    """Leave one COMMIT durable and unanswered; all others wait before theirs."""
    gate = scene.stage.gate
    gate.arm(point)
    await scene.accept_all()
    first = await gate.arrival(point)
    first.let("block")
    await scene.stage.database.unanswered(first.facts["backend"])
    return scene.stage.part_of(first)


async def in_acceptance(scene: ApiHarness, point: str) -> Part:
    """Leave the COMMIT of new runs durable and unanswered while their callers wait; other runs have jobs in slots."""
    stage = scene.stage
    once = iter([True])
    stage.gate.arm("result read")
    stage.gate.arm(point, lambda arrival: next(once, False))
    scene.accepting = asyncio.create_task(scene.accept_all())
    first = await stage.gate.arrival(point)
    first.let("block")
    await stage.database.unanswered(first.facts["backend"])
    await stage.database.until(LIVE, scene.count - first.facts["writes"])
    await stage.gate.arrival("result read")
    return stage.part_of(first)


async def on_loan(scene: ApiHarness, point: str) -> Part:
    """Start one run after another until one that uses a lent slot is at the point, then all others."""
    arrival = await _first_on_loan(scene, point)
    scene.accepting = asyncio.create_task(scene.accept_all())
    await scene.stage.database.until(ACCEPTED, scene.since, scene.count)
    return await lender(scene.stage, arrival) if arrival.role == "server" else scene.stage.part_of(arrival)


async def lender(stage: Stage, arrival: Arrival) -> Part:
    """Return the worker whose slot the server at the gate uses."""
    by_id = {str(await stage.worker_of(part)): part for part in stage.workers}
    return by_id[arrival.facts["worker"]]


async def _first_on_loan(scene: ApiHarness, point: str) -> Arrival:
    stage, once = scene.stage, iter([True])
    stage.gate.arm(point, lambda arrival: next(once, False))
    arriving = asyncio.create_task(stage.gate.arrival(point))
    while not arriving.done():
        scene.first = asyncio.create_task(_accept_first(scene))
        await asyncio.wait({arriving, scene.first}, return_when=asyncio.FIRST_COMPLETED)
        ending = asyncio.create_task(until_ended(scene.stage.database, list(scene.runs)))
        await asyncio.wait({arriving, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
    return arriving.result()


async def _accept_first(scene: ApiHarness) -> None:
    """Start a run. A call that fails because the server is killed promises nothing."""
    async with scene.stage.client() as client:
        with suppress(httpx.TransportError):
            scene.runs[await scene.stage.accept(client, 0, scene.loud, scene.path)] = 0


async def past_the_lease(scene: ApiHarness, point: str) -> Part:
    """Delay a worker's heartbeat until other processes have reaped it, with finished jobs in its slots."""
    stage = scene.stage
    part = await on_the_way(scene, "result read")
    stage.gate.arm(point, part.owns)
    await stage.gate.arrival(point)
    worker = await stage.worker_of(part)
    await scene.strike()
    await scene.until_reaped(worker)
    return part


def reaping_by(role: str) -> Reach:
    """Kill a worker, and stop a process of this role in the transaction that requeues its jobs."""

    async def reach(scene: ApiHarness, point: str) -> Part:
        stage, gate = scene.stage, scene.stage.gate
        dead = await on_the_way(scene, "result read")
        gate.arm("fencing", lambda arrival: arrival.role != role)
        gate.arm(point, lambda arrival: arrival.role == role)
        await scene.strike()
        await asyncio.to_thread(dead.kill)
        return stage.part_of(await gate.arrival(point))

    return reach


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL. `point`: the name of the crash point at the gate; `name`: its description in the table."""

    name: str
    point: str
    victim: Victim
    reach: Reach = on_the_way

    def __str__(self) -> str:
        return f"{self.name}, {self.victim}"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs in flight."""
        await stage.make_ready()
        scene = ApiHarness(stage, count)
        part = await self.reach(scene, self.point)
        await scene.kill(self.victim, part)
        if not any(worker.running for worker in stage.workers) or self.point == "reaping":
            stage.start_dead()
        return await scene.end()


@dataclass(frozen=True, slots=True)
class Stop:
    """SIGSTOP for longer than the lease, then SIGCONT, of a part with jobs in the middle of their code."""

    victim: Literal["worker", "server"]

    def __str__(self) -> str:
        return f"stopped past the lease, {self.victim}"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs in flight."""
        await stage.make_ready()
        scene = ApiHarness(stage, count)
        running = await in_user_code(scene, "running")
        worker = await stage.worker_of(running)
        await scene.strike()
        with (running if self.victim == "worker" else stage.server).stopped():
            stage.gate.disarm()
            if self.victim == "worker":
                await scene.until_reaped(worker)
            else:
                await past_a_lease(stage)
        return await scene.end()


@dataclass(frozen=True, slots=True)
class FencedLender:
    """A worker is killed and fenced while a server is about to assign a job to it."""

    def __str__(self) -> str:
        return "assigning, lender fenced"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs in flight."""
        await stage.make_ready()
        scene = ApiHarness(stage, count)
        arrival = await _first_on_loan(scene, "assigning")
        scene.accepting = asyncio.create_task(scene.accept_all())
        await scene.kill("worker", await lender(stage, arrival))
        await scene.until_reaped(UUID(arrival.facts["worker"]))
        return await scene.end()


@dataclass(frozen=True, slots=True)
class FrozenLender:
    """SIGSTOP of a process to which a server assigns a job, while its supervisor beats: the job runs elsewhere."""

    def __str__(self) -> str:
        return "assigned, lender stopped"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs in flight."""
        await stage.make_ready()
        scene = ApiHarness(stage, count)
        process = (await lender(stage, await _first_on_loan(scene, "assigned"))).child
        assert process is not None
        await scene.strike()
        os.kill(process, signal.SIGSTOP)
        # A stopped process would keep the other runs that it has claimed.
        scene.accepting = asyncio.create_task(scene.accept_all())
        try:
            stage.gate.disarm()
            await scene.accepting
            await until_ended(stage.database, list(await runs_since(stage.database, scene.since)))
        finally:
            os.kill(process, signal.SIGCONT)
        return await scene.end()


async def past_a_lease(stage: Stage) -> None:
    """Wait for more heartbeats than fit into a lease, so that a worker reaped by mistake would be detected."""
    settings = stage.settings
    beats = len(stage.workers) * (2 * settings.lease_ms // settings.beat_ms)
    await stage.database.until(BEATS_OVER, await stage.database.value(BEATS) + beats)


def _row(name: str, point: str, reach: Reach = on_the_way, *more: Victim) -> list[Kill]:
    return [Kill(name, point, victim, reach) for victim in (*VICTIMS, *more)]


TABLE: list[Kill | Stop | FencedLender | FrozenLender] = [
    *_row("claim's COMMIT sent", "claiming", in_commit, "backend"),
    *_row("after claim", "claimed"),
    *_row("assigned, not notified", "assigned", on_loan),
    *_row("assigned job not started", "assigned job read", on_loan),
    FencedLender(),
    FrozenLender(),
    *_row("process started", "process started"),
    *_row("before the first user line", "handed over"),
    *_row("user code running", "running", in_user_code),
    *_row("result read", "result read"),
    Kill("log uploaded, not named", "uploaded", "worker", with_a_long_log),
    Kill("log uploaded, not named", "uploaded", "PostgreSQL", with_a_long_log),
    *_row("COMMIT sent", "committing", in_commit, "backend"),
    *_row("committed, not notified", "committed"),
    *_row("handed-off job not started", "handed off"),
    Kill("permit given, COMMIT not sent", "permit given", "worker"),
    Kill("permit given, COMMIT not sent", "permit given", "PostgreSQL"),
    Kill("permit given, its run not told", "going on", "worker"),
    *_row("beat late", "beating", past_the_lease),
    Kill("while reaping", "reaping", "worker", reaping_by("worker-process")),
    Kill("while reaping", "reaping", "worker's process", reaping_by("worker-process")),
    Kill("while reaping", "reaping", "server", reaping_by("server")),
    Kill("while reaping", "reaping", "PostgreSQL", reaping_by("server")),
    Kill("new run's COMMIT sent", "accepting", "server", in_acceptance),
    Kill("new run's COMMIT sent", "accepting", "PostgreSQL", in_acceptance),
    Kill("new run's COMMIT sent", "accepting", "backend", in_acceptance),
    Stop("worker"),
    Stop("server"),
]
"""The kill table. It also covers the claim and the start of a run whose COMMIT gets no answer."""
