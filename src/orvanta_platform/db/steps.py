"""The write of a step: its rows as values, and the one statement that writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from orvanta_platform.db import statements
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.pool import Connection

Fate = Literal["succeeded", "failed", "cancelled", "scheduled"]


class JobCompletion(msgspec.Struct, frozen=True):
    """Outcome of a job that is at (attempt, worker, generation)."""

    job: UUID
    attempt: int
    worker: UUID | None
    """None if the job is not running."""
    generation: int | None
    fate: Fate
    """`scheduled` is a retry; the others complete the job."""
    error_name: str | None = None
    mem_peak_kb: int | None = None
    log_chars: int | None = None
    ran_s: float | None = None
    """Seconds since the process started; None if it never did."""
    due_in_s: float | None = None
    """Seconds until a retry."""
    openings: int | None = None
    """Number of secrets it must have opened through the API; None: any."""


class NodeCompletion(msgspec.Struct, frozen=True):
    """Completion of a node that needed no job, or of a frame.

    `parent`, `place`, `result_of` as in the table job.
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
    """Failed attempts of a loop or branch."""
    started_at: datetime | None = None


class NewJob(msgspec.Struct, frozen=True):
    """A job to enqueue; with `worker`, `generation` and `nonce` it is inserted as claimed (hand-off).

    `frame`, `parent` and `place` as in the table job_live.
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
    """1 for the first jobs of a new run, otherwise 0."""
    timeout_s: float | None = None
    worker: UUID | None = None
    generation: int | None = None
    frame: UUID | None = None
    parent: UUID | None = None
    place: int | None = None
    nonce: UUID | None = None


class RetryWake(msgspec.Struct, frozen=True):
    """A scheduled job (a retry) that is due, with the timeout of its next attempt."""

    job: UUID
    timeout_s: float | None


class NewValue(msgspec.Struct, frozen=True):
    """JSON text to store: `body` (encoding 0 plain, 1 zlib) or the key of an object (1 zlib, 2 frames).

    `size` is the size of the JSON in bytes.
    """

    id: UUID
    kind: Literal["args", "result", "context", "resume"]
    name: str
    size: int
    encoding: int
    body: bytes | None
    object: str | None


class NewEvent(msgspec.Struct, frozen=True):
    """An event of the run's history; `data` is JSON text."""

    kind: str
    node: str | None = None
    data: str | None = None


class CountedDecision(msgspec.Struct, frozen=True):
    """A decision on an approval that is stored by the step that counts it."""

    job: UUID
    resume_id: int
    approved: bool
    approver: str
    account: str | None
    reason: str | None
    payload: str
    """JSON text."""
    at: datetime
    traceparent: str | None
    closes: bool
    """True if the approval closes, and its deadline and notifications are deleted."""


class RunEnd(msgspec.Struct, frozen=True):
    """The end of a run."""

    status: Literal["succeeded", "failed", "cancelled"]
    recovered: bool = False
    error_name: str | None = None
    result_of: UUID | None = None
    """Id that the result is stored under; None for null."""
    reports: bool = False
    """True if it is a sub-workflow whose caller is notified."""
    skipped: bool = False
    """True if it was stopped early with the label `skipped`."""


class StepWrite(msgspec.Struct, frozen=True):
    """One step of one run, written if the run is still at `rev`."""

    run: UUID
    rev: int
    state: bytes
    status: str
    endings: Sequence[JobCompletion] = ()
    nodes: Sequence[NodeCompletion] = ()
    jobs: Sequence[NewJob] = ()
    wakes: Sequence[RetryWake] = ()
    values: Sequence[NewValue] = ()
    events: Sequence[NewEvent] = ()
    decisions: Sequence[CountedDecision] = ()
    """Decisions that the step stores; it is written only if the inbox of the run is empty."""
    audit: Sequence[NewAudit] = ()
    end: RunEnd | None = None
    over_cancel: bool = False
    """Write even if the run is being cancelled; only under the run's lock."""
    opens_approval: bool = False
    """True if a node starts to wait for a decision, which starts the run if no job has."""
    inbox_seq: int | None = None
    """The processed inbox row. Only this one: a row with a lower seq, unread, may be committed at any moment."""

    @property
    def is_plain(self) -> bool:
        """True if it has at most one row of every kind."""
        return all(len(rows) <= 1 for rows in _rows(self))

    @property
    def size(self) -> int:
        """Approximate size of this step on the wire, in bytes."""
        return len(self.state) + sum(len(value.body or b"") for value in self.values) + 256


async def write_steps(connection: Connection, steps: Sequence[StepWrite]) -> set[int]:
    """Write the steps, at most one of each run, in one statement; return the positions (from 0) of those written.

    A missing position changed nothing: the step is stale, or its run is locked elsewhere.
    """
    alone = len(steps) == 1 and steps[0].is_plain
    text, numbers = statement(parts_with_rows(steps), len(steps) == 1, alone=alone)
    arguments = arguments_of_one(steps[0]) if alone else arguments_of(steps)
    rows = await connection.fetch(text, *[arguments[number - 1] for number in numbers])
    return {row["n"] - 1 for row in rows}


ALWAYS = frozenset({"step", "ending", "current", "written"})
"""Parts that the statement always contains."""

_WRITTEN_SOURCES = {
    "updated": "SELECT n, id, workspace FROM updated UNION ALL ",
    "deleted": " UNION ALL SELECT n, id, workspace FROM deleted",
}

