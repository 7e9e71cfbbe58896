"""Checks after deployments: tests against the environment, smoke runs, holds and rollbacks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from tests.http.harness import W, client_of
from tests.http.test_automatic_promotions import execute
from tests.http.test_deployments import ITEMS, MAIN, D, L, Pipeline, act, codes, pipeline
from tests.http.test_releases import apply as apply_changes

from orvanta_platform.control import names
from orvanta_platform.control.actor import Role
from orvanta_platform.db import deployment_checks as check_rows
from orvanta_platform.db import tokens
from orvanta_platform.errors import QueryTimeout
from orvanta_platform.services.catalog import test_playback
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import deployment_checks, deployments
from orvanta_platform.services.turns import Turns

__all__ = ["pipeline"]

SMOKE: dict[str, Any] = {"kind": "flow", "path": "f/team/smoke", "args": {"x": 1}}
NODE = '    - {id: %s, value: {type: rawscript, language: bash, content: "exit 0", input_transforms: {}}}\n'
ANSWERS = {"a": {"result": "one"}, "b": {"result": "two"}}
EXPECTED = {"nodes": ANSWERS, "variables": {"f/team/region": "x"}, "expect": {"status": "succeeded"}}


async def deploy_smoke(client: httpx.AsyncClient, *nodes: str) -> None:
    """Deploy the workflow of the smoke run to the environment. `nodes`: the ids of its nodes; none: `a`."""
    text = "value:\n  modules:\n" + "".join(NODE % node for node in nodes or ("a",))
    item = {"kind": "flow", "path": SMOKE["path"], "content": {"text": text}}
    await apply_changes(client, [item], "live")


async def work(pipeline: Pipeline, error: str | None = None) -> str | None:
    """Claim the job of the smoke run and end it; return its node."""
    (job,) = await pipeline.api.worker.claim_all()
    await pipeline.api.worker.finish(job, 1, error=error)
    return job.node


async def create_test(pipeline: Pipeline, name: str = "plays", result: Any = "two") -> None:
    """Create a test of the workflow in the workspace of the release, which expects `result`."""
    test = {**EXPECTED, "expect": {"status": "succeeded", "result": {"equals": result}}}
    made = await pipeline.admin.post(f"{W}/workflow_tests/create/f/team/main", json={"name": name, "test": test})
    assert made.status_code == 200, made.text


async def check(*platforms: Platform) -> None:
    """Perform checks and rollbacks on several servers at once, until none is due."""
    while sum(await asyncio.gather(*(deployment_checks.run_due(each) for each in platforms))):
        pass


async def fail(pipeline: Pipeline) -> None:
    """Let the smoke run of the newest deployment fail."""
    await check(pipeline.api.platform)
    await work(pipeline, error="broken")
    await later(pipeline)


async def later(pipeline: Pipeline, *platforms: Platform) -> None:
    """Perform what was postponed, or claimed by a server that crashed."""
    await execute(pipeline, "UPDATE deployment_check SET due_at = app_now() WHERE due_at IS NOT NULL")
    await check(*(platforms or (pipeline.api.platform,)))


async def newest(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return the newest deployment."""
    found: dict[str, Any] = (await client.get(f"{D}/history")).json()[0]
    return found


