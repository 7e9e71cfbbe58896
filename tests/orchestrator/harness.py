"""A platform on a fresh database, with workers controlled by the test, and locks held by a third session."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from msgspec.structs import replace
from tests.conftest import TestDatabase
from tests.polling import POLL_S

from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.db import jobs, workers
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.engine.events import NamedError
from orvanta_platform.orchestrator import slot_grants, values
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.committer import Committer
from orvanta_platform.orchestrator.job_completion import Finished, finish_job
from orvanta_platform.orchestrator.recovery import Recovery, reap
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.queue.lent_slots import Grant, LentSlots
from orvanta_platform.services.maintenance import consistency
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import cancellation
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions
from orvanta_platform.settings import Settings

WORKSPACE = "main"
MAX_WAIT_S = 20
"""Timeout, in seconds, of a condition that a test waits for."""

ACTOR = Actor(email="ann@example.com", username="ann", workspace=WORKSPACE, role=Role.ADMIN, super_admin=True)


@dataclass(slots=True)
class Worker:
    """A worker process controlled by the test; it claims and completes jobs by the real protocol."""

    platform: Platform
    id: UUID
    claimer: Claimer
    committer: Committer
    generation: int = 1
    held: dict[UUID, ClaimedJob] = field(default_factory=dict)
    beats: int = 0
    loans: int = 0

    async def claim(self, free: int = 10) -> list[ClaimedJob]:
        """Claim at most `free` jobs."""
        async with self.platform.db.acquire() as connection:
            found: list[ClaimedJob] = []
            while len(found) < free and (more := await self.claimer.claim(connection, free - len(found))):
                found += more
        self.held |= {job.id: job for job in found}
        return found

    async def claim_by_node(self, free: int = 10) -> dict[str, ClaimedJob]:
        """Claim jobs and return them by node; the job of a run of one node has the key ""."""
        return {job.node or "": job for job in await self.claim(free)}

    async def finish(
        self,
        job: ClaimedJob,
        result: Any = None,
        *,
        error: str | None = None,
        hand_off: bool = False,
        cancelled: bool = False,
        retryable: bool = True,
    ) -> Finished:
        """Complete the attempt by the fast path, or by the slow path if the fast one is stale."""
        finish = self.report(job, result, error=error, cancelled=cancelled, retryable=retryable)
        return await self.submit(job, finish, hand_off=hand_off)

    async def submit(self, job: ClaimedJob, finish: Finish, *, hand_off: bool = False) -> Finished:
        """Record the completion of a job."""
        async with self.platform.db.acquire() as connection:
            blueprint = await self.platform.blueprints.of(connection, job.run)
        done = await finish_job(self.platform.tools, self.committer, job, blueprint, finish, hand_off=hand_off)
        if (held := self.held.get(job.id)) is not None and held.nonce == job.nonce:
            del self.held[job.id]  # otherwise, the worker has claimed the job again since
        if done.following is not None:
            self.held[done.following.id] = done.following
        return done

    def report(
        self,
        job: ClaimedJob,
        result: Any = None,
        *,
        error: str | None = None,
        cancelled: bool = False,
        retryable: bool = True,
    ) -> Finish:
        """Return this worker's report on the completion of the job."""
        body = {"error": {"name": error, "message": f"{error} happened"}} if error else result
        raw = json.dumps(body).encode()
        return Finish(
            job=job.id,
            node=job.node_index,
            attempt=job.attempt,
            worker=self.id,
            generation=self.generation,
            raw=raw,
            value=values.inline_row(job.id, "result", raw),
            error=NamedError(error, f"{error} happened") if error else None,
            cancelled=cancelled,
            retryable=retryable,
            ran_s=0.01,
        )

    def lend(self, free: int = 10, queues: list[str] | None = None) -> None:
        """Lend slots to the server of the test until the worker beats."""
        grant = LentSlots(self.id, self.generation).grant(self._server, free, 0, queues)
        assert grant is not None
        self._grant(grant)

    def withdraw(self) -> None:
        """Lend nothing more."""
        self._grant(Grant(self.id, self.generation, loan=0, total=0, until_beat=0, queues=()))

    @property
    def _server(self) -> str:
        server = self.platform.starts.borrower
        assert server is not None
        return server

    def _grant(self, grant: Grant) -> None:
        """Send a grant that begins the next loan."""
        self.loans += 1
        grant = replace(grant, loan=self.loans, until_beat=self.beats)
        message = slot_grants.write(self.platform.keys, self._server, grant)
        self.platform.listen.wake([f"lent:{self._server}\t{message}"])

    async def beat(self) -> None:
        """Record a heartbeat, which ends the loan."""
        async with self.platform.db.acquire() as connection:
            beat = await workers.record_heartbeat(connection, self.id, self.generation, 0)
        self.beats = 0 if beat is None else beat.number

    async def take_assigned(self, known: Iterable[UUID] = ()) -> list[ClaimedJob]:
        """Take the jobs that servers have assigned to this worker, except those that it holds and `known`."""
        async with self.platform.db.acquire() as connection:
            found = await jobs.list_assigned(connection, self.id, self.generation, 0, [*self.held, *known])
        self.held |= {job.id: job for job, _ in found}
        return [job for job, _ in found]

    async def vanish(self) -> None:
        """End the process and fence the worker, as its supervisor would; its jobs are not yet requeued."""
        async with self.platform.db.acquire() as connection:
            assert await workers.fence_ended(connection, self.id, self.generation, stopped=False)

    async def reap(self, *, max_losses: int = 3) -> Recovery:
        """Requeue the jobs that the worker held."""
        return await reap(self.platform.tools, self.id, self.generation, max_losses)


