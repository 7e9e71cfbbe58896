"""Releases of an environment whose deployments are interrupted: their requests, and the rows that they must leave."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import system
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.services.releases import deployment_checks
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.plan import Wanted

PROD = "/api/w/prod"

_STATE = """
SELECT q.state, q.closed_by IS NOT NULL AS is_closed,
       (SELECT count(*) FROM deployment_decision WHERE request = q.id AND plan_hash = q.plan_hash) AS approvals,
       (SELECT max(id) FROM deployment) = e.deployment AS is_current,
       (SELECT count(*) FROM deployment WHERE environment = e.name) AS deployments,
       (SELECT count(*) FROM deployment WHERE request = q.id) AS own_deployments,
       (SELECT count(*) FROM deployed_item WHERE environment = e.name) AS items,
       (SELECT count(*) FROM deployed_item WHERE environment = e.name AND deployment = e.deployment) AS own_items,
       (SELECT count(*) FROM audit WHERE workspace = 'prod' AND operation = 'deployments.apply') AS audited
FROM deployment_request AS q
JOIN environment AS e ON e.name = q.environment
WHERE q.id = $1
"""

_ROLLBACKS = """
SELECT (SELECT count(*) FROM deployment WHERE kind = 'rollback') AS deployments,
       (SELECT count(*) FROM deployment_request WHERE kind = 'rollback' AND state = 'applied') AS requests,
       c.rollback,
       (SELECT count(*) FROM audit WHERE operation = 'deployments.roll_back_automatically') AS audited,
       e.hold_by IS NOT NULL AS held
FROM deployment_check AS c
CROSS JOIN environment AS e
"""

_SMOKE_RUN = """
SELECT c.state,
       (SELECT count(*) FROM run_live WHERE trigger = 'deployment_check') AS runs,
       (SELECT count(*) FROM run_live WHERE id = c.run) AS linked,
       (SELECT count(*) FROM job_live WHERE run = c.run) AS jobs