async def operations(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Return operation and member of the entries of the audit trail about checks, holds and rollbacks."""
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 200})).json()[::-1]
    shown = {"check", "hold", "roll_back_automatically", "refuse_rollback", "bypass", "lift_hold"}
    found = [(each["operation"].removeprefix("deployments."), each["username"]) for each in rows]
    return [each for each in found if each[0] in shown]


async def apply_as(pipeline: Pipeline, client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    """Request and apply a release."""
    status, done = await act(client, "apply", await pipeline.request(client, number))
    assert (status, done.get("state")) == (200, "applied"), done
    found: dict[str, Any] = done
    return found


async def test_tests_and_a_smoke_run_follow_a_deployment(pipeline: Pipeline) -> None:
    """They are performed by another server than the one that deployed, as the member who applied the release."""
    await deploy_smoke(pipeline.admin)
    await create_test(pipeline)
    await pipeline.rules(checks={"workflow_tests": True, "smoke_run": SMOKE}, on_failed_check="rollback")
    dan = await pipeline.person("dan")
    request = await apply_as(pipeline, dan, 1)
    assert (request["check"]["state"], request["check"]["on_failed_check"]) == ("waiting", "rollback")
    other = replace(pipeline.api.platform, turns=Turns())
    await check(other)
    assert await work(pipeline) == "a"
    await later(pipeline)
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], found["permissioned_as"], found["rollback"]) == ("passed", "u/dan", None)
    tests, smoke = found["results"]
    assert (tests["kind"], tests["path"], tests["tests"], tests["failed"]) == ("workflow_tests", "f/team/main", 1, [])
    assert (smoke["kind"], smoke["path"], smoke["passed"], smoke["message"]) == ("smoke_run", SMOKE["path"], True, None)
    run = (await pipeline.admin.get(f"{L}/jobs_u/get/{found['run']}")).json()
    assert (run["permissioned_as"], run["args"]) == ("u/dan", {"x": 1})
    assert (await dan.get(f"{D}/get/{request['id']}")).json()["check"] == found
    assert (await pipeline.admin.get(f"{D}/environment")).json()["current"]["check"] == found
    assert await operations(pipeline) == [("check", "system")]
    # A rollback has no checks: it goes back to what ran before, and already holds promotions.
    await pipeline.release("Two")
    await pipeline.rules()
    await pipeline.deploy(2)
    assert (await newest(dan))["check"] is None
    await pipeline.rules(checks={"smoke_run": SMOKE})
    answer = await pipeline.admin.post(f"{D}/rollback", json={"reason": "Wrong"})
    assert (answer.json()["state"], answer.json()["check"]) == ("applied", None)


async def test_tests_that_exceed_the_time_limit_are_repeated_before_they_fail(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy server does not hold promotions at once; after ten minutes the result names the tests."""
    await create_test(pipeline, result="three")
    monkeypatch.setattr(test_playback, "PLAYBACK_SECONDS", 0)
    await pipeline.rules(workflow_tests="pass")
    (reason,) = (await pipeline.request(pipeline.admin))["plan"]["unfulfilled"]
    not_run = "Tests of the workflow f/team/main were not run: plays. "
    assert (reason["code"], not_run in reason["message"]) == ("tests_not_run", True), reason
    await pipeline.admin.post(f"{D}/withdraw/1")
    await pipeline.rules(checks={"workflow_tests": True}, on_failed_check="hold")
    await apply_as(pipeline, pipeline.admin, 1)
    await check(pipeline.api.platform)
    assert (await newest(pipeline.admin))["check"]["state"] == "waiting"
    assert (await pipeline.admin.get(f"{D}/environment")).json()["hold"] is None
    await execute(pipeline, "UPDATE deployment_check SET created_at = created_at - interval '11 minutes'")
    await later(pipeline)
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], not_run in found["results"][0]["message"]) == ("failed", True), found
    assert (await pipeline.admin.get(f"{D}/environment")).json()["hold"]["by"] == "system"


