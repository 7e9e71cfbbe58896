"""Rows of step_debounce: which node waits for later ones of its key, and until when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class PutOff:
    """A node (`job`: its id, `frame`: where it stands) that begins to wait under `key`.

    `args`: JSON object of the inputs named by `accumulate`. `longest_s`, `most`: how long, and how often, one may be
    put off in all; None: without end.
    """

    key: bytes
    run: UUID
    frame: UUID | None
    job: UUID
    args: bytes
    delay_s: float
    accumulate: tuple[str, ...]
    longest_s: float | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """A locked key: the node that waits under it, for how many it stands, since when; `now`: the database's time."""

    key: bytes
    run: UUID
    frame: UUID | None
    job: UUID
    calls: int
    first_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What becomes of a locked key: the node that waits now, for how many it stands, since when, until when."""

    key: bytes
    run: UUID
    frame: UUID | None
    job: UUID
    calls: int
    first_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Over:
    """A node that waits no longer; `by`: the run whose node took its place, None where its time is over."""

    run: UUID
    frame: UUID | None
    job: UUID
    by: UUID | None = None


async def lock(connection: Connection, entering: Sequence[PutOff]) -> list[Held]:
    """Lock the keys of `entering`, in order; those without a node get the first that enters."""
    first = {each.key: each for each in reversed(entering)}
    keys = sorted(first)
    rows = await connection.fetch(
        _text("lock_step_debounces"),
        keys,
        [first[key].run for key in keys],
        [first[key].frame for key in keys],
        [first[key].job for key in keys],
    )
    return [Held(**dict(row)) for row in rows]


async def leave(connection: Connection, jobs: Collection[UUID], keys: Collection[bytes] = ()) -> None:
    """These nodes wait no longer; `keys`: what is to be locked after this, and is so with theirs, in order."""
    await connection.execute(_text("lock_left"), list(keys), list(jobs))
    await connection.execute(_text("leave_step_debounces"), list(jobs))


async def leave_runs(connection: Connection, runs: Collection[UUID]) -> None:
    """Nothing of these runs waits any longer."""
    await connection.execute(_text("leave_runs"), list(runs))


async def save(connection: Connection, standing: Sequence[Standing]) -> None:
    """Write what becomes of keys that are locked."""
    await connection.execute(
        _text("save_step_debounces"),
        [each.key for each in standing],
        [each.run for each in standing],
        [each.frame for each in standing],
        [each.job for each in standing],
        [each.calls for each in standing],
        [each.first_at for each in standing],
        [each.due_at for each in standing],
    )


async def tell(connection: Connection, over: Sequence[Over]) -> None:
    """Leave each an event in the inbox of its run."""
    await connection.execute(
        _text("tell_over"),
        [each.run for each in over],
        [each.frame for each in over],
        [each.job for each in over],
        [each.by for each in over],
    )


async def take_due(connection: Connection, past: datetime) -> list[UUID]:
    """End the waits, at most 200, whose time after `past` has come, each with an event for its run; gives the runs."""
    return [row["run"] for row in await connection.fetch(_text("take_due"), past)]


async def place_of(connection: Connection, workspace: str, job: UUID) -> tuple[UUID, UUID | None] | None:
    """The run and the frame of the node with this id, where that waits for later ones."""
    row = await connection.fetchrow(_text("place_of"), workspace, job)
    return (row["run"], row["frame"]) if row is not None else None


def _text(name: str) -> str:
    return load("step_debounces")[name].text
