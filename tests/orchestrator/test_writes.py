"""The write of a step: atomic and applied once, even if it is stale, sent twice or its response is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec.structs import replace
from tests.conftest import TestDatabase
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, core_harness, job
from tests.orchestrator.wire import Wire, wire

from orvanta_platform.db.steps import JobCompletion, NewEvent, NewJob, NewValue, NodeCompletion, StepWrite, write_steps
from orvanta_platform.errors import Conflict
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.idempotency import IdempotencyKey
from orvanta_platform.services.runs.start import RunOptions, ScriptPreview

pytestmark = pytest.mark.every_postgres

LOCK_JOB = "SELECT FROM job_live WHERE id = $1 FOR UPDATE"


async def a_step(core: CoreHarness) -> tuple[UUID, JobCompletion, StepWrite]:
    """Start a run with a claimed job; return a write that completes it and contains every kind of row."""
    worker = await core.worker()
    run = await core.start(job("a"), job("b", "a"))
    (claimed,) = await worker.claim()
    ending = JobCompletion(claimed.id, claimed.attempt, worker.id, 1, "succeeded", ran_s=0.5)
    taken = await core.row('INSERT INTO inbox (run, event) VALUES ($1, \'{"type":"start"}\') RETURNING seq', run)
    write = StepWrite(
        run=run,
        rev=claimed.run.rev,
        state=b"\1later",
        status="running",
        endings=[ending],
        nodes=[NodeCompletion(uuid7_of(run, "x"), "x", 7, "flownode", "succeeded")],
        jobs=[NewJob(uuid7_of(run, "b"), "b", 1, "flowscript", "python3", None, "python3", 0)],
        values=[NewValue(claimed.id, "result", "", 1, 0, b"1", None)],
        events=[NewEvent("export", "a", "{}")],
        inbox_seq=taken["seq"],
    )
    return run, ending, write


def uuid7_of(run: UUID, name: str) -> UUID:
    """Return an id with the millisecond of the run's id."""
    return UUID(int=(run.int >> 64 << 64) | (uuid4().int & (1 << 64) - 1))


async def written(core: CoreHarness, *writes: StepWrite) -> set[int]:
    """Write the steps and return the indexes of those that were written."""
    async with core.db.acquire() as connection:
        return await write_steps(connection, writes)


async def test_step_is_written_once(core: CoreHarness) -> None:
    """When it is sent again, the statement finds that the run has changed."""
    run, _, write = await a_step(core)
    assert await written(core, write) == {0}
    after = await core.everything()
    assert await written(core, write) == set()
    assert await core.everything() == after
    assert (await core.row("SELECT rev, status, started_at < app_now() FROM run_live WHERE id = $1", run))[
        "rev"
    ] == write.rev + 1
    assert {row["node"] for row in await core.rows("SELECT node FROM job WHERE run = $1", run)} == {"a", "x"}
    assert await core.rows("SELECT FROM inbox") == []


@pytest.mark.parametrize("taken", ["value", "job", "live job"])
async def test_step_with_taken_key_fails(core: CoreHarness, taken: str) -> None:
    """No row is replaced or omitted: the step fails as a whole."""
    _, ending, write = await a_step(core)
    ids = {"value": ending.job, "job": write.nodes[0].id, "live job": write.jobs[0].id}
    table = {"value": "value", "job": "job", "live job": "job_live"}[taken]
    others = {
        "value": "INSERT INTO value (id, kind, size, body) VALUES ($1, 'result', 8, '\"forged\"')",
        "job": "INSERT INTO job (id, run, workspace, node, node_index, kind, state, enqueued_at, ended_at)"
        " VALUES ($1, $1, 'main', 'f', 0, 'x', 'succeeded', now(), now())",
        "live job": "INSERT INTO job_live (id, run, workspace, node_index, kind, queue, priority, lane, state,"
        " enqueued_at) VALUES ($1, $1, 'main', 0, 'x', 'nobody', 0, 0, 'available', now())",
    }
    await core.run(others[taken], ids[taken])
    before = await core.everything()
    with pytest.raises(asyncpg.UniqueViolationError, match=table):
        await written(core, write)
    assert await core.everything() == before


