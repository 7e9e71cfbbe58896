"""Result of one transaction on a run with loops, branches or sub-workflows, and its remaining work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import msgspec

from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.outcome import Need
from orvanta_platform.orchestrator import inbox

Work = Callable[[], Awaitable[None]]
"""Work done outside any transaction."""


class NeedsIO(Exception):
    """Ends a transaction that decided nothing: `work` is done outside it, then the transaction is repeated.

    `need` is the engine's request, if that is the reason.
    """

    def __init__(self, work: Work, need: Need | None = None) -> None:
        super().__init__("work to be done outside the transaction")
        self.work = work
        self.need = need


@dataclass(slots=True)
class StepResult:
    """Result of one transaction."""

    run: RunRow
    queues: set[str] = field(default_factory=set)
    timers: bool = False
    ended: bool = False
    recorded: bool = False
    more: bool = False
    """True if events remain to be processed."""
    further: list[UUID] = field(default_factory=list)
    """Other runs that received events."""
    raws: dict[ValueKey, bytes] = field(default_factory=dict)
    outside: Work | None = None
    """Work to be done before the next transaction."""

    async def then(self) -> None:
        """Do the work that precedes the next transaction."""
        if self.outside is not None:
            await self.outside()


class Item(msgspec.Struct, frozen=True):
    """A pending item of a transaction."""

    label: str
    act: Callable[[], Awaitable[None]]
    again: inbox.InboxEvent | None = None
    """Inbox event under which it is stored if it has to wait; None if it is stored elsewhere."""
    ahead: Callable[[], Awaitable[Work | None]] | None = None
    """Returns the requests of the item before its turn."""
