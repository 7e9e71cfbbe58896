"""Views from which the job of a node reads: its list and those around it, in their current state."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.db import frames as frame_rows
from orvanta_platform.db.pool import Database
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.ids import opening_id
from orvanta_platform.orchestrator.view import ListPosition, View


async def view_of(database: Database, plan: Plan, run: RunRow, number: int, frame: UUID | None) -> View:
    """Return the view of the node with this number in the document. Raises LookupError if its frame has ended."""
    state, index = RunState.decode(run.state), plan.node(number).index
    if frame is None:
        return View(plan, run, state, index)
    async with database.acquire() as connection:
        around = await frame_rows.get_enclosing(connection, frame)
    if not around:
        raise LookupError("the loop or branch that the job belongs to has ended")
    outer = View(plan, run, state, 0)
    for each in reversed(around):
        holder = plan.node(each.node_index)
        outer = View(outer.plan, run, outer.state, holder.index, within=outer.within)
        position = ListPosition(each.id, opening_id(run.id, each.holder, each.attempt), each.place, outer)
        outer = View(holder.bodies[each.body].plan, run, RunState.decode(each.state), 0, within=position)
    return View(outer.plan, run, outer.state, index, within=outer.within)
