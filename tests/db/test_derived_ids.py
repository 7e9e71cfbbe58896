"""Migration of derived ids from version 7 to version 8, on live and ended runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, script

from orvanta_platform import ids
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.migrate import migrate
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator import inbox as events
from orvanta_platform.services.maintenance import consistency

MIGRATION = "0038_mark_derived_ids"
DOWNGRADE = Path(__file__).with_name("downgrade_derived_ids.sql").read_text()


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        yield made


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


def loop(id: str, *modules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a node that runs its body twice."""
    iterator = {"type": "javascript", "expr": "[1, 2]"}
    return {"id": id, "value": {"type": "forloopflow", "iterator": iterator, "modules": list(modules), **more}}


def asking(id: str) -> dict[str, Any]:
    return {"id": id, "value": {"type": "approval", "message": "?"}}


def calling(path: str) -> dict[str, Any]:
    return {"id": "sub", "value": {"type": "flow", "path": path, "input_transforms": {}}}


async def deploy(api: ApiHarness, path: str, *modules: dict[str, Any]) -> None:
    body = {"path": path, "summary": "", "value": {"modules": list(modules)}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201


async def work(api: ApiHarness, *, printing: bool = False) -> None:
    """Complete all jobs."""
    while found := await api.worker.claim_all():
        for job in found:
            if printing:
                await api.worker.print(job, "a line\n")
                await api.worker.stream(job, "a piece")
            await api.worker.finish(job, {"of": job.node})


async def ended(api: ApiHarness) -> list[str]:
    """Complete runs of every kind; return their ids."""
    await deploy(api, "f/a/inner", script("x"))
    await deploy(api, "f/a/called", calling("f/a/inner"), loop("l", script("y"), script("z")))
    runs = [
        await api.preview(),
        await api.flow(script("a"), script("b")),
        await api.flow(loop("l", loop("m", script("a"), script("b"))), calling("f/a/called")),
    ]
    await work(api, printing=True)
    again = await api.client.post(f"{W}/jobs/restart/f/{runs[2]}", json={"step_id": "l", "branch_or_iteration_n": 1})
    assert again.status_code == 201, again.text
    await work(api)
    return [*runs, again.text]


async def under_way(api: ApiHarness) -> list[ClaimedJob]:
    """Start runs that have rows in every table of live rows; return the running jobs."""
    await deploy(api, "f/a/asks", asking("ask"))
    await api.flow(loop("l", asking("ask"), script("b"), parallel=True))
    suspending = await api.flow(calling("f/a/asks"), script("c"))
    limited = script("d")
    limited["value"] |= {"concurrent_limit": 1, "custom_concurrency_key": "one"}
    limits = [await api.flow(limited) for _ in range(2)]
    held = await api.worker.claim_all()
    assert held
    retry = {"constant": {"attempts": 2, "seconds": 3600}}
    await api.flow(script("e", retry=retry))
    failing = next(iter((await api.worker.claim()).values()))
    await api.worker.finish(failing, error="Again")
    paused = {"value": {"modules": [script("p")]}, "args": {}}
    answer = await api.client.post(f"{W}/jobs/run/preview_flow", params={"pause_before": "p"}, json=paused)
    assert answer.status_code == 201, answer.text
    parent = await api.client.post(
        f"{W}/jobs/run/preview", params={"parent_job": str(held[0].id)}, json={"content": "", "language": "bash"}
    )
    assert parent.status_code == 201
    job = await api.client.get(f"{W}/jobs/resume_urls/{limits[0]}/1")
    assert job.status_code in (200, 400, 404, 409), suspending
    return held


async def untaken(owner: Connection) -> None:
    """Insert an unprocessed event of each kind that contains ids."""
    run, child = ids.new_run_id(), await owner.fetchval("SELECT id FROM run WHERE trigger = 'flow' LIMIT 1")
    frame = ids.frame_id(run, ids.opening_id(run, ids.node_job_id(run, "l"), 0), 1)
    job = ids.inner_job_id(run, frame, "a")
    live = await owner.fetchval("SELECT id FROM run_live WHERE trigger <> 'flow' LIMIT 1")
    for event in (
        events.NodeDue(job, "wait"),
        events.CancelJob(job, f'because "job":"{job}"'),
        events.Permitted(live, None),
        events.Permitted(job, frame),
        events.HandedOver(job, child, frame),
        events.Continued(job, "ann", frame, inputs=f'{{"job":"{UUID(int=7 << 76)}"}}'),
        events.BodiesOpened((frame, ids.frame_id(run, job, 2))),
        events.BodiesEnded(job),
        events.ChildEnded(child),
        events.TimeoutDue(live),
    ):
        await owner.execute("INSERT INTO inbox (run, event) VALUES ($1, $2)", live, events.write(event))


IDS = """SELECT c.table_name, array_agg(c.column_name::text) FROM information_schema.columns c
JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'public' AND c.data_type = 'uuid' AND t.table_type = 'BASE TABLE'
  AND NOT (SELECT relispartition FROM pg_class WHERE oid = c.table_name::text::regclass) GROUP BY 1"""


async def content(owner: Connection) -> dict[str, list[str]]:
    """Return every id of every table, and the events of inboxes without spaces, in a defined order."""
    found = {}
    for table, columns in await owner.fetch(IDS):
        chosen = ", ".join([*sorted(set(columns) - {"nonce"}), *(["event::text"] if table == "inbox" else [])])
        rows = await owner.fetch(f"SELECT ROW({chosen})::text FROM {table}")  # noqa: S608
        found[table] = sorted(row[0].replace(" ", "") for row in rows)
    return found


async def test_runs_are_read_and_continue_after_derived_ids_are_marked(
    api: ApiHarness, database: TestDatabase, owner: Connection
) -> None:
    runs = await ended(api)
    held = await under_way(api)
    graphs = [await api.get(f"jobs_u/get/{run}") for run in runs]
    await untaken(owner)
    before = await content(owner)
    assert {table for table, rows in before.items() if rows} >= {
        *("run", "job", "value", "event", "log_chunk", "stream_chunk", "run_live", "job_live", "frame", "counter"),
        *("timer", "inbox", "approval", "pause", "gate_wait", "permit"),
    }
    await owner.execute(DOWNGRADE)
    assert await content(owner) != before
    assert await migrate(database.owner_url, app_url=database.app_url) == [MIGRATION]
    after = await content(owner)
    for table, rows in before.items():
        assert after[table] == rows, table
    await owner.execute("DELETE FROM inbox")
    assert [await api.get(f"jobs_u/get/{run}") for run in runs] == graphs
    assert [str(each) for each in await consistency.check(api.platform.db)] == []
    for job in held:
        await api.worker.finish(job, "done")
    await work(api)
    assert [str(each) for each in await consistency.check(api.platform.db)] == []


async def test_derived_ids_differ_from_earlier_ones_in_version_alone() -> None:
    """The expected values were computed by the previous version, each from the one before it."""
    run = UUID("0197a000-0000-7000-8000-000000000001")
    node = ids.node_job_id(run, "l")
    opening = ids.opening_id(run, node, 0)
    frame = ids.frame_id(run, opening, 3)
    inner = ids.inner_job_id(run, frame, "a")
    found = [node, opening, frame, inner, ids.derived_id(run, "child", opening)]
    assert [str(each) for each in found] == EARLIER


EARLIER = [
    "0197a000-0000-838b-8988-46e12c16b1f0",
    "0197a000-0000-8e7e-97b7-7836c770c979",
    "0197a000-0000-887c-a8e9-a62486076020",
    "0197a000-0000-8303-a8f0-baf2d7efb0e8",
    "0197a000-0000-8de6-aca9-5b8dc042c252",
]
