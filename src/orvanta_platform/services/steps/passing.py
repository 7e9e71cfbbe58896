"""One transaction on a run with loops, branches or sub-workflows: what it is to do, and what it did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.services.steps import events as inbox


class Outside(Exception):
    """Ends the transaction, in which nothing was decided: `work` is done outside of it, then it is tried again."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        super().__init__("something is to be done outside the transaction")
        self.work = work


@dataclass(slots=True)
class Passed:
    """What one transaction did. `more`: there is more to do. `further`: other runs that have got something to do."""

    run: RunRow
    queues: set[str] = field(default_factory=set)
    timers: bool = False
    ended: bool = False
    recorded: bool = False
    more: bool = False
    further: list[UUID] = field(default_factory=list)
    raws: dict[ValueKey, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """Something to take in. `again`: how it is written down where it has to wait; None: it is kept elsewhere."""

    label: str
    act: Callable[[], Awaitable[None]]
    again: inbox.InboxEvent | None = None