@pytest.mark.parametrize("stale", ["rev", "attempt", "worker", "generation", "nobody", "job", "cancel"])
async def test_stale_step_changes_nothing(core: CoreHarness, stale: str) -> None:
    run, ending, write = await a_step(core)
    changed: dict[str, dict[str, Any]] = {
        "attempt": {"attempt": ending.attempt + 1},
        "worker": {"worker": uuid4()},
        "generation": {"generation": 2},
        "nobody": {"worker": None, "generation": None},
        "job": {"job": uuid4()},
    }
    if stale == "rev":
        write = replace(write, rev=write.rev + 1)
    elif stale == "cancel":
        await core.run("UPDATE run_live SET cancel_at = app_now(), status = 'cancelling' WHERE id = $1", run)
    else:
        write = replace(write, endings=[replace(ending, **changed[stale])])
    before = await core.everything()
    assert await written(core, write) == set()
    assert await core.everything() == before


async def test_one_stale_ending_prevents_step(core: CoreHarness) -> None:
    _, ending, write = await a_step(core)
    write = replace(write, endings=[ending, replace(ending, job=uuid4())])
    before = await core.everything()
    assert await written(core, write) == set()
    assert await core.everything() == before


async def test_stale_step_does_not_affect_batch(core: CoreHarness) -> None:
    steps = [(await a_step(core))[2] for _ in range(5)]
    steps[2] = replace(steps[2], rev=9)
    assert await written(core, *steps) == {0, 1, 3, 4}


async def test_locked_run_is_skipped(core: CoreHarness) -> None:
    steps = [(await a_step(core))[2] for _ in range(3)]
    async with (
        core.third_session() as other,
        other.holding("SELECT FROM run_live WHERE id = $1 FOR NO KEY UPDATE", steps[1].run),
    ):
        assert await written(core, *steps) == {0, 2}
    assert await written(core, steps[1]) == {0}


async def test_hand_off(core: CoreHarness) -> None:
    """This worker has already claimed the next job of the same queue; no other worker can claim it."""
    worker, second = await core.worker(), await core.worker()
    run = await core.start(job("a"), job("b", "a"), job("c", "b", tag="elsewhere"))
    (first,) = await worker.claim()
    done = await worker.finish(first, 1, hand_off=True)
    given = done.following
    assert given is not None and (given.node, given.attempt) == ("b", 1)
    held = (await core.live(run))["b"]
    assert (held["state"], held["worker"], held["generation"], held["attempt"]) == ("running", worker.id, 1, 1)
    assert await second.claim() == []
    done = await worker.finish(given, 2, hand_off=True)
    assert done.recorded and done.following is None, "never across queues"
    assert (await core.live(run))["c"]["state"] == "available"
    (last,) = await second.claim()
    assert (await second.finish(last, 3)).recorded
    assert await core.result(run) == 3
    await core.is_whole()


async def test_hand_off_takes_one_job(core: CoreHarness) -> None:
    worker, second = await core.worker(), await core.worker()
    await core.start(job("a"), job("b", "a"), job("c", "a"), job("d", "b", "c"))
    (first,) = await worker.claim()
    given = (await worker.finish(first, 1, hand_off=True)).following
    (other,) = await second.claim()
    assert given is not None and {given.node, other.node} == {"b", "c"}
    ends = await asyncio.gather(worker.finish(given, 2, hand_off=True), second.finish(other, 3, hand_off=True))
    assert all(done.recorded for done in ends)
    await core.is_whole()


async def test_stale_fast_path_hands_off_nothing(core: CoreHarness) -> None:
    worker = await core.worker()
    run = await core.start(job("a"), job("b"), job("c", "a"), job("d", "b"))
    claimed = await worker.claim_by_node()
    assert (await worker.finish(claimed["a"], 1)).recorded
    done = await worker.finish(claimed["b"], 2, hand_off=True)
    assert done.recorded and done.following is None
    assert {row["state"] for row in (await core.live(run)).values()} == {"available"}
    await core.is_whole()


@pytest.fixture
async def far(database: TestDatabase, tmp_path: Path) -> AsyncIterator[tuple[CoreHarness, CoreHarness, Wire]]:
    """Open a platform connected directly to the database, and one behind a proxy that can be cut."""
    async with core_harness(database, tmp_path / "near") as near, wire(database) as cable:
        through = TestDatabase(database.name, database.owner_url, cable.url, database.server)
        async with core_harness(through, tmp_path / "far") as behind:
            yield near, behind, cable


async def test_step_is_recorded_once_if_backend_is_killed_before_commit(
    far: tuple[CoreHarness, CoreHarness, Wire],
) -> None:
    """The statement waits for a lock when its server process ends, and is sent again."""
    near, behind, _ = far
    worker = await behind.worker()
    run = await behind.start(job("a"), job("b", "a"))
    (first,) = await worker.claim()
    async with near.third_session() as other:
        async with other.holding(LOCK_JOB, first.id):
            end = asyncio.create_task(worker.finish(first, "done", hand_off=True))
            (pid,) = await other.until_waiting()
            await other.terminate(pid)
        done = await end
    assert done.recorded and done.following is not None
    assert len(await near.rows("SELECT FROM job WHERE run = $1", run)) == 1
    await near.is_whole()


