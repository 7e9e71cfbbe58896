"""Runs with `same_worker`: the worker that executes their jobs, and its loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, job

from orvanta_platform.db import workers as worker_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.workers import ServingWorker
from orvanta_platform.orchestrator import worker_affinity
from orvanta_platform.services.approvals import decisions
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow

SQUASHED: dict[str, Any] = {
    "id": "l",
    "value": {
        "type": "forloopflow",
        "iterator": {"type": "static", "value": [1, 2, 3]},
        "squash": True,
        "modules": [{"id": "x", "value": {"type": "rawscript", "language": "python3", "content": "#"}}],
    },
}
"""Loop whose iterations share a process: a run with it is bound to one worker."""


async def two(core: CoreHarness) -> tuple[Worker, Worker]:
    return await core.worker(), await core.worker()


async def owner(core: CoreHarness, run: Any, *pair: Worker) -> tuple[Worker, Worker]:
    """Return the worker to which the run is bound, and the other one."""
    queue = (await core.row("SELECT queue FROM run_live WHERE id = $1", run))["queue"]
    (mine,) = [each for each in pair if queue == f"worker:{each.id}"]
    (other,) = [each for each in pair if each is not mine]
    return mine, other


def end_after_choice(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> None:
    """Let the worker end, and its jobs be recovered, between the choice of a worker and the insertion of the run."""
    queue_of = worker_affinity.queue_of

    async def ends_afterwards(*args: Any) -> str | None:
        queue = await queue_of(*args)
        await worker.vanish()
        await worker.reap()
        return queue

    monkeypatch.setattr(worker_affinity, "queue_of", ends_afterwards)


async def test_bound_run_uses_one_worker(core: CoreHarness) -> None:
    run = await core.start(job("a"), job("b"), job("c", "a", "b"), same_worker=True)
    assert (await core.row("SELECT queue FROM run_live WHERE id = $1", run))["queue"] is None, "there is no worker yet"
    pair = await two(core)
    run = await core.start(job("d"), job("e"), job("f", "d", "e"), same_worker=True)
    mine, other = await owner(core, run, *pair)
    assert not {"d", "e", "f"} & set(await other.claim_by_node())
    for node in ("d", "e", "f"):
        held = await mine.claim_by_node()
        for each in held.values():
            await mine.finish(each, node)
    assert (await core.ended(run))["status"] == "succeeded"


async def test_bound_worker_serves_all_queues_of_run(core: CoreHarness) -> None:
    narrow, wide = await core.worker(["bash"]), await core.worker(["python3", "gpu"])
    run = await core.start(job("a"), job("b", "a", tag="gpu"), same_worker=True)
    assert (await owner(core, run, narrow, wide))[0] is wide


async def test_run_is_not_bound_to_drained_worker(core: CoreHarness) -> None:
    """Regression test: a drained worker claims nothing, so that the run waited until it was resumed."""
    drained, other = await two(core)
    async with core.platform.db.acquire() as conn:
        await worker_rows.set_drained(conn, drained.id, drained=True)
    for number in range(6):
        run = await core.start(job(f"n{number}"), same_worker=True)
        assert (await owner(core, run, drained, other))[0] is other


async def test_loss_of_bound_worker_fails_run(core: CoreHarness) -> None:
    pair = await two(core)
    run = await core.start(job("a"), job("b", "a"), same_worker=True, failure_module=job("failure"))
    mine, other = await owner(core, run, *pair)
    await mine.claim()
    await mine.vanish()
    await mine.reap()
    ended = await core.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "worker_lost")
    assert (await core.result(run))["error"]["name"] == "worker_lost"
    assert not await other.claim()
    await mine.reap()
    await core.is_whole()


async def test_waiting_run_is_rebound_to_another_worker(core: CoreHarness) -> None:
    pair = await two(core)
    ask = {"id": "ask", "value": {"type": "approval"}, "needs": ["a"]}
    run = await core.start(job("a"), ask, job("b", "ask"), same_worker=True)
    mine, other = await owner(core, run, *pair)
    await mine.finish((await mine.claim())[0], 1)
    await mine.vanish()
    await mine.reap()
    assert (await owner(core, run, *pair))[0] is other
    await decisions.decide(core.platform, ACTOR, WORKSPACE, run, approved=True)
    await other.finish((await other.claim())[0], 2)
    assert (await core.ended(run))["status"] == "succeeded"


async def test_sub_workflows_and_loops_share_bound_worker(core: CoreHarness) -> None:
    body = b'{"modules": [{"id": "x", "value": {"type": "rawscript", "language": "python3", "content": "#"}}]}'
    await flows.create(
        core.platform, ACTOR, WORKSPACE, NewFlow("f/a/sub", msgspec.Raw(body), None, {"summary": msgspec.Raw(b'""')})
    )
    pair = await two(core)
    call = {"id": "c", "value": {"type": "flow", "path": "f/a/sub", "input_transforms": {}}}
    items = {"type": "static", "value": [1, 2]}
    loop = {"id": "l", "value": {"type": "forloopflow", "iterator": items, "parallel": True, "modules": [call]}}
    run = await core.start(loop, same_worker=True)
    mine, other = await owner(core, run, *pair)
    assert not await other.claim()
    held = await mine.claim()
    assert [each.node for each in held] == ["x", "x"]
    await mine.vanish()
    await mine.reap()
    assert (await core.ended(run))["error_name"] == "worker_lost"
    assert not await core.rows("SELECT FROM run_live")
    await core.is_whole()


async def test_squashed_loop_is_rebound_to_another_worker(core: CoreHarness) -> None:
    pair = await two(core)
    run = await core.start(SQUASHED)
    mine, other = await owner(core, run, *pair)
    await mine.finish((await mine.claim())[0], 1)
    assert not await other.claim()
    await mine.claim()
    await mine.vanish()
    await mine.reap()
    assert (await owner(core, run, *pair))[0] is other
    for result in (2, 3):
        await other.finish((await other.claim())[0], result)
    assert await core.result(run) == [1, 2, 3]
    await core.is_whole()


async def test_run_bound_to_worker_that_ends_meanwhile_fails(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that recovered the jobs of the worker has not seen the run."""
    worker = await core.worker()
    end_after_choice(monkeypatch, worker)
    run = await core.start(job("a"), same_worker=True)
    assert (await core.ended(run))["error_name"] == "worker_lost"
    await core.is_whole()


