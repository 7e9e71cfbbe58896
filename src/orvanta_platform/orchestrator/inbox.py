"""Events in the inbox of a run: JSON text, tagged by type."""

from __future__ import annotations

from uuid import UUID

import msgspec


class StartRun(msgspec.Struct, frozen=True, tag="start", tag_field="type"):
    """The run's scheduled time has been reached."""


class CancelRun(msgspec.Struct, frozen=True, tag="cancel", tag_field="type"):
    """The run was cancelled."""

    force: bool = False
    """True if it ends without waiting for its workers."""


class CancelJob(msgspec.Struct, frozen=True, tag="cancel_job", tag_field="type"):
    """One job of the run was cancelled; its node fails."""

    job: UUID
    reason: str


class RetryDue(msgspec.Struct, frozen=True, tag="retry_due", tag_field="type"):
    """The delay before a job's retry has passed."""

    job: UUID


class NodeDue(msgspec.Struct, frozen=True, tag="node_due", tag_field="type"):
    """A timer of a node without a job has fired."""

    job: UUID
    """Id of the node."""
    kind: str
    """`wait` or `deadline`."""


class Decided(msgspec.Struct, frozen=True, tag="decided", tag_field="type"):
    """An approval decision was made in the run; table decision holds it."""


class Permitted(msgspec.Struct, frozen=True, tag="permitted", tag_field="type"):
    """A node queued at a limit, or the run itself, has received its permit.

    Written by the transaction that grants it.
    """

    job: UUID
    """Id of the node or of the run."""
    frame: UUID | None = None
    """Frame of the node."""


class DebounceElapsed(msgspec.Struct, frozen=True, tag="put_off", tag_field="type"):
    """The debounce window of a node has passed.

    Written by the transaction that deletes its row of step_debounce.
    """

    job: UUID
    frame: UUID | None = None
    """Frame of the node."""


class HandedOver(msgspec.Struct, frozen=True, tag="handed_over", tag_field="type"):
    """A later node, of the run `by`, has replaced a debounced one; written by the transaction that changes the row."""

    job: UUID
    by: UUID
    frame: UUID | None = None


class PauseBefore(msgspec.Struct, frozen=True, tag="pause_before", tag_field="type"):
    """A breakpoint before a node, by its number in the document, was set or removed; see the event of the engine."""

    node: int
    by: str
    when: str | None = None
    on: bool = True


class Continued(msgspec.Struct, frozen=True, tag="continued", tag_field="type"):
    """A paused node was resumed. `inputs` and `result` are those of the engine's event, as JSON text."""

    job: UUID
    by: str
    frame: UUID | None = None
    """Frame of the node."""
    inputs: str | None = None
    result: str | None = None


class JobLost(msgspec.Struct, frozen=True, tag="job_lost", tag_field="type"):
    """The worker of a job was lost at that attempt and generation, once too often or while its run is cancelled."""

    job: UUID
    attempt: int
    generation: int
    losses: int


class BodiesOpened(msgspec.Struct, frozen=True, tag="frames_begin", tag_field="type"):
    """Bodies of loops or branches were opened and have not started."""

    frames: tuple[UUID, ...]


class BodiesEnded(msgspec.Struct, frozen=True, tag="bodies_ended", tag_field="type"):
    """Everything opened by a node, named by its own id, has ended."""

    node: UUID


class ChildEnded(msgspec.Struct, frozen=True, tag="child_ended", tag_field="type"):
    """The run of a sub-workflow has ended. Written by the statement that ends it."""

    run: UUID


class ChildWaitChanged(msgspec.Struct, frozen=True, tag="child_asks", tag_field="type"):
    """The run of a sub-workflow started or stopped waiting for approval; its row holds the current status."""


class TimeoutDue(msgspec.Struct, frozen=True, tag="time_over", tag_field="type"):
    """The timeout of a container, named by its own id, or of the run, named by the run's id, has passed."""

    node: UUID


class WorkerLost(msgspec.Struct, frozen=True, tag="worker_lost", tag_field="type"):
    """The worker that the run was bound to is lost."""


JobEvent = CancelJob | RetryDue | JobLost
"""Events of one job."""

RunEvent = TimeoutDue | WorkerLost | PauseBefore
"""Events of a run as a whole."""

WaitEvent = DebounceElapsed | HandedOver | Continued
"""Events that end the debounce wait or the pause of a node."""

InboxEvent = (StartRun | CancelRun | NodeDue | Decided | Permitted | WaitEvent | JobEvent) | (
    BodiesOpened | BodiesEnded | ChildEnded | ChildWaitChanged | RunEvent
)
"""All events of an inbox."""

_decoder: msgspec.json.Decoder[InboxEvent] = msgspec.json.Decoder(InboxEvent)


def write(event: InboxEvent) -> str:
    """Encode an event as JSON text."""
    return msgspec.json.encode(event).decode()


def read(text: str) -> InboxEvent:
    """Decode the text that `write` returned."""
    return _decoder.decode(text)
