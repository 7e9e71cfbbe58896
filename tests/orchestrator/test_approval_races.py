"""Approvals against deadlines, other decisions and cancels, each in both orders; and what a crash leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from tests.orchestrator.ground import ACTOR, WORKSPACE, Ground, ThirdSession, job, on

from orvanta_platform.errors import Conflict
from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.services.approvals import decisions
from orvanta_platform.services.approvals.approvers import Voice
from orvanta_platform.services.approvals.decisions import Outcome

pytestmark = pytest.mark.every_postgres

LOCK_RUN = "SELECT FROM run_live WHERE id = $1 FOR UPDATE"
ASK: dict[str, Any] = {"id": "ask", "value": {"type": "approval", "timeout": 60}, "needs": []}
AFTER = (job("yes", on("ask", "approved")), job("no", on("ask", "rejected")), job("late", on("ask", "timeout")))


async def decide(scene: Ground, run: UUID, *, approved: bool = True) -> Outcome:
    return await decisions.decide(scene.platform, ACTOR, WORKSPACE, run, approved=approved)


async def due(scene: Ground) -> None:
    await scene.run("UPDATE timer SET due_at = app_now()")


async def queued(scene: Ground) -> set[str]:
    return {row["node"] for row in await scene.rows("SELECT node FROM job_live")}


async def in_turn(other: ThirdSession, run: UUID, *acts: Coroutine[Any, Any, Any]) -> list[Any]:
    """Both wait for the run's lock, the first one first; what each gave or raised."""
    async with other.holding(LOCK_RUN, run):
        tasks = []
        for place, act in enumerate(acts, 1):
            tasks.append(asyncio.create_task(act))
            await other.until_waiting(place)
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("deadline_first", [True, False])
async def test_a_decision_against_the_deadline(scene: Ground, deadline_first: bool) -> None:
    """One of them counts, whoever it is, and the caller is told the truth."""
    run = await scene.start(ASK, *AFTER)
    await due(scene)
    async with scene.third_session() as other:
        acts: list[Coroutine[Any, Any, Any]] = [timers.fire(scene.platform.tools), decide(scene, run)]
        found = await in_turn(other, run, *(acts if deadline_first else reversed(acts)))
    said = next(each for each in found if not isinstance(each, int))
    if await queued(scene) == {"yes"}:
        assert isinstance(said, Outcome) and said.first
    else:
        assert await queued(scene) == {"no", "late"} and isinstance(said, Conflict)
    assert len(await scene.rows("SELECT FROM job WHERE node = 'ask'")) == 1
    assert await scene.rows("SELECT FROM approval") == [] == await scene.rows("SELECT FROM inbox")
    await scene.is_whole()


@pytest.mark.parametrize("approved", [True, False])
async def test_two_decisions_at_once(scene: Ground, approved: bool) -> None:
    run = await scene.start(ASK, *AFTER)
    async with scene.third_session() as other:
        first, second = await in_turn(
            other, run, decide(scene, run, approved=approved), decide(scene, run, approved=not approved)
        )
    assert isinstance(first, Outcome) and first.first and isinstance(second, Conflict)
    assert await queued(scene) == ({"yes"} if approved else {"no"})
    assert len(await scene.rows("SELECT FROM decision WHERE taken")) == 1
    await scene.is_whole()


async def test_the_same_link_at_once(scene: Ground) -> None:
    """Two clicks: one is first, both are told the same."""
    run = await scene.start(ASK, *AFTER)
    asked = await scene.row("SELECT job FROM approval")
    click = partial(decisions._decide, scene.platform, WORKSPACE, asked["job"], 7, True, Voice("eve"))
    async with scene.third_session() as other:
        found = await in_turn(other, run, *(scene.db.retrying(click) for _ in range(3)))
    assert sorted(outcome.first for _, outcome in found) == [False, False, True]
    assert {outcome.approver for _, outcome in found} == {"link:eve"}
    assert len(await scene.rows("SELECT FROM decision")) == 1


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_a_decision_against_a_cancel(scene: Ground, cancel_first: bool) -> None:
    run = await scene.start(ASK, *AFTER)
    async with scene.third_session() as other:
        acts: list[Coroutine[Any, Any, Any]] = [scene.cancel(run), decide(scene, run)]
        found = await in_turn(other, run, *(acts if cancel_first else reversed(acts)))
    assert (await scene.ended(run))["status"] == "cancelled" and await queued(scene) == set()
    if cancel_first:
        assert isinstance(found[1], Conflict)
    assert await scene.rows("SELECT FROM approval") == [] == await scene.rows("SELECT FROM timer")
    await scene.is_whole()


async def test_a_decision_whose_process_died_is_taken_in_by_another(scene: Ground) -> None:
    """Recorded and not taken in: the sweep comes to it."""
    run = await scene.start(ASK, *AFTER)
    asked = await scene.row("SELECT job FROM approval")
    await scene.db.retrying(partial(decisions._decide, scene.platform, WORKSPACE, asked["job"], 7, True, Voice("eve")))
    assert await queued(scene) == set()
    await scene.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
    assert await timers.sweep(scene.platform.tools) == 1
    assert await queued(scene) == {"yes"}
    assert await scene.rows("SELECT FROM inbox") == []
    assert (await scene.row("SELECT taken FROM decision WHERE run = $1", run))["taken"] is True
    await scene.is_whole()


async def test_a_decision_that_came_before_the_question_is_counted_when_it_is_asked(scene: Ground) -> None:
    run = await scene.start(job("a", suspend={}), job("b", "a"))
    worker = await scene.worker()
    (first,) = await worker.claim()
    early = partial(decisions._decide, scene.platform, WORKSPACE, first.id, 7, True, Voice("eve", None, b'{"n":1}'))
    async with scene.third_session() as other:
        _, done = await in_turn(other, run, scene.db.retrying(early), worker.finish(first, "done"))
    assert done.recorded and await queued(scene) == {"b"}
    assert await scene.rows("SELECT FROM approval") == []
    await scene.is_whole()


async def test_each_of_many_voices_counts_once(scene: Ground) -> None:
    ask = {"id": "ask", "value": {"type": "approval", "required_approvals": 7}, "needs": []}
    run = await scene.start(ask, *AFTER)
    asked = await scene.row("SELECT job FROM approval")

    async def click(person: int, resume_id: int) -> None:
        voice = Voice("", replace(ACTOR, username=f"p{person}", email=f"p{person}@example.com"))
        act = partial(decisions._decide, scene.platform, WORKSPACE, asked["job"], resume_id, True, voice)
        await scene.db.retrying(act)
        await advance(scene.platform.tools, run)

    # Some by a link of their own, some by one that several were sent, all of them twice.
    await asyncio.gather(*(click(at % 4, resume_id) for at, resume_id in enumerate((1, 2, 2, 4, 11, 12, 13, 14))))
    for person in (5, 6):
        await click(person, person)
        assert await queued(scene) == set() and len(await scene.rows("SELECT FROM approval")) == 1
    await click(7, 1)
    assert await queued(scene) == {"yes"}
    await scene.is_whole()
