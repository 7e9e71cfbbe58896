"""The write of a step: values that describe it and the one statement that does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from orvanta_platform.db import statements
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.waits import WaitWrite

Fate = Literal["succeeded", "failed", "cancelled", "scheduled"]


class Ending(msgspec.Struct, frozen=True):
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


class NodeEnding(msgspec.Struct, frozen=True):
    """The end of a node that needed no job, or of a frame.

    `parent`, `place`, `result_of` as in the table job. `failures`: attempts of a loop or branch that failed.
    """

    id: UUID
    node: str
    node_index: int
    kind: str
    state: Literal["succeeded", "failed", "cancelled"]
    error_name: str | None = None
    parent: UUID | None = None
    place: int | None = None
    result_of: UUID | None = None
    failures: int = 0
    started_at: datetime | None = None


class NewJob(msgspec.Struct, frozen=True):
    """A job to enqueue; with `worker`, `generation` and `nonce` it is made already claimed (hand-off).

    `lane` is 1 for the first jobs of a new run, 0 for those of a run under way. `frame`, `parent` and `place` as in
    the table job_live.
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
    frame: UUID | None = None
    parent: UUID | None = None
    place: int | None = None
    nonce: UUID | None = None


class Wake(msgspec.Struct, frozen=True):
    """A scheduled job (a retry) whose time has come, with the time limit of its next attempt."""

    job: UUID
    timeout_s: float | None


class NewValue(msgspec.Struct, frozen=True):
    """JSON text to keep: `body` (encoding 0 as it is, 1 zlib) or the key of an object (1 zlib, 2 frames).

    `size` is the JSON's bytes.
    """

    id: UUID
    kind: Literal["args", "result", "context", "resume"]
    name: str
    size: int
    encoding: int
    body: bytes | None
    object: str | None


class NewEvent(msgspec.Struct, frozen=True):
    """A line of the run's history; `data` is JSON text."""

    kind: str
    node: str | None = None
    data: str | None = None


class RunEnd(msgspec.Struct, frozen=True):
    """How the run ends; `result_of` names whose value is its result, None for null.

    `reports`: the run it is a sub-workflow of is told. `skipped`: it was stopped early and is labelled so.
    """

    status: Literal["succeeded", "failed", "cancelled"]
    recovered: bool = False
    error_name: str | None = None
    result_of: UUID | None = None
    reports: bool = False
    skipped: bool = False


NO_WAITS = WaitWrite()


class StepWrite(msgspec.Struct, frozen=True):
    """One step of one run, to be written if the run is still at `rev`.

    `over_cancel`: written although the run is being cancelled (only under the run's lock).
    `inbox_seq`: the inbox row that was taken in. One alone: a row with a lower seq may be committed at any moment,
    and nobody has read it. `waits`: written beside it (`waits.write`), only under the run's lock.
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
    waits: WaitWrite = NO_WAITS

    @property
    def is_plain(self) -> bool:
        """Whether it has at most one row of every kind."""
        return all(len(rows) <= 1 for rows in _rows(self))

    @property
    def size(self) -> int:
        """Bytes that this step puts on the wire, about."""
        return len(self.state) + sum(len(value.body or b"") for value in self.values) + 256


async def write_steps(connection: Connection, steps: Sequence[StepWrite]) -> set[int]:
    """Write the steps in one statement; gives the positions (from 0) of those that were written.

    At most one step of a run. A position that is missing changed nothing: stale, or locked by somebody else.
    """
    alone = len(steps) == 1 and steps[0].is_plain
    text, numbers = statement(parts_of(steps), len(steps) == 1, alone=alone)
    arguments = arguments_alone(steps[0]) if alone else arguments_of(steps)
    rows = await connection.fetch(text, *(arguments[number - 1] for number in numbers))
    return {row["n"] - 1 for row in rows}


ALWAYS = frozenset({"step", "ending", "good", "root"})
"""The parts of the statement without which there is none."""

_ROOTS = {
    "updated": "SELECT n, id, workspace FROM updated UNION ALL ",
    "deleted": " UNION ALL SELECT n, id, workspace FROM deleted",
}


_RUN = ("s.run", "g.run", "root.id", "d.id", "gone.run")
_KEYS = {**dict.fromkeys(_RUN, "($1)[1]"), "e.job": "ANY ($17) AND j.id = e.job", "w.job": "ANY ($58) AND j.id = w.job"}
"""Columns of one step's rows, and the parameters that they are."""

_KEYS_ALONE = {**dict.fromkeys(_RUN, "$1"), "e.job": "$17", "w.job": "$58"}

