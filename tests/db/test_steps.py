"""The statement of a step: it contains only parts with rows, and each combination is valid in the schema."""

from __future__ import annotations

import itertools

import asyncpg
import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db.queries import load
from orvanta_platform.db.steps import statement

ENDED = {"deleted", "run_timers", "ended_runs", "processed_events"}
ROOTS = ({"updated"}, ENDED, {*ENDED, "caller_events"}, {*ENDED, "failed_runs"})
FINISHED = (
    {"finished_jobs"},
    {"finished_jobs", "job_history"},
    {"finished_jobs", "job_history", "dropped_timers"},
    set[str](),
)
OTHERS = (
    {"retries", "retry_timers"},
    {"processed_events"},
    {"finished_nodes"},
    {"new_jobs"},
    {"due_jobs", "exports"},
    {"new_values", "events"},
    {"new_decisions", "audit_rows", "closed_approvals", "closed_notices", "closed_deadlines"},
)

SHAPES = sorted(
    {
        frozenset().union(*roots, finished, *others)
        for roots in (ROOTS[:1], ROOTS[1:2], ROOTS[3:], ROOTS)
        for finished in FINISHED
        for count in range(len(OTHERS) + 1)
        for others in itertools.combinations(OTHERS, count)
    },
    key=sorted,
)


@pytest.mark.every_postgres
async def test_every_shape_fits_the_schema(database: TestDatabase) -> None:
    app = await asyncpg.connect(database.app_url)
    try:
        for shape, alone in itertools.product(SHAPES, (False, True)):
            try:
                await app.prepare(statement(shape, alone=alone)[0])
            except asyncpg.PostgresError as error:
                raise AssertionError(f"{sorted(shape)}, {alone=}: {error}") from error
    finally:
        await app.close()


def test_all_parts_form_whole_statement() -> None:
    whole = load("steps")["write_steps"].text
    text, numbers = statement(frozenset().union(*ROOTS, *FINISHED, *OTHERS))
    assert text == whole
    assert numbers == tuple(range(1, len(numbers) + 1))


def test_small_step_has_few_parameters() -> None:
    _, numbers = statement(frozenset({"updated"}))
    assert numbers == tuple(range(1, 28))
