"""Approvals concurrent with deadlines, other decisions and cancellations, each in both orders, and after crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, ThirdSession, job, on

from orvanta_platform.errors import Conflict
from orvanta_platform.orchestrator import timers
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.services.approvals import decisions
from orvanta_platform.services.approvals.approvers import Decider
from orvanta_platform.services.approvals.decisions import DecisionOutcome

pytestmark = pytest.mark.every_postgres

LOCK_RUN = "SELECT FROM run_live WHERE id = $1 FOR UPDATE"
ASK: dict[str, Any] = {"id": "ask", "value": {"type": "approval", "timeout": 60}, "needs": []}
AFTER = (job("yes", on("ask", "approved")), job("no", on("ask", "rejected")), job("late", on("ask", "timeout")))


async def decide(core: CoreHarness, run: UUID, *, approved: bool = True) -> DecisionOutcome:
    return await decisions.decide(core.platform, ACTOR, WORKSPACE, run, approved=approved)


async def due(core: CoreHarness) -> None:
    await core.run("UPDATE timer SET due_at = app_now()")


async def queued(core: CoreHarness) -> set[str]:
    return {row["node"] for row in await core.rows("SELECT node FROM job_live")}


async def in_turn(other: ThirdSession, run: UUID, *acts: Coroutine[Any, Any, Any]) -> list[Any]:
    """Let the operations wait for the run's lock in this order; return their results or exceptions."""
    async with other.holding(LOCK_RUN, run):
        tasks = []
        for place, act in enumerate(acts, 1):
            tasks.append(asyncio.create_task(act))
            await other.until_waiting(place)
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("deadline_first", [True, False])
async def test_decision_concurrent_with_deadline(core: CoreHarness, deadline_first: bool) -> None:
    """Only the first of the two counts, and the caller receives the actual outcome."""
    run = await core.start(ASK, *AFTER)
    await due(core)
    async with core.third_session() as other:
        acts: list[Coroutine[Any, Any, Any]] = [timers.fire(core.platform.tools), decide(core, run)]
        found = await in_turn(other, run, *(acts if deadline_first else reversed(acts)))
    error = next(each for each in found if not isinstance(each, int))
    if await queued(core) == {"yes"}:
        assert isinstance(error, DecisionOutcome) and error.first
    else:
        assert await queued(core) == {"no", "late"} and isinstance(error, Conflict)
    assert len(await core.rows("SELECT FROM job WHERE node = 'ask'")) == 1
    assert await core.rows("SELECT FROM approval") == [] == await core.rows("SELECT FROM inbox")
    await core.is_whole()


@pytest.mark.parametrize("approved", [True, False])
async def test_two_concurrent_decisions(core: CoreHarness, approved: bool) -> None:
    run = await core.start(ASK, *AFTER)
    async with core.third_session() as other:
        first, second = await in_turn(
            other, run, decide(core, run, approved=approved), decide(core, run, approved=not approved)
        )
    assert isinstance(first, DecisionOutcome) and first.first and isinstance(second, Conflict)
    assert await queued(core) == ({"yes"} if approved else {"no"})
    assert len(await core.rows("SELECT FROM decision WHERE taken")) == 1
    await core.is_whole()


async def test_concurrent_use_of_one_link(core: CoreHarness) -> None:
    """Two clicks on a link are processed once, and both receive the same response."""
    run = await core.start(ASK, *AFTER)
    asked = await core.row("SELECT job FROM approval")
    click = partial(decisions._decide, core.platform, WORKSPACE, asked["job"], 7, True, Decider("eve"))
    async with core.third_session() as other:
        found = await in_turn(other, run, *(core.db.retrying(click) for _ in range(3)))
    assert sorted(outcome.first for _, outcome in found) == [False, False, True]
    assert {outcome.approver for _, outcome in found} == {"link:eve"}
    assert len(await core.rows("SELECT FROM decision")) == 1


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_decision_concurrent_with_cancel(core: CoreHarness, cancel_first: bool) -> None:
    run = await core.start(ASK, *AFTER)
    async with core.third_session() as other:
        acts: list[Coroutine[Any, Any, Any]] = [core.cancel(run), decide(core, run)]
        found = await in_turn(other, run, *(acts if cancel_first else reversed(acts)))
    assert (await core.ended(run))["status"] == "cancelled" and await queued(core) == set()
    if cancel_first:
        assert isinstance(found[1], Conflict)
    assert await core.rows("SELECT FROM approval") == [] == await core.rows("SELECT FROM timer")
    await core.is_whole()


async def test_decision_of_dead_process_is_processed_by_sweep(core: CoreHarness) -> None:
    """The sweep finds a decision that was recorded but not processed."""
    run = await core.start(ASK, *AFTER)
    asked = await core.row("SELECT job FROM approval")
    await core.db.retrying(partial(decisions._decide, core.platform, WORKSPACE, asked["job"], 7, True, Decider("eve")))
    assert await queued(core) == set()
    await core.run("UPDATE inbox SET created_at = created_at - interval '2 seconds'")
    assert await timers.sweep(core.platform.tools) == 1
    assert await queued(core) == {"yes"}
    assert await core.rows("SELECT FROM inbox") == []
    assert (await core.row("SELECT taken FROM decision WHERE run = $1", run))["taken"] is True
    await core.is_whole()


async def test_decision_made_before_approval_opens_counts_later(core: CoreHarness) -> None:
    run = await core.start(job("a", suspend={}), job("b", "a"))
    worker = await core.worker()
    (first,) = await worker.claim()
    early = partial(decisions._decide, core.platform, WORKSPACE, first.id, 7, True, Decider("eve", None, b'{"n":1}'))
    async with core.third_session() as other:
        _, done = await in_turn(other, run, core.db.retrying(early), worker.finish(first, "done"))
    assert done.recorded and await queued(core) == {"b"}
    assert await core.rows("SELECT FROM approval") == []
    await core.is_whole()


async def test_each_of_many_concurrent_approvers_counts_once(core: CoreHarness) -> None:
    ask = {"id": "ask", "value": {"type": "approval", "required_approvals": 7}, "needs": []}
    run = await core.start(ask, *AFTER)
    asked = await core.row("SELECT job FROM approval")

    async def click(person: int, resume_id: int) -> None:
        voice = Decider("", replace(ACTOR, username=f"p{person}", email=f"p{person}@example.com"))
        act = partial(decisions._decide, core.platform, WORKSPACE, asked["job"], resume_id, True, voice)
        await core.db.retrying(act)
        await advance(core.platform.tools, run)

    # Some approvers have their own link, others share one, and each decides twice.
    await asyncio.gather(*(click(at % 4, resume_id) for at, resume_id in enumerate((1, 2, 2, 4, 11, 12, 13, 14))))
    for person in (5, 6):
        await click(person, person)
        assert await queued(core) == set() and len(await core.rows("SELECT FROM approval")) == 1
    await click(7, 1)
    assert await queued(core) == {"yes"}
    await core.is_whole()
