"""Calls of schedules through the unmodified published typed client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from orvanta_api import AuthenticatedClient
from orvanta_api.api.schedule import (
    create_schedule,
    delete_schedule,
    exists_schedule,
    get_schedule,
    list_schedules,
    list_schedules_with_jobs,
    preview_schedule,
    set_schedule_enabled,
    update_schedule,
)
from orvanta_api.models.create_schedule_body import CreateScheduleBody
from orvanta_api.models.preview_schedule_body import PreviewScheduleBody
from orvanta_api.models.set_schedule_enabled_body import SetScheduleEnabledBody
from orvanta_api.models.update_schedule_body import UpdateScheduleBody
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness
from tests.http.test_jobs_server import served, token_of

from orvanta_platform.services.triggers.outcomes import ScanPosition, process_ended
from orvanta_platform.services.triggers.scheduler import fire

PATH, WORK = "u/admin/nightly", "u/admin/work"
LATE = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/scripts/create", json={**PYTHON, "summary": "", "path": WORK})
        yield made


async def test_typed_client_makes_changes_lists_and_deletes(api: ApiHarness) -> None:
    async with served(api) as base:
        typed = AuthenticatedClient(f"{base}/api", token_of(api), raise_on_unexpected_status=True)
        with typed as client:
            await asyncio.to_thread(create, client)
            async with api.platform.db.acquire() as connection:
                await connection.execute("UPDATE schedule SET next_at = date_trunc('second', app_now())")
            assert await fire(api.platform) == 1
            (job,) = await api.worker.claim_all()
            await api.worker.finish(job, 1)
            await process_ended(api.platform, ScanPosition())
            await asyncio.to_thread(use, client, str(job.run.id))


def create(client: AuthenticatedClient) -> None:
    body = CreateScheduleBody(
        path=PATH, schedule="0 0 3 * * *", timezone="UTC", script_path=WORK, is_flow=False, args=None, enabled=True
    )
    assert exists_schedule.sync("main", PATH, client=client) is False
    assert create_schedule.sync("main", client=client, body=body) == PATH
    assert exists_schedule.sync("main", PATH, client=client) is True


def use(client: AuthenticatedClient, run: str) -> None:
    listed = list_schedules.sync("main", client=client, path_start="u/admin")
    assert listed is not None and [each.path for each in listed] == [PATH]
    (shown,) = list_schedules_with_jobs.sync("main", client=client) or []
    assert [(each.id, each.success) for each in shown.jobs or []] == [(run, True)]
    change = UpdateScheduleBody(schedule="0 0 4 * * *", timezone="Europe/Paris", args=None, paused_until=LATE)
    update_schedule.sync("main", PATH, client=client, body=change)
    set_schedule_enabled.sync("main", PATH, client=client, body=SetScheduleEnabledBody(enabled=False))
    found = get_schedule.sync("main", PATH, client=client)
    assert found is not None
    assert (found.schedule, found.timezone, found.enabled, found.paused_until) == (
        *("0 0 4 * * *", "Europe/Paris"),
        *(False, LATE),
    )
    ticks = preview_schedule.sync(client=client, body=PreviewScheduleBody(schedule="0 0 4 * * *", timezone="UTC"))
    assert ticks is not None and [at.hour for at in ticks] == [4] * 5
    delete_schedule.sync("main", PATH, client=client)
    assert exists_schedule.sync("main", PATH, client=client) is False
