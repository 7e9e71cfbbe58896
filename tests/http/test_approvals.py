"""Approvals over the API: signed links, consent, permissions, and decisions that are recorded exactly once (S06)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of, script

from orvanta_platform import clock
from orvanta_platform.control import links
from orvanta_platform.control.actor import Role
from orvanta_platform.control.links import Action, LinkTarget
from orvanta_platform.db import runs
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.maintenance import consistency

NEVER = "00000000-0000-7000-8000-000000000000"


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


def approval(id: str = "ask", **value: Any) -> dict[str, Any]:
    return {"id": id, "value": {"type": "approval", **value}}


def js(text: str) -> dict[str, str]:
    return {"type": "javascript", "expr": text}


def export_node(id: str, expr: str, **more: Any) -> dict[str, Any]:
    """Return a node that needs no worker and whose result is an expression."""
    return {"id": id, "value": {"type": "condition", "expr": "true"}, "export": {id: js(expr)}, **more}


SUSPENDED: tuple[dict[str, Any], ...] = (
    {**export_node("a", "1"), "suspend": {}},
    export_node("b", "[resume, resumes, approvers]"),
)


async def job_of(api: ApiHarness, run: str, node: str) -> str:
    """Return the job id of a node from the run's status."""
    nodes = (await api.client.get(f"/api/v1/runs/{run}", headers={"X-Workspace": "main"})).json()["nodes"]
    return str(next(each["job"] for each in nodes if each["id"] == node))


async def urls(api: ApiHarness, job: str, resume_id: int = 7, **params: Any) -> dict[str, str]:
    found = await api.get(f"jobs/resume_urls/{job}/{resume_id}", **params)
    return {name: url.replace(api.platform.settings.base_url, "") for name, url in found.items()}


async def consent(client: httpx.AsyncClient, run: str, decision: str = "approved", **more: Any) -> httpx.Response:
    body = {"decision": decision, **more}
    return await client.post(f"/api/v1/runs/{run}/consent", json=body, headers={"X-Workspace": "main"})


async def ended(api: ApiHarness, run: str) -> Any:
    return (await api.client.get(f"{W}/jobs_u/completed/get/{run}")).json()


async def status(api: ApiHarness, run: str) -> str:
    answer = await api.client.get(f"/api/v1/runs/{run}", headers={"X-Workspace": "main"})
    return str(answer.json()["status"])


async def late(api: ApiHarness) -> None:
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE timer SET due_at = app_now()")
    await timers.fire(api.platform.tools)


async def test_link_resumes_once(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED, output=js("context.b"))
    link = (await urls(api, await job_of(api, run, "a"), approver="eve"))["resume"]
    first = await stranger.post(link, json={"ok": 1})
    again = await stranger.post(link, json={"ok": 2})
    assert (first.status_code, first.text) == (201, "resumed by link:eve")
    assert (again.status_code, again.text) == (200, first.text)
    assert (await ended(api, run))["result"] == [{"ok": 1}, [{"ok": 1}], ["link:eve"]]


async def test_suspended_run_has_wait_reason(api: ApiHarness) -> None:
    run = await api.flow(*SUSPENDED)
    job = await job_of(api, run, "a")
    found = await api.get(f"jobs_u/get/{run}")
    assert (found["type"], found["suspend"]) == ("QueuedJob", 1) and await status(api, run) == "awaiting_approval"
    assert found["flow_status"]["modules"][1] == {"type": "WaitingForEvents", "id": "b", "job": job, "count": 1}
    assert [wait["id"] for wait in found["flow_status"]["waits"]] == ["a"]
    info = await api.get(f"jobs_u/flow/approval_info/{run}")
    assert (info["flow_id"], info["can_approve"], info["node"], info["job"]) == (run, True, "a", job)


