"""Events of a run, and answers to the expressions that `decide` asks for. All are immutable values.

Nodes are identified by their index in the plan; the failure module's is `len(plan.nodes)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec.structs import force_setattr

MAX_ERROR_NAME: Final = 200
"""Maximum length of the name of an error, which rows of runs and jobs store, and lists and traces read."""


class Answer(msgspec.Struct, frozen=True):
    """Value of an expression: JSON text, and its truthiness in JavaScript."""

    raw: bytes
    truthy: bool
    references: tuple[str, ...] = ()
    """For the input of a sub-workflow: names of the members that contain references."""
    sealed: bytes | None = None
    """For the input of a sub-workflow: JSON text with the secrets that are masked in `raw`."""
    recorded: bytes | None = None
    """For the input of a sub-workflow in a dry run: JSON text of the recording that it plays."""


class NamedError(msgspec.Struct, frozen=True):
    """Error by name: thrown by an expression, or the failure of a node. A name that is too long is replaced."""

    name: str
    message: str

    def __post_init__(self) -> None:
        force_setattr(self, "name", bounded_name(self.name))


def bounded_name(name: str) -> str:
    """Return the name of an error, `Error` if it is too long: a part of it could be a part of a secret."""
    return name if len(name) <= MAX_ERROR_NAME else "Error"


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
    "simulate",
]
"""Purposes of expressions."""

Answers = Mapping[tuple[str | int, ...], Answer | NamedError]


class Started(msgspec.Struct, frozen=True):
    """The run was created. Always the first event, sent once on `RunState.new(plan)`."""


class Succeeded(msgspec.Struct, frozen=True):
    """The node's job succeeded. The caller has the result; export expressions read it as `result`."""

    node: int


class Failed(msgspec.Struct, frozen=True):
    """The node's job failed."""

    node: int
    error_name: str
    message: str
    retryable: bool = True
    """False if no retry can succeed, regardless of the node's `retry`."""


class TimerDue(msgspec.Struct, frozen=True):
    """The timer of the node, such as a retry delay, is due."""

    node: int


class Permitted(msgspec.Struct, frozen=True):
    """The node, or with None the run, got the permit that it queued for."""

    node: int | None


class DebounceElapsed(msgspec.Struct, frozen=True):
    """The debounce wait is over: no later node with the same key arrived in time, or none may replace this one."""

    node: int


class HandedOver(msgspec.Struct, frozen=True):
    """A later node with the same key, in the run `run`, replaced this one and took over the concatenated inputs."""

    node: int
    run: str


class PauseBefore(msgspec.Struct, frozen=True):
    """A user set a breakpoint, or removed it."""

    node: int
    """Number of the node in the document, not its index in the list."""
    by: str
    when: str | None = None
    """Expression; the run pauses only if it is true."""
    on: bool = True
    """False if the breakpoint is removed."""


class Continued(msgspec.Struct, frozen=True):
    """A user resumed a paused node."""

    node: int
    by: str
    inputs: bytes | None = None
    """JSON object of inputs that replace the node's own."""
    result: bytes | None = None
    """JSON text used as the node's result instead of running it."""


class JobCancelled(msgspec.Struct, frozen=True):
    """The node's job was cancelled.

    By a person while the run is running: the node fails with the name Canceled, without retries. In response to a
    CancelJob effect, or while the run fails or is cancelled: the node is cancelled.
    """

    node: int
    reason: str = "Canceled"


class CancelRequested(msgspec.Struct, frozen=True):
    """A user cancelled the run."""

    force: bool = False
    """True if the run ends immediately, without waiting for its workers."""


class Aborted(msgspec.Struct, frozen=True):
    """A user cancelled only this body of a loop or branch: it fails with the name Canceled, its jobs are stopped."""

    reason: str = "Canceled"


class RunTimedOut(msgspec.Struct, frozen=True):
    """The time limit of the run is exceeded: it fails immediately, without waiting for its workers."""

    timeout_s: float


class Approved(msgspec.Struct, frozen=True):
    """A person approved the node."""

    node: int
    record: bytes
    """JSON object of the decision, stored as result or resume."""


class Rejected(msgspec.Struct, frozen=True):
    """A person rejected the node."""

    node: int
    record: bytes
    by: str
    reason: str | None = None


class DeadlineDue(msgspec.Struct, frozen=True):
    """The node's approval timed out."""

    node: int
    record: bytes


class ChildrenEnded(msgspec.Struct, frozen=True):
    """All bodies of the node have ended. The caller has the result, as for a job."""

    node: int
    error: NamedError | None = None
    """Error by which the node failed."""
    retryable: bool = True
    cancelled: bool = False
    """True if the bodies were cancelled."""
    stopped: bool = False
    """True if a nested node ended more than its own list."""
    skips: bool = False
    """True if the run that this ends is labelled skipped."""
    disapproved: bool = False
    """True if `error` is the rejection of a nested suspend."""
    handed_over: bool = False
    """True if the nested node handed over, which does not end a loop around it."""


class WorkerLost(msgspec.Struct, frozen=True):
    """The worker that the run was bound to is gone, together with everything it stored for the run."""


Event = (
    Started
    | Succeeded
    | Failed
    | TimerDue
    | Permitted
    | DebounceElapsed
    | HandedOver
    | PauseBefore
    | Continued
    | JobCancelled
    | CancelRequested
    | Aborted
    | RunTimedOut
    | Approved
    | Rejected
    | DeadlineDue
    | ChildrenEnded
    | WorkerLost
)
