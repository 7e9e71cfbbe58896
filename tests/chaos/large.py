"""Cells of large values: a process is killed between writing an object and its row; the storage is then checked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from tests.chaos.cells import ApiHarness, Victim, on_the_way
from tests.chaos.database import POLL_S
from tests.chaos.gate import PATIENCE_S
from tests.chaos.runs import LARGE, Verdict
from tests.chaos.stage import Stage

from orvanta_platform import clock
from orvanta_platform.db import pool
from orvanta_platform.services.access import audit_chain
from orvanta_platform.services.maintenance import objects
from orvanta_platform.storage.local import LocalStorage

NAMED = "SELECT object FROM value WHERE object IS NOT NULL UNION SELECT object FROM log_object"
NAMED_BY = "SELECT count(*) FROM value WHERE object IS NOT NULL AND object LIKE ANY ($1::text[])"
ERASED = "SELECT count(*) >= $1 FROM erasure WHERE erased_at IS NOT NULL AND run = ANY ($2::uuid[])"
HASTEN = "UPDATE erasure SET due_at = app_now() WHERE run = ANY ($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Kill `victim` after an object was uploaded and before its row is committed."""

    victim: Victim

    def __str__(self) -> str:
        return f"object uploaded, not committed, {self.victim}"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs whose second node returns a large result."""
        await stage.make_ready()
        scene = ApiHarness(stage, count, path=LARGE)
        part = await on_the_way(scene, "value uploaded")
        await scene.kill(self.victim, part)
        verdict = await scene.end()
        swept, wrong = await _swept(stage)
        if self.victim in ("worker", "worker's process") and not swept:
            wrong.append("the attempt that died has left no object")
        return replace(verdict, wrong=[*verdict.wrong, *wrong])


@dataclass(frozen=True, slots=True)
class Erased:
    """Kill the janitor's process after it has deleted rows and before it deletes the objects that they name."""

    def __str__(self) -> str:
        return "rows erased, objects not, server"

    async def play(self, stage: Stage, count: int) -> Verdict:
        """Run the cell with `count` runs that have ended and are to be erased."""
        await stage.make_ready()
        scene = ApiHarness(stage, count, path=LARGE)
        await scene.accept_all()
        verdict = await scene.end()
        runs = list(scene.runs)
        stage.gate.arm("object to delete")
        await stage.database.rows(HASTEN, runs)
        part = stage.part_of(await stage.gate.arrival("object to delete"))
        await asyncio.to_thread(part.kill)
        left = await stage.database.value(NAMED_BY, [f"%/{run}/%" for run in runs])
        stage.gate.disarm()
        await stage.make_ready()
        await stage.database.until(ERASED, count, runs)
        await _until_nothing_is_named(stage, [f"%/{run}/%" for run in runs])
        swept, wrong = await _swept(stage)
        if left == len(runs) or not swept:
            wrong.append(f"nothing was cut in two: {left} rows left, {swept} objects swept")
        wrong += [f"run {run} has left an object" for run in runs if (stage.home / f"objects/main/{run}").exists()]
        return replace(verdict, wrong=[*verdict.wrong, *wrong])


async def _until_nothing_is_named(stage: Stage, runs: list[str]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await stage.database.value(NAMED_BY, runs):
            await asyncio.sleep(POLL_S)


async def _swept(stage: Stage) -> tuple[int, list[str]]:
    """Sweep the storage as the janitor does a day later; return the number of deleted objects and the problems."""
    storage = LocalStorage(stage.home / "objects")
    database = await pool.Database.connect(stage.database.url)
    try:
        swept = await objects.delete_unreferenced(database, storage, clock.now() + timedelta(hours=1))
    finally:
        await database.close()
    named = {row["object"] for row in await stage.database.rows(NAMED)}
    stored = {key async for page in storage.keys_before(clock.now() + timedelta(hours=1)) for key in page}
    wrong = [f"the object {key} is gone" for key in named - stored]
    unnamed = {key for key in stored - named if not key.startswith(f"{audit_chain.HEADS}/")}
    return swept, wrong + [f"the object {key} is nobody's" for key in unnamed]


LARGE_TABLE = [Uploaded("worker"), Uploaded("worker's process"), Uploaded("PostgreSQL"), Erased()]
