"""Ids, generated here and never in the database: UUIDv7 for runs, UUIDv8 for everything derived from a run.

The ids of a run's jobs, events, values and logs carry the run's millisecond prefix, so that a whole run is stored in
one partition of history and deleted with it. The version distinguishes the two kinds: no id that a caller may choose
for a run (version 7) can be the id of a node, a body, an opening or a sub-workflow (version 8) of any run.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

from orvanta_platform import clock

_VERSION = 0xF << 76
_RUN_VERSION, _DERIVED_VERSION = 0x7 << 76, 0x8 << 76
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_999
_VARIANT = 0x2 << 62
_RANDOM_A = ((1 << 12) - 1) << 64
_RANDOM_B = (1 << 62) - 1


def _uuid(version: int, milliseconds: int, bits: bytes) -> UUID:
    """Return a UUID of 48 bits of Unix milliseconds, version, 74 free bits and variant (RFC 9562, 5.7 and 5.8)."""
    free = int.from_bytes(bits[:10], "big")
    return UUID(int=(milliseconds << 80) | version | _VARIANT | (free & (_RANDOM_A | _RANDOM_B)))


def new_run_id() -> UUID:
    """Return a new UUIDv7 of the current millisecond."""
    return _uuid(_RUN_VERSION, int(clock.now().timestamp() * 1000), os.urandom(10))


def made_at(id: UUID) -> datetime:
    """Return the time in an id: the creation of the run, also for ids derived from it; at most the year 9999."""
    return _EPOCH + timedelta(milliseconds=min(id.int >> 80, _LAST_MS))


def lowest_id(moment: datetime) -> UUID:
    """Return the lowest id of a millisecond."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def is_underived(id: UUID) -> bool:
    """Return whether a run can have this id: a UUIDv7."""
    return id.version == 7


def as_derived(id: UUID) -> UUID:
    """Return the id as a UUIDv8, the current form of a derived id that was stored as version 7."""
    return UUID(int=(id.int & ~_VERSION) | _DERIVED_VERSION)


def derived_id(run: UUID, *parts: UUID | str | int) -> UUID:
    """Return the id of something inside `run`, a UUIDv8 of the run's milliseconds and bits of SHA-256(run, parts).

    The same run and parts result in the same id on every machine, so the id need not be stored and a repeated statement
    creates nothing twice.
    """
    text = "\x1f".join([_hashed(run), *(_hashed(part) if isinstance(part, UUID) else str(part) for part in parts)])
    return _uuid(_DERIVED_VERSION, run.int >> 80, hashlib.sha256(text.encode()).digest())


def _hashed(id: UUID) -> str:
    """Return the hex digits of an id for hashing: always with version 7, which derived ids had formerly.

    Ids of older runs therefore differ from the current form only in the version.
    """
    return f"{(id.int & ~_VERSION) | _RUN_VERSION:032x}"


def node_job_id(run: UUID, node: str) -> UUID:
    """Return the id of a top-level node of a run: that of its job, or of a node without a job."""
    return derived_id(run, "node", node)


def inner_job_id(run: UUID, frame: UUID | None, node: str) -> UUID:
    """Return the id of a node in a frame of a run (None: at its top level): that of its job, or of a node without a
    job.
    """
    return node_job_id(run, node) if frame is None else derived_id(run, "node", frame, node)


def opening_id(run: UUID, holder: UUID, attempt: int) -> UUID:
    """Return the id of one opening of the node `holder` (its own id) of a run; `attempt` counts from 0."""
    return derived_id(run, "opening", holder, attempt)


def frame_id(run: UUID, opening: UUID, place: int) -> UUID:
    """Return the id of the body number `place` of an opening: an iteration, or a branch."""
    return derived_id(run, "frame", opening, place)
