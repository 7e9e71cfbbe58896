"""Rows of concurrency limits (gates), their queues and their permits."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("gates")


class Entry(msgspec.Struct, frozen=True):
    """A node (`job`: its id), or a run by its own id, that queues for a permit of the key `name`."""

    job: UUID
    run: UUID
    frame: UUID | None
    """Frame of the node."""
    workspace: str | None
    """None: the key is shared by all workspaces."""
    name: str
    places: int
    window_s: float
    priority: int
    inside: bool = False
    """True if it is a node of a sub-workflow, or of a run that may hold a permit itself."""
    default: bool = False
    """True if the document has no key; `name` then contains no NUL."""

    @property
    def key(self) -> bytes:
        """Key of the gate's row. Default keys, keys of one workspace and global keys never collide."""
        return _key(self.workspace, self.name, default=self.default)


def _key(workspace: str | None, name: str, *, default: bool) -> bytes:
    text = f"{workspace or ''}\0{name}"
    if default:
        text = f"\0{text}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def keys_named(workspace: str, name: str) -> tuple[bytes, ...]:
    """Return the keys of all gates that jobs of a workspace can enter by this name."""
    return (
        _key(workspace, name, default=False),
        _key(workspace, name, default=True),
        _key(None, name, default=False),
    )


class GateUse(msgspec.Struct, frozen=True):
    """A gate by its name, and the number of its permits that are in use."""

    name: str
    in_use: int


class GateRow(msgspec.Struct, frozen=True):
    """A locked gate; `now` is the time of the database."""

    key: bytes
    name: str
    places: int
    window_s: float
    in_use: int
    given: int
    starts: Sequence[datetime]
    now: datetime


class QueueEntry(msgspec.Struct, frozen=True):
    """An entry of a queue; `eldest`: the row is the longest-waiting entry, which may also be at the front."""

    key: bytes
    job: UUID
    run: UUID
    frame: UUID | None
    eldest: bool


class ReleasedPermit(msgspec.Struct, frozen=True):
    """A released permit of the gate `key`; `lender` is the run that had lent it, None if it was the gate's own."""

    key: bytes
    lender: UUID | None


class Loan(msgspec.Struct, frozen=True):
    """A loan: the queued `job` (of `run`) receives the permit held by the run `lender`."""

    job: UUID
    run: UUID
    lender: UUID


class GateState(msgspec.Struct, frozen=True):
    """New state of a gate."""

    key: bytes
    in_use: int
    given: int
    starts: Sequence[datetime]
    due_at: datetime | None


class LimitRow(msgspec.Struct, frozen=True):
    """The limit at which a node or a run waits."""

    job: UUID
    run: UUID
    name: str
    places: int
    window_s: float
    in_use: int
    due_at: datetime | None
    before: int | None
    """Number of entries before it; None if not queried."""
    held_by: tuple[UUID, ...]
    """Runs of the workspace that hold permits, at most 20."""


_SHOWN_NAME = 500


async def list_keys(connection: Connection, jobs: Collection[UUID], runs: Collection[UUID]) -> list[bytes]:
    """Return the gates at which these nodes or runs wait or hold permits."""
    return [row["key"] for row in await connection.fetch(_SQL["list_keys"], list(jobs), list(runs))]


async def lock(connection: Connection, entries: Sequence[Entry], others: Collection[bytes]) -> list[GateRow]:
    """Lock these gates in the order of their keys; gates of `entries` take over the limits named there."""
    newest: Mapping[bytes, Entry | None] = {**dict.fromkeys(others), **{entry.key: entry for entry in entries}}
    keys = sorted(newest)
    rows = await connection.fetch(
        _SQL["lock_gates"],
        keys,
        [_field(newest[key], "workspace") for key in keys],
        [(entry.name[:_SHOWN_NAME] if (entry := newest[key]) else None) for key in keys],
        [_field(newest[key], "places") for key in keys],
        [_field(newest[key], "window_s") for key in keys],
    )
    return [GateRow(**dict(row)) for row in rows]


def _field(entry: Entry | None, name: str) -> object:
    return None if entry is None else getattr(entry, name)


async def delete_entries(
    connection: Connection, jobs: Collection[UUID], runs: Collection[UUID]
) -> list[ReleasedPermit]:
    """Delete permits and queue entries; return the permits. Their gates must be locked."""
    return [
        ReleasedPermit(**dict(row)) for row in await connection.fetch(_SQL["delete_entries"], list(jobs), list(runs))
    ]


