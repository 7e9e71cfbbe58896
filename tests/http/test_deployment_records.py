"""Records of requests to deploy: reasons of rollbacks and their hold, bypassed rules, and plans as decided."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import api_harness
from tests.http.test_deployments import ITEMS, MAIN, STEP, D, L, Pipeline, act
from tests.http.test_releases import apply as apply_changes


@pytest.fixture
async def pipeline(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Pipeline]:
    async with api_harness(database, tmp_path) as api:
        made = Pipeline(api)
        await made.prepare()
        await made.deploy(1)
        await made.deploy(await made.release("Two"))
        yield made


async def roll_back(pipeline: Pipeline, who: Any = None, reason: str = "Wrong totals") -> dict[str, Any]:
    answer = await (who or pipeline.admin).post(f"{D}/rollback", json={"reason": reason})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def hold(pipeline: Pipeline) -> Any:
    return (await pipeline.admin.get(f"{D}/environment")).json()["hold"]


async def audited(pipeline: Pipeline, operation: str) -> list[Any]:
    """Return the parameters of an operation in the audit trail, oldest first."""
    rows = (await pipeline.admin.get(f"{L}/audit/list", params={"per_page": 500})).json()[::-1]
    return [each["parameters"] for each in rows if each["operation"] == f"deployments.{operation}"]


async def test_rollback_shows_its_reason_and_the_release_that_it_replaces(pipeline: Pipeline) -> None:
    """While it is open, once it is applied, and in the history after the hold was lifted."""
    await pipeline.rules(approvals=1, author_may_approve=True)
    opened = await roll_back(pipeline)
    two = {"source": "main", "number": 2}
    assert (opened["kind"], opened["number"], opened["reason"], opened["replaces"]) == (
        "rollback",
        1,
        "Wrong totals",
        two,
    )
    waiting = (await pipeline.admin.get(f"{L}/overview")).json()["deployments"]
    assert [(each["kind"], each["reason"]) for each in waiting] == [("rollback", "Wrong totals")]
    assert (await act(pipeline.admin, "approve", opened))[0] == 200
    status, done = await act(pipeline.admin, "apply", opened)
    assert (status, done["reason"], done["replaces"]) == (200, "Wrong totals", two)
    await pipeline.admin.post(f"{D}/lift_hold")
    history = (await pipeline.admin.get(f"{D}/history")).json()
    assert [(each["kind"], each["number"], each["reason"], each["replaces"]) for each in history] == [
        ("rollback", 1, "Wrong totals", two),
        ("promotion", 2, None, {"source": "main", "number": 1}),
        ("promotion", 1, None, None),
    ]


@pytest.mark.parametrize("verb", ["reject", "withdraw"])
async def test_rollback_that_is_not_applied_lifts_the_hold_that_it_set(pipeline: Pipeline, verb: str) -> None:
    ann = await pipeline.person("ann")
    await pipeline.rules(approvals=1, author_may_approve=True)
    opened = await roll_back(pipeline, ann)
    assert ((await hold(pipeline))["by"], opened["state"]) == ("ann", "open")
    status, closed = await act(pipeline.admin, verb, opened, comment="No longer needed")
    assert (status, closed["state"], await hold(pipeline)) == (200, {"reject": "rejected"}.get(verb, "withdrawn"), None)
    assert await audited(pipeline, "lift_hold") == [{"request": opened["id"], "state": closed["state"]}]


async def test_hold_remains_while_something_else_holds_promotions(pipeline: Pipeline) -> None:
    """Another open rollback, one that was applied, and failed checks; a lifted hold does not come back."""
    ann, bob = await pipeline.person("ann"), await pipeline.person("bob")
    await pipeline.rules(approvals=1)
    hers, his = await roll_back(pipeline, ann), await roll_back(pipeline, bob, "Slow")
    assert (await hold(pipeline))["reason"] == "Wrong totals"
    assert (await act(ann, "withdraw", hers))[0] == 200
    assert ((await hold(pipeline))["by"], (await hold(pipeline))["reason"]) == ("bob", "Slow")
    assert (await act(bob, "withdraw", his))[0] == 200
    assert await hold(pipeline) is None
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute("UPDATE environment SET hold_by = 'system', hold_since = now(), hold_reason = 'Checks'")
    assert (await act(ann, "withdraw", await roll_back(pipeline, ann)))[0] == 200
    assert (await hold(pipeline))["reason"] == "Checks"
    await pipeline.admin.post(f"{D}/lift_hold")
    await pipeline.rules()
    async with pipeline.api.platform.db.acquire() as conn:
        await conn.execute("UPDATE environment SET hold_by = 'system', hold_since = '2020-01-01', hold_reason = 'Old'")
    assert (await roll_back(pipeline, ann, "Applied"))["state"] == "applied"
    assert (await hold(pipeline))["since"] > "2021"
    await pipeline.rules(approvals=1)
    again = await pipeline.admin.post(f"{D}/rollback", json={"reason": "None", "source": "main", "number": 1})
    assert again.status_code == 404
    assert (await hold(pipeline))["reason"] == "Applied"


async def test_bypass_names_the_rules_that_it_bypasses(pipeline: Pipeline) -> None:
    """In the audit trail, on the request and in the history: approvals and required tests, not those fulfilled."""
    await pipeline.rules(approvals=1, workflow_tests="require", soak_minutes=5, bypass=["g/all"])
    request = await pipeline.request(pipeline.admin, await pipeline.release("Three"))
    rules = ["approvals_missing", "tests_missing"]
    assert [each["code"] for each in request["plan"]["unfulfilled"]] == rules
    status, done = await act(pipeline.admin, "apply", request, bypass_reason="Incident 7")
    assert (status, done["bypass_reason"], done["bypassed"]) == (200, "Incident 7", rules)
    current = (await pipeline.admin.get(f"{D}/environment")).json()["current"]
    assert (current["bypass_reason"], current["bypassed"]) == ("Incident 7", rules)
    assert await audited(pipeline, "bypass") == [{"request": request["id"], "reason": "Incident 7", "rules": rules}]


async def test_closed_request_shows_the_plan_that_was_decided(pipeline: Pipeline) -> None:
    """With the differences from the releases before it, whatever is deployed later."""
    ann = await pipeline.person("ann")
    await pipeline.rules(author_may_approve=True)
    request = await pipeline.request(ann, await pipeline.release("Three"))
    refused = await pipeline.request(pipeline.admin, 3)
    planned = [(each["kind"], each["path"], each["action"]) for each in request["plan"]["entries"]]
    assert ("flow", "f/team/main", "change") in planned
    assert request["decided"] is None
    assert (await act(pipeline.admin, "reject", refused))[0] == 200
    assert (await act(ann, "apply", request))[0] == 200
    await pipeline.deploy(await pipeline.release("Four"))
    for each in (request, refused):
        found = (await pipeline.admin.get(f"{D}/get/{each['id']}")).json()
        assert [(item["kind"], item["path"], item["action"]) for item in found["decided"]] == planned
        (change,) = (await pipeline.admin.get(f"{D}/changes/{each['id']}")).json()
        assert (change["action"], change["before"]["text"], change["after"]["text"]) == (
            "change",
            MAIN % "Two",
            MAIN % "Three",
        )
        assert change["difference"] is not None


async def test_closed_rollback_shows_what_it_restored(pipeline: Pipeline) -> None:
    await pipeline.rules(permit_removals=True)
    await pipeline.admin.delete("/api/w/main/schedules/delete/f/team/daily")
    removed = [{"kind": "schedule", "path": "f/team/daily"}]
    chosen = [{"kind": "http_trigger", "path": "f/team/hook"}]
    await pipeline.deploy(await pipeline.release("Three", items=chosen, removed=removed))
    await pipeline.rules()
    done = await roll_back(pipeline)
    assert done["state"] == "applied", done["plan"]["blocked"]
    decided = {(each["kind"], each["action"]) for each in done["decided"]}
    assert {("schedule", "add"), ("flow", "change")} <= decided
    changes = (await pipeline.admin.get(f"{D}/changes/{done['id']}")).json()
    contents = {each["kind"]: (each["before"], each["after"]) for each in changes}
    assert (contents["schedule"][0], contents["schedule"][1]["schedule"]) == (None, "0 0 6 * * *")
    assert [each["text"] for each in contents["flow"]] == [MAIN % "Three", MAIN % "Two"]


async def test_plan_marks_items_whose_changes_it_overwrites(pipeline: Pipeline) -> None:
    await apply_changes(pipeline.admin, [{**ITEMS[2], "content": {**STEP, "content": "x = 1\n"}}], "live")
    request = await pipeline.request(pipeline.admin, await pipeline.release("Three"), overwrite=True)
    found = {each["kind"]: (each["action"], each["overwrites"]) for each in request["plan"]["entries"]}
    assert (found["script"], found["flow"]) == (("change", True), ("change", False))
    status, done = await act(pipeline.admin, "apply", request)
    assert status == 200, done
    assert [each["path"] for each in done["decided"] if each["overwrites"]] == ["f/team/step"]


async def deploy_hidden_script(pipeline: Pipeline) -> list[dict[str, str]]:
    """Deploy a script in a folder of the admin, then another release; return the script as an item of a release."""
    secret = [
        {"kind": "folder", "path": "secret", "content": {"owners": ["u/admin"]}},
        {"kind": "script", "path": "f/secret/x", "content": STEP},
    ]
    await apply_changes(pipeline.admin, secret)
    await apply_changes(pipeline.admin, secret[:1], "live")
    hidden = [{"kind": "script", "path": "f/secret/x"}]
    await pipeline.rules(permit_removals=True)
    await pipeline.deploy(await pipeline.release("Three", items=hidden))
    await pipeline.deploy(await pipeline.release("Four"))
    return hidden


async def test_closed_rollback_is_hidden_from_members_who_may_not_read_what_it_restored(pipeline: Pipeline) -> None:
    hidden = await deploy_hidden_script(pipeline)
    await pipeline.admin.post("/api/w/main/scripts/delete/p/f/secret/x")
    await pipeline.deploy(await pipeline.release("Five", removed=hidden))
    done = await roll_back(pipeline)
    assert ("f/secret/x", "add") in {(each["path"], each["action"]) for each in done["decided"]}
    ann = await pipeline.person("ann")
    for call in (f"{D}/get/{done['id']}", f"{D}/changes/{done['id']}"):
        assert (await pipeline.admin.get(call)).status_code == 200
        refused = await ann.get(call)
        assert refused.status_code == 403 and "secret" not in refused.text


async def test_closed_rollback_stays_readable_whatever_is_removed_later(pipeline: Pipeline) -> None:
    ann = await pipeline.person("ann")
    hidden = await deploy_hidden_script(pipeline)
    await pipeline.deploy(await pipeline.release("Five"))
    done = await roll_back(pipeline)
    assert (await ann.get(f"{D}/get/{done['id']}")).status_code == 200
    await pipeline.admin.post(f"{D}/lift_hold")
    await pipeline.admin.post("/api/w/main/scripts/delete/p/f/secret/x")
    await pipeline.deploy(await pipeline.release("Six", removed=hidden))
    for call in (f"{D}/get/{done['id']}", f"{D}/changes/{done['id']}"):
        assert (await ann.get(call)).status_code == 200


async def test_author_who_lost_access_is_told_which_item_of_a_promotion(pipeline: Pipeline) -> None:
    ann = await pipeline.person("ann")
    request = await pipeline.request(ann, await pipeline.release("Three"))
    assert (await act(pipeline.admin, "apply", request))[0] == 200
    changed = await pipeline.admin.post(f"{L}/folders/update/team", json={"owners": ["u/admin"], "extra_perms": {}})
    assert changed.is_success, changed.text
    refused = await ann.get(f"{D}/get/{request['id']}")
    assert refused.status_code == 403 and "The release contains f/team/" in refused.text
