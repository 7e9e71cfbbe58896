"""Location of the result of a node inside a loop or branch, for expressions outside of it.

Such a result can be read if the node was executed once: if each loop around it had one iteration, and no container was
retried. The values of `others` exist only otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import msgspec

from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.reused_results import Origin
from orvanta_platform.ids import frame_id, inner_job_id, opening_id


class InnerResult(msgspec.Struct, frozen=True):
    """Key of a result, and keys of values that show that the node was executed several times."""

    key: ValueKey
    others: tuple[ValueKey, ...]


def inner_result(holder: Node, origin: Origin, name: str) -> InnerResult | None:
    """Return the location of the result of the node `name` inside `holder`, which belongs to the list of `origin`.

    Returns None if there is no such node in it.
    """
    job = inner_job_id(origin.run, origin.frame, holder.id)
    opening = opening_id(origin.run, job, 0)
    for number, body in enumerate(holder.bodies):
        frame = Origin(origin.run, frame_id(origin.run, opening, number))
        found = _in_body(body.plan, frame, name)
        if found is not None:
            return InnerResult(found.key, (*found.others, *_others(holder, origin.run, job, opening)))
    return None


def _in_body(plan: Plan, frame: Origin, name: str) -> InnerResult | None:
    if name in plan.indexes:
        return InnerResult(_key(frame.run, frame.frame, name), ())
    inside = (inner_result(node, frame, name) for node in plan.nodes if node.bodies)
    return next((found for found in inside if found is not None), None)


def _others(holder: Node, run: UUID, job: UUID, opening: UUID) -> Iterator[ValueKey]:
    """Yield the results of the first nodes of a second iteration, and of a second attempt."""
    if holder.kind.is_loop:
        yield from _first_keys(holder.bodies[0].plan, run, frame_id(run, opening, 1))
    if holder.retry is not None:
        again = opening_id(run, job, 1)
        for number, body in enumerate(holder.bodies):
            yield from _first_keys(body.plan, run, frame_id(run, again, number))


def _first_keys(plan: Plan, run: UUID, frame: UUID) -> Iterator[ValueKey]:
    return (_key(run, frame, plan.node(index).id) for index in plan.starts)


def _key(run: UUID, frame: UUID | None, node: str) -> ValueKey:
    return (inner_job_id(run, frame, node), "result", "")
