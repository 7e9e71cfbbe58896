"""Leases: a worker frozen past its lease writes nothing, a live one is not reaped, an ended one is reaped at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from tests import processes
from tests.chaos.cells import LOUD, ApiHarness, in_user_code, on_the_way, past_a_lease
from tests.chaos.conftest import open_stage
from tests.chaos.database import ended
from tests.chaos.runs import Verdict
from tests.chaos.stage import A_TENTH, Stage

IN_FLIGHT = 20
pytestmark = [pytest.mark.extended, pytest.mark.asyncio(loop_scope="module")]

HELD = "SELECT count(*) FROM job_live WHERE worker = $1"
AGAIN = """
SELECT EXISTS (SELECT FROM job_live WHERE state = 'running' AND losses > 0)
    OR EXISTS (SELECT FROM job WHERE attempt > 1 AND losses > 0)
"""
GENERATIONS = "SELECT id, generation, state FROM worker WHERE id = ANY($1::uuid[])"
LIVING = "SELECT id FROM worker WHERE state = 'live'"
ENDED = "SELECT EXISTS (SELECT FROM run WHERE id = $1)"
HOW = """
SELECT r.status, r.error_name, (SELECT max(j.attempt) FROM job j WHERE j.run = r.id) AS attempts
FROM run r WHERE r.id = $1
"""
GIVEN_BACK = "SELECT state = 'stopped' AND generation = 2 FROM worker WHERE id = $1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    # A lease that a worker on a busy machine does not lose.
    times = {**A_TENTH, "ORVANTA_BEAT_MS": "500", "ORVANTA_LOST_BEAT_MS": "2500", "ORVANTA_LEASE_MS": "3000"}
    async with open_stage(slots=12, times=times) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def scene(stage: Stage) -> ApiHarness:
    await stage.make_ready()
    return ApiHarness(stage, IN_FLIGHT)


async def end(scene: ApiHarness) -> Verdict:
    verdict = await scene.end()
    assert (verdict.wrong, verdict.doubles, verdict.lost) == ([], [], [])
    return verdict


def open_handles(pids: list[int]) -> list[int]:
    """Return a pidfd for each process that still exists."""
    found = []
    for pid in pids:
        with suppress(ProcessLookupError):
            found.append(os.pidfd_open(pid))
    return found


async def test_worker_frozen_past_lease_writes_nothing_and_kills_its_jobs(scene: ApiHarness) -> None:
    stage = scene.stage
    part = await in_user_code(scene, "running")
    worker = await stage.worker_of(part)
    await scene.strike()
    with part.stopped():
        assert part.child is not None
        handles = open_handles(processes.descendants(part.child))
        assert len(handles) > 2  # the worker's process, its zygote, and cells
        assert await stage.database.value(HELD, worker) > 0
        stage.gate.disarm()
        await scene.until_reaped(worker)
    for handle in handles:
        await ended(handle)
    assert (await end(scene)).again > 0


async def test_reaped_worker_cannot_record_requeued_job(scene: ApiHarness) -> None:
    """The worker's heartbeats and syncs are blocked. Each recorded result is from the attempt that history names."""
    stage, gate = scene.stage, scene.stage.gate
    gate.arm("looking")
    part = await on_the_way(scene, "result read")
    worker = await stage.worker_of(part)
    gate.arm("beating", part.owns)
    await scene.strike()
    await scene.until_reaped(worker)
    # All slots of the other worker may hold jobs that wait at the gate, including those that follow released ones: it
    # must be free to run the requeued jobs.
    gate.arm("result read", part.owns)
    for arrival in list(gate.seen):
        if arrival.point == "result read" and not part.owns(arrival):
            arrival.let()
    await stage.database.until(AGAIN)
    gate.count("finished")
    stale = [arrival for arrival in gate.seen if arrival.point == "result read" and part.owns(arrival)]
    for arrival in stale:
        arrival.let()
    await gate.arrivals("finished", len(stale), part.owns)
    assert (await end(scene)).again >= len(stale) > 0


