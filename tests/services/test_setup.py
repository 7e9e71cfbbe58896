"""The first start of an instance."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.conftest import TestDatabase

from orvanta_platform.db.pool import Database
from orvanta_platform.errors import AlreadyExists, BadRequest, NotFound, Unauthenticated
from orvanta_platform.services.access import session, setup
from orvanta_platform.services.access.session import Caller, TokenResolver
from orvanta_platform.services.platform import open_platform
from orvanta_platform.settings import Settings


def settings(database: TestDatabase, home: Path, **more: str) -> Settings:
    return Settings(home=home, database_url=database.app_url, database_direct_url=database.app_url, **more)  # type: ignore[arg-type]


async def test_first_start_creates_workspaces_admin_token_and_link(database: TestDatabase, tmp_path: Path) -> None:
    chosen = settings(database, tmp_path, workspace="shop")
    platform = await open_platform(chosen)
    first = await setup.first_start(platform.db, chosen)
    assert first.token_file == tmp_path / "token"
    assert first.token_file.stat().st_mode & 0o777 == 0o600
    token = first.token_file.read_text().strip()
    for workspace in ("admins", "shop"):
        actor = await TokenResolver(platform).resolve(token, Caller(workspace=workspace), changes=False)
        assert actor is not None and actor.username == "admin" and actor.role == "admin" and actor.super_admin
    assert first.link is not None and first.link.startswith("http://127.0.0.1:8000/first_password#ovf_")
    await platform.close()


async def test_concurrent_first_starts_create_one_instance(database: TestDatabase, tmp_path: Path) -> None:
    pools = [await Database.connect(database.app_url) for _ in range(2)]
    homes = [settings(database, tmp_path / str(n)) for n in range(8)]
    await asyncio.gather(*(setup.first_start(pools[n % 2], home) for n, home in enumerate(homes)))
    async with pools[0].acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM account") == 1
        assert await conn.fetchval("SELECT count(*) FROM workspace") == 2
        assert await conn.fetchval("SELECT count(*) FROM token WHERE kind = 'user'") == 1
    assert sum((home.home / "token").exists() for home in homes) == 1
    for pool in pools:
        await pool.close()


async def test_second_start_does_not_change_the_token(db: Database, database: TestDatabase, tmp_path: Path) -> None:
    chosen = settings(database, tmp_path)
    first = await setup.first_start(db, chosen)
    token = first.token_file.read_text()
    again = await setup.first_start(db, chosen)
    assert again.token_file.read_text() == token
    assert again.link is not None and again.link != first.link


async def test_link_sets_the_password_once(database: TestDatabase, tmp_path: Path) -> None:
    chosen = settings(database, tmp_path)
    platform = await open_platform(chosen)
    links = [(await setup.first_start(platform.db, chosen)).link for _ in range(2)]
    secrets = [str(link).partition("#")[2] for link in links]
    with pytest.raises(BadRequest):
        await session.first_password(platform, secrets[0], "short", Caller())
    made = await session.first_password(platform, secrets[0], "correct horse", Caller())
    assert made is not None
    assert await TokenResolver(platform).resolve(made.token, Caller(), changes=True) is not None
    for used in secrets:
        with pytest.raises(Unauthenticated):
            await session.first_password(platform, used, "another password", Caller())
    await session.login(platform, "admin@localhost", "correct horse", Caller())
    assert (await setup.first_start(platform.db, chosen)).link is None
    await platform.close()


async def test_link_expires_after_fifteen_minutes(database: TestDatabase, tmp_path: Path) -> None:
    chosen = settings(database, tmp_path)
    platform = await open_platform(chosen)
    link = str((await setup.first_start(platform.db, chosen)).link).partition("#")[2]
    async with platform.db.acquire() as conn:
        await conn.execute("UPDATE token SET expires_at = expires_at - interval '15 minutes 1 second'")
    with pytest.raises(Unauthenticated):
        await session.first_password(platform, link, "correct horse", Caller())
    await platform.close()


async def test_configured_password_replaces_the_link(db: Database, database: TestDatabase, tmp_path: Path) -> None:
    without = await setup.first_start(db, settings(database, tmp_path))
    assert without.link is not None
    first = await setup.first_start(db, settings(database, tmp_path, admin_password="correct horse"))
    assert first.link is None


async def test_there_is_no_default_password(database: TestDatabase, tmp_path: Path) -> None:
    chosen = settings(database, tmp_path)
    platform = await open_platform(chosen)
    await setup.first_start(platform.db, chosen)
    for password in ("", "admin", "changeme", "password", "the password of nobody"):
        with pytest.raises(Unauthenticated):
            await session.login(platform, "admin@localhost", password, Caller(address=password))
    await platform.close()


async def test_accounts_created_on_the_command_line(db: Database) -> None:
    assert await setup.create_user(db, "Ada.L@Example.org", "correct horse") == "ada_l"
    assert await setup.create_user(db, "ada.l@other.org", "correct horse") == "ada_l2"
    with pytest.raises(AlreadyExists):
        await setup.create_user(db, "ada.l@example.org", "correct horse")
    with pytest.raises(BadRequest):
        await setup.create_user(db, "nobody", "correct horse")
    with pytest.raises(BadRequest):
        await setup.create_user(db, "bob@example.org", "short")


async def test_reset_password_ends_sessions_and_is_audited(database: TestDatabase, tmp_path: Path) -> None:
    platform = await open_platform(settings(database, tmp_path))
    await setup.create_user(platform.db, "ada@example.org", "correct horse")
    old = await session.login(platform, "ada@example.org", "correct horse", Caller())
    assert await setup.reset_password(platform.db, "Ada@Example.org", "battery staple") == "ada"
    with pytest.raises(Unauthenticated):
        await session.login(platform, "ada@example.org", "correct horse", Caller())
    await session.login(platform, "ada@example.org", "battery staple", Caller())
    assert await TokenResolver(platform).resolve(old.token, Caller(), changes=False) is None
    async with platform.db.acquire() as conn:
        audited = await conn.fetch("SELECT actor, resource FROM audit WHERE operation = 'users.reset_password'")
        assert [tuple(row) for row in audited] == [("orvanta", "ada@example.org")]
        await conn.execute("UPDATE account SET disabled = true")
    with pytest.raises(BadRequest):
        await setup.reset_password(platform.db, "ada@example.org", "short")
    for email in ("ada@example.org", "nobody@example.org"):
        with pytest.raises(NotFound):
            await setup.reset_password(platform.db, email, "battery staple")
    await platform.close()
