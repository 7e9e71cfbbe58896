"""Effects of the migration that adds scopes to runs on existing tokens, routes and idempotency keys."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db.migrate import list_migrations, migrate
from orvanta_platform.db.pool import Connection

MIGRATION = "0041_add_run_limits"
BEFORE = """
INSERT INTO account (email, username, super_admin) VALUES ('root@x', 'root', true), ('bea@x', 'bea', false);
INSERT INTO workspace (id, name, owner) VALUES ('main', 'main', 'root@x');
INSERT INTO member (workspace, username, email, role)
VALUES ('main', 'boss', 'root@x', 'admin'), ('main', 'bea', 'bea@x', 'admin');
INSERT INTO token (hash, prefix, kind, email, scopes) VALUES
    ('\\x01', 'hook', 'user', 'bea@x', '{jobs:run:f/a/b,jobs:run}'),
    ('\\x02', 'mixed', 'user', 'bea@x', '{jobs:run,scripts:write}'),
    ('\\x03', 'none', 'user', 'bea@x', '{}'),
    ('\\x04', 'all', 'user', 'bea@x', NULL);
INSERT INTO http_trigger (id, workspace, path, route_path, route_key, route_first, http_method, workspaced_route,
    script_path, is_flow, mode, request_type, authentication_method, wrap_body, raw_string, permissioned_as, email,
    created_by, edited_by)
SELECT gen_random_uuid(), 'main', 'f/a/' || name, name, name, name, 'post', workspaced, 'f/a/b', true, 'enabled',
    'sync', 'none', false, false, 'u/' || editor, 'x', editor, editor
FROM (VALUES ('kept', false, 'boss'), ('taken', false, 'bea'), ('own', true, 'bea')) AS v(name, workspaced, editor);
INSERT INTO run_live (id, workspace, kind, engine_version, state, status, root, trigger, created_by, email,
    permissioned_as, seed)
VALUES ('00000000-0000-7000-8000-000000000001', 'main', 'script', 1, '\\x', 'queued',
    '00000000-0000-7000-8000-000000000001', 'api', 'bea', 'root@x', 'u/boss', 1);
INSERT INTO idempotency (workspace, path, key, run) VALUES
    ('main', 'script:f/a/b', 'k', '00000000-0000-7000-8000-000000000001'),
    ('main', 'script:f/a/b', 'gone', '00000000-0000-7000-8000-000000000002');
"""


@pytest.fixture
async def before(database: TestDatabase) -> AsyncIterator[Connection]:
    """Open a database with rows in the state before the migration; `migrate` applies it."""
    owner = await asyncpg.connect(database.owner_url)
    name = f"{database.name}_before"
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    url = database.server.url("owner", name)
    await migrate(url, only=[each.name for each in list_migrations() if each.name < MIGRATION])
    connection = await asyncpg.connect(url)
    await connection.execute(BEFORE)
    await migrate(url)
    yield connection
    await connection.close()
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


async def test_existing_rows_gain_no_permissions(before: Connection) -> None:
    tokens = {row["prefix"]: row["scopes"] for row in await before.fetch("SELECT prefix, scopes FROM token")}
    assert tokens == {
        "hook": ["jobs:run:f/a/b", "jobs:run", "jobs:delegate:f/a/b", "jobs:delegate"],
        "mixed": ["jobs:run", "scripts:write"],
        "none": [],
        "all": None,
    }
    routes = {row["path"]: row for row in await before.fetch("SELECT path, mode, disabled_reason FROM http_trigger")}
    assert {path: row["mode"] for path, row in routes.items()} == {
        "f/a/kept": "enabled",
        "f/a/taken": "disabled",
        "f/a/own": "enabled",
    }
    assert "superadmins alone" in routes["f/a/taken"]["disabled_reason"]
    (key,) = await before.fetch("SELECT caller, key, input FROM idempotency")
    assert tuple(key) == ("bea@x", "k", None)
