"""Cells of schedules: the leader or its database is killed around the transaction that takes a tick."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from tests.chaos.cells import ApiHarness, Victim
from tests.chaos.runs import Verdict, path_of, runs_since
from tests.chaos.stage import Stage

COME = "UPDATE schedule SET next_at = date_trunc('second', app_now()) WHERE path LIKE $1 || '%'"
"""Makes each schedule due once; the next tick of its expression is in another year."""

TAKEN = "SELECT count(*) = $1 FROM schedule_tick WHERE path LIKE $2 || '%' AND run IS NOT NULL"
TICKS = "SELECT path, run, state, detail FROM schedule_tick WHERE path LIKE $1 || '%'"
YEARLY = "0 0 0 1 1 *"


@dataclass(frozen=True, slots=True)
class Tick:
    """Kill during a tick. `blocks`: the COMMIT is durable and unanswered, instead of stopped at the point."""

    name: str
    point: str
    victim: Victim
    blocks: bool = False

    def __str__(self) -> str:
        return f"{self.name}, {self.victim}"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` schedules that are due at the same time."""
        await stage.make_ready()
        scene = ApiHarness(stage, count)
        paths = await self._schedule(stage, count)
        stage.gate.arm(self.point)
        await stage.database.rows(COME, paths)
        first = await stage.gate.arrival(self.point)
        if self.blocks:
            first.let("block")
            await stage.database.unanswered(first.facts["backend"])
        struck_at = datetime.now(UTC)
        await scene.kill(self.victim, stage.server)
        stage.gate.disarm()
        stage.start_dead()
        await stage.database.until(TAKEN, count, paths)
        taken_s = (datetime.now(UTC) - struck_at).total_seconds()
        runs = await runs_since(stage.database, scene.since)
        verdict = await scene.end()
        lost, doubles = _counted(await stage.database.rows(TICKS, paths), runs, count)
        return replace(
            verdict,
            lost=[*verdict.lost, *lost],
            doubles=[*verdict.doubles, *doubles],
            recovery_s=max(verdict.recovery_s, taken_s),
        )

    async def _schedule(self, stage: Stage, count: int) -> str:
        """Create schedules and return the prefix of their paths."""
        paths = f"u/admin/{uuid4().hex}_"
        async with stage.client() as client:
            calls = []
            for n in range(count):
                body = {
                    "path": f"{paths}{n}",
                    "schedule": YEARLY,
                    "timezone": "UTC",
                    "script_path": path_of(n),
                    "is_flow": True,
                    "args": {"n": n, "loud": 0},
                    "enabled": True,
                }
                calls.append(client.post("/api/w/main/schedules/create", json=body))
            for answer in await asyncio.gather(*calls):
                assert answer.status_code == 201, answer.text
        return paths


def _counted(ticks: list[Any], runs: dict[UUID, int], count: int) -> tuple[list[str], list[str]]:
    """Return the ticks without a run and runs without a tick, then schedules with more than one of either."""
    named = {row["run"]: row["path"] for row in ticks}
    of = Counter(row["path"] for row in ticks)
    started = Counter(runs.values())
    lost = [f"schedule {n} has no run" for n in range(count) if n not in started]
    lost += [f"run {run} has no tick" for run in runs if run not in named]
    doubles = [f"schedule {path} ticked {many} times" for path, many in of.items() if many > 1]
    doubles += [f"schedule {n} has {many} runs" for n, many in started.items() if many > 1]
    return lost, doubles


def _row(name: str, point: str, *victims: Victim, blocks: bool = False) -> list[Tick]:
    return [Tick(name, point, victim, blocks) for victim in victims]


TICKS_TABLE = [
    *_row("tick written, COMMIT not sent", "tick written", "server", "PostgreSQL"),
    *_row("tick's COMMIT sent", "taking a tick", "server", "PostgreSQL", "backend", blocks=True),
    *_row("tick taken, its run not begun", "tick taken", "server", "PostgreSQL"),
]