async def test_failed_checks_roll_back_once(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule stands for approvals and frozen hours; a server that crashes is replaced, and two servers make one."""
    dan = await pipeline.person("dan")
    await apply_as(pipeline, dan, 1)
    second = await pipeline.release("Two")
    await deploy_smoke(pipeline.admin)
    await pipeline.rules(checks={"smoke_run": SMOKE}, on_failed_check="rollback")
    applied = await apply_as(pipeline, dan, second)
    await pipeline.rules(approvals=2, checks={"smoke_run": SMOKE}, on_failed_check="rollback")
    first = pipeline.api.platform
    other = replace(first, turns=Turns())
    apply = deployments.apply_ordered

    async def crash(*values: Any, **more: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(deployments, "apply_ordered", crash)
    await fail(pipeline)
    found = (await newest(dan))["check"]
    assert (found["state"], found["rollback"], await pipeline.summary()) == ("failed", "due", "Two")
    hold = (await dan.get(f"{D}/environment")).json()["hold"]
    # Every member of the workspace reads the reason of a hold, which names no items.
    assert (hold["by"], hold["reason"]) == ("system", "The checks of release 2 of main failed.")
    assert found["results"][0]["message"] == "The workflow f/team/smoke failed. It ended with the status failed."
    monkeypatch.setattr(deployments, "apply_ordered", apply)
    await later(pipeline, first, other)
    await later(pipeline, other, first)
    assert await pipeline.summary() == "One"
    history = (await dan.get(f"{D}/history")).json()
    assert [(each["kind"], each["number"]) for each in history] == [("rollback", 1), ("promotion", 2), ("promotion", 1)]
    rollback, failed = history[:2]
    assert rollback["applied_by"] == "dan" and "The checks of release 2 of main failed" in rollback["bypass_reason"]
    assert (failed["check"]["rollback"], failed["check"]["rollback_request"]) == ("done", rollback["request"])
    assert (await dan.get(f"{D}/get/{applied['id']}")).json()["check"]["rollback"] == "done"
    expected = [("check", "system"), ("hold", "system"), ("roll_back_automatically", "dan")]
    assert await operations(pipeline) == expected
    # Promotions wait until somebody lifts the hold.
    request = await pipeline.request(dan, second)
    assert "on_hold" in codes(request["plan"]["unfulfilled"])
    assert (await dan.post(f"{D}/lift_hold")).status_code == 200


async def test_hold_of_failed_checks_replaces_that_of_an_open_rollback(pipeline: Pipeline) -> None:
    """Otherwise a member who rejects or withdraws the rollback would lift the hold that the checks order."""
    await deploy_smoke(pipeline.admin)
    await apply_as(pipeline, pipeline.admin, 1)
    await pipeline.rules(checks={"smoke_run": SMOKE}, on_failed_check="hold")
    await apply_as(pipeline, pipeline.admin, await pipeline.release("Two"))
    await pipeline.rules(approvals=1)
    opened = (await pipeline.admin.post(f"{D}/rollback", json={"reason": "Wrong"})).json()
    await check(pipeline.api.platform)
    await work(pipeline, error="broken")
    await later(pipeline)
    assert (await act(pipeline.admin, "withdraw", opened))[0] == 200
    assert (await pipeline.admin.get(f"{D}/environment")).json()["hold"]["by"] == "system"


async def test_smoke_runs_fail_or_exceed_their_time_limit(pipeline: Pipeline) -> None:
    """With the rule `hold`, the release stays and promotions are on hold; with `nothing`, only the result is stored."""
    smoke = {**SMOKE, "time_limit_s": 60}
    await deploy_smoke(pipeline.admin)
    await pipeline.rules(checks={"smoke_run": smoke}, on_failed_check="hold")
    await apply_as(pipeline, pipeline.admin, 1)
    await check(pipeline.api.platform)
    await work(pipeline, error="broken")
    await later(pipeline)
    found = await newest(pipeline.admin)
    assert (found["check"]["state"], found["check"]["rollback"]) == ("failed", None)
    assert "ended with the status failed" in found["check"]["results"][0]["message"]
    state = (await pipeline.admin.get(f"{D}/environment")).json()
    assert (state["current"]["number"], state["hold"]["by"]) == (1, "system")
    await pipeline.admin.post(f"{D}/lift_hold")
    await pipeline.rules(checks={"smoke_run": smoke})
    await apply_as(pipeline, pipeline.admin, await pipeline.release("Two"))
    await check(pipeline.api.platform)
    await later(pipeline)
    assert (await newest(pipeline.admin))["check"]["state"] == "running"
    await execute(pipeline, "UPDATE deployment_check SET run_until = app_now() WHERE state = 'running'")
    await later(pipeline)
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], "within 60 s" in found["results"][0]["message"]) == ("failed", True)
    assert (await pipeline.admin.get(f"{D}/environment")).json()["hold"] is None
    run = (await pipeline.admin.get(f"{L}/jobs_u/get/{found['run']}")).json()
    assert (run["canceled"], run["canceled_by"]) == (True, "system")


async def test_smoke_run_that_cannot_be_observed_is_awaited_until_its_time_limit(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of the database do not end it; long after the limit it is cancelled, and the other results remain."""
    await create_test(pipeline)
    await pipeline.deploy(1)
    await deploy_smoke(pipeline.admin)
    checks = {"workflow_tests": True, "smoke_run": {**SMOKE, "time_limit_s": 3600}}
    await pipeline.rules(checks=checks, on_failed_check="rollback")
    await pipeline.deploy(await pipeline.release("Two"))
    await check(pipeline.api.platform)
    await execute(pipeline, "UPDATE deployment_check SET created_at = created_at - interval '50 minutes'")

    async def time_out(*_: Any) -> None:
        raise QueryTimeout("A statement took too long.")

    monkeypatch.setattr(check_rows, "postpone", time_out)
    await later(pipeline)
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], len(found["results"])) == ("running", 1), found
    await execute(pipeline, "UPDATE deployment_check SET run_until = app_now() - interval '11 minutes'")
    monkeypatch.setattr(check_rows, "get_interventions", time_out)
    await later(pipeline)
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], found["rollback"]) == ("failed", None), found
    assert [(each["kind"], each["passed"]) for each in found["results"]] == [
        ("workflow_tests", True),
        ("smoke_run", False),
    ]
    assert (await pipeline.admin.get(f"{D}/environment")).json()["hold"]["by"] == "system"
    run = (await pipeline.admin.get(f"{L}/jobs_u/get/{found['run']}")).json()
    assert (run["canceled"], run["canceled_by"]) == (True, "system")


