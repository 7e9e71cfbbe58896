"""The parent and the root of a run come from the job that starts it, never from parameters of the caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.jobs_running import job_client, started
from tests.http.scene import PYTHON, Scene, W, scene, script
from tests.http.test_approvals import approval, consent, ended, status

from orvanta_platform.control.actor import Role
from orvanta_platform.db import erasures
from orvanta_platform.ids import new_run_id
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.shared import SharedFolders

BOUND_S = 30
"""More than any of these calls takes on a busy machine, and less than a query that does not end."""

ASKING: dict[str, Any] = {"value": {"modules": [approval()]}}
WAITING: dict[str, Any] = {"value": {"modules": [script("a")]}}


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(database, tmp_path) as made:
        yield made


async def run_row(stage: Scene, id: str) -> dict[str, Any]:
    async with stage.platform.db.acquire() as conn:
        return dict(await conn.fetchrow("SELECT parent, root, trigger FROM run_live WHERE id = $1", UUID(id)))


async def start(client: httpx.AsyncClient, body: dict[str, Any], call: str = "preview_flow", **query: Any) -> str:
    answer = await client.post(f"{W}/jobs/run/{call}", params=query, json=body)
    assert answer.status_code == 201, answer.text
    return answer.text


async def test_a_run_that_names_itself_as_its_parent_leaves_no_cycle(stage: Scene) -> None:
    """A consent looked below the run without an end: 2.4 GB of temporary files in a minute."""
    await stage.flow(approval())  # Where nobody is asked anything, PostgreSQL does not look below the run at all.
    id = str(new_run_id())
    await start(stage.client, WAITING, job_id=id, parent_job=id, root_job=id)
    async with asyncio.timeout(BOUND_S):
        assert (await consent(stage.client, id)).status_code == 409
    assert await run_row(stage, id) == {"parent": None, "root": UUID(id), "trigger": "api"}


async def test_many_consents_on_a_cycle_leave_the_server_free(stage: Scene) -> None:
    await stage.flow(approval())
    id, other = str(new_run_id()), str(new_run_id())
    await start(stage.client, WAITING, job_id=id, parent_job=other)
    await start(stage.client, WAITING, job_id=other, parent_job=id)
    async with asyncio.timeout(BOUND_S):
        answers = await asyncio.gather(*(consent(stage.client, id) for _ in range(34)), stage.get("jobs/queue/count"))
    assert {each.status_code for each in answers[:-1]} == {409}


async def test_rows_that_form_a_cycle_are_read_to_an_end(stage: Scene) -> None:
    """Rows of before this was refused, or of a damaged backup: every query over parents ends all the same."""
    await stage.flow(approval())
    ids = [UUID(await start(stage.client, WAITING)) for _ in range(2)]
    async with stage.platform.db.transaction() as conn:
        await conn.execute("UPDATE run_live SET parent = $2, trigger = 'flow' WHERE id = $1", ids[0], ids[1])
        await conn.execute("UPDATE run_live SET parent = $1, trigger = 'flow' WHERE id = $2", ids[0], ids[1])
    async with asyncio.timeout(BOUND_S):
        for id in ids:
            assert (await consent(stage.client, str(id))).status_code == 409
            assert (await stage.client.get(f"{W}/jobs_u/flow/approval_info/{id}")).status_code == 200
    for id in ids:
        await stage.client.post(f"{W}/jobs_u/queue/force_cancel/{id}", json={})
    async with stage.platform.db.transaction() as conn:
        await conn.execute("UPDATE run SET trigger = 'flow'")
        await erasures.erase(conn, ids[0], -1)


async def test_a_consent_decides_nothing_of_a_run_that_another_attached(stage: Scene) -> None:
    mine = await start(stage.client, WAITING)
    ann = await stage.member("ann", role=Role.DEVELOPER)
    theirs = await start(ann, ASKING, parent_job=mine, root_job=mine)
    assert (await consent(stage.client, mine)).status_code == 409
    assert await status(stage, theirs) == "awaiting_approval"
    assert (await run_row(stage, theirs))["parent"] is None
    job = await started(stage, ann)
    async with job_client(stage, job) as inside:
        refused = await inside.post(f"{W}/jobs/run/preview_flow", params={"parent_job": mine}, json=ASKING)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_parent")


async def test_a_job_that_attaches_an_approval_to_its_run_gains_no_consent_there(stage: Scene) -> None:
    """Code of an admin's run asks, and the admin's consent on that run answers nothing of it."""
    run = await stage.flow(script("a"))
    job = (await stage.worker.claim())["a"]
    async with job_client(stage, job) as inside:
        asks = await start(inside, ASKING, parent_job=str(job.id), root_job=run)
    assert (await consent(stage.client, run)).status_code == 409
    assert await status(stage, asks) == "awaiting_approval"
    assert (await consent(stage.client, asks)).status_code == 200


async def test_rows_of_an_attached_run_are_beyond_a_consent(stage: Scene) -> None:
    """Rows as they were written before: a run of somebody else names a workflow's run as its parent."""
    mine, theirs = await start(stage.client, WAITING), await start(stage.client, ASKING)
    async with stage.platform.db.transaction() as conn:
        await conn.execute("UPDATE run_live SET parent = $2 WHERE id = $1", UUID(theirs), UUID(mine))
    assert (await consent(stage.client, mine)).status_code == 409
    assert await status(stage, theirs) == "awaiting_approval"