async def test_worker_that_ends_while_sub_workflow_is_bound_is_not_chosen(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = {"type": "rawscript", "language": "python3", "content": "#"}
    body = msgspec.json.encode({"same_worker": True, "modules": [{"id": "x", "value": code}]})
    await flows.create(
        core.platform, ACTOR, WORKSPACE, NewFlow("f/a/sub", msgspec.Raw(body), None, {"summary": msgspec.Raw(b'""')})
    )
    started, list_serving = await two(core), worker_rows.list_serving

    async def first_ends(connection: Connection, queues: Sequence[str]) -> list[ServingWorker]:
        found = await list_serving(connection, queues)
        (first,) = [each for each in started if each.id == found[0].id]
        await first.vanish()
        await first.reap()
        return found

    monkeypatch.setattr(worker_rows, "list_serving", first_ends)
    await core.start({"id": "c", "value": {"type": "flow", "path": "f/a/sub", "input_transforms": {}}})
    (bound,) = await core.rows("SELECT queue, worker.state FROM run_live JOIN worker ON queue = 'worker:' || worker.id")
    assert bound["state"] == "live"


async def test_heartbeats_go_on_while_a_run_is_bound_and_only_then_the_worker_is_fenced(core: CoreHarness) -> None:
    worker = await core.worker()
    async with core.db.transaction() as connection:
        assert await worker_rows.hold_live(connection, worker.id)
        await worker.beat()
        with pytest.raises(asyncpg.LockNotAvailableError):
            await worker.vanish()
    await worker.vanish()


async def test_run_without_another_worker_is_rebound_to_the_next_one(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that recovered the jobs of the only worker has not seen the run."""
    worker = await core.worker()
    end_after_choice(monkeypatch, worker)
    await core.start(SQUASHED)
    assert [row["state"] for row in await core.rows("SELECT state FROM worker")] == ["lost"]
    other = await core.worker()
    await worker.reap()
    assert await other.claim()
    states = await core.rows("SELECT state FROM worker WHERE id = $1", worker.id)
    assert [row["state"] for row in states] == ["stopped"]


async def test_sub_workflow_that_starts_during_the_recovery_is_rebound_too(
    core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run is advanced after the recovery has listed the runs of the lost worker."""
    script = {"type": "rawscript", "language": "python3", "content": "#"}
    body = msgspec.json.encode({"modules": [{"id": "x", "value": script}]})
    new = NewFlow("f/a/sub", msgspec.Raw(body), None, {"summary": msgspec.Raw(b'""')})
    await flows.create(core.platform, ACTOR, WORKSPACE, new)
    pair = await two(core)
    call = {"id": "c", "value": {"type": "flow", "path": "f/a/sub", "input_transforms": {}}, "needs": ["ask"]}
    run = await core.start(
        {"id": "ask", "value": {"type": "approval"}, "needs": []}, call, {**SQUASHED, "needs": ["c"]}
    )
    mine, other = await owner(core, run, *pair)
    await mine.vanish()
    list_bound_runs = worker_rows.list_bound_runs

    async def decided_afterwards(connection: Connection, queue: str) -> list[UUID]:
        found = await list_bound_runs(connection, queue)
        monkeypatch.undo()
        await decisions.decide(core.platform, ACTOR, WORKSPACE, run, approved=True)
        return found

    monkeypatch.setattr(worker_rows, "list_bound_runs", decided_afterwards)
    await mine.reap()
    assert not await other.claim()
    await mine.reap()
    assert await other.claim()


async def test_janitor_lets_runs_of_ended_workers_be_recovered(core: CoreHarness) -> None:
    pair = await two(core)
    run = await core.start(SQUASHED)
    mine, other = await owner(core, run, *pair)
    await mine.vanish()
    async with core.db.acquire() as connection:
        await connection.execute("UPDATE worker SET state = 'stopped' WHERE id = $1", mine.id)
        await worker_rows.reopen_recoveries(connection)
    await mine.reap()
    assert await other.claim()