async def test_only_a_failed_smoke_run_orders_a_rollback(pipeline: Pipeline) -> None:
    """Developers of the workspace of the release change tests, and operators cancel runs: both only cause a hold."""
    await pipeline.deploy(1)
    await deploy_smoke(pipeline.admin)
    rules: dict[str, Any] = {"on_failed_check": "rollback", "checks": {"smoke_run": SMOKE}}
    await pipeline.rules(**rules)
    await pipeline.deploy(await pipeline.release("Two"))
    await check(pipeline.api.platform)
    run = (await newest(pipeline.admin))["check"]["run"]
    canceled = await pipeline.admin.post(f"{L}/jobs_u/queue/cancel/{run}", json={"reason": "Stop"})
    assert canceled.is_success, canceled.text
    await later(pipeline)
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], found["rollback"], await pipeline.summary()) == ("failed", None, "Two")
    assert (await pipeline.admin.get(f"{D}/environment")).json()["hold"]["by"] == "system"
    await pipeline.admin.post(f"{D}/lift_hold")
    await create_test(pipeline, result="three")
    await pipeline.rules(on_failed_check="rollback", checks={"workflow_tests": True, "smoke_run": SMOKE})
    await pipeline.deploy(await pipeline.release("Three"))
    await check(pipeline.api.platform)
    found = (await newest(pipeline.admin))["check"]
    assert found["results"][0]["failed"] == ["plays"]
    assert found["results"][0]["message"] == "The test plays of the workflow f/team/main fails."
    assert (found["state"], found["rollback"], await pipeline.summary()) == ("failed", None, "Three")
    assert (await pipeline.admin.get(f"{D}/environment")).json()["hold"]["by"] == "system"


async def test_smoke_run_in_which_members_intervene_neither_passes_nor_orders_a_rollback(pipeline: Pipeline) -> None:
    """An operator cancels a node, and the member who applied the release continues a node with a result of its own."""
    op = await pipeline.person("op", live=Role.OPERATOR)
    await pipeline.deploy(1)
    await deploy_smoke(pipeline.admin)
    await pipeline.rules(on_failed_check="rollback", checks={"smoke_run": SMOKE})
    await pipeline.deploy(await pipeline.release("Two"))
    await check(pipeline.api.platform)
    run = (await newest(pipeline.admin))["check"]["run"]
    (job,) = await pipeline.api.worker.claim_all()
    canceled = await op.post(f"{L}/jobs_u/queue/cancel/{job.id}", json={})
    assert canceled.is_success, canceled.text
    await later(pipeline)
    assert (await pipeline.admin.get(f"{L}/jobs_u/get/{run}")).json()["canceled"] is False
    await assert_only_held(pipeline, "Two")
    await deploy_smoke(pipeline.admin, "a", "b")
    await pipeline.deploy(await pipeline.release("Three"))
    await check(pipeline.api.platform)
    run = (await newest(pipeline.admin))["check"]["run"]
    pauses = f"/api/v1/runs/{run}/pauses"
    headers = {"X-Workspace": "live"}
    assert (await pipeline.admin.put(f"{pauses}/before/b", json={}, headers=headers)).is_success
    await work(pipeline)
    (paused,) = (await pipeline.admin.get(pauses, headers=headers)).json()["paused"]
    body = {"result": 1}
    continued = await pipeline.admin.post(f"{pauses}/{paused['job']}/continue", json=body, headers=headers)
    assert continued.is_success, continued.text
    await later(pipeline)
    assert (await pipeline.admin.get(f"{L}/jobs_u/get/{run}")).json()["success"] is True
    await assert_only_held(pipeline, "Three")