_ENDING_ROWS = "ran_s, due_in_s, openings)"
"""Where the rows of endings are named: alone, a step may have none."""


@cache
def statement(wanted: frozenset[str], single: bool = False, *, alone: bool = False) -> tuple[str, tuple[int, ...]]:
    """The statement of these parts alone, and which of the whole one's parameters it takes, in its order.

    `single`: of one step. `alone`: of one that has one row of every kind; the parameters are no arrays.
    """
    every, end = statements.parts("steps", "write_steps")
    kept = wanted | ALWAYS
    text = "".join(part for name, part in every.items() if name in kept)
    for name, source in _ROOTS.items():
        if name not in kept:
            text = text.replace(source, "")
    if single:
        text = statements.keyed(text, _KEYS_ALONE if alone else _KEYS)
    text, numbers = statements.renumbered(text)
    if alone:
        text = statements.of_one_row(text)
        for name in ("step", "ending", "root"):
            text = text.replace(f"{name} AS MATERIALIZED", f"{name} AS NOT MATERIALIZED")
        text = text.replace(_ENDING_ROWS, f"{_ENDING_ROWS} WHERE n > 0")
    return text + end, numbers


def parts_of(steps: Sequence[StepWrite]) -> frozenset[str]:
    """What has to do something for these steps."""
    parts: set[str] = set()
    for step in steps:
        if step.end is None:
            parts.add("updated")
        else:
            parts |= _END_PARTS
            if step.end.reports:
                parts.add("reported")
        if step.inbox_seq is not None:
            parts.add("taken")
        for ending in step.endings:
            if ending.fate == "scheduled":
                parts |= {"later", "timed"}
                continue
            parts.add("gone")
            if ending.job != step.run:
                parts.add("history")
            if ending.worker is None:
                parts.add("untimed")
        parts |= row_parts(step)
    return frozenset(parts)


def row_parts(step: StepWrite) -> frozenset[str]:
    """The parts that insert what hangs on the run's row."""
    parts = {name for name, rows in zip(_ROW_PARTS, _rows(step)[1:], strict=True) if rows}
    if "stored" in parts:
        parts -= {"stored"}
        parts |= {"exported" if value.kind == "context" else "stored" for value in step.values}
    return frozenset(parts)


_END_PARTS = frozenset({"deleted", "closed", "ended", "taken"})
_ROW_PARTS = ("decided", "made", "woken", "stored", "told")


_ROW_TYPES = (Ending, NodeEnding, NewJob, Wake, NewValue, NewEvent)
"""The rows of a step, in the order of the statement's parameters; the fields of each in the order of its columns."""

_NO_END = RunEnd("cancelled")
_NO_ENDING = Ending(UUID(int=0), 0, None, None, "cancelled")


def _rows(step: StepWrite) -> tuple[Sequence[msgspec.Struct], ...]:
    return (step.endings, step.nodes, step.jobs, step.wakes, step.values, step.events)


def _head(step: StepWrite) -> tuple[Any, ...]:
    end = step.end or _NO_END
    own = next((ending for ending in step.endings if ending.job == step.run), _NO_ENDING)
    return (
        step.run,
        step.rev,
        step.state,
        step.status,
        step.end is not None,
        step.over_cancel,
        end.status,
        end.recovered,
        end.error_name,
        end.result_of,
        step.inbox_seq,
        end.skipped,
        max((ending.ran_s for ending in step.endings if ending.ran_s is not None), default=None),
        own.mem_peak_kb,
        own.log_chars,
    )


def arguments_alone(step: StepWrite) -> list[Any]:
    """The parameters of one plain step: no arrays."""
    arguments = [*_head(step)]
    for row_type, rows in zip(_ROW_TYPES, _rows(step), strict=True):
        if rows:
            arguments += (1, *astuple(rows[0]))
        else:
            arguments += [None] * (len(row_type.__struct_fields__) + 1)
    return arguments


def arguments_of(steps: Sequence[StepWrite]) -> list[list[Any]]:
    """The parameters of many steps: a column each; each row's first is its step's number from 1."""
    arguments = [list(column) for column in zip(*map(_head, steps), strict=True)]
    for row_type, of_steps in zip(_ROW_TYPES, zip(*map(_rows, steps), strict=True), strict=True):
        numbered = [(n, *astuple(row)) for n, rows in enumerate(of_steps, 1) for row in rows]
        if numbered:
            arguments += map(list, zip(*numbered, strict=True))
        else:
            arguments += [[] for _ in range(len(row_type.__struct_fields__) + 1)]
    return arguments
