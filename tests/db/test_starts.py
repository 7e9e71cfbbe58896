"""The statement that starts a run: each combination of its parts is valid in the schema."""

from __future__ import annotations

import itertools

import asyncpg
import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db.starts import statement

OWN = ("new_documents", "new_pin_sets")
OF_STEP = ("finished_nodes", "new_jobs", "new_values", "events")


def subsets(names: tuple[str, ...]) -> list[frozenset[str]]:
    return [frozenset(some) for n in range(len(names) + 1) for some in itertools.combinations(names, n)]


@pytest.mark.every_postgres
async def test_every_shape_fits_the_schema(database: TestDatabase) -> None:
    app = await asyncpg.connect(database.app_url)
    try:
        for own, of_step, alone in itertools.product(subsets(OWN), subsets(OF_STEP), (False, True)):
            text, numbers = statement(own, of_step, alone=alone)
            try:
                prepared = await app.prepare(text)
            except asyncpg.PostgresError as error:
                raise AssertionError(f"{sorted(own)}, {sorted(of_step)}, {alone=}: {error}") from error
            assert len(prepared.get_parameters()) == len(numbers)
    finally:
        await app.close()
