"""Rows of values: JSON text, inline or as an object."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.steps import NewValue

_SQL = query_texts("values")

ValueKey = tuple[UUID, str, str]
"""(id, kind, name) of a value."""


class ValueRow(msgspec.Struct, frozen=True):
    """A stored value: `body` (encoding 0 plain, 1 zlib, 2 frames) or the key of an object."""

    id: UUID
    kind: str
    name: str
    size: int
    encoding: int
    body: bytes | None
    object: str | None

    @property
    def key(self) -> ValueKey:
        """Key of the value."""
        return (self.id, self.kind, self.name)


class ValueDigest(msgspec.Struct, frozen=True):
    """A value without its body."""

    id: UUID
    kind: str
    name: str
    size: int
    encoding: int
    digest: bytes | None
    """Digest of the stored body; None for an object."""
    beginning: bytes | None
    """First bytes of a plain body."""

    @property
    def key(self) -> ValueKey:
        """Key of the value."""
        return (self.id, self.kind, self.name)


async def insert_value(connection: Connection, value: NewValue) -> None:
    """Store a new value. Raises asyncpg.UniqueViolationError if its key is taken."""
    await connection.execute(
        _SQL["insert_value"],
        value.id,
        value.kind,
        value.name,
        value.size,
        value.encoding,
        value.body,
        value.object,
    )


async def insert_values(connection: Connection, values: Sequence[NewValue]) -> None:
    """Store new values in one statement. Raises asyncpg.UniqueViolationError if a key is taken."""
    if values:
        fields = ("id", "kind", "name", "size", "encoding", "body", "object")
        columns = ([getattr(value, name) for value in values] for name in fields)
        await connection.execute(_SQL["insert_values"], *columns)


async def get_values(connection: Connection, keys: Sequence[ValueKey]) -> list[ValueRow]:
    """Return the values of these keys, in one query; missing ones are left out."""
    if not keys:
        return []
    ids, kinds, names = zip(*keys, strict=True)
    rows = await connection.fetch(_SQL["get_values"], list(ids), list(kinds), list(names))
    return [ValueRow(**dict(row)) for row in rows]


async def get_digests(connection: Connection, keys: Sequence[ValueKey], shown: int) -> dict[ValueKey, ValueDigest]:
    """Return digests of these values in one query, with their first `shown` bytes; missing ones are left out."""
    if not keys:
        return {}
    ids, kinds, names = zip(*keys, strict=True)
    text = _SQL["get_digests"]
    rows = await connection.fetch(text, list(ids), list(kinds), list(names), shown)
    found = [ValueDigest(**dict(row)) for row in rows]
    return {each.key: each for each in found}


async def get_context(connection: Connection, run: UUID) -> list[ValueRow]:
    """Return the run's whole context, one row per name."""
    return [ValueRow(**dict(row)) for row in await connection.fetch(_SQL["get_context"], run)]


async def find_missing_result(connection: Connection, ids: Sequence[UUID]) -> UUID | None:
    """Return one of these ids that has no result; None if all have one."""
    found: UUID | None = await connection.fetchval(_SQL["find_missing_result"], list(ids)) if ids else None
    return found
