"""Regression tests for races between processes and failures of other components."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec import structs
from msgspec.structs import replace
from tests.conftest import TestDatabase
from tests.orchestrator.harness import ACTOR, MAX_WAIT_S, WORKSPACE, CoreHarness, core_harness, job

from orvanta_platform.control import permissions
from orvanta_platform.control.actor import Role
from orvanta_platform.control.permissions import Target
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db import workers
from orvanta_platform.db.pool import TRANSIENT, Connection
from orvanta_platform.db.steps import NewValue
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.errors import Conflict, Forbidden
from orvanta_platform.ids import new_run_id
from orvanta_platform.orchestrator import inbox, timers
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.services.maintenance import consistency
from orvanta_platform.services.runs import documents as artifacts
from orvanta_platform.services.runs import start as run_service
from orvanta_platform.services.runs.start import RunOptions, ScriptPreview
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes

RETRY = {"constant": {"attempts": 2, "seconds": 60}}
CODE = {"type": "rawscript", "language": "python3", "content": "def main(): return 1", "input_transforms": {}}


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    """Provide a platform on a new database."""
    async with core_harness(database, tmp_path / "home") as made:
        yield made


@asynccontextmanager
async def owner(core: CoreHarness) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect as the owner of the database, who may change its tables."""
    connection = await asyncpg.connect(core.database.owner_url)
    try:
        yield connection
    finally:
        await connection.close()


async def poison(core: CoreHarness, run: UUID) -> None:
    """Corrupt this run so that it cannot be read."""
    await core.run("UPDATE run_live SET document = '\\x00' WHERE id = $1", run)