async def test_two_consecutive_suspensions_are_both_listed(api: ApiHarness) -> None:
    """The node between the two has its own decision and is listed before the first suspension."""
    b = {**export_node("b", "1"), "suspend": {"required_events": 2}}
    run = await api.flow({**export_node("a", "1"), "suspend": {}}, b, approval("c"), export_node("d", "1"))
    found = (await api.get(f"jobs_u/get/{run}"))["flow_status"]
    waits = {"type": "WaitingForEvents", "id": "b", "job": await job_of(api, run, "a"), "count": 1}
    assert (found["step"], found["modules"][1]) == (1, waits)
    assert (await consent(api.client, run)).status_code == 200
    found = (await api.get(f"jobs_u/get/{run}"))["flow_status"]
    waits = {"type": "WaitingForEvents", "id": "c", "job": await job_of(api, run, "b"), "count": 2}
    assert (found["step"], found["modules"][2]) == (2, waits)
    assert (await consent(api.client, run)).status_code == 200
    assert (await consent(await api.member("bea", role=Role.ADMIN), run)).status_code == 200
    found = (await api.get(f"jobs_u/get/{run}"))["flow_status"]
    assert found["modules"][2] | {"job": None} == {"type": "WaitingForEvents", "id": "c", "job": None, "count": 1}
    assert (await consent(api.client, run)).status_code == 200
    assert (await ended(api, run))["success"] is True


