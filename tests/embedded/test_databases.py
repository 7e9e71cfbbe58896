"""The fixtures: every test gets a separate database."""

from __future__ import annotations

import asyncpg
import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db.pool import Database


@pytest.mark.every_postgres
async def test_app_role_owns_nothing_and_is_not_superuser(database: TestDatabase) -> None:
    connection = await asyncpg.connect(database.app_url)
    try:
        assert await connection.fetchval("SELECT session_user") == "orvanta_app"
        assert await connection.fetchval("SELECT NOT rolsuper FROM pg_roles WHERE rolname = session_user")
        owned = "SELECT count(*) FROM pg_class WHERE pg_get_userbyid(relowner) = session_user"
        assert await connection.fetchval(owned) == 0
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("COPY (SELECT 1) TO PROGRAM 'true'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine (id int)")
    finally:
        await connection.close()


@pytest.mark.parametrize("turn", [1, 2])
async def test_tests_do_not_share_rows(database: TestDatabase, db: Database, turn: int) -> None:
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute("CREATE TABLE left_over (id int)")
    finally:
        await connection.close()
    async with db.acquire() as pooled:
        assert await pooled.fetchval("SELECT current_database()") == database.name
