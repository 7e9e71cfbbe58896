"""A run lends its permit to its nodes and sub-workflows, which therefore do not wait for it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, job

from orvanta_platform.orchestrator import timers
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow

KEYED: dict[str, Any] = {"concurrent_limit": 1, "concurrency_key": "k"}


def call(id: str, path: str, *needs: str) -> dict[str, Any]:
    return {"id": id, "value": {"type": "flow", "path": path, "input_transforms": {}}, "needs": [*needs]}


def limited(id: str) -> dict[str, Any]:
    made = job(id)
    return {**made, "value": {**made["value"], "concurrent_limit": 1, "custom_concurrency_key": "k"}}


async def deploy(core: CoreHarness, path: str, *modules: dict[str, Any], **value: Any) -> None:
    body = msgspec.Raw(json.dumps({"modules": list(modules), **value}).encode())
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow(path, body, None, {"summary": msgspec.Raw(b'""')}))


async def in_line(core: CoreHarness) -> list[UUID]:
    return [row["run"] for row in await core.rows("SELECT run FROM gate_wait ORDER BY priority DESC, seq")]


async def held(core: CoreHarness) -> list[tuple[bool, bool]]:
    """Return for each permit, in order: true if the run as a whole holds it, and true if it is lent."""
    rows = await core.rows("SELECT job = run AS whole, lender IS NOT NULL AS lent FROM permit ORDER BY at, lent")
    return [(row["whole"], row["lent"]) for row in rows]


@pytest.fixture
async def worker(core: CoreHarness) -> Worker:
    return await core.worker()


async def test_sub_workflow_of_same_key_borrows_permit_at_any_depth(core: CoreHarness, worker: Worker) -> None:
    await deploy(core, "f/sub/inner", limited("x"), **KEYED)
    await deploy(core, "f/sub/middle", call("m", "f/sub/inner"))
    run = await core.start(call("c", "f/sub/middle"), **KEYED)
    other = await core.start(job("a"), **KEYED)
    (x,) = await worker.claim()
    assert x.node == "x" and await in_line(core) == [other]
    assert await held(core) == [(True, False), (True, True), (False, True)], "the inner run lends on what it was lent"
    await core.is_whole()
    await worker.finish(x, 5)
    assert await core.result(run) == 5
    assert [each.run.id for each in await worker.claim()] == [other]
    await core.is_whole()


async def test_permit_is_lent_to_one_at_a_time(core: CoreHarness, worker: Worker) -> None:
    await deploy(core, "f/sub/inner", job("x"), **KEYED)
    run = await core.start(call("c", "f/sub/inner"), call("d", "f/sub/inner"), limited("e"), **KEYED)
    done = 0
    while claimed := await worker.claim():
        (one,) = claimed
        assert len(await in_line(core)) == 2 - done
        await core.is_whole()
        await worker.finish(one, done)
        done += 1
    assert done == 3 and (await core.ended(run))["status"] == "succeeded"
    await core.is_whole()


async def test_free_permit_is_preferred_to_loan(core: CoreHarness, worker: Worker) -> None:
    await deploy(core, "f/sub/inner", job("x"), concurrent_limit=2, concurrency_key="k")
    await core.start(call("c", "f/sub/inner"), call("d", "f/sub/inner"), concurrent_limit=2, concurrency_key="k")
    assert len(await worker.claim()) == 2, "one by the place that is left, one by what was lent"
    assert sorted(await held(core)) == [(True, False), (True, False), (True, True)]
    await core.is_whole()


async def test_node_borrows_permit_of_its_workflow(core: CoreHarness, worker: Worker) -> None:
    retry = {"constant": {"attempts": 1, "seconds": 0}}
    run = await core.start({**limited("a"), "retry": retry}, **KEYED)
    await worker.finish((await worker.claim())[0], error="Oops")
    await core.run("UPDATE timer SET due_at = app_now()")
    await timers.fire(core.platform.tools)
    (again,) = await worker.claim()
    assert again.attempt == 2 and await held(core) == [(True, False), (False, True)]
    await worker.finish(again, 3)
    assert await core.result(run) == 3
    await core.is_whole()


async def test_loan_returns_when_borrower_is_cancelled(core: CoreHarness, worker: Worker) -> None:
    await deploy(core, "f/sub/inner", job("x"), **KEYED)
    run = await core.start(call("c", "f/sub/inner"), call("d", "f/sub/inner"), **KEYED)
    (x,) = await worker.claim()
    await core.cancel(x.run.id, force=True)
    (y,) = await worker.claim()
    assert (await core.ended(x.run.id))["status"] == "cancelled" and y.run.id != x.run.id
    await core.cancel(run, force=True)
    assert await held(core) == []
    await core.is_whole()
