"""Kinds of nodes and their possible outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

SUCCESS: Final = "success"
FAILURE: Final = "failure"
ALWAYS: Final = "always"

KINDS: Final = (
    "rawscript",
    "script",
    "flow",
    "forloopflow",
    "whileloopflow",
    "branchone",
    "branchall",
    "identity",
    "aiagent",
    "approval",
    "condition",
    "webhook",
    "delay",
)
Effects = Literal["none", "reads", "writes", "sends"]
"""Effects that a node may declare: those of its code on anything outside the run, the strongest of them."""

EFFECTS: Final[tuple[Effects, ...]] = get_args(Effects)

LOOPS: Final = frozenset({"forloopflow", "whileloopflow"})
OUTCOMES: Final = frozenset(
    {SUCCESS, FAILURE, ALWAYS, "true", "false", "approved", "rejected", "timeout"},
)
HANDLING: Final = frozenset({FAILURE, "rejected", "timeout"})
"""Outcomes of handling edges, which lead to nodes that deal with a failure."""

_PLAIN: Final = (frozenset({SUCCESS, ALWAYS}), frozenset({FAILURE, ALWAYS}))
_CONDITION: Final = (
    frozenset({SUCCESS, "true", ALWAYS}),
    frozenset({SUCCESS, "false", ALWAYS}),
    frozenset({FAILURE, ALWAYS}),
)


def endings(value: Mapping[str, Any], *, continue_on_error: bool = False) -> tuple[frozenset[str], ...]:
    """Return the sets of outcomes with which a node may end, one set per way of ending.

    With `continue_on_error` a failure ends as a success.
    """
    ways = _handled_outcomes(value)
    if not continue_on_error:
        return ways
    return tuple(way - {FAILURE} | {SUCCESS} if FAILURE in way else way for way in ways)


def _handled_outcomes(value: Mapping[str, Any]) -> tuple[frozenset[str], ...]:
    kind = value.get("type")
    if kind == "condition":
        return _CONDITION
    if kind != "approval":
        return _PLAIN
    after_timeout = {SUCCESS} if value.get("on_timeout") == "continue" else {"rejected", FAILURE}
    return (
        frozenset({"approved", SUCCESS, ALWAYS}),
        frozenset({"rejected", FAILURE, ALWAYS}),
        frozenset({"timeout", ALWAYS, *after_timeout}),
    )


def outcomes(value: Mapping[str, Any]) -> frozenset[str]:
    """Return every outcome on which an edge may leave a node with this `value`."""
    return frozenset().union(*_handled_outcomes(value))
