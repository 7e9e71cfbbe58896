"""Rows of scripts and workflows (items), their versions and their documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("items")
_DOCUMENTS = query_texts("documents")


class ItemRow(msgspec.Struct, frozen=True):
    """One version with its item."""

    id: int
    workspace: str
    kind: str
    path: str
    number: int
    hash: str
    format: str
    language: str | None
    settings: str
    """JSON text as submitted."""
    parent: str | None
    author: str
    message: str | None
    created_at: datetime
    lock_state: str
    lock: str | None
    lock_error: str | None
    lock_job: UUID | None
    made_schema: str | None
    archived: bool
    extra_perms: dict[str, bool]
    created_by: str
    edited_by: str
    edited_at: datetime
    current: int | None
    body: bytes
    """The document; empty in lists."""
    tree: str | None = None
    """JSON text of a YAML document. None: in lists, for other documents, and for those that an older version stored."""
    has_draft: bool = False
    """True if the caller of a list has a draft of it; False elsewhere."""
    starred: bool = False
    """True if it is a favourite of the caller of a list; False elsewhere."""


class ItemHead(msgspec.Struct, frozen=True):
    """An item without its versions. Only `open_item` returns `deleted` ones."""

    archived: bool
    extra_perms: dict[str, bool]
    created_by: str
    current: int | None
    deleted: bool = False


class VersionRow(msgspec.Struct, frozen=True):
    """One line of a version history. `current`: runs by path use it."""

    id: int
    hash: str
    message: str | None
    created_at: datetime
    author: str
    number: int
    lock_state: str
    archived: bool
    current: bool


class NewVersion(msgspec.Struct, frozen=True):
    """A version to add."""

    workspace: str
    kind: str
    path: str
    number: int
    """The next number of its path."""
    hash: str
    content_hash: str
    body: bytes
    """The document."""
    format: str
    language: str | None
    settings: str
    """JSON text."""
    parent: str | None
    author: str
    message: str | None
    lock: str | None
    """None: the run `lock_job` creates it."""
    lock_job: UUID | None = None
    made_schema: str | None = None
    """JSON text if no schema was submitted."""
    permissioned_as: str | None = None
    """Identity that its runs act as; None: that of their starter."""
    imports: dict[str, str] = msgspec.field(default_factory=dict)
    """Hashes (hex) of closures: by node for a workflow, under "" for a script."""
    defaults: str | None = None
    """Defaults of policies, as JSON text; None: there are none."""
    run_settings: str | None = None
    """Settings with these defaults, as JSON text."""
    run_body: bytes | None = None
    """Document with these defaults; None: it is not changed."""
    tree: str | None = None
    """JSON text of a YAML document."""


class Filter(msgspec.Struct, frozen=True):
    """Conditions of a list. The first five describe the caller (control.permissions.Readable), by default nobody."""

    everything: bool = False
    patterns: list[str] = msgspec.field(default_factory=list)
    principals: list[str] = msgspec.field(default_factory=list)
    scope: list[str] | None = None
    username: str = ""
    archived: bool = False
    path_start: str | None = None
    path: str | None = None
    created_by: str | None = None
    languages: list[str] | None = None
    kinds: list[str] | None = None
    starred: bool = False
    """Favourites of the caller only."""
    is_template: bool | None = None
    dedicated_worker: bool | None = None
    label: str | None = None
    before: int | None = None
    after: int | None = None
    ascending: bool = False
    limit: int = 30
    offset: int = 0


async def get(conn: Connection, workspace: str, kind: str, path: str) -> ItemRow | None:
    """Return the newest version at a path."""
    return _item(await conn.fetchrow(_SQL["get_by_path"], workspace, kind, path))


async def get_by_hash(conn: Connection, workspace: str, kind: str, digest: str) -> ItemRow | None:
    """Return the version with this hash."""
    return _item(await conn.fetchrow(_SQL["get_by_hash"], workspace, kind, digest))


async def get_by_version(conn: Connection, workspace: str, kind: str, version: int) -> ItemRow | None:
    """Return the version with this id."""
    return _item(await conn.fetchrow(_SQL["get_by_version"], workspace, kind, version))


async def get_head(conn: Connection, workspace: str, kind: str, path: str) -> ItemHead | None:
    """Return the item at a path without its versions."""
    return _head(await conn.fetchrow(_SQL["get_head"], workspace, kind, path))


async def get_perms(conn: Connection, workspace: str, kind: str, paths: Sequence[str]) -> dict[str, dict[str, bool]]:
    """Return the extra_perms of those of these paths that exist."""
    rows = await conn.fetch(_SQL["get_perms"], workspace, kind, paths)
    return {row["path"]: _perms(row["extra_perms"]) for row in rows}


async def list_paths_by_name(
    conn: Connection,
    workspace: str,
    kind: str,
    text: str,
    limit: int,
    *,
    everything: bool,
    patterns: Sequence[str],
    principals: Sequence[str],
    scope: Sequence[str] | None,
) -> list[str]:
    """Return the paths of at most `limit` items whose names contain `text` and that the caller may read.

    The other fields are those of `control.permissions.Readable`.
    """
    sees = (everything, patterns, principals, scope)
    rows = await conn.fetch(_SQL["list_paths_by_name"], workspace, kind, text, *sees, limit)
    return [row["path"] for row in rows]


async def list_summaries(
    conn: Connection,
    workspace: str,
    kind: str,
    paths: Sequence[str],
    *,
    everything: bool,
    patterns: Sequence[str],
    principals: Sequence[str],
    scope: Sequence[str] | None,
) -> dict[str, str]:
    """Return the summaries of those of these items that have one and that the caller may read, by path.

    The other fields are those of `control.permissions.Readable`.
    """
    sees = (everything, patterns, principals, scope)
    rows = await conn.fetch(_SQL["list_summaries"], workspace, kind, paths, *sees)
    return {row["path"]: row["summary"] for row in rows}


class ItemSchema(msgspec.Struct, frozen=True):
    """JSON Schema of the inputs of an item, with the fields that determine who may read it."""

    path: str
    schema: str | None
    """JSON text."""
    created_by: str
    extra_perms: dict[str, bool]


async def list_schemas(conn: Connection, workspace: str, kind: str, paths: Sequence[str]) -> list[ItemSchema]:
    """Return the schemas of the current versions at those of these paths that exist."""
    rows = await conn.fetch(_SQL["list_schemas"], workspace, kind, paths)
    return [ItemSchema(row["path"], row["schema"], row["created_by"], _perms(row["extra_perms"])) for row in rows]


async def list_parents(conn: Connection, row: ItemRow) -> list[str]:
    """Return hashes of the versions before this one, newest first, at most 100."""
    rows = await conn.fetch(_SQL["list_parents"], row.workspace, row.path, row.number)
    return [each["hash"] for each in rows]


async def list_versions(
    conn: Connection, workspace: str, kind: str, path: str, *, before: int | None, limit: int, offset: int
) -> list[VersionRow]:
    """Return versions at a path, newest first."""
    query = _SQL["list_versions"]
    rows = await conn.fetch(query, workspace, kind, path, before, limit, offset)
    return [VersionRow(**row) for row in rows]


async def list_page(conn: Connection, workspace: str, kind: str, filter: Filter) -> list[ItemRow]:
    """Return a page of the items selected by `filter`."""
    rows = await conn.fetch(
        _SQL["list"],
        workspace,
        kind,
        filter.everything,
        filter.patterns,
        filter.principals,
        filter.scope,
        filter.archived,
        filter.path_start,
        filter.path,
        filter.created_by,
        filter.languages,
        filter.kinds,
        filter.before,
        filter.after,
        filter.ascending,
        filter.limit,
        filter.offset,
        filter.username,
        filter.starred,
        filter.is_template,
        filter.dedicated_worker,
        None if filter.label is None else [json.dumps(filter.label, ensure_ascii=escaped) for escaped in (True, False)],
    )
    return [item for item in map(_item, rows) if item is not None]


async def list_paths(conn: Connection, workspace: str, kind: str, filter: Filter) -> list[str]:
    """Return all paths of a kind that are readable according to `filter`."""
    query = _SQL["list_paths"]
    who = (filter.everything, filter.patterns, filter.principals, filter.scope)
    return [row["path"] for row in await conn.fetch(query, workspace, kind, *who)]


async def list_contents(conn: Connection, workspace: str, filter: Filter, *, most_bytes: int) -> dict[str, bytes]:
    """Return the documents of a page of the readable scripts, by path; after `most_bytes` bytes the page ends."""
    who = (filter.everything, filter.patterns, filter.principals, filter.scope)
    rows = await conn.fetch(_SQL["list_contents"], workspace, *who, filter.limit, filter.offset, most_bytes)
    return {row["path"]: row["body"] for row in rows}


async def get_digests(conn: Connection, workspace: str, filter: Filter, paths: Sequence[str]) -> dict[str, str]:
    """Return the SHA-256 of the current documents of those of these scripts that are readable, in hex, by path."""
    who = (filter.everything, filter.patterns, filter.principals, filter.scope)
    rows = await conn.fetch(_SQL["get_digests"], workspace, *who, list(paths))
    return {row["path"]: row["document"].hex() for row in rows}


async def open_item(conn: Connection, workspace: str, kind: str, path: str, username: str) -> ItemHead:
    """Return the item at a path, locked until the transaction ends; a missing one is created as deleted."""
    found = _head(await conn.fetchrow(_SQL["open_item"], workspace, kind, path, username))
    assert found is not None
    return found


async def get_newest_version(conn: Connection, workspace: str, kind: str, path: str) -> tuple[int, str | None]:
    """Return number and hash of the newest version at a path; (0, None) if there is none, hash None if deleted."""
    row = await conn.fetchrow(_SQL["get_newest_version"], workspace, kind, path)
    if row is None:
        return 0, None
    return row["number"], None if row["deleted"] else row["hash"]


async def add_version(conn: Connection, version: NewVersion, username: str) -> int:
    """Add a version and return its id; runs by path use it immediately if it has a lock."""
    digest = await _store_document(conn, version.body, version.tree)
    run_digest = None if version.run_body is None else await _store_document(conn, version.run_body, None)
    added: int = await conn.fetchval(
        _SQL["insert_version"],
        version.workspace,
        version.kind,
        version.path,
        version.number,
        version.hash,
        version.content_hash,
        digest,
        version.format,
        version.language,
        version.settings,
        version.parent,
        version.author,
        version.message,
        version.lock,
        version.lock_job,
        version.made_schema,
        version.permissioned_as,
        msgspec.json.encode(version.imports).decode() if version.imports else None,
        version.defaults,
        version.run_settings,
        run_digest,
    )
    await conn.execute(_SQL["set_current_version"], version.workspace, version.kind, version.path, username)
    return added


async def _store_document(conn: Connection, body: bytes, tree: str | None) -> bytes:
    digest = hashlib.sha256(body).digest()
    await conn.execute(_DOCUMENTS["insert_deployed_document"], digest, body, tree)
    return digest


async def set_archived(conn: Connection, workspace: str, kind: str, path: str, archived: bool, username: str) -> bool:
    """Archive or restore an item; return False if it is deleted or nothing changes."""
    query = _SQL["set_archived"]
    return await conn.fetchval(query, workspace, kind, path, archived, username) is not None


async def delete(conn: Connection, workspace: str, kind: str, path: str, username: str) -> bool:
    """Mark an item and its versions as deleted; return False if it is deleted already."""
    return await conn.fetchval(_SQL["delete_item"], workspace, kind, path, username) is not None


async def get_defaults(conn: Connection, version: int) -> str | None:
    """Return the defaults of policies that a version has, as JSON text; None: there are none."""
    found: str | None = await conn.fetchval(_SQL["get_defaults"], version)
    return found


async def close_version(conn: Connection, row: ItemRow, username: str, *, delete: bool) -> None:
    """Archive or delete one version; the newest remaining version becomes the current one."""
    await conn.execute(_SQL["close_version"], row.id, delete)
    await conn.execute(_SQL["update_current_version"], row.workspace, row.kind, row.path, username)


def _item(row: asyncpg.Record | None) -> ItemRow | None:
    return ItemRow(**{**row, "extra_perms": _perms(row["extra_perms"])}) if row else None


def _head(row: asyncpg.Record | None) -> ItemHead | None:
    return ItemHead(**{**row, "extra_perms": _perms(row["extra_perms"])}) if row else None


def _perms(text: str) -> dict[str, bool]:
    return msgspec.json.decode(text, type=dict[str, bool])
