"""Runs under way that move to another version, on PostgreSQL: state, refusals, and jobs that complete meanwhile."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.cases.hand import pass_time, work
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness
from tests.orchestrator.test_dry_runs import code, loop
from tests.orchestrator.test_expressions import account

from orvanta_platform.services.catalog import flows, run_versions, scripts
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.catalog.run_versions import MoveResult, RunOnEarlierVersion
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.runs import pausing
from orvanta_platform.services.runs import start as runs
from orvanta_platform.services.runs.breakpoints import PauseBefore
from orvanta_platform.services.runs.start import RunOptions

PATH = "f/main/order"


def first(id: str = "a", **more: Any) -> dict[str, Any]:
    return code(id, inputs={"n": "flow_input.n"}, **more)


def then(id: str, *needs: str, of: str = "a", **more: Any) -> dict[str, Any]:
    return code(id, *needs, inputs={"n": f"results.{of}"}, **more)


def agreed(*needs: str) -> dict[str, Any]:
    return {"id": "agree", "needs": [*needs], "value": {"type": "approval"}}


async def deploy(core: CoreHarness, *modules: dict[str, Any], new: bool = False) -> None:
    value = msgspec.Raw(json.dumps({"modules": modules}).encode())
    draft = NewFlow(PATH, value, None, {})
    if new:
        await account(core)
        await flows.create(core.platform, ACTOR, WORKSPACE, draft)
    else:
        await flows.update(core.platform, ACTOR, WORKSPACE, PATH, draft)


async def started(core: CoreHarness, **args: Any) -> UUID:
    text = json.dumps(args).encode()
    return await runs.start_flow(core.platform, ACTOR, WORKSPACE, PATH, text, RunOptions())


async def earlier(core: CoreHarness) -> list[RunOnEarlierVersion]:
    found = await run_versions.list_earlier(core.platform, ACTOR, WORKSPACE, PATH, after=None, limit=10)
    assert found.count == len(found.runs)
    return list(found.runs)


async def move(core: CoreHarness, run: UUID) -> MoveResult:
    (result,) = await run_versions.move_runs(core.platform, ACTOR, WORKSPACE, PATH, [run])
    return result


async def test_waiting_run_moves_and_keeps_its_state(core: CoreHarness) -> None:
    """Its results, its approval and its history belong to the same nodes, at other positions of the document."""
    await deploy(core, first(), then("old", "a"), agreed("old"), then("b", "agree", of="old"), new=True)
    run = await started(core, n=1)
    worker = await core.worker()
    for _ in range(2):
        (job,) = await worker.claim()
        await worker.finish(job, 5)
    before = await core.row("SELECT version FROM run_live WHERE id = $1", run)
    await deploy(core, first(), then("late", "agree"), agreed("old"), then("old", "a"), then("b", "late", of="late"))
    (found,) = await earlier(core)
    assert found.check is not None and (found.id, found.status, found.number) == (run, "awaiting_approval", 1)
    assert (found.check.at, found.check.next, found.obstacles) == (("agree",), ("late",), ())
    assert await move(core, run) == MoveResult(run, True)
    assert await earlier(core) == [] and not (await move(core, run)).moved
    await work(core, worker, run, [{"node": "agree", "decision": "approved"}])
    ended = await core.ended(run)
    assert (ended["status"], ended["version"] > before["version"]) == ("succeeded", True)
    assert await core.result(run) == 7
    jobs = await core.rows("SELECT node, node_index FROM job WHERE run = $1 ORDER BY node_index", run)
    assert [(row["node"], row["node_index"]) for row in jobs] == [
        ("a", 0),
        ("late", 1),
        ("agree", 2),
        ("old", 3),
        ("b", 4),
    ]
    (audit,) = await core.rows("SELECT resource, parameters FROM audit WHERE operation = 'jobs.move'")
    assert (audit["resource"], json.loads(audit["parameters"])["run"]) == (PATH, str(run))
    (event,) = await core.rows("SELECT data FROM event WHERE run = $1 AND kind = 'moved'", run)
    assert json.loads(event["data"])["by"] == "ann"
    await core.is_whole()


@pytest.mark.parametrize(
    ("modules", "node", "reason"),
    [
        ([first(), then("b", "a")], "agree", "It is in progress, and the new version has no such node."),
        ([agreed(), then("b", "agree", of="agree")], "a", "It has run, and the new version has no such node."),
        (
            [first(), then("new", "a"), agreed("a"), then("b", "agree")],
            "new",
            "It is new, and comes before the point that the run has reached.",
        ),
        (
            [first(), {**agreed("a"), "value": {"type": "approval", "required_approvals": 2}}, then("b", "agree")],
            "agree",
            "It is in progress, and is different in the new version.",
        ),
    ],
)
async def test_run_is_refused_with_the_reason(
    core: CoreHarness, modules: list[dict[str, Any]], node: str, reason: str
) -> None:
    await deploy(core, first(), agreed("a"), then("b", "agree"), new=True)
    run = await started(core, n=1)
    worker = await core.worker()
    (job,) = await worker.claim()
    await worker.finish(job, 5)
    await deploy(core, *modules)
    before = await core.everything()
    refused = await move(core, run)
    assert not refused.moved and [(each.node, each.reason) for each in refused.obstacles] == [(node, reason)]
    assert await core.everything() == before
    assert [list(each.obstacles) for each in await earlier(core)] == [list(refused.obstacles)]


async def test_run_whose_data_would_remain_is_refused(core: CoreHarness) -> None:
    """The values of a node that has run were stored on the condition that they are erased."""
    rest = agreed("a"), then("b", "agree")
    await deploy(core, first(delete_after_secs=60), *rest, new=True)
    run = await started(core, n=1)
    worker = await core.worker()
    (job,) = await worker.claim()
    await worker.finish(job, 5)
    for later in (first(), first(delete_after_secs=61)):
        await deploy(core, later, *rest)
        reasons = [(each.node, each.reason) for each in (await move(core, run)).obstacles]
        assert reasons == [("a", "Its data would be erased later in the new version, or never.")]
    await deploy(core, first(delete_after_secs=30), *rest)
    assert await move(core, run) == MoveResult(run, True)


async def test_run_of_a_sub_workflow_is_refused(core: CoreHarness) -> None:
    """It is not listed either: the run that contains it was started with the version of it."""
    await deploy(core, first(), agreed("a"), new=True)
    call = {"id": "call", "value": {"type": "flow", "path": PATH, "input_transforms": {}}}
    outer = NewFlow("f/main/outer", msgspec.Raw(json.dumps({"modules": [call]}).encode()), None, {})
    await flows.create(core.platform, ACTOR, WORKSPACE, outer)
    await runs.start_flow(core.platform, ACTOR, WORKSPACE, "f/main/outer", b"{}", RunOptions())
    inner = await core.row("SELECT id FROM run_live WHERE path = $1", PATH)
    await deploy(core, first(), agreed("a"), then("b", "agree"))
    (obstacle,) = (await move(core, inner["id"])).obstacles
    assert obstacle.reason == "It is part of another run, which determines its version."
    assert await earlier(core) == []


async def test_run_inside_a_loop_is_refused_until_it_has_left_it(core: CoreHarness) -> None:
    body = loop("l", first("x"))
    await deploy(core, body, then("b", "l", of="l"), new=True)
    run = await started(core, n=1, items=[1])
    worker = await core.worker()
    (job,) = await worker.claim()
    await deploy(core, then("added", "b", of="b"), body, then("b", "l", of="l"))
    refused = await move(core, run)
    assert [(each.node, each.reason) for each in refused.obstacles] == [("l", "The run is inside it.")]
    await worker.finish(job, 5)
    # The job of b has an index, which its worker reports; it is refused while that would be another node's.
    refused = await move(core, run)
    assert [each.node for each in refused.obstacles] == ["b"]
    await deploy(core, body, then("b", "l", of="l"), then("added", "b", of="b"))
    assert (await move(core, run)).moved
    rows = await core.rows("SELECT node, node_index FROM job WHERE run = $1 AND node = 'x'", run)
    assert [row["node_index"] for row in rows] == [4]
    (job,) = await worker.claim()
    await worker.finish(job, 6)
    await work(core, worker, run, [])
    assert await core.result(run) == 7
    await core.is_whole()


async def test_job_that_completes_during_the_move_is_recorded_once(core: CoreHarness) -> None:
    """A third session holds the run until both wait for it; nothing is lost or doubled in either order."""
    await deploy(core, first(), then("b", "a"), new=True)
    run = await started(core, n=1)
    worker = await core.worker()
    (job,) = await worker.claim()
    await deploy(core, first(), then("b", "a"), then("c", "b", of="b"))
    async with core.third_session() as third:
        async with third.holding("SELECT FROM run_live WHERE id = $1 FOR UPDATE", run):
            moving = asyncio.create_task(move(core, run))
            await third.until_waiting()
            finishing = asyncio.create_task(worker.finish(job, 5))
            await third.until_waiting(2)
        moved, finished = await moving, await finishing
    assert (moved.moved, finished.recorded) == (True, True)
    assert [row["node"] for row in await core.rows("SELECT node FROM job_live WHERE run = $1", run)] == ["b"]
    await work(core, worker, run, [])
    assert await core.result(run) == 7
    nodes = await core.rows("SELECT node, attempt FROM job WHERE run = $1 ORDER BY ended_at", run)
    assert [(row["node"], row["attempt"]) for row in nodes] == [("a", 1), ("b", 1), ("c", 1)]
    await core.is_whole()


async def test_waits_of_timers_and_pauses_move_to_other_positions(core: CoreHarness) -> None:
    """A node that waits for its retry has a job, which is not claimed; a sleep, a delay and a pause have none."""
    retry = {"constant": {"attempts": 1, "seconds": 600}}
    hour = {"type": "static", "value": 3600}
    nodes = [
        first(retry=retry),
        first("sleeps", sleep=hour),
        {"id": "waits", "needs": [], "value": {"type": "delay", "seconds": hour}},
        then("paused", "sleeps", of="sleeps"),
        then("after", "a", "waits", "paused", of="paused"),
    ]
    await deploy(core, *nodes, new=True)
    text = json.dumps({"n": 1}).encode()
    pause = RunOptions(pause=PauseBefore(("paused",)))
    run = await runs.start_flow(core.platform, ACTOR, WORKSPACE, PATH, text, pause)
    worker = await core.worker()
    for node, job in (await worker.claim_by_node()).items():
        await worker.finish(job, 5, error="Broken" if node == "a" else None)
    await deploy(core, then("last", "after", of="after"), *reversed(nodes))
    (found,) = await earlier(core)
    assert found.check is not None and set(found.check.at) == {"a", "sleeps", "waits"}
    assert await move(core, run) == MoveResult(run, True)
    while not (paused := (await pausing.get(core.platform, ACTOR, WORKSPACE, run)).paused):
        assert await pass_time(core)
        for job in await worker.claim():
            await worker.finish(job, 8)
    await deploy(core, *nodes, then("last", "after", of="after"))
    assert await move(core, run) == MoveResult(run, True)
    await pausing.continue_node(core.platform, ACTOR, WORKSPACE, run, paused[0].job)
    await work(core, worker, run, [])
    assert await core.result(run) == 8
    attempts = await core.rows("SELECT attempt FROM job WHERE run = $1 AND node = 'a'", run)
    assert [row["attempt"] for row in attempts] == [2]
    await core.is_whole()


async def test_job_of_another_version_of_its_script_is_not_moved(core: CoreHarness) -> None:
    """The queued job was made for the language of the version that the run pinned."""
    step = {"id": "a", "needs": [], "value": {"type": "script", "path": "f/main/step", "input_transforms": {}}}
    await scripts.create(core.platform, ACTOR, WORKSPACE, NewScript("f/main/step", "exit 0", "bash", {}))
    await deploy(core, step, new=True)
    run = await started(core)
    await deploy(core, step, then("b", "a"))
    (found,) = await earlier(core)
    assert found.obstacles == ()
    first_hash = (await scripts.get(core.platform, ACTOR, WORKSPACE, "f/main/step")).hash
    draft = NewScript("f/main/step", "exit 1", "bash", {}, parent=first_hash)
    await scripts.create(core.platform, ACTOR, WORKSPACE, draft)
    refused = await move(core, run)
    reason = "It is in progress, and its script has another version now."
    assert [(each.node, each.reason) for each in refused.obstacles] == [("a", reason)]


async def test_completion_on_a_stale_state_follows_the_new_version(core: CoreHarness) -> None:
    """The worker decides on the run as it was claimed; its write is stale after the move."""
    await deploy(core, first(), then("b", "a"), new=True)
    run = await started(core, n=1)
    worker = await core.worker()
    (job,) = await worker.claim()
    await deploy(core, first(), then("c", "a"))
    assert (await move(core, run)).moved
    assert (await worker.finish(job, 5)).recorded
    assert [row["node"] for row in await core.rows("SELECT node FROM job_live WHERE run = $1", run)] == ["c"]
    await work(core, worker, run, [])
    assert await core.result(run) == 6
