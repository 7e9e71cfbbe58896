"""Random nests of loops, branches and sub-workflows on a real database, with lost workers, against an oracle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, core_harness

from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow

SEEDS = 60
AT_ONCE = 20
MAX_DEPTH = 3
ERROR = {"error": {"name": "Error", "message": "Error happened"}}

Outcome = tuple[bool, Any]
"""(True, result) for success, (False, error) for failure."""


class Nest:
    """A random document and its expected outcome."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._seed, self._count = seed, 0
        self.deployed: list[tuple[str, list[dict[str, Any]]]] = []
        """Workflows called by its nodes, with their paths: called ones before their callers."""
        self.modules, (self.succeeds, self.result) = self._list(0)

    def _id(self) -> str:
        self._count += 1
        return f"n{self._count}"

    def _list(self, depth: int) -> tuple[list[dict[str, Any]], Outcome]:
        """Return a sequence of nodes; the first failure ends it."""
        made = [self._node(depth) for _ in range(self._rng.randint(1, 2 if depth else 3))]
        outcomes = [outcome for _, outcome in made]
        end = next((outcome for outcome in outcomes if not outcome[0]), outcomes[-1])
        return [module for module, _ in made], end

    def _node(self, depth: int) -> tuple[dict[str, Any], Outcome]:
        if depth >= MAX_DEPTH or self._rng.random() < 0.4:
            return self._leaf()
        return self._rng.choice((self._loop, self._branchone, self._branchall, self._call))(depth)

    def _leaf(self) -> tuple[dict[str, Any], Outcome]:
        """Return a job; the id of one that is to fail ends with `_fails`."""
        fails = self._rng.random() < 0.15
        id = self._id() + ("_fails" if fails else "")
        value = {"type": "rawscript", "language": "python3", "content": "", "input_transforms": {}}
        return {"id": id, "value": value}, (False, ERROR) if fails else (True, id)

    def _loop(self, depth: int) -> tuple[dict[str, Any], Outcome]:
        """Return a loop whose iterations all have the same outcome.

        A parallel loop that fails skips failures, since the iteration that fails first would be random.
        """
        body, (well, result) = self._list(depth + 1)
        count = self._rng.randint(0, 3)
        parallel = self._rng.random() < 0.5
        skips = self._rng.random() < 0.5 or (parallel and not well)
        value = {
            "type": "forloopflow",
            "iterator": {"type": "static", "value": list(range(count))},
            "skip_failures": skips,
            "parallel": parallel,
            "modules": body,
        }
        module = {"id": self._id(), "value": value}
        if well or skips or not count:
            return module, (True, [result if well else None] * count)
        return module, (False, _Array([result]))

    def _branchone(self, depth: int) -> tuple[dict[str, Any], Outcome]:
        lists = [self._list(depth + 1) for _ in range(self._rng.randint(1, 3))]
        chosen = self._rng.randrange(len(lists))
        branches = [
            {"expr": "true" if place == chosen else "false", "modules": modules}
            for place, (modules, _) in enumerate(lists[:-1])
        ]
        value = {"type": "branchone", "branches": branches, "default": lists[-1][0]}
        well, result = lists[chosen][1]
        return {"id": self._id(), "value": value}, (well, result if well else ERROR)

    def _branchall(self, depth: int) -> tuple[dict[str, Any], Outcome]:
        lists = [self._list(depth + 1) for _ in range(self._rng.randint(1, 3))]
        skips = [self._rng.random() < 0.5 for _ in lists]
        failing = next((i for i, (_, (well, _)) in enumerate(lists) if not well and not skips[i]), None)
        parallel = failing is None and self._rng.random() < 0.5
        branches = [{"modules": modules, "skip_failure": skip} for (modules, _), skip in zip(lists, skips, strict=True)]
        value = {"type": "branchall", "branches": branches, "parallel": parallel}
        results = [_error_of(result) if not well else result for _, (well, result) in lists]
        module = {"id": self._id(), "value": value}
        if failing is None:
            return module, (True, results)
        return module, (False, _Array([*results[: failing + 1], *[None] * (len(lists) - failing - 1)]))

    def _call(self, depth: int) -> tuple[dict[str, Any], Outcome]:
        """Return a call of another workflow; it has the outcome of its nodes."""
        body, (well, result) = self._list(depth + 1)
        path = f"f/nest/s{self._seed}_{len(self.deployed)}"
        self.deployed.append((path, body))
        value = {"type": "flow", "path": path, "input_transforms": {}}
        return {"id": self._id(), "value": value}, (well, result)


class _Array(list[Any]):
    """Array result of a failed node; the enclosing node uses its error instead."""


def _error_of(result: Any) -> Any:
    return ERROR if isinstance(result, _Array) else result


def whole(result: Any) -> Any:
    """Return a result as shown for the run, in which nested arrays of failed nodes are replaced by their errors."""
    if isinstance(result, list):
        return [ERROR if isinstance(each, _Array) else whole(each) for each in result]
    return result


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    async with core_harness(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
async def test_random_nests_match_oracle(core: CoreHarness, first: int) -> None:
    rng = Random(first)
    nests: dict[UUID, Nest] = {}
    for seed in range(first, first + AT_ONCE):
        nest = Nest(seed)
        for path, modules in nest.deployed:
            await deploy(core, path, modules)
        nests[await core.start(*nest.modules)] = nest
    workers = [await core.worker() for _ in range(3)]
    for _ in range(20_000):
        if not await core.rows("SELECT FROM run_live LIMIT 1"):
            break
        await move(core, rng, workers)
    else:
        raise AssertionError("runs do not end")
    for run, nest in nests.items():
        ended = await core.ended(run)
        assert ended["status"] == ("succeeded" if nest.succeeds else "failed"), nest.modules
        assert await core.result(run) == whole(nest.result), nest.modules
    assert not await core.rows("SELECT FROM frame UNION ALL SELECT FROM counter")
    await core.is_whole()


async def deploy(core: CoreHarness, path: str, modules: list[dict[str, Any]]) -> None:
    value = msgspec.Raw(msgspec.json.encode({"modules": modules}))
    new = NewFlow(path, value, None, {"summary": msgspec.Raw(b'""')})
    await flows.create(core.platform, ACTOR, WORKSPACE, new)


async def move(core: CoreHarness, rng: Random, workers: list[Worker]) -> None:
    """Make one move: a claim, a completion, the loss of a worker, or a sweep."""
    worker = rng.choice(workers)
    chance = rng.random()
    if worker.held and chance < 0.6:
        job: ClaimedJob = worker.held.pop(rng.choice(list(worker.held)))
        fails = (job.node or "").endswith("_fails")
        done = await worker.finish(job, None if fails else job.node, error="Error" if fails else None)
        assert done.recorded
    elif worker.held and chance < 0.63:
        workers.remove(worker)
        await worker.vanish()
        await worker.reap(max_losses=1_000)
        workers.append(await core.worker())
    elif chance < 0.66:
        await core.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
        await timers.sweep(core.platform.tools)
    else:
        await worker.claim(rng.randint(1, 6))
