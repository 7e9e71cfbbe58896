"""Contents of many items at once, for trees of files and change sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("tree")


class TreeFilter(msgspec.Struct, frozen=True):
    """Items to return. The first four describe the caller (control.permissions.Readable), by default nobody."""

    everything: bool = False
    patterns: list[str] = msgspec.field(default_factory=list)
    principals: list[str] = msgspec.field(default_factory=list)
    scope: list[str] | None = None
    paths: Sequence[str] | None = None
    """None: at any path."""

    def arguments(self) -> tuple[object, ...]:
        """Return the conditions in the order of the parameters."""
        return self.everything, self.patterns, self.principals, self.scope, self.paths


class VersionContent(msgspec.Struct, frozen=True):
    """Newest version of a script or workflow. `document` identifies its text, `body`, which is None if not read.

    `tree`: JSON of a YAML document; None if it is not stored.
    """

    path: str
    id: int
    hash: str
    format: str
    language: str | None
    settings: str
    lock: str | None
    document: bytes
    body: bytes | None
    tree: str | None


class VariableContent(msgspec.Struct, frozen=True):
    """Variable; the value of a secret is None."""

    path: str
    value: str | None
    is_secret: bool
    description: str
    labels: list[str] | None


class ResourceContent(msgspec.Struct, frozen=True):
    """Resource; `value` is JSON text in which secrets are masked."""

    path: str
    resource_type: str
    value: str
    description: str | None
    labels: list[str] | None


async def list_versions(
    conn: Connection, workspace: str, kind: str, filter: TreeFilter, *, bodies: bool
) -> list[VersionContent]:
    """Return the newest versions of the items of a kind by path."""
    rows = await conn.fetch(_SQL["list_versions"], workspace, kind, *filter.arguments(), bodies)
    return [VersionContent(**row) for row in rows]


async def list_sizes(
    conn: Connection, workspace: str, paths: Mapping[str, Sequence[str]], *, bodies: bool
) -> dict[tuple[str, str], int]:
    """Return the sizes of contents that may be large, by kind and path; of schedules without `retry`.

    Permissions are not checked: sizes are not for callers. `paths`: by kind.
    """
    kinds = ("variable", "resource", "schedule", "script", "flow")
    rows = await conn.fetch(_SQL["list_sizes"], workspace, *(list(paths.get(kind, ())) for kind in kinds), bodies)
    return {(row["kind"], row["path"]): row["size"] or 0 for row in rows}


async def list_variables(conn: Connection, workspace: str, filter: TreeFilter) -> list[VariableContent]:
    """Return the variables without an expiry by path."""
    rows = await conn.fetch(_SQL["list_variables"], workspace, *filter.arguments())
    return [VariableContent(**row) for row in rows]


async def list_resources(
    conn: Connection, workspace: str, filter: TreeFilter, *, without: Sequence[str]
) -> list[ResourceContent]:
    """Return the resources of other types than `without` by path."""
    rows = await conn.fetch(_SQL["list_resources"], workspace, *filter.arguments(), list(without))
    return [ResourceContent(**row) for row in rows]


async def list_occupied_folders(
    conn: Connection,
    workspace: str,
    names: Sequence[str],
    removed: Sequence[tuple[str, str]],
    *,
    without: Sequence[str],
) -> set[str]:
    """Return those of these folders that have items other than the removed ones (kind and path).

    Permissions are not checked. `without`: types of resources that do not count.
    """
    kinds, paths = [kind for kind, _ in removed], [path for _, path in removed]
    rows = await conn.fetch(_SQL["list_occupied_folders"], workspace, list(names), kinds, paths, list(without))
    return {row["folder"] for row in rows}