@pytest.mark.parametrize("kind", ["next", "retry", "last"])
async def test_step_is_recorded_once_if_commit_answer_is_lost(
    far: tuple[CoreHarness, CoreHarness, Wire], kind: str
) -> None:
    """The response is lost after the commit: the history decides, and a handed-off job then starts."""
    near, behind, cable = far
    worker = await behind.worker()
    retry = {"constant": {"attempts": 1, "seconds": 60}} if kind == "retry" else None
    modules = [job("a", **({"retry": retry} if retry else {})), *([] if kind == "last" else [job("b", "a")])]
    run = await behind.start(*modules)
    (first,) = await worker.claim()
    recorded = {
        "next": "SELECT FROM job WHERE id = $1",
        "retry": "SELECT FROM job_live WHERE id = $1 AND state = 'scheduled'",
        "last": "SELECT FROM job WHERE id = $1",
    }[kind]
    cable.hold(first.id.bytes)
    error = "Boom" if kind == "retry" else None
    end = asyncio.create_task(worker.finish(first, "done", error=error, hand_off=True))
    await near.until(recorded, first.id)
    cable.cut()
    done = await end
    assert done.recorded
    assert (done.following is not None) == (kind == "next")
    if kind == "next":
        assert done.following is not None
        assert (await worker.finish(done.following, 2)).recorded
    if kind == "retry":
        assert (await near.row("SELECT failures FROM job_live"))["failures"] == 1
        assert len(await near.rows("SELECT FROM timer")) == 1
    else:
        assert (await near.ended(run))["status"] == "succeeded"
    await near.is_whole()


async def test_slow_path_is_recorded_once_if_answer_is_lost(far: tuple[CoreHarness, CoreHarness, Wire]) -> None:
    near, behind, cable = far
    worker = await behind.worker()
    run = await behind.start(job("a"), job("b"), job("c", "a", "b"))
    claimed = await worker.claim_by_node()
    assert (await worker.finish(claimed["a"], 1)).recorded
    cable.hold(b"COMMIT")
    end = asyncio.create_task(worker.finish(claimed["b"], 2))
    await near.until("SELECT FROM job WHERE id = $1", claimed["b"].id)
    cable.cut()
    assert (await end).recorded
    assert list(await near.live(run)) == ["c"]
    await near.is_whole()


async def test_start_creates_one_run_if_answer_is_lost(far: tuple[CoreHarness, CoreHarness, Wire]) -> None:
    near, behind, cable = far
    preview = ScriptPreview("def main(): pass", "python3")
    cable.hold(b"COMMIT")
    begin = runs.start_preview(behind.platform, ACTOR, WORKSPACE, preview, b"{}", RunOptions())
    starting = asyncio.create_task(begin)
    await near.until("SELECT FROM run_live")
    cable.cut()
    run = await starting
    assert [row["id"] for row in await near.rows("SELECT id FROM run_live")] == [run]
    assert len(await near.rows("SELECT FROM audit WHERE operation = 'jobs.run'")) == 1
    await near.is_whole()


async def test_taken_id_starts_no_run(core: CoreHarness) -> None:
    run = await core.start(job("a"))
    before = await core.everything()
    with pytest.raises(Conflict):
        await core.start(job("a"), options=RunOptions(run_id=run))
    assert await core.everything() == before


async def test_same_idempotency_key_returns_same_run(core: CoreHarness) -> None:
    started = await asyncio.gather(
        *(core.start(job("a"), options=RunOptions(idempotency=IdempotencyKey("k"))) for _ in range(8))
    )
    assert len(set(started)) == 1
    assert len(await core.rows("SELECT FROM run_live")) == 1


async def test_history_of_job_contains_all_attempts(core: CoreHarness) -> None:
    run = await core.start(job("a"))
    for _ in range(2):
        lost = await core.worker()
        await lost.claim()
        await lost.vanish()
        await lost.reap()
    worker = await core.worker()
    (claimed,) = await worker.claim()
    assert (await worker.finish(claimed, 1)).recorded
    (row,) = await core.rows("SELECT * FROM job WHERE run = $1", run)
    attempts = [(noted["attempt"], noted["worker"]) for noted in json.loads(row["attempts"])]
    assert attempts == [(1, str(core.workers[0].id)), (2, str(core.workers[1].id))]
    assert (row["attempt"], row["worker"], row["losses"]) == (3, worker.id, 2)
