"""Ids: UUIDv7 made here, never in the database.

A run's jobs, events, values and logs carry the run's millisecond prefix, so that a whole run lies in one
partition of history and leaves with it.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from uuid import UUID

from orvanta_platform import clock

_VERSION_AND_VARIANT = (0x7 << 76) | (0x2 << 62)
_RANDOM_A = ((1 << 12) - 1) << 64
_RANDOM_B = (1 << 62) - 1


def _uuid7(milliseconds: int, bits: bytes) -> UUID:
    """RFC 9562, 5.7: 48 bits of Unix milliseconds, version, 74 free bits, variant."""
    free = int.from_bytes(bits[:10], "big")
    return UUID(int=(milliseconds << 80) | _VERSION_AND_VARIANT | (free & (_RANDOM_A | _RANDOM_B)))


def new_run_id() -> UUID:
    """A fresh UUIDv7 of the present millisecond."""
    return _uuid7(int(clock.now().timestamp() * 1000), os.urandom(10))


def made_at(id: UUID) -> datetime:
    """The time that an id carries: of a run when it was made, of what is inside it the run's."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)


def lowest_id(moment: datetime) -> UUID:
    """The lowest id of a millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def derived_id(run: UUID, *parts: str | int) -> UUID:
    """The id of something inside `run`: the run's milliseconds and bits of SHA-256(run, parts).

    The same run and parts give the same id on every machine, so nothing needs to remember it and a
    repeated statement makes nothing twice.
    """
    text = "\x1f".join([run.hex, *map(str, parts)])
    return _uuid7(run.int >> 80, hashlib.sha256(text.encode()).digest())


def node_job_id(run: UUID, node: str) -> UUID:
    """The id of a top-level node of a run: its job's, or that of a node without a job."""
    return derived_id(run, "node", node)


def inner_job_id(run: UUID, frame: UUID | None, node: str) -> UUID:
    """The id of a node in a frame of a run (None: at its top level): its job's, or that of a node without a job."""
    return node_job_id(run, node) if frame is None else derived_id(run, "node", frame.hex, node)


def opening_id(run: UUID, holder: UUID, attempt: int) -> UUID:
    """The id of one opening of the node `holder` (its own id) of a run; `attempt` counts from 0."""
    return derived_id(run, "opening", holder.hex, attempt)


def frame_id(run: UUID, opening: UUID, place: int) -> UUID:
    """The id of the body number `place` of an opening: an iteration, or a branch."""
    return derived_id(run, "frame", opening.hex, place)
