"""The query of the inbox returns no approval that the caller may not see."""

from __future__ import annotations

from tests.http.harness import ApiHarness

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
