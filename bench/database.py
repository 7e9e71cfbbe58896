"""Queries of a PostgreSQL: its settings and its rows."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from orvanta_platform.embedded.postgres import EmbeddedPostgres

_NAMES = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


def settings_of(database: EmbeddedPostgres) -> dict[str, str]:
    """Return version and settings that determine the cost of a durable commit."""
    return asyncio.run(_read_settings(database.owner_url))


async def _read_settings(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        return {name: await connection.fetchval("SELECT current_setting($1)", name) for name in _NAMES}
    finally:
        await connection.close()


def ask(database: EmbeddedPostgres, query: str, *values: Any) -> list[Any]:
    """Return the rows of a query."""

    async def fetch() -> list[Any]:
        connection = await asyncpg.connect(database.owner_url)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    return asyncio.run(fetch())
