"""What a PostgreSQL runs with, asked of itself."""

from __future__ import annotations

import asyncio

import asyncpg

from orvanta_platform.embedded.postgres import EmbeddedPostgres

_NAMES = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


def settings_of(database: EmbeddedPostgres) -> dict[str, str]:
    """Version and settings that decide what a durable commit costs."""
    return asyncio.run(_ask(database.owner_url))


async def _ask(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        return {name: await connection.fetchval("SELECT current_setting($1)", name) for name in _NAMES}
    finally:
        await connection.close()
