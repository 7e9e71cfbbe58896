"""Approvals inside loops, and in runs that have loops."""

from __future__ import annotations

import httpx
import pytest
from tests.http.harness import ApiHarness, script
from tests.http.test_approvals import api as api
from tests.http.test_approvals import approval, consent, ended, status, urls
from tests.http.test_approvals import stranger as stranger


async def test_run_lists_decision_pending_inside_loop(api: ApiHarness) -> None:
    body = {"iterator": {"type": "static", "value": [1, 2]}, "parallel": True}
    work = {"id": "work", "value": script("x")["value"]}
    run = await api.flow({"id": "l", "value": {"type": "forloopflow", **body, "modules": [approval(), work]}})
    assert await status(api, run) == "awaiting_approval"
    answer = await consent(api.client, run, node="ask")
    first, second = answer.json()["error"]["details"]["jobs"]
    assert (await consent(api.client, run, node=first)).status_code == 200
    assert await status(api, run) == "running", "one iteration goes on"
    await api.worker.finish((await api.worker.claim())["work"], 1)
    assert await status(api, run) == "awaiting_approval"
    assert (await consent(api.client, run, node=second)).status_code == 200
    await api.worker.finish((await api.worker.claim())["work"], 2)
    assert sorted((await ended(api, run))["result"]) == [1, 2]


@pytest.mark.parametrize("decision", ["approved", "rejected"])
async def test_decision_that_ends_run_with_loop_counts(api: ApiHarness, decision: str) -> None:
    """The approval is no longer open, and the response reports that the decision was recorded."""
    loop = {"iterator": {"type": "static", "value": [1]}, "modules": [{"id": "work", "value": {"type": "identity"}}]}
    run = await api.flow({"id": "l", "value": {"type": "forloopflow", **loop}}, approval())
    assert (await consent(api.client, run, decision)).status_code == 200
    assert (await ended(api, run))["success"] is (decision == "approved")


async def test_links_of_decision_inside_loop(api: ApiHarness, stranger: httpx.AsyncClient) -> None:
    body = {"iterator": {"type": "static", "value": [1, 2]}, "skip_failures": False, "modules": [approval()]}
    run = await api.flow({"id": "l", "value": {"type": "forloopflow", **body}})
    for resume_id in (1, 2):
        info = await api.get(f"jobs_u/flow/approval_info/{run}")
        both = await urls(api, info["job"], resume_id, approver="eve")
        assert "Approve" in (await stranger.get(both["approvalPage"])).text
        assert (await stranger.post(both["resume"], json={"n": resume_id})).status_code == 201
        assert (await stranger.post(both["resume"], json={"n": resume_id})).status_code == 200
    assert [each["form"]["n"] for each in (await ended(api, run))["result"]] == [1, 2]


async def test_decisions_of_same_node_are_distinguished_by_job(api: ApiHarness) -> None:
    body = {"iterator": {"type": "static", "value": [1, 2]}, "parallel": True, "modules": [approval()]}
    run = await api.flow({"id": "l", "value": {"type": "forloopflow", **body}})
    answer = await consent(api.client, run, node="ask")
    first, second = answer.json()["error"]["details"]["jobs"]
    assert (await consent(api.client, run, node=first)).status_code == 200
    assert (await consent(api.client, second)).status_code == 200
    assert len((await ended(api, run))["result"]) == 2
