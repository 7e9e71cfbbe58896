"""What a step does to the world: the caller writes these in one transaction, in the order given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from orvanta_platform.engine.events import Err, Purpose
from orvanta_platform.engine.plan import Debounce
from orvanta_platform.engine.states import NodeState, Status

if TYPE_CHECKING:
    from orvanta_platform.engine.state import RunState
    from orvanta_platform.engine.step import Step

TimerKind = Literal["wait", "deadline"]


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Make the node's job available.

    `timeout_s` is None without a limit of its own. `failures` > 0: a retry, the job exists as scheduled.
    """

    node: int
    timeout_s: float | None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class EnterGate:
    """The node, or with None the run, stands in line for a permit of this key: then Permitted, perhaps at once.

    The permit is kept until the node has ended or waits for a retry, or the run has ended; so is a place in line.
    `key`: texts, of which those that begin with NUL name a field of the run.
    """

    node: int | None
    key: tuple[str, ...]
    limit: int
    window_s: float


@dataclass(frozen=True, slots=True)
class PutOff:
    """The node waits for later ones of its key: then PutOffLongEnough or HandedOver, perhaps at once.

    `key` as in EnterGate. `args`: JSON object of the inputs that are joined with those of others.
    """

    node: int
    key: tuple[str, ...]
    window: Debounce
    args: bytes


@dataclass(frozen=True, slots=True)
class PutOffNoMore:
    """The node waits for later ones no longer, and hands nothing over."""

    node: int


@dataclass(frozen=True, slots=True)
class Pause:
    """The node waits until somebody lets it go on: then Continued. `by`: who set the breakpoint.

    `threw`: what its condition threw.
    """

    node: int
    by: str
    threw: str | None = None


@dataclass(frozen=True, slots=True)
class GoOn:
    """The node is paused no longer."""

    node: int


