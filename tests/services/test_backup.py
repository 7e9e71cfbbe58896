"""Restoring a backup: into an empty, used or too new installation, and from a damaged archive."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of

from orvanta_platform import ids
from orvanta_platform.db.migrate import list_migrations
from orvanta_platform.errors import OrvantaError, SchemaTooNew, SettingsError
from orvanta_platform.http.app import create_app
from orvanta_platform.services.access import audit_chain
from orvanta_platform.services.maintenance import backup, consistency
from orvanta_platform.services.maintenance.backup import RestoreRefused
from orvanta_platform.services.platform import open_platform, open_storage
from orvanta_platform.settings import Settings
from orvanta_platform.storage import ObjectMissing
from orvanta_platform.storage.archive import ArchiveBroken, Reader, Writer

LARGE = "x" * (300 << 10)


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    """Provide an installation with secrets, versions, a draft, an ended run with an object, and a live run."""
    async with api_harness(database, tmp_path / "from", owner_url=database.owner_url) as made:
        secret = {"path": "u/admin/key", "value": "hush", "is_secret": True, "description": ""}
        assert (await made.client.post(f"{W}/variables/create", json=secret)).status_code == 201
        flow = {"path": "u/admin/flow", "value": {"modules": [{"id": "a", "value": {"type": "identity"}}]}}
        assert (await made.client.post(f"{W}/flows/create", json=flow)).status_code == 201
        await made.client.put(f"{W}/drafts/flow/u/admin/flow", json={"value": {"tab\t": "line\n\\ü"}})
        await made.preview()
        job = (await made.worker.claim())[""]
        await made.worker.print(job, "said\n")
        await made.worker.finish(job, LARGE)
        await made.preview()
        yield made


@pytest.fixture
async def empty(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Settings]:
    """Return the settings of an installation that is not in use."""
    name = f"{database.name}_blank"
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    app, url = database.server.url("app", name), database.server.url("owner", name)
    (tmp_path / "to").mkdir()
    yield Settings(home=tmp_path / "to", database_url=app, database_direct_url=app, owner_url=url)
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


async def saved(api: ApiHarness) -> bytes:
    file = io.BytesIO()
    await backup.save(api.platform.settings, api.platform.storage, file)
    return file.getvalue()


async def restored(settings: Settings, archive: bytes, *, force: bool = False) -> backup.TransferCounts:
    return await backup.restore(settings, open_storage(settings), io.BytesIO(archive), force=force)


async def refused(kind: type[OrvantaError], settings: Settings, archive: bytes, **more: Any) -> str:
    with pytest.raises(kind) as caught:
        await restored(settings, archive, **more)
    return str(caught.value.message)


async def contents(url: str) -> dict[str, list[str]]:
    """Return every row of every table as text, without transaction ids."""
    conn = await asyncpg.connect(url)
    try:
        names = await conn.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition"
        )
        found = {}
        for row in names:
            name = row["relname"]
            rows = await conn.fetch(f"SELECT (to_jsonb(t) - 'xid')::text AS row FROM \"{name}\" AS t ORDER BY 1")  # noqa: S608
            found[name] = [str(each["row"]) for each in rows]
        return found
    finally:
        await conn.close()


def changed(archive: bytes, name: str, by: bytes | None) -> bytes:
    """Return the archive with the stream of this name replaced or removed."""
    file = io.BytesIO()
    writer = Writer(file)
    for each, parts in Reader(io.BytesIO(archive)).streams():
        data = b"".join(parts)
        if each == name and by is None:
            continue
        writer.begin(each)
        writer.write(by if each == name and by is not None else data)
    writer.close()
    return file.getvalue()


async def test_restore_into_empty_installation(api: ApiHarness, database: TestDatabase, empty: Settings) -> None:
    done = await restored(empty, await saved(api))
    assert done.objects == 1 and done.rows > 20
    before, after = await contents(database.owner_url), await contents(str(empty.owner_url))
    assert [name for name in before if name != "migration" and before[name] != after[name]] == []
    assert len(before["migration"]) == len(after["migration"])
    for name in ("instance.key", "token"):
        there = empty.home / name
        assert there.read_bytes() == (api.platform.settings.home / name).read_bytes()
        assert there.stat().st_mode & 0o077 == 0
    platform = await open_platform(empty)
    try:
        assert await consistency.check(platform.db) == []
        async with client_of(create_app(platform), (empty.home / "token").read_text().strip()) as client:
            (run,) = (await client.get(f"{W}/jobs/completed/list")).json()
            result = await client.get(f"{W}/jobs_u/completed/get_result/{run['id']}")
            assert result.json() == LARGE
            assert (await client.get(f"{W}/jobs_u/get_logs/{run['id']}")).text == "said\n"
            await client.post(f"{W}/workspaces/edit_secrets_readable", json={"secrets_readable": True})
            assert (await client.get(f"{W}/variables/get_value/u/admin/key")).json() == "hush"
            flow = {"path": "u/admin/next", "value": {"modules": []}}
            assert (await client.post(f"{W}/flows/create", json=flow)).status_code == 201
    finally:
        await platform.close()


async def test_restore_creates_the_home_if_the_key_is_set(api: ApiHarness, empty: Settings) -> None:
    key = (api.platform.settings.home / "instance.key").read_text().strip()
    home = empty.home / "new"
    await restored(replace(empty, home=home, instance_key=key), await saved(api))
    assert (home / "token").read_text() == (api.platform.settings.home / "token").read_text()
    assert (home.stat().st_mode | (home / "token").stat().st_mode) & 0o077 == 0


async def test_restored_audit_trail_is_linked_further(api: ApiHarness, empty: Settings) -> None:
    insert = "INSERT INTO audit (actor, operation, action_kind, resource) VALUES ('a', 'x.y', 'Execute', $1)"
    async with api.platform.db.transaction() as late:
        async with api.platform.db.transaction() as first:
            await first.execute("SELECT pg_current_xact_id()")
            await late.execute(insert, "not linked yet, with a lower id")
            await first.execute(insert, "linked")
        await audit_chain.link_new(api.platform)
    await restored(empty, await saved(api))
    platform = await open_platform(empty)
    try:
        assert (await audit_chain.link_new(platform))[0] == 1
        assert (await audit_chain.link_new(platform))[0] == 0
    finally:
        await platform.close()


async def test_used_installation_is_replaced_only_with_force(
    api: ApiHarness, database: TestDatabase, empty: Settings
) -> None:
    archive = await saved(api)
    await restored(empty, archive)
    assert "in use" in await refused(RestoreRefused, empty, archive)
    assert "Workers" in await refused(RestoreRefused, empty, archive, force=True)
    conn = await asyncpg.connect(empty.owner_url)
    await conn.execute("UPDATE worker SET beat_at = beat_at - interval '1 hour'")
    await conn.execute("DELETE FROM draft")
    await conn.close()
    (empty.home / "instance.key").write_text("another key of at least 32 characters\n")
    storage, run = open_storage(empty), ids.new_run_id()
    left = [f"main/{run}/{run}/1/result", f"main/files/{run}/report.txt"]
    for key in (*left, "somebody/else"):
        await storage.put(key, b"of before")
    assert (await restored(empty, archive, force=True)).dropped == len(left)
    assert await storage.get("somebody/else") == b"of before"
    for key in left:
        with pytest.raises(ObjectMissing):
            await storage.get(key)
    assert (await contents(str(empty.owner_url)))["draft"] == (await contents(database.owner_url))["draft"]
    key = (api.platform.settings.home / "instance.key").read_text()
    assert (empty.home / "instance.key").read_text() == key


async def test_broken_archive_leaves_the_database_empty(api: ApiHarness, empty: Settings) -> None:
    archive = await saved(api)
    await refused(ArchiveBroken, empty, archive[: len(archive) // 2])
    await refused(ArchiveBroken, empty, changed(archive, "end", None))
    await refused(ArchiveBroken, empty, changed(archive, "table/draft", b""))
    await refused(ArchiveBroken, empty, archive[:-4])
    await refused(ArchiveBroken, empty, b"text")
    assert (await contents(str(empty.owner_url)))["account"] == []
    await restored(empty, archive)


async def test_other_instance_key_is_not_overwritten(api: ApiHarness, empty: Settings) -> None:
    archive = await saved(api)
    await refused(SettingsError, replace(empty, instance_key="k" * 40), archive)
    (empty.home / "instance.key").write_text("another key of at least 32 characters\n")
    assert "another key" in await refused(SettingsError, empty, archive)
    assert (await contents(str(empty.owner_url)))["account"] == []


async def test_incompatible_versions_are_refused(api: ApiHarness, empty: Settings) -> None:
    archive = await saved(api)
    head = next(b"".join(parts) for _, parts in Reader(io.BytesIO(archive)).streams())
    last = list_migrations()[-1].name.encode()
    newer = changed(archive, "manifest", head.replace(last, b"9999_from_the_future"))
    assert "9999_from_the_future" in await refused(SchemaTooNew, empty, newer)
    older = changed(archive, "manifest", head.replace(b',"' + last + b'"', b""))
    await restored(empty, archive)
    assert last.decode() in await refused(RestoreRefused, empty, older, force=True)
    other = changed(archive, "manifest", head.replace(b'"format":1', b'"format":2'))
    assert "format 2" in await refused(ArchiveBroken, empty, other)