async def test_no_root_of_a_caller_opens_the_folder_of_another_run(stage: Scene) -> None:
    """The folder that jobs of a `same_worker` run share has the name of the run's root."""
    private = await start(stage.client, {"value": {"modules": [script("a")], "same_worker": True}})
    secret = (await stage.worker.claim())["a"]
    ann = await stage.member("ann", role=Role.ADMIN, workspace="admins")
    body = {"value": {"modules": [script("x")], "same_worker": True}}
    query = {"root_job": private, "parent_job": private}
    answer = await ann.post("/api/w/admins/jobs/run/preview_flow", params=query, json=body)
    assert answer.status_code == 201, answer.text
    spy = (await stage.worker.claim())["x"]
    folders = SharedFolders(stage.platform.db, cast(Runtimes, _Names()))
    assert folders.of(secret) is not None and folders.of(secret) != folders.of(spy)
    assert spy.run.root == spy.run.id == UUID(answer.text)


async def test_a_sub_workflow_shares_the_folder_of_the_run_that_called_it(stage: Scene) -> None:
    deployed = {"path": "f/a/inner", "summary": "", "value": {"modules": [script("x")]}}
    assert (await stage.client.post(f"{W}/flows/create", json=deployed)).status_code == 201
    call = {"id": "c", "value": {"type": "flow", "path": "f/a/inner", "input_transforms": {}}}
    run = await start(stage.client, {"value": {"modules": [call], "same_worker": True}})
    inner = (await stage.worker.claim())["x"]
    assert inner.run.root == UUID(run) and inner.run.id != UUID(run)


@pytest.mark.parametrize("call", ["preview", "preview_flow", "p/u/admin/s", "f/u/admin/w"])
async def test_a_job_attaches_runs_to_itself_and_to_nothing_else(stage: Scene, call: str) -> None:
    body = {"preview": PYTHON, "preview_flow": WAITING}.get(call, {})
    item = {"path": "u/admin/s", "summary": "", "description": "", **PYTHON}
    assert (await stage.client.post(f"{W}/scripts/create", json=item)).status_code == 201
    flow = {"path": "u/admin/w", "summary": "", **WAITING}
    assert (await stage.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    outer = await stage.flow(script("a"))
    other = await stage.flow(script("b"))
    job = (await stage.worker.claim())["a"]
    async with job_client(stage, job) as inside:
        child = await start(inside, body, call, parent_job=str(job.id), root_job=outer)
        for wrong in (other, outer, str(new_run_id())):
            answer = await inside.post(f"{W}/jobs/run/{call}", params={"parent_job": wrong}, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_parent"), wrong
        alone = await start(inside, body, call, root_job=other)
    found = await stage.get(f"jobs_u/get/{child}")
    assert found["parent_job"] == str(job.id)
    assert await stage.get(f"jobs_u/get_root_job_id/{child}") == outer
    assert [each["id"] for each in await stage.get("jobs/list", parent_job=str(job.id))] == [child]
    assert (await run_row(stage, child))["root"] == UUID(child)
    assert await run_row(stage, alone) == {"parent": None, "root": UUID(alone), "trigger": "workflow"}


async def test_a_run_below_a_run_of_a_script_finds_its_outermost_run(stage: Scene) -> None:
    first = await started(stage)
    async with job_client(stage, first) as inside:
        second = await start(inside, PYTHON, "preview", parent_job=str(first.id))
    job = (await stage.worker.claim())[""]
    async with job_client(stage, job) as inside:
        third = await start(inside, WAITING, parent_job=second, root_job=str(job.run.root))
        assert (await inside.get(f"{W}/jobs_u/get_root_job_id/{third}")).json() == str(first.run.id)
    await stage.worker.finish(job, 1)
    assert (await ended(stage, second))["parent_job"] == str(first.id)


async def test_who_may_not_see_a_run_learns_nothing_of_what_is_below_it(stage: Scene) -> None:
    deployed = {"path": "u/admin/asking", "summary": "", "value": {"modules": [approval()]}}
    assert (await stage.client.post(f"{W}/flows/create", json=deployed)).status_code == 201
    call = {"value": {"type": "flow", "path": "u/admin/asking", "input_transforms": {}}, "needs": []}
    run = await stage.flow({"id": "c", **call}, {"id": "d", **call})
    bea = await stage.member("bea", role=Role.OPERATOR)
    answer = await consent(bea, run)
    assert (answer.status_code, answer.json()["error"]["details"]) == (404, None), answer.text
    assert (await consent(stage.client, run)).status_code == 409


class _Names:
    """Stands for the runtimes: a folder is its name."""

    def share_output(self, name: str) -> str:
        return name