@dataclass(frozen=True, slots=True)
class KeepInputs:
    """Keep inputs (JSON object) that take the place of the node's own at every attempt."""

    node: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class Retry:
    """The job that just failed becomes scheduled, with a timer due in `delay_s` seconds (0 to 6 h).

    `failures` counts the node's failed attempts so far, this one included.
    """

    node: int
    delay_s: float
    failures: int


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Withdraw the node's job if no worker has claimed it; a running one is told to `stop`, or left alone.

    The engine does not know which jobs are claimed: for each job withdrawn the caller hands in
    JobCancelled, in the same transaction. A running one ends with an event of its own.
    """

    node: int
    stop: bool


@dataclass(frozen=True, slots=True)
class CloseTimer:
    """The node will not be retried: its timer and its scheduled job go."""

    node: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """The node waits so many seconds, or `until` a time (RFC 3339): then TimerDue. Its job, if any, has ended."""

    node: int
    kind: TimerKind = "wait"
    seconds: float | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class DropTimer:
    """The node waits no longer: the timer that SetTimer made goes."""

    node: int
    kind: TimerKind = "wait"


@dataclass(frozen=True, slots=True)
class OpenWait:
    """The node asks people: its approval, or after its end its suspend. Decisions that came before count now.

    `message` in parts: those that begin with NUL name a field of the run (id, path, created_by), to be put in.
    `groups`: JSON text, where `user_groups_required` was computed. `form`: the same of a form with inputs.
    """

    node: int
    message: tuple[str, ...] = ()
    groups: bytes | None = None
    form: bytes | None = None


@dataclass(frozen=True, slots=True)
class CloseWait:
    """Nobody is asked any more."""

    node: int


@dataclass(frozen=True, slots=True)
class Opening:
    """The bodies that a node opens. `width`: the most at once. `total`: all of them (None: until something ends them).

    `first`: the number of the first one, which identifies the chosen branch. `items`: JSON text of a loop's array.
    `args`: JSON text of a sub-workflow's input. `references`: names of its members that hold references. `sealed`: its
    secrets, sealed. `timeout_s`: time limit of the whole. `attempt` counts from 0.
    """

    total: int | None
    width: int
    attempt: int
    first: int = 0
    items: bytes | None = None
    args: bytes | None = None
    timeout_s: float | None = None
    references: tuple[str, ...] = ()
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True)
class OpenInside:
    """The node waits for what is inside it, which begins now; ChildrenEnded follows when that has ended."""

    node: int
    opening: Opening


@dataclass(frozen=True, slots=True)
class CancelChildren:
    """What is inside the node is cancelled; ChildrenEnded follows when it has ended."""

    node: int


@dataclass(frozen=True, slots=True)
class KeepResume:
    """Keep what came with the resume number `number` (from 1) of a suspend, for those who read `resume`."""

    node: int
    number: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class NodeEnded:
    """A node ended: succeeded, failed or cancelled; its job, if it has a live one, ends with it.

    Skipped nodes and those that never began are in the state alone.

    `result`: JSON text of a node without a job (condition); None: the job's own. `error`: why it failed
    (then the node's result is `{"error": …}`); it replaces the job's result where an export threw.
    `continued`: failed under continue_on_error, so its outcome is success and `{"error": …}` its result.
    """

    node: int
    state: NodeState
    result: bytes | None = None
    error: Err | None = None
    continued: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """Write `raw` (JSON text) under `name` into the run's context."""

    node: int
    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Input:
    """What the node (the preprocessor) gave is the run's input from now on. `result`: as in NodeEnded."""

    node: int
    result: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeepResult:
    """The result of the run, or of its node `node`, which has just ended well, stands for `key` (hexadecimal) for so
    many seconds."""

    key: str
    ttl_s: float
    node: int | None = None


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The run's state changed; its end comes as RunEnded instead."""

    status: Status


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the run's history: run_started, run_ended, retry, retry_if_threw, cancel; JSON-able data."""

    kind: str
    node: int | None
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Null:
    """The run's result is null."""


@dataclass(frozen=True, slots=True)
class OfNode:
    """The run's result is that of one node."""

    index: int


@dataclass(frozen=True, slots=True)
class Many:
    """The run's result is an object: (id, index) of each node in it, in document order."""

    members: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Output:
    """The run's result is what `output` gave."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class ErrorOf:
    """The run's result is `{"error": …}` of the node that failed it."""

    index: int


@dataclass(frozen=True, slots=True)
class Thrown:
    """The run's result is `{"error": …}` of an `output` that threw: no node's failure."""

    error: Err


ResultRef = Null | OfNode | Many | Output | ErrorOf | Thrown


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run ended succeeded, failed or cancelled. `recovered`: the failure module made it succeed.

    `error_node`: the first unhandled failure in order of commit, or the failure module where that failed.
    `stopped`: a node's stop_after_if ended it early; of a list inside a node, the loop around it ends as well.
    `handed_over`: so did a node that handed over to a later one, and a loop around it goes on.
    `skipped`: skip_expr was true, or a stop says so. `disapproved`: a suspend was refused, which fails all around it.
    """

    status: Status
    result: ResultRef
    recovered: bool = False
    error_node: int | None = None
    skipped: bool = False
    stopped: bool = False
    disapproved: bool = False
    handed_over: bool = False


Effect = (
    Enqueue
    | KeepResult
    | EnterGate
    | PutOff
    | PutOffNoMore
    | Pause
    | GoOn
    | KeepInputs
    | Retry
    | CancelJob
    | CloseTimer
    | SetTimer
    | DropTimer
    | OpenWait
    | CloseWait
    | KeepResume
    | OpenInside
    | CancelChildren
    | NodeEnded
    | Export
    | Input
    | RunStatus
    | Record
    | RunEnded
)


@dataclass(frozen=True, slots=True)
class Ask:
    """An expression whose value `decide` needs.

    `source` is the text of a JavaScript expression, or a Transform tree. `node` is who asks: it bounds what
    is readable (`scope.visible`); `len(plan.nodes)` for `output`. Asks of an export and of retry_if read the
    node's own result as `result`: that of the event, or `result` here for a node without a job. One with an
    `outcome` reads the result of the whole list as `result`.
    """

    key: tuple[str | int, ...]
    node: int
    purpose: Purpose
    source: Any
    result: bytes | None = None
    outcome: ResultRef | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """Evaluate `requests`, then call `decide` again with their answers added.

    Nothing is written yet, but the expressions read what this step has decided so far: `state` for
    `scope.visible` and `scope.previous_sources`, results and exports from `effects`.
    """

    requests: tuple[Ask, ...]
    state: RunState
    effects: tuple[Effect, ...]
    step: Step = field(compare=False, repr=False)
    """Where decide() goes on when it is given this Need as `after`; nobody else's."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Write `state` and `effects`. Without effects the event was a repetition or late: nothing changed."""

    state: RunState
    effects: tuple[Effect, ...]
