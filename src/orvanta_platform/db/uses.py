"""Rows of references from versions to scripts and workflows, and their reverse look-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("uses")


@dataclass(frozen=True, slots=True)
class Use:
    """The script or flow (`kind`) that a node runs or imports, or that a script imports (`node` is empty).

    `pinned` is the hash of the version, None: the newest version.
    """

    node: str
    kind: str
    path: str
    pinned: str | None


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user of a script or workflow. `kind`: flow, script, schedule or http_trigger; `node` is set for flows only."""

    kind: str
    path: str
    node: str | None
    pinned: str | None


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """An item that may refer to a variable or resource. `kind`: flow, script, schedule, http_trigger or resource."""

    kind: str
    path: str
    document: bytes | None
    """Hash of the document of a workflow or script that contains the path. None: the item refers to the path, or its
    document is too long to be searched.
    """


@dataclass(frozen=True, slots=True)
class Readers:
    """The rows visible to a caller, as in control.permissions.Readable, with the token's scopes by kind."""

    everything: bool
    patterns: list[str]
    principals: list[str]
    flows: list[str] | None
    scripts: list[str] | None
    schedules: list[str] | None
    http_triggers: list[str] | None
    resources: list[str] | None


async def record(conn: Connection, version: int, workspace: str, uses: Sequence[Use]) -> None:
    """Record the scripts and workflows that a version refers to."""
    if uses:
        columns = zip(*((use.node, use.kind, use.path, use.pinned) for use in uses), strict=True)
        await conn.execute(_SQL["record"], version, workspace, *(list(column) for column in columns))


async def list_users(conn: Connection, workspace: str, kind: str, path: str, who: Readers, limit: int) -> list[UserRow]:
    """Return the users of the script or workflow at a path, at most `limit` rows, by kind and path."""
    shown = (who.everything, who.patterns, who.principals, who.flows, who.schedules, who.http_triggers)
    rows = await conn.fetch(_SQL["list_users"], workspace, kind, path, *shown, limit, who.scripts)
    return [UserRow(**row) for row in rows]


async def list_references(
    conn: Connection, workspace: str, kind: str, path: str, reference: str, who: Readers, limit: int, *, longest: int
) -> list[ReferenceRow]:
    """Return the items that may refer to the variable or resource at a path, at most `limit`, by kind and path.

    `reference` is the JSON string by which values refer to it, `longest` the size in bytes of the longest document that
    is searched.
    """
    shown = (who.everything, who.patterns, who.principals, who.flows, who.scripts, who.schedules, who.http_triggers)
    more = (who.resources, limit, longest)
    rows = await conn.fetch(_SQL["list_references"], workspace, kind, path, reference, *shown, *more)
    return [ReferenceRow(**row) for row in rows]


async def list_documents(conn: Connection, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return documents by their hash."""
    return {row["hash"]: row["body"] for row in await conn.fetch(_SQL["list_documents"], list(hashes))}
