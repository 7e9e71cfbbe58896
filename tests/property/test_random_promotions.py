"""Random edits, removals, releases, promotions, rollbacks, holds and policies over three environments against a small
model.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, api_harness
from tests.property.promotion_model import Pipeline

LANES = 4
"""Pipelines that are used at the same time."""

OUTCOMES = {
    *("deleted", "edit refused", "removal", "rollback", "rollback blocked", "rollback restored"),
    *("promotion applied", "promotion conflict", "promotion on_hold", "promotion policy_violation"),
    *("promotion removal_refused", "promotion stale_plan"),
}


async def walk(api: ApiHarness, lane: int, sequences: int, steps: int) -> Counter[str]:
    """Call a pipeline in sequences, each of which begins with the state that the one before left."""
    pipeline = Pipeline(api, lane)
    await pipeline.prepare()
    for sequence in range(sequences):
        chance = random.Random(f"{lane} {sequence}")
        try:
            for _ in range(steps):
                await pipeline.act(chance)
            if sequence % 5 == 0:
                await pipeline.run(chance)
                for place in pipeline.environments:
                    await pipeline.check(place)
        except BaseException as error:
            error.add_note(f"lane {lane}, sequence {sequence}")
            raise
    return pipeline.seen


async def walk_all(database: TestDatabase, home: Path, sequences: int, steps: int) -> Counter[str]:
    async with api_harness(database, home) as api, asyncio.TaskGroup() as group:
        walks = [group.create_task(walk(api, lane, sequences // LANES, steps)) for lane in range(LANES)]
    return sum((each.result() for each in walks), Counter())


@pytest.mark.extended
async def test_random_promotions_match_the_model(database: TestDatabase, tmp_path: Path) -> None:
    assert set(await walk_all(database, tmp_path, 500, 2)) >= OUTCOMES


@pytest.mark.soak(minutes=30)
async def test_random_promotions_match_the_model_at_length(database: TestDatabase, tmp_path: Path) -> None:
    assert set(await walk_all(database, tmp_path, 5_000, 3)) >= OUTCOMES
