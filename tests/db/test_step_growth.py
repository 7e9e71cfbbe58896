"""The cost of a batch of steps, which grows linearly regardless of the planner's assumptions about the tables."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import TestDatabase

from orvanta_platform import ids
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.pool import BY_INDEX, Connection
from orvanta_platform.db.queries import load
from orvanta_platform.db.steps import (
    CountedDecision,
    JobCompletion,
    NewEvent,
    NewJob,
    NewValue,
    NodeCompletion,
    RunEnd,
    StepWrite,
    arguments_of,
    parts_with_rows,
    statement,
)

STEPS = 100
WORKER = UUID(int=7)

RUNS = """\
INSERT INTO run_live (id, workspace, kind, engine_version, state, status, root, trigger, created_by, email,
                      permissioned_as, seed)
SELECT id, 'main', 'identity', 1, '', 'running', id, 'api', 'ann', 'ann@example.com', 'u/ann', 1
FROM unnest($1::uuid[]) AS id
"""
JOBS = """\
INSERT INTO job_live (id, run, workspace, node, node_index, kind, queue, priority, lane, state, attempt, worker,
                      generation, enqueued_at, claimed_at)
SELECT id, run, 'main', 'a', 0, 'identity', 'native', 0, 0, 'running', 1, $3, 1, app_now(), app_now()
FROM unnest($1::uuid[], $2::uuid[]) AS j(id, run)
"""
APPROVALS = """\
WITH waiting AS (UPDATE run_live SET kind = 'flow', status = 'awaiting_approval'),
     timers AS (INSERT INTO timer (run, job, kind, due_at)
                SELECT run, job, 'deadline', app_now() + interval '1 day'
                FROM unnest($1::uuid[], $2::uuid[]) AS a(run, job))
INSERT INTO approval (run, job, workspace, node, kind)
SELECT run, job, 'main', 'a', 'approval'
FROM unnest($1::uuid[], $2::uuid[]) AS a(run, job)
"""


@pytest.fixture
async def worker(database: TestDatabase) -> AsyncIterator[Connection]:
    """Open a connection like a worker's."""
    settings = BY_INDEX | {"plan_cache_mode": "force_generic_plan"}
    connection = await asyncpg.connect(database.owner_url, server_settings=settings)
    yield connection
    await connection.close()


def ends(run: UUID, job: UUID) -> StepWrite:
    """Return a step in which the only job of a run ends, and the run with it."""
    value = NewValue(job, "result", "", 2, 0, b"{}", None)
    return StepWrite(
        run,
        0,
        b"",
        "succeeded",
        [ending(job)],
        values=[value],
        events=[NewEvent("ended")],
        end=RunEnd("succeeded", result_of=job),
    )


def goes_on(run: UUID, job: UUID) -> StepWrite:
    """Return a step in which one job ends and the next is inserted."""
    value = NewValue(job, "result", "", 2, 0, b"{}", None)
    following = NewJob(ids.node_job_id(run, "b"), "b", 1, "identity", None, None, "native", 0)
    return StepWrite(run, 0, b"s", "running", [ending(job)], jobs=[following], values=[value])


def ending(job: UUID) -> JobCompletion:
    return JobCompletion(job, 1, WORKER, 1, "succeeded", ran_s=0.5, log_chars=0)


@pytest.mark.parametrize("analyzed", [False, True], ids=["new tables", "known tables"])
@pytest.mark.parametrize(
    ("step", "own"), [(ends, True), (ends, False), (goes_on, False)], ids=["one job", "last node", "next node"]
)
async def test_no_plan_node_is_quadratic_in_batch_size(
    worker: Connection, step: Any, own: bool, analyzed: bool
) -> None:
    """The generic plan is used for batches of any size; the planner assumes ten rows in each array."""
    runs = [ids.new_run_id() for _ in range(STEPS)]
    jobs = runs if own else [ids.node_job_id(run, "a") for run in runs]
    await worker.execute(RUNS, runs)
    await worker.execute(JOBS, jobs, runs, WORKER)
    if analyzed:
        await worker.execute("ANALYZE run_live, job_live")
    plan = await explained(worker, [step(run, job) for run, job in zip(runs, jobs, strict=True)])
    assert_linear(plan)


