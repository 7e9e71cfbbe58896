"""What happens to a run from outside, and the answers to what `decide` asks. All are values.

Nodes are named by their index in the plan; the failure module's is `len(plan.nodes)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Answer:
    """The value of an expression: JSON text, and whether JavaScript would call it true.

    For the input of a sub-workflow, `references` are the names of members that hold references, and `sealed` is JSON
    text with the secrets that are masked in `raw`.
    """

    raw: bytes
    truthy: bool
    references: tuple[str, ...] = ()
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True)
class Err:
    """An error by name: what an expression threw, or what a node failed with."""

    name: str
    message: str


Purpose = Literal[
    "condition",
    "retry_if",
    "timeout",
    "export",
    "output",
    "skip_if",
    "pause",
    "skip_expr",
    "pass",
    "sleep",
    "seconds",
    "until",
    "groups",
    "message",
    "iterator",
    "parallelism",
    "branch",
    "inputs",
    "stop",
    "input",
    "key",
    "joined",
    "cache",
]
"""What an expression is asked for."""

Answers = Mapping[tuple[str | int, ...], Answer | Err]


@dataclass(frozen=True, slots=True)
class Started:
    """The run was created. Always the first event, once, on `RunState.new(plan)`."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The node's job ended well. Its result is with the caller; export asks see it as `result`."""

    node: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The node's job ended badly. `retryable` False: no retry may mend it, whatever the node's `retry`."""

    node: int
    error_name: str
    message: str
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The time for which the node waited (a retry's delay) is over."""

    node: int


@dataclass(frozen=True, slots=True)
class Permitted:
    """The node, or with None the run, has the permit for which it stood in line."""

    node: int | None


@dataclass(frozen=True, slots=True)
class PutOffLongEnough:
    """No later node of the same key came up in time, or none may take this one's place."""

    node: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A later node of the same key, of the run `run`, took the place of this one, with what was to be joined."""

    node: int
    run: str


@dataclass(frozen=True, slots=True)
class PauseBefore:
    """Somebody set a breakpoint (`on`), or took it back. `node`: by its number in the document, not in its list.

    `when`: an expression; the run pauses there only where it is true.
    """

    node: int
    by: str
    when: str | None = None
    on: bool = True


@dataclass(frozen=True, slots=True)
class Continued:
    """Somebody lets a paused node go on. `inputs`: JSON object of those that take the place of its own.

    `result`: JSON text that stands for its result, and it does not run.
    """

    node: int
    by: str
    inputs: bytes | None = None
    result: bytes | None = None


@dataclass(frozen=True, slots=True)
class JobCancelled:
    """The node's job was cancelled.

    By a person while the run goes on: the node fails with the name Canceled, without retries.
    As the answer to a CancelJob effect, or while the run fails or is cancelled: the node is cancelled.
    """

    node: int
    reason: str = "Canceled"


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody cancelled the run. `force`: it ends now, whether or not a worker answers."""

    force: bool = False


@dataclass(frozen=True, slots=True)
class Aborted:
    """Somebody cancelled this body of a loop or branch alone: it fails with the name Canceled, what runs is stopped."""

    reason: str = "Canceled"


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The run as a whole has had its time: it fails now, whether or not a worker answers."""

    timeout_s: float


@dataclass(frozen=True, slots=True)
class Approved:
    """Somebody agreed to what the node asks. `record`: JSON object of the decision, kept as result or resume."""

    node: int
    record: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """Somebody said no."""

    node: int
    record: bytes
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class DeadlineDue:
    """Nobody answered in time."""

    node: int
    record: bytes


@dataclass(frozen=True, slots=True)
class ChildrenEnded:
    """All that the node opened has ended. Its result is with the caller, as a job's is.

    `error`: it failed by this. `cancelled`: what was inside was cancelled. `stopped`: a node inside ended more than its
    own list; `skips` then labels the run that it ends, `handed_over`: but no loop. `disapproved`: `error` is that of a
    suspend that was refused.
    """

    node: int
    error: Err | None = None
    retryable: bool = True
    cancelled: bool = False
    stopped: bool = False
    skips: bool = False
    disapproved: bool = False
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The worker that the run was bound to is gone, and what it kept for the run with it."""


Event = (
    Started
    | Succeeded
    | Failed
    | TimerDue
    | Permitted
    | PutOffLongEnough
    | HandedOver
    | PauseBefore
    | Continued
    | JobCancelled
    | CancelRequested
    | Aborted
    | TimeUp
    | Approved
    | Rejected
    | DeadlineDue
    | ChildrenEnded
    | WorkerLost
)
