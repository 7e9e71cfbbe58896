"""Rows of export keys, with which the secrets in archives of a workspace are encrypted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("export_keys")


@dataclass(frozen=True, slots=True)
class SealedText:
    """A ciphertext and the wrapped key that opens it."""

    sealed: bytes = field(repr=False)
    key: KeyRow = field(repr=False)


async def get(conn: Connection, workspace: str) -> SealedText | None:
    """Return the export key of a workspace; None if it has none yet."""
    row = await conn.fetchrow(_SQL["get"], workspace)
    return None if row is None else _sealed(row)


async def insert(conn: Connection, workspace: str, sealed: bytes, key_version: int) -> None:
    """Store the first export key of a workspace; does nothing if it has one."""
    await conn.execute(_SQL["insert"], workspace, sealed, key_version)


async def store(conn: Connection, workspace: str, sealed: bytes, key_version: int) -> None:
    """Set the export key of a workspace."""
    await conn.execute(_SQL["store"], workspace, sealed, key_version)


async def list_secrets(conn: Connection, workspace: str, paths: Sequence[str]) -> dict[str, SealedText]:
    """Return the values of the secret variables of these paths."""
    return {row["path"]: _sealed(row) for row in await conn.fetch(_SQL["list_secrets"], workspace, paths)}


def _sealed(row: Mapping[str, Any]) -> SealedText:
    return SealedText(row["sealed"], KeyRow(row["key_version"], row["wrapped"], row["wrapped_by"]))
