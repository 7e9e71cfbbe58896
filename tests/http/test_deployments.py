"""Deployments of releases to environments: plans, approvals, rules, rollbacks and permissions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.http.test_releases import apply as apply_changes

from orvanta_platform.control import names
from orvanta_platform.control.actor import Role
from orvanta_platform.db import tokens, workspaces
from orvanta_platform.http.app import create_app
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.turns import Turns

L = "/api/w/live"
D = f"{L}/deployments"
MAIN = """\
summary: %s
value:
  modules:
    - {id: a, value: {type: script, path: f/team/step, input_transforms: {}}}
    - id: b
      value:
        type: script
        path: f/team/step
        input_transforms: {region: {type: static, value: "$var:f/team/region"}}
"""
STEP = {"content": "def main(region=''):\n    return region\n", "language": "python3", "lock": "# none\n"}
SCHEDULE = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/team/main", "is_flow": True, "args": {}}
HOOK = {
    "script_path": "f/team/main",
    "is_flow": True,
    "route_path": "team/hook",
    "http_method": "post",
    "workspaced_route": True,
    "authentication_method": "none",
    "mode": "enabled",
    "request_type": "sync",
}
ITEMS: list[dict[str, Any]] = [
    {"kind": "folder", "path": "team", "content": {"owners": ["g/all"]}},
    {"kind": "variable", "path": "f/team/region", "content": {"value": "dev", "is_secret": False}},
    {"kind": "script", "path": "f/team/step", "content": STEP},
    {"kind": "flow", "path": "f/team/main", "content": {"text": MAIN % "One"}},
    {"kind": "schedule", "path": "f/team/daily", "content": {**SCHEDULE, "enabled": True}},
    {"kind": "http_trigger", "path": "f/team/hook", "content": HOOK},
]
CHOSEN = [{"kind": "schedule", "path": "f/team/daily"}, {"kind": "http_trigger", "path": "f/team/hook"}]
ALWAYS = {"windows": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}]}

Outcome = tuple[int, Any]


class Pipeline:
    """A workspace main for development, and a workspace live with the environment production."""

    def __init__(self, api: ApiHarness) -> None:
        self.api = api
        self.admin = api.client

    async def prepare(self) -> None:
        await self.admin.post("/api/workspaces/create", json={"id": "live", "name": "live"})
        await self.admin.post("/api/environments/create", json={"name": "production", "workspace": "live"})
        await apply_changes(self.admin, ITEMS)
        await apply_changes(self.admin, ITEMS[:2], "live")
        await self.release()

    async def rules(self, **rules: Any) -> None:
        answer = await self.admin.post("/api/environments/update/production", json={"rules": rules})
        assert answer.status_code == 200, answer.text

    async def release(self, summary: str | None = None, **more: Any) -> int:
        """Create a release, with `summary` as the workflow's summary if it is set; return its number."""
        if summary is not None:
            await apply_changes(self.admin, [{**ITEMS[3], "content": {"text": MAIN % summary}}])
        answer = await self.admin.post(f"{W}/releases/create", json={"items": CHOSEN, **more})
        assert answer.status_code == 201, answer.text
        number: int = answer.json()["number"]
        return number

    async def person(self, name: str, main: Role = Role.DEVELOPER, live: Role = Role.DEVELOPER) -> httpx.AsyncClient:
        """Add a member of both workspaces and return its client."""
        client = await self.api.member(name, main)
        async with self.api.platform.db.transaction() as conn:
            await workspaces.add_member(conn, "live", name, f"{name}@example.com", live)
        return client

    async def request(self, client: httpx.AsyncClient, number: int = 1, **more: Any) -> dict[str, Any]:
        answer = await client.post(f"{D}/create", json={"source": "main", "number": number, **more})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def deploy(self, number: int) -> None:
        """Request and apply a release."""
        status, done = await act(self.admin, "apply", await self.request(self.admin, number))
        assert (status, done.get("state")) == (200, "applied"), done

    async def summary(self) -> str:
        """Return the summary of the workflow in the environment."""
        found: str = (await self.admin.get(f"{L}/flows/get/f/team/main")).json()["summary"]
        return found


async def act(client: httpx.AsyncClient, verb: str, request: dict[str, Any], **more: Any) -> Outcome:
    """Approve, reject or apply a request; return the status, and the request or the error."""
    body = {"plan_hash": request["plan_hash"], **more}
    answer = await client.post(f"{D}/{verb}/{request['id']}", json=body)
    return answer.status_code, answer.json() if answer.status_code == 200 else answer.json()["error"]