async def test_smoke_run_that_a_departure_interrupts_orders_no_rollback(pipeline: Pipeline) -> None:
    """Its sub-workflow acts for a member who leaves, with whose runs it is cancelled."""
    await pipeline.person("leo", live=Role.ADMIN)
    await pipeline.deploy(1)
    inner = {"path": "f/team/inner", "on_behalf_of_email": "leo@example.com", "summary": ""}
    script = {"type": "rawscript", "language": "bash", "content": "exit 0", "input_transforms": {}}
    value = {"modules": [{"id": "a", "value": script}]}
    made = await pipeline.admin.post(f"{L}/flows/create", json={**inner, "value": value})
    assert made.status_code == 201, made.text
    text = "value:\n  modules:\n    - {id: b, value: {type: flow, path: f/team/inner, input_transforms: {}}}\n"
    await apply_changes(pipeline.admin, [{"kind": "flow", "path": SMOKE["path"], "content": {"text": text}}], "live")
    await pipeline.rules(on_failed_check="rollback", checks={"smoke_run": SMOKE})
    await pipeline.deploy(await pipeline.release("Two"))
    await check(pipeline.api.platform)
    (job,) = await pipeline.api.worker.claim_all()
    left = await pipeline.admin.delete(f"{L}/users/delete/leo", params={"runs": "cancel"})
    assert left.is_success, left.text
    await pipeline.api.worker.finish(job, 1, error="killed")
    await later(pipeline)
    await assert_only_held(pipeline, "Two")


async def assert_only_held(pipeline: Pipeline, summary: str) -> None:
    """Check that the smoke run failed and only holds promotions; lift the hold."""
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], found["rollback"], await pipeline.summary()) == ("failed", None, summary)
    assert "A member cancelled a part of it" in found["results"][0]["message"]
    assert (await pipeline.admin.get(f"{D}/environment")).json()["hold"]["by"] == "system"
    await pipeline.admin.post(f"{D}/lift_hold")


async def test_hold_of_a_member_remains(pipeline: Pipeline) -> None:
    await deploy_smoke(pipeline.admin)
    await pipeline.deploy(1)
    await pipeline.rules(checks={"smoke_run": SMOKE}, on_failed_check="hold")
    await pipeline.deploy(await pipeline.release("Two"))
    await pipeline.rules(approvals=1)
    opened = await pipeline.admin.post(f"{D}/rollback", json={"reason": "Wrong totals"})
    assert opened.json()["state"] == "open", opened.text
    # As after the rollback.
    await execute(pipeline, "UPDATE environment SET hold_request = NULL")
    await fail(pipeline)
    assert (await newest(pipeline.admin))["check"]["state"] == "failed"
    hold = (await pipeline.admin.get(f"{D}/environment")).json()["hold"]
    assert (hold["by"], hold["reason"]) == ("admin", "Wrong totals")


