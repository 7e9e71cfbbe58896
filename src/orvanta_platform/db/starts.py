"""The start of runs in one statement: their rows, their first steps, their audit rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import msgspec
from msgspec.structs import astuple, replace

from orvanta_platform.db import statements
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import NewRun
from orvanta_platform.db.steps import StepWrite, arguments_of, arguments_of_one, inserting_parts

_OWN_PARAMETERS = 41


class Lender(msgspec.Struct, frozen=True, order=True):
    """A worker that has lent a slot."""

    worker: UUID
    generation: int
    until_beat: int
    """Number of the last heartbeat of the worker during which a job may be assigned to it."""


class NewStart(msgspec.Struct, frozen=True):
    """A run to insert together with its first step, which does not end it and completes no job."""

    run: NewRun
    step: StepWrite
    audit: NewAudit
    document: tuple[bytes, bytes] | None = None
    """Hash and text of a document that may not be stored yet."""
    pins: tuple[bytes, str] | None = None
    """Hash and text of the pin set."""
    lender: Lender | None = None
    """The worker to which the only job of the step is assigned, if it still lends."""


async def start_runs(connection: Connection, starts: Sequence[NewStart]) -> set[UUID]:
    """Insert these runs and return those whose jobs were assigned to workers. Either all are inserted, or none.

    The job of a start with a lender is inserted as running under it, unless the worker has been fenced or drained, the
    heartbeat that ends the loan is recorded, or its row is locked. Then it is inserted as available, as all others are.
    Raises asyncpg.UniqueViolationError if an id is taken by a live run.
    """
    steps = [_step(start) for start in starts]
    alone = len(starts) == 1 and steps[0].is_plain
    parts = frozenset[str]().union(*map(inserting_parts, steps))
    arguments: list[Any] = []
    for row in zip(*map(_row, starts), strict=True):
        arguments += row if alone else [[*row]]
    own = set()
    for name, stored, width in (
        ("new_documents", {start.document for start in starts}, 2),
        ("new_pin_sets", {start.pins for start in starts}, 2),
        ("lenders", {None if start.lender is None else astuple(start.lender) for start in starts}, 3),
    ):
        # In the order of their keys, so that concurrent statements wait for each other in the same order.
        rows: list[tuple[Any, ...]] = sorted(each for each in stored if each is not None)
        own |= {name} if rows else set()
        columns = zip(*rows, strict=True) if rows else [()] * width
        arguments += rows[0] if alone and rows else map(list, columns)
    arguments += arguments_of_one(steps[0]) if alone else arguments_of(steps)
    text, numbers = statement(frozenset(own), parts, alone=alone)
    found = await connection.fetch(text, *(arguments[number - 1] for number in numbers))
    return {row["run"] for row in found} if "lenders" in own else set()


def _step(start: NewStart) -> StepWrite:
    """Return the step of the start, with the lender and a nonce for its job."""
    if start.lender is None:
        return start.step
    (job,) = start.step.jobs
    lender = start.lender
    job = replace(job, worker=lender.worker, generation=lender.generation, nonce=uuid4())
    return replace(start.step, jobs=[job])


def _row(start: NewStart) -> tuple[Any, ...]:
    """Return the columns of a run after its first step, and those of its audit row."""
    *of_run, scopes, awaited = astuple(replace(start.run, state=start.step.state))
    limits = None if scopes is None else msgspec.json.encode(scopes).decode()
    return (*of_run, limits, awaited, start.step.rev + 1, start.step.status, *astuple(start.audit))


@cache
def statement(own: frozenset[str], of_step: frozenset[str], *, alone: bool) -> tuple[str, tuple[int, ...]]:
    """Return the statement of these parts, and its parameter numbers: its own 41, then those of write_steps.

    `alone`: for one run with a plain step, whose parameters are not arrays.
    """
    every, end = statements.split_parts("starts", "start_runs")
    text = "".join(part for name, part in every.items() if name in own | _ALWAYS)
    steps, _ = statements.split_parts("steps", "write_steps")
    if "lenders" in own:
        steps = {**steps, "new_jobs": _assigning(steps["new_jobs"])}
        end = _ASSIGNED
    of_rows = "".join(part for name, part in steps.items() if name in of_step)
    text += statements.shift_parameters(of_rows, _OWN_PARAMETERS)
    if alone:
        text = statements.use_scalar_parameters(text).replace(" AS MATERIALIZED", " AS NOT MATERIALIZED")
    text, numbers = statements.renumber(text)
    return text + end, numbers


def _assigning(new_jobs: str) -> str:
    """Let the part insert a job with a worker as running only if the worker is one of `lenders`."""
    for own, assigned in _REPLACED:
        assert own in new_jobs
        new_jobs = new_jobs.replace(own, assigned)
    return new_jobs + "    RETURNING run, state\n"


_REPLACED = (
    ("j.worker", "lender.id"),
    ("j.generation", "lender.generation"),
    ("nonce)\n    SELECT", "nonce, assigned_seq)\n    SELECT"),
    ("j.nonce\n", "CASE WHEN lender.id IS NOT NULL THEN j.nonce END,\n           "
     "CASE WHEN lender.id IS NOT NULL THEN nextval('job_seq') END\n"),
    ("    JOIN written ON written.n = j.n\n", "    JOIN written ON written.n = j.n\n"
     "    LEFT JOIN lenders lender ON lender.id = j.worker\n"),
)  # fmt: skip
_ASSIGNED = "\n)\nSELECT run\nFROM new_jobs\nWHERE state = 'running'\n"
_ALWAYS = frozenset({"new_run", "written", "new_runs", "audit_rows"})
