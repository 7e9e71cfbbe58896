"""Settings of worker groups: set by superadmins, applied by running workers, shown to others without variables."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.control.instance_settings import InstanceSettings, Setting
from orvanta_platform.control.secrets import SecretUnreadable
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.worker.group_settings import GroupSettings
from orvanta_platform.worker.runtimes.cells import SandboxUnavailable

BASH = {"language": "bash", "content": 'echo "region $REGION, job ${OV_WORKSPACE}"'}


async def configure(api: ApiHarness, group: GroupSettings, **config: Any) -> dict[str, Any]:
    """Change the settings of the group, have the worker apply them, and return the worker's row."""
    answer = await api.client.post("/api/configs/update/default", json=config)
    assert answer.status_code == 200, answer.text
    api.platform.instance._cache.clear()
    assert await group.apply()
    async with api.platform.db.acquire() as conn:
        return dict(await conn.fetchrow("SELECT queues, slots FROM worker WHERE name = 'w'"))


async def result(api: ApiHarness, **more: Any) -> str:
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview", json={**BASH, "args": {}, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json())


async def make_unreadable(api: ApiHarness) -> None:
    """Store settings as a newer version may write them."""
    async with api.platform.db.acquire() as conn:
        await conn.execute(
            "UPDATE instance_setting SET value = $1 WHERE name = 'worker_groups'", '{"default": {"unknown": 1}}'
        )
    api.platform.instance._cache.clear()


async def available(api: ApiHarness) -> set[UUID]:
    async with api.platform.db.acquire() as conn:
        return {row["id"] for row in await conn.fetch("SELECT id FROM job_live WHERE state = 'available'")}


async def test_running_worker_applies_changed_settings(api: ApiHarness, group: GroupSettings) -> None:
    """Queues, slots, variables and the isolation level apply to the next job; variables of the platform stay."""
    assert await result(api) == "region , job main"
    row = await configure(
        api, group, worker_tags=["bash", "native"], slots=2, env_vars_static={"REGION": "eu", "LANG": "C"}
    )
    assert row == {"queues": ["bash", "native"], "slots": 2}
    held = UUID(await api.preview(**BASH, tag="gpu"))
    assert await result(api) == "region eu, job main"
    assert await available(api) == {held}
    assert not await group.apply()
    await configure(api, group, worker_tags=["gpu"], slots=1)
    assert await result(api, tag="gpu") == "region , job main"
    assert not await available(api)
    assert (await configure(api, group, isolation="full"))["queues"] == []
    assert group._lease.may_claim is False
    assert "stronger isolation" in str(group._worker._unready())
    waits = asyncio.create_task(result(api))
    while not await available(api):
        await asyncio.sleep(POLL_S)
    assert (await api.client.delete("/api/configs/delete/default")).status_code == 200
    api.platform.instance._cache.clear()
    assert await group.apply()
    assert await waits == "region , job main"


async def test_worker_that_cannot_refuse_the_network_claims_no_jobs(api: ApiHarness, group: GroupSettings) -> None:
    """Its level, none, has no namespaces. The job waits until the group no longer requires `network: none`."""
    assert (await configure(api, group, network="none"))["queues"] == []
    assert group._lease.may_claim is False
    assert "jobs without network, which is impossible here" in str(group._worker._unready())
    held = UUID(await api.preview(**BASH))
    await make_unreadable(api)
    assert not await group.apply() and group._lease.may_claim is False, "settings of a newer version change nothing"
    async with api.platform.db.acquire() as conn:
        await conn.execute("DELETE FROM instance_setting")
    assert await available(api) == {held}
    await configure(api, group)
    while await available(api):
        await asyncio.sleep(POLL_S)


async def test_worker_claims_no_jobs_before_it_has_read_its_settings(api: ApiHarness, group: GroupSettings) -> None:
    assert (await api.client.post("/api/configs/update/default", json={"network": "none"})).status_code == 200
    await make_unreadable(api)
    assert not await group.apply()
    assert group._lease.may_claim is False and "cannot be read" in str(group._worker._unready())


