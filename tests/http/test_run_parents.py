"""The parent and root of a run are determined by the job that starts it, never by parameters of the caller."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID

import httpx
import pytest
from tests.http.harness import PYTHON, ApiHarness, W, script
from tests.http.jobs_running import job_client, started
from tests.http.test_approvals import approval, consent, ended, status

from orvanta_platform.control.actor import Role
from orvanta_platform.db import erasures
from orvanta_platform.ids import new_run_id
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.shared import SharedFolders

BOUND_S = 30
"""Timeout, longer than any of these calls takes on a busy machine, for detecting endless queries."""

ASKING: dict[str, Any] = {"value": {"modules": [approval()]}}
WAITING: dict[str, Any] = {"value": {"modules": [script("a")]}}


async def run_row(api: ApiHarness, id: str) -> dict[str, Any]:
    async with api.platform.db.acquire() as conn:
        return dict(await conn.fetchrow("SELECT parent, root, trigger FROM run_live WHERE id = $1", UUID(id)))


async def start(client: httpx.AsyncClient, body: dict[str, Any], call: str = "preview_flow", **query: Any) -> str:
    answer = await client.post(f"{W}/jobs/run/{call}", params=query, json=body)
    assert answer.status_code == 201, answer.text
    return answer.text


async def test_run_naming_itself_as_parent_creates_no_cycle(api: ApiHarness) -> None:
    """Otherwise, a consent would search the run's descendants endlessly: 2.4 GB of temporary files in a minute."""
    await api.flow(approval())  # PostgreSQL does not search the descendants at all if nothing is pending.
    id = str(new_run_id())
    await start(api.client, WAITING, job_id=id, parent_job=id, root_job=id)
    async with asyncio.timeout(BOUND_S):
        assert (await consent(api.client, id)).status_code == 409
    assert await run_row(api, id) == {"parent": None, "root": UUID(id), "trigger": "api"}


async def test_consents_on_cycle_do_not_block_server(api: ApiHarness) -> None:
    await api.flow(approval())
    id, other = str(new_run_id()), str(new_run_id())
    await start(api.client, WAITING, job_id=id, parent_job=other)
    await start(api.client, WAITING, job_id=other, parent_job=id)
    async with asyncio.timeout(BOUND_S):
        answers = await asyncio.gather(*(consent(api.client, id) for _ in range(34)), api.get("jobs/queue/count"))
    assert {each.status_code for each in answers[:-1]} == {409}


async def test_cyclic_rows_are_read_without_endless_recursion(api: ApiHarness) -> None:
    """Earlier versions or a damaged backup may have left such rows; queries over parents must still terminate."""
    await api.flow(approval())
    ids = [UUID(await start(api.client, WAITING)) for _ in range(2)]
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE run_live SET parent = $2, trigger = 'flow' WHERE id = $1", ids[0], ids[1])
        await conn.execute("UPDATE run_live SET parent = $1, trigger = 'flow' WHERE id = $2", ids[0], ids[1])
    async with asyncio.timeout(BOUND_S):
        for id in ids:
            assert (await consent(api.client, str(id))).status_code == 409
            assert (await api.client.get(f"{W}/jobs_u/flow/approval_info/{id}")).status_code == 200
    for id in ids:
        await api.client.post(f"{W}/jobs_u/queue/force_cancel/{id}", json={})
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE run SET trigger = 'flow'")
        await erasures.erase(conn, ids[0], -1)


async def test_consent_does_not_decide_attached_run(api: ApiHarness) -> None:
    mine = await start(api.client, WAITING)
    ann = await api.member("ann", role=Role.DEVELOPER)
    theirs = await start(ann, ASKING, parent_job=mine, root_job=mine)
    assert (await consent(api.client, mine)).status_code == 409
    assert await status(api, theirs) == "awaiting_approval"
    assert (await run_row(api, theirs))["parent"] is None
    job = await started(api, ann)
    async with job_client(api, job) as inside:
        refused = await inside.post(f"{W}/jobs/run/preview_flow", params={"parent_job": mine}, json=ASKING)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_parent")


async def test_job_attaching_approval_gains_no_consent(api: ApiHarness) -> None:
    """The admin's consent to a run does not decide an approval that the code of this run attaches to it."""
    run = await api.flow(script("a"))
    job = (await api.worker.claim())["a"]
    async with job_client(api, job) as inside:
        asks = await start(inside, ASKING, parent_job=str(job.id), root_job=run)
    assert (await consent(api.client, run)).status_code == 409
    assert await status(api, asks) == "awaiting_approval"
    assert (await consent(api.client, asks)).status_code == 200


