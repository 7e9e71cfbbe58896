"""Cells of waiting runs: paused before a node, or debounced by calls that join them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

import httpx
from tests.chaos.cells import ApiHarness
from tests.chaos.runs import PUT_OFF, Verdict
from tests.chaos.stage import Stage

PAUSED = "SELECT count(*) = $1 FROM pause"
PAUSES = "SELECT run, job FROM pause"
HASTEN = "UPDATE timer SET due_at = app_now() WHERE kind = 'start'"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Continue:
    """The server is killed between the COMMIT that continues a paused node and the step that processes it."""

    def __str__(self) -> str:
        return "let go on after a pause, server"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs that are paused before their node b."""
        await stage.make_ready()
        scene = ApiHarness(stage, count, path="u/admin/chaos?pause_before=b")
        await scene.accept_all()
        await stage.database.until(PAUSED, count)
        stage.gate.arm("continuing")
        going_on = asyncio.create_task(self._go_on(stage))
        await stage.gate.arrival("continuing")
        await scene.kill("server", stage.server)
        await going_on
        stage.gate.disarm()
        stage.start_dead()
        await stage.until_healthy()
        await self._go_on(stage)
        return await scene.end()

    async def _go_on(self, stage: Stage) -> None:
        """Continue all paused runs."""
        rows = await stage.database.rows(PAUSES)
        async with stage.client() as client:
            here = {"X-Workspace": "main"}
            calls = [
                client.post(f"/api/v1/runs/{row['run']}/pauses/{row['job']}/continue", json={}, headers=here)
                for row in rows
            ]
            await _answers(calls)


@dataclass(frozen=True, slots=True)
class Join:
    """The server is killed when the COMMIT of a call that joins an earlier call's run is durable and unanswered."""

    def __str__(self) -> str:
        return "call joined, COMMIT sent, server"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` debounced runs, each called three times. No further call creates a run."""
        await stage.make_ready()
        scene = ApiHarness(stage, count, path=PUT_OFF)
        await scene.accept_all()
        stage.gate.arm("joining")
        joining = asyncio.create_task(self._call(stage, count))
        first = await stage.gate.arrival("joining")
        first.let("block")
        await stage.database.unanswered(first.facts["backend"])
        await scene.kill("server", stage.server)
        await joining
        stage.gate.disarm()
        stage.start_dead()
        await stage.until_healthy()
        joined = await self._call(stage, count)
        await stage.database.rows(HASTEN)
        verdict = await scene.end()
        more = [f"{verdict.runs} runs of {count}"] if verdict.runs != count or joined != set(scene.runs) else []
        return replace(verdict, doubles=[*verdict.doubles, *more])

    async def _call(self, stage: Stage, count: int) -> set[UUID]:
        """Repeat each call; return the runs of the calls."""
        async with stage.client() as client:
            calls = [stage.accept(client, n, 0, PUT_OFF) for n in range(count)]
            return {answer for answer in await _answers(calls) if isinstance(answer, UUID)}


async def _answers(calls: Sequence[Awaitable[T]]) -> list[T]:
    """Return the responses of the server, which succeeded or report that it was already done."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    given: list[T] = []
    for answer in answers:
        if isinstance(answer, httpx.Response):
            assert answer.status_code in (200, 409), answer.text
        if not isinstance(answer, BaseException):
            given.append(answer)
        elif not isinstance(answer, httpx.TransportError):
            raise answer
    return given
