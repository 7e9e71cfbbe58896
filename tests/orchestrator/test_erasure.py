"""Erasure of a run's data after its end, in PostgreSQL and the object storage."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, job

from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.http.schemas.jobs import CompletedJob, detailed, listed
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.force_fail import force_fail
from orvanta_platform.services.catalog import flows, scripts
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.run_views import erasing, jobs
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.start import RunOptions

KEPT = "SELECT id, kind, name FROM value"


async def ended(core: CoreHarness, worker: Worker, *modules: dict[str, Any], **value: Any) -> UUID:
    """Complete a run whose jobs return the names of their nodes."""
    run = await core.start(*modules, args={"x": "input"}, **value)
    while found := await worker.claim():
        for each in found:
            await worker.finish(each, {"from": each.node})
    assert await core.ended(run)
    return run


async def log_of(core: CoreHarness, run: UUID) -> None:
    """Insert a log and a stream for each job of the run."""
    for table in ("log_chunk", "stream_chunk"):
        await core.run(
            f"INSERT INTO {table} (job, attempt, seq, first_char, chars, body)"  # noqa: S608
            " SELECT id, 1, 0, 0, 1, $2 FROM job WHERE run = $1",
            run,
            zlib.compress(b"x"),
        )


async def test_run_is_erased_when_due_and_time_is_recorded(core: CoreHarness) -> None:
    worker = await core.worker()
    other = await ended(core, worker, job("z"))
    export = {"e": {"type": "javascript", "expr": "result.from"}}
    run = await ended(core, worker, job("a", export=export), job("b", "a"), delete_after_secs=60)
    await log_of(core, run)
    assert await erasing.erase_due(core.platform) == 0
    view = detailed(await jobs.get(core.platform, ACTOR, WORKSPACE, run))
    assert isinstance(view, CompletedJob) and (view.deleted, bytes(view.result)) == (False, b'{"from": "b"}')  # type: ignore[arg-type]
    (row,) = await core.rows("SELECT due_at FROM erasure")
    assert view.erase_at == row["due_at"]
    await core.run("UPDATE erasure SET due_at = app_now()")
    assert await erasing.erase_due(core.platform) == 1
    assert {row["id"] for row in await core.rows(KEPT)} <= {
        other,
        *(row["id"] for row in await core.rows("SELECT id FROM job WHERE run = $1", other)),
    }
    assert await core.rows("SELECT job FROM log_chunk UNION ALL SELECT job FROM stream_chunk") == []
    assert (
        await core.rows("SELECT FROM event WHERE data::text LIKE '%from%' OR kind = 'export' AND data IS NOT NULL")
        == []
    )
    (row,) = await core.rows("SELECT erased_at FROM erasure")
    view = detailed(await jobs.get(core.platform, ACTOR, WORKSPACE, run))
    assert isinstance(view, CompletedJob) and (view.deleted, view.erase_at) == (True, row["erased_at"])
    assert (bytes(view.result), bytes(view.args)) == (b"null", b"{}")  # type: ignore[arg-type]
    page = await jobs.list_jobs(core.platform, ACTOR, WORKSPACE, jobs.ENDED_PARTS, JobFilter(), Slice(limit=9))
    shown = {each.run: view for each in page if isinstance(view := listed(each), CompletedJob)}
    assert {id: each.deleted for id, each in shown.items()} == {run: True, other: False}
    assert await erasing.erase_due(core.platform) == 0
    await core.is_whole()


async def test_data_of_one_node_is_erased(core: CoreHarness) -> None:
    worker = await core.worker()
    run = await ended(core, worker, job("a", delete_after_secs=0), job("b", "a"))
    await log_of(core, run)
    assert await erasing.erase_due(core.platform) == 1
    rows = await core.rows("SELECT j.node FROM value v JOIN job j ON j.id = v.id WHERE v.kind = 'result'")
    logs = await core.rows("SELECT j.node FROM log_chunk v JOIN job j ON j.id = v.job")
    assert [row["node"] for row in rows] == [row["node"] for row in logs] == ["b"]
    assert await core.result(run) == {"from": "b"}
    steps = {row["node"]: row["id"] for row in await core.rows("SELECT node, id FROM job")}
    details = {node: await jobs.get(core.platform, ACTOR, WORKSPACE, id) for node, id in steps.items()}
    assert {node: each.row.erased for node, each in details.items()} == {"a": True, "b": False}
    assert details["a"].logs is not None and "erased at" in details["a"].logs
    await core.is_whole()


async def test_iterations_and_sub_workflows_are_erased_with_run(core: CoreHarness) -> None:
    items = {"type": "static", "value": ["secret one", "secret two"]}
    inner = [job("y"), job("z", "y")]
    loop = {"type": "forloopflow", "iterator": items, "parallel": True, "skip_failures": True, "modules": inner}
    await ended(core, await core.worker(), {"id": "l", "value": loop}, delete_after_secs=0)
    assert await erasing.erase_due(core.platform) == 1
    assert await core.rows(KEPT) == []
    await core.is_whole()


async def test_objects_are_deleted_after_their_rows(core: CoreHarness, tmp_path: Path) -> None:
    worker = await core.worker()
    run = await core.start(job("a"), delete_after_secs=0)
    (a,) = await worker.claim()
    raw = msgspec.json.encode("x" * (values.INLINE_LIMIT + 1))
    value = await values.store(core.platform.storage, WORKSPACE, run, a.id, "result", raw)
    await worker.submit(a, msgspec.structs.replace(worker.report(a), raw=raw, value=value))
    assert value.object is not None
    await core.platform.storage.get(value.object)
    await erasing.erase_due(core.platform)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and str(a.id) in str(path)]


async def test_script_run_is_erased(core: CoreHarness) -> None:
    settings = {"summary": msgspec.Raw(b'""'), "delete_after_secs": msgspec.Raw(b"0")}
    await scripts.create(core.platform, ACTOR, WORKSPACE, NewScript("f/main/s", "# nothing", "bash", settings))
    worker = await core.worker()
    await runs.start_script(core.platform, ACTOR, WORKSPACE, "f/main/s", b'{"x":1}', RunOptions())
    await worker.finish((await worker.claim())[0], 1)
    run = await ended(
        core, worker, {"id": "s", "value": {"type": "script", "path": "f/main/s", "input_transforms": {}}}
    )
    assert await erasing.erase_due(core.platform) == 2
    assert [(row["id"], row["kind"]) for row in await core.rows(KEPT)] == [(run, "args")]
    await core.is_whole()


async def test_force_failed_run_is_erased(core: CoreHarness) -> None:
    tools = core.platform.tools
    run = await core.start(job("a"), delete_after_secs=0)
    await force_fail(tools.db, tools.notify, tools.blueprints, run, RuntimeError("it is broken"))
    assert (await core.ended(run))["error_name"] == "EngineFailed" and len(await core.rows(KEPT)) == 3
    assert await erasing.erase_due(core.platform) == 1 and await core.rows(KEPT) == []


async def test_run_without_setting_is_not_erased(core: CoreHarness) -> None:
    await ended(core, await core.worker(), job("a"))
    assert await core.rows("SELECT FROM erasure") == [] and len(await core.rows(KEPT)) == 2


async def test_delete_after_use_erases_immediately(core: CoreHarness) -> None:
    await ended(core, await core.worker(), job("a"), job("b", "a", delete_after_use=True))
    assert await erasing.erase_due(core.platform) == 1
    rows = await core.rows("SELECT j.node FROM value v JOIN job j ON j.id = v.id")
    assert [row["node"] for row in rows] == ["a"]


async def test_loop_is_erased_with_its_contents(core: CoreHarness) -> None:
    worker = await core.worker()
    body = msgspec.Raw(json.dumps({"modules": [job("inner")]}).encode())
    await flows.create(
        core.platform, ACTOR, WORKSPACE, NewFlow("f/sub/one", body, None, {"summary": msgspec.Raw(b'""')})
    )
    call = {"id": "call", "value": {"type": "flow", "path": "f/sub/one", "input_transforms": {}}}
    branch = {"type": "branchall", "branches": [{"modules": [job("x"), job("y", "x")]}, {"modules": [job("z")]}]}
    items = {"type": "static", "value": [["item"], ["item"]]}
    modules = [{"id": "b", "value": branch}, call]
    value = {"type": "forloopflow", "iterator": items, "skip_failures": False, "modules": modules}
    loop = {"id": "l", "value": value, "needs": ["a"], "delete_after_secs": 0}
    run = await ended(core, worker, job("a"), loop, job("after", "l"))
    everybody = [run, *(row["id"] for row in await core.rows("SELECT id FROM run WHERE parent = $1", run))]
    assert len(everybody) == 3
    for each in everybody:
        await log_of(core, each)
    while await erasing.erase_due(core.platform):
        pass
    remaining = await core.rows(
        "SELECT j.node, v.kind FROM value v LEFT JOIN job j ON j.id = v.id WHERE v.id <> $1", run
    )
    assert sorted((row["node"], row["kind"]) for row in remaining) == [("a", "result"), ("after", "result")]
    logs = await core.rows("SELECT j.node FROM log_chunk v JOIN job j ON j.id = v.job")
    assert sorted(row["node"] for row in logs) == ["a", "after"]
    for row in await core.rows("SELECT id, node FROM job WHERE run = $1", run):
        view = await jobs.get(core.platform, ACTOR, WORKSPACE, row["id"])
        assert view.row.erased == (row["node"] not in ("a", "after")), row["node"]
    child = detailed(await jobs.get(core.platform, ACTOR, WORKSPACE, everybody[1]))
    assert isinstance(child, CompletedJob) and child.deleted
    await core.is_whole()
