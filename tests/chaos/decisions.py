"""Cells with approvals: the server is killed between the COMMIT of a decision and the step that processes it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
from tests.chaos.cells import ApiHarness
from tests.chaos.runs import ASKING, ASKING_BRIEFLY, Verdict
from tests.chaos.stage import Stage

OPENED = "SELECT count(*) >= $1 FROM event WHERE kind = 'approval_opened' AND run > $2"
HASTEN = "UPDATE timer SET due_at = app_now() + interval '150 milliseconds' WHERE run <> $1"
ASKED = "SELECT DISTINCT run FROM approval"


@dataclass(frozen=True, slots=True)
class Decide:
    """Kill the server after a decision.

    `brief`: the approvals time out at once, which also resumes the runs. One of them keeps its time, so that at least
    one decision precedes its deadline on a slow machine, too.
    """

    name: str
    brief: bool = False

    def __str__(self) -> str:
        return f"{self.name}, server"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs that wait for an approval."""
        await stage.make_ready()
        scene = ApiHarness(stage, count, path=ASKING_BRIEFLY if self.brief else ASKING)
        await scene.accept_all()
        await stage.database.until(OPENED, count, scene.since)
        if self.brief:
            await stage.database.rows(HASTEN, next(iter(scene.runs)))
        stage.gate.arm("deciding")
        deciding = asyncio.create_task(self._decide(stage, list(scene.runs)))
        await stage.gate.arrival("deciding")
        await scene.kill("server", stage.server)
        await deciding
        stage.gate.disarm()
        stage.start_dead()
        await stage.until_healthy()
        await self._decide(stage, [row["run"] for row in await stage.database.rows(ASKED)])
        return await scene.end()

    async def _decide(self, stage: Stage, runs: list[object]) -> None:
        """Approve each run; accept approvals that are no longer pending and calls without a response."""
        async with stage.client() as client:
            calls = [client.post(f"/api/w/main/jobs/flow/resume/{run}", json={}) for run in runs]
            for answer in await asyncio.gather(*calls, return_exceptions=True):
                if isinstance(answer, httpx.Response):
                    assert answer.status_code in (200, 201, 409), answer.text
                elif not isinstance(answer, httpx.TransportError):
                    raise answer