async def waiting(client: httpx.AsyncClient) -> list[int]:
    """Return the ids of the requests that wait for the approval of a member."""
    return [each["id"] for each in (await client.get(f"{L}/overview")).json()["deployments"]]


def codes(reasons: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in reasons]


@pytest.fixture
async def pipeline(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with api_harness(database, tmp_path) as api:
        made = Pipeline(api)
        await made.prepare()
        yield made


async def test_release_is_applied_with_the_approvals_that_the_rules_demand(pipeline: Pipeline) -> None:
    """Two of three approvers approve the plan that is applied; its author cannot approve."""
    rules = {"approvals": 2, "approvers": ["u/ann", "u/bob", "u/cyd"], "appliers": ["u/dan"]}
    await pipeline.rules(**rules, refuse_direct_deploys=True)
    ann, bob, cyd = [await pipeline.person(name) for name in ("ann", "bob", "cyd")]
    dan, eve = [await pipeline.person(name) for name in ("dan", "eve")]
    request = await pipeline.request(ann)
    assert {each["action"] for each in request["plan"]["entries"]} == {"add"}
    assert (request["plan"]["blocked"], codes(request["plan"]["unfulfilled"])) == ([], ["approvals_missing"])
    assert [await waiting(each) for each in (ann, bob, eve)] == [[], [request["id"]], []]
    assert (await act(ann, "approve", request))[0] == 403
    assert (await act(eve, "approve", request))[0] == 403
    assert (await act(bob, "approve", request))[0] == 200
    assert [await waiting(each) for each in (bob, cyd)] == [[], [request["id"]]]
    assert (await act(bob, "approve", request))[1]["code"] == "conflict"
    status, error = await act(dan, "apply", request)
    assert (status, error["code"], codes(error["details"])) == (409, "deployment_blocked", ["approvals_missing"])
    # The environment changes: the plan becomes stale, and its approvals no longer count.
    await pipeline.rules(**rules)
    await apply_changes(pipeline.admin, [{**ITEMS[2], "content": {**STEP, "content": "x = 1\n"}}], "live")
    await pipeline.rules(**rules, refuse_direct_deploys=True)
    for client, verb in ((cyd, "approve"), (dan, "apply")):
        assert (await act(client, verb, request))[1]["code"] == "stale_plan"
    answer = await ann.post(f"{D}/renew/{request['id']}", json={"overwrite": True})
    renewed = answer.json()
    assert (renewed["stale"], renewed["plan"]["blocked"]) == (False, [])
    assert renewed["plan_hash"] != request["plan_hash"]
    assert await waiting(bob) == [request["id"]]
    assert (await act(cyd, "approve", request))[1]["code"] == "stale_plan"
    assert (await act(cyd, "approve", renewed, comment="Fine"))[0] == 200
    assert (await act(dan, "apply", renewed))[1]["code"] == "deployment_blocked"
    assert (await act(bob, "approve", renewed))[0] == 200
    for client in (bob, eve):
        assert (await act(client, "apply", renewed))[0] == 403
    status, done = await act(dan, "apply", renewed)
    assert (status, done["state"], done["closed_by"], done["nothing_to_do"]) == (200, "applied", "dan", False)
    assert {each["action"] for each in done["plan"]["entries"]} == {"unchanged"}
    assert (await act(dan, "apply", renewed))[1]["code"] == "conflict"
    assert await pipeline.summary() == "One"
    assert (await pipeline.admin.get(f"{L}/scripts/get/p/f/team/step")).json()["content"] == STEP["content"]
    # New triggers are disabled, and act for the member who applied the release.
    schedule = (await pipeline.admin.get(f"{L}/schedules/get/f/team/daily")).json()
    hook = (await pipeline.admin.get(f"{L}/http_triggers/get/f/team/hook")).json()
    assert (schedule["enabled"], hook["mode"], schedule["permissioned_as"]) == (False, "disabled", "u/dan")
    state = (await eve.get(f"{D}/environment")).json()
    assert (state["current"]["number"], state["current"]["applied_by"], state["drift"]) == (1, "dan", [])
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 200})).json()
    found = [each["operation"] for each in rows if each["operation"].startswith("deployments.")][::-1]
    assert found == [f"deployments.{verb}" for verb in ("request", "decide", "renew", "decide", "decide", "apply")]


