"""Ids chosen by callers never equal derived ids, and credentials of an earlier job are not valid for a later one.

Each test performs the whole attack: its later steps run only if the chosen id was accepted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, client_of, script
from tests.http.jobs_running import claimed, job_client, started

from orvanta_platform import clock, ids
from orvanta_platform.control import names
from orvanta_platform.control.actor import Role, system
from orvanta_platform.db import jobs, tokens, workspaces
from orvanta_platform.orchestrator.nested_rows import child_id
from orvanta_platform.services.access import users
from orvanta_platform.services.access.users import NewAccount
from orvanta_platform.services.maintenance import consistency

OTHER = "/api/w/other"
SECRET = "u/admin/payroll"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        yield made
        assert [str(each) for each in await consistency.check(made.platform.db)] == []


@pytest.fixture
async def mallory(api: ApiHarness) -> httpx.AsyncClient:
    """Add a developer of workspace main without admin rights, and return the client."""
    return await api.member("mallory", Role.DEVELOPER)


@pytest.fixture
async def outsider(api: ApiHarness) -> httpx.AsyncClient:
    """Add a developer of another workspace who is no member of main, and return the client."""
    assert (await api.client.post("/api/workspaces/create", json={"id": "other", "name": "Other"})).status_code == 201
    token, email = names.new_token("user"), "oscar@example.com"
    async with api.platform.db.transaction() as conn:
        await users.add_account(conn, system(), NewAccount(email, username="oscar"), None)
        await workspaces.add_member(conn, "other", "oscar", email, Role.DEVELOPER)
        await tokens.insert(conn, names.token_hash(token), names.token_prefix(token), "user", email)
    return client_of(api.app, token)


async def squat(client: httpx.AsyncClient, id: UUID, base: str = W, **params: Any) -> httpx.Response:
    """Run a preview under a chosen id."""
    return await client.post(f"{base}/jobs/run/preview", params={"job_id": str(id), **params}, json=PYTHON)


async def victim(api: ApiHarness, run: UUID, *modules: dict[str, Any], **value: Any) -> httpx.Response:
    """Start the admin's run of a workflow under an id that the attacker knows in advance."""
    body = {"value": {"modules": list(modules), **value}, "args": {}}
    return await api.client.post(f"{W}/jobs/run/preview_flow", params={"job_id": str(run)}, json=body)


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 400 and answer.json()["error"]["code"] == "invalid_run_id"


async def borrowed(api: ApiHarness, attacker: httpx.AsyncClient, base: str) -> tuple[httpx.Response, httpx.AsyncClient]:
    """Attack with the token of an ended job; return the preview's response and a client with the token.

    When it returns, the admin's node is running.
    """
    body = {"path": SECRET, "value": "s3cret-of-payroll", "is_secret": True, "description": ""}
    assert (await api.client.post(f"{W}/variables/create", json=body)).status_code == 201
    run = ids.new_run_id()
    answer = await squat(attacker, ids.node_job_id(run, "a"), base)
    held = await started(api, attacker, base) if answer.status_code != 201 else await claimed(api, answer.text)
    spent = job_client(api, held)
    await api.worker.finish(held, "done")
    assert (await victim(api, run, script("a"))).status_code == 201
    assert (await api.worker.claim())["a"].id == ids.node_job_id(run, "a")
    return answer, spent


async def test_spent_token_does_not_revive_as_admin(api: ApiHarness, mallory: httpx.AsyncClient) -> None:
    answer, spent = await borrowed(api, mallory, W)
    who = await spent.get(f"{W}/users/whoami")
    secret = await spent.get(f"{W}/variables/get_value/{SECRET}")
    assert (who.status_code, secret.status_code) == (401, 401), (who.text, secret.text)
    assert refused(answer)


async def test_spent_token_does_not_revive_in_another_workspace(api: ApiHarness, outsider: httpx.AsyncClient) -> None:
    answer, spent = await borrowed(api, outsider, OTHER)
    who = await spent.get(f"{W}/users/whoami")
    secret = await spent.get(f"{W}/variables/get_value/{SECRET}")
    assert (who.status_code, secret.status_code) == (401, 401), (who.text, secret.text)
    assert refused(answer)


