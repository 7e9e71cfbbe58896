"""Cells with approvals.

A decision by the slow path is recorded by one COMMIT and counted by another: the server is killed between them. The
fast path has one COMMIT for both: the server or the database is killed while it is durable but unanswered.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
from tests.chaos.cells import ApiHarness, Victim
from tests.chaos.runs import ASKING, ASKING_BRIEFLY, ASKING_WITHOUT_LIMIT, Verdict
from tests.chaos.stage import Stage

OPENED = "SELECT count(*) >= $1 FROM event WHERE kind = 'approval_opened' AND run > $2"
HASTEN = "UPDATE timer SET due_at = app_now() + interval '150 milliseconds' WHERE run <> $1"
ASKED = "SELECT DISTINCT run FROM approval"
NOT_COUNTED_ONCE = """\
SELECT run
FROM decision
WHERE run > $1
GROUP BY run
HAVING count(*) FILTER (WHERE taken) <> 1 OR count(*) <> (
    SELECT count(*)
    FROM audit
    WHERE operation = 'approvals.decide' AND parameters ->> 'run' = run::text)
"""


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
        deciding = asyncio.create_task(decide(stage, list(scene.runs)))
        await stage.gate.arrival("deciding")
        await scene.kill("server", stage.server)
        await deciding
        stage.gate.disarm()
        stage.start_dead()
        await stage.until_healthy()
        await decide(stage, [row["run"] for row in await stage.database.rows(ASKED)])
        return await scene.end()


@dataclass(frozen=True, slots=True)
class DecideTogether:
    """Kill the victim while the COMMIT of decisions that arrived together is durable but unanswered."""

    victim: Victim

    def __str__(self) -> str:
        return f"decisions' COMMIT sent, {self.victim}"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs that wait for an approval."""
        await stage.make_ready()
        scene = ApiHarness(stage, count, path=ASKING_WITHOUT_LIMIT)
        await scene.accept_all()
        await stage.database.until(OPENED, count, scene.since)
        stage.gate.arm("recording")
        deciding = asyncio.create_task(decide(stage, list(scene.runs)))
        first = await stage.gate.arrival("recording")
        first.let("block")
        await stage.database.unanswered(first.facts["backend"])
        await scene.kill(self.victim, stage.server)
        stage.gate.disarm()
        answered = await deciding
        stage.start_dead()
        await stage.until_healthy()
        await decide(stage, [row["run"] for row in await stage.database.rows(ASKED)])
        verdict = await scene.end()
        assert await stage.database.rows(NOT_COUNTED_ONCE, scene.since) == []
        if self.victim == "backend":
            # Only the connection is lost: each caller learns that its decision counts.
            assert set(answered) == {201}, answered
        return verdict


async def decide(stage: Stage, runs: list[object]) -> list[int]:
    """Approve each run; accept approvals that are no longer pending and calls without a response.

    Returns the status codes of the responses.
    """
    codes = []
    async with stage.client() as client:
        calls = [client.post(f"/api/w/main/jobs/flow/resume/{run}", json={}) for run in runs]
        for answer in await asyncio.gather(*calls, return_exceptions=True):
            if isinstance(answer, httpx.Response):
                assert answer.status_code in (200, 201, 409, 503), answer.text
                codes.append(answer.status_code)
            elif not isinstance(answer, httpx.TransportError):
                raise answer
    return codes