async def test_late_commit_of_event_with_lower_number_is_processed(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two concurrent events, the one with the lower number is committed after the inbox was read."""
    worker = await core.worker()
    run = await core.start(job("a", retry=RETRY), job("b"))
    claimed = await worker.claim_by_node()
    assert (await worker.finish(claimed["a"], error="Oops")).recorded
    read = run_rows.read_inbox
    async with core.third_session() as third:
        transaction = third.connection.transaction()
        await transaction.start()
        await run_rows.insert_event(third.connection, run, inbox.write(inbox.RetryDue(claimed["a"].id)))
        async with core.db.transaction() as connection:
            await run_rows.insert_event(connection, run, inbox.write(inbox.CancelJob(uuid4(), "no such job")))

        async def read_then_commit(connection: Connection, run: UUID) -> list[tuple[int, str]]:
            found = await read(connection, run)
            monkeypatch.undo()
            await transaction.commit()
            return found

        monkeypatch.setattr(run_rows, "read_inbox", read_then_commit)
        await advance(core.platform.tools, run)
    await advance(core.platform.tools, run)
    assert (await core.live(run))["a"]["state"] == "available"
    assert await core.rows("SELECT FROM inbox") == []


async def test_id_of_ended_run_cannot_be_reused(core: CoreHarness) -> None:
    """Otherwise its end could never be recorded, and its code would run repeatedly."""
    options = RunOptions(run_id=new_run_id())
    worker = await core.worker()
    run = await core.start(job("a"), options=options)
    (claimed,) = await worker.claim()
    await worker.finish(claimed, 1)
    assert (await core.ended(run))["status"] == "succeeded"
    with pytest.raises(Conflict):
        await core.start(job("a"), options=options)
    assert await core.rows("SELECT FROM run_live") == []


async def test_broken_run_does_not_block_other_runs(core: CoreHarness) -> None:
    worker = await core.worker()
    started = [await core.start(job("a")) for _ in range(4)]
    claimed = {each.run.id: each for each in await worker.claim()}
    for run in started:
        async with core.db.transaction() as connection:
            event = inbox.CancelJob(claimed[run].id, "enough")
            await run_rows.insert_event(connection, run, inbox.write(event))
    await core.run("UPDATE inbox SET created_at = app_now() - interval '2 seconds'")
    order = [row["run"] for row in await core.rows("SELECT DISTINCT run FROM inbox")]
    await poison(core, order[0])
    await timers.sweep(core.platform.tools)
    assert {row["id"] for row in await core.rows("SELECT id FROM run")} == set(order[1:])


async def test_broken_run_is_ended(core: CoreHarness) -> None:
    """The run is not ended at the first failure, because the cause may be temporary."""
    worker = await core.worker()
    run = await core.start(job("a"), job("b"))
    await worker.claim(1)
    await poison(core, run)
    await core.run(
        """INSERT INTO inbox (run, event, created_at) VALUES ($1, '{"type":"start"}', now() - interval '1 h')""", run
    )
    for _ in range(2):
        await timers.sweep(core.platform.tools)
        assert not await core.rows("SELECT FROM run")
    await timers.sweep(core.platform.tools)
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "EngineFailed")
    assert (await core.result(run))["error"]["name"] == "EngineFailed"
    states = await core.rows("SELECT state, error_name FROM job ORDER BY node")
    assert [tuple(row) for row in states] == [("cancelled", "EngineFailed")] * 2
    assert not await core.rows("SELECT FROM job_live") and not await core.rows("SELECT FROM inbox")
    (problem,) = await consistency.check(core.db)
    assert str(problem).startswith("documents_missing")


async def test_lost_worker_is_reaped_despite_a_broken_run(core: CoreHarness) -> None:
    worker = await core.worker()
    runs = [await core.start(job("a")) for _ in range(3)]
    await worker.claim()
    await poison(core, runs[0])
    await worker.vanish()
    assert len((await worker.reap(max_losses=0)).stepped) == 3
    assert {row["id"] for row in await core.rows("SELECT id FROM run")} == set(runs[1:])


async def test_unrecorded_result_is_not_visible(core: CoreHarness) -> None:
    """A lost worker reports a result while an event that reads the recorded one waits in the inbox."""
    worker, lost = await core.worker(), await core.worker()
    expression = {"type": "javascript", "expr": "results.a.s"}
    run = await core.start(job("a"), job("b", "a", retry=RETRY, timeout=expression))
    (stale,) = await lost.claim()
    await lost.vanish()
    await lost.reap()
    (again,) = await worker.claim()
    await worker.finish(again, {"s": 7})
    (b,) = await worker.claim()
    assert b.timeout_s == 7
    await worker.finish(b, error="Oops")
    async with core.db.transaction() as connection:
        await run_rows.insert_event(connection, run, inbox.write(inbox.RetryDue(b.id)))
    assert not (await advance(core.platform.tools, run, lost.report(stale, {"s": 9}))).recorded
    assert (await core.live(run))["b"]["timeout_s"] == 7


async def test_full_database_disk_does_not_fail_jobs(core: CoreHarness) -> None:
    """The error concerns the server, not the result, so the write is retried."""
    worker = await core.worker()
    run = await core.start(job("a"))
    (claimed,) = await worker.claim()
    async with owner(core) as connection:
        await connection.execute(
            "CREATE SEQUENCE tries; GRANT USAGE ON SEQUENCE tries TO PUBLIC;"
            " CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF nextval('tries') < 3 THEN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END IF;"
            " RETURN NEW; END $$;"
            " CREATE TRIGGER full_disk BEFORE INSERT ON value FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
    assert (await worker.finish(claimed, 5)).recorded
    assert (await core.ended(run))["status"] == "succeeded"


@pytest.mark.parametrize("error", ["TooManyConnectionsError", "OutOfMemoryError", "ReadOnlySQLTransactionError"])
def test_temporary_server_error_is_retried(error: str) -> None:
    assert issubclass(getattr(asyncpg, error), TRANSIENT)


async def test_repeated_registration_of_worker_is_idempotent(core: CoreHarness) -> None:
    row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 4, "0", "none")
    async with core.db.acquire() as connection:
        await workers.register(connection, row)
        await workers.register(connection, row)
        assert await workers.record_heartbeat(connection, row.id, 1, 0)


def test_path_scoped_token_cannot_run_previews() -> None:
    """The caller chooses the path of a preview: with a leaked token of one workflow, any code could run."""
    limited = replace(ACTOR, role=Role.DEVELOPER, super_admin=False, scopes=("jobs:run:u/ann/*",))
    assert permissions.can(limited, "run", Target(WORKSPACE, "flow", "u/ann/x"))
    with pytest.raises(Forbidden):
        permissions.require(limited, "run", Target(WORKSPACE, "preview", "u/ann/x"))
    assert permissions.can(replace(limited, scopes=("jobs:preview",)), "run", Target(WORKSPACE, "preview", "u/ann/x"))


async def test_workflow_token_runs_scripts_of_the_workflow(core: CoreHarness) -> None:
    await core.run("INSERT INTO document (hash, body) VALUES ('\\x01', 'pass')")
    async with owner(core) as connection:
        await connection.execute(
            "INSERT INTO item (workspace, kind, path, created_by, edited_by)"
            " VALUES ('main', 'script', 'u/ann/s', 'ann', 'ann');"
            " INSERT INTO version (workspace, kind, path, number, hash, content_hash, document, language,"
            " settings, author)"
            " VALUES ('main', 'script', 'u/ann/s', 1, 'abc', 'abc', '\\x01', 'python3', '{}', 'ann');"
            " UPDATE item SET version = (SELECT id FROM version)"
        )
    node = {"id": "a", "value": {"type": "script", "path": "u/ann/s", "input_transforms": {}}}
    body = json.dumps({"value": {"modules": [node]}}).encode()
    plan = await artifacts.plan_of_tree("main", await artifacts.check(core.platform.evaluator, body))
    limited = replace(ACTOR, role=Role.DEVELOPER, super_admin=False, scopes=("jobs:run:u/ann/flow",))
    async with core.db.acquire() as connection:
        assert set(await artifacts.resolve_scripts(connection, limited, WORKSPACE, plan, None)) == {"u/ann/s"}


class Claims(Lease):
    """A lease that permits one claim and no start of a job."""

    answers = 0

    @property
    def may_start(self) -> bool:
        """Return true for the first call only."""
        self.answers += 1
        return self.answers == 1


@asynccontextmanager
async def working(core: CoreHarness, tmp_path: Path, lease: type[Lease] = Lease) -> AsyncIterator[Worker]:
    """Run the worker's loop with its real runtimes."""
    row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 4, "0", "none")
    async with core.db.acquire() as connection:
        await workers.register(connection, row)
    runtimes = Runtimes(tmp_path / "worker", [], "none")
    await runtimes.start()
    worker = Worker(core.platform, runtimes, lease(row.id, 1, 3600))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
        worker.drain()
        await asyncio.wait_for(running, MAX_WAIT_S)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await runtimes.close()


