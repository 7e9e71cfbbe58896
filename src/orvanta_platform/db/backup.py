"""Export and import of all rows of a database, as text that all supported versions of PostgreSQL read."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import msgspec

from orvanta_platform.db.pool import CANNOT_CONNECT, Connection, unavailable_error
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("backup")
_SCHEMA = query_texts("schema")


class TableShape(msgspec.Struct, frozen=True):
    """A table and its columns in the order in which rows are written."""

    name: str
    columns: list[str]


@asynccontextmanager
async def connect(owner_url: str) -> AsyncIterator[Connection]:
    """Open a connection as the owner of the tables. Raises DatabaseUnavailable."""
    try:
        connection = await asyncpg.connect(owner_url, timeout=10)
    except CANNOT_CONNECT as error:
        raise unavailable_error(error) from error
    try:
        yield connection
    finally:
        await connection.close()


async def list_migrations(connection: Connection) -> list[str]:
    """Return the migrations applied to the database; none if it was never migrated."""
    if not await connection.fetchval(_SCHEMA["migration_table_exists"]):
        return []
    return [row["name"] for row in await connection.fetch(_SCHEMA["applied_migrations"])]


async def list_tables(connection: Connection) -> list[TableShape]:
    """Return all tables, each after the tables it references."""
    found = {
        row["name"]: TableShape(row["name"], list(row["columns"])) for row in await _rows(connection, "list_tables")
    }
    named: dict[str, set[str]] = {name: set() for name in found}
    for row in await _rows(connection, "list_references"):
        named[row["child"]].add(row["parent"])
    ordered: list[TableShape] = []
    while named:
        ready = sorted(name for name, parents in named.items() if not parents & named.keys())
        ordered += [found[name] for name in ready]
        named = {name: parents for name, parents in named.items() if name not in ready}
    return ordered


async def copy_out(connection: Connection, table: TableShape, write: Callable[[bytes], Awaitable[None]]) -> int:
    """Pass all rows of a table to `write`, piece by piece; return their number."""
    columns = ", ".join(_quoted(name) for name in table.columns)
    query = f"SELECT {columns} FROM {_quoted(table.name)}"  # noqa: S608
    return _count(await connection.copy_from_query(query, output=write))


async def copy_in(connection: Connection, table: TableShape, pieces: AsyncIterable[bytes]) -> int:
    """Insert the output of `copy_out` into a table; return the number of rows."""
    return _count(await connection.copy_to_table(table.name, source=pieces, columns=table.columns))


async def get_sequences(connection: Connection) -> dict[str, int]:
    """Return the last value of each sequence."""
    return {row["name"]: row["last_value"] for row in await _rows(connection, "get_sequences")}


async def set_sequences(connection: Connection, found: Mapping[str, int]) -> None:
    """Set the last values of sequences."""
    for name, last in found.items():
        await connection.fetchval(_SQL["set_sequence"], name, last)


async def is_used(connection: Connection) -> bool:
    """Return whether this installation has been used; the schema must exist."""
    return bool(await connection.fetchval(_SQL["is_used"]))


async def count_live_workers(connection: Connection) -> int:
    """Return the number of workers that sent a heartbeat within half a minute."""
    return int(await connection.fetchval(_SQL["count_live_workers"]))


async def truncate_tables(connection: Connection, names: Sequence[str]) -> None:
    """Delete all rows of these tables."""
    await connection.execute(await connection.fetchval(_SQL["truncate_tables"], list(names)))


async def _rows(connection: Connection, name: str) -> list[asyncpg.Record]:
    return list(await connection.fetch(_SQL[name]))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
