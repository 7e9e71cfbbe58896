"""Preflight of deployments: owners of what a plan changes, and schedules and runs that it concerns."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.http.test_deployments import HOOK, ITEMS, MAIN, SCHEDULE, D, L, Pipeline, act
from tests.http.test_deployments import pipeline as pipeline
from tests.http.test_releases import apply as apply_changes

from orvanta_platform.control.actor import Role


@pytest.mark.parametrize("how", ["disabled", "removed"])
async def test_owner_who_left_the_environment_prevents_changes_of_what_acts_for_it(
    pipeline: Pipeline, how: str
) -> None:
    """Triggers and a workflow on behalf of a member who left are named in the plan, until they have another owner."""
    ann = await pipeline.person("ann", live=Role.ADMIN)
    assert (await act(ann, "apply", await pipeline.request(ann)))[0] == 200
    hers = "on_behalf_of_email: ann@example.com\n" + MAIN % "One"
    await apply_changes(pipeline.admin, [{**ITEMS[3], "content": {"text": hers}}], "live")
    if how == "disabled":
        await pipeline.admin.post(f"{L}/users/update/ann", json={"disabled": True})
    else:
        await pipeline.admin.delete(f"{L}/users/delete/ann")
    unchanged = await pipeline.request(pipeline.admin)
    assert [each for each in unchanged["plan"]["blocked"] if each["code"] == "identity_disabled"] == []
    later = {**ITEMS[4], "content": {**SCHEDULE, "schedule": "0 0 7 * * *"}}
    await apply_changes(pipeline.admin, [later, {**ITEMS[5], "content": {**HOOK, "summary": "Two"}}])
    request = await pipeline.request(pipeline.admin, await pipeline.release("Two"), overwrite=True)
    named = [("flow", "f/team/main"), ("http_trigger", "f/team/hook"), ("schedule", "f/team/daily")]
    blocked = request["plan"]["blocked"]
    assert [(each["code"], each["kind"], each["path"]) for each in blocked] == [
        ("identity_disabled", *key) for key in named
    ]
    assert all("u/ann" in each["message"] and each["hint"] for each in blocked)
    status, refused = await act(pipeline.admin, "apply", request)
    assert (status, refused["code"], len(refused["details"])) == (409, "deployment_blocked", 3)
    for kind, path in named:
        body = {"kind": kind, "path": path, "owner": "u/admin", "enable": False}
        answer = await pipeline.admin.post(f"{L}/ownership/assign", json=body)
        assert answer.status_code == 200, answer.text
    renewed = (await pipeline.admin.post(f"{D}/renew/{request['id']}", json={})).json()
    assert renewed["plan"]["blocked"] == []
    assert (await act(pipeline.admin, "apply", renewed))[0] == 200


async def test_plan_counts_schedules_and_runs_of_what_it_changes(pipeline: Pipeline) -> None:
    """Enabled schedules that start a changed workflow, and its runs in progress; unchanged items are not counted."""
    await pipeline.deploy(1)
    for _ in range(2):
        assert (await pipeline.admin.post(f"{L}/jobs/run/f/f/team/main", json={})).status_code == 201
    unchanged = await pipeline.request(pipeline.admin)
    assert unchanged["plan"]["in_use"] == []
    number = await pipeline.release("Two")
    asked = {"source": "main", "number": number}
    use = {"kind": "flow", "path": "f/team/main", "schedules": 0, "runs": 2}
    assert (await pipeline.admin.post(f"{D}/plan", json=asked)).json()["in_use"] == [use]
    await pipeline.admin.post(f"{L}/schedules/setenabled/f/team/daily", json={"enabled": True})
    request = await pipeline.request(pipeline.admin, number)
    assert request["plan"]["in_use"] == [{**use, "schedules": 1}]
    assert request["stale"] is False, "what runs is no part of the plan's hash"
    assert (await act(pipeline.admin, "apply", request))[0] == 200


async def test_drift_names_who_changed_or_deleted_each_item_and_when(pipeline: Pipeline) -> None:
    await pipeline.deploy(1)
    ann = await pipeline.person("ann", live=Role.ADMIN)
    bob = await pipeline.person("bob", live=Role.ADMIN)
    await apply_changes(ann, [{**ITEMS[3], "content": {"text": MAIN % "Theirs"}}], "live")
    await apply_changes(bob, [{**ITEMS[5], "content": {**HOOK, "summary": "Theirs"}}], "live")
    assert (await ann.post(f"{L}/scripts/archive/p/f/team/step")).status_code == 200
    assert (await bob.delete(f"{L}/schedules/delete/f/team/daily")).status_code == 200
    drift = (await pipeline.admin.get(f"{D}/environment")).json()["drift"]
    assert {each["path"]: each["changed_by"] for each in drift} == {
        "f/team/main": "ann",
        "f/team/hook": "bob",
        "f/team/step": "ann",
        "f/team/daily": "bob",
    }
    assert all(datetime.fromisoformat(each["changed_at"]) for each in drift)
    request = await pipeline.request(pipeline.admin, await pipeline.release("Two"))
    assert request["plan"]["drift"] == drift
