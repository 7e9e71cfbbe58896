"""Rows of references between items, and their reverse look-up."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from orvanta_platform.db.job_lists import Visible
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("version_references")


class VersionReference(msgspec.Struct, frozen=True):
    """The script or flow (`kind`) that a node runs or imports, or that a script imports (`node` is empty).

    `pinned` is the hash of the version, None: the newest version.
    """

    node: str
    kind: str
    path: str
    pinned: str | None


class Sought(msgspec.Struct, frozen=True):
    """Item whose references are searched for. `kind`: script, flow, variable, resource, resource_type, queue, group or
    policy.

    `path` is the name of a queue, group, policy or resource type.
    """

    kind: str
    path: str
    text: str | None = None
    """Text that a document contains if it refers to the item; None: documents do not."""


class ReferenceRow(msgspec.Struct, frozen=True):
    """Reference to a `Sought` item.

    `kind`: flow, script, schedule, http_trigger, error_handler, resource, variable, folder, policy or environment.
    """

    kind: str
    path: str
    node: str | None
    """Node of a workflow, if it is known."""
    pinned: str | None
    enabled: bool | None
    """True for a schedule, HTTP trigger or policy that is in use; None for other kinds."""
    of_kind: str
    of_path: str
    document: bytes | None
    """Hash of a document that may contain a reference. None: the item refers to it, or its document is too long to be
    searched.
    """
    readable: bool
    """True if the caller may read the item."""


class Readers(msgspec.Struct, frozen=True):
    """The rows visible to a caller, as in control.permissions.Readable."""

    everything: bool
    patterns: list[str]
    principals: list[str]
    limits: list[tuple[str, str]]
    """Kinds that the token may read, each with a pattern of its paths. Kinds without one are hidden."""


class RunCount(msgspec.Struct, frozen=True):
    """Number of runs in progress of an item or in a queue."""

    kind: str
    path: str
    visible: int
    hidden: int


async def record(conn: Connection, version: int, workspace: str, references: Sequence[VersionReference]) -> None:
    """Record the scripts and workflows that a version refers to."""
    if references:
        columns = zip(*((each.node, each.kind, each.path, each.pinned) for each in references), strict=True)
        await conn.execute(_SQL["record"], version, workspace, *(list(column) for column in columns))


async def list_references(
    conn: Connection, workspace: str, sought: Sequence[Sought], who: Readers, limit: int, *, longest: int
) -> list[ReferenceRow]:
    """Return the items that refer or may refer to one of some items, at most `limit` rows, readable ones first.

    `longest`: size in bytes of the longest document that is searched.
    """
    columns = [[getattr(each, name) for each in sought] for name in ("kind", "path", "text")]
    shown = (who.everything, who.patterns, who.principals, *([each[of] for each in who.limits] for of in (0, 1)))
    rows = await conn.fetch(_SQL["list_references"], workspace, *columns, *shown, longest, limit)
    return [ReferenceRow(**row) for row in rows]


async def count_runs(
    conn: Connection, workspace: str, items: Sequence[tuple[str, str]], visible: Visible, limit: int
) -> list[RunCount]:
    """Return the numbers of runs in progress of some items and queues by (kind, path), at most `limit` in total."""
    kinds, paths = [kind for kind, _ in items], [path for _, path in items]
    shown = (visible.everything, visible.patterns, visible.principals, visible.username, visible.scope)
    return [RunCount(**row) for row in await conn.fetch(_SQL["count_runs"], workspace, kinds, paths, *shown, limit)]


async def list_documents(conn: Connection, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return documents by their hash."""
    return {row["hash"]: row["body"] for row in await conn.fetch(_SQL["list_documents"], list(hashes))}