FROM deployment_check AS c
"""


def items_of(number: int) -> list[Item]:
    """Return items of several kinds, each with the number, and one that only this release adds."""
    text = f"summary: <{number}>\nvalue:\n  modules:\n    - id: a\n      value:\n        type: identity\n"
    tick = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/many/flow", "is_flow": True}
    return [
        Item("flow", "f/many/flow", {"text": text}),
        Item("script", "f/many/code", {"content": f"echo '<{number}>'\n", "language": "bash", "settings": {}}),
        Item("schedule", "f/many/tick", {**tick, "summary": f"<{number}>", "enabled": False}),
        Item("flow", f"f/many/new_{number}", {"text": text}),
    ]


class Deployments:
    """Environment prod, to which releases of the workspace main are deployed after an approval."""

    def __init__(self, api: ApiHarness) -> None:
        self._api = api

    async def request(self, number: int) -> tuple[int, str]:
        """Create a release with this number, and an approved request; return its id and the hash of its plan."""
        if number == 1:
            await self._prepare()
        items = items_of(number)
        change = ChangeSet([Wanted(*each.key, None, each.content) for each in items], force=True)
        plan = await change_sets.plan(self._api.platform, system("main"), "main", change)
        await change_sets.apply(self._api.platform, system("main"), "main", change, plan.hash, None)
        keys = [{"kind": each.kind, "path": each.path} for each in items]
        release = await self._post(f"{W}/releases/create", {"items": keys})
        assert release["number"] == number
        made = await self._post(f"{PROD}/deployments/create", {"source": "main", "number": number})
        approval = {"plan_hash": made["plan_hash"]}
        approved = await self._post(f"{PROD}/deployments/approve/{made['id']}", approval)
        assert approved["plan"]["blocked"] == approved["plan"]["unfulfilled"] == []
        return made["id"], made["plan_hash"]

    async def deploy(self, number: int) -> None:
        """Create a release with this number, and deploy it."""
        request, plan_hash = await self.request(number)
        done = await self._post(f"{PROD}/deployments/apply/{request}", {"plan_hash": plan_hash})
        assert done["state"] == "applied"

    async def require_checks(self) -> None:
        """Demand a smoke run after each deployment, which fails, with a rollback."""
        fails = {"type": "rawscript", "language": "bash", "content": "exit 1", "input_transforms": {}}
        flow = {"path": "f/many/smoke", "summary": "", "value": {"modules": [{"id": "a", "value": fails}]}}
        await self._post(f"{PROD}/flows/create", flow)
        checks = {"smoke_run": {"kind": "flow", "path": "f/many/smoke"}}
        rules = {"approvals": 1, "author_may_approve": True, "checks": checks}
        await self._post("/api/environments/update/prod", {"rules": {**rules, "on_failed_check": "rollback"}})

    async def fail_smoke_run(self) -> None:
        """Start the smoke run, and let it fail; what follows is not performed."""
        await deployment_checks.run_due(self._api.platform)
        (job,) = await self._api.worker.claim_all()
        await self._api.worker.finish(job, 1, error="broken")

    async def state_of_smoke_run(self) -> str:
        """Return the state of the check, after the check that it has one smoke run, or none while it waits."""
        async with self._api.platform.db.acquire() as conn:
            state = dict(await conn.fetchrow(_SMOKE_RUN) or {})
        started = int(state["state"] != "waiting")
        assert (state["runs"], state["jobs"], state["linked"]) == (started, started, started), state
        return str(state["state"])

    async def end_smoke_run(self) -> None:
        """Let the smoke run succeed, and another server perform what follows."""
        (job,) = await self._api.worker.claim_all()
        await self._api.worker.finish(job, 1)
        await self.make_due()
        await deployment_checks.run_due(self._api.platform)

    async def get_check_state(self) -> str:
        """Return the state of the checks of the newest deployment, after the check that promotions are not on hold."""
        found = (await self._api.client.get(f"{PROD}/deployments/environment")).raise_for_status().json()
        assert found["hold"] is None
        return str(found["current"]["check"]["state"])

    async def make_due(self) -> None:
        """Let unfinished checks become due, as after the claim of a killed server."""
        async with self._api.platform.db.acquire() as conn:
            await conn.execute("UPDATE deployment_check SET due_at = app_now() WHERE due_at IS NOT NULL")

    async def count_rollbacks(self) -> int:
        """Return the number of rollbacks, after the check that all rows agree with it."""
        async with self._api.platform.db.acquire() as conn:
            state = dict(await conn.fetchrow(_ROLLBACKS) or {})
        done = bool(state["deployments"])
        assert state == {
            "deployments": int(done),
            "requests": int(done),
            "rollback": "done" if done else state["rollback"],
            "audited": int(done),
            "held": done or state["rollback"] == "due",
        }, state
        found = await change_sets.read_items(self._api.platform, system("prod"), "prod", [("flow", "f/many/flow")])
        assert ("<1>" if done else "<2>") in str(found[("flow", "f/many/flow")].content)
        return int(state["deployments"])

    async def _prepare(self) -> None:
        await self._post("/api/workspaces/create", {"id": "prod", "name": "Production"})
        for workspace in ("main", "prod"):
            await self._post(f"/api/w/{workspace}/folders/create", {"name": "many"})
        rules = {"approvals": 1, "author_may_approve": True}
        await self._post("/api/environments/create", {"name": "prod", "workspace": "prod", "rules": rules})

    async def _post(self, path: str, body: Any) -> Any:
        answer = await self._api.client.post(path, json=body)
        assert answer.is_success, (path, answer.text)
        return answer.json() if answer.text[:1] == "{" else answer.text

    async def is_deployed(self, number: int, request: int) -> bool:
        """Return whether the request was applied, after the check that all of it was stored, or nothing."""
        async with self._api.platform.db.acquire() as conn:
            state = dict(await conn.fetchrow(_STATE, request) or {})
        done = bool(state["state"] == "applied")
        last = number if done else number - 1
        assert state == {
            "state": "applied" if done else "open",
            "is_closed": done,
            "approvals": 1,
            "is_current": True if last else None,
            "deployments": last,
            "own_deployments": int(done),
            "items": 3 + last if last else 0,
            "own_items": 4 if last else 0,
            "audited": last,
        }, (number, state)
        await self._check_items(last)
        return done

    async def _check_items(self, last: int) -> None:
        """Check that all items are those of a release, 0: that there are none."""
        found = await change_sets.list_items(self._api.platform, system("prod"), "prod")
        paths = {key for key in found if key[0] != "folder" and key[1].startswith("f/many/")}
        expected = [*(("flow", f"f/many/new_{n}") for n in range(1, last)), *(each.key for each in items_of(last))]
        assert paths == set(expected if last else []), (last, sorted(paths))
        keys = [each.key for each in items_of(last)] if last else []
        read = await change_sets.read_items(self._api.platform, system("prod"), "prod", keys)
        assert all(f"<{last}>" in str(each.content) for each in read.values()), (last, read)
        answer = await self._api.client.get(f"{PROD}/deployments/environment")
        environment = answer.raise_for_status().json()
        assert environment["drift"] == []
        assert (environment["current"] or {"number": 0})["number"] == last
