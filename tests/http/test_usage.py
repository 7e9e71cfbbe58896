"""Usage: recorded once an hour from the history, by day, item and member, and only for admins."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W, script

from orvanta_platform import clock
from orvanta_platform.control.actor import Role
from orvanta_platform.services.maintenance import usage

FLOW = {"path": "f/team/flow", "summary": "", "value": {"modules": [script("a")]}}


@pytest.fixture(autouse=True)
def unfrozen() -> Iterator[None]:
    yield
    clock.freeze(None)


async def record(api: ApiHarness, after: timedelta) -> None:
    """Record the usage some time after now."""
    clock.freeze(None)
    clock.freeze(clock.now() + after)
    await usage.record(api.platform)


def amount(row: dict[str, Any]) -> tuple[int, int, float]:
    return row["runs"], row["failed"], row["job_s"]


async def preview(api: ApiHarness) -> None:
    await api.preview()
    await api.worker.finish((await api.worker.claim())[""], 1)


async def test_usage_is_recorded_by_day_item_and_member(api: ApiHarness) -> None:
    """Recording an hour again does not add to it, and includes what was committed late."""
    bea = await api.member("bea", Role.DEVELOPER)
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    assert (await api.client.post(f"{W}/flows/create", json=FLOW)).is_success
    for client, error in ((api.client, None), (bea, "Boom")):
        assert (await client.post(f"{W}/jobs/run/f/f/team/flow", json={})).is_success
        await api.worker.finish((await api.worker.claim())["a"], 1, error=error)
    await preview(api)
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE job SET started_at = ended_at - interval '40 s'")
        await conn.execute("UPDATE run SET started_at = ended_at - interval '2 s' WHERE worker IS NOT NULL")
        await conn.execute(
            "INSERT INTO file (workspace, key, object, size, mime_type, created_by, edited_by) "
            "VALUES ('main', 'a', 'a', 7, 'text/plain', 'bea', 'bea')"
        )
    for _ in range(2):
        await record(api, timedelta(hours=1))
    found = await api.get("usage", last="7d")
    assert [sum(values) for values in zip(*map(amount, found["days"]), strict=True)] == [3, 1, 82]
    assert found["days"][-1]["file_bytes"] == 7
    assert [(each.get("path"), amount(each)) for each in found["items"]] == [
        ("f/team/flow", (2, 1, 80)),
        (None, (1, 0, 2)),
    ]
    members = {each["permissioned_as"]: amount(each) for each in found["members"]}
    assert members == {"u/admin": (2, 0, 42), "u/bea": (1, 1, 40)}
    await preview(api)
    await record(api, timedelta(hours=2))
    whole = (await api.client.get("/api/usage")).json()["workspaces"]
    assert [(each["workspace_id"], each["runs"], each["file_bytes"]) for each in whole] == [
        ("main", 4, 7),
        ("admins", 0, 0),
    ]
    clock.freeze(clock.now() + usage.DAYS_RETENTION + timedelta(days=1))
    await usage.delete_old(api.platform)
    clock.freeze(None)
    assert (await api.get("usage", last="90d"))["days"] == []


async def test_usage_is_shown_to_admins_only(api: ApiHarness) -> None:
    zoe = await api.member("zoe", Role.ADMIN)
    limited = await api.member("limited", Role.ADMIN, scopes=["jobs:read"])
    assert [(await each.get(f"{W}/usage")).status_code for each in (api.client, zoe, limited)] == [200, 200, 403]
    for role in (Role.VIEWER, Role.OPERATOR, Role.DEVELOPER):
        assert (await (await api.member(role.value, role)).get(f"{W}/usage")).status_code == 403
    assert (await zoe.get("/api/w/admins/usage")).status_code == 404
    assert (await zoe.get("/api/usage")).status_code == 403
    for wrong in ("1d", "365d", ""):
        assert (await api.client.get(f"{W}/usage", params={"last": wrong})).status_code == 400