async def preview(core: CoreHarness, content: str = "def main(): return 1") -> UUID:
    """Start a run of one script."""
    wanted = ScriptPreview(content, "python3")
    return await run_service.start_preview(core.platform, ACTOR, WORKSPACE, wanted, b"{}", RunOptions())


async def test_full_worker_disk_fails_the_job(
    core: CoreHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression test: the error was treated as an unavailable database, and the start was retried forever."""
    async with working(core, tmp_path):
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
        run = await preview(core)
        await core.until("SELECT FROM run WHERE id = $1", run)
    assert (await core.ended(run))["error_name"] == "RuntimeFailed"


async def test_worker_keeps_watching_after_a_failed_query(core: CoreHarness, tmp_path: Path) -> None:
    """One run cannot be read; another one is cancelled, and its job must be notified."""
    broken = await core.start(job("a", tag="later"))
    await poison(core, broken)
    async with working(core, tmp_path):
        long = await preview(core, "import time\ndef main(): time.sleep(600)")
        await core.until("SELECT FROM job_live WHERE run = $1 AND state = 'running'", long)
        await core.run("UPDATE job_live SET losses = 3 WHERE run = $1", broken)
        await core.until("SELECT FROM inbox WHERE run = $1", broken)
        await core.cancel(long)
        await core.until("SELECT FROM run WHERE id = $1", long)
    assert (await core.ended(long))["status"] == "cancelled"


async def test_code_is_not_rerun_when_its_step_fails(core: CoreHarness, tmp_path: Path) -> None:
    """The step fails because the run's result contains a value that is missing in the object storage."""
    hand = await core.worker(["hand"])
    run = await core.start(job("a", tag="hand"), {**job("b"), "value": CODE})
    (claimed,) = await hand.claim()
    gone = NewValue(claimed.id, "result", "", 300_000, 1, None, "main/gone")
    await hand.submit(claimed, structs.replace(hand.report(claimed), value=gone))
    async with working(core, tmp_path):
        await core.until("SELECT FROM run WHERE id = $1", run)
    assert (await core.ended(run))["status"] == "failed"
    ended = await core.row("SELECT * FROM job WHERE run = $1 AND node = 'b'", run)
    assert (ended["attempt"], ended["error_name"]) == (1, "StepRefused")


async def test_no_job_starts_without_heartbeat(core: CoreHarness, tmp_path: Path) -> None:
    """A job claimed before the heartbeat stopped may belong to another worker once the database responds again."""
    run = await preview(core)
    async with working(core, tmp_path, Claims) as worker:
        await core.until("SELECT FROM job_live WHERE run = $1 AND state = 'running'", run)
        await core.run("UPDATE job_live SET generation = 2 WHERE run = $1", run)
    assert worker.jobs_executed == 0


async def test_drained_worker_takes_no_handed_off_job(core: CoreHarness, tmp_path: Path) -> None:
    """The worker was drained while the job ran, which may take an hour; the next job may take another hour."""
    go = tmp_path / "go"
    until = f"  while not os.path.exists({str(go)!r}): time.sleep(0.01)"
    wait = f"import os, time\ndef main():\n  print('begun', flush=True)\n{until}"
    run = await core.start({**job("a"), "value": CODE | {"content": wait}}, {**job("b", "a"), "value": CODE})
    async with working(core, tmp_path) as worker:
        await core.until("SELECT FROM log_chunk")
        worker.drain()
        go.touch()
    assert {name: row["state"] for name, row in (await core.live(run)).items()} == {"b": "available"}
