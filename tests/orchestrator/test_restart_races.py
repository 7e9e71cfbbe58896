"""Restarts during which the process or its connection dies: the result is exactly one restarted run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, core_harness, job

from orvanta_platform.orchestrator import timers
from orvanta_platform.services.runs import restart as restarting
from orvanta_platform.services.runs.restart import RestartRequest
from orvanta_platform.services.runs.start import RunOptions


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    async with core_harness(database, tmp_path) as made:
        yield made
        await made.is_whole()


def nested() -> list[dict[str, Any]]:
    """Return a loop of two nodes over two items."""
    iterator = {"type": "static", "value": [1, 2]}
    value = {"type": "forloopflow", "iterator": iterator, "modules": [job("x"), job("y", "x")], "skip_failures": False}
    return [{"id": "l", "value": value}]


def plain() -> list[dict[str, Any]]:
    return [job("a"), job("b", "a")]


async def ended(core: CoreHarness, modules: list[dict[str, Any]]) -> UUID:
    """Complete a run of these nodes, each of which returns its own id."""
    run = await core.start(*modules)
    await work(core)
    return run


async def work(core: CoreHarness, mark: str = "") -> str:
    worker = await core.worker()
    ran = []
    while jobs := await worker.claim():
        for each in jobs:
            await worker.finish(each, f"{each.node}{mark}")
            ran.append(each.node or "")
    return " ".join(ran)


def restart(core: CoreHarness, run: UUID, *steps: tuple[str, int | None]) -> asyncio.Task[UUID]:
    made = restarting.restart(core.platform, ACTOR, WORKSPACE, run, RestartRequest(steps), RunOptions())
    return asyncio.create_task(made)


CASES = {
    "plain": (plain(), (("b", None),), "b", "b again"),
    "nested": (nested(), (("l", 1), ("y", None)), "y", ["y", "y again"]),
}


@pytest.mark.parametrize("case", CASES)
async def test_connection_lost_during_start(core: CoreHarness, case: str) -> None:
    """The start was not committed; the retry creates the run once."""
    modules, steps, ran, result = CASES[case]
    first = await ended(core, modules)
    async with core.third_session() as third:
        async with third.holding("LOCK TABLE event IN SHARE MODE"):
            making = restart(core, first, *steps)
            (pid,) = await third.until_waiting()
            assert not await core.rows("SELECT FROM run_live")
            await third.terminate(pid)
        second = await making
    assert [row["id"] for row in await core.rows("SELECT id FROM run_live")] == [second]
    assert await work(core, " again") == ran
    assert await core.result(second) == result


async def test_process_lost_before_first_step(core: CoreHarness) -> None:
    """The run exists without its loop's bodies; the next process uses the reused results from the run's row."""
    modules, steps, ran, result = CASES["nested"]
    first = await ended(core, modules)
    async with core.third_session() as third:
        async with third.holding("LOCK TABLE counter IN SHARE MODE"):
            making = restart(core, first, *steps)
            await third.until_waiting()
            making.cancel()
            with suppress(asyncio.CancelledError):
                await making
        (row,) = await core.rows("SELECT id FROM run_live")
    assert await work(core) == ""
    await core.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
    assert await timers.sweep(core.platform.tools) == 1
    assert await work(core, " again") == ran
    assert await core.result(row["id"]) == result


async def test_concurrent_restarts_are_two_runs(core: CoreHarness) -> None:
    """The restarts are independent: they only read the results of the old run and neither lock nor change it."""
    modules, steps, _, result = CASES["nested"]
    first = await ended(core, modules)
    before = await core.rows("SELECT r::text FROM run r UNION ALL SELECT j::text FROM job j ORDER BY 1")
    made = await asyncio.gather(*(restart(core, first, *steps) for _ in range(2)))
    await work(core, " again")
    assert len(set(made)) == 2 and [await core.result(each) for each in made] == [result, result]
    after = await core.rows("SELECT r::text FROM run r UNION ALL SELECT j::text FROM job j ORDER BY 1")
    assert {row[0] for row in before} <= {row[0] for row in after}
