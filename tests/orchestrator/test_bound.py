"""Runs with `same_worker`: which worker gets their jobs, and what its loss means."""

from __future__ import annotations

from typing import Any

import msgspec
from tests.orchestrator.ground import ACTOR, WORKSPACE, Ground, Worker, job

from orvanta_platform.services.approvals import decisions
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow


async def two(scene: Ground) -> tuple[Worker, Worker]:
    return await scene.worker(), await scene.worker()


async def owner(scene: Ground, run: Any, *workers: Worker) -> tuple[Worker, Worker]:
    """The worker that the run is bound to, and the other one."""
    queue = (await scene.row("SELECT queue FROM run_live WHERE id = $1", run))["queue"]
    (mine,) = [each for each in workers if queue == f"worker:{each.id}"]
    (other,) = [each for each in workers if each is not mine]
    return mine, other


async def test_one_worker_gets_all_jobs(scene: Ground) -> None:
    run = await scene.start(job("a"), job("b"), job("c", "a", "b"), same_worker=True)
    assert (await scene.row("SELECT queue FROM run_live WHERE id = $1", run))["queue"] is None, "there is no worker yet"
    workers = await two(scene)
    run = await scene.start(job("d"), job("e"), job("f", "d", "e"), same_worker=True)
    mine, other = await owner(scene, run, *workers)
    assert not {"d", "e", "f"} & set(await other.claim_by_node())
    for node in ("d", "e", "f"):
        held = await mine.claim_by_node()
        for each in held.values():
            await mine.finish(each, node)
    assert (await scene.ended(run))["status"] == "succeeded"


async def test_its_queues_are_those_that_the_run_asks_for(scene: Ground) -> None:
    narrow, wide = await scene.worker(["bash"]), await scene.worker(["python3", "gpu"])
    run = await scene.start(job("a"), job("b", "a", tag="gpu"), same_worker=True)
    assert (await owner(scene, run, narrow, wide))[0] is wide


async def test_the_worker_s_loss_fails_the_run(scene: Ground) -> None:
    workers = await two(scene)
    run = await scene.start(job("a"), job("b", "a"), same_worker=True, failure_module=job("failure"))
    mine, other = await owner(scene, run, *workers)
    await mine.claim()
    await mine.vanish()
    await mine.reap()
    ended = await scene.ended(run)
    assert (ended["status"], ended["error_name"]) == ("failed", "worker_lost")
    assert (await scene.result(run))["error"]["name"] == "worker_lost"
    assert not await other.claim()
    await mine.reap()
    await scene.is_whole()


async def test_a_run_that_waits_for_people_goes_on_elsewhere(scene: Ground) -> None:
    workers = await two(scene)
    ask = {"id": "ask", "value": {"type": "approval"}, "needs": ["a"]}
    run = await scene.start(job("a"), ask, job("b", "ask"), same_worker=True)
    mine, other = await owner(scene, run, *workers)
    await mine.finish((await mine.claim())[0], 1)
    await mine.vanish()
    await mine.reap()
    assert (await owner(scene, run, *workers))[0] is other
    await decisions.decide(scene.platform, ACTOR, WORKSPACE, run, approved=True)
    await other.finish((await other.claim())[0], 2)
    assert (await scene.ended(run))["status"] == "succeeded"


async def test_sub_workflows_and_loops_share_it(scene: Ground) -> None:
    body = b'{"modules": [{"id": "x", "value": {"type": "rawscript", "language": "python3", "content": "#"}}]}'
    await flows.create(
        scene.platform, ACTOR, WORKSPACE, NewFlow("f/a/sub", msgspec.Raw(body), None, {"summary": msgspec.Raw(b'""')})
    )
    workers = await two(scene)
    call = {"id": "c", "value": {"type": "flow", "path": "f/a/sub", "input_transforms": {}}}
    items = {"type": "static", "value": [1, 2]}
    loop = {"id": "l", "value": {"type": "forloopflow", "iterator": items, "parallel": True, "modules": [call]}}
    run = await scene.start(loop, same_worker=True)
    mine, other = await owner(scene, run, *workers)
    assert not await other.claim()
    held = await mine.claim()
    assert [each.node for each in held] == ["x", "x"]
    await mine.vanish()
    await mine.reap()
    assert (await scene.ended(run))["error_name"] == "worker_lost"
    assert not await scene.rows("SELECT FROM run_live")
    await scene.is_whole()


async def test_a_loop_that_squashes_has_one_worker_and_goes_on_with_another(scene: Ground) -> None:
    workers = await two(scene)
    value = {"type": "rawscript", "language": "python3", "content": "#", "input_transforms": {}}
    items = {"type": "static", "value": [1, 2, 3]}
    body = {"type": "forloopflow", "iterator": items, "squash": True, "modules": [{"id": "x", "value": value}]}
    run = await scene.start({"id": "l", "value": body})
    mine, other = await owner(scene, run, *workers)
    await mine.finish((await mine.claim())[0], 1)
    assert not await other.claim()
    await mine.claim()
    await mine.vanish()
    await mine.reap()
    assert (await owner(scene, run, *workers))[0] is other
    for result in (2, 3):
        await other.finish((await other.claim())[0], result)
    assert await scene.result(run) == [1, 2, 3]
    await scene.is_whole()
