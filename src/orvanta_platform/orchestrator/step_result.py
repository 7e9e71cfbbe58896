"""One transaction on a run with loops, branches or sub-workflows: what it is to do, and what it did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.effects import Need
from orvanta_platform.orchestrator import inbox

Work = Callable[[], Awaitable[None]]
"""Something that is done with no transaction open."""


class NeedsIO(Exception):
    """Ends the transaction, in which nothing was decided: `work` is done outside of it, then it is tried again.

    `need`: what is asked, where it is that.
    """

    def __init__(self, work: Work, need: Need | None = None) -> None:
        super().__init__("something is to be done outside the transaction")
        self.work = work
        self.need = need


@dataclass(slots=True)
class StepResult:
    """What one transaction did. `more`: there is more to do. `further`: other runs that have got something to do.

    `outside`: what is to be done before the next transaction.
    """

    run: RunRow
    queues: set[str] = field(default_factory=set)
    timers: bool = False
    ended: bool = False
    recorded: bool = False
    more: bool = False
    further: list[UUID] = field(default_factory=list)
    raws: dict[ValueKey, bytes] = field(default_factory=dict)
    outside: Work | None = None

    async def then(self) -> None:
        """Do what is to be done before the next transaction."""
        if self.outside is not None:
            await self.outside()


@dataclass(frozen=True, slots=True)
class Item:
    """Something to take in. `again`: how it is written down where it has to wait; None: it is kept elsewhere.

    `ahead`: gives what it will ask, before its turn.
    """

    label: str
    act: Callable[[], Awaitable[None]]
    again: inbox.InboxEvent | None = None
    ahead: Callable[[], Awaitable[Work | None]] | None = None