async def test_rollbacks_that_are_not_permitted_are_refused(pipeline: Pipeline) -> None:
    """The hold remains. The reasons are that there is no earlier release, a lost permission, and a later release."""
    dan, ann = await pipeline.person("dan"), await pipeline.person("ann")
    await deploy_smoke(pipeline.admin)
    rules = {"checks": {"smoke_run": SMOKE}, "on_failed_check": "rollback", "bypass": ["u/dan"]}
    await pipeline.rules(**rules)
    await apply_as(pipeline, dan, 1)
    await fail(pipeline)
    found = (await newest(dan))["check"]
    assert (found["rollback"], "No other release" in found["rollback_detail"]) == ("refused", True)
    await dan.post(f"{D}/lift_hold")
    await apply_as(pipeline, dan, await pipeline.release("Two"))
    await pipeline.rules(**rules, appliers=["u/dan"])
    await check(pipeline.api.platform)
    await work(pipeline, error="broken")
    await execute(pipeline, "UPDATE member SET role = 'viewer' WHERE workspace = 'live' AND username = 'dan'")
    await later(pipeline)
    found = (await newest(ann))["check"]
    assert (found["rollback"], found["rollback_detail"]) == ("refused", "Members who may apply see the reason.")
    await execute(pipeline, "UPDATE member SET role = 'developer' WHERE workspace = 'live' AND username = 'dan'")
    assert (await newest(ann))["number"] == 2 and await pipeline.summary() == "Two"
    assert (await ann.get(f"{D}/environment")).json()["hold"]["by"] == "system"
    assert ("refuse_rollback", "system") in await operations(pipeline)
    # A release that was deployed after the failed one is not rolled back.
    third = await pipeline.request(dan, await pipeline.release("Three"))
    assert (await act(dan, "apply", third, bypass_reason="Urgent"))[0] == 200
    await execute(pipeline, "UPDATE deployment_check SET rollback = 'due', due_at = app_now() WHERE deployment = 2")
    await execute(pipeline, "UPDATE deployment_check SET due_at = NULL WHERE deployment <> 2")
    await check(pipeline.api.platform)
    second = (await dan.get(f"{D}/history")).json()[1]["check"]
    assert (second["rollback"], "Another release" in second["rollback_detail"]) == ("refused", True)
    assert await pipeline.summary() == "Three"


async def test_checks_of_a_replaced_release_have_no_consequences(pipeline: Pipeline) -> None:
    """A member rolls back before the checks have failed: the hold is that of the member."""
    await pipeline.deploy(1)
    await create_test(pipeline, result="three")
    await pipeline.rules(checks={"workflow_tests": True}, on_failed_check="hold")
    await pipeline.deploy(await pipeline.release("Two"))
    answer = await pipeline.admin.post(f"{D}/rollback", json={"reason": "Wrong totals"})
    assert answer.json()["state"] == "applied", answer.text
    await check(pipeline.api.platform)
    second = (await pipeline.admin.get(f"{D}/history")).json()[1]["check"]
    assert (second["state"], second["rollback"]) == ("failed", None)
    hold = (await pipeline.admin.get(f"{D}/environment")).json()["hold"]
    assert (hold["by"], hold["reason"]) == ("admin", "Wrong totals")


async def test_automatic_rollback_replaces_no_changed_items(pipeline: Pipeline) -> None:
    """The platform does not apply a request of the member without the approvals that it needs."""
    await pipeline.deploy(1)
    await deploy_smoke(pipeline.admin)
    rules = {"approvals": 1, "checks": {"smoke_run": SMOKE}, "on_failed_check": "rollback", "bypass": ["u/admin"]}
    second = await pipeline.request(pipeline.admin, await pipeline.release("Two"))
    await pipeline.rules(**rules)
    assert (await act(pipeline.admin, "apply", second, bypass_reason="Urgent"))[0] == 200
    await apply_changes(pipeline.admin, [{**ITEMS[3], "content": {"text": MAIN % "Mended"}}], "live")
    prepared = await pipeline.admin.post(f"{D}/rollback", json={"reason": "Prepared", "overwrite": True})
    assert prepared.json()["state"] == "open", prepared.text
    await fail(pipeline)
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], found["rollback"], await pipeline.summary()) == ("failed", "refused", "Mended")
    assert "a person must apply it" in found["rollback_detail"]
    # Without it, the change is a conflict.
    await execute(pipeline, "UPDATE deployment_request SET state = 'rejected' WHERE state = 'open'")
    await execute(pipeline, "UPDATE deployment_check SET rollback = 'due', due_at = app_now()")
    await check(pipeline.api.platform)
    found = (await newest(pipeline.admin))["check"]
    assert (found["rollback"], "in conflict" in found["rollback_detail"]) == ("refused", True)
    assert await pipeline.summary() == "Mended"