async def insert_entries(connection: Connection, entries: Sequence[Entry]) -> None:
    """Append queue entries in this order. Their gates must be locked."""
    columns = ([entry.job for entry in entries], [entry.run for entry in entries], [entry.frame for entry in entries])
    keys, priorities = [entry.key for entry in entries], [entry.priority for entry in entries]
    await connection.execute(_SQL["insert_entries"], *columns, keys, priorities)


async def list_queue_heads(connection: Connection, limit: Mapping[bytes, int]) -> list[QueueEntry]:
    """Return the first entries of each queue, as many as specified, and its eldest entry."""
    rows = await connection.fetch(_SQL["list_queue_heads"], list(limit), list(limit.values()))
    return [QueueEntry(**dict(row)) for row in rows]


async def find_lenders(connection: Connection, entries: Sequence[Entry]) -> list[Loan]:
    """Return the permits that could be lent to these entries, the nearest first. A permit may appear more than once."""
    columns = ([entry.job for entry in entries], [entry.run for entry in entries], [entry.key for entry in entries])
    return [Loan(**dict(row)) for row in await connection.fetch(_SQL["find_lenders"], *columns)]


async def find_borrowers(connection: Connection, lenders: Collection[UUID]) -> list[Loan]:
    """Return the entries to which the permits of these runs are lent next."""
    return [Loan(**dict(row)) for row in await connection.fetch(_SQL["find_borrowers"], list(lenders))]


async def grant(connection: Connection, jobs: Collection[UUID], lenders: Sequence[UUID | None]) -> None:
    """Grant permits to these jobs, as loans if a lender is named, and send each run an event."""
    await connection.execute(_SQL["grant"], list(jobs), list(lenders))


async def save(connection: Connection, states: Sequence[GateState]) -> None:
    """Write the new states of locked gates."""
    await connection.execute(
        _SQL["save_gates"],
        [state.key for state in states],
        [state.in_use for state in states],
        [state.given for state in states],
        [_array(state.starts) for state in states],
        [state.due_at for state in states],
    )


def _array(times: Sequence[datetime]) -> str:
    """Return a PostgreSQL array as text: a parameter can only hold arrays of equal length."""
    return "{" + ",".join(f'"{time.isoformat()}"' for time in times) + "}"


async def find_queue_entry(connection: Connection, workspace: str, job: UUID) -> tuple[UUID, UUID | None] | None:
    """Return run and frame of the node with this id if it is queued."""
    row = await connection.fetchrow(_SQL["find_queue_entry"], workspace, job)
    return (row["run"], row["frame"]) if row is not None else None


async def get_limit(connection: Connection, workspace: str, job: UUID) -> LimitRow | None:
    """Return the limit at which the node or run with this id is queued."""
    row = await connection.fetchrow(_SQL["get_limit"], job, workspace)
    return LimitRow(**{**dict(row), "held_by": tuple(row["held_by"])}) if row is not None else None


async def list_limits(connection: Connection, workspace: str, run: UUID, frame: UUID | None) -> dict[UUID, LimitRow]:
    """Return the limits at which nodes of one frame of a run (None: of the top level) are queued, by id, at most 50."""
    rows = await connection.fetch(_SQL["list_limits"], run, frame, workspace)
    return {row["job"]: LimitRow(**{**dict(row), "held_by": tuple(row["held_by"])}) for row in rows}


async def list_limits_of_runs(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, LimitRow]:
    """Return the limits at which runs as a whole are queued."""
    rows = await connection.fetch(_SQL["list_limits_of_runs"], list(runs))
    return {row["job"]: LimitRow(**{**dict(row), "held_by": ()}) for row in rows}


async def list_used(connection: Connection, limit: int) -> list[GateUse]:
    """Return the gates with permits in use or queued entries, the most used first."""
    return [GateUse(**dict(row)) for row in await connection.fetch(_SQL["list_used_gates"], limit)]


async def list_due(connection: Connection, past: datetime) -> list[bytes]:
    """Return the gates whose windows now admit a queued entry."""
    return [row["key"] for row in await connection.fetch(_SQL["list_due_gates"], past)]


async def delete_unused(connection: Connection) -> None:
    """Delete gates that have not been used for a day."""
    await connection.execute(_SQL["delete_unused"])
