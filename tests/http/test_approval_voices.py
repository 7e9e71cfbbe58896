"""Counting of decisions: one per account, with unauthenticated names marked as such."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, script
from tests.http.jobs_running import job_client
from tests.http.test_approvals import SUSPENDED, approval, consent, ended, export_node, job_of, js, status, urls

from orvanta_platform.control.actor import Role
from orvanta_platform.services.maintenance import consistency

THREE: dict[str, tuple[dict[str, Any], ...]] = {
    "approval": (approval("a", required_approvals=3), export_node("b", "1")),
    "suspend": ({**export_node("a", "1"), "suspend": {"required_events": 3}}, export_node("b", "1")),
}

Vote = Callable[[ApiHarness, httpx.AsyncClient, str, int], Awaitable[httpx.Response]]


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        yield made
        assert [str(each) for each in await consistency.check(made.platform.db)] == []


@pytest.fixture
async def stranger(api: ApiHarness) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client without a token."""
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta") as client:
        yield client


async def by_link(api: ApiHarness, client: httpx.AsyncClient, run: str, n: int) -> httpx.Response:
    return await client.post((await urls(api, await job_of(api, run, "a"), n))["resume"], json={})


async def by_page(api: ApiHarness, client: httpx.AsyncClient, run: str, n: int) -> httpx.Response:
    page = (await urls(api, await job_of(api, run, "a"), n))["approvalPage"]
    return await client.post(page, data={"decision": "approved"})


async def by_link_of_run(api: ApiHarness, client: httpx.AsyncClient, run: str, n: int) -> httpx.Response:
    return await client.post((await urls(api, run, n, flow_level="true"))["resume"], json={})


async def by_consent(api: ApiHarness, client: httpx.AsyncClient, run: str, n: int) -> httpx.Response:
    return await consent(client, run)


async def by_resume(api: ApiHarness, client: httpx.AsyncClient, run: str, n: int) -> httpx.Response:
    return await client.post(f"{W}/jobs/flow/resume/{run}", json={"n": n})


async def by_resume_suspended(api: ApiHarness, client: httpx.AsyncClient, run: str, n: int) -> httpx.Response:
    return await client.post(f"{W}/jobs_u/flow/resume_suspended/{run}", json={"approved": True})


WAYS: dict[str, Vote] = {
    "link": by_link,
    "page": by_page,
    "link of the run": by_link_of_run,
    "consent": by_consent,
    "flow/resume": by_resume,
    "resume_suspended": by_resume_suspended,
}


@pytest.mark.parametrize("kind", THREE)
@pytest.mark.parametrize("way", WAYS)
async def test_repeated_decisions_of_one_person_count_once(api: ApiHarness, way: str, kind: str) -> None:
    """Three calls of one account, with different resume ids where possible, count as one of three approvals."""
    run = await api.flow(*THREE[kind])
    answers = [await WAYS[way](api, api.client, run, n) for n in (1, 2, 3)]
    assert await status(api, run) == "awaiting_approval"
    if way == "link of the run":
        assert {each.status_code for each in answers} == {409}
    else:
        assert all(each.is_success for each in answers)


@pytest.mark.parametrize("kind", THREE)
async def test_decisions_of_one_person_by_different_calls_count_once(api: ApiHarness, kind: str) -> None:
    run = await api.flow(*THREE[kind])
    for n, vote in enumerate(WAYS.values()):
        await vote(api, api.client, run, n)
    assert await status(api, run) == "awaiting_approval"
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM decision WHERE taken OR job <> run") == 1


@pytest.mark.parametrize("kind", THREE)
@pytest.mark.parametrize("way", WAYS)
async def test_links_do_not_count_when_several_approvals_are_required(
    api: ApiHarness, stranger: httpx.AsyncClient, way: str, kind: str
) -> None:
    run = await api.flow(*THREE[kind])
    for n in (1, 2, 3):
        assert (await WAYS[way](api, stranger, run, n)).status_code == 401
    assert await status(api, run) == "awaiting_approval"


