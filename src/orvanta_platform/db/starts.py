"""The start of a run in one statement: its row, its first step, its audit row."""

from __future__ import annotations

from functools import cache

from msgspec.structs import astuple, replace

from orvanta_platform.db import statements
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import NewRun
from orvanta_platform.db.steps import StepWrite, arguments_of, arguments_of_one, inserting_parts

_OWN_PARAMETERS = 37


async def start_run(
    connection: Connection,
    run: NewRun,
    step: StepWrite,
    audit: NewAudit,
    document: tuple[bytes, bytes] | None,
    pins: tuple[bytes, str] | None,
) -> None:
    """Insert a run that does not end with its first step (one without endings). `document` and `pins`: hash and text.

    Raises asyncpg.UniqueViolationError if the id is taken by a live run.
    """
    own = {"new_document"} if document else set()
    own |= {"new_pin_set"} if pins else set()
    text, numbers = statement(frozenset(own), inserting_parts(step), alone=step.is_plain)
    after = replace(run, state=step.state)
    arguments = [*astuple(after), step.rev + 1, step.status, *astuple(audit)]
    arguments += [*(document or (None, None)), *(pins or (None, None))]
    arguments += arguments_of_one(step) if step.is_plain else arguments_of([step])
    await connection.fetch(text, *(arguments[number - 1] for number in numbers))


@cache
def statement(own: frozenset[str], of_step: frozenset[str], *, alone: bool) -> tuple[str, tuple[int, ...]]:
    """Return the statement of these parts, and its parameter numbers: its own 37, then those of write_steps."""
    every, end = statements.split_parts("starts", "start_run")
    text = "".join(part for name, part in every.items() if name in own or name in ("written", "audit_row"))
    steps, _ = statements.split_parts("steps", "write_steps")
    row_text = "".join(part for name, part in steps.items() if name in of_step)
    text += statements.shift_parameters(
        statements.use_scalar_parameters(row_text) if alone else row_text, _OWN_PARAMETERS
    )
    text, numbers = statements.renumber(text)
    return text + end, numbers