async def test_approval_is_not_forged_by_link_of_same_job_id(api: ApiHarness, mallory: httpx.AsyncClient) -> None:
    run = ids.new_run_id()
    job = ids.node_job_id(run, "ask")
    answer = await squat(mallory, job)
    links = await mallory.get(f"{W}/jobs/resume_urls/{job}/7")
    if answer.status_code == 201:
        await api.worker.finish(await claimed(api, answer.text), "done")
    ask: dict[str, Any] = {"id": "ask", "value": {"type": "approval", "message": "Move the money?"}}
    assert (await victim(api, run, ask)).status_code == 201
    if links.status_code == 200:
        await mallory.post(links.json()["resume"].removeprefix(api.platform.settings.base_url), json={})
    found = await api.get(f"jobs_u/get/{run}")
    assert found["type"] == "QueuedJob", f"the run ended: {found.get('result')}"
    assert refused(answer)


async def test_node_result_is_not_replaced(api: ApiHarness, mallory: httpx.AsyncClient) -> None:
    run = ids.new_run_id()
    answer = await squat(mallory, ids.node_job_id(run, "a"))
    if answer.status_code == 201:
        await api.worker.finish(await claimed(api, answer.text), "forged")
    assert (await victim(api, run, script("a"))).status_code == 201
    await api.worker.finish((await api.worker.claim())["a"], "genuine")
    assert await api.get(f"jobs_u/completed/get_result/{run}") == "genuine"
    assert refused(answer)


async def test_result_of_ended_private_run_is_not_read(api: ApiHarness, mallory: httpx.AsyncClient) -> None:
    run = ids.new_run_id()
    job = ids.node_job_id(run, "a")
    assert (await victim(api, run, script("a"))).status_code == 201
    await api.worker.finish((await api.worker.claim())["a"], "for the admin alone")
    assert (await mallory.get(f"{W}/jobs_u/completed/get_result/{job}")).status_code in (403, 404)
    answer = await squat(mallory, job)
    if answer.status_code == 201:
        await api.worker.finish(await claimed(api, answer.text), "own")
    read = await mallory.get(f"{W}/jobs_u/completed/get_result/{job}")
    assert read.status_code in (403, 404), read.text
    assert refused(answer)


async def test_step_is_not_stopped_by_job_of_same_id(api: ApiHarness, mallory: httpx.AsyncClient) -> None:
    run = ids.new_run_id()
    assert (await victim(api, run, script("a"), script("b"))).status_code == 201
    answer = await squat(mallory, ids.node_job_id(run, "b"), tag="nobody")
    await api.worker.finish((await api.worker.claim())["a"], "done")
    assert "b" in await api.worker.claim()
    assert refused(answer)


def aged(age: timedelta) -> UUID:
    """Return a UUIDv7 with a time this far in the past."""
    fresh = ids.new_run_id().int
    milliseconds = int((clock.now() - age).timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (fresh & ((1 << 80) - 1)))


def unfit() -> dict[str, UUID]:
    """Return ids that callers must not use for runs."""
    run = ids.new_run_id()
    return {
        "random": uuid4(),
        "a node's": ids.node_job_id(run, "a"),
        "a sub-workflow's": child_id(run, ids.opening_id(run, ids.node_job_id(run, "a"), 0)),
        "years old": UUID("0188d1f4-0000-7000-8000-000000000000"),
        "of the last millisecond": UUID("ffffffff-ffff-7000-8000-000000000000"),
        "of another variant": UUID(int=run.int & ~(0x3 << 62)),
        "too old": aged(timedelta(hours=1, minutes=1)),
        "too far ahead": aged(timedelta(minutes=-10)),
    }