_NO_PENDING_EVENT = "      AND NOT EXISTS (SELECT FROM inbox i WHERE i.run = s.run)\n"
"""Condition of steps that count a decision: events that are seen in the inbox are processed before it."""


_RUN = ("s.run", "g.run", "written.id", "d.id", "finished_jobs.run")
_KEYS = {**dict.fromkeys(_RUN, "($1)[1]"), "e.job": "ANY ($17) AND j.id = e.job", "w.job": "ANY ($58) AND j.id = w.job"}
"""Columns of the rows of one step, and the parameters that replace them."""

_KEYS_ALONE = {**dict.fromkeys(_RUN, "$1"), "e.job": "$17", "w.job": "$58"}

_ENDING_ROWS = "ran_s, due_in_s, openings)"
"""End of the column list of endings: a plain step may have none."""


@cache
def statement(parts: frozenset[str], single: bool = False, *, alone: bool = False) -> tuple[str, tuple[int, ...]]:
    """Return the statement of these parts, and the numbers of the full statement's parameters that it takes, in order.

    `single`: for one step. `alone`: for one plain step, whose parameters are not arrays.
    """
    every, end = statements.split_parts("steps", "write_steps")
    needed = parts | ALWAYS
    text = "".join(part for name, part in every.items() if name in needed)
    for name, source in _WRITTEN_SOURCES.items():
        if name not in needed:
            text = text.replace(source, "")
    if "new_decisions" not in needed:
        text = text.replace(_NO_PENDING_EVENT, "")
    if single:
        text = statements.compare_with_parameters(text, _KEYS_ALONE if alone else _KEYS)
    text, numbers = statements.renumber(text)
    if alone:
        text = statements.use_scalar_parameters(text)
        for name in ("step", "ending", "written"):
            text = text.replace(f"{name} AS MATERIALIZED", f"{name} AS NOT MATERIALIZED")
        text = text.replace(_ENDING_ROWS, f"{_ENDING_ROWS} WHERE n > 0")
    return text + end, numbers


def parts_with_rows(steps: Sequence[StepWrite]) -> frozenset[str]:
    """Return the parts that have rows to process for these steps."""
    parts: set[str] = set()
    for step in steps:
        if step.end is None:
            parts.add("updated")
        else:
            parts |= _END_PARTS
            if step.end.reports:
                parts.add("caller_events")
            elif step.end.status == "failed":
                parts.add("failed_runs")
        if step.inbox_seq is not None:
            parts.add("processed_events")
        for ending in step.endings:
            if ending.fate == "scheduled":
                parts |= {"retries", "retry_timers"}
                continue
            parts.add("finished_jobs")
            if ending.job != step.run:
                parts.add("job_history")
            if ending.worker is None:
                parts.add("dropped_timers")
        parts |= inserting_parts(step)
    return frozenset(parts)


def inserting_parts(step: StepWrite) -> frozenset[str]:
    """Return the parts that insert rows belonging to the run."""
    parts = {name for name, rows in zip(_ROW_PARTS, _rows(step)[1:], strict=True) if rows}
    if any(decision.closes for decision in step.decisions):
        parts |= _CLOSING_PARTS
    if "new_values" in parts:
        parts -= {"new_values"}
        parts |= {"exports" if value.kind == "context" else "new_values" for value in step.values}
    return frozenset(parts)


_END_PARTS = frozenset({"deleted", "run_timers", "ended_runs", "processed_events"})
_ROW_PARTS = ("finished_nodes", "new_jobs", "due_jobs", "new_values", "events", "new_decisions", "audit_rows")
_CLOSING_PARTS = frozenset({"closed_approvals", "closed_notices", "closed_deadlines"})


_ROW_TYPES = (JobCompletion, NodeCompletion, NewJob, RetryWake, NewValue, NewEvent, CountedDecision, NewAudit)
"""Row types of a step in the order of the statement's parameters; their fields are in the order of its columns."""

_NO_END = RunEnd("cancelled")
_NO_ENDING = JobCompletion(UUID(int=0), 0, None, None, "cancelled")


def _rows(step: StepWrite) -> tuple[Sequence[msgspec.Struct], ...]:
    return (step.endings, step.nodes, step.jobs, step.wakes, step.values, step.events, step.decisions, step.audit)


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
        max(
            (ending.ran_s for ending in step.endings if ending.ran_s is not None),
            default=0.0 if step.opens_approval else None,
        ),
        own.mem_peak_kb,
        own.log_chars,
    )


def arguments_of_one(step: StepWrite) -> list[Any]:
    """Return the parameters of one plain step, none of which is an array."""
    arguments = [*_head(step)]
    for row_type, rows in zip(_ROW_TYPES, _rows(step), strict=True):
        if rows:
            arguments += (1, *astuple(rows[0]))
        else:
            arguments += [None] * (len(row_type.__struct_fields__) + 1)
    return arguments


def arguments_of(steps: Sequence[StepWrite]) -> list[list[Any]]:
    """Return the parameters of many steps, one array per column; the first column of a row type is the step number."""
    arguments = [list(column) for column in zip(*map(_head, steps), strict=True)]
    for row_type, of_steps in zip(_ROW_TYPES, zip(*map(_rows, steps), strict=True), strict=True):
        numbered = [(n, *astuple(row)) for n, rows in enumerate(of_steps, 1) for row in rows]
        if numbered:
            arguments += map(list, zip(*numbered, strict=True))
        else:
            arguments += [[] for _ in range(len(row_type.__struct_fields__) + 1)]
    return arguments