async def test_one_of_two_deployments_at_once_is_applied(pipeline: Pipeline) -> None:
    """Two servers apply them: the second transaction finds that the environment has changed."""
    await pipeline.deploy(1)
    second = create_app(replace(pipeline.api.platform, turns=Turns()))
    other = client_of(second, pipeline.admin.headers["Authorization"].removeprefix("Bearer "))
    requests = [await pipeline.request(pipeline.admin, await pipeline.release(each)) for each in ("Two", "Three")]
    async with pipeline.api.platform.db.transaction() as conn, pipeline.api.platform.db.acquire() as watching:
        await conn.execute("SELECT FROM environment FOR UPDATE")
        applies = [
            asyncio.create_task(act(client, "apply", request))
            for client, request in zip((pipeline.admin, other), requests, strict=True)
        ]
        # Both have checked their plans, and wait for the lock of the environment.
        while await watching.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < len(applies):
            assert not any(each.done() for each in applies)
    done = await asyncio.gather(*applies)
    assert sorted(status for status, _ in done) == [200, 409]
    won = next(each for status, each in done if status == 200)
    lost = next(each for status, each in done if status == 409)
    assert lost["code"] == "stale_plan"
    assert await pipeline.summary() == {2: "Two", 3: "Three"}[won["number"]]
    history = (await pipeline.admin.get(f"{D}/history")).json()
    assert [each["number"] for each in history] == [won["number"], 1]


@pytest.mark.extended
async def test_everything_that_prevents_a_deployment_is_listed(pipeline: Pipeline) -> None:
    """The causes are a missing value, another type, a queue without a worker, a policy and a conflict."""
    more = [
        {"kind": "resource_type", "path": "shop", "content": {"schema": {"type": "object"}}},
        {"kind": "resource", "path": "f/team/shop", "content": {"resource_type": "shop", "value": {}}},
    ]
    uses = "from wmill import get_resource\ndef main():\n    return get_resource('f/team/shop')\n"
    tagged = {**STEP, "content": uses, "settings": {"tag": "gpu"}}
    await apply_changes(pipeline.admin, [*more, {**ITEMS[2], "content": tagged}])
    number = await pipeline.release()
    other = {"kind": "resource", "path": "f/team/shop", "content": {"resource_type": "mysql", "value": {}}}
    await apply_changes(pipeline.admin, [other, {**ITEMS[2], "content": STEP}], "live")
    await pipeline.admin.delete(f"{L}/variables/delete/f/team/region")
    policy = {
        "name": "described",
        "mode": "active",
        "rules": [{"kind": "require", "on": "flow", "field": "description"}],
    }
    await pipeline.admin.post(f"{L}/policies/create", json=policy)
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute("UPDATE worker SET queues = ARRAY['python3']")
    request = await pipeline.request(pipeline.admin, number)
    found = {(each["code"], each["path"]) for each in request["plan"]["blocked"]}
    assert found == {
        ("conflict", "f/team/step"),
        ("variable_missing", "f/team/region"),
        ("resource_type_differs", "f/team/shop"),
        ("queue_without_worker", "f/team/step"),
        ("policy_violation", "f/team/main"),
    }
    assert all(each["hint"] for each in request["plan"]["blocked"])
    status, error = await act(pipeline.admin, "apply", request)
    assert (status, error["code"], len(error["details"])) == (409, "deployment_blocked", 5)
    assert (await pipeline.admin.get(f"{L}/flows/exists/f/team/main")).json() is False
    # Causes outside of the items of the plan are removed; the conflict needs a new plan.
    await pipeline.admin.delete(f"{L}/policies/delete/described")
    await apply_changes(pipeline.admin, [ITEMS[1], more[0]], "live")
    await pipeline.admin.delete(f"{L}/resources/delete/f/team/shop")
    await apply_changes(pipeline.admin, [more[1]], "live")
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute("UPDATE worker SET queues = NULL")
    status, error = await act(pipeline.admin, "apply", request)
    assert status == 409, error
    renewed = (await pipeline.admin.post(f"{D}/renew/{request['id']}", json={"overwrite": True})).json()
    assert renewed["plan"]["blocked"] == []
    assert (await act(pipeline.admin, "apply", renewed))[0] == 200


