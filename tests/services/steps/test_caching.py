"""Workflows whose results are used again, on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from tests.services.steps.ground import ACTOR, WORKSPACE, Ground, Worker, job

from orvanta_platform.control.masking import MASK
from orvanta_platform.services import runs
from orvanta_platform.services.runs import RunOptions


async def once(scene: Ground, worker: Worker, args: Any, result: Any = None, **value: Any) -> tuple[UUID, bool]:
    """A run of a workflow of one step, and whether the step ran."""
    value = {"cache_ttl": 60, **value}
    run = await scene.start(job("a"), args=args, **value)
    jobs = await worker.claim()
    for each in jobs:
        await worker.finish(each, result)
    return run, bool(jobs)


async def test_the_same_input_gives_the_stored_result(scene: Ground) -> None:
    worker = await scene.worker()
    first, _ = await once(scene, worker, {"x": 1, "y": 2}, {"n": 1})
    second, ran = await once(scene, worker, {"y": 2, "x": 1}, {"n": 2})
    assert not ran and await scene.result(second) == {"n": 1}
    (event,) = await scene.rows("SELECT data FROM event WHERE run = $1 AND kind = 'cached'", second)
    assert str(first) in event["data"]
    assert (await once(scene, worker, {"x": 2, "y": 2}))[1]
    assert (await once(scene, worker, {"x": 1, "y": 2}, cache_ttl=61))[1], "another workflow"
    assert (await once(scene, worker, {"x": 1, "y": 2}, cache_ttl=0))[1]
    await scene.is_whole()


async def test_a_result_is_used_for_its_time(scene: Ground) -> None:
    worker = await scene.worker()
    await once(scene, worker, {}, 1)
    assert not (await once(scene, worker, {}))[1]
    await scene.run("UPDATE cache SET at = at - interval '61 seconds'")
    assert (await once(scene, worker, {}, 2))[1]
    assert not (await once(scene, worker, {}))[1]


async def test_failures_and_masked_results_are_not_used_again(scene: Ground) -> None:
    worker = await scene.worker()
    await scene.start(job("a"), args={}, cache_ttl=60)
    await worker.finish((await worker.claim())[0], error="Oops")
    assert (await once(scene, worker, {}, {"token": MASK}))[1]
    assert (await once(scene, worker, {}, None))[1]
    last, ran = await once(scene, worker, {})
    assert not ran and await scene.result(last) is None


async def test_nobody_gets_what_was_computed_for_another(scene: Ground) -> None:
    worker = await scene.worker()
    await once(scene, worker, {}, 1)
    other = replace(ACTOR, username="bob", email="bob@example.com")
    body = (
        b'{"modules": [{"id": "a", "value": {"type": "rawscript", "language": "python3", "content": "# a",'
        b' "input_transforms": {}}, "needs": []}], "cache_ttl": 60}'
    )
    await runs.start_flow_preview(scene.platform, other, WORKSPACE, body, None, b"{}", RunOptions())
    assert len(await worker.claim()) == 1


async def test_what_is_gone_is_computed_anew(scene: Ground) -> None:
    worker = await scene.worker()
    await once(scene, worker, {}, 1)
    await scene.run("DELETE FROM value WHERE kind = 'result'")
    await scene.run("DELETE FROM run; DELETE FROM job")
    assert (await once(scene, worker, {}, 2))[1]


async def test_a_known_result_needs_no_permit(scene: Ground) -> None:
    worker = await scene.worker()
    limits = {"concurrent_limit": 1, "concurrency_key": "k"}
    await once(scene, worker, {}, 1, **limits)
    await scene.start(job("b"), concurrent_limit=1, concurrency_key="k")
    run, ran = await once(scene, worker, {}, **limits)
    assert await scene.result(run) == 1 and ran, "the other run has the permit"
