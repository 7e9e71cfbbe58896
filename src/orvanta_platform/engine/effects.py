"""Effects of a step, which the caller writes in one transaction, in order; and expressions that a step asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from orvanta_platform.engine.events import NamedError, Purpose
from orvanta_platform.engine.plan import Debounce
from orvanta_platform.engine.states import NodeState, Status

TimerKind = Literal["wait", "deadline"]

Origin = Literal["recorded", "sample", "none"]
"""Origin of the answer of a dry run for a node: an earlier run or a test, a sample of its schema, or nothing (null)."""


class Enqueue(msgspec.Struct, frozen=True):
    """Makes the node's job available in the queue."""

    node: int
    timeout_s: float | None
    """None: the job has no time limit of its own."""
    failures: int = 0
    """Greater than 0: a retry, whose job exists in the state scheduled."""


class EnterGate(msgspec.Struct, frozen=True):
    """Queues the node (None: the run) for a permit; the event Permitted follows, possibly within the same step.

    The permit, or the position in the queue, is held until the node ends or waits for a retry, or until the run ends.
    """

    node: int | None
    key: tuple[str, ...]
    """Texts; one with a leading NUL names a field of the run."""
    limit: int
    window_s: float


class EnterDebounce(msgspec.Struct, frozen=True):
    """Starts the debounce wait of the node; DebounceElapsed or HandedOver follows, possibly within the same step."""

    node: int
    key: tuple[str, ...]
    """Key as in `EnterGate`."""
    window: Debounce
    args: bytes
    """JSON object of the inputs that are concatenated with those of other nodes."""


class LeaveDebounce(msgspec.Struct, frozen=True):
    """Ends the debounce wait of the node without a hand-over."""

    node: int


class Pause(msgspec.Struct, frozen=True):
    """Pauses the node until a person resumes it; the event Continued follows."""

    node: int
    by: str
    """User who set the breakpoint."""
    threw: str | None = None
    """Error that the condition of the breakpoint threw."""


class EndPause(msgspec.Struct, frozen=True):
    """Ends the pause of the node."""

    node: int


class StoreInputs(msgspec.Struct, frozen=True):
    """Stores inputs (JSON object) that replace the node's own at every attempt."""

    node: int
    raw: bytes


class Retry(msgspec.Struct, frozen=True):
    """Schedules the job that just failed, with a timer due in `delay_s` seconds (0 to 6 h)."""

    node: int
    delay_s: float
    failures: int
    """Number of failed attempts of the node so far, including this one."""


class CancelJob(msgspec.Struct, frozen=True):
    """Withdraws the node's job if no worker has claimed it; a running one is stopped if `stop` is true.

    The engine does not know which jobs are claimed: for each withdrawn job the caller sends JobCancelled in the same
    transaction. A running job ends with an event of its own.
    """

    node: int
    stop: bool


class CloseTimer(msgspec.Struct, frozen=True):
    """Deletes the timer and the scheduled job of a node that will not be retried."""

    node: int


class SetTimer(msgspec.Struct, frozen=True):
    """Sets a timer for the node, due in `seconds` or at `until` (RFC 3339); TimerDue follows.

    The node's job, if any, has ended.
    """

    node: int
    kind: TimerKind = "wait"
    seconds: float | None = None
    until: str | None = None


class DropTimer(msgspec.Struct, frozen=True):
    """Deletes the timer that SetTimer created for the node."""

    node: int
    kind: TimerKind = "wait"


class OpenWait(msgspec.Struct, frozen=True):
    """Opens the node's approval, or its suspend after its end. Decisions made earlier count now."""

    node: int
    message: tuple[str, ...] = ()
    """Parts of the message; one with a leading NUL names a field of the run (id, path, created_by) to insert."""
    groups: bytes | None = None
    """JSON text of `user_groups_required`, if it is computed."""
    form: bytes | None = None
    """JSON text of the form, if it has inputs."""
    inputs: bytes | None = None
    """JSON object of the node's inputs for the approvers, without those that are too large; None if it has none."""


class CloseWait(msgspec.Struct, frozen=True):
    """Closes the node's approval or suspend."""

    node: int


class Opening(msgspec.Struct, frozen=True):
    """Bodies that a container node opens."""

    total: int | None
    """Number of bodies; None: unlimited until something ends them."""
    width: int
    """Maximum number of bodies open at the same time."""
    attempt: int
    """Attempt, counted from 0."""
    first: int = 0
    """Number of the first body; it identifies the chosen branch."""
    items: bytes | None = None
    """JSON text of a loop's array."""
    args: bytes | None = None
    """JSON text of a sub-workflow's input."""
    timeout_s: float | None = None
    """Time limit of all bodies together."""
    references: tuple[str, ...] = ()
    """Names of the members of `args` that contain references."""
    sealed: bytes | None = None
    """Sealed secrets of the input."""
    recorded: bytes | None = None
    """Recording that a sub-workflow plays in a dry run."""


class OpenInside(msgspec.Struct, frozen=True):
    """Opens the bodies of the node; ChildrenEnded follows when all have ended."""

    node: int
    opening: Opening