@pytest.mark.parametrize("how", [pytest.param("killed and held down", marks=pytest.mark.soak), "stopped"])
async def test_database_outage_longer_than_lease_reaps_no_worker(scene: ApiHarness, how: str) -> None:
    stage, database = scene.stage, scene.stage.database
    await on_the_way(scene, "result read")
    await scene.strike()
    living = [row["id"] for row in await database.rows(LIVING)]
    with database.held_down() if how != "stopped" else database.stopped():
        stage.gate.count("connecting")  # before each attempt to send a heartbeat, at most one in this time
        for worker in stage.workers:
            attempts = 2 * stage.settings.lease_ms // stage.settings.beat_ms
            await stage.gate.arrivals("connecting", 2 + attempts, worker.owns)
    stage.gate.disarm("connecting")
    await past_a_lease(stage)
    states = {(row["generation"], row["state"]) for row in await database.rows(GENERATIONS, living)}
    assert states == {(1, "live")}
    assert (await end(scene)).again == 0


async def test_server_frozen_past_lease_reaps_no_worker(scene: ApiHarness) -> None:
    stage, database = scene.stage, scene.stage.database
    await on_the_way(scene, "result read")
    await scene.strike()
    living = [row["id"] for row in await database.rows(LIVING)]
    with stage.server.stopped():
        await past_a_lease(stage)
    await past_a_lease(stage)
    states = {(row["generation"], row["state"]) for row in await database.rows(GENERATIONS, living)}
    assert states == {(1, "live")}
    assert (await end(scene)).again == 0


async def test_supervisor_requeues_jobs_of_ended_process_immediately(scene: ApiHarness) -> None:
    """No other process can requeue them: all observers wait at the gate."""
    stage = scene.stage
    part = await on_the_way(scene, "result read")
    worker = await stage.worker_of(part)
    await scene.strike()
    stage.gate.arm("fencing")
    stage.gate.arm("giving back")
    await asyncio.to_thread(part.kill_child)
    (await stage.gate.arrival("giving back", part.owns)).let()
    await stage.database.until(GIVEN_BACK, worker)
    assert await stage.database.value(HELD, worker) == 0
    assert (await end(scene)).again > 0


async def test_sync_during_finish_keeps_handed_off_job(scene: ApiHarness) -> None:
    """The finished job is no longer in the database while its slot still holds it: that is not a lost claim."""
    stage = scene.stage
    part = await on_the_way(scene, "committed")
    await scene.strike()
    stage.gate.count("looked")
    await stage.gate.arrivals("looked", 2, part.owns)
    assert (await end(scene)).again == 0


async def test_job_killing_its_workers_fails_after_max_losses(stage: Stage) -> None:
    """Each worker that starts the job's code is killed: the platform stops retrying the job and fails its run (S25)."""
    await stage.make_ready()
    stage.gate.arm("running")
    killed: set[int] = set()
    async with stage.client() as client:
        run = await stage.accept(client, 0, LOUD)
    while True:
        ends = asyncio.create_task(stage.database.until(ENDED, run))
        comes = asyncio.create_task(stage.gate.arrival("running", lambda arrival: arrival.pid not in killed))
        done, rest = await asyncio.wait((ends, comes), return_when=asyncio.FIRST_COMPLETED)
        for each in rest:
            each.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        if ends in done:
            break
        arrival = comes.result()
        killed.add(arrival.pid)
        await asyncio.to_thread(stage.part_of(arrival).kill)
        stage.start_dead()
    stage.gate.disarm()
    (row,) = await stage.database.rows(HOW, run)
    losses = stage.settings.max_losses
    assert (row["status"], row["error_name"]) == ("failed", "worker_lost")
    assert row["attempts"] == losses + 1 and losses <= len(killed) <= 2 * (losses + 1)
    await stage.make_ready()
