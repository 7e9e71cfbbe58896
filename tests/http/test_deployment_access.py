"""Approvers of a request, permissions of its reader, and approvals that cannot be reached."""

from __future__ import annotations

from tests.http.test_deployments import ITEMS, STEP, D, Pipeline, act
from tests.http.test_deployments import pipeline as pipeline
from tests.http.test_releases import apply as apply_changes

from orvanta_platform.control.actor import Role


async def test_request_lists_its_approvers_and_what_the_caller_may_do(pipeline: Pipeline) -> None:
    """The author is no approver; nothing is permitted once the request is closed."""
    ann, bob, cyd = [await pipeline.person(name) for name in ("ann", "bob", "cyd")]
    rules = {"approvals": 1, "approvers": ["u/ann", "u/bob"], "appliers": ["u/ann", "u/bob"], "bypass": ["u/bob"]}
    await pipeline.rules(**rules)
    request = await pipeline.request(ann)
    assert (request["approvers"], request["permitted"]) == (["bob"], ["change", "apply"])
    found = [(await each.get(f"{D}/get/{request['id']}")).json() for each in (bob, cyd, pipeline.admin)]
    permitted = [each["permitted"] for each in found]
    assert permitted == [["apply", "approve", "bypass"], [], ["change"]]
    assert (await act(ann, "withdraw", request))[0] == 200
    closed = (await bob.get(f"{D}/get/{request['id']}")).json()
    assert (closed["approvers"], closed["permitted"]) == ([], [])


async def test_environment_counts_the_members_who_may_approve(pipeline: Pipeline) -> None:
    """Without approvers in the rules, these are the admins; disabled members do not count."""
    await pipeline.person("ann", live=Role.ADMIN)
    await pipeline.person("bob")
    await pipeline.admin.post("/api/w/live/groups/create", json={"name": "leads"})
    for name in ("ann", "bob"):
        await pipeline.admin.post("/api/w/live/groups/adduser/leads", json={"username": name})
    counts = []
    for rules in ({"approvals": 3}, {"approvals": 3, "approvers": ["g/leads"]}, {"approvers": ["u/bob"]}):
        await pipeline.rules(**rules)
        counts.append((await pipeline.admin.get(f"{D}/environment")).json()["possible_approvals"])
    assert counts == [2, 2, 1]
    await pipeline.admin.post("/api/w/live/users/update/bob", json={"disabled": True})
    assert (await pipeline.admin.get(f"{D}/environment")).json()["possible_approvals"] == 0


async def test_missing_resource_is_named_with_its_type(pipeline: Pipeline) -> None:
    shop = {"kind": "resource", "path": "f/team/shop", "content": {"resource_type": "postgresql", "value": {}}}
    flow = (
        "summary: One\nvalue:\n  modules:\n    - id: a\n      value:\n        type: script\n        path: f/team/step\n"
        '        input_transforms: {region: {type: static, value: "$res:f/team/shop"}}\n'
    )
    changes = [shop, {**ITEMS[2], "content": STEP}, {**ITEMS[3], "content": {"text": flow}}]
    await apply_changes(pipeline.admin, changes)
    request = await pipeline.request(pipeline.admin, await pipeline.release())
    (reason,) = [each for each in request["plan"]["blocked"] if each["code"] == "resource_missing"]
    assert reason["message"] == (
        "The resource f/team/shop of the type postgresql does not exist in live, or you may not read it."
    )
    assert reason["resource_type"] == "postgresql"