@pytest.mark.extended
async def test_changes_outside_of_releases_are_drift_and_are_not_overwritten_by_accident(pipeline: Pipeline) -> None:
    await pipeline.deploy(1)
    again = await pipeline.request(pipeline.admin)
    assert again["plan"]["nothing_to_do"] is True
    assert (await act(pipeline.admin, "apply", again))[1]["nothing_to_do"] is True
    # The state of triggers and the identity of workflows belong to the environment.
    await pipeline.admin.post(f"{L}/schedules/setenabled/f/team/daily", json={"enabled": True})
    assert (await pipeline.admin.get(f"{D}/environment")).json()["drift"] == []
    theirs = "on_behalf_of_email: admin@localhost\n" + MAIN % "Theirs"
    await apply_changes(pipeline.admin, [{**ITEMS[3], "content": {"text": theirs}}], "live")
    drift = (await pipeline.admin.get(f"{D}/environment")).json()["drift"]
    assert [(each["kind"], each["path"], each["changed_by"]) for each in drift] == [("flow", "f/team/main", "admin")]
    number = await pipeline.release("Two")
    request = await pipeline.request(pipeline.admin, number)
    assert (request["plan"]["drift"], codes(request["plan"]["blocked"])) == (drift, ["conflict"])
    assert (await act(pipeline.admin, "apply", request))[1]["code"] == "deployment_blocked"
    assert await pipeline.summary() == "Theirs"
    await pipeline.admin.post(f"{D}/withdraw/{request['id']}")
    assert (await act(pipeline.admin, "apply", request))[0] == 409
    replaced = await pipeline.request(pipeline.admin, number, overwrite=True)
    changes = (await pipeline.admin.get(f"{D}/changes/{replaced['id']}")).json()
    assert [(each["action"], each["path"]) for each in changes] == [("change", "f/team/main")]
    assert changes[0]["difference"]["document"] == ["/summary"]
    assert changes[0]["before"]["text"] == theirs and "summary: Two" in changes[0]["after"]["text"]
    assert (await act(pipeline.admin, "apply", replaced))[0] == 200
    flow = (await pipeline.admin.get(f"{L}/flows/get/f/team/main")).json()
    assert (flow["summary"], flow["on_behalf_of_email"]) == ("Two", "admin@localhost")
    assert (await pipeline.admin.get(f"{L}/schedules/get/f/team/daily")).json()["enabled"] is True
    assert (await pipeline.admin.get(f"{D}/environment")).json()["drift"] == []


@pytest.mark.extended
async def test_changed_triggers_go_on_acting_for_their_owners(pipeline: Pipeline) -> None:
    await pipeline.deploy(1)
    ann = await pipeline.person("ann", live=Role.ADMIN)
    dan = await pipeline.person("dan")
    later = {**SCHEDULE, "schedule": "0 0 7 * * *", "args": {"region": "$var:f/team/region"}}
    changed = [{**ITEMS[4], "content": later}, {**ITEMS[5], "content": {**HOOK, "summary": "Two"}}]
    await apply_changes(pipeline.admin, changed)
    request = await pipeline.request(dan, await pipeline.release("Two"))
    owners = {each["path"]: each["owner"] for each in request["plan"]["acts_for"]}
    assert owners == {"f/team/hook": "u/admin", "f/team/daily": "u/admin"}
    # A developer may not change triggers that act for another member; an admin may, and the owner remains.
    status, refused = await act(dan, "apply", request)
    assert (status, refused["code"], len(refused["details"])) == (400, "changes_refused", 2)
    assert {each["error"]["code"] for each in refused["details"]} == {"forbidden"}
    assert (await act(ann, "apply", request))[0] == 200
    schedule = (await pipeline.admin.get(f"{L}/schedules/get/f/team/daily")).json()
    trigger = (await pipeline.admin.get(f"{L}/http_triggers/get/f/team/hook")).json()
    assert (schedule["schedule"], schedule["permissioned_as"]) == ("0 0 7 * * *", "u/admin")
    assert (trigger["summary"], trigger["permissioned_as"]) == ("Two", "u/admin")


