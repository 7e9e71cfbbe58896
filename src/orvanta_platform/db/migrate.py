"""Forward-only migrations, `NNNN_verb_noun.sql`, each applied in the transaction that records it.

After a migration whose first line is `-- breaking`, older code must not use the database: start-up refuses a database
with a breaking migration unknown to this code.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg
import msgspec

from orvanta_platform import clock
from orvanta_platform.db.pool import CANNOT_CONNECT, MINIMUM_VERSION, Connection, unavailable_error
from orvanta_platform.db.queries import query_texts
from orvanta_platform.errors import DatabaseTooOld, DatabaseUnavailable, SchemaTooNew, SettingsError

_SQL = query_texts("schema")
_FOLDER = Path(__file__).parent

FILE_NAME = re.compile(r"^\d{4}_[a-z]+(_[a-z]+)+\.sql$")


class Migration(msgspec.Struct, frozen=True):
    """One migration: its name without suffix, whether it breaks older code, its SQL."""

    name: str
    breaking: bool
    text: str


@cache
def list_migrations() -> tuple[Migration, ...]:
    """Return all migrations known to this code, in order."""
    folder = _FOLDER / "migrations"
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            text = entry.read_text(encoding="utf-8")
            found.append(Migration(entry.name.removesuffix(".sql"), text.startswith("-- breaking"), text))
    return tuple(found)


async def migrate(owner_url: str, *, app_url: str | None = None, only: Collection[str] | None = None) -> list[str]:
    """Apply missing migrations, with `only` just those of these names; return the names of applied ones.

    Runs as the owner of the tables. If `app_url` names another role, that role is granted the privileges it needs (on
    the audit table only INSERT and SELECT). Raises DatabaseUnavailable, DatabaseTooOld, SchemaTooNew, SettingsError.
    """
    try:
        connection = await asyncpg.connect(owner_url, timeout=10)
    except CANNOT_CONNECT as error:
        raise unavailable_error(error) from error
    try:
        await _check_version(connection)
        applied = await _apply_missing(connection, only)
        await connection.fetchval(_SQL["ensure_partitions"], clock.now())
        app_role = _role(app_url) if app_url else None
        if app_role and app_role != _role(owner_url):
            await _grant(connection, app_role)
        return applied
    except asyncpg.InsufficientPrivilegeError as error:
        raise SettingsError(
            f"The role {_role(owner_url)} may not change the tables: {error}.",
            hint="Set ORVANTA_OWNER_URL to the same database with the role that owns the tables.",
        ) from error
    finally:
        await connection.close()


async def _check_version(connection: Connection) -> None:
    version = int(await connection.fetchval(_SQL["server_version"]))
    if version < MINIMUM_VERSION:
        raise DatabaseTooOld(
            f"PostgreSQL {version // 10000} is too old; Orvanta needs 15 or newer.",
            hint="Upgrade the server, or unset DATABASE_URL to use the embedded PostgreSQL.",
        )


async def _apply_missing(connection: Connection, only: Collection[str] | None) -> list[str]:
    names: list[str] = []
    async with connection.transaction():
        await connection.execute(_SQL["lock_migrations"])
        await connection.execute(_SQL["create_migration_table"])
        await _refuse_newer(connection)
        done = {row["name"] for row in await connection.fetch(_SQL["applied_migrations"])}
        for migration in list_migrations():
            if migration.name not in done and (only is None or migration.name in only):
                await connection.execute(migration.text)
                await connection.execute(_SQL["record_migration"], migration.name, migration.breaking)
                names.append(migration.name)
    return names


async def _refuse_newer(connection: Connection) -> None:
    known = {migration.name for migration in list_migrations()}
    rows = await connection.fetch(_SQL["applied_migrations"])
    newer = [row["name"] for row in rows if row["breaking"] and row["name"] not in known]
    if newer:
        raise SchemaTooNew(
            f"The database was migrated by a newer Orvanta ({newer[-1]}).",
            hint="Start the newer version, or restore a backup made before the upgrade.",
        )


async def check_schema(connection: Connection) -> None:
    """Require that the schema exists, is up to date and has no unknown breaking migration.

    Raises DatabaseUnavailable (missing or behind: run `orvanta migrate`) and SchemaTooNew.
    """
    if not await connection.fetchval(_SQL["migration_table_exists"]):
        raise DatabaseUnavailable("The database has no Orvanta schema.", hint="Run `orvanta migrate` once.")
    await _refuse_newer(connection)
    done = {row["name"] for row in await connection.fetch(_SQL["applied_migrations"])}
    missing = [migration.name for migration in list_migrations() if migration.name not in done]
    if missing:
        raise DatabaseUnavailable(
            f"The database lacks {len(missing)} migration(s), from {missing[0]} on.",
            hint="Run `orvanta migrate`.",
        )


async def _grant(connection: Connection, role: str) -> None:
    quoted = '"' + role.replace('"', '""') + '"'
    text = (_FOLDER / "grants.sql").read_text(encoding="utf-8")
    await connection.execute(text.replace(":app", quoted))


def _role(url: str) -> str | None:
    user = urlsplit(url).username
    return unquote(user) if user else None