async def test_consent_does_not_reach_rows_of_attached_run(api: ApiHarness) -> None:
    """In rows of earlier versions, a run of another member can have a workflow's run as its parent."""
    mine, theirs = await start(api.client, WAITING), await start(api.client, ASKING)
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE run_live SET parent = $2 WHERE id = $1", UUID(theirs), UUID(mine))
    assert (await consent(api.client, mine)).status_code == 409
    assert await status(api, theirs) == "awaiting_approval"


async def test_root_parameter_does_not_open_folder_of_another_run(api: ApiHarness) -> None:
    """The folder shared by the jobs of a `same_worker` run is named after the id of the run's root."""
    private = await start(api.client, {"value": {"modules": [script("a")], "same_worker": True}})
    secret = (await api.worker.claim())["a"]
    ann = await api.member("ann", role=Role.ADMIN, workspace="admins")
    body = {"value": {"modules": [script("x")], "same_worker": True}}
    query = {"root_job": private, "parent_job": private}
    answer = await ann.post("/api/w/admins/jobs/run/preview_flow", params=query, json=body)
    assert answer.status_code == 201, answer.text
    spy = (await api.worker.claim())["x"]
    folders = SharedFolders(api.platform.db, cast(Runtimes, _Names()))
    assert folders.of(secret) is not None and folders.of(secret) != folders.of(spy)
    assert spy.run.root == spy.run.id == UUID(answer.text)


async def test_sub_workflow_shares_folder_of_calling_run(api: ApiHarness) -> None:
    deployed = {"path": "f/a/inner", "summary": "", "value": {"modules": [script("x")]}}
    assert (await api.client.post(f"{W}/flows/create", json=deployed)).status_code == 201
    call = {"id": "c", "value": {"type": "flow", "path": "f/a/inner", "input_transforms": {}}}
    run = await start(api.client, {"value": {"modules": [call], "same_worker": True}})
    inner = (await api.worker.claim())["x"]
    assert inner.run.root == UUID(run) and inner.run.id != UUID(run)


@pytest.mark.parametrize("call", ["preview", "preview_flow", "p/u/admin/s", "f/u/admin/w"])
async def test_job_attaches_runs_only_to_itself(api: ApiHarness, call: str) -> None:
    body = {"preview": PYTHON, "preview_flow": WAITING}.get(call, {})
    item = {"path": "u/admin/s", "summary": "", "description": "", **PYTHON}
    assert (await api.client.post(f"{W}/scripts/create", json=item)).status_code == 201
    flow = {"path": "u/admin/w", "summary": "", **WAITING}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    outer = await api.flow(script("a"))
    other = await api.flow(script("b"))
    job = (await api.worker.claim())["a"]
    async with job_client(api, job) as inside:
        child = await start(inside, body, call, parent_job=str(job.id), root_job=outer)
        for wrong in (other, outer, str(new_run_id())):
            answer = await inside.post(f"{W}/jobs/run/{call}", params={"parent_job": wrong}, json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_parent"), wrong
        alone = await start(inside, body, call, root_job=other)
    found = await api.get(f"jobs_u/get/{child}")
    assert found["parent_job"] == str(job.id)
    assert await api.get(f"jobs_u/get_root_job_id/{child}") == outer
    assert [each["id"] for each in await api.get("jobs/list", parent_job=str(job.id))] == [child]
    assert (await run_row(api, child))["root"] == UUID(child)
    assert await run_row(api, alone) == {"parent": None, "root": UUID(alone), "trigger": "workflow"}


async def test_run_below_script_run_finds_outermost_run(api: ApiHarness) -> None:
    first = await started(api)
    async with job_client(api, first) as inside:
        second = await start(inside, PYTHON, "preview", parent_job=str(first.id))
    job = (await api.worker.claim())[""]
    async with job_client(api, job) as inside:
        third = await start(inside, WAITING, parent_job=second, root_job=str(job.run.root))
        assert (await inside.get(f"{W}/jobs_u/get_root_job_id/{third}")).json() == str(first.run.id)
    await api.worker.finish(job, 1)
    assert (await ended(api, second))["parent_job"] == str(first.id)


async def test_hidden_run_reveals_no_child_runs(api: ApiHarness) -> None:
    deployed = {"path": "u/admin/asking", "summary": "", "value": {"modules": [approval()]}}
    assert (await api.client.post(f"{W}/flows/create", json=deployed)).status_code == 201
    call = {"value": {"type": "flow", "path": "u/admin/asking", "input_transforms": {}}, "needs": []}
    run = await api.flow({"id": "c", **call}, {"id": "d", **call})
    bea = await api.member("bea", role=Role.OPERATOR)
    answer = await consent(bea, run)
    assert (answer.status_code, answer.json()["error"]["details"]) == (404, None), answer.text
    assert (await consent(api.client, run)).status_code == 409


class _Names:
    """Stub of the runtimes that returns the name of a folder as the folder."""

    def share_output(self, name: str) -> str:
        return name