@pytest.mark.extended
async def test_change_of_the_owner_of_a_trigger_after_the_plan_makes_it_stale(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan names the owner that approvers agreed to; it changes between the check and the transaction."""
    await pipeline.deploy(1)
    await pipeline.person("dan")
    item = {**ITEMS[4], "content": {**SCHEDULE, "schedule": "0 0 7 * * *", "enabled": True}}
    await apply_changes(pipeline.admin, [item])
    request = await pipeline.request(pipeline.admin, await pipeline.release())
    apply = change_sets.apply

    async def apply_later(*values: Any, **more: Any) -> Any:
        async with pipeline.api.platform.db.acquire() as conn:
            await conn.execute("UPDATE schedule SET permissioned_as = 'u/dan', email = 'dan@example.com'")
        return await apply(*values, **more)

    with monkeypatch.context() as during:
        during.setattr(change_sets, "apply", apply_later)
        status, error = await act(pipeline.admin, "apply", request)
    assert (status, error["code"], "f/team/daily" in error["message"]) == (409, "stale_plan", True)
    assert (await pipeline.admin.get(f"{L}/schedules/get/f/team/daily")).json()["schedule"] == SCHEDULE["schedule"]
    renewed = (await pipeline.admin.post(f"{D}/renew/{request['id']}", json={})).json()
    assert renewed["plan"]["acts_for"] == [{"kind": "schedule", "path": "f/team/daily", "owner": "u/dan"}]
    status, done = await act(pipeline.admin, "apply", renewed)
    assert status == 200, done


async def test_rules_of_time_hold_and_bypass(pipeline: Pipeline) -> None:
    ann, bob = await pipeline.person("ann"), await pipeline.person("bob")
    rules = {"approvals": 1, "author_may_approve": True, "approvers": ["g/all"]}
    await pipeline.rules(**rules, frozen_hours=ALWAYS, bypass=["u/bob"])
    await pipeline.admin.post("/api/workspaces/create", json={"id": "stage", "name": "stage"})
    body = {"name": "staging", "workspace": "stage", "position": 1}
    assert (await pipeline.admin.post("/api/environments/create", json=body)).status_code == 200
    request = await pipeline.request(ann)
    assert (await act(ann, "approve", request))[0] == 200
    assert codes((await act(ann, "apply", request))[1]["details"]) == ["frozen_hours"]
    assert (await act(ann, "apply", request, bypass_reason="Now"))[0] == 403
    assert (await act(bob, "apply", request, bypass_reason=" "))[0] == 400
    assert (await act(bob, "apply", request, bypass_reason="Incident 7"))[0] == 200
    assert (await ann.get(f"{D}/history")).json()[0]["bypass_reason"] == "Incident 7"
    # A release that has not been in the preceding environment for the soak time.
    await pipeline.rules(soak_minutes=60)
    second = await pipeline.request(ann, await pipeline.release("Two"))
    assert codes((await act(ann, "apply", second))[1]["details"]) == ["soak_time"]
    await apply_changes(pipeline.admin, ITEMS[:2], "stage")
    base = "/api/w/stage/deployments"
    staged = (await pipeline.admin.post(f"{base}/create", json={"source": "main", "number": 2})).json()
    answer = await pipeline.admin.post(f"{base}/apply/{staged['id']}", json={"plan_hash": staged["plan_hash"]})
    assert answer.status_code == 200, answer.text
    assert codes((await act(ann, "apply", second))[1]["details"]) == ["soak_time"]
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute("UPDATE deployment SET applied_at = applied_at - interval '61 minutes'")
    assert (await act(ann, "apply", second))[0] == 200
    # After a rollback, promotions are on hold until a member lifts the hold.
    assert (await ann.post(f"{D}/rollback", json={"reason": ""})).status_code == 400
    done = (await ann.post(f"{D}/rollback", json={"reason": "Wrong totals"})).json()
    assert (done["state"], done["kind"], done["number"], await pipeline.summary()) == ("applied", "rollback", 1, "One")
    assert (await ann.get(f"{D}/environment")).json()["hold"]["reason"] == "Wrong totals"
    await pipeline.rules()
    third = await pipeline.request(ann, await pipeline.release("Three"))
    assert codes((await act(ann, "apply", third))[1]["details"]) == ["on_hold"]
    assert (await ann.post(f"{D}/lift_hold")).status_code == 200
    assert (await ann.post(f"{D}/lift_hold")).status_code == 409
    assert (await act(ann, "apply", third))[0] == 200
    # A rollback waits for approvals like any deployment, but its hold begins immediately.
    await pipeline.rules(approvals=1, approvers=["u/bob"])
    done = (await ann.post(f"{D}/rollback", json={"reason": "Slow", "source": "main", "number": 2})).json()
    assert (done["state"], codes(done["plan"]["unfulfilled"])) == ("open", ["approvals_missing"])
    assert (await act(bob, "approve", done))[0] == 200
    assert (await act(ann, "apply", done))[0] == 200
    assert await pipeline.summary() == "Two"
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 200})).json()
    found = [each["operation"] for each in rows]
    assert (
        found.count("deployments.bypass"),
        found.count("deployments.hold"),
        found.count("deployments.lift_hold"),
    ) == (1, 2, 1)


async def test_open_request_of_another_member_does_not_prevent_a_rollback(pipeline: Pipeline) -> None:
    """It is withdrawn by the rollback that is done; one's own open request has to be applied."""
    ann, bob = await pipeline.person("ann"), await pipeline.person("bob")
    await pipeline.deploy(1)
    await pipeline.deploy(await pipeline.release("Two"))
    await pipeline.rules(approvals=1, bypass=["u/bob"])
    opened = (await ann.post(f"{D}/rollback", json={"reason": "Slow"})).json()
    assert (opened["state"], codes(opened["plan"]["unfulfilled"])) == ("open", ["approvals_missing"])
    again = await ann.post(f"{D}/rollback", json={"reason": "Slow"})
    assert (again.status_code, f"The request {opened['id']}" in again.json()["error"]["message"]) == (409, True)
    incident = {"reason": "Wrong totals", "bypass_reason": "Incident 7"}
    done = await bob.post(f"{D}/rollback", json=incident)
    assert (done.status_code, done.json().get("state"), await pipeline.summary()) == (200, "applied", "One"), done.text
    closed = (await ann.get(f"{D}/get/{opened['id']}")).json()
    assert (closed["state"], closed["closed_by"]) == ("withdrawn", "bob")
    assert (await ann.get(f"{D}/environment")).json()["hold"]["reason"] == "Wrong totals"
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 50})).json()
    withdrawn = [each["parameters"] for each in rows if each["operation"] == "deployments.withdraw"]
    assert withdrawn == [{"request": opened["id"], "applied": done.json()["id"]}]