@dataclass(slots=True)
class CoreHarness:
    """The platform and workers of an orchestrator test."""

    platform: Platform
    database: TestDatabase
    workers: list[Worker] = field(default_factory=list)

    @property
    def db(self) -> Database:
        """Return the connection pool of the services."""
        return self.platform.db

    async def worker(self, queues: Iterable[str] | None = None, platform: Platform | None = None) -> Worker:
        """Register a worker; `platform` makes it one of another process."""
        platform, id = platform or self.platform, uuid4()
        served = sorted(queues) if queues is not None else None
        row = NewWorker(id, f"hand {len(self.workers)}", "here", "127.0.0.1", "default", served, 4, "0", "none")
        async with platform.db.acquire() as connection:
            await workers.register(connection, row)
        made = Worker(platform, id, Claimer(id, 1, served), Committer(platform.db))
        self.workers.append(made)
        return made

    async def start(
        self, *modules: dict[str, Any], args: Any = None, options: RunOptions | None = None, **value: Any
    ) -> UUID:
        """Start a run of a workflow of these nodes."""
        body = json.dumps({"modules": list(modules), **value}).encode()
        text = json.dumps(args or {}).encode()
        return await runs.start_flow_preview(self.platform, ACTOR, WORKSPACE, body, None, text, options or RunOptions())

    async def cancel(self, id: UUID, *, force: bool = False) -> None:
        """Cancel a run or job."""
        await cancellation.cancel(self.platform, ACTOR, WORKSPACE, id, "enough", force=force)

    async def rows(self, query: str, *values: Any) -> list[asyncpg.Record]:
        """Return the rows of a query."""
        async with self.db.acquire() as connection:
            return list(await connection.fetch(query, *values))

    async def row(self, query: str, *values: Any) -> asyncpg.Record:
        """Return the only row of a query."""
        (row,) = await self.rows(query, *values)
        return row

    async def until(self, query: str, *values: Any) -> None:
        """Repeat the query until it returns a row."""
        async with asyncio.timeout(MAX_WAIT_S):
            while not await self.rows(query, *values):
                await asyncio.sleep(POLL_S)

    async def run(self, query: str, *values: Any) -> None:
        """Execute a statement."""
        async with self.db.acquire() as connection:
            await connection.execute(query, *values)

    async def ended(self, run: UUID) -> asyncpg.Record:
        """Return the history row of an ended run."""
        return await self.row("SELECT * FROM run WHERE id = $1", run)

    async def result(self, run: UUID) -> Any:
        """Return the result of an ended run."""
        id = (await self.ended(run))["result_of"]
        if id is None:
            return None
        return json.loads(
            (await self.row("SELECT body FROM value WHERE id = $1 AND kind = 'result' AND name = ''", id))["body"]
        )

    async def live(self, run: UUID) -> dict[str, asyncpg.Record]:
        """Return the live jobs of a run by node."""
        return {row["node"] or "": row for row in await self.rows("SELECT * FROM job_live WHERE run = $1", run)}

    async def everything(self) -> dict[str, list[str]]:
        """Return all rows of the tables that steps write, as text."""
        tables = ("run_live", "job_live", "timer", "inbox", "run", "job", "event", "value")
        query = "SELECT t::text FROM {} t ORDER BY 1"
        return {table: [row["t"] for row in await self.rows(query.format(table))] for table in tables}

    async def is_whole(self) -> None:
        """Assert that the consistency checks find no problems."""
        problems = [str(problem) for problem in await consistency.check(self.db)]
        assert not problems, problems

    @asynccontextmanager
    async def third_session(self) -> AsyncIterator[ThirdSession]:
        """Open a session independent of the platform."""
        connection = await asyncpg.connect(self.database.app_url)
        watching = await asyncpg.connect(self.database.app_url)
        try:
            yield ThirdSession(connection, watching, connection.get_server_pid())
        finally:
            await connection.close(timeout=5)
            await watching.close(timeout=5)


