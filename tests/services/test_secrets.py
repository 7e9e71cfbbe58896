"""Secrets with several processes: creation of the first key, ended attempts, logs of lost workers, the janitor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from msgspec import structs
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.http.jobs_running import claimed, job_client, started, token_of
from tests.http.manual_worker import ManualWorker

from orvanta_platform.control import secrets
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.control.secrets import DataKey, SecretLocation, SecretUnreadable
from orvanta_platform.db import data_keys, openings
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.errors import NotFound, Unauthenticated
from orvanta_platform.orchestrator.secret_access import Identity, open_for
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.logs.objects import Attempt
from orvanta_platform.worker.logs import JobLog
from orvanta_platform.worker.masking import Masking, Maskings, ProcessKey
from orvanta_platform.workflow.mask import MASK

SECRET = "hush-hush-hush"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        body = {"path": "u/admin/pw", "value": SECRET, "is_secret": True, "description": ""}
        assert (await made.client.post(f"{W}/variables/create", json=body)).status_code == 201
        yield made


async def audited(api: ApiHarness) -> int:
    async with api.platform.db.acquire() as conn:
        count: int = await conn.fetchval("SELECT count(*) FROM audit WHERE operation = 'variables.open'")
    return count


async def counted(api: ApiHarness, job: ClaimedJob) -> int:
    async with api.platform.db.acquire() as conn:
        found: int = await conn.fetchval("SELECT openings FROM job_live WHERE id = $1", job.id)
    return found


def masking_of(api: ApiHarness, job: ClaimedJob) -> Masking:
    return Maskings(api.platform).of(job, token_of(api, job))


async def log_of(api: ApiHarness, job: UUID) -> str:
    platform = api.platform
    return "".join([page async for page in log_text.pages(platform.db, platform.storage, job)])


async def test_first_key_of_workspace_is_created_once(api: ApiHarness) -> None:
    platform = api.platform
    made = await asyncio.gather(*(secrets.newest_key(platform.db, platform.keys, "admins") for _ in range(12)))
    assert len({key.secret for key in made}) == 1
    async with platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM data_key WHERE workspace = 'admins'") == 1
        row = await data_keys.get_newest(conn, "admins")
    assert row is not None and made[0].secret not in row.wrapped
    with pytest.raises(SecretUnreadable):
        secrets.unwrap(platform.keys, "main", row)
    with pytest.raises(SecretUnreadable, match="another instance key"):
        secrets.unwrap(InstanceKeys(b"other" * 8), "admins", row)


async def test_newest_key_seals_and_older_keys_open(api: ApiHarness) -> None:
    platform = api.platform
    newer = DataKey(2, b"n" * 32)
    wrapping = platform.keys.key("data keys")
    async with platform.db.acquire() as conn:
        row = await data_keys.get_newest(conn, "main")
        assert row is not None
        wrapped = secrets._seal(wrapping, secrets._key_name("main", 2), newer.secret)
        await data_keys.insert(conn, "main", replace(row, version=2, wrapped=wrapped))
    assert await secrets.newest_key(platform.db, platform.keys, "main") == newer
    job = job_client(api, await started(api))
    assert (await job.get(f"{W}/variables/get_value/u/admin/pw")).json() == SECRET
    await api.client.post(f"{W}/variables/update/u/admin/pw", json={"value": "rotated"})
    async with platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT key_version FROM variable WHERE path = 'u/admin/pw'") == 2
    assert (await job.get(f"{W}/variables/get_value/u/admin/pw")).json() == "rotated"


async def test_answers_open_secrets_as_the_runs_owner(api: ApiHarness) -> None:
    await api.member("bea")
    run = (await started(api)).run
    opened = OpenedSecrets()
    for _ in range(3):
        value = await open_for(api.platform, Identity.of_run(run), "main", "variable", "u/admin/pw", opened)
    assert value == b'"hush-hush-hush"' and opened.mask_text(SECRET) == MASK
    assert await audited(api) == 1
    bea = structs.replace(Identity.of_run(run), permissioned_as="u/bea", email="bea@example.com")
    for identity in (bea, structs.replace(bea, email="nobody@example.com")):
        with pytest.raises(NotFound):
            await open_for(api.platform, identity, "main", "variable", "u/admin/pw", OpenedSecrets())
    assert await audited(api) == 1


async def test_openings_are_counted_per_attempt(api: ApiHarness) -> None:
    job = await started(api)
    client = job_client(api, job)
    for _ in range(2):
        assert (await client.get(f"{W}/variables/get_value/u/admin/pw")).status_code == 200
    assert (await counted(api, job), await audited(api)) == (1, 1)
    first = masking_of(api, job)
    await first.load_opened()
    assert (first.openings, first.json(b'"hush-hush-hush"')) == (1, b'"***"')
    async with api.platform.db.transaction() as conn:
        await conn.execute(
            "UPDATE job_live SET state = 'available', worker = NULL, generation = NULL, seq = nextval('job_seq') "
            "WHERE id = $1",
            job.id,
        )
    identity = Identity.of_job(job)
    with pytest.raises(Unauthenticated):
        await open_for(api.platform, identity, "main", "variable", "u/admin/pw", OpenedSecrets())
    again = await claimed(api, str(job.id))
    assert (again.attempt, await counted(api, again)) == (2, 0)
    second = masking_of(api, again)
    await second.load_opened()
    assert (second.openings, second.json(b'"hush-hush-hush"')) == (0, b'"hush-hush-hush"')


async def test_log_waits_for_opened_secrets(api: ApiHarness) -> None:
    """This includes an attempt that is considered lost but still writes."""
    job = await started(api)
    log = JobLog(api.platform.tools, Attempt("main", job.run.id, job.id, job.attempt), masking_of(api, job))
    assert (await job_client(api, job).get(f"{W}/variables/get_value/u/admin/pw")).json() == SECRET
    await log.write(f"first {SECRET}\nhalf hush-")
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE job_live SET attempt = 2, openings = 0 WHERE id = $1", job.id)
    await log._flushed()
    await log.write("hush-hush and on")
    chars = await log.close()
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE job_live SET attempt = 1 WHERE id = $1", job.id)
    whole = await log_of(api, job.id)
    assert (whole, chars) == (f"first {MASK}\nhalf {MASK} and on", len(whole))


async def test_log_ending_with_part_of_a_secret_is_complete(api: ApiHarness) -> None:
    job = await started(api)
    masking = masking_of(api, job)
    masking.opened.add(SECRET)
    log = JobLog(api.platform.tools, Attempt("main", job.run.id, job.id, job.attempt), masking)
    await log.write("it ends in hush-hu")
    await log.close()
    assert await log_of(api, job.id) == "it ends in hush-hu"


async def test_jobs_of_one_process_share_opened_secrets(api: ApiHarness) -> None:
    maskings, key = Maskings(api.platform), ProcessKey("main", "python3", "code")
    job = await started(api)
    first, second, other = (maskings.of(job, "jt_token") for _ in range(3))
    first.opened.add("argument-secret")
    for masking in (first, second):
        maskings.share(masking, key)
    maskings.share(other, structs.replace(key, workspace="admins"))
    first.opened.add(SECRET)
    assert second.json(b'["hush-hush-hush","argument-secret"]') == b'["***","***"]'
    assert other.json(b'"hush-hush-hush"') == b'"hush-hush-hush"'


async def test_openings_are_deleted_after_their_jobs(api: ApiHarness) -> None:
    over, runs = await started(api), await started(api)
    for job in (over, runs):
        assert (await job_client(api, job).get(f"{W}/variables/get_value/u/admin/pw")).status_code == 200
    await ManualWorker.finish(api.worker, over)
    async with api.platform.db.acquire() as conn:
        await openings.delete_ended(conn)
        assert await openings.count(conn, over.id, 1) == 1
        await conn.execute("UPDATE opening SET at = at - interval '2 hours'")
        await openings.delete_ended(conn)
        assert [await openings.count(conn, job.id, 1) for job in (over, runs)] == [0, 1]


async def test_secret_cannot_be_opened_in_another_workspace(api: ApiHarness) -> None:
    key = await secrets.newest_key(api.platform.db, api.platform.keys, "main")
    there = await secrets.newest_key(api.platform.db, api.platform.keys, "admins")
    sealed = secrets.seal(key, SecretLocation("main", "variable", "u/admin/pw"), b"x")
    for other in (key, there):
        with pytest.raises(SecretUnreadable):
            secrets.unseal(other, SecretLocation("admins", "variable", "u/admin/pw"), sealed)
