"""Items that a release removes from an environment, and that a rollback restores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.http.harness import W
from tests.http.test_deployments import CHOSEN, ITEMS, MAIN, D, L, Pipeline, act, codes, pipeline
from tests.http.test_releases import apply as apply_changes

from orvanta_platform.control.actor import Role

__all__ = ["pipeline"]

OLD = {"kind": "flow", "path": "f/team/old"}
DAILY = {"kind": "schedule", "path": "f/team/older"}
ADDED = [
    {**OLD, "content": {"text": MAIN % "Old"}},
    {**DAILY, "content": {**ITEMS[4]["content"], "script_path": OLD["path"]}},
]


async def change(pipeline: Pipeline, items: list[dict[str, Any]], workspace: str = "main") -> None:
    """Apply a change set with removals."""
    body = {"items": items, "force": True, "prune": [""]}
    base = f"/api/w/{workspace}/changes"
    plan = (await pipeline.admin.post(f"{base}/plan", json=body)).json()["plan_hash"]
    answer = await pipeline.admin.post(f"{base}/apply", json={**body, "plan_hash": plan})
    assert answer.status_code == 200, answer.text


async def remove(pipeline: Pipeline, **more: Any) -> int:
    """Delete the items in main and create a release that removes them."""
    await change(pipeline, [{**each, "content": None} for each in (OLD, DAILY)])
    number: int = await pipeline.release(removed=[OLD, DAILY], **more)
    return number


async def exists(pipeline: Pipeline) -> list[bool]:
    paths = (f"flows/exists/{OLD['path']}", f"schedules/exists/{DAILY['path']}")
    return [(await pipeline.admin.get(f"{L}/{each}")).json() for each in paths]


async def test_removal_is_planned_needs_the_rule_and_is_undone_by_a_rollback(pipeline: Pipeline) -> None:
    await apply_changes(pipeline.admin, ADDED)
    refused = await pipeline.admin.post(f"{W}/releases/create", json={"items": CHOSEN, "removed": [OLD]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_request")
    await pipeline.deploy(await pipeline.release(items=[*CHOSEN, DAILY]))
    await pipeline.deploy(await pipeline.release("Between"))
    # A release without them does not remove them.
    assert await exists(pipeline) == [True, True]
    number = await remove(pipeline)
    request = await pipeline.request(pipeline.admin, number)
    removed = [each for each in request["plan"]["entries"] if each["action"] == "remove"]
    assert [(each["kind"], each["path"]) for each in removed] == [(each["kind"], each["path"]) for each in (DAILY, OLD)]
    assert codes(request["plan"]["blocked"]) == ["removal_refused"] * 2
    assert (await act(pipeline.admin, "apply", request))[1]["code"] == "deployment_blocked"
    assert await exists(pipeline) == [True, True]
    await pipeline.rules(permit_removals=True)
    status, done = await act(pipeline.admin, "apply", request)
    assert (status, done["nothing_to_do"]) == (200, False)
    assert await exists(pipeline) == [False, False]
    assert (await pipeline.admin.get(f"{D}/environment")).json()["drift"] == []
    # The release before did not contain the items, but they existed when it ran.
    rolled = (await pipeline.admin.post(f"{D}/rollback", json={"reason": "Needed"})).json()
    assert (rolled["state"], rolled["number"]) == ("applied", number - 1)
    assert await exists(pipeline) == [True, True]
    assert (await pipeline.admin.get(f"{D}/environment")).json()["drift"] == []
    # The removal applies again, and a rollback restores the items that the earlier one restored.
    await pipeline.admin.post(f"{D}/lift_hold")
    await pipeline.deploy(number)
    assert await exists(pipeline) == [False, False]
    rolled = (await pipeline.admin.post(f"{D}/rollback", json={"reason": "Again"})).json()
    assert rolled["state"] == "applied"
    assert await exists(pipeline) == [True, True]


async def test_rollback_does_not_name_restored_items_that_the_reader_may_not_read(pipeline: Pipeline) -> None:
    for workspace in ("main", "live"):
        body = {"name": "secret", "owners": ["u/admin"]}
        assert (await pipeline.admin.post(f"/api/w/{workspace}/folders/create", json=body)).is_success
    old = {"kind": "flow", "path": "f/secret/old"}
    await apply_changes(pipeline.admin, [{**old, "content": {"text": MAIN % "Old"}}])
    await pipeline.deploy(await pipeline.release(items=[*CHOSEN, old]))
    await pipeline.deploy(await pipeline.release("Between"))
    await change(pipeline, [{**old, "content": None}])
    await pipeline.rules(permit_removals=True)
    await pipeline.deploy(await pipeline.release(removed=[old]))
    await pipeline.rules(permit_removals=True, approvals=1)
    request = (await pipeline.admin.post(f"{D}/rollback", json={"reason": "Needed"})).json()
    assert request["state"] == "open", request
    vic = await pipeline.person("vic", live=Role.VIEWER)
    answer = await vic.get(f"{D}/get/{request['id']}")
    assert (answer.status_code, "f/secret" in answer.text) == (403, False), answer.text


async def test_rollback_to_a_rollback_restores_the_same_content(pipeline: Pipeline) -> None:
    """An item that a rollback restored has the content of its own release, not that of one that was deployed later."""
    await pipeline.rules(permit_removals=True)

    async def deploy_old(summary: str) -> None:
        await apply_changes(pipeline.admin, [{**OLD, "content": {"text": MAIN % summary}}])
        await pipeline.deploy(await pipeline.release(items=[OLD]))

    async def roll_back(**target: Any) -> str:
        done = (await pipeline.admin.post(f"{D}/rollback", json={"reason": "Wrong", **target})).json()
        assert done["state"] == "applied", done
        await pipeline.admin.post(f"{D}/lift_hold")
        summary: str = (await pipeline.admin.get(f"{L}/flows/get/{OLD['path']}")).json()["summary"]
        return summary

    await deploy_old("First")
    between = await pipeline.release()
    await pipeline.deploy(between)
    await deploy_old("Second")
    await change(pipeline, [{**OLD, "content": None}])
    await pipeline.deploy(await pipeline.release(removed=[OLD]))
    assert await roll_back(source="main", number=between) == "First"
    await pipeline.deploy(await pipeline.release("Other", removed=[OLD]))
    assert await roll_back() == "First"


async def test_changed_and_unreleased_items_are_not_removed(pipeline: Pipeline) -> None:
    await pipeline.rules(permit_removals=True)
    await apply_changes(pipeline.admin, ADDED[:1])
    await pipeline.deploy(await pipeline.release(items=[*CHOSEN, OLD]))
    await apply_changes(pipeline.admin, [{**OLD, "content": {"text": MAIN % "Theirs"}}, ADDED[1]], "live")
    number = await remove(pipeline)
    request = await pipeline.request(pipeline.admin, number)
    assert codes(request["plan"]["blocked"]) == ["conflict", "conflict"]
    await pipeline.admin.post(f"{D}/withdraw/{request['id']}")
    # The schedule was never deployed by a release: it is not removed, even by a plan that replaces changes.
    request = await pipeline.request(pipeline.admin, number, overwrite=True)
    found = [(each["code"], each["path"]) for each in request["plan"]["blocked"]]
    assert found == [("removal_refused", DAILY["path"])]
    await change(pipeline, [{**DAILY, "content": None}], "live")
    renewed = (await pipeline.admin.post(f"{D}/renew/{request['id']}", json={})).json()
    assert (await act(pipeline.admin, "apply", renewed))[0] == 200
    assert await exists(pipeline) == [False, False]
    # The rollback restores what the release contained, not the change made in the environment.
    await pipeline.admin.post(f"{D}/rollback", json={"reason": "Needed"})
    assert (await pipeline.admin.get(f"{L}/flows/get/{OLD['path']}")).json()["summary"] == "Old"


async def test_rollback_removes_settings_of_triggers_that_the_later_release_added(pipeline: Pipeline) -> None:
    """The environment's own state remains: the schedule is enabled, and paused."""
    daily, hook = ITEMS[4], ITEMS[5]
    retry = {"constant": {"attempts": 2, "seconds": 1}}
    added = {"on_failure": "flow/f/team/main", "on_failure_times": 2, "retry": retry, "labels": ["day"]}
    shown = {"summary": "Hook", "description": "Of the shop", "retry": retry, "labels": ["shop"]}
    later = [
        {**daily, "content": {**daily["content"], **added}},
        {**hook, "content": {**hook["content"], **shown}},
    ]
    await pipeline.deploy(1)
    state = {**daily["content"], "paused_until": "2099-01-01T00:00:00+00:00"}
    await apply_changes(pipeline.admin, [{**daily, "content": state}], "live")
    await apply_changes(pipeline.admin, later)
    await pipeline.deploy(await pipeline.release())
    assert await settings(pipeline, "schedules", daily["path"], added) == added
    assert await settings(pipeline, "http_triggers", hook["path"], shown) == shown
    plan = (await pipeline.admin.post(f"{D}/plan", json={"source": "main", "number": 1})).json()
    changed = [each["path"] for each in plan["entries"] if each["action"] == "change"]
    assert (changed, plan["blocked"]) == ([daily["path"], hook["path"]], [])
    rolled = (await pipeline.admin.post(f"{D}/rollback", json={"reason": "Needed"})).json()
    assert (rolled["state"], {each["action"] for each in rolled["plan"]["entries"]}) == ("applied", {"unchanged"})
    assert not any((await settings(pipeline, "schedules", daily["path"], added)).values())
    assert not any((await settings(pipeline, "http_triggers", hook["path"], shown)).values())
    schedule = (await pipeline.admin.get(f"{L}/schedules/get/{daily['path']}")).json()
    assert (schedule["enabled"], schedule["paused_until"][:4]) == (True, "2099")
    assert (await pipeline.admin.get(f"{D}/environment")).json()["drift"] == []


async def settings(pipeline: Pipeline, kind: str, path: str, names: Iterable[str]) -> dict[str, Any]:
    """Return settings of a trigger in the environment."""
    found = (await pipeline.admin.get(f"{L}/{kind}/get/{path}")).json()
    return {name: found.get(name) for name in names}
