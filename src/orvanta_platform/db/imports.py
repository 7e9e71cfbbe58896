"""Rows of scripts that other scripts import, and of the documents with their contents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("imports")


class ImportableScript(msgspec.Struct, frozen=True):
    """The version of a script that an import by path refers to."""

    path: str
    hash: str
    document: bytes
    """Hash of its content."""
    language: str
    size: int
    """Length of the content in bytes."""
    extra_perms: dict[str, bool]
    created_by: str


class ScriptDraft(msgspec.Struct, frozen=True):
    """A member's draft of a script; `created_by` is empty if the script is not deployed."""

    path: str
    body: bytes
    """JSON text."""
    extra_perms: dict[str, bool]
    created_by: str


async def find_importable(
    conn: Connection, workspace: str, paths: Sequence[str], view: str | None
) -> list[ImportableScript]:
    """Return the newest versions of scripts by path. Missing ones are left out.

    `view`: the member for whom the versions must be accepted; None: any version may be imported.
    """
    rows = await conn.fetch(_SQL["find_importable"], workspace, list(paths), view)
    return [
        ImportableScript(**{**row, "language": row["language"] or "", "extra_perms": _perms(row["extra_perms"])})
        for row in rows
    ]


async def list_drafts(conn: Connection, workspace: str, paths: Sequence[str], owner: str) -> list[ScriptDraft]:
    """Return the drafts of scripts that `owner` has at these paths."""
    rows = await conn.fetch(_SQL["list_drafts"], workspace, list(paths), owner)
    return [ScriptDraft(row["path"], row["body"], _perms(row["extra_perms"]), row["created_by"] or "") for row in rows]


async def list_reachable(conn: Connection, workspace: str, paths: Sequence[str], limit: int) -> list[str]:
    """Return the paths of scripts that the current versions at these paths import, directly or through others.

    The given paths are included. At most `limit` paths.
    """
    return [row["path"] for row in await conn.fetch(_SQL["list_reachable"], workspace, list(paths), limit)]


async def list_documents(conn: Connection, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the documents with these hashes, by hash. Missing ones are left out."""
    return {row["hash"]: row["body"] for row in await conn.fetch(_SQL["list_documents"], list(hashes))}


async def store_documents(conn: Connection, bodies: Sequence[bytes]) -> None:
    """Store documents under their SHA-256."""
    unique = {hashlib.sha256(body).digest(): body for body in bodies}
    await conn.execute(_SQL["store_documents"], list(unique), list(unique.values()))


async def get_imports(conn: Connection, version: int) -> dict[str, str]:
    """Return the hashes (hex) of a version's closures: by node for a workflow, under "" for a script."""
    text = await conn.fetchval(_SQL["get_imports"], version)
    return {} if text is None else msgspec.json.decode(text, type=dict[str, str])


def _perms(text: str | None) -> dict[str, bool]:
    return {} if text is None else msgspec.json.decode(text, type=dict[str, bool])
