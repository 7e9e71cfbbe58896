"""Random nests of loops and branches, restarted at random nested places and retried: the outcome stays the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, core_harness
from tests.property.test_random_nests import Nest, deploy, whole

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.plan import Kind, Plan
from orvanta_platform.errors import OrvantaError
from orvanta_platform.services.runs import restart as restarting
from orvanta_platform.services.runs.restart import RestartRequest
from orvanta_platform.services.runs.start import RunOptions

NESTS = 18
RESTARTS = 3
"""Consecutive restarts of each nest, each of any earlier run."""


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    async with core_harness(database, tmp_path) as made:
        yield made


@pytest.mark.extended
async def test_random_restarts_match_original_run(core: CoreHarness) -> None:
    worker, had = await core.worker(), Counter[str]()
    for seed in range(1_000, 1_000 + NESTS):
        nest, rng = Nest(seed), Random(seed)
        for called, modules in nest.deployed:
            await deploy(core, called, modules)
        plan = compile_plan({"modules": nest.modules})
        runs = [await core.start(*nest.modules)]
        await drive(worker)
        await check(core, runs[0], nest)
        for _ in range(RESTARTS):
            steps = None if not nest.succeeds and rng.random() < 0.5 else path(rng, plan)
            try:
                made = await restarting.restart(
                    core.platform, ACTOR, WORKSPACE, rng.choice(runs), RestartRequest(steps), RunOptions()
                )
            except OrvantaError as error:
                had[error.code] += 1
                continue
            had["retry" if steps is None else "inside" if len(steps) > 1 else "at the top"] += 1
            ran = await drive(worker)
            await check(core, made, nest)
            had["kept a job"] += ran < await jobs_of(core, runs[0])
            runs.append(made)
    assert all(had[what] > 3 for what in ("retry", "at the top", "inside", "kept a job")), had
    assert not await core.rows("SELECT FROM frame UNION ALL SELECT FROM counter UNION ALL SELECT FROM run_live")
    await core.is_whole()


def path(rng: Random, plan: Plan) -> list[tuple[str, int | None]]:
    """Return a random path in a document, on any level."""
    node = rng.choice(plan.nodes)
    if not node.bodies or rng.random() < 0.1:
        return [(node.id, None)]
    number = rng.randrange(3 if node.kind.is_loop else len(node.bodies))
    if node.kind is not Kind.BRANCHONE and rng.random() < 0.3:
        return [(node.id, number)]
    return [(node.id, number), *path(rng, node.bodies[0 if node.kind.is_loop else number].plan)]


async def drive(worker: Worker) -> int:
    """Complete all jobs, with a failure if the id ends with `_fails`. Return their number."""
    count = 0
    while jobs := await worker.claim():
        for job in jobs:
            fails = (job.node or "").endswith("_fails")
            await worker.finish(job, None if fails else job.node, error="Error" if fails else None)
            count += 1
    return count


async def check(core: CoreHarness, run: UUID, nest: Nest) -> None:
    ended = await core.ended(run)
    assert ended["status"] == ("succeeded" if nest.succeeds else "failed"), nest.modules
    result: Any = await core.result(run)
    assert result == whole(nest.result), nest.modules


async def jobs_of(core: CoreHarness, run: UUID) -> int:
    rows = await core.rows("SELECT FROM job WHERE run = $1 AND attempt > 0", run)
    return len(rows)
