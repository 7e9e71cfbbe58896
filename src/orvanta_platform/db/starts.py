"""The start of runs in one statement: their rows, their first steps, their audit rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from msgspec.structs import astuple, replace

from orvanta_platform.db import statements
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import NewRun
from orvanta_platform.db.steps import StepWrite, arguments_of, arguments_of_one, inserting_parts

_OWN_PARAMETERS = 38


class NewStart(msgspec.Struct, frozen=True):
    """A run to insert together with its first step, which does not end it and completes no job."""

    run: NewRun
    step: StepWrite
    audit: NewAudit
    document: tuple[bytes, bytes] | None = None
    """Hash and text of a document that may not be stored yet."""
    pins: tuple[bytes, str] | None = None
    """Hash and text of the pin set."""


async def start_runs(connection: Connection, starts: Sequence[NewStart]) -> None:
    """Insert these runs. Either all are inserted, or none.

    Raises asyncpg.UniqueViolationError if an id is taken by a live run.
    """
    steps = [start.step for start in starts]
    alone = len(starts) == 1 and steps[0].is_plain
    parts = frozenset[str]().union(*map(inserting_parts, steps))
    arguments: list[Any] = []
    for row in zip(*map(_row, starts), strict=True):
        arguments += row if alone else [[*row]]
    own = set()
    for name, stored in (
        ("new_documents", {start.document for start in starts}),
        ("new_pin_sets", {start.pins for start in starts}),
    ):
        # In the order of their hashes, so that concurrent statements wait for each other in the same order.
        rows = sorted(each for each in stored if each is not None)
        own |= {name} if rows else set()
        columns = zip(*rows, strict=True) if rows else ((), ())
        arguments += rows[0] if alone and rows else map(list, columns)
    arguments += arguments_of_one(steps[0]) if alone else arguments_of(steps)
    text, numbers = statement(frozenset(own), parts, alone=alone)
    await connection.fetch(text, *(arguments[number - 1] for number in numbers))


def _row(start: NewStart) -> tuple[Any, ...]:
    """Return the columns of a run after its first step, and those of its audit row."""
    *of_run, scopes, awaited = astuple(replace(start.run, state=start.step.state))
    limits = None if scopes is None else msgspec.json.encode(scopes).decode()
    return (*of_run, limits, awaited, start.step.rev + 1, start.step.status, *astuple(start.audit))


@cache
def statement(own: frozenset[str], of_step: frozenset[str], *, alone: bool) -> tuple[str, tuple[int, ...]]:
    """Return the statement of these parts, and its parameter numbers: its own 38, then those of write_steps.

    `alone`: for one run with a plain step, whose parameters are not arrays.
    """
    every, end = statements.split_parts("starts", "start_runs")
    text = "".join(part for name, part in every.items() if name in own | _ALWAYS)
    steps, _ = statements.split_parts("steps", "write_steps")
    of_rows = "".join(part for name, part in steps.items() if name in of_step)
    text += statements.shift_parameters(of_rows, _OWN_PARAMETERS)
    if alone:
        text = statements.use_scalar_parameters(text).replace(" AS MATERIALIZED", " AS NOT MATERIALIZED")
    text, numbers = statements.renumber(text)
    return text + end, numbers


_ALWAYS = frozenset({"new_run", "written", "new_runs", "audit_rows"})