class CancelChildren(msgspec.Struct, frozen=True):
    """Cancels everything inside the node; ChildrenEnded follows when it has ended."""

    node: int


class StoreResume(msgspec.Struct, frozen=True):
    """Stores the data of resume number `number` (from 1) of a suspend, for expressions that read `resume`."""

    node: int
    number: int
    raw: bytes


class Simulated(msgspec.Struct, frozen=True):
    """Records that a dry run answered for the node instead of executing it."""

    node: int
    execution: str
    """Node with its iterations, as in `fetch[0]`."""
    attempt: int
    """Attempt, counted from 0."""
    answer: Origin
    error: str | None = None
    """Name of the error with which the attempt fails."""
    inputs: bytes | None = None
    """JSON object text of the inputs to store; None: they are stored already, or there are none."""


class NodeEnded(msgspec.Struct, frozen=True):
    """End of a node: succeeded, failed or cancelled. Its job, if it has an unfinished one, ends with it.

    Nodes that were skipped or never started appear only in the state.
    """

    node: int
    state: NodeState
    result: bytes | None = None
    """JSON text of the result of a node without a job; None: the job's own result."""
    error: NamedError | None = None
    """Cause of the failure; the node's result is then `{"error": …}`.

    It replaces the job's result if an export threw.
    """
    continued: bool = False
    """True if continue_on_error turned the failure into success; the result is still `{"error": …}`."""


class Export(msgspec.Struct, frozen=True):
    """Writes `raw` (JSON text) under `name` into the run's context."""

    node: int
    name: str
    raw: bytes


class Input(msgspec.Struct, frozen=True):
    """Makes the result of the node, the preprocessor, the run's input."""

    node: int
    result: bytes | None = None
    """Result as in `NodeEnded`."""


class CacheResult(msgspec.Struct, frozen=True):
    """Caches a result for `ttl_s` seconds under `key` (hexadecimal)."""

    key: str
    ttl_s: float
    node: int | None = None
    """Node that just succeeded and whose result is cached; None: the run."""


class RunStatus(msgspec.Struct, frozen=True):
    """Changes the status of the run; its end is a RunEnded instead."""

    status: Status


class Record(msgspec.Struct, frozen=True):
    """Adds an entry to the run's history, such as run_started, retry or cancel; `data` is JSON-serializable."""

    kind: str
    node: int | None
    data: Mapping[str, Any]


class NullResult(msgspec.Struct, frozen=True):
    """Result of the run: null."""


class OfNode(msgspec.Struct, frozen=True):
    """Result of the run: that of one node."""

    index: int


class NodeResults(msgspec.Struct, frozen=True):
    """Result of the run: an object with the results of several nodes."""

    members: tuple[tuple[str, int], ...]
    """(id, index) of each node, in document order."""


class Output(msgspec.Struct, frozen=True):
    """Result of the run: the value of `output`."""

    raw: bytes


class ErrorOf(msgspec.Struct, frozen=True):
    """Result of the run: `{"error": …}` of the node that failed it."""

    index: int


class ThrownOutput(msgspec.Struct, frozen=True):
    """Result of the run: `{"error": …}` of an `output` that threw, which is not the failure of a node."""

    error: NamedError


ResultRef = NullResult | OfNode | NodeResults | Output | ErrorOf | ThrownOutput


class RunEnded(msgspec.Struct, frozen=True):
    """End of the run: succeeded, failed or cancelled."""

    status: Status
    result: ResultRef
    recovered: bool = False
    """True if the failure module made the run succeed."""
    error_node: int | None = None
    """First unhandled failure in commit order, or the failure module if that failed."""
    skipped: bool = False
    """True if skip_expr was true, or a stop condition labels the run skipped."""
    stopped: bool = False
    """True if stop_after_if of a node ended the list early; if nested, the loop around it ends as well."""
    disapproved: bool = False
    """True if a suspend was rejected, which fails every list around it."""
    handed_over: bool = False
    """True if a node handed over to a later one: the list ends early, but a loop around it continues."""


Effect = (
    Enqueue
    | CacheResult
    | EnterGate
    | EnterDebounce
    | LeaveDebounce
    | Pause
    | EndPause
    | StoreInputs
    | Retry
    | CancelJob
    | CloseTimer
    | SetTimer
    | DropTimer
    | OpenWait
    | CloseWait
    | StoreResume
    | OpenInside
    | CancelChildren
    | Simulated
    | NodeEnded
    | Export
    | Input
    | RunStatus
    | Record
    | RunEnded
)


class Ask(msgspec.Struct, frozen=True):
    """Expression whose value `decide` needs.

    An expression of an export or of retry_if reads the node's own result as `result`: that of the event, or the field
    `result` for a node without a job.
    """

    key: tuple[str | int, ...]
    node: int
    """Node that asks; it determines which results are readable (`scope.visible`). `len(plan.nodes)` for `output`."""
    purpose: Purpose
    source: Any
    """Text of a JavaScript expression, or a Transform tree."""
    result: bytes | None = None
    outcome: ResultRef | None = None
    """If set, the expression reads the result of the whole list as `result`."""
