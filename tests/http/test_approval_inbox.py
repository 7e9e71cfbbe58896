"""Inbox of approvals: open decisions that the caller may make or see."""

from __future__ import annotations

from tests.http.harness import ApiHarness, W
from tests.http.test_approvals import SUSPENDED, approval, consent, ended

from orvanta_platform.db import approvals
from orvanta_platform.db.approvals import ApprovalViewer


async def test_query_of_inbox_selects_by_permission(api: ApiHarness) -> None:
    def asking(**conditions: object) -> dict[str, object]:
        return {"id": "ask", "value": {"type": "approval", **conditions}}

    anns = await api.flow(asking(approvers=["u/ann"], required_approvals=1))
    operators = await api.flow(asking(approvers=["role/operator", "g/none"], required_approvals=1))
    mine = await api.flow(asking())
    seen = {
        "ann": (False, "operator", {anns, operators}),
        "bob": (False, "viewer", set()),
        "admin": (False, "viewer", {anns, operators, mine}),
        "zoe": (True, "admin", {anns, operators, mine}),
    }
    async with api.platform.db.acquire() as conn:
        for name, (everything, role, runs) in seen.items():
            principals = [f"u/{name}", "g/all"]
            viewer = ApprovalViewer(everything, [], name, principals, [*principals, f"role/{role}"])
            rows = await approvals.list_open_of_workspace(conn, "main", viewer, 10)
            assert {str(each.run) for each in rows} == runs, name


async def test_inbox_lists_decisions_pending_for_caller(api: ApiHarness) -> None:
    form = {"type": "object", "required": ["sum"], "properties": {"sum": {"type": "integer", "maximum": 9}}}
    mine = await api.flow(approval(message="Pay?", form=form, timeout=60))
    anns = await api.flow(approval(approvers=["u/ann"], required_approvals=1))
    await api.flow(*SUSPENDED)
    ann, bob = await api.member("ann"), await api.member("bob")
    found = {each["run"]: each for each in await api.get("approvals/list")}
    assert len(found) == 3 and [each["mine"] for each in found.values()] == [True, False, True]
    first = found[mine]
    assert (first["message"], first["created_by"], first["node"], first["required"]) == ("Pay?", "admin", "ask", 1)
    assert first["due_at"] > first["opened_at"] and first["said"] == []
    field = {"name": "sum", "label": "sum", "help": "", "kind": "integer", "required": True, "value": "", "choices": []}
    assert first["fields"] == [field]
    assert [each["run"] for each in await api.get("approvals/list", mine=True, per_page=1)] == [mine]
    # Approvers named by an open decision see it in runs of others; other members do not.
    assert [(each["run"], each["mine"]) for each in (await ann.get(f"{W}/approvals/list")).json()] == [(anns, True)]
    assert (await bob.get(f"{W}/approvals/list")).json() == []
    wrong = await consent(api.client, mine, fields={"sum": "12"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_input")
    assert (await consent(api.client, mine, fields={"sum": "7", "else": "x"})).status_code == 200
    assert (await ended(api, mine))["result"]["form"] == {"sum": 7}


async def test_inbox_omits_decisions_already_made_by_caller(api: ApiHarness) -> None:
    run = await api.flow(approval(required_approvals=2))
    assert (await consent(api.client, run)).status_code == 200
    (found,) = await api.get("approvals/list")
    assert (found["mine"], found["required"]) == (False, 2)
    assert [(each["approver"], each["approved"]) for each in found["said"]] == [("admin", True)]
    assert await api.get("approvals/list", mine=True) == []