async def test_open_request_of_another_member_does_not_prevent_the_automatic_rollback(pipeline: Pipeline) -> None:
    """A prepared request neither prevents the rollback nor is applied in its place."""
    eve = await pipeline.person("eve")
    await pipeline.deploy(1)
    await deploy_smoke(pipeline.admin)
    second = await pipeline.request(pipeline.admin, await pipeline.release("Two"))
    rules = {"approvals": 1, "checks": {"smoke_run": SMOKE}, "on_failed_check": "rollback", "bypass": ["u/admin"]}
    await pipeline.rules(**rules)
    assert (await act(pipeline.admin, "apply", second, bypass_reason="Urgent"))[0] == 200
    prepared = (await eve.post(f"{D}/rollback", json={"reason": "Prepared", "overwrite": True})).json()
    assert prepared["state"] == "open", prepared
    await fail(pipeline)
    found = (await pipeline.admin.get(f"{D}/history")).json()[1]["check"]
    assert (found["state"], found["rollback"], await pipeline.summary()) == ("failed", "done", "One")
    assert found["rollback_request"] != prepared["id"]
    assert (await eve.get(f"{D}/get/{prepared['id']}")).json()["state"] == "withdrawn"


async def test_smoke_runs_have_the_limits_of_the_token_that_applied_the_release(pipeline: Pipeline) -> None:
    """The token of a CI job must not run anything through the checks that it may not run itself."""
    await deploy_smoke(pipeline.admin)
    await pipeline.rules(checks={"smoke_run": SMOKE})
    await pipeline.person("dan")
    limits = ["deployments:write", "deployments:read", "releases:read", "jobs:run:f/team/main"]
    writes = [f"{kind}:write" for kind in ("flows", "scripts", "schedules", "http_triggers", "variables", "resources")]
    secret = names.new_token("user")
    async with pipeline.api.platform.db.transaction() as conn:
        digest, prefix = names.token_hash(secret), names.token_prefix(secret)
        scopes = [*limits, *writes, *(each.replace("write", "read") for each in writes)]
        await tokens.insert(conn, digest, prefix, "user", "dan@example.com", scopes=scopes)
    await apply_as(pipeline, client_of(pipeline.api.app, secret), 1)
    await check(pipeline.api.platform)
    found = (await newest(pipeline.admin))["check"]
    assert (found["state"], found["run"]) == ("failed", None)
    assert "could not start" in found["results"][0]["message"]


async def test_smoke_runs_use_accepted_versions_only(pipeline: Pipeline) -> None:
    """A developer who changes the workflow of the smoke run does not run code as the member who applies a release."""
    await deploy_smoke(pipeline.admin)
    eve = await pipeline.person("eve")
    await deploy_smoke(eve, "changed")
    await pipeline.rules(checks={"smoke_run": SMOKE})
    await apply_as(pipeline, pipeline.admin, 1)
    await check(pipeline.api.platform)
    assert await work(pipeline) == "a"
    await later(pipeline)
    assert (await newest(pipeline.admin))["check"]["state"] == "passed"


async def test_invalid_checks_are_refused(pipeline: Pipeline) -> None:
    for rules, reason in (
        ({"on_failed_check": "hold"}, "needs `checks`"),
        ({"checks": {"workflow_tests": True}, "on_failed_check": "rollback"}, "needs a smoke run"),
        ({"checks": {"smoke_run": {"path": "f/team/smoke", "time_limit_s": 0}}}, "time_limit_s"),
        ({"checks": {"smoke_run": {"path": "smoke"}}}, "path"),
        ({"checks": {"smoke_run": {"path": "f/team/smoke", "args": {"x": "y" * 100_000}}}}, "args"),
    ):
        answer = await pipeline.admin.post("/api/environments/update/production", json={"rules": rules})
        assert answer.status_code == 400 and reason in answer.json()["error"]["message"], answer.text
    # The workflow of the smoke run is used by the environment.
    await deploy_smoke(pipeline.admin)
    await pipeline.rules(checks={"smoke_run": SMOKE})
    used = (await pipeline.admin.get(f"{L}/references/flow/f/team/smoke")).json()["references"]
    assert [(each["kind"], each["path"]) for each in used] == [("environment", "production")]
