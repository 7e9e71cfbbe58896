"""All rows of a database out and in, as text that any supported PostgreSQL reads."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from orvanta_platform.db.pool import CANNOT_CONNECT, Connection, unavailable
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table and the columns that its rows are written with."""

    name: str
    columns: list[str]


@asynccontextmanager
async def connected(owner_url: str) -> AsyncIterator[Connection]:
    """A connection as the role that owns the tables. Raises DatabaseUnavailable."""
    try:
        connection = await asyncpg.connect(owner_url, timeout=10)
    except CANNOT_CONNECT as error:
        raise unavailable(error) from error
    try:
        yield connection
    finally:
        await connection.close()


async def migrations_of(connection: Connection) -> list[str]:
    """The migrations that the database has; none where it was never migrated."""
    if not await connection.fetchval(load("schema")["migration_table_exists"].text):
        return []
    return [row["name"] for row in await connection.fetch(load("schema")["applied_migrations"].text)]


async def tables(connection: Connection) -> list[TableShape]:
    """All tables, each after those whose rows it names."""
    found = {row["name"]: TableShape(row["name"], list(row["columns"])) for row in await _rows(connection, "tables")}
    named: dict[str, set[str]] = {name: set() for name in found}
    for row in await _rows(connection, "references"):
        named[row["child"]].add(row["parent"])
    ordered: list[TableShape] = []
    while named:
        ready = sorted(name for name, parents in named.items() if not parents & named.keys())
        ordered += [found[name] for name in ready]
        named = {name: parents for name, parents in named.items() if name not in ready}
    return ordered


async def copy_out(connection: Connection, table: TableShape, write: Callable[[bytes], Awaitable[None]]) -> int:
    """Give all rows of a table to `write`, piece by piece; gives how many."""
    columns = ", ".join(_quoted(name) for name in table.columns)
    query = f"SELECT {columns} FROM {_quoted(table.name)}"  # noqa: S608
    return _count(await connection.copy_from_query(query, output=write))


async def copy_in(connection: Connection, table: TableShape, pieces: AsyncIterable[bytes]) -> int:
    """Write what `copy_out` gave into a table; gives how many rows."""
    return _count(await connection.copy_to_table(table.name, source=pieces, columns=table.columns))


async def sequences(connection: Connection) -> dict[str, int]:
    """By sequence the last number that it gave."""
    return {row["name"]: row["last_value"] for row in await _rows(connection, "sequences")}


async def set_sequences(connection: Connection, found: Mapping[str, int]) -> None:
    """Have sequences go on after these numbers."""
    for name, last in found.items():
        await connection.fetchval(load("backup")["set_sequence"].text, name, last)


async def is_used(connection: Connection) -> bool:
    """Whether anybody has used this installation; the schema must be there."""
    return bool(await connection.fetchval(load("backup")["is_used"].text))


async def workers_alive(connection: Connection) -> int:
    """How many workers were heard of within half a minute."""
    return int(await connection.fetchval(load("backup")["workers_alive"].text))


async def empty(connection: Connection, names: Sequence[str]) -> None:
    """Delete all rows of these tables."""
    await connection.execute(await connection.fetchval(load("backup")["emptying"].text, list(names)))


async def _rows(connection: Connection, name: str) -> list[asyncpg.Record]:
    return list(await connection.fetch(load("backup")[name].text))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])