async def test_unfit_run_id_is_refused_at_every_call(api: ApiHarness) -> None:
    await api.client.post(f"{W}/scripts/create", json={"path": "f/a/s", "summary": "", "description": "", **PYTHON})
    flow = {"path": "f/a/f", "summary": "", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    deployed = (await api.get("scripts/get/p/f/a/s"))["hash"]
    version = (await api.get("flows/get/f/a/f"))["version_id"]
    before = await api.flow({"id": "a", "value": {"type": "condition", "expr": "true"}})
    preview = {"value": flow["value"], "path": None, "args": {}}
    again = {**preview, "restarted_from": {"flow_job_id": before, "step_id": "a"}}
    calls: list[tuple[str, Any]] = [
        ("run/p/f/a/s", {}),
        (f"run/h/{deployed}", {}),
        ("run/f/f/a/f", {}),
        (f"run/fv/{version}", {}),
        ("run/preview", PYTHON),
        ("run/preview_flow", preview),
        ("run/preview_flow", again),
        ("run_wait_result/p/f/a/s", {}),
        ("run_wait_result/f/f/a/f", {}),
        ("run_wait_result/preview", PYTHON),
        ("run_wait_result/preview_flow", preview),
        ("run_inline/preview", PYTHON),
        ("run_and_stream/p/f/a/s", {}),
        ("run_and_stream/f/f/a/f", {}),
    ]
    for what, id in unfit().items():
        for path, body in calls:
            answer = await api.client.post(f"{W}/jobs/{path}", params={"job_id": str(id)}, json=body)
            assert refused(answer), (what, path, answer.status_code, answer.text)
        for path in ("run_wait_result/p/f/a/s", "run_wait_result/f/f/a/f"):
            answer = await api.client.get(f"{W}/jobs/{path}", params={"job_id": str(id)})
            assert refused(answer), (what, path, answer.status_code, answer.text)
        assert (await api.client.get(f"{W}/jobs_u/get/{id}")).status_code == 404


@pytest.mark.parametrize("age", [timedelta(minutes=59), timedelta(0), timedelta(minutes=-4)], ids=str)
async def test_run_id_of_about_now_is_taken_once(api: ApiHarness, age: timedelta) -> None:
    id = aged(age)
    first = await squat(api.client, id)
    assert (first.status_code, first.text) == (201, str(id))
    assert (await squat(api.client, id)).status_code == 409
    await api.worker.finish(await claimed(api, str(id)), "done")
    again = await squat(api.client, id)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    assert await api.get(f"jobs_u/completed/get_result/{id}") == "done"


@pytest.mark.parametrize("searched", [True, False])
async def test_run_with_older_id_is_indexed_for_search(api: ApiHarness, searched: bool) -> None:
    id = aged(timedelta(minutes=30))
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE workspace SET search_run_data = $1, search_past = $2", searched, ids.new_run_id())
        assert (await squat(api.client, id)).status_code == 201
        due = await conn.fetch("SELECT run FROM search_due")
    assert [row["run"] for row in due] == ([id] if searched else [])


async def test_token_of_earlier_claim_is_dead_at_same_attempt_and_generation(api: ApiHarness) -> None:
    job = await started(api)
    earlier = job_client(api, job)
    async with api.platform.db.transaction() as conn:
        await jobs.give_back(conn, [job.id], api.worker.id, 1)
    later = await claimed(api, str(job.run.id))
    assert (later.id, later.attempt) == (job.id, job.attempt)
    assert (await earlier.get(f"{W}/users/whoami")).status_code == 401
    assert (await job_client(api, later).get(f"{W}/users/whoami")).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE run_live SET workspace = 'other'",
        "UPDATE run_live SET email = 'admin@localhost'",
        "UPDATE run_live SET permissioned_as = 'u/admin'",
        "UPDATE run_live SET permissioned_as = 'u/admin', email = 'admin@localhost'",
        "UPDATE job_live SET nonce = gen_random_uuid()",
        "UPDATE job_live SET nonce = NULL",
    ],
)
async def test_token_is_dead_when_its_id_belongs_to_another_claim(
    api: ApiHarness, mallory: httpx.AsyncClient, change: str
) -> None:
    """Change the job's row as if the id had been reused with the same attempt and generation.

    The identities exist: mallory is a member of the other workspace as well.
    """
    assert (await api.client.post("/api/workspaces/create", json={"id": "other", "name": "Other"})).status_code == 201
    async with api.platform.db.transaction() as conn:
        await workspaces.add_member(conn, "other", "mallory", "mallory@example.com", Role.DEVELOPER)
    token = job_client(api, await started(api, mallory))
    async with api.platform.db.acquire() as conn:
        await conn.execute(change)
    for base in (W, OTHER):
        assert (await token.get(f"{base}/users/whoami")).status_code == 401, base


async def test_link_is_dead_when_its_job_belongs_to_another_run(api: ApiHarness) -> None:
    run = await api.flow({"id": "ask", "value": {"type": "approval", "message": "Move the money?"}})
    job = ids.node_job_id(UUID(run), "ask")
    links = await api.get(f"jobs/resume_urls/{job}/7")
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE run_live SET seed = seed + 1")
    for name in ("resume", "cancel", "approvalPage"):
        answer = await api.client.post(links[name].removeprefix(api.platform.settings.base_url), json={})
        assert answer.status_code == 404, (name, answer.text)
    assert (await api.get(f"jobs_u/get/{run}"))["type"] == "QueuedJob"
