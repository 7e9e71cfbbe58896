"""The write of a step: values that describe it and the one statement that does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load

Fate = Literal["succeeded", "failed", "cancelled", "scheduled"]


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of a job that is at (attempt, worker, generation); worker is None where nobody runs it.

    `scheduled` is a retry, due in `due_in_s` seconds; the other fates end the job. `ran_s`: seconds since its
    process started, None where it never did.
    """

    job: UUID
    attempt: int
    worker: UUID | None
    generation: int | None
    fate: Fate
    error_name: str | None = None
    mem_peak_kb: int | None = None
    log_chars: int | None = None
    ran_s: float | None = None
    due_in_s: float | None = None


@dataclass(frozen=True, slots=True)
class NodeEnding:
    """The end of a node that needed no job."""

    id: UUID
    node: str
    node_index: int
    kind: str
    state: Literal["succeeded", "failed", "cancelled"]
    error_name: str | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to enqueue; with `worker` and `generation` it is made already claimed (hand-off).

    `lane` is 1 for the first jobs of a new run, 0 for those of a run under way.
    """

    id: UUID
    node: str | None
    node_index: int
    kind: str
    language: str | None
    path: str | None
    queue: str
    priority: int
    lane: int = 0
    timeout_s: float | None = None
    worker: UUID | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Wake:
    """A scheduled job (a retry) whose time has come, with the time limit of its next attempt."""

    job: UUID
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class NewValue:
    """JSON text to keep: `body` (encoding 0 as it is, 1 zlib) or the key of an object. `size` is the JSON's bytes."""

    id: UUID
    kind: Literal["args", "result", "context"]
    name: str
    size: int
    encoding: int
    body: bytes | None
    object: str | None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A line of the run's history; `data` is JSON text."""

    kind: str
    node: str | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How the run ends; `result_of` names whose value is its result, None for null."""

    status: Literal["succeeded", "failed", "cancelled"]
    recovered: bool = False
    error_name: str | None = None
    result_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class StepWrite:
    """One step of one run, to be written if the run is still at `rev`.

    `over_cancel`: written although the run is being cancelled (only under the run's lock).
    `inbox_seq`: the inbox row that was taken in. One alone: a row with a lower seq may be committed at any moment,
    and nobody has read it.
    """

    run: UUID
    rev: int
    state: bytes
    status: str
    endings: Sequence[Ending] = ()
    nodes: Sequence[NodeEnding] = ()
    jobs: Sequence[NewJob] = ()
    wakes: Sequence[Wake] = ()
    values: Sequence[NewValue] = ()
    events: Sequence[NewEvent] = ()
    end: RunEnd | None = None
    over_cancel: bool = False
    inbox_seq: int | None = None

    @property
    def size(self) -> int:
        """Bytes that this step puts on the wire, about."""
        return len(self.state) + sum(len(value.body or b"") for value in self.values) + 256


async def write_steps(connection: Connection, steps: Sequence[StepWrite]) -> set[int]:
    """Write the steps in one statement; gives the positions (from 0) of those that were written.

    At most one step of a run. A position that is missing changed nothing: stale, or locked by somebody else.
    """
    rows = await connection.fetch(load("steps")["write_steps"].text, *_arguments(steps))
    return {row["n"] - 1 for row in rows}


@dataclass(slots=True)
class _Columns:
    """Rows of one kind, turned into the arrays that unnest takes; `n` is the step's number from 1."""

    getters: tuple[Callable[[Any], Any], ...]
    arrays: list[list[Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.arrays = [[] for _ in range(len(self.getters) + 1)]

    def add(self, n: int, rows: Sequence[Any]) -> None:
        for row in rows:
            self.arrays[0].append(n)
            for array, getter in zip(self.arrays[1:], self.getters, strict=True):
                array.append(getter(row))


def _fields(row_type: type, *names: str) -> tuple[Callable[[Any], Any], ...]:
    """Slot descriptors read a field without a look-up by name."""
    return tuple(getattr(row_type, name).__get__ for name in names)


_ENDING = _fields(
    Ending,
    "job",
    "attempt",
    "worker",
    "generation",
    "fate",
    "error_name",
    "mem_peak_kb",
    "log_chars",
    "ran_s",
    "due_in_s",
)
_NODE = _fields(NodeEnding, "id", "node", "node_index", "kind", "state", "error_name")
_JOB = _fields(
    NewJob,
    *(
        "id",
        "node",
        "node_index",
        "kind",
        "language",
        "path",
        "queue",
        "priority",
        "lane",
        "timeout_s",
        "worker",
        "generation",
    ),
)
_WAKE = _fields(Wake, "job", "timeout_s")
_VALUE = _fields(NewValue, "id", "kind", "name", "size", "encoding", "body", "object")
_EVENT = _fields(NewEvent, "kind", "node", "data")
_NO_END = RunEnd("cancelled")


def _arguments(steps: Sequence[StepWrite]) -> list[list[Any]]:
    groups = [_Columns(getters) for getters in (_ENDING, _NODE, _JOB, _WAKE, _VALUE, _EVENT)]
    for n, step in enumerate(steps, 1):
        for group, rows in zip(
            groups, (step.endings, step.nodes, step.jobs, step.wakes, step.values, step.events), strict=True
        ):
            group.add(n, rows)
    ends = [step.end or _NO_END for step in steps]
    heads: list[list[Any]] = [
        [step.run for step in steps],
        [step.rev for step in steps],
        [step.state for step in steps],
        [step.status for step in steps],
        [step.end is not None for step in steps],
        [step.over_cancel for step in steps],
        [end.status for end in ends],
        [end.recovered for end in ends],
        [end.error_name for end in ends],
        [end.result_of for end in ends],
        [step.inbox_seq for step in steps],
    ]
    return heads + [array for group in groups for array in group.arrays]
