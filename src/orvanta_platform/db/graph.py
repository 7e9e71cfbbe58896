"""A run in numbers: what its nodes hold, counted, however much that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.frames import CounterRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


class BodyTally(msgspec.Struct, frozen=True):
    """So many bodies of an opening that ended alike; `first`: the lowest place among them."""

    opening: UUID
    state: str
    count: int
    first: int


class InnerTally(msgspec.Struct, frozen=True):
    """So many jobs of a node inside others (`node_index`: its number) that stand alike."""

    node_index: int
    state: str
    count: int
    started_at: datetime | None
    ended_at: datetime | None


class OpenStates(msgspec.Struct, frozen=True):
    """So many open bodies of the node with this number that stand alike; `body`: which of its lists they are.

    `at_top`: the node stands at the top level.
    """

    node_index: int
    body: int
    state: bytes
    at_top: bool
    count: int
    first: int


async def open_holders(conn: Connection, run: UUID) -> list[CounterRow]:
    """The loops, branches and sub-workflows at the top level of a run that are under way."""
    return [CounterRow(**dict(row)) for row in await conn.fetch(_text("open_holders"), run)]


async def body_tallies(conn: Connection, run: UUID, openings: Sequence[UUID]) -> list[BodyTally]:
    """How the bodies of these openings of a run ended."""
    rows = await conn.fetch(_text("body_tallies"), run, list(openings)) if openings else []
    return [BodyTally(**dict(row)) for row in rows]


async def inner_tallies(conn: Connection, run: UUID) -> list[InnerTally]:
    """How the jobs of a run's nodes inside others stand."""
    return [InnerTally(**dict(row)) for row in await conn.fetch(_text("inner_tallies"), run)]


async def frame_states(conn: Connection, run: UUID) -> list[OpenStates]:
    """How the open bodies of a run stand."""
    return [OpenStates(**dict(row)) for row in await conn.fetch(_text("frame_states"), run)]


def _text(name: str) -> str:
    return load("graph")[name].text
