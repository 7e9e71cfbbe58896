"""Rows of what a workflow's nodes run, and of what runs a script or workflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NodeUse:
    """What one node runs. `kind`: script or flow; `pinned`: the hash it names, None where it takes the newest."""

    node: str
    kind: str
    path: str
    pinned: str | None


@dataclass(frozen=True, slots=True)
class UserRow:
    """Something that runs a script or workflow. `kind`: flow, schedule or http_trigger; `node`: of flows alone."""

    kind: str
    path: str
    node: str | None
    pinned: str | None


@dataclass(frozen=True, slots=True)
class Readers:
    """What may be shown, as control.permissions.Readable says it, with the limits of the token by kind."""

    everything: bool
    patterns: list[str]
    principals: list[str]
    flows: list[str] | None
    schedules: list[str] | None
    http_triggers: list[str] | None


async def note(conn: Connection, version: int, workspace: str, uses: Sequence[NodeUse]) -> None:
    """Keep what the nodes of a version run."""
    if uses:
        columns = zip(*((use.node, use.kind, use.path, use.pinned) for use in uses), strict=True)
        await conn.execute(load("uses")["note"].text, version, workspace, *(list(column) for column in columns))


async def of(conn: Connection, workspace: str, kind: str, path: str, who: Readers, limit: int) -> list[UserRow]:
    """What runs the script or workflow at a path, at most `limit` rows, by kind and path."""
    shown = (who.everything, who.patterns, who.principals, who.flows, who.schedules, who.http_triggers)
    rows = await conn.fetch(load("uses")["of"].text, workspace, kind, path, *shown, limit)
    return [UserRow(**row) for row in rows]
