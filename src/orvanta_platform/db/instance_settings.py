"""Rows of the settings of the instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("instance_settings")


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting that differs from its default."""

    name: str
    value: str
    """JSON text, with masks in place of secrets."""
    sealed: bytes | None = field(repr=False)
    key_version: int | None
    updated_at: datetime
    updated_by: str
    """Username."""


async def get(conn: Connection, name: str) -> SettingRow | None:
    """Return a setting; None if it has its default."""
    row = await conn.fetchrow(_SQL["get"], name)
    return SettingRow(**row) if row else None


async def list_named(conn: Connection, names: Sequence[str]) -> dict[str, SettingRow]:
    """Return those of these settings that differ from their defaults, by name."""
    return {row["name"]: SettingRow(**row) for row in await conn.fetch(_SQL["list_named"], list(names))}


async def lock(conn: Connection) -> None:
    """Wait until no other transaction changes settings; the lock lasts until the transaction ends."""
    await conn.execute(_SQL["lock"])


async def list_all(conn: Connection) -> dict[str, SettingRow]:
    """Return all settings that differ from their defaults, by name."""
    return {row["name"]: SettingRow(**row) for row in await conn.fetch(_SQL["list"])}


async def store(
    conn: Connection, name: str, value: str, sealed: bytes | None, key_version: int | None, updated_by: str
) -> None:
    """Store a setting."""
    await conn.execute(_SQL["set"], name, value, sealed, key_version, updated_by)


async def delete(conn: Connection, name: str) -> bool:
    """Delete a setting; return False if it was not set."""
    return await conn.fetchval(_SQL["delete"], name) is not None