async def test_browser_is_redirected_from_link_to_page(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    link = (await urls(api, await job_of(api, run, "a"), approver="eve"))["resume"]
    answer = await stranger.get(link, headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 303 and answer.headers["location"].startswith("/approve/main/")
    page = await stranger.get(answer.headers["location"])
    assert "Approve</button>" in page.text and "Reject</button>" not in page.text
    assert await status(api, run) == "awaiting_approval"
    assert (await stranger.post(answer.headers["location"], data={"decision": "approved"})).status_code == 200
    assert (await ended(api, run))["success"] is True


async def test_cancel_link_fails_run(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED, failure_module=export_node("failure", "1"))
    both = await urls(api, await job_of(api, run, "a"), approver="eve")
    assert (await stranger.post(both["cancel"])).status_code == 201
    found = await ended(api, run)
    error = {"name": "SuspendedDisapproved", "message": "Disapproved by link:eve"}
    assert (found["success"], found["result"]) == (False, {"error": error})
    assert (await stranger.post(both["cancel"])).status_code == 200
    assert (await stranger.post(both["resume"])).status_code == 409


async def test_link_signed_for_something_else_is_404(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    other = await api.flow(*SUSPENDED)
    job, foreign = await job_of(api, run, "a"), await job_of(api, other, "a")
    both = await urls(api, job)
    good = both["resume"].rsplit("/", 1)[1]
    for wrong in (
        both["resume"].replace("/resume/", "/cancel/"),
        both["cancel"].replace("/cancel/", "/resume/"),
        both["resume"].replace("/7/", "/8/"),
        both["resume"].replace(job, foreign),
        both["resume"].replace(job, run),
        both["resume"].replace("/main/", "/admins/"),
        both["resume"][:-1] + ("A" if good[-1] != "A" else "B"),
        both["resume"].replace(good, "x"),
        both["resume"].replace(good, "A" * 54),
        both["resume"].replace(good, good + good),
    ):
        answer = await stranger.post(wrong)
        assert answer.status_code == 404, wrong
        assert (await stranger.get(wrong)).status_code == 404
        assert (await stranger.get(wrong, headers={"Accept": "text/html"})).status_code == 404
    assert await status(api, run) == "awaiting_approval" == await status(api, other)


async def test_expired_link_is_410(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    job = UUID(await job_of(api, run, "a"))
    past = clock.now() - timedelta(seconds=2)
    async with api.platform.db.acquire() as conn:
        seed = await runs.get_seed(conn, UUID(run))
    assert seed is not None
    signature = links.sign(api.platform.keys, LinkTarget("main", UUID(run), seed, job, 7), Action.RESUME, past)
    answer = await stranger.post(f"{W}/jobs_u/resume/{job}/7/{signature}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "gone")
    assert await status(api, run) == "awaiting_approval"


async def test_caller_without_run_right_gets_no_links(api: ApiHarness) -> None:
    run = await api.flow(*SUSPENDED)
    job = await job_of(api, run, "a")
    vic = await api.member("vic", role=Role.VIEWER)
    for call in (f"jobs/resume_urls/{job}/1", f"jobs/job_signature/{job}/1"):
        assert (await vic.get(f"{W}/{call}")).status_code in (403, 404)
    assert (await api.client.get(f"{W}/jobs/resume_urls/{NEVER}/1")).status_code == 404
    for call in (f"jobs/flow/resume/{run}", f"jobs_u/flow/resume_suspended/{run}"):
        assert (await vic.post(f"{W}/{call}", json={})).status_code in (403, 404)
    assert (await consent(vic, run)).status_code in (403, 404)


async def test_signature_of_link(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    job = await job_of(api, run, "a")
    for action, good in (("resume", 201), ("cancel", 404)):
        answer = await api.client.get(f"{W}/jobs/job_signature/{job}/9", params={"action": action})
        found = await stranger.post(f"{W}/jobs_u/resume/{job}/9/{answer.text}")
        assert found.status_code == good if action == "resume" else found.status_code == 404
    assert (await api.client.get(f"{W}/jobs/job_signature/{job}/9?action=x")).status_code == 400


async def test_events_are_stored_before_node_completes(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(
        script("a", suspend={"required_events": 2}), export_node("b", "resumes"), output=js("context.b")
    )
    alone = await api.flow(script("c", suspend={}), export_node("d", "resume"), output=js("context.d"))
    claimed = await api.worker.claim()
    bea = await api.member("bea", role=Role.ADMIN)
    for resume_id, client in ((1, api.client), (2, bea)):
        link = (await urls(api, str(claimed["a"].id), resume_id))["resume"]
        assert (await client.post(link, json=resume_id)).status_code == 201
    link = (await urls(api, str(claimed["c"].id)))["resume"]
    assert (await stranger.post(link, json=3)).status_code == 201
    for each in claimed.values():
        await api.worker.finish(each, {})
    assert (await ended(api, run))["result"] == [1, 2]
    assert (await ended(api, alone))["result"] == 3


async def test_run_link_decides_oldest_pending_decision(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(
        script("a", suspend={}), {**export_node("b", "resume"), "suspend": {}}, export_node("c", "resume")
    )
    claimed = (await api.worker.claim())["a"]
    for resume_id in (1, 2):
        link = (await urls(api, str(claimed.id), resume_id, flow_level="true"))["resume"]
        assert f"/{run}/" in link
        assert (await stranger.post(link, json={"n": resume_id})).status_code == 201
    await api.worker.finish(claimed, {})
    found = await api.get(f"jobs_u/get/{run}")
    assert found["success"] is True


async def test_consent_decides_approval_node(api: ApiHarness) -> None:
    run = await api.flow(approval(message="Pay {{ flow_input.sum }} for {{ run.created_by }}?"), args={"sum": 5})
    info = await api.get(f"jobs_u/flow/approval_info/{run}")
    assert info["description"] == "Pay 5 for admin?"
    answer = await consent(api.client, run, reason="fine")
    assert (answer.status_code, answer.json()) == (200, {"decision": "approved", "by": "admin", "first": True})
    found = (await ended(api, run))["result"]
    assert {**found, "at": ""} == {"decision": "approved", "by": "admin", "at": "", "reason": "fine", "form": {}}
    detail = (await api.client.get(f"/api/v1/runs/{run}", headers={"X-Workspace": "main"})).json()
    assert detail["context"]["ask"]["by"] == "admin"
    async with api.platform.db.acquire() as conn:
        query = "SELECT actor, parameters::text AS p FROM audit WHERE operation = 'approvals.decide'"
        audited = await conn.fetch(query)
    assert [(row["actor"], json.loads(row["p"])["decision"]) for row in audited] == [("admin", "approved")]


async def test_rejection_is_result(api: ApiHarness) -> None:
    run = await api.flow(approval())
    assert (await consent(api.client, run, "rejected", reason="too dear")).status_code == 200
    found = await ended(api, run)
    assert found["success"] is False and found["result"]["by"] == "admin"
    error = {"name": "Rejected", "message": "Rejected by admin: too dear", "step_id": "ask"}
    assert found["result"]["error"] == error
    assert (await consent(api.client, run)).status_code == 409


async def test_failure_module_reads_rejection(api: ApiHarness) -> None:
    run = await api.flow(
        approval(), failure_module=export_node("failure", "previous_result.error.message"), output=js("context.failure")
    )
    await consent(api.client, run, "rejected")
    assert (await ended(api, run))["success"] is True
    detail = (await api.client.get(f"/api/v1/runs/{run}", headers={"X-Workspace": "main"})).json()
    assert detail["context"]["failure"] == "Rejected by admin"


async def test_only_named_approvers_decide(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(approval(approvers=["u/bea", "g/ops", "role/viewer"], required_approvals=3))
    bea = await api.member("bea", role=Role.OPERATOR)
    vic = await api.member("vic", role=Role.VIEWER)
    dan = await api.member("dan", role=Role.DEVELOPER)
    ops = await api.member("ops1", role=Role.OPERATOR)
    async with api.platform.db.transaction() as conn:
        await conn.execute("INSERT INTO team (workspace, name) VALUES ('main', 'ops')")
        await conn.execute("INSERT INTO team_member (workspace, team, username) VALUES ('main', 'ops', 'ops1')")
    assert (await consent(dan, run)).status_code in (403, 404)
    assert (await consent(api.client, run)).status_code == 403
    link = (await urls(api, await job_of(api, run, "ask")))["resume"]
    assert (await stranger.post(link)).status_code == 401
    assert (await dan.post(link)).status_code == 403
    for client, first in ((bea, True), (bea, False), (vic, True)):
        answer = await consent(client, run)
        assert (answer.status_code, answer.json()["first"]) == (200, first)
    assert (await bea.post(link)).status_code == 200, "one person, one voice"
    assert await status(api, run) == "awaiting_approval"
    assert (await ops.post(link)).status_code == 201
    assert (await ended(api, run))["result"]["by"] == "ops1"


async def test_self_approval_is_refused(api: ApiHarness) -> None:
    run = await api.flow(approval(self_approval=False))
    assert (await consent(api.client, run)).status_code == 403
    bea = await api.member("bea", role=Role.ADMIN)
    assert (await consent(bea, run)).status_code == 200


async def test_self_approval_under_another_username_is_refused(api: ApiHarness) -> None:
    """A superadmin who starts a run without being a member can become one under another name."""
    root = await api.member("root", workspace="admins", role=Role.ADMIN)
    await api.client.post("/api/users/update/root@example.com", json={"is_super_admin": True})
    value = {"modules": [approval(self_approval=False)]}
    run = (await root.post(f"{W}/jobs/run/preview_flow", json={"value": value, "args": {}})).text
    added = {"email": "root@example.com", "username": "other", "role": "admin"}
    assert (await root.post(f"{W}/workspaces/add_user", json=added)).status_code == 200
    assert (await root.get(f"{W}/users/whoami")).json()["username"] == "other"
    assert (await consent(root, run)).status_code == 403
    assert (await consent(api.client, run)).status_code == 200


async def test_suspend_requires_login_and_groups(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    groups = {"type": "javascript", "expr": "[flow_input.group]"}
    a = {**export_node("a", "1"), "suspend": {"user_auth_required": True, "user_groups_required": groups}}
    run = await api.flow(a, export_node("b", "resume"), args={"group": "ops"})
    link = (await urls(api, await job_of(api, run, "a")))["resume"]
    assert (await stranger.post(link)).status_code == 401
    assert (await api.client.post(link)).status_code == 403
    async with api.platform.db.transaction() as conn:
        await conn.execute("INSERT INTO team (workspace, name) VALUES ('main', 'ops')")
        await conn.execute("INSERT INTO team_member (workspace, team, username) VALUES ('main', 'ops', 'admin')")
    assert (await api.client.post(link)).status_code == 201
    assert (await ended(api, run))["success"] is True


async def test_constant_empty_list_of_groups_requires_no_login(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    """A list that is computed to be empty names no group, so that nobody may decide."""
    for groups, status in (({"type": "static", "value": []}, 201), ({"type": "javascript", "expr": "[]"}, 401)):
        a = {**export_node("a", "1"), "suspend": {"user_auth_required": False, "user_groups_required": groups}}
        run = await api.flow(a, export_node("b", "resume"))
        link = (await urls(api, await job_of(api, run, "a")))["resume"]
        assert (await stranger.post(link)).status_code == status, groups


async def test_run_link_does_not_bypass_required_login(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    nodes = ({**script("a"), "suspend": {"user_auth_required": True}}, export_node("b", "1"))
    run = await api.flow(*nodes)
    claimed = (await api.worker.claim())["a"]
    link = (await urls(api, str(claimed.id), flow_level="true"))["resume"]
    assert (await stranger.post(link)).status_code == 201
    await api.worker.finish(claimed, {})
    assert await status(api, run) == "awaiting_approval"
    more = (await urls(api, run, 8, flow_level="true"))["resume"]
    assert (await stranger.post(more)).status_code == 401


async def test_payload_must_match_form(api: ApiHarness) -> None:
    form = {"type": "object", "required": ["sum"], "properties": {"sum": {"type": "number", "maximum": 9}}}
    run = await api.flow(approval(form=form))
    for wrong in ({}, {"sum": 10}, {"sum": "x"}):
        answer = await consent(api.client, run, form=wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_input")
    assert (await consent(api.client, run, form={"sum": 3})).status_code == 200
    assert (await ended(api, run))["result"]["form"] == {"sum": 3}


async def test_references_in_payload_are_plain_text(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    """tests/worker/test_computed_references.py reads such a payload in a job."""
    run = await api.flow(approval())
    link = (await urls(api, await job_of(api, run, "ask")))["resume"]
    answer = await stranger.post(link, json={"x": "$var:u/admin/a"})
    assert answer.status_code == 201, answer.text
    assert (await ended(api, run))["result"]["form"] == {"x": "$var:u/admin/a"}


async def test_several_pending_decisions_need_node(api: ApiHarness) -> None:
    run = await api.flow({**approval("p"), "needs": []}, {**approval("q"), "needs": []})
    answer = await consent(api.client, run)
    details = answer.json()["error"]["details"]
    assert (answer.status_code, details["nodes"], len(details["jobs"])) == (409, ["p", "q"], 2)
    assert (await consent(api.client, run, node="q")).status_code == 200
    assert (await consent(api.client, run, node="q")).status_code == 409
    assert (await consent(api.client, run)).status_code == 200
    assert set((await ended(api, run))["result"]) == {"p", "q"}


async def test_timeout_without_decision(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(approval(timeout=60))
    link = (await urls(api, await job_of(api, run, "ask")))["resume"]
    await late(api)
    found = await ended(api, run)
    assert found["result"]["error"]["name"] == "Rejected" and found["result"]["decision"] == "timeout"
    assert (await stranger.post(link)).status_code == 409


async def test_suspend_continuing_after_timeout_has_reason(api: ApiHarness) -> None:
    suspend = {"timeout": 60, "continue_on_disapprove_timeout": True}
    run = await api.flow(
        {**export_node("a", "1"), "suspend": suspend}, export_node("b", "resume.error"), output=js("context.b")
    )
    await late(api)
    assert (await ended(api, run))["result"]["name"] == "SuspendedDisapproved"


async def test_resume_by_caller_with_run_right(api: ApiHarness) -> None:
    run = await api.flow(*SUSPENDED, output=js("context.b"))
    assert (await api.client.post(f"{W}/jobs/flow/resume/{run}", json={"y": 1})).status_code == 201
    assert (await ended(api, run))["result"] == [{"y": 1}, [{"y": 1}], ["admin"]]
    assert (await api.client.post(f"{W}/jobs/flow/resume/{run}", json={})).status_code == 409


async def test_resume_suspended_approves_and_rejects(api: ApiHarness) -> None:
    for approved in (True, False):
        run = await api.flow(*SUSPENDED)
        job = await job_of(api, run, "a")
        body = {"payload": {"z": 1}, "approved": approved}
        answer = await api.client.post(f"{W}/jobs_u/flow/resume_suspended/{job}", json=body)
        assert answer.status_code == 201
        assert (await ended(api, run))["success"] is approved


async def test_flow_behind_link(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(approval("a", message="Pay?", timeout=60, required_approvals=2))
    link = (await urls(api, await job_of(api, run, "a")))["resume"]
    assert (await api.client.post(link)).status_code == 201
    found = (await stranger.get(link.replace("/resume/", "/get_flow/"))).json()
    assert (found["job"]["id"], found["job"]["running"], found["job"]["suspend"]) == (run, True, 1)
    assert (found["node"], found["description"], "due_at" in found) == ("a", "Pay?", True)
    assert found["approvers"] == [{"resume_id": 7, "approver": "admin"}]
    await api.client.post(f"{W}/jobs_u/queue/cancel/{run}", json={})
    found = (await stranger.get(link.replace("/resume/", "/get_flow/"))).json()
    assert (found["job"]["running"], found["job"]["suspend"], "node" in found) == (False, 0, False)


async def test_cancelled_run_has_no_pending_decision(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    link = (await urls(api, await job_of(api, run, "a")))["resume"]
    await api.client.post(f"{W}/jobs_u/queue/cancel/{run}", json={})
    assert (await stranger.post(link)).status_code == 409
    assert (await ended(api, run))["canceled"] is True


async def test_cookie_from_page_of_another_site_is_anonymous(api: ApiHarness) -> None:
    run = await api.flow(approval(approvers=["u/admin"]))
    link = (await urls(api, await job_of(api, run, "ask")))["resume"]
    token = api.client.headers["Authorization"].removeprefix("Bearer ")
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta", cookies={"token": token}) as browser:
        for headers in ({}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await browser.post(link, headers=headers)).status_code == 401
        assert (await browser.post(link, headers={"Sec-Fetch-Site": "same-origin"})).status_code == 201


async def test_token_of_another_workspace_is_anonymous(api: ApiHarness) -> None:
    run = await api.flow(approval(approvers=["role/admin"]))
    link = (await urls(api, await job_of(api, run, "ask")))["resume"]
    zoe = await api.member("zoe", role=Role.ADMIN, workspace="admins")
    assert (await zoe.post(link)).status_code == 401
    assert client_of(api.app, "wrong") and (await client_of(api.app, "wrong").post(link)).status_code == 401


async def test_decision_in_sub_workflow_is_made_at_calling_run(api: ApiHarness) -> None:
    asking = {"path": "f/a/asking", "summary": "", "value": {"modules": [approval()]}}
    assert (await api.client.post(f"{W}/flows/create", json=asking)).status_code == 201
    call = {"id": "c", "value": {"type": "flow", "path": "f/a/asking", "input_transforms": {}}}
    run = await api.flow(call)
    info = await api.get(f"jobs_u/flow/approval_info/{run}")
    assert (info["node"], info["can_approve"]) == ("ask", True)
    assert (await consent(api.client, run)).status_code == 200
    assert (await ended(api, run))["result"]["decision"] == "approved"
    both = await api.flow({**call, "needs": []}, {**call, "id": "d", "needs": []})
    answer = await consent(api.client, both)
    assert (answer.status_code, len(answer.json()["error"]["details"]["jobs"])) == (409, 2)


async def test_form_and_message_read_node_inputs(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    form = {
        "type": "object",
        "properties": {
            "amount": {"type": "number", "maximum": "{{ inputs.most }}", "default": "{{ inputs.order.amount }}"},
            "why": {"type": "string", "title": "Why not {{ inputs.order.amount }}?"},
        },
        "required": ["amount"],
    }
    inputs = {"most": js("100 * 2"), "order": js("flow_input.order")}
    node = approval(message="{{ inputs.order.amount }} of {{inputs.most}}", form=form, input_transforms=inputs)
    run = await api.flow(node, args={"order": {"amount": 120}})
    info = await api.get(f"jobs_u/flow/approval_info/{run}")
    assert (info["description"], info["form_schema"]["properties"]["amount"]) == (
        "120 of 200",
        {"type": "number", "maximum": 200, "default": 120},
    )
    (waiting,) = await api.get("approvals/list")
    assert (waiting["inputs"], waiting["omitted_inputs"]) == ({"most": 200, "order": {"amount": 120}}, [])
    both = await urls(api, info["job"], 1, approver="eve")
    assert "Why not 120?" in (await stranger.get(both["approvalPage"])).text
    assert (await stranger.post(both["resume"], json={"amount": 300})).status_code == 400
    assert (await consent(api.client, run, form={"amount": 150})).status_code == 200
    assert (await ended(api, run))["result"]["form"] == {"amount": 150}


async def test_large_input_of_approval_is_left_out(api: ApiHarness) -> None:
    inputs = {"small": js("1 + 1"), "large": js("'x'.repeat(70000)"), "last": js("null")}
    await api.flow(approval(input_transforms=inputs))
    (waiting,) = await api.get("approvals/list")
    assert (waiting["inputs"], waiting["omitted_inputs"]) == ({"small": 2, "last": None}, ["large"])


async def test_body_of_link_is_limited(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    run = await api.flow(*SUSPENDED)
    both = await urls(api, await job_of(api, run, "a"))
    large = b'"' + b"x" * (3 << 20) + b'"'
    for link in (both["resume"], both["cancel"], both["approvalPage"], both["resume"][:-3] + "abc"):
        assert (await stranger.post(link, content=large)).status_code == 413
    assert (await stranger.post(both["resume"], content=b'"' + b"x" * (3 << 19) + b'"')).status_code == 400
    assert await status(api, run) == "awaiting_approval"


async def test_calling_run_waits_for_decision_in_sub_workflow(api: ApiHarness) -> None:
    work = {"id": "work", "value": script("x")["value"]}
    for path, modules in {
        "f/a/asking": [approval(), work],
        "f/a/middle": [{"id": "m", "value": {"type": "flow", "path": "f/a/asking", "input_transforms": {}}}],
    }.items():
        body = {"path": path, "summary": "", "value": {"modules": modules}}
        assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    call = {"id": "c", "value": {"type": "flow", "path": "f/a/middle", "input_transforms": {}}, "needs": []}
    beside = {"id": "beside", "value": script("y")["value"], "needs": []}
    run = await api.flow(call, beside)
    assert await status(api, run) == "queued", "the other branch can go on"
    await api.worker.finish((await api.worker.claim())["beside"], 1)
    assert await status(api, run) == "awaiting_approval"
    assert (await api.get(f"jobs_u/get/{run}"))["suspend"] == 1
    assert (await consent(api.client, run)).status_code == 200
    assert await status(api, run) == "running"
    await api.worker.finish((await api.worker.claim())["work"], 2)
    assert (await ended(api, run))["result"] == {"beside": 1, "c": 2}
