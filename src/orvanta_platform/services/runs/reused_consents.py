"""Decisions of signed-in people that a restart would reuse for nodes that had already succeeded because of them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from orvanta_platform.db import approvals
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine import restart as engine
from orvanta_platform.engine.plan import Node
from orvanta_platform.services.runs.nested_restart import RestartPlanner, RestartPoint, inner_of


class ReusedConsents:
    """Search for reused decisions in one restart. `runs`: the previous run and those that it restarted.

    A decision applies to all nodes after the one that required it: in its own list, and after the loop, branch or
    sub-workflow around this list. Decisions in different bodies of a loop are not distinguished.
    """

    def __init__(self, conn: Connection, planner: RestartPlanner, runs: Sequence[UUID]) -> None:
        self._conn = conn
        self._planner = planner
        self._runs = list(runs)
        self._found: list[str] = []

    async def of(self, going: RestartPoint) -> list[str]:
        """Return the ids of the nodes whose decisions are reused, those of the outermost list last."""
        await self._list(going)
        return self._found

    async def _list(self, going: RestartPoint) -> tuple[bool, bool]:
        """Search a list; returns whether it has a reused decision, and whether it repeats nodes that had succeeded."""
        plan, made, before = going.plan, going.made, going.before
        if before is None:
            return False, False
        repeated = engine.repeated(plan, made, before)
        deciding = [index for index in made.reused if engine.needs_person(plan.nodes[index])]
        for index, entered in going.inside.items():
            decides, repeats = await self._list(entered.body) if entered.body is not None else (False, False)
            repeated -= {index}
            if repeats or entered.repeats:
                repeated.add(index)
            if decides or (entered.reused and await self._decided_inside(plan.nodes[index])):
                deciding.append(index)
        for index in set(made.again) - set(going.inside) - repeated:
            node = plan.nodes[index]
            if node.kind.is_container and await self._planner.succeeded_inside(node, before):
                repeated.add(index)
        if repeated:
            for index in set(made.reused) - set(deciding):
                at = engine.place_in(before, plan.nodes[index])
                if at is not None and await self._decided_inside(before.plan.nodes[at]):
                    deciding.append(index)
        self._found += engine.reused_consents(plan, sorted(deciding), repeated)
        return bool(deciding), bool(repeated)

    async def _decided_inside(self, node: Node) -> bool:
        if not node.kind.is_container:
            return False
        _, paths = inner_of(node)
        asking = [each.number for each in _inside(node) if engine.needs_person(each)]
        return bool(asking or paths) and await approvals.has_signed_approval(self._conn, self._runs, asking, paths)


def _inside(node: Node) -> list[Node]:
    inside = [each for body in node.bodies for each in body.plan.nodes]
    return inside + [one for each in inside for one in _inside(each)]