@pytest.mark.parametrize("kind", THREE)
async def test_shared_page_counts_each_signed_in_person(api: ApiHarness, kind: str) -> None:
    """A message to several people contains one link, with the same resume id for all."""
    run = await api.flow(*THREE[kind])
    page = (await urls(api, await job_of(api, run, "a")))["approvalPage"]
    everybody = [api.client, *[await api.member(name, Role.ADMIN) for name in ("bea", "cleo")]]
    for client in (*everybody[:2], *everybody[:2]):
        assert (await client.post(page, data={"decision": "approved"})).status_code == 200
    assert await status(api, run) == "awaiting_approval", "two people, twice each"
    assert (await everybody[2].post(page, data={"decision": "approved"})).status_code == 200
    assert (await ended(api, run))["success"] is True


async def test_early_events_of_one_person_count_once(api: ApiHarness) -> None:
    run = await api.flow(script("a", suspend={"required_events": 2}), export_node("b", "1"))
    claimed = (await api.worker.claim())["a"]
    for resume_id, code in ((1, 201), (2, 200)):
        link = (await urls(api, str(claimed.id), resume_id))["resume"]
        assert (await api.client.post(link, json={})).status_code == code
    await api.worker.finish(claimed, {})
    assert await status(api, run) == "awaiting_approval"
    bea = await api.member("bea", Role.ADMIN)
    assert (await bea.post(f"{W}/jobs/flow/resume/{run}", json={})).status_code == 201
    assert (await ended(api, run))["success"] is True