@pytest.fixture(params=[False, True], ids=["new tables", "known tables"])
async def asked(request: pytest.FixtureRequest, database: TestDatabase) -> AsyncIterator[Asked]:
    """Insert runs that wait for approval, and open a connection like a server's."""
    connection = await asyncpg.connect(database.owner_url, server_settings={"plan_cache_mode": "force_generic_plan"})
    runs = [ids.new_run_id() for _ in range(STEPS * (10 if request.param else 1))]
    jobs = [ids.node_job_id(run, "a") for run in runs]
    await connection.execute(RUNS, runs)
    await connection.execute(APPROVALS, runs, jobs)
    if request.param:
        await connection.execute("ANALYZE run_live, approval, timer")
    yield connection, list(zip(runs, jobs, strict=True))[:STEPS]
    await connection.close()


Asked = tuple[Connection, list[tuple[UUID, UUID]]]


async def test_batch_of_decisions_is_linear(asked: Asked) -> None:
    connection, waiting = asked
    assert_linear(await explained(connection, [decides(run, job) for run, job in waiting]))
    assert await connection.fetchval("SELECT count(*) FROM decision WHERE taken") == STEPS


async def test_read_of_decidable_runs_is_linear(asked: Asked) -> None:
    connection, waiting = asked
    await connection.execute(f"PREPARE step AS {load('approvals')['find_decidable_runs'].text}")
    runs, workspaces = [str(run) for run, _ in waiting], ["main"] * STEPS
    call = f"step(ARRAY{runs}::uuid[], ARRAY{workspaces})"
    found = await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE {call}")
    assert_linear(json.loads(found)[0]["Plan"])


def decides(run: UUID, job: UUID) -> StepWrite:
    """Return a step that counts the decision which ends a run."""
    at = datetime.now(UTC)
    return StepWrite(
        run,
        0,
        b"",
        "succeeded",
        nodes=[NodeCompletion(job, "a", 0, "approval", "succeeded")],
        values=[NewValue(job, "result", "", 2, 0, b"{}", None)],
        events=[NewEvent("ended")],
        decisions=[CountedDecision(job, 1, True, "ann", "ann@example.com", None, "{}", at, None, closes=True)],
        audit=[NewAudit("main", "ann", None, "approvals.decide", "Execute", None, "{}", None, None)],
        end=RunEnd("succeeded", result_of=job),
    )


def assert_linear(plan: dict[str, Any]) -> None:
    """Assert that each node of the plan reads at most two rows per step."""
    assert plan["Actual Rows"] == STEPS
    for node in nodes(plan):
        rows = sum(node.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter"))
        assert rows * node["Actual Loops"] <= 2 * STEPS, json.dumps(node, indent=1)


async def explained(connection: Connection, steps: list[StepWrite]) -> dict[str, Any]:
    """Return the plan of the prepared statement with the actual counts of its nodes."""
    text, numbers = statement(parts_with_rows(steps))
    values = ", ".join(await literals(connection, text, numbers, arguments_of(steps)))
    await connection.execute(f"PREPARE step AS {text}")
    found = await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE step({values})")
    plan: dict[str, Any] = json.loads(found)[0]["Plan"]
    return plan


async def literals(connection: Connection, text: str, numbers: Sequence[int], arguments: Sequence[Any]) -> list[str]:
    """Return the arguments of a statement with these parameter numbers as SQL literals."""
    types = dict(re.findall(r"\$(\d+)::([a-z ]+(?:\[\])?)", text))
    found = []
    for place, number in enumerate(numbers, 1):
        kind = types[str(place)]
        literal = await connection.fetchval(f"SELECT quote_nullable(($1::{kind})::text)", arguments[number - 1])
        found.append(f"{literal}::{kind}")
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield all plan nodes that were executed."""
    yield {key: value for key, value in plan.items() if key != "Plans"}
    for inner in plan.get("Plans", []):
        if inner.get("Actual Loops", 0):
            yield from nodes(inner)
