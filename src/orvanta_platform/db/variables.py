"""Rows of variables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg
import msgspec

from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("variables")


@dataclass(frozen=True, slots=True)
class VariableRow:
    """A variable: `value`, or for a secret `sealed` with the data `key` that opens it (both left out in lists)."""

    workspace: str
    path: str
    value: str | None
    is_secret: bool
    description: str
    account: int | None
    is_oauth: bool | None
    expires_at: datetime | None
    is_expired: bool
    labels: list[str] | None
    ws_specific: bool | None
    extra_perms: dict[str, bool]
    created_by: str
    edited_at: datetime
    sealed: bytes | None = field(default=None, repr=False)
    key: KeyRow | None = None


class NewVariable(msgspec.Struct, frozen=True):
    """A variable to store: `value`, or `sealed`, encrypted with the workspace's data key of `key_version`."""

    path: str
    value: str | None
    sealed: bytes | None
    key_version: int | None
    description: str
    account: int | None
    is_oauth: bool | None
    expires_at: datetime | None
    labels: list[str] | None
    ws_specific: bool | None


class VariableFilter(msgspec.Struct, frozen=True):
    """Conditions of a list. The first four describe the caller (control.permissions.Readable), by default nobody."""

    everything: bool = False
    patterns: list[str] = msgspec.field(default_factory=list)
    principals: list[str] = msgspec.field(default_factory=list)
    scope: list[str] | None = None
    path_start: str | None = None
    path: str | None = None
    description: str | None = None
    value: str | None = None
    label: str | None = None
    after: str = ""
    limit: int = 30
    offset: int = 0


async def get(conn: Connection, workspace: str, path: str, *, lock: bool = False) -> VariableRow | None:
    """Return the variable at a path with its data key; `lock` locks it until the transaction ends."""
    query = _SQL["lock" if lock else "get"]
    row = await conn.fetchrow(query, workspace, path)
    return _variable(row) if row else None


async def list_page(conn: Connection, workspace: str, filter: VariableFilter) -> list[VariableRow]:
    """Return a page of the variables selected by `filter`, by path, without ciphertexts and keys."""
    arguments = [getattr(filter, name) for name in VariableFilter.__struct_fields__]
    return [_variable(row) for row in await conn.fetch(_SQL["list"], workspace, *arguments)]


async def insert(conn: Connection, workspace: str, new: NewVariable, username: str) -> bool:
    """Add a variable; return False if the path is taken."""
    query = _SQL["insert"]
    return await conn.fetchval(query, workspace, *_columns(new), username) is not None


async def update(conn: Connection, workspace: str, path: str, new: NewVariable, username: str) -> bool:
    """Replace the variable at `path`; return False if it does not exist."""
    query = _SQL["update"]
    return await conn.fetchval(query, workspace, *_columns(new), username, path) is not None


async def delete(conn: Connection, workspace: str, path: str) -> bool:
    """Delete a variable; return False if it does not exist."""
    return await conn.fetchval(_SQL["delete"], workspace, path) is not None


def _columns(new: NewVariable) -> Sequence[object]:
    return [getattr(new, name) for name in NewVariable.__struct_fields__]


def _variable(row: asyncpg.Record) -> VariableRow:
    values = dict(row)
    wrapped, version, by = (values.pop(name, None) for name in ("wrapped", "key_version", "wrapped_by"))
    perms = msgspec.json.decode(values.pop("extra_perms"), type=dict[str, bool])
    key = KeyRow(version, wrapped, by) if wrapped is not None and version is not None and by is not None else None
    return VariableRow(**values, extra_perms=perms, key=key)
