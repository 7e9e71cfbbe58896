"""Rows of limits: gates, who stands in line at them, who has a permit."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class Entry:
    """A node (`job`: its id), or a run by its own id, that stands in line for a permit of the key `name`.

    `workspace` None: the key is one of all workspaces. `frame`: in which the node stands. `inside`: it is a node of a
    run that may have a permit itself, or of a sub-workflow. `default`: no key was written; `name` has no NUL.
    """

    job: UUID
    run: UUID
    frame: UUID | None
    workspace: str | None
    name: str
    places: int
    window_s: float
    priority: int
    inside: bool = False
    default: bool = False

    @property
    def key(self) -> bytes:
        """Key of the gate's row. Default keys, keys of one workspace and keys of all differ, whatever their texts."""
        text = f"{self.workspace or ''}\0{self.name}"
        if self.default:
            text = f"\0{text}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class GateRow:
    """A locked gate; `now`: by the clock of the database."""

    key: bytes
    name: str
    places: int
    window_s: float
    in_use: int
    given: int
    starts: Sequence[datetime]
    now: datetime


@dataclass(frozen=True, slots=True)
class InLine:
    """One in line; `eldest`: the row stands for who has waited longest, who may be at the front as well."""

    key: bytes
    job: UUID
    run: UUID
    frame: UUID | None
    eldest: bool


@dataclass(frozen=True, slots=True)
class Left:
    """A permit of the gate `key` that was given back; `lender`: the run it was lent by, None where it was a place."""

    key: bytes
    lender: UUID | None


@dataclass(frozen=True, slots=True)
class Loan:
    """That `job` (of `run`), which stands in line, gets the permit that the run `lender` has."""

    job: UUID
    run: UUID
    lender: UUID


@dataclass(frozen=True, slots=True)
class GateState:
    """What is written of a gate."""

    key: bytes
    in_use: int
    given: int
    starts: Sequence[datetime]
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class LimitRow:
    """The limit at which a node, or a run, stands in line. `before`: how many come first, None where nobody asked.

    `held_by`: runs of the workspace that have permits, at most 20.
    """

    job: UUID
    run: UUID
    name: str
    places: int
    window_s: float
    in_use: int
    due_at: datetime | None
    before: int | None
    held_by: tuple[UUID, ...]


_SHOWN_NAME = 500


async def keys_of(connection: Connection, jobs: Collection[UUID], runs: Collection[UUID]) -> list[bytes]:
    """The gates at which these nodes, or these runs, are in line or have permits."""
    return [row["key"] for row in await connection.fetch(_text("keys_of"), list(jobs), list(runs))]


async def lock(connection: Connection, entries: Sequence[Entry], others: Collection[bytes]) -> list[GateRow]:
    """Lock these gates in the order of their keys; those of `entries` get the limits that these name."""
    newest: Mapping[bytes, Entry | None] = {**dict.fromkeys(others), **{entry.key: entry for entry in entries}}
    keys = sorted(newest)
    rows = await connection.fetch(
        _text("lock_gates"),
        keys,
        [_field(newest[key], "workspace") for key in keys],
        [(entry.name[:_SHOWN_NAME] if (entry := newest[key]) else None) for key in keys],
        [_field(newest[key], "places") for key in keys],
        [_field(newest[key], "window_s") for key in keys],
    )
    return [GateRow(**dict(row)) for row in rows]


def _field(entry: Entry | None, name: str) -> object:
    return None if entry is None else getattr(entry, name)


async def leave(connection: Connection, jobs: Collection[UUID], runs: Collection[UUID]) -> list[Left]:
    """Give back permits and places in line; gives the permits. Their gates are locked."""
    return [Left(**dict(row)) for row in await connection.fetch(_text("leave_gates"), list(jobs), list(runs))]


async def enter(connection: Connection, entries: Sequence[Entry]) -> None:
    """Stand in line, in this order. Their gates are locked."""
    columns = ([entry.job for entry in entries], [entry.run for entry in entries], [entry.frame for entry in entries])
    keys, priorities = [entry.key for entry in entries], [entry.priority for entry in entries]
    await connection.execute(_text("enter_gates"), *columns, keys, priorities)


async def lines(connection: Connection, most: Mapping[bytes, int]) -> list[InLine]:
    """The front of each line, so many of it, and the eldest of each."""
    rows = await connection.fetch(_text("lines"), list(most), list(most.values()))
    return [InLine(**dict(row)) for row in rows]


async def lenders(connection: Connection, entries: Sequence[Entry]) -> list[Loan]:
    """Whose permits could be lent to these, who stand in line: the nearest first. One may be named more than once."""
    columns = ([entry.job for entry in entries], [entry.run for entry in entries], [entry.key for entry in entries])
    return [Loan(**dict(row)) for row in await connection.fetch(_text("lenders"), *columns)]


async def borrowers(connection: Connection, lenders: Collection[UUID]) -> list[Loan]:
    """To whom the permits of these runs are to be lent next."""
    return [Loan(**dict(row)) for row in await connection.fetch(_text("borrowers"), list(lenders))]


async def give(connection: Connection, jobs: Collection[UUID], lenders: Sequence[UUID | None]) -> None:
    """These get their permits, lent where a lender is named, and their runs an event each."""
    await connection.execute(_text("give_permits"), list(jobs), list(lenders))


async def save(connection: Connection, states: Sequence[GateState]) -> None:
    """Write what became of gates that are locked."""
    await connection.execute(
        _text("save_gates"),
        [state.key for state in states],
        [state.in_use for state in states],
        [state.given for state in states],
        [_array(state.starts) for state in states],
        [state.due_at for state in states],
    )


def _array(times: Sequence[datetime]) -> str:
    """An array of PostgreSQL as text: a parameter holds one of arrays of one length only."""
    return "{" + ",".join(f'"{time.isoformat()}"' for time in times) + "}"


async def place_in_line(connection: Connection, workspace: str, job: UUID) -> tuple[UUID, UUID | None] | None:
    """The run and the frame of the node with this id, where that stands in line."""
    row = await connection.fetchrow(_text("place_in_line"), workspace, job)
    return (row["run"], row["frame"]) if row is not None else None


async def limit_of(connection: Connection, workspace: str, job: UUID) -> LimitRow | None:
    """The limit at which the node, or run, with this id stands in line."""
    row = await connection.fetchrow(_text("limit_of"), job, workspace)
    return LimitRow(**{**dict(row), "held_by": tuple(row["held_by"])}) if row is not None else None


async def limits_of(connection: Connection, workspace: str, run: UUID, frame: UUID | None) -> dict[UUID, LimitRow]:
    """What of a run stands in line in one frame (None: outside of all), by its ids, at most 50."""
    rows = await connection.fetch(_text("limits_of"), run, frame, workspace)
    return {row["job"]: LimitRow(**{**dict(row), "held_by": tuple(row["held_by"])}) for row in rows}


async def limits_of_runs(connection: Connection, runs: Sequence[UUID]) -> dict[UUID, LimitRow]:
    """The limits at which runs stand in line as a whole."""
    rows = await connection.fetch(_text("limits_of_runs"), list(runs))
    return {row["job"]: LimitRow(**{**dict(row), "held_by": ()}) for row in rows}


async def due(connection: Connection, past: datetime) -> list[bytes]:
    """Gates whose windows let somebody through now."""
    return [row["key"] for row in await connection.fetch(_text("due_gates"), past)]


async def forget(connection: Connection) -> None:
    """Drop gates that nobody has used for a day."""
    await connection.execute(_text("forget_gates"))


def _text(name: str) -> str:
    return load("gates")[name].text
