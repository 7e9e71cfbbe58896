"""Erasure of values, logs and objects of ended runs when it is due. Rows are deleted before objects."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from msgspec.structs import replace

from orvanta_platform.db import erasures
from orvanta_platform.db.erasures import WHOLE_RUN, ErasureRow
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.plan import Kind
from orvanta_platform.ids import frame_id, opening_id
from orvanta_platform.orchestrator.nested_rows import child_id
from orvanta_platform.services.platform import Platform

_AT_ONCE = 20


async def add_erasures(conn: Connection, rows: list[JobRow]) -> list[JobRow]:
    """Add the time of erasure to the rows, past or future: that of the whole run, or that of the node."""
    ended = list({row.run for row in rows if row.ended})
    found = {(each.run, each.node_index): each for each in await erasures.list_of_runs(conn, ended)} if ended else {}
    if not found:
        return rows
    return [replace(row, erasure=_erasure(row, found)) for row in rows]


def _erasure(row: JobRow, found: Mapping[tuple[UUID, int], ErasureRow]) -> ErasureRow | None:
    own = found.get((row.run, row.node_index)) if row.is_step and row.node_index is not None else None
    return own or found.get((row.run, WHOLE_RUN))


async def erase_due(platform: Platform) -> int:
    """Erase the data of up to 20 runs or nodes that are due; returns their number.

    Objects that cannot be deleted are left to the janitor.
    """

    async def erase(connection: Connection) -> tuple[int, list[str]]:
        due = await erasures.lock_due(connection, _AT_ONCE)
        objects = [name for run, node in due for name in await _erase(connection, run, node)]
        return len(due), objects

    count, objects = await platform.db.retrying(erase)
    for name in objects:
        await platform.storage.delete(name)
    return count


async def _erase(connection: Connection, run: UUID, node: int) -> list[str]:
    """Erase the data of a run or node, including items, initial states and sub-workflows of a container node."""
    if node == WHOLE_RUN:
        return await erasures.erase(connection, run, node)
    left = await erasures.list_rows_of_node(connection, run, node)
    openings = {
        opening_id(run, each.id, attempt): each.kind
        for each in left
        if each.kind in _HOLDERS
        for attempt in range(each.failures + 1)
    }
    frames = [frame_id(run, each.parent, each.place) for each in left if each.parent and each.place is not None]
    objects = await erasures.erase(connection, run, node, [*openings, *frames])
    for opening, kind in openings.items():
        if kind == Kind.FLOW:
            objects += await erasures.erase(connection, child_id(run, opening), WHOLE_RUN)
    return objects


_HOLDERS = frozenset(kind.value for kind in Kind if kind.is_container)
