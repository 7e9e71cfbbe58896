"""Rows that a rotation of keys reads and replaces: data keys, ciphertexts, openings, idempotency digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from orvanta_platform.db.data_keys import KeyRow
from orvanta_platform.db.openings import NewOpening
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.steps import NewValue
from orvanta_platform.db.values import ValueRow

_SQL = query_texts("key_rotation")

SecretTable = Literal["variable", "resource", "setting", "totp", "git", "webhook", "export"]

OpeningKey = tuple[UUID, int, str, str, bytes]
"""(job, attempt, kind, path, digest) of an opening."""

_PAGES = {
    "variable": _SQL["variable_page"],
    "resource": _SQL["resource_page"],
    "setting": _SQL["setting_page"],
    "totp": _SQL["totp_page"],
    "git": _SQL["git_page"],
    "webhook": _SQL["webhook_page"],
    "export": _SQL["export_page"],
}
_UPDATES = {
    "variable": _SQL["variable_update"],
    "resource": _SQL["resource_update"],
    "setting": _SQL["setting_update"],
    "totp": _SQL["totp_update"],
    "git": _SQL["git_update"],
    "webhook": _SQL["webhook_update"],
    "export": _SQL["export_update"],
}

Attempt = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class SealedRow:
    """Ciphertext of a variable, of the secret fields of a resource, or of an instance setting."""

    workspace: str
    path: str
    key_version: int
    sealed: bytes = field(repr=False)


class SealedInput(msgspec.Struct, frozen=True):
    """Sealed inputs of a run; `workspace` is None if the run no longer exists."""

    row: ValueRow
    workspace: str | None


async def list_keys(conn: Connection) -> list[tuple[str, KeyRow]]:
    """Return all data keys with their workspaces, the newest of a workspace last."""
    rows = await conn.fetch(_SQL["list_keys"])
    return [(row["workspace"], KeyRow(row["version"], row["wrapped"], row["wrapped_by"])) for row in rows]


async def insert_keys(conn: Connection, keys: Sequence[tuple[str, KeyRow]]) -> None:
    """Store new data keys; existing versions are unchanged."""
    await conn.execute(_SQL["insert_keys"], *_key_columns(keys))


async def replace_wrapped(conn: Connection, keys: Sequence[tuple[str, KeyRow]]) -> None:
    """Replace the wrapped forms of data keys."""
    await conn.execute(_SQL["replace_wrapped"], *_key_columns(keys))


async def list_old_rows(conn: Connection, table: SecretTable, after: tuple[str, str], limit: int) -> list[SealedRow]:
    """Return up to `limit` rows, after (workspace, path), that are not sealed with the newest key of the workspace."""
    rows = await conn.fetch(_PAGES[table], *after, limit)
    return [SealedRow(**dict(row)) for row in rows]


async def replace_rows(conn: Connection, table: SecretTable, rows: Sequence[tuple[SealedRow, bytes, int]]) -> None:
    """Replace ciphertexts by (row, new ciphertext, key version); rows that were changed meanwhile are left alone."""
    old = [each for each, _, _ in rows]
    await conn.execute(
        _UPDATES[table],
        [each.workspace for each in old],
        [each.path for each in old],
        [each.sealed for each in old],
        [sealed for _, sealed, _ in rows],
        [version for _, _, version in rows],
    )


async def list_inputs(conn: Connection, names: Sequence[str], after: tuple[UUID, str], limit: int) -> list[SealedInput]:
    """Return up to `limit` sealed inputs of runs after (run, name)."""
    rows = [dict(row) for row in await conn.fetch(_SQL["inputs_page"], *after, names, limit)]
    return [SealedInput(workspace=row.pop("workspace"), row=ValueRow(**row)) for row in rows]


async def replace_inputs(conn: Connection, inputs: Sequence[tuple[ValueRow, NewValue]]) -> None:
    """Replace sealed inputs that were not changed meanwhile."""
    old, new = [each for each, _ in inputs], [each for _, each in inputs]
    await conn.execute(
        _SQL["inputs_update"],
        [each.id for each in old],
        [each.name for each in old],
        [each.body for each in old],
        [each.object for each in old],
        [each.size for each in new],
        [each.encoding for each in new],
        [each.body for each in new],
        [each.object for each in new],
    )


async def list_openings(conn: Connection, after: OpeningKey, limit: int) -> list[tuple[OpeningKey, bytes]]:
    """Return up to `limit` openings after the one with the key `after`, with their ciphertexts."""
    rows = await conn.fetch(_SQL["openings_page"], *after, limit)
    return [((row[0], row[1], row[2], row[3], row[4]), row[5]) for row in rows]


async def replace_openings(conn: Connection, rows: Sequence[tuple[OpeningKey, NewOpening]]) -> None:
    """Replace openings."""
    columns = [list(column) for column in zip(*(key for key, _ in rows), strict=True)]
    new = [each for _, each in rows]
    await conn.execute(_SQL["openings_update"], *columns, [each.digest for each in new], [each.sealed for each in new])


async def forget_digests(conn: Connection, limit: int, before: datetime) -> int:
    """Remove the digests of up to `limit` idempotency keys used before this time; return their number."""
    return int((await conn.execute(_SQL["forget_digests"], limit, before)).rpartition(" ")[2])


async def list_running(conn: Connection) -> list[Attempt]:
    """Return the attempts that run now."""
    return [(row[0], row[1]) for row in await conn.fetch(_SQL["list_running"])]


async def count_running(conn: Connection, attempts: Sequence[Attempt]) -> int:
    """Return the number of these attempts that still run."""
    jobs, numbers = [job for job, _ in attempts], [attempt for _, attempt in attempts]
    found: int = await conn.fetchval(_SQL["count_running"], jobs, numbers)
    return found


async def get_time(conn: Connection) -> datetime:
    """Return the time of the database."""
    found: datetime = await conn.fetchval(_SQL["now"])
    return found


def _key_columns(keys: Sequence[tuple[str, KeyRow]]) -> list[list[object]]:
    return [
        [workspace for workspace, _ in keys],
        [key.version for _, key in keys],
        [key.wrapped for _, key in keys],
        [key.wrapped_by for _, key in keys],
    ]