@dataclass(frozen=True, slots=True)
class ThirdSession:
    """A session that holds locks and observes which processes wait for them."""

    connection: Connection
    watching: Connection
    pid: int

    @asynccontextmanager
    async def holding(self, query: str, *values: Any) -> AsyncIterator[None]:
        """Hold the locks of the query while the block runs."""
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            await self.connection.fetch(query, *values)
            yield
        finally:
            await transaction.rollback()

    async def waiting(self) -> list[int]:
        """Return the server processes that wait, directly or indirectly, for a lock of this session."""
        rows = await self.watching.fetch(
            "WITH RECURSIVE w AS (SELECT $1::integer AS pid UNION"
            " SELECT a.pid FROM w JOIN pg_stat_activity a ON a.datname = current_database() AND"
            " a.wait_event_type = 'Lock' AND w.pid = ANY(pg_blocking_pids(a.pid))) SELECT pid FROM w WHERE pid <> $1",
            self.pid,
        )
        return [row["pid"] for row in rows]

    async def until_waiting(self, count: int = 1) -> list[int]:
        """Wait until `count` server processes wait, and return them."""
        async with asyncio.timeout(MAX_WAIT_S):
            while len(found := await self.waiting()) < count:
                await asyncio.sleep(POLL_S)
        return found

    async def terminate(self, pid: int) -> None:
        """Terminate a server process as an administrator would."""
        await self.watching.fetchval("SELECT pg_terminate_backend($1)", pid)


@asynccontextmanager
async def core_harness(database: TestDatabase, home: Path, **settings: Any) -> AsyncIterator[CoreHarness]:
    """Open a platform on `database`, with a workspace."""
    chosen = Settings(home=home, database_url=database.app_url, database_direct_url=database.app_url, **settings)
    platform = await database.platform(chosen, connections=12)
    made = CoreHarness(platform, database)
    try:
        await made.run(
            "INSERT INTO workspace (id, name, owner) VALUES ($1, $1, 'ann') ON CONFLICT DO NOTHING", WORKSPACE
        )
        yield made
    finally:
        for worker in made.workers:
            await worker.committer.close()
        await platform.close()


def job(id: str, *needs: Any, **more: Any) -> dict[str, Any]:
    """Return a node that runs Python; without `needs` it starts with the run."""
    value = {"type": "rawscript", "language": "python3", "content": f"# {id}", "input_transforms": {}}
    tag = more.pop("tag", None)
    return {"id": id, "value": value | ({"tag": tag} if tag else {}), "needs": list(needs), **more}


def condition(id: str, expr: str, *needs: Any, **more: Any) -> dict[str, Any]:
    """Return a condition node, which is evaluated within the step."""
    return {"id": id, "value": {"type": "condition", "expr": expr}, "needs": list(needs), **more}


def on(id: str, outcome: str) -> dict[str, str]:
    """Return an edge on an outcome."""
    return {"node": id, "on": outcome}
