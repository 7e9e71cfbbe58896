"""Jobs without a process, executed by a real worker in batches; jobs too large for a batch run alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.orchestrator.harness import ACTOR, MAX_WAIT_S, WORKSPACE, CoreHarness, condition, on

from orvanta_platform.db import workers
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.steps import StepWrite, write_steps
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.orchestrator import job_completion
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions, ScriptPreview
from orvanta_platform.worker import batches
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes

ALL_ENDED = "SELECT WHERE NOT EXISTS (SELECT FROM run_live)"


def identity(id: str, *needs: Any) -> dict[str, Any]:
    """Return a node that passes on its previous result; without `needs` it starts with the run."""
    return {"id": id, "value": {"type": "identity"}, "needs": list(needs)}


@asynccontextmanager
async def working(core: CoreHarness, tmp_path: Path, begin: asyncio.Event | None = None) -> AsyncIterator[Worker]:
    """Run a worker, from the time when `begin` is set if it is given, and drain it at the end."""
    row = NewWorker(uuid4(), "native", "here", "127.0.0.1", "default", None, 4, "0", "none")
    async with core.db.acquire() as connection:
        await workers.register(connection, row)
    worker = Worker(core.platform, Runtimes(tmp_path / "unused", []), Lease(row.id, 1, 3600))

    async def work() -> None:
        if begin is not None:
            await begin.wait()
        await worker.run()

    running = asyncio.create_task(work())
    try:
        yield worker
    finally:
        worker.drain()
        await asyncio.wait_for(running, MAX_WAIT_S)


async def one_each(core: CoreHarness, count: int) -> list[UUID]:
    """Start `count` runs of one identity node, each with its number as input."""
    start = runs.start_preview
    preview = ScriptPreview(kind="identity")
    return [await start(core.platform, ACTOR, WORKSPACE, preview, b'{"n":%d}' % n, RunOptions()) for n in range(count)]


async def test_hundreds_of_runs_return_own_input(core: CoreHarness, tmp_path: Path) -> None:
    """The runs need several batches, and each result equals the input of its own run, byte by byte."""
    started = await one_each(core, batches.MAX_JOBS + 50)
    async with working(core, tmp_path) as worker:
        await core.until(ALL_ENDED)
    assert worker.jobs_executed == len(started)
    found = await core.rows("SELECT id, body FROM value WHERE kind = 'result'")
    assert {row["id"]: row["body"] for row in found} == {id: b'{"n":%d}' % n for n, id in enumerate(started)}
    assert {row["status"] for row in await core.rows("SELECT status FROM run")} == {"succeeded"}
    await core.is_whole()


async def test_runs_of_many_nodes_complete(core: CoreHarness, tmp_path: Path) -> None:
    """The runs have chains, a condition that is evaluated in the step, two branches and their join."""
    nodes = [
        identity("a"),
        condition("c", "previous_result.n > 1", "a"),
        identity("yes", on("c", "true")),
        identity("no", on("c", "false")),
        {**identity("j", "yes", "no"), "join": "settled"},
        identity("end", "j"),
    ]
    started = [await core.start(*nodes, args={"n": n}) for n in range(4)]
    async with working(core, tmp_path):
        await core.until(ALL_ENDED)
    assert [await core.result(run) for run in started] == [False, False, True, True]
    ended = await core.rows("SELECT node, state FROM job WHERE run = $1 AND queue IS NOT NULL", started[3])
    assert {row["node"] for row in ended} == {"a", "yes", "j", "end"}
    await core.is_whole()


@pytest.mark.parametrize("queue", ["native", "webhook"])
async def test_script_tag_cannot_bypass_slots(core: CoreHarness, queue: str) -> None:
    node = {"id": "a", "value": {"type": "rawscript", "language": "bash", "content": "", "tag": queue}}
    await core.start(node)
    await runs.start_preview(
        core.platform, ACTOR, WORKSPACE, ScriptPreview("echo", "bash", tag=queue), b"{}", RunOptions(tag=queue)
    )
    assert [row["queue"] for row in await core.rows("SELECT queue FROM job_live")] == ["bash", "bash"]


async def test_locked_run_delays_no_batch(core: CoreHarness, tmp_path: Path) -> None:
    started = await one_each(core, 20)
    begin = asyncio.Event()
    async with core.third_session() as other, working(core, tmp_path, begin):
        async with other.holding("SELECT FROM run_live WHERE id = $1 FOR NO KEY UPDATE", started[7]):
            begin.set()
            await core.until("SELECT WHERE (SELECT count(*) FROM run) = 19")
            await other.until_waiting()
            assert [row["id"] for row in await core.rows("SELECT id FROM run_live")] == [started[7]]
        await core.until(ALL_ENDED)
    await core.is_whole()


async def test_rejected_batch_is_executed_one_by_one(
    core: CoreHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds even if the response to COMMIT was lost: whether written or not, each run ends once."""

    async def unanswered(connection: Any, steps: list[StepWrite]) -> set[int]:
        await write_steps(connection, steps[: len(steps) // 2])
        raise ConnectionResetError("no answer")

    monkeypatch.setattr(batches, "write_steps", unanswered)
    started = await one_each(core, 10)
    async with working(core, tmp_path):
        await core.until(ALL_ENDED)
    assert len(await core.rows("SELECT FROM run WHERE status = 'succeeded'")) == len(started)
    await core.is_whole()


async def test_undecidable_job_strands_no_others(
    core: CoreHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await one_each(core, 5)

    def undecidable(job: ClaimedJob, *rest: Any) -> StepWrite | None:
        if job.id == started[2]:
            raise IndexError("no such node")
        return job_completion.write_without_io(job, *rest)

    monkeypatch.setattr(batches, "write_without_io", undecidable)
    async with working(core, tmp_path) as worker:
        await core.until(ALL_ENDED)
    assert worker._batches.jobs_executed == 4
    assert len(await core.rows("SELECT FROM run WHERE status = 'succeeded'")) == len(started)
    await core.is_whole()


async def test_failed_batch_gives_back_its_jobs(
    core: CoreHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that were not written, and those that were handed off by the write."""
    failures = iter([False, False, True])

    def fails_once(*args: Any, **more: Any) -> None:
        if next(failures, False):
            raise RuntimeError("unexpected")
        job_completion.notify_step(*args, **more)

    nodes = identity("a"), identity("b", "a")
    await core.start(*nodes)
    async with working(core, tmp_path):  # runs of workflows are batched when their blueprint is cached
        await core.until(ALL_ENDED)
    monkeypatch.setattr(batches, "notify_step", fails_once)
    started = [await core.start(*nodes, args={"n": n}) for n in range(5)]
    async with working(core, tmp_path) as worker:
        await core.until(ALL_ENDED)
    assert next(failures, None) is None and not worker._batches.held
    assert [await core.result(run) for run in started] == [{"n": n} for n in range(5)]
    await core.is_whole()


async def test_job_handed_off_by_unanswered_batch_is_given_back(
    core: CoreHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is drained meanwhile, and takes over no job when it runs those of the batch individually."""
    nodes = identity("a"), identity("b", "a")
    await core.start(*nodes)
    async with working(core, tmp_path):  # runs of workflows are batched when their blueprint is cached
        await core.until(ALL_ENDED)
    begin = asyncio.Event()
    async with working(core, tmp_path, begin) as worker:

        async def unanswered(connection: Any, steps: list[StepWrite]) -> set[int]:
            assert await write_steps(connection, steps)
            worker._lease.record.drained = True
            raise ConnectionResetError("no answer")

        monkeypatch.setattr(batches, "write_steps", unanswered)
        await core.start(*nodes)
        begin.set()
        await core.until("SELECT FROM job_live WHERE node = 'b' AND state = 'available'")
        monkeypatch.undo()
        worker._lease.record.drained = False
        await core.until(ALL_ENDED)
    await core.is_whole()


async def test_job_handed_off_before_an_error_is_given_back(
    core: CoreHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is written, so that its repetition returns no job."""
    notify, failures = job_completion.notify_step, iter([True])

    def fail_once(*args: Any, **more: Any) -> None:
        if next(failures, False):
            raise RuntimeError("unexpected")
        notify(*args, **more)

    monkeypatch.setattr(job_completion, "notify_step", fail_once)
    run = await core.start(identity("a"), identity("b", "a"), args={"n": 1})
    async with working(core, tmp_path):
        await core.until(ALL_ENDED)
    assert next(failures, None) is None
    assert await core.result(run) == {"n": 1}
    await core.is_whole()


async def test_large_value_is_passed_on(core: CoreHarness, tmp_path: Path) -> None:
    """A value that is too large for a batch is still the node's result."""
    text = "x" * (300 << 10)
    run = await core.start(identity("a"), identity("b", "a"), args={"text": text})
    async with working(core, tmp_path):
        await core.until(ALL_ENDED)
    row = await core.row(
        "SELECT object, size FROM value WHERE kind = 'result' AND id = $1", (await core.ended(run))["result_of"]
    )
    assert row["object"] is not None and row["size"] > len(text)
    await core.is_whole()


async def test_cancelled_run_is_not_completed_by_batch(core: CoreHarness, tmp_path: Path) -> None:
    """A batch that was claimed before the cancellation and is written after it does not override the cancellation."""
    started = await one_each(core, 3)

    async def cancelled_first(connection: Any, steps: list[StepWrite]) -> set[int]:
        await core.run("UPDATE run_live SET cancel_at = now(), status = 'cancelling' WHERE id = $1", started[1])
        return await write_steps(connection, steps)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "write_steps", cancelled_first)
        async with working(core, tmp_path):
            await core.until(ALL_ENDED)
    ended = {row["id"]: row["status"] for row in await core.rows("SELECT id, status FROM run")}
    assert ended == {started[0]: "succeeded", started[1]: "cancelled", started[2]: "succeeded"}
    await core.is_whole()
