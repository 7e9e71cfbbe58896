"""Migrations: forward only, applied once, refused if a newer schema breaks this code, and the resulting schema."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from importlib import resources

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.db.catalog import describe

from orvanta_platform.db.migrate import FILE_NAME, check_schema, list_migrations, migrate
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import DatabaseUnavailable, SchemaTooNew

KINDS = {"relations", "columns", "constraints", "indexes", "functions", "triggers", "sequences"}


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


@pytest.fixture
async def app(database: TestDatabase) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database.app_url)
    yield connection
    await connection.close()


@pytest.fixture
async def blank(database: TestDatabase, owner: Connection) -> AsyncIterator[str]:
    """Return the owner's address of an empty database."""
    name = f"{database.name}_blank"
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield database.server.url("owner", name)
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_files_are_named_by_number_verb_and_noun() -> None:
    folder = resources.files("orvanta_platform.db").joinpath("migrations")
    names = [entry.name for entry in folder.iterdir() if entry.name != "__pycache__"]
    assert [name for name in names if not FILE_NAME.match(name)] == []
    assert [migration.name for migration in list_migrations()] == sorted(name.removesuffix(".sql") for name in names)


@pytest.mark.every_postgres
async def test_schema_file_equals_result_of_migrations(database: TestDatabase, owner: Connection, blank: str) -> None:
    text = resources.files("orvanta_platform.db").joinpath("schema.sql").read_text(encoding="utf-8")
    read = await asyncpg.connect(blank)
    try:
        await read.execute(text)
        written, migrated = await describe(read), await describe(owner)
    finally:
        await read.close()
    assert {kind for kind, found in migrated.items() if found} >= KINDS
    assert written == migrated


@pytest.mark.every_postgres
async def test_migrating_again_does_nothing(database: TestDatabase, owner: Connection) -> None:
    before = await describe(owner)
    assert await migrate(database.owner_url, app_url=database.app_url) == []
    assert await describe(owner) == before


async def test_concurrent_migrations_are_applied_once(blank: str) -> None:
    applied = await asyncio.gather(*(migrate(blank) for _ in range(4)))
    assert sorted(name for names in applied for name in names) == [each.name for each in list_migrations()]


async def test_newer_breaking_schema_is_rejected(database: TestDatabase, owner: Connection, app: Connection) -> None:
    await owner.execute("INSERT INTO migration VALUES ('9998_add_something', false)")
    assert await migrate(database.owner_url) == []
    await check_schema(app)
    await owner.execute("INSERT INTO migration VALUES ('9999_change_everything', true)")
    with pytest.raises(SchemaTooNew, match="9999_change_everything"):
        await migrate(database.owner_url)
    with pytest.raises(SchemaTooNew, match="9999_change_everything"):
        await check_schema(app)


async def test_outdated_or_missing_schema_is_rejected(owner: Connection, blank: str) -> None:
    await check_schema(owner)
    last = list_migrations()[-1].name
    await owner.execute("DELETE FROM migration WHERE name = $1", last)
    with pytest.raises(DatabaseUnavailable, match=last):
        await check_schema(owner)
    empty = await asyncpg.connect(blank)
    try:
        with pytest.raises(DatabaseUnavailable, match="no Orvanta schema"):
            await check_schema(empty)
    finally:
        await empty.close()


@pytest.mark.every_postgres
async def test_audit_rows_cannot_be_changed(owner: Connection, app: Connection) -> None:
    """The application's role lacks the permission; the trigger also stops the owner."""
    await app.execute("INSERT INTO audit (actor, operation, action_kind) VALUES ('ann', 'jobs.run', 'Execute')")
    assert await app.fetchval("SELECT count(*) FROM audit") == 1
    for statement in ("UPDATE audit SET actor = 'bob'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    for statement in ("UPDATE audit SET actor = 'bob'", "DELETE FROM audit"):
        with pytest.raises(asyncpg.RaiseError, match="never changed or deleted"):
            await owner.execute(statement)
    assert await owner.fetchval("SELECT actor FROM audit") == "ann"


async def test_app_role_cannot_change_migration_table(app: Connection) -> None:
    assert await app.fetchval("SELECT count(*) FROM migration") == len(list_migrations())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("DELETE FROM migration")


@pytest.mark.parametrize("table", ["run_live", "job_live", "timer"])
async def test_storage_settings_of_live_tables(owner: Connection, table: str) -> None:
    options = await owner.fetchval("SELECT reloptions FROM pg_class WHERE relname = $1", table)
    assert sorted(options) == [
        "autovacuum_vacuum_cost_delay=0",
        "autovacuum_vacuum_scale_factor=0",
        "autovacuum_vacuum_threshold=1000",
        "fillfactor=70",
    ]


@pytest.mark.every_postgres
async def test_partitions_exist_before_they_are_needed(app: Connection) -> None:
    """Any role can create partitions at any time and repeatedly; they are adjacent and do not overlap."""
    now = datetime.now(UTC)
    assert await app.fetchval("SELECT ensure_partitions($1)", now) == 0
    assert await app.fetchval("SELECT ensure_partitions($1)", now + timedelta(weeks=1)) == 8
    assert await app.fetchval("SELECT ensure_partitions($1)", now + timedelta(weeks=60)) == 32
    for weeks in (-1, 0, 1, 2, 3):
        at = now + timedelta(weeks=weeks)
        assert await app.fetchval(
            "INSERT INTO value (id, kind, size, body) VALUES (uuid_at($1), 'args', 0, '') RETURNING true", at
        )
    with pytest.raises(asyncpg.CheckViolationError):
        await app.execute(
            "INSERT INTO value (id, kind, size, body) VALUES (uuid_at($1), 'args', 0, '')",
            now + timedelta(weeks=10),
        )
