"""State machines of jobs, nodes and runs as data: their states and named transitions.

SQL constraints, the diagrams in docs/reference/states.md and tests are generated from these tables or compared with
them. `transition` refuses every transition that a table does not contain.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from orvanta_platform.errors import OrvantaError


class JobState(StrEnum):
    """State of a job. A job is work in the queue only: waits belong to the run, and skipped is an outcome of a node."""

    SCHEDULED = "scheduled"
    AVAILABLE = "available"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NodeState(StrEnum):
    """State of a node of one run. The four waits and a pause need no job and no worker."""

    PENDING = "pending"
    QUEUED = "queued"
    WAITING_TIMER = "waiting_timer"
    WAITING_APPROVAL = "waiting_approval"
    WAITING_GATE = "waiting_gate"
    WAITING_CHILDREN = "waiting_children"
    PAUSED = "paused"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Status(StrEnum):
    """State of a run in the engine; `display_status.status` returns the status shown to users."""

    QUEUED = "queued"
    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class IllegalTransition(OrvantaError):
    """The transition of a state is not allowed. This is a fault of the platform, not of its user."""

    code = "illegal_transition"


class Table(msgspec.Struct, frozen=True):
    """State machine: initial states, final states, and (from, to) → name of the transition."""

    name: str
    initial: tuple[str, ...]
    final: tuple[str, ...]
    states: tuple[str, ...]
    arrows: Mapping[tuple[str, str], str]


def _arrows(*groups: tuple[tuple[str, ...], tuple[str, ...], str]) -> dict[tuple[str, str], str]:
    return {(old, new): name for olds, news, name in groups for old in olds for new in news}


_J = JobState
JOB = Table(
    name="Job",
    initial=(_J.SCHEDULED, _J.AVAILABLE),
    final=(_J.SUCCEEDED, _J.FAILED, _J.CANCELLED),
    states=tuple(_J),
    arrows=_arrows(
        ((_J.SCHEDULED,), (_J.AVAILABLE,), "due"),
        ((_J.AVAILABLE,), (_J.RUNNING,), "claim"),
        ((_J.RUNNING,), (_J.AVAILABLE,), "reap or give back"),
        ((_J.RUNNING,), (_J.SCHEDULED,), "retry"),
        ((_J.RUNNING,), (_J.SUCCEEDED,), "succeed"),
        ((_J.RUNNING,), (_J.FAILED,), "fail"),
        ((_J.SCHEDULED, _J.AVAILABLE, _J.RUNNING), (_J.CANCELLED,), "cancel"),
    ),
)

_N = NodeState
_WAITS = (_N.WAITING_TIMER, _N.WAITING_APPROVAL, _N.WAITING_GATE, _N.WAITING_CHILDREN)
NODE = Table(
    name="Node",
    initial=(_N.PENDING,),
    final=(_N.SUCCEEDED, _N.FAILED, _N.SKIPPED, _N.CANCELLED),
    states=tuple(_N),
    arrows=_arrows(
        ((_N.PENDING,), (_N.QUEUED,), "enqueue"),
        ((_N.PENDING,), (_N.WAITING_TIMER,), "delay"),
        ((_N.PENDING,), (_N.WAITING_APPROVAL,), "ask"),
        ((_N.PENDING,), (_N.WAITING_GATE,), "limit"),
        ((_N.PENDING,), (_N.WAITING_CHILDREN,), "open"),
        ((_N.PENDING,), (_N.SUCCEEDED,), "decide"),
        ((_N.PENDING,), (_N.FAILED,), "throw"),
        ((_N.PENDING,), (_N.SKIPPED,), "skip"),
        ((_N.WAITING_TIMER,), (_N.QUEUED,), "due"),
        ((_N.WAITING_TIMER,), (_N.WAITING_CHILDREN,), "open"),
        ((_N.WAITING_TIMER,), (_N.WAITING_GATE,), "limit"),
        ((_N.WAITING_GATE,), (_N.QUEUED,), "permit"),
        ((_N.WAITING_GATE,), (_N.FAILED,), "throw"),
        ((_N.WAITING_TIMER,), (_N.SUCCEEDED,), "elapse"),
        ((_N.WAITING_TIMER,), (_N.FAILED,), "throw"),
        ((_N.WAITING_APPROVAL,), (_N.SUCCEEDED,), "approve"),
        ((_N.WAITING_APPROVAL,), (_N.FAILED,), "reject"),
        ((_N.WAITING_CHILDREN,), (_N.SUCCEEDED,), "succeed"),
        ((_N.WAITING_CHILDREN,), (_N.FAILED,), "fail"),
        ((_N.QUEUED,), (_N.RUNNING,), "claim"),
        ((_N.RUNNING,), (_N.SUCCEEDED,), "succeed"),
        ((_N.RUNNING,), (_N.FAILED,), "fail"),
        ((_N.RUNNING, _N.WAITING_CHILDREN), (_N.WAITING_TIMER,), "retry"),
        ((_N.RUNNING, _N.WAITING_CHILDREN, _N.WAITING_TIMER), (_N.WAITING_APPROVAL,), "suspend"),
        ((_N.WAITING_APPROVAL,), (_N.WAITING_TIMER,), "sleep"),
        ((_N.PENDING,), (_N.PAUSED,), "pause"),
        ((_N.PAUSED,), (_N.QUEUED, *_WAITS), "continue"),
        ((_N.PAUSED,), (_N.SUCCEEDED,), "decide"),
        ((_N.PAUSED,), (_N.FAILED,), "throw"),
        ((_N.PENDING, _N.PAUSED, *_WAITS, _N.QUEUED, _N.RUNNING), (_N.CANCELLED,), "cancel"),
    ),
)

_R = Status
_OPEN_RUN = (_R.QUEUED, _R.RUNNING, _R.AWAITING_APPROVAL, _R.PAUSED)
RUN = Table(
    name="Run",
    initial=(_R.QUEUED,),
    final=(_R.SUCCEEDED, _R.FAILED, _R.CANCELLED),
    states=tuple(_R),
    arrows=_arrows(
        ((_R.QUEUED,), (_R.RUNNING,), "start"),
        ((_R.QUEUED, _R.RUNNING, _R.PAUSED), (_R.AWAITING_APPROVAL,), "wait"),
        ((_R.QUEUED, _R.RUNNING, _R.AWAITING_APPROVAL), (_R.PAUSED,), "pause"),
        ((_R.AWAITING_APPROVAL, _R.PAUSED), (_R.RUNNING,), "resume"),
        (_OPEN_RUN, (_R.SUCCEEDED,), "succeed"),
        (_OPEN_RUN, (_R.FAILED,), "fail"),
        (_OPEN_RUN, (_R.CANCELLING,), "cancel"),
        ((_R.CANCELLING,), (_R.CANCELLED,), "stop"),
    ),
)

TABLES = (JOB, NODE, RUN)


def transition(table: Table, old: str, new: str) -> str:
    """Return the name of the transition from `old` to `new`. Raises IllegalTransition if the table has none."""
    name = table.arrows.get((old, new))
    if name is None:
        raise IllegalTransition(f"A {table.name.lower()} cannot go from {old} to {new}.")
    return name


def mermaid(table: Table) -> str:
    """Return the table as a mermaid state diagram, one transition per line, in the table's order."""
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in table.initial]
    lines += [f"    {old} --> {new}: {name}" for (old, new), name in table.arrows.items()]
    lines += [f"    {state} --> [*]" for state in table.final]
    return "\n".join(lines)
