"""Decisions of signed-in members inside loops, branches and sub-workflows: no restart uses a decision twice."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, W, script
from tests.http.test_restarts import restart, work

LOGIN = {"required_events": 1, "user_auth_required": True}
ASK = script("ask", suspend=LOGIN)
FAILS = ValueError()


def branch(id: str, expr: str, *modules: dict[str, Any]) -> dict[str, Any]:
    branches = [{"expr": expr, "modules": list(modules)}]
    return {"id": id, "value": {"type": "branchone", "branches": branches, "default": []}}


def loop(id: str, *modules: dict[str, Any], items: int = 1, **more: Any) -> dict[str, Any]:
    iterator = {"type": "static", "value": list(range(items))}
    return {"id": id, "value": {"type": "forloopflow", "iterator": iterator, "modules": list(modules), **more}}


async def agree(api: ApiHarness, run: str) -> None:
    """Approve the pending decision as a signed-in member."""
    (asked,) = await api.get("approvals/list")
    answer = await api.client.post(f"{W}/jobs/flow/resume/{asked.get('job') or run}", json={})
    assert answer.status_code == 201, answer.text


async def refusal(api: ApiHarness, run: str, **where: Any) -> list[str]:
    """Return the nodes whose decisions prevent the restart; empty if it is accepted."""
    answer = await api.client.post(f"{W}/jobs/restart_preview/f/{run}", json=where)
    if answer.status_code == 200:
        return []
    assert answer.status_code == 409, answer.text
    nodes: list[str] = answer.json()["error"]["details"]["nodes"]
    return nodes


async def test_decision_inside_branch_is_not_reused_for_later_nodes(api: ApiHarness) -> None:
    run = await api.flow(branch("check", "true", ASK, script("ok")), script("pay"), script("mail"))
    assert await work(api) == ["ask"]
    await agree(api, run)
    assert await work(api, mail=FAILS) == ["ok", "pay", "mail"]
    assert await refusal(api, run, step_id="pay") == ["check"]
    assert await refusal(api, run, step_id="mail") == []
    assert await refusal(api, run, step_id="check") == []
    await restart(api, run, "retry")
    assert await work(api) == ["mail"]


async def test_branch_without_decision_can_be_kept(api: ApiHarness) -> None:
    run = await api.flow(branch("check", "false", ASK, script("ok")), script("pay"))
    assert await work(api) == ["pay"]
    assert await refusal(api, run, step_id="pay") == []


async def test_decision_is_not_reused_for_nodes_inside_loop(api: ApiHarness) -> None:
    """The loop failed, but some of its nodes had succeeded."""
    run = await api.flow(ASK, loop("each", script("pay"), script("mail")))
    assert await work(api) == ["ask"]
    await agree(api, run)
    assert await work(api, mail=FAILS) == ["pay", "mail"]
    inside: dict[str, Any] = {"step_id": "each", "branch_or_iteration_n": 0}
    assert await refusal(api, run, step_id="each") == ["ask"]
    assert await refusal(api, run, **inside) == ["ask"]
    assert await refusal(api, run, **inside, nested_path=[{"step_id": "pay"}]) == ["ask"]
    assert await refusal(api, run, **inside, nested_path=[{"step_id": "mail"}]) == []
    await restart(api, run, "retry")
    assert await work(api) == ["mail"]


async def test_loop_without_successful_nodes_can_be_repeated(api: ApiHarness) -> None:
    run = await api.flow(ASK, loop("each", script("pay"), items=2, parallel=True))
    assert await work(api) == ["ask"]
    await agree(api, run)
    assert await work(api, pay=FAILS) == ["pay", "pay"]
    assert await refusal(api, run, step_id="each") == []
    await restart(api, run, "retry")
    assert await work(api) == ["pay", "pay"]


async def test_decision_inside_iteration_is_not_reused_in_it(api: ApiHarness) -> None:
    run = await api.flow(loop("each", ASK, script("pay"), script("mail")))
    assert await work(api) == ["ask"]
    await agree(api, run)
    assert await work(api, mail=FAILS) == ["pay", "mail"]
    inside: dict[str, Any] = {"step_id": "each", "branch_or_iteration_n": 0}
    assert await refusal(api, run, **inside, nested_path=[{"step_id": "pay"}]) == ["ask"]
    assert await refusal(api, run, **inside, nested_path=[{"step_id": "ask"}]) == []
    await restart(api, run, "retry")
    assert await work(api) == ["mail"]


async def test_decision_inside_sub_workflow_is_not_reused_for_later_nodes(api: ApiHarness) -> None:
    body = {"path": "f/team/sub", "summary": "", "value": {"modules": [ASK, script("ok")]}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    sub = {"id": "sub", "value": {"type": "flow", "path": "f/team/sub", "input_transforms": {}}}
    run = await api.flow(sub, script("pay"), script("mail"))
    assert await work(api) == ["ask"]
    await agree(api, run)
    assert await work(api, mail=FAILS) == ["ok", "pay", "mail"]
    assert await refusal(api, run, step_id="pay") == ["sub"]
    assert await refusal(api, run, step_id="mail") == []
