"""The write of a step: values that describe it and the one statement that does it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load

Fate = Literal["succeeded", "failed", "cancelled", "scheduled"]


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of a job that is at (attempt, worker, generation); worker is None where nobody runs it.

    `scheduled` is a retry, due in `due_in_s` seconds; the other fates end the job. `ran_s`: seconds since its
    process started, None where it never did. `openings`: as many secrets it has opened by API, None: any number.
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
    openings: int | None = None


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
    def is_plain(self) -> bool:
        """Whether it has at most one row of every kind."""
        kinds = (self.endings, self.nodes, self.jobs, self.wakes, self.values, self.events)
        return all(len(rows) <= 1 for rows in kinds)

    @property
    def size(self) -> int:
        """Bytes that this step puts on the wire, about."""
        return len(self.state) + sum(len(value.body or b"") for value in self.values) + 256


async def write_steps(connection: Connection, steps: Sequence[StepWrite]) -> set[int]:
    """Write the steps in one statement; gives the positions (from 0) of those that were written.

    At most one step of a run. A position that is missing changed nothing: stale, or locked by somebody else.
    """
    alone = len(steps) == 1 and steps[0].is_plain
    text, numbers = statement(_parts(steps), alone=alone)
    arguments = _arguments(steps)
    if alone:
        rows = await connection.fetch(text, *(next(iter(arguments[number - 1]), None) for number in numbers))
    else:
        rows = await connection.fetch(text, *(arguments[number - 1] for number in numbers))
    return {row["n"] - 1 for row in rows}


_PART = re.compile(r"^\), (?P<name>\w+) AS (?:MATERIALIZED )?\(\n", re.MULTILINE)
_PARAMETER = re.compile(r"\$(\d+)")
ALWAYS = frozenset({"step", "ending", "locked", "good", "root"})
"""The parts of the statement without which there is none."""

_ROOTS = {
    "updated": "SELECT n, id, workspace FROM updated UNION ALL ",
    "deleted": " UNION ALL SELECT n, id, workspace FROM deleted",
}


_ENDING_ROWS = "ran_s, due_in_s, openings)"
"""Where the rows of endings are named: alone, a step may have none."""

_ROWS = re.compile(r"unnest\((?P<columns>[^()]*)\)(?P<numbered> WITH ORDINALITY)?")


@cache
def statement(parts: frozenset[str], *, alone: bool = False) -> tuple[str, tuple[int, ...]]:
    """The statement of these parts alone, and which of the whole one's parameters it takes, in its order.

    A part that has nothing to do costs its start all the same: half of the time of a step. `alone`: the parameters
    are those of one row each and no arrays, whose items the driver looks at one by one.
    """
    text, select = load("steps")["write_steps"].text.rsplit("\n)\nSELECT", 1)
    heads = list(_PART.finditer(text))
    starts = [0, *(head.start() for head in heads)]
    names = ["step", *(head["name"] for head in heads)]
    ends = [*starts[1:], len(text)]
    kept = parts | ALWAYS
    text = "".join(text[start:end] for name, start, end in zip(names, starts, ends, strict=True) if name in kept)
    for name, source in _ROOTS.items():
        if name not in kept:
            text = text.replace(source, "")
    numbers = tuple(dict.fromkeys(int(number) for number in _PARAMETER.findall(text)))
    places = {number: place for place, number in enumerate(numbers, 1)}
    text = _PARAMETER.sub(lambda match: f"${places[int(match[1])]}", text)
    if alone:
        text = _ROWS.sub(_one_row, text).replace("ANY($1)", "$1").replace(_ENDING_ROWS, f"{_ENDING_ROWS} WHERE n > 0")
    return f"{text}\n)\nSELECT{select}", numbers


def _one_row(match: re.Match[str]) -> str:
    columns = match["columns"].replace("[]", "")
    return f"(VALUES ({columns}{', 1::bigint' if match['numbered'] else ''}))"


def _parts(steps: Sequence[StepWrite]) -> frozenset[str]:
    """What has to do something for these steps."""
    parts: set[str] = set()
    for step in steps:
        if step.end is None:
            parts.add("updated")
        else:
            parts |= _END_PARTS
        if step.inbox_seq is not None:
            parts.add("taken")
        for ending in step.endings:
            if ending.fate == "scheduled":
                parts |= {"later", "timed"}
                continue
            parts |= {"gone", "removed"}
            if ending.job != step.run:
                parts.add("history")
            if ending.worker is None:
                parts.add("untimed")
        for name, rows in zip(_ROW_PARTS, (step.nodes, step.jobs, step.wakes, step.values, step.events), strict=True):
            if rows:
                parts.add(name)
    return frozenset(parts)


_END_PARTS = frozenset({"deleted", "closed", "ended", "taken", "gone"})
_ROW_PARTS = ("decided", "made", "woken", "stored", "told")


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
    "openings",
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
