"""Aggregated states of a run's nodes, for graphs of runs of any size."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from orvanta_platform.db.frames import CounterRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("graph")


class BodyCount(msgspec.Struct, frozen=True):
    """Number of bodies of an opening with the same outcome; `first` is the lowest place among them."""

    opening: UUID
    state: str
    count: int
    first: int


class InnerJobCount(msgspec.Struct, frozen=True):
    """Number of jobs of an inner node (`node_index`: its number) in the same state."""

    node_index: int
    state: str
    count: int
    started_at: datetime | None
    took: timedelta | None
    """Sum of the times that the ended jobs took."""


class OpenBodyCount(msgspec.Struct, frozen=True):
    """Number of open bodies of the node with this number in the same state."""

    node_index: int
    body: int
    """Index of their list in the node."""
    state: bytes
    at_top: bool
    """True if the node is at the top level."""
    count: int
    first: int


async def list_open_containers(conn: Connection, run: UUID) -> list[CounterRow]:
    """Return the open loops, branches and sub-workflows at the top level of a run."""
    return [CounterRow(**dict(row)) for row in await conn.fetch(_SQL["list_open_containers"], run)]


async def count_bodies(conn: Connection, run: UUID, openings: Sequence[UUID]) -> list[BodyCount]:
    """Return the outcomes of the bodies of these openings of a run."""
    rows = await conn.fetch(_SQL["count_bodies"], run, list(openings)) if openings else []
    return [BodyCount(**dict(row)) for row in rows]


async def count_inner_jobs(conn: Connection, run: UUID) -> list[InnerJobCount]:
    """Return the states of the jobs of a run's inner nodes."""
    return [InnerJobCount(**dict(row)) for row in await conn.fetch(_SQL["count_inner_jobs"], run)]


async def count_open_bodies(conn: Connection, run: UUID) -> list[OpenBodyCount]:
    """Return the states of a run's open bodies."""
    return [OpenBodyCount(**dict(row)) for row in await conn.fetch(_SQL["count_open_bodies"], run)]
