"""Writes deferred to the end of a transaction: rows of concurrency limits are locked after all others."""

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
from orvanta_platform.db.step_debounces import WaitingEntry
from orvanta_platform.engine.plan import Plan
from orvanta_platform.orchestrator import step_debounce
from orvanta_platform.queue import gates


class DeferredRows(Protocol):
    """Deferred rows of one step; see `db.waits.WaitWrite`."""

    @property
    def entered(self) -> Sequence[Entry]: ...

    @property
    def left(self) -> Sequence[UUID]: ...

    @property
    def cached(self) -> Sequence[NewCached]: ...

    @property
    def put_off(self) -> Sequence[WaitingEntry]: ...

    @property
    def put_off_no_more(self) -> Sequence[UUID]: ...


@dataclass(slots=True)
class DeferredWrites:
    """Deferred writes of one transaction: queue entries and released permits, cached results, debounced nodes."""

    idle: list[int] = field(default_factory=list)
    """Inbox sequence numbers of events that changed nothing; the end of a run deletes its whole inbox."""
    entered: list[Entry] = field(default_factory=list)
    left: list[UUID] = field(default_factory=list)
    cached: list[NewCached] = field(default_factory=list)
    put_off: list[WaitingEntry] = field(default_factory=list)
    put_off_no_more: list[UUID] = field(default_factory=list)

    def add(self, rows: DeferredRows) -> None:
        """Add the rows of one more step; an entry whose job has left since is dropped."""
        gone = set(rows.left)
        self.entered = [each for each in self.entered if each.job not in gone] + list(rows.entered)
        self.left += rows.left
        self.cached += rows.cached
        no_more = set(rows.put_off_no_more)
        self.put_off = [each for each in self.put_off if each.job not in no_more] + list(rows.put_off)
        self.put_off_no_more += rows.put_off_no_more

    async def write(self, connection: Connection, plan: Plan, run: RunRow, *, ended: bool) -> list[UUID]:
        """Write everything; return the runs that proceed because of it. The caller locks no row after this."""
        if self.idle and not ended:
            await runs.delete_events(connection, run.id, self.idle)
        for each in self.cached:
            await cache.store(connection, run.workspace, each)
        if ended and plan.erasures:
            await erasures.schedule(connection, run.id, plan.erasures)
        further: list[UUID] = []
        if plan.gated and ended:
            further = await gates.settle(connection, ended=[run.id])
        elif plan.gated:
            further = await gates.settle(connection, self.entered, self.left)
        if not plan.debounces:
            return further
        if ended:
            return further + await step_debounce.settle(connection, (), ended=[run.id])
        return further + await step_debounce.settle(connection, self.put_off, self.put_off_no_more)
