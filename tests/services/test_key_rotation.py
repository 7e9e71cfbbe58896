"""Rotation of the instance key and the data keys while the platform runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.http.jobs_running import claimed, job_client, started

from orvanta_platform.control import keys, secrets
from orvanta_platform.control.actor import system
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.secrets import SecretUnreadable
from orvanta_platform.db import data_keys, openings
from orvanta_platform.db import key_rotation as rows
from orvanta_platform.errors import Conflict
from orvanta_platform.orchestrator.sealed_inputs import sealed_key, unseal
from orvanta_platform.services.access import setup
from orvanta_platform.services.maintenance import key_rotation
from orvanta_platform.services.maintenance.key_rotation import Rotated
from orvanta_platform.services.run_views.results import load_values
from orvanta_platform.settings import Settings

SECRET = "hush-hush-hush"
PASSWORDS = {"type": "object", "properties": {"pw": {"type": "string", "password": True}}}
SCRIPT = {"path": "u/admin/s", "content": "def main(pw):\n    pass\n", "language": "python3", "summary": ""}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiHarness]:
    monkeypatch.setattr(key_rotation, "_LEARN_S", 0.0)
    monkeypatch.setattr(key_rotation, "_POLL_S", 0.0)
    monkeypatch.setattr(key_rotation, "_BATCH", 2)
    async with api_harness(database, tmp_path) as made:
        for name in ("a", "b", "c"):
            body = {"path": f"u/admin/{name}", "value": f"{SECRET}-{name}", "is_secret": True, "description": ""}
            assert (await made.client.post(f"{W}/variables/create", json=body)).status_code == 201
        yield made


async def rotate(api: ApiHarness, **options: Any) -> Rotated:
    platform = api.platform
    actor = system(name="orvanta")
    return await key_rotation.rotate(platform.settings, platform.db, platform.storage, actor, lambda _: None, **options)


async def stored(api: ApiHarness) -> set[bytes]:
    """Return all ciphertexts in the database. Each table with secrets must contain some."""
    columns = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE column_name IN ('sealed', 'wrapped')"
    )
    found = set()
    async with api.platform.db.acquire() as conn:
        for table, column in await conn.fetch(columns):
            found |= {row[0] for row in await conn.fetch(f"SELECT {column} FROM {table}")}  # noqa: S608
        found |= {row[0] for row in await conn.fetch("SELECT body FROM value WHERE name LIKE 'sealed%'")}
    return found - {None}


async def other_secrets(api: ApiHarness) -> None:
    """Create a resource, a setting of the instance, a two-step login, the token of a repository, a webhook and an
    export key.
    """
    client = api.client
    await setup.create_user(api.platform.db, "ada@example.org", "correct horse")
    account = {"email": "ada@example.org", "password": "correct horse"}
    session = (await client_of(api.app, "").post("/api/auth/login", json=account)).text
    answer = await client_of(api.app, session).post("/api/users/totp/enrol", json={"password": "correct horse"})
    assert answer.status_code == 200, answer.text
    schema = {"type": "object", "properties": {"pw": {"type": "string", "password": True}}}
    kind = {"name": "c_db", "schema": schema, "description": ""}
    assert (await client.post(f"{W}/resources/type/create", json=kind)).status_code == 201
    made = {"path": "u/admin/db", "resource_type": "c_db", "value": {"pw": f"{SECRET}-r"}}
    assert (await client.post(f"{W}/resources/create", json=made)).status_code == 201
    provider = {"label": "P", "issuer": "https://id.example.com", "client_id": "i", "client_secret": f"{SECRET}-s"}
    repository = {"url": "https://8.8.8.8/shop.git", "token": f"{SECRET}-t", "check": False}
    assert (await client.post(f"{W}/git/bind", json=repository)).status_code == 200
    webhook = {"webhook": f"https://8.8.8.8/{SECRET}-w"}
    assert (await client.post(f"{W}/workspaces/edit_webhook", json=webhook)).status_code == 200
    assert (await client.get(f"{W}/workspaces/encryption_key")).status_code == 200
    answer = await client.post("/api/settings/global/oidc_providers", json={"value": {"p": provider}})
    assert answer.status_code == 200, answer.text


async def test_everything_is_sealed_again_and_the_old_key_opens_nothing(api: ApiHarness) -> None:
    await other_secrets(api)
    assert (await api.client.post(f"{W}/scripts/create", json={**SCRIPT, "schema": PASSWORDS})).status_code == 201
    run = (await api.client.post(f"{W}/jobs/run/p/u/admin/s", json={"pw": f"{SECRET}-i"})).text
    waiting = await claimed(api, run)
    await api.worker.finish(waiting)
    before, old = await stored(api), InstanceKeys(keys.text(api.platform.settings).encode())
    job = await started(api)
    running = job_client(api, job)
    assert (await running.get(f"{W}/variables/get_value/u/admin/a")).json() == f"{SECRET}-a"

    rotation = asyncio.create_task(rotate(api))
    await api.until(lambda: rotation.done() or len(keys.text(api.platform.settings).splitlines()) == 2)
    assert (await running.get(f"{W}/variables/get_value/u/admin/b")).json() == f"{SECRET}-b"
    with pytest.raises(Conflict):
        await rotate(api)
    await api.worker.finish(job)
    done = await rotation

    assert done.unreadable == set() and done.ciphertexts >= 9 and done.data_keys == 2
    assert not before & await stored(api)
    async with api.platform.db.acquire() as conn:
        for workspace, row in await rows.list_keys(conn):
            with pytest.raises(SecretUnreadable):
                secrets.unwrap(old, workspace, row)
        for sealed in await openings.list_sealed(conn, job.id, job.attempt):
            secrets.unseal_opening(api.platform.keys, job.id, job.attempt, sealed)
            with pytest.raises(SecretUnreadable):
                secrets.unseal_opening(old, job.id, job.attempt, sealed)
    after = job_client(api, await started(api))
    for name in ("a", "b", "c"):
        assert (await after.get(f"{W}/variables/get_value/u/admin/{name}")).json() == f"{SECRET}-{name}"
    assert (await after.get(f"{W}/resources/get_value/u/admin/db")).json() == {"pw": f"{SECRET}-r"}
    sealed = (await load_values(api.platform, [sealed_key(UUID(run))]))[sealed_key(UUID(run))]
    assert (await unseal(api.platform.tools, "main", [UUID(run)], sealed))["/pw"] == f'"{SECRET}-i"'.encode()
    operations = [row["operation"] for row in (await api.client.get("/api/audit/list")).json()]
    assert {"keys.rotate", "keys.rotated"} <= set(operations)


async def test_interrupted_rotation_continues(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await stored(api)
    replace, calls = rows.replace_rows, iter((True, None))

    async def fail(*arguments: Any) -> None:
        if next(calls) is None:
            raise ConnectionError
        await replace(*arguments)

    monkeypatch.setattr(rows, "replace_rows", fail)
    with pytest.raises(ConnectionError):
        await rotate(api)
    monkeypatch.setattr(rows, "replace_rows", replace)
    assert len(keys.text(api.platform.settings).splitlines()) == 2
    assert before & await stored(api)
    done = await rotate(api)
    assert done.data_keys == 0 and done.ciphertexts == 1
    assert not before & await stored(api)
    assert len(keys.text(api.platform.settings).splitlines()) == 1


async def test_key_in_the_environment_is_exchanged_by_two_settings(api: ApiHarness, tmp_path: Path) -> None:
    platform = api.platform
    old, new = keys.text(platform.settings), "n" * 40
    chosen = Settings(home=tmp_path, instance_key=new, second_instance_key=old)

    def run(settings: Settings) -> Any:
        actor = system(name="orvanta")
        return key_rotation.rotate(settings, platform.db, platform.storage, actor, lambda _: None)

    with pytest.raises(Exception, match="ORVANTA_SECOND_INSTANCE_KEY"):
        await run(Settings(home=tmp_path, instance_key=old))
    assert (await run(chosen)).second_key
    async with platform.db.acquire() as conn:
        row = await data_keys.get_newest(conn, "main")
    assert row is not None
    secrets.unwrap(InstanceKeys(new.encode()), "main", row)
    with pytest.raises(SecretUnreadable):
        secrets.unwrap(InstanceKeys(old.encode()), "main", row)
