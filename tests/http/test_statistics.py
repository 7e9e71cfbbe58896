"""Statistics over time: recorded once a minute from the history, summed by hour, with permissions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W, script

from orvanta_platform import clock
from orvanta_platform.control.actor import Role
from orvanta_platform.services.maintenance import statistics


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    clock.freeze(None)


async def execute(api: ApiHarness, sql: str, *args: Any) -> None:
    async with api.platform.db.acquire() as conn:
        await conn.execute(sql, *args)


async def record(api: ApiHarness, at: datetime) -> None:
    clock.freeze(at)
    await statistics.record(api.platform)


async def chart(api: ApiHarness, path: str = "/api/operations", last: str = "1h") -> dict[str, Any]:
    answer = await api.client.get(path, params={"last": last})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def total(figures: dict[str, Any]) -> tuple[int, int, int]:
    points = figures["points"]
    return tuple(sum(each[name] for each in points) for name in ("succeeded", "failed", "cancelled"))


async def test_minutes_are_recorded_once_and_only_for_those_who_may_see_them(api: ApiHarness) -> None:
    """Recording a minute again does not change it."""
    viewer, operator = await api.member("viewer", Role.VIEWER), await api.member("operator", Role.OPERATOR)
    limited = await api.member("limited", Role.ADMIN, scopes=["jobs:read"])
    for error in (None, None, "Boom"):
        await api.preview()
        await api.worker.finish((await api.worker.claim())[""], 1, error=error)
    await api.flow(script("a"))
    await api.worker.finish((await api.worker.claim())["a"], 1)
    for waiting in (True, False):
        await api.preview(tag="slow")
        assert waiting or len(await api.worker.claim(1)) == 1
    await execute(api, "UPDATE run SET started_at = scheduled_at + interval '2 s' WHERE worker IS NOT NULL")
    await execute(api, "UPDATE job SET started_at = enqueued_at + interval '40 s'")
    # All in one minute, also if the test crosses the end of one.
    await execute(api, "UPDATE run SET ended_at = (SELECT max(ended_at) FROM run)")
    await execute(api, "UPDATE job SET ended_at = (SELECT max(ended_at) FROM job)")
    await execute(api, "UPDATE job_live SET enqueued_at = now() - interval '9 s'")
    now = clock.now()
    for seconds in (60, 61, 120, 125):
        await record(api, now + timedelta(seconds=seconds))
    figures = await chart(api)
    assert total(figures) == (3, 1, 0)
    (ended,) = [each for each in figures["points"] if each["succeeded"]]
    assert 1 < ended["wait_p50_s"] <= 2.5 and 30 < ended["wait_p95_s"] <= 60
    last = figures["points"][-1]
    assert (last["waiting"], last["running"], last["slots"]) == (1, 1, 4)
    assert last["oldest_s"] >= 9 and last["database_bytes"] > 1_000_000 and last["oldest_xmin_s"] >= 0

    async with api.platform.db.acquire() as conn:
        await conn.execute("INSERT INTO workspace (id, name, owner) VALUES ('other', 'Other', 'admin@localhost')")
        await conn.execute(
            "INSERT INTO operations_rollup (workspace, width_s, at, succeeded, failed, cancelled) "
            "SELECT 'other', width_s, at, 50, 50, 50 FROM operations_rollup WHERE workspace IS NULL"
        )
    own = await operator.get(f"{W}/operations", params={"last": "1h"})
    assert total(own.json()) == (3, 1, 0)
    assert {(each["slots"], each["database_bytes"]) for each in own.json()["points"]} == {(None, None)}
    refused = [
        (await client.get(path)).status_code
        for client in (viewer, limited)
        for path in (f"{W}/operations", "/api/operations")
    ]
    assert refused == [403] * 4
    assert (await operator.get("/api/operations")).status_code == 403
    assert (await operator.get("/api/w/other/operations")).status_code == 404
    assert (await operator.get(f"{W}/operations", params={"last": "1y"})).status_code == 400


async def test_workspace_without_jobs_has_no_waiting_jobs(api: ApiHarness) -> None:
    """Regression test: its chart ended at the last figures that it had, with jobs that no longer waited."""
    await api.preview()
    now = clock.now()
    await record(api, now + timedelta(seconds=60))
    for job in await api.worker.claim_all():
        await api.worker.finish(job, 1)
    await record(api, now + timedelta(seconds=180))
    whole, own = [(await chart(api, path))["points"] for path in ("/api/operations", f"{W}/operations")]
    assert [each["waiting"] for each in own] == [each["waiting"] for each in whole]
    assert (own[0]["waiting"], own[-1]["waiting"], own[-1]["running"], own[-1]["oldest_s"]) == (1, 0, 0, None)


async def test_hours_sum_their_minutes_and_old_figures_are_deleted(api: ApiHarness) -> None:
    """After a pause of the servers, missing minutes are recorded from the history, without the state of the queue."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    for _ in range(3):
        await api.preview()
    for job in await api.worker.claim_all():
        await api.worker.finish(job, 1)
    await execute(api, "UPDATE run SET ended_at = $1, started_at = scheduled_at", hour + timedelta(minutes=59))
    await record(api, hour + timedelta(minutes=58))
    await record(api, hour + timedelta(minutes=61))
    await execute(
        api,
        "UPDATE run SET ended_at = $1 WHERE id = (SELECT min(id::text)::uuid FROM run)",
        hour + timedelta(minutes=60),
    )
    await record(api, hour + timedelta(minutes=61, seconds=30))
    assert [total(await chart(api, last=last)) for last in ("1h", "24h", "7d")] == [(3, 0, 0)] * 3
    await record(api, hour + timedelta(minutes=62))
    assert total(await chart(api, last="7d")) == (4, 0, 0), "the last minute is recorded again"
    async with api.platform.db.acquire() as conn:
        waits = await conn.fetchval("SELECT waits FROM operations_rollup WHERE width_s = 3600 AND workspace = 'main'")
        assert sum(waits) == 3
    clock.freeze(hour + statistics.MINUTES_RETENTION + timedelta(hours=2))
    await statistics.delete_old(api.platform)
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT array_agg(DISTINCT width_s) FROM operations_rollup") == [3600]
    clock.freeze(hour + statistics.HOURS_RETENTION + timedelta(hours=2))
    await statistics.delete_old(api.platform)
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM operations_rollup") == 0


def test_quantile_is_linear_within_a_bucket() -> None:
    counts = [0] * 18
    assert statistics.quantile(counts, 0.5) is None
    counts[9] = 4  # the bucket from 0.5 to 1 second
    assert statistics.quantile(counts, 0.5) == 0.75
    counts[17] = 100  # above the largest bucket
    assert statistics.quantile(counts, 0.95) == 1800.0
