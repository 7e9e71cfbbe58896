"""Events of a run as they lie in its inbox: JSON text, tagged by type."""

from __future__ import annotations

from uuid import UUID

import msgspec


class StartRun(msgspec.Struct, frozen=True, tag="start", tag_field="type"):
    """The time for which the run was scheduled has come."""


class CancelRun(msgspec.Struct, frozen=True, tag="cancel", tag_field="type"):
    """Somebody cancelled the run; `force`: whether or not its workers answer."""

    force: bool = False


class CancelJob(msgspec.Struct, frozen=True, tag="cancel_job", tag_field="type"):
    """Somebody cancelled one job of the run, at that attempt; its node fails."""

    job: UUID
    reason: str


class RetryDue(msgspec.Struct, frozen=True, tag="retry_due", tag_field="type"):
    """The delay before a job's retry is over."""

    job: UUID


class NodeDue(msgspec.Struct, frozen=True, tag="node_due", tag_field="type"):
    """The time a node waited for has come; `job`: its id, `kind`: wait or deadline."""

    job: UUID
    kind: str


class Decided(msgspec.Struct, frozen=True, tag="decided", tag_field="type"):
    """Somebody decided something in the run: its row in decision says what."""


class Permitted(msgspec.Struct, frozen=True, tag="permitted", tag_field="type"):
    """A node in line at a limit, or the run itself, by its id, has got its permit; `frame`: where the node stands.

    Written by the transaction that gives it.
    """

    job: UUID
    frame: UUID | None = None


class PutOffLongEnough(msgspec.Struct, frozen=True, tag="put_off", tag_field="type"):
    """A node waits no longer for later ones of its key; `frame`: where it stands.

    Written by the transaction that takes its row of step_debounce.
    """

    job: UUID
    frame: UUID | None = None


class HandedOver(msgspec.Struct, frozen=True, tag="handed_over", tag_field="type"):
    """A later node, of the run `by`, has taken the place of one that waited; written where its row was changed."""

    job: UUID
    by: UUID
    frame: UUID | None = None


class PauseBefore(msgspec.Struct, frozen=True, tag="pause_before", tag_field="type"):
    """Somebody set a breakpoint before a node, by its number in the document, or took it back: see the engine's."""

    node: int
    by: str
    when: str | None = None
    on: bool = True


class Continued(msgspec.Struct, frozen=True, tag="continued", tag_field="type"):
    """Somebody lets a paused node go on; `frame`: where it stands. `inputs`, `result`: as the engine's, JSON text."""

    job: UUID
    by: str
    frame: UUID | None = None
    inputs: str | None = None
    result: str | None = None


class JobLost(msgspec.Struct, frozen=True, tag="job_lost", tag_field="type"):
    """The worker of a job was lost at that attempt and generation, once too often or while its run is cancelled."""

    job: UUID
    attempt: int
    generation: int
    losses: int


class FramesBegin(msgspec.Struct, frozen=True, tag="frames_begin", tag_field="type"):
    """Bodies of loops or branches were opened, and nothing of them has begun."""

    frames: tuple[UUID, ...]


class BodiesEnded(msgspec.Struct, frozen=True, tag="bodies_ended", tag_field="type"):
    """All that a node (by its own id) opened has ended."""

    node: UUID


class ChildEnded(msgspec.Struct, frozen=True, tag="child_ended", tag_field="type"):
    """The run of a sub-workflow has ended. Written by the statement that ends it."""

    run: UUID


class ChildAsks(msgspec.Struct, frozen=True, tag="child_asks", tag_field="type"):
    """The run of a sub-workflow awaits approval from now on, or no longer: its row says which."""


class TimeOver(msgspec.Struct, frozen=True, tag="time_over", tag_field="type"):
    """The time limit of a node that holds others, by its own id, is over; or that of the run, by its id."""

    node: UUID


class WorkerLost(msgspec.Struct, frozen=True, tag="worker_lost", tag_field="type"):
    """The worker that the run was bound to is gone."""


OfJob = CancelJob | RetryDue | JobLost
"""What is said of one job."""

OfRun = TimeOver | WorkerLost | PauseBefore
"""What is said of a run as a whole."""

OfWait = PutOffLongEnough | HandedOver | Continued
"""What ends the wait of a node for later ones, or for somebody who lets it go on."""

InboxEvent = (StartRun | CancelRun | NodeDue | Decided | Permitted | OfWait | OfJob) | (
    FramesBegin | BodiesEnded | ChildEnded | ChildAsks | OfRun
)
"""Everything that may lie in an inbox."""

_decoder: msgspec.json.Decoder[InboxEvent] = msgspec.json.Decoder(InboxEvent)


def write(event: InboxEvent) -> str:
    """The event as JSON text."""
    return msgspec.json.encode(event).decode()


def read(text: str) -> InboxEvent:
    """What `write` wrote."""
    return _decoder.decode(text)