@pytest.mark.parametrize("error", [asyncpg.InvalidPasswordError("refused"), SecretUnreadable("sealed by another key")])
async def test_worker_keeps_its_settings_after_any_failure(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Regression test: after an unexpected error, the worker ignored its group until it was restarted."""

    async def fail(settings: InstanceSettings, setting: Setting[Any]) -> Any:
        raise error

    assert (await configure(api, group, slots=2))["slots"] == 2
    with monkeypatch.context() as patch:
        patch.setattr(InstanceSettings, "get", fail)
        assert not await group.apply()
    assert group._lease.may_claim
    assert (await configure(api, group, slots=1))["slots"] == 1


async def test_group_without_network_serves_no_webhooks(api: ApiHarness, group: GroupSettings) -> None:
    hook = {"type": "webhook", "method": "GET", "url": {"type": "static", "value": "http://127.0.0.1:9/"}}
    await configure(api, group)
    with pytest.raises(SandboxUnavailable):
        await group._worker._runtimes.set_offline(True)
    tagged = {"value": {"modules": [{"id": "a", "value": {**hook, "tag": "python3"}}]}, "args": {}}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=tagged)
    assert answer.json()["error"]["name"] == "no_network", answer.text


async def test_priority_of_queue_precedes_priority_of_job(api: ApiHarness) -> None:
    for tag, priority in (("one", 90), ("two", 0), ("three", 50)):
        await api.preview(tag=tag, priority=priority)
    claimer = Claimer(api.worker.id, 1, None, first={"two": 2, "three": 1})
    async with api.platform.db.acquire() as conn:
        order = [(await claimer.claim(conn, 1))[0].queue for _ in range(3)]
    assert order == ["two", "three", "one"]


async def test_two_superadmins_do_not_overwrite_a_group(api: ApiHarness) -> None:
    update, delete = "/api/configs/update/gpu", "/api/configs/delete/gpu"

    async def version() -> str:
        listed = (await api.client.get("/api/configs/list_worker_groups")).json()
        return next((str(each["version"]) for each in listed if each["name"] == "gpu"), "default")

    async def conflict(slots: int, base: str) -> Any:
        answer = await api.client.post(update, json={"slots": slots, "base_version": base})
        assert answer.status_code == 409, answer.text
        return answer.json()["error"]

    assert (await api.client.post(update, json={"slots": 2, "base_version": await version()})).status_code == 200
    error = await conflict(3, "default")
    first = await version()
    assert error["code"] == "version_conflict" and error["details"]["theirs"]["slots"] == 2
    assert (error["details"]["base"], error["details"]["newest"]) == ("default", first)
    assert (await api.client.post(update, json={"slots": 3, "base_version": first})).status_code == 200
    assert (await api.client.delete(delete, params={"base_version": first})).status_code == 409
    assert (await api.client.get("/api/configs/get/gpu")).json()["slots"] == 3
    assert (await api.client.delete(delete, params={"base_version": await version()})).status_code == 200
    assert (await conflict(4, first))["details"]["theirs"] is None
    assert (await api.client.post(update, json={"slots": 4})).status_code == 200, "without a version"


async def test_only_superadmins_change_groups_and_members_see_no_variables(api: ApiHarness) -> None:
    config = {"worker_tags": ["gpu"], "priority_tags": {"gpu": 5}, "env_vars_static": {"REGION": "eu"}}
    assert (await api.client.post("/api/configs/update/gpu", json=config)).status_code == 200
    member = await api.member("ann", Role.ADMIN)
    listed = (await member.get("/api/configs/list_worker_groups")).json()
    assert not any("version" in each for each in listed), "a version is a digest of the variables too"
    seen = {each["name"]: each["config"] for each in listed}
    assert seen["gpu"]["worker_tags"] == ["gpu"] and seen["gpu"]["env_vars_static"] == {} and seen["default"] is None
    assert (await member.get("/api/configs/get/gpu")).status_code == 403
    assert (await member.post("/api/configs/update/gpu", json=config)).status_code == 403
    assert (await member.delete("/api/configs/delete/gpu")).status_code == 403
    assert (await api.client.get("/api/configs/get/gpu")).json()["env_vars_static"] == {"REGION": "eu"}
    assert (await api.client.get("/api/configs/get/unknown")).json()["worker_tags"] is None
    wrongs: tuple[dict[str, Any], ...] = (
        {"env_vars_static": {"OV_TOKEN": "x"}},
        {"env_vars_static": {"LD_PRELOAD": "x"}},
        {"env_vars_static": {"a b": "x"}},
        {"env_vars_static": {"A": "x\0"}},
        {"worker_tags": []},
        {"worker_tags": ["a b"]},
        {"worker_tags": ["worker:1"]},
        {"slots": 0},
        {"isolation": "strong"},
        {"network": "all"},
        {"unknown": 1},
    )
    for wrong in wrongs:
        assert (await api.client.post("/api/configs/update/gpu", json=wrong)).status_code == 400, wrong
    assert (await api.client.delete("/api/configs/delete/unknown")).status_code == 404
    assert (await api.client.delete("/api/configs/delete/gpu")).status_code == 200
    async with api.platform.db.acquire() as conn:
        audit = await conn.fetch(
            "SELECT operation, resource FROM audit WHERE operation LIKE 'worker_groups.%' ORDER BY id"
        )
    assert [tuple(row) for row in audit] == [("worker_groups.set", "gpu"), ("worker_groups.delete", "gpu")]


async def test_demand_counts_waiting_and_running_jobs(api: ApiHarness, database: TestDatabase) -> None:
    """The function in the database needs no privilege on any table; the API call returns the same number."""
    devops = await api.member("ann", Role.ADMIN)
    assert (await devops.get("/api/workers/demand")).status_code == 403
    url = "/api/workers/demand"
    wanted: dict[str, str | int] = {"queues": "gpu,bash", "slots": 2}
    assert (await api.client.get(url, params=wanted)).json() == {"desired_workers": 0}
    for _ in range(3):
        await api.preview(tag="gpu")
    for _ in range(2):
        await api.preview(tag="other")
    assert len(await api.worker.claim_all(1)) == 1
    assert (await api.client.get(url, params=wanted)).json() == {"desired_workers": 2}
    assert (await api.client.get(url)).json() == {"desired_workers": 5}
    assert (await api.client.get(url, params={"slots": 0})).status_code == 400
    await api.flow({"id": "a", "value": {"type": "identity"}})
    assert (await api.client.get(url, params={"queues": "native", "slots": 8})).json() == {"desired_workers": 1}
    owner = await asyncpg.connect(database.owner_url)
    try:
        async with owner.transaction():
            await owner.execute("SET LOCAL ROLE pg_monitor")
            assert await owner.fetchval("SELECT has_table_privilege('job_live', 'SELECT')") is False
            assert await owner.fetchval("SELECT orvanta_desired_workers(ARRAY['gpu', 'bash'], 2)") == 2
    finally:
        await owner.close()


async def test_tag_contains_the_workspace_and_arguments_but_no_secret(api: ApiHarness) -> None:
    """A run is refused if the value is missing, is no plain word, is a reference, or is sealed."""
    properties = {"size": {"type": "string"}, "key": {"type": "string", "password": True}}
    code = {"path": "u/admin/sized", "summary": "", "language": "bash", "content": "echo 1", "schema": {}}
    code |= {"tag": "gpu-$workspace-$args[size]", "schema": {"type": "object", "properties": properties}}
    assert (await api.client.post(f"{W}/scripts/create", json=code)).status_code == 201
    run = f"{W}/jobs/run/p/u/admin/sized"
    assert (await api.client.post(run, json={"size": "large", "key": "s3cr3t"})).status_code == 201
    assert (await api.client.post(f"{run}?tag=$args[size]", json={"size": "3"})).status_code == 201
    wrongs: tuple[dict[str, Any], ...] = ({}, {"size": "a b"}, {"size": "worker:1"}, {"size": "$var:u/admin/x"})
    for wrong in wrongs:
        answer = await api.client.post(run, json=wrong)
        assert answer.status_code in (400, 404), (wrong, answer.text)
    sealed = await api.client.post(f"{run}?tag=$args[key]", json={"key": "s3cr3t"})
    assert sealed.status_code == 400 and "needs the argument key" in sealed.text
    async with api.platform.db.acquire() as conn:
        queues = {row["queue"] for row in await conn.fetch("SELECT queue FROM job_live")}
    assert queues == {"gpu-main-large", "3"}
