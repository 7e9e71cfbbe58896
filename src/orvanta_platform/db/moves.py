"""Rows of moves: an item gets another path, with its versions, and with everything that refers to it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import asyncpg
import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.version_references import VersionReference

_SQL = query_texts("moves")


class Move(msgspec.Struct, frozen=True):
    """An item and the path that it gets. `kind`: script or flow."""

    kind: str
    path: str
    target: str


class AffectedRow(msgspec.Struct, frozen=True):
    """An item that refers to a moved one. `kind`: script, flow, schedule, http_trigger or error_handler."""

    kind: str
    path: str
    created_by: str
    extra_perms: dict[str, bool]


class MovedRow(AffectedRow, frozen=True):
    """An item that was moved."""

    origin: str
    """Path before the move."""


class ReferringVersion(AffectedRow, frozen=True):
    """A version that refers to a moved item."""

    version: int
    nodes: list[str]
    """The nodes that refer to it; "" for the imports of a script."""
    format: str
    body: bytes
    defaults: str | None
    """Defaults of policies (JSON text)."""
    current: bool
    newest: bool


class NewDocument(msgspec.Struct, frozen=True):
    """Document that replaces that of a version, in a new version. `hash`: of the artifact."""

    version: int
    digest: bytes
    body: bytes
    hash: str
    references: Sequence[VersionReference]
    """The items that its nodes run."""
    run_body: bytes | None = None
    """The document with the defaults of policies; None: runs use `body`."""


async def list_referring(
    conn: Connection, workspace: str, moves: Sequence[Move], limit: int
) -> tuple[list[ReferringVersion], list[AffectedRow], list[AffectedRow]]:
    """Return the versions that refer to moved items, from the current one of each item on; items of which earlier
    versions that refer to them run for some member; and triggers. At most `limit` rows each.
    """
    what = (workspace, [each.kind for each in moves], [each.path for each in moves], limit)
    versions = await conn.fetch(_SQL["list_referring_versions"], *what)
    earlier = await conn.fetch(_SQL["list_earlier_versions"], *what)
    triggers = await conn.fetch(_SQL["list_triggers"], *what)
    return (
        [ReferringVersion(**{**row, "extra_perms": _perms(row)}) for row in versions],
        _affected(earlier),
        _affected(triggers),
    )


async def list_targets(conn: Connection, workspace: str, keys: Sequence[tuple[str, str]]) -> list[MovedRow]:
    """Return the items that were at some paths, by (kind, path), and were moved to another one."""
    columns = [[each[at] for each in keys] for at in (0, 1)]
    rows = await conn.fetch(_SQL["list_targets"], workspace, *columns)
    return [MovedRow(**{**row, "extra_perms": _perms(row)}) for row in rows]


async def lock_items(conn: Connection, workspace: str, moves: Sequence[Move]) -> list[AffectedRow]:
    """Return the items to move, locked until the transaction ends. Missing ones are left out."""
    kinds, paths = [each.kind for each in moves], [each.path for each in moves]
    return _affected(await conn.fetch(_SQL["lock_items"], workspace, kinds, paths))


async def rewrite_versions(conn: Connection, documents: Sequence[NewDocument], username: str, message: str) -> None:
    """Add versions with these documents, which become current and are accepted for the same members."""
    if not documents:
        return
    digests = [each.digest for each in documents]
    run_digests = [None if each.run_body is None else hashlib.sha256(each.run_body).digest() for each in documents]
    stored = [(digest, each.body) for digest, each in zip(digests, documents, strict=True)]
    stored += [
        (digest, each.run_body)
        for digest, each in zip(run_digests, documents, strict=True)
        if digest is not None and each.run_body is not None
    ]
    await conn.execute(_SQL["insert_documents"], *([each[at] for each in stored] for at in (0, 1)))
    references = [
        (document.version, each.node, each.kind, each.path, each.pinned)
        for document in documents
        for each in document.references
    ]
    columns = [list(column) for column in zip(*references, strict=True)] if references else [[], [], [], [], []]
    versions, hashes = [each.version for each in documents], [each.hash for each in documents]
    await conn.execute(_SQL["rewrite_versions"], versions, digests, hashes, username, message, *columns, run_digests)


async def list_reused_targets(conn: Connection, workspace: str, moves: Sequence[Move]) -> list[tuple[str, str]]:
    """Return kind and path of the new paths that other items had, which were deleted or moved away."""
    rows = await conn.fetch(_SQL["list_reused_targets"], workspace, *_columns(moves))
    return [(row["kind"], row["target"]) for row in rows]


async def move_items(conn: Connection, workspace: str, moves: Sequence[Move], username: str) -> bool:
    """Move items with their versions, acceptances and drafts; return False if a new path is in use."""
    columns = _columns(moves)
    found = await conn.fetch(_SQL["insert_moved_items"], workspace, *columns, username)
    if len(found) < len(moves):
        return False
    for query in (
        "move_versions",
        "move_acceptances",
        "move_drafts",
        "move_favourites",
        "move_saved_inputs",
        "delete_captures",
        "delete_awaited_tests",
        "move_tests",
    ):
        await conn.execute(_SQL[query], workspace, *columns)
    await conn.execute(_SQL["delete_moved_items"], workspace, *columns[:2])
    for query in ("forward_former_paths", "insert_former_paths"):
        await conn.execute(_SQL[query], workspace, *columns)
    return True


async def move_triggers(
    conn: Connection, workspace: str, moves: Sequence[Move], schedules: Sequence[str], http_triggers: Sequence[str]
) -> None:
    """Replace the paths that these schedules and HTTP triggers, and the error handler, run."""
    columns = _columns(moves)
    await conn.execute(_SQL["move_targets_of_schedules"], workspace, *columns, schedules)
    await conn.execute(_SQL["move_targets_of_http_triggers"], workspace, *columns, http_triggers)
    await conn.execute(_SQL["move_target_of_error_handler"], workspace, *columns)


async def get_target(conn: Connection, workspace: str, kind: str, path: str) -> str | None:
    """Return the current path of the item that was last moved away from a path, None if there is none."""
    found: str | None = await conn.fetchval(_SQL["get_target"], workspace, kind, path)
    return found


async def list_former_paths(conn: Connection, workspace: str, kind: str) -> dict[str, str]:
    """Return the current paths by former path. Former paths that are used again are left out."""
    return {row["path"]: row["target"] for row in await conn.fetch(_SQL["list_former_paths"], workspace, kind)}


def _affected(found: Sequence[asyncpg.Record]) -> list[AffectedRow]:
    return [AffectedRow(**{**row, "extra_perms": _perms(row)}) for row in found]


def _columns(moves: Sequence[Move]) -> tuple[list[str], list[str], list[str]]:
    return [each.kind for each in moves], [each.path for each in moves], [each.target for each in moves]


def _perms(row: asyncpg.Record) -> dict[str, bool]:
    return msgspec.json.decode(row["extra_perms"], type=dict[str, bool])
