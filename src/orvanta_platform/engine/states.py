"""The three state machines, as data: what a job, a node and a run may be, and each arrow's name.

SQL constraints, the drawings in docs/concepts/states.md and tests are made from these tables or compared
with them. An arrow that is not in a table does not happen: `transition` refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from orvanta_platform.errors import OrvantaError


class JobState(StrEnum):
    """A job is work in the queue and nothing else: waits are the run's, skipped is an outcome of a node."""

    SCHEDULED = "scheduled"
    AVAILABLE = "available"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class NodeState(StrEnum):
    """A node of one run. The four waits, and a pause, need no job and no worker."""

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
    """A run, as the engine keeps it; `shown.status` says what people see."""

    QUEUED = "queued"
    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class IllegalTransition(OrvantaError):
    """An arrow that is not in the table: a fault of the engine's caller, never of a user."""

    code = "illegal_transition"


@dataclass(frozen=True, slots=True)
class Table:
    """One state machine: where it starts, where it ends, and (from, to) → name of the arrow."""

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
    """The name of the arrow from `old` to `new`. Raises IllegalTransition where the table has none."""
    name = table.arrows.get((old, new))
    if name is None:
        raise IllegalTransition(f"A {table.name.lower()} cannot go from {old} to {new}.")
    return name


def mermaid(table: Table) -> str:
    """The table as a mermaid state diagram, one arrow a line, in the table's order."""
    lines = ["stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in table.initial]
    lines += [f"    {old} --> {new}: {name}" for (old, new), name in table.arrows.items()]
    lines += [f"    {state} --> [*]" for state in table.final]
    return "\n".join(lines)
