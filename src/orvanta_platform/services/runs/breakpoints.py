"""Where a run pauses: nodes by their ids, and expressions that are read before they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import Breakpoint, RunState
from orvanta_platform.errors import BadRequest, InvalidInput
from orvanta_platform.evaluate.evaluator import Evaluator

MOST = 50
"""Breakpoints of one run, at most: they are read and written with its state."""

LONGEST_CONDITION = 1_000
"""Characters of a condition, at most."""


@dataclass(frozen=True, slots=True)
class PauseBefore:
    """Where a run is to pause from its beginning: before `nodes`, by their ids, with `when` only if that is true."""

    nodes: tuple[str, ...]
    when: str | None = None

    async def within(self, evaluator: Evaluator, plan: Plan, state: RunState, by: str) -> RunState:
        """The state with these breakpoints, set by whom. Raises BadRequest, InvalidInput."""
        numbers = [node_of(plan, id).number for id in self.nodes]
        if not numbers:
            raise BadRequest("pause_if needs pause_before.", hint="Name the nodes, as in pause_before=a,b.")
        require_room({}, numbers)
        await check_condition(evaluator, self.when)
        return replace(state, breakpoints={number: Breakpoint(by, self.when) for number in numbers})


def node_of(plan: Plan, id: str) -> Node:
    """The node with this id, wherever it stands. Raises BadRequest."""
    if plan.single:
        raise BadRequest("A run of one script has no nodes to pause before.", hint="Only runs of workflows pause.")
    found = next((node for node in plan.all_nodes if node.id == id), None)
    if found is None:
        ids = ", ".join(node.id for node in plan.all_nodes[:20])
        raise BadRequest(f"The workflow has no node {id!r}.", hint=f"It has {ids}." if ids else "It has none.")
    return found


async def check_condition(evaluator: Evaluator, when: str | None) -> None:
    """Nothing where it can be read, or there is none. Raises InvalidInput, EvaluatorUnavailable."""
    if when is None:
        return
    if len(when) > LONGEST_CONDITION:
        raise InvalidInput(f"The condition has {len(when)} characters; at most {LONGEST_CONDITION} are allowed.")
    (message,) = await evaluator.syntax_errors([when])
    if message is not None:
        hint = "Write an expression, such as flow_input.iter.index === 3."
        raise InvalidInput(f"The condition cannot be read: {message}.", hint=hint)


def require_room(set_already: Mapping[int, Breakpoint], adding: Iterable[int]) -> None:
    """Nothing where so many more may be set. Raises BadRequest."""
    count = len({*set_already, *adding})
    if count > MOST:
        raise BadRequest(f"A run has at most {MOST} breakpoints; with these it would have {count}.")
