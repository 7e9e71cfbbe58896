"""What the steps of one transaction write at its end: the rows of gates are locked after all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from orvanta_platform.db import cache, erasures, runs
from orvanta_platform.db.cache import NewCached
from orvanta_platform.db.gates import Entry
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.plan import Plan
from orvanta_platform.queue import gates


class Rows(Protocol):
    """What one step leaves for the end: see `db.waits.WaitWrite`."""

    @property
    def entered(self) -> Sequence[Entry]: ...

    @property
    def left(self) -> Sequence[UUID]: ...

    @property
    def cached(self) -> Sequence[NewCached]: ...


@dataclass(slots=True)
class Tail:
    """Who comes to stand in line, who needs a permit no more, and what results stand for.

    `idle`: seqs of events that changed nothing; the write of a run's end takes in all there are.
    """

    idle: list[int] = field(default_factory=list)
    entered: list[Entry] = field(default_factory=list)
    left: list[UUID] = field(default_factory=list)
    cached: list[NewCached] = field(default_factory=list)

    def add(self, rows: Rows) -> None:
        """What one more step says; who has left is no longer to enter."""
        gone = set(rows.left)
        self.entered = [each for each in self.entered if each.job not in gone] + list(rows.entered)
        self.left += rows.left
        self.cached += rows.cached

    async def write(self, connection: Connection, plan: Plan, run: RunRow, *, ended: bool) -> list[UUID]:
        """Write it; gives the runs that got permits by it. Nothing may be locked after this."""
        if self.idle and not ended:
            await runs.take_from_inbox(connection, run.id, self.idle)
        for each in self.cached:
            await cache.keep(connection, run.workspace, each)
        if ended and plan.erasures:
            await erasures.plan(connection, run.id, plan.erasures)
        if not plan.gated:
            return []
        if ended:
            return await gates.settle(connection, ended=[run.id])
        return await gates.settle(connection, self.entered, self.left)
