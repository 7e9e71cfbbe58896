"""Deletion of unreferenced objects."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.conftest import TestDatabase
from tests.services.log_ground import LogGround, ground

from orvanta_platform import clock, ids
from orvanta_platform.db.values import insert_value
from orvanta_platform.orchestrator import values
from orvanta_platform.services.maintenance import objects
from orvanta_platform.storage import local


@pytest.fixture
async def on(database: TestDatabase, tmp_path: Path) -> AsyncIterator[LogGround]:
    async with ground(database, tmp_path) as made:
        yield made


def age(on: LogGround, key: str, **by: float) -> None:
    then = (clock.now() - timedelta(**by)).timestamp()
    os.utime(on.objects / key, (then, then))


async def test_unreferenced_objects_are_deleted_after_a_day(on: LogGround, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "_PAGE", 2)
    storage, run = on.platform.storage, ids.new_run_id()
    log = await on.written("x\n" * (1 << 20), run=run)
    value = await values.store(storage, "main", run, run, "result", b'"' + b"x" * (1 << 20) + b'"')
    async with on.platform.db.transaction() as conn:
        await insert_value(conn, value)
    lost = [f"main/{run}/{ids.node_job_id(run, name)}/1/{what}" for name in "bc" for what in ("log", "result")]
    for key in (*lost, f"main/{run}/{log.job}/2/log"):
        await storage.put(key, b"lost")
    broken_off = f"main/{run}/{log.job}/1/.draft-x"
    (on.objects / broken_off).write_bytes(b"half")
    await storage.put("packages/main/python3", b"somebody else's")
    young = f"main/{run}/{ids.node_job_id(run, 'd')}/1/result"
    await storage.put(young, b"not named yet")
    for key in on.stored():
        age(on, key, hours=23 if key == young else 25)
    assert (
        await objects.delete_unreferenced(on.platform.db, storage, clock.now() - timedelta(hours=24)) == len(lost) + 2
    )
    assert on.stored() == sorted([log.log_key, str(value.object), "packages/main/python3", young])
    assert await on.whole(log.job) == "x\n" * (1 << 20)


async def test_object_uploaded_under_an_earlier_form_of_its_id_is_kept(on: LogGround) -> None:
    """Keys contain the job's id from the time before derived ids were UUIDv8."""
    run, storage = ids.new_run_id(), on.platform.storage
    job = ids.node_job_id(run, "a")
    earlier = UUID(int=job.int ^ (0xF << 76))
    raw = b'"' + b"x" * (1 << 20) + b'"'
    value = await values.store(storage, "main", run, earlier, "result", raw)
    async with on.platform.db.transaction() as conn:
        await insert_value(conn, replace(value, id=job))
    assert ids.as_derived(earlier) == job and str(earlier) in str(value.object)
    assert await objects.delete_unreferenced(on.platform.db, storage, clock.now() + timedelta(hours=1)) == 0
    assert on.stored() == [value.object]


async def test_missing_storage_folder_has_no_objects(on: LogGround) -> None:
    assert await objects.delete_unreferenced(on.platform.db, on.platform.storage, clock.now()) == 0