async def test_used_resume_id_does_not_block_person(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    """A resume id used by another person neither counts as a person's decision nor blocks it."""
    run = await api.flow(approval("a", required_approvals=2))
    link = (await urls(api, await job_of(api, run, "a")))["cancel"]
    assert (await stranger.post(link)).status_code == 401
    for name in ("bea", "cleo"):
        client = await api.member(name, Role.ADMIN)
        assert (await consent(client, run)).json() == {"decision": "approved", "by": name, "first": True}
    assert (await ended(api, run))["success"] is True


async def test_decision_of_job_does_not_count_as_person(api: ApiHarness) -> None:
    """A job's decision is marked as such and does not count where decisions of people are required."""
    await api.flow(script("x"))
    job = (await api.worker.claim())["x"]
    run = await api.flow(*SUSPENDED, output=js("context.b"))
    many = await api.flow(*THREE["suspend"])
    async with job_client(api, job) as inside:
        for vote in (by_link, by_consent, by_resume, by_resume_suspended):
            assert (await vote(api, inside, many, 1)).status_code == 403
        assert (await by_link(api, inside, run, 1)).status_code == 201
    assert (await ended(api, run))["result"][2] == ["job:admin"]
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT actor FROM audit WHERE operation = 'approvals.decide'") == "job:admin"


async def test_scoped_token_decides_by_link_within_its_scopes(api: ApiHarness) -> None:
    run = await api.flow(approval("a", approvers=["u/bea"]))
    bea = await api.member("bea", Role.OPERATOR, scopes=["scripts:read"])
    assert (await by_link(api, bea, run, 1)).status_code == 403
    assert await status(api, run) == "awaiting_approval"


@pytest.mark.parametrize("name", ["admin", "link:admin", None])
async def test_name_from_link_is_marked_as_unauthenticated(
    api: ApiHarness, stranger: httpx.AsyncClient, name: str | None
) -> None:
    shown = f"link:{name or 'anonymous'}"
    run = await api.flow(
        *SUSPENDED, {**export_node("c", "1"), "suspend": {}}, export_node("d", "1"), output=js("context.b")
    )
    both = await urls(api, await job_of(api, run, "a"), approver=name or "")
    assert (await stranger.post(both["resume"])).text == f"resumed by {shown}"
    page = (await stranger.get(both["approvalPage"])).text
    assert f"Approved by {shown} (not signed in)" in page
    flow = (await stranger.get(both["resume"].replace("/resume/", "/get_flow/"))).json()
    status_of_a = (await api.get(f"jobs_u/get/{run}"))["flow_status"]["modules"][0]
    for approvers in (flow["approvers"], status_of_a["approvers"]):
        assert [each["approver"] for each in approvers] == [shown]
    await consent(api.client, run)
    assert (await ended(api, run))["result"][2] == [shown]
    refused = await api.flow(approval("a"))
    page = (await urls(api, await job_of(api, refused, "a"), approver=name or ""))["approvalPage"]
    assert shown in (await stranger.post(page, data={"decision": "rejected", "reason": "no"})).text
    result = (await ended(api, refused))["result"]
    assert (result["by"], result["error"]["message"]) == (shown, f"Rejected by {shown}: no")
    async with api.platform.db.acquire() as conn:
        actors = await conn.fetch("SELECT actor FROM audit WHERE operation = 'approvals.decide' ORDER BY id")
        events = await conn.fetch("SELECT data::text AS data FROM event WHERE run = ANY($1::uuid[])", [run, refused])
    assert [each["actor"] for each in actors] == [shown, "admin", shown]
    assert not [each["data"] for each in events if '"by":"admin"' in (each["data"] or "").replace(" ", "")]


@pytest.mark.parametrize("login", [False, True])
async def test_link_shows_same_data_as_approval_page(api: ApiHarness, stranger: httpx.AsyncClient, login: bool) -> None:
    a = {**script("a"), "suspend": {"user_auth_required": login}}
    args, b = {"iban": "DE-secret-argument"}, export_node("b", "'secret code'")
    run = await api.flow(a, b, args=args)
    await api.worker.finish((await api.worker.claim())["a"], {"x": "secret result"})
    link = (await urls(api, await job_of(api, run, "a")))["resume"]
    answer = await stranger.get(link.replace("/resume/", "/get_flow/"))
    found = answer.json()
    assert "secret" not in answer.text and "admin@localhost" not in answer.text
    assert not {"args", "raw_flow", "raw_code", "flow_status", "result", "logs"} & set(found["job"])
    assert (found["job"]["id"], found["job"]["created_by"], found["job"]["suspend"]) == (run, "admin", 1)
    assert (found["job"]["email"], found["node"]) == ("", "a")


@pytest.mark.parametrize("accept", [None, "*/*", "image/*", "image/avif,image/webp,*/*;q=0.8", "application/json"])
@pytest.mark.parametrize("action", ["resume", "cancel"])
async def test_get_decides_nothing(
    api: ApiHarness, stranger: httpx.AsyncClient, accept: str | None, action: str
) -> None:
    run = await api.flow(*SUSPENDED)
    link = (await urls(api, await job_of(api, run, "a"), approver="eve"))[action]
    headers = {"Accept": accept} if accept is not None else {}
    for method in ("GET", "HEAD"):
        answer = await stranger.request(method, link, params={"payload": "e30"}, headers=headers)
        assert answer.status_code == 405 and "POST" in answer.headers["allow"]
    page = (await stranger.get(link, headers=headers)).json()["error"]["details"]["approvalPage"]
    assert "Approve" in (await stranger.get(page)).text or action == "cancel"
    assert await status(api, run) == "awaiting_approval"
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM decision") == 0
    assert (await stranger.post(link)).status_code == 201


async def test_hidden_run_reveals_no_pending_decision(api: ApiHarness) -> None:
    run = await api.flow({**approval("p"), "needs": []}, {**approval("q", approvers=["u/cleo"]), "needs": []})
    bea, cleo = await api.member("bea", Role.OPERATOR), await api.member("cleo", Role.OPERATOR)
    for vote in (by_consent, by_resume, by_resume_suspended):
        answer = await vote(api, bea, run, 1)
        assert (answer.status_code, answer.json()["error"]["details"]) == (404, None), answer.text
    assert (await consent(cleo, run)).status_code == 200, "the one question that names cleo"
    assert (await consent(api.client, run)).status_code == 200


@pytest.mark.parametrize("way", ["consent", "flow/resume", "resume_suspended", "link"])
@pytest.mark.parametrize(
    "scopes", [["jobs:run"], ["jobs:run", "jobs:delegate", "jobs:read"], ["jobs:run", "jobs:read", "variables:read"]]
)
async def test_token_with_scopes_is_not_signed_in_person(api: ApiHarness, way: str, scopes: list[str]) -> None:
    program = await api.member("robot", Role.DEVELOPER, scopes=scopes)
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    value = {"modules": [approval("a", required_approvals=2), export_node("b", "1")]}
    await api.client.post(f"{W}/flows/create", json={"path": "f/team/pay", "summary": "", "value": value})
    run = (await api.client.post(f"{W}/jobs/run/f/f/team/pay", json={})).text
    answer = await WAYS[way](api, program, run, 1)
    assert answer.status_code == 403, answer.text
    assert await status(api, run) == "awaiting_approval"