async def test_open_request_of_another_member_does_not_prevent_a_promotion(pipeline: Pipeline) -> None:
    """Otherwise a member who may not apply requests could hold up each release by requesting it."""
    ann, bob = await pipeline.person("ann"), await pipeline.person("bob")
    first = await pipeline.request(ann, overwrite=True)
    assert (await ann.post(f"{D}/create", json={"source": "main", "number": 1})).status_code == 409
    status, done = await act(bob, "apply", await pipeline.request(bob))
    assert (status, done.get("state")) == (200, "applied"), done
    closed = (await ann.get(f"{D}/get/{first['id']}")).json()
    assert (closed["state"], closed["closed_by"]) == ("withdrawn", "bob")


@pytest.mark.extended
async def test_current_release_that_is_not_readable_is_not_replaced_by_an_older_one(pipeline: Pipeline) -> None:
    """A member who may not read the current release does not see the release before it as the current one."""
    both = await pipeline.person("both")

    async def current(client: httpx.AsyncClient) -> tuple[int | None, bool]:
        found = (await client.get(f"{D}/environment")).json()
        return found["current"] and found["current"]["number"], found["current_unreadable"]

    assert await current(both) == (None, False)
    await pipeline.deploy(1)
    assert await current(both) == (1, False)
    secret = {"kind": "folder", "path": "secret", "content": {}}
    await apply_changes(pipeline.admin, [secret, {**ITEMS[2], "path": "f/secret/step"}])
    await apply_changes(pipeline.admin, [secret], "live")
    body = {"items": [{"kind": "script", "path": "f/secret/step"}]}
    await pipeline.deploy((await pipeline.admin.post(f"{W}/releases/create", json=body)).json()["number"])
    assert (await current(both), await current(pipeline.admin)) == ((None, True), (2, False))
    assert [each["number"] for each in (await both.get(f"{D}/history")).json()] == [1]
    await pipeline.deploy(1)
    assert await current(both) == (1, False)


