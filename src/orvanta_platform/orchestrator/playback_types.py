"""Types of a playback: recorded answers, executions, and the open lists of nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.events import Event, NamedError, TimerDue
from orvanta_platform.engine.plan import Node
from orvanta_platform.orchestrator.frames import Frame


class PlaybackFault(Exception):
    """The playback cannot continue."""

    def __init__(self, node: str | None, message: str) -> None:
        super().__init__(message)
        self.node = node
        """Key of the node."""
        self.message = message


class ExecutionKey(msgspec.Struct, frozen=True):
    """Identity of an execution of a node."""

    node: Node
    id: UUID
    """Id of its job, derived from the run."""
    iterations: tuple[int, ...]
    """Numbers of the iterations of the loops around it, outermost first."""
    attempt: int = 0


class RecordedOutcome(msgspec.Struct, frozen=True):
    """Recorded outcome of a node."""

    raw: bytes
    """Its result."""
    error: NamedError | None = None
    failure: bytes | None = None
    """`{"error": …}` of a node that failed."""


class Source(Protocol):
    """Recorded answers."""

    def outcome(self, key: ExecutionKey) -> RecordedOutcome | None:
        """Return the outcome of a job or sub-workflow, or of a container node that failed as a whole; None if it has
        not been recorded.
        """

    def decision(self, key: ExecutionKey, number: int) -> Event | None:
        """Return decision number `number`, from 0, on an approval or suspended node; None if there is none."""

    def rank(self, key: ExecutionKey) -> float:
        """Return the position at which an execution ends, among those that run at the same time."""


class Execution(msgspec.Struct, frozen=True):
    """Execution of a node that ended."""

    key: ExecutionKey
    status: Literal["succeeded", "failed", "cancelled"]
    result: bytes
    inputs: bytes | None
    """Its inputs (JSON object text), if it has any."""


@dataclass(slots=True)
class Played:
    """Outcome of a playback."""

    status: Literal["succeeded", "failed", "cancelled"] | None = None
    """None: it did not reach the end of the run."""
    result: bytes = b"null"
    fault: PlaybackFault | None = None
    executions: dict[UUID, Execution] = field(default_factory=dict)
    """Executions of nodes by id, in the order of their ends."""
    nodes: set[str] = field(default_factory=set)
    """Ids of the nodes that were executed."""
    edges: set[tuple[str, str, str]] = field(default_factory=set)
    """Edges that were taken, as (from, to, on)."""


@dataclass(slots=True)
class PendingOutcome:
    """Pending outcome of a node: a job, its bodies, a decision of people, or an event."""

    kind: Literal["job", "bodies", "people", "event"]
    node: int
    rank: float
    event: Event | None = None
    opening: fx.Opening | None = None


@dataclass(slots=True)
class OpenList:
    """An open list of nodes."""

    frame: Frame
    iterations: tuple[int, ...]
    pending: list[PendingOutcome] = field(default_factory=list)
    end: fx.RunEnded | None = None

    def drop(self, kind: str, node: int, event: type[TimerDue] | None = None) -> bool:
        """Remove what a node waits for; return whether there was anything."""
        remaining = [
            each
            for each in self.pending
            if not (each.kind == kind and each.node == node and (event is None or isinstance(each.event, event)))
        ]
        found = len(remaining) < len(self.pending)
        self.pending = remaining
        return found
