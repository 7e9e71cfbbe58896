"""Breakpoints of a run: nodes to pause before, and their conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from orvanta_platform.engine.plan import Node, Plan
from orvanta_platform.engine.state import Breakpoint, RunState
from orvanta_platform.errors import BadRequest, InvalidInput
from orvanta_platform.evaluate.evaluator import Evaluator

MAX_BREAKPOINTS = 50
"""Maximum number of breakpoints of a run. They are read and written with its state."""

MAX_CONDITION_LENGTH = 1_000
"""Maximum length of a condition in characters."""


class PauseBefore(msgspec.Struct, frozen=True):
    """Breakpoints set when a run starts."""

    nodes: tuple[str, ...]
    """Ids of the nodes to pause before."""
    when: str | None = None
    """Condition, evaluated at each node; None: pause always."""

    async def apply(self, evaluator: Evaluator, plan: Plan, state: RunState, by: str) -> RunState:
        """Return the state with these breakpoints, set by `by`. Raises BadRequest, InvalidInput."""
        numbers = [node_of(plan, id).number for id in self.nodes]
        if not numbers:
            raise BadRequest("pause_if requires pause_before.", hint="Name the nodes, as in pause_before=a,b.")
        require_room({}, numbers)
        await check_condition(evaluator, self.when)
        return replace(state, breakpoints={number: Breakpoint(by, self.when) for number in numbers})


def node_of(plan: Plan, id: str) -> Node:
    """Return the node with this id, at any depth. Raises BadRequest."""
    if plan.single:
        raise BadRequest("A run of one script has no nodes to pause before.", hint="Only runs of workflows can pause.")
    found = next((node for node in plan.all_nodes if node.id == id), None)
    if found is None:
        ids = ", ".join(node.id for node in plan.all_nodes[:20])
        raise BadRequest(f"The workflow has no node {id!r}.", hint=f"It has {ids}." if ids else "It has none.")
    return found


async def check_condition(evaluator: Evaluator, when: str | None) -> None:
    """Raise InvalidInput if a condition is too long or cannot be parsed. Raises EvaluatorUnavailable."""
    if when is None:
        return
    if len(when) > MAX_CONDITION_LENGTH:
        raise InvalidInput(f"The condition has {len(when)} characters; at most {MAX_CONDITION_LENGTH} are allowed.")
    (message,) = await evaluator.syntax_errors([when])
    if message is not None:
        hint = "Write an expression, such as flow_input.iter.index === 3."
        raise InvalidInput(f"The condition cannot be parsed: {message}.", hint=hint)


def require_room(set_already: Mapping[int, Breakpoint], adding: Iterable[int]) -> None:
    """Raise BadRequest if the run would have more than the maximum number of breakpoints."""
    count = len({*set_already, *adding})
    if count > MAX_BREAKPOINTS:
        raise BadRequest(f"A run has at most {MAX_BREAKPOINTS} breakpoints; with these it would have {count}.")