async def test_rights_of_both_workspaces_are_needed(pipeline: Pipeline) -> None:
    """Neither a request nor its application has rights that its caller does not have."""
    await apply_changes(pipeline.admin, [{"kind": "folder", "path": "secret", "content": {}}])
    await apply_changes(pipeline.admin, [{**ITEMS[2], "path": "f/secret/step"}])
    body = {"items": [{"kind": "script", "path": "f/secret/step"}]}
    assert (await pipeline.admin.post(f"{W}/releases/create", json=body)).json()["number"] == 2
    both, viewer = await pipeline.person("both"), await pipeline.person("vic", live=Role.VIEWER)
    only_main = await pipeline.api.member("mia", Role.ADMIN)
    only_live = await pipeline.api.member("liv", Role.ADMIN, workspace="live")
    named = {"source": "main", "number": 1}
    for client, status in ((both, 201), (viewer, 403), (only_main, 404), (only_live, 404)):
        assert (await client.post(f"{D}/create", json=named)).status_code == status
    assert (await both.post(f"{D}/create", json={"source": "main", "number": 2})).status_code == 404
    assert (await both.post(f"{D}/plan", json={"source": "admins", "number": 1})).status_code == 404
    # The path of the release is not readable in the environment.
    assert (await only_live.post(f"{D}/plan", json={"source": "live", "number": 1})).status_code == 404
    await apply_changes(pipeline.admin, [{"kind": "folder", "path": "team", "content": {"owners": ["u/liv"]}}], "live")
    for call in ("get/1", "changes/1", "environment", "list", "history"):
        assert (await only_main.get(f"{D}/{call}")).status_code == 404
    for verb in ("approve", "reject", "comment", "withdraw", "renew", "apply"):
        answer = await only_main.post(f"{D}/{verb}/1", json={"plan_hash": "x", "comment": "x"})
        assert answer.status_code == 404, verb
    assert (await pipeline.admin.get("/api/w/main/deployments/environment")).status_code == 404
    # A token of one workspace, a token with scopes, and a service account.
    token, digest = names.new_token("user"), names.token_hash
    limited, pipeline_token = names.new_token("user"), names.new_token("user")
    async with pipeline.api.platform.db.transaction() as conn:
        prefix = names.token_prefix
        kinds = ("deployments", "releases", "flows", "scripts", "schedules", "http_triggers", "variables", "resources")
        writing = ["deployments:write", *(f"{kind}:read" for kind in kinds)]
        made = digest(pipeline_token), prefix(pipeline_token), "user", "both@example.com"
        await tokens.insert(conn, *made, scopes=writing)
        await tokens.insert(conn, digest(token), prefix(token), "user", "both@example.com", workspace="live")
        scopes = ["deployments:read"]
        await tokens.insert(conn, digest(limited), prefix(limited), "user", "both@example.com", scopes=scopes)
    assert (await client_of(pipeline.api.app, token).post(f"{D}/plan", json=named)).status_code == 404
    assert (await client_of(pipeline.api.app, limited).post(f"{D}/create", json=named)).status_code == 403
    await pipeline.rules(approvals=1, approvers=["g/all"], author_may_approve=True)
    assert (await both.post(f"{D}/withdraw/1")).status_code == 200
    request = await pipeline.request(pipeline.admin)
    await pipeline.admin.post(f"{L}/service_accounts/create", json={"username": "robot", "role": "developer"})
    robot_token = await pipeline.admin.post(
        f"{L}/service_accounts/tokens/create/robot",
        json={"scopes": ["*:*"], "expiration": "2099-01-01T00:00:00Z"},
    )
    secret = robot_token.json()["token"] if robot_token.text.startswith("{") else robot_token.text
    robot = client_of(pipeline.api.app, secret)
    assert (await act(robot, "approve", request))[0] in (403, 404)
    # A member who reads the token of a pipeline does not approve as its owner.
    status, error = await act(client_of(pipeline.api.app, pipeline_token), "approve", request)
    assert (status, error["message"]) == (403, "Jobs, and tokens with limits, cannot decide on deployments."), error
    # Items are written with the rights of the member who applies them.
    await pipeline.rules()
    await apply_changes(
        pipeline.admin, [{"kind": "folder", "path": "team", "content": {"extra_perms": {"u/both": False}}}], "live"
    )
    await pipeline.admin.post(f"{L}/folders/removeowner/team", json={"owner": "g/all"})
    status, error = await act(both, "apply", request)
    assert (status, error["code"]) == (400, "changes_refused"), error
    assert (await pipeline.admin.get(f"{D}/history")).json() == []
