"""Slots that a running worker lends to the server that announces work, and the jobs that it then need not claim."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.polling import POLL_S
from tests.worker.group_worker import running_worker

from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.worker import lending
from orvanta_platform.worker.group_settings import GroupSettings

SLOTS = 4


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path / "home") as made:
        yield made


@pytest.fixture
async def group(api: ApiHarness, tmp_path: Path) -> AsyncIterator[GroupSettings]:
    async with running_worker(api.platform, tmp_path / "worker", "landlock") as settings:
        yield settings


class Claims:
    """Number of jobs that the worker has claimed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.jobs = 0
        claim = Claimer.claim

        async def counted(claimer: Claimer, *arguments: Any, **named: Any) -> list[ClaimedJob]:
            found = await claim(claimer, *arguments, **named)
            self.jobs += len(found)
            return found

        monkeypatch.setattr(Claimer, "claim", counted)


async def result(api: ApiHarness, content: str = "echo done", **more: Any) -> Any:
    body = {"language": "bash", "content": content, "args": {}, **more}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def lends(api: ApiHarness) -> bool:
    async with api.platform.db.acquire() as connection:
        return bool(await connection.fetchval("SELECT bool_or(lends) FROM worker"))


async def states(api: ApiHarness) -> list[str]:
    async with api.platform.db.acquire() as connection:
        return [row["state"] for row in await connection.fetch("SELECT state FROM job_live ORDER BY id")]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(POLL_S)


async def until_lent(api: ApiHarness) -> None:
    """Run scripts until the server may assign jobs."""
    slots = api.platform.starts._slots
    async with asyncio.timeout(20):
        while not any(loan.left for loan in slots._loans.values()):
            assert await result(api) == "done"


async def test_jobs_of_idle_worker_are_not_claimed(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until_lent(api)
    claims = Claims(monkeypatch)
    for _ in range(3 * SLOTS):
        assert await result(api) == "done"
        await until_lent(api)
    assert claims.jobs == 0


async def test_job_whose_notification_is_lost_is_found(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until_lent(api)
    send = api.platform.notify.send
    lost: list[str] = []

    def without_assigned(*topics: str) -> None:
        lost.extend(topic for topic in topics if topic.startswith("assigned:"))
        send(*(topic for topic in topics if not topic.startswith("assigned:")))

    monkeypatch.setattr(api.platform.notify, "send", without_assigned)
    async with asyncio.timeout(20):
        assert await result(api) == "done"
    assert lost


async def test_full_worker_gives_assigned_jobs_back(api: ApiHarness, group: GroupSettings, tmp_path: Path) -> None:
    """More jobs are assigned than there are slots: each runs, as soon as there is a slot, at its first attempt."""
    await until_lent(api)
    loan = next(iter(api.platform.starts._slots._loans.values()))
    loan.used -= 10
    go_on = tmp_path / "go-on"
    waits = f"until [ -e {go_on} ]; do read -t 0.01 < <(:); done; echo done"
    running = [asyncio.create_task(result(api, waits)) for _ in range(SLOTS + 3)]

    async def are_started() -> bool:
        return sorted(await states(api)) == ["available"] * 3 + ["running"] * SLOTS

    try:
        await until(are_started)
    finally:
        go_on.touch()
    assert await asyncio.gather(*running) == ["done"] * len(running)
    async with api.platform.db.acquire() as connection:
        attempts = await connection.fetch("SELECT DISTINCT attempt, attempts::text FROM run")
        assert [tuple(row) for row in attempts] == [(1, "[]")]


async def test_worker_takes_slots_back_for_jobs_that_wait(
    api: ApiHarness, group: GroupSettings, tmp_path: Path
) -> None:
    """All slots are lent to this server, and jobs of another one wait."""
    await until_lent(api)
    api.platform.starts._slots._loans.clear()
    assert await asyncio.gather(*(result(api) for _ in range(4 * SLOTS))) == ["done"] * 4 * SLOTS


async def test_unused_loan_ends(api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lending, "LOOK_S", 0.01)
    await until_lent(api)
    assert await lends(api)
    monkeypatch.setattr(lending, "LOAN_S", 0.0)

    async def is_over() -> bool:
        return not await lends(api)

    await until(is_over)
    assert await result(api) == "done"


async def test_draining_worker_ends_its_loan(api: ApiHarness, group: GroupSettings, tmp_path: Path) -> None:
    """A job that is assigned to it meanwhile waits for another worker, and those that run go on."""
    await until_lent(api)
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    waits = f"touch {started}; until [ -e {go_on} ]; do read -t 0.01 < <(:); done; echo done"
    running = asyncio.create_task(result(api, waits))

    async def is_started() -> bool:
        return started.exists()

    await until(is_started)
    group._worker.drain()

    async def is_over() -> bool:
        return not await lends(api)

    await until(is_over)
    await api.preview(language="bash", content="echo done")
    assert await states(api) == ["running", "available"]
    go_on.touch()
    assert await running == "done"


async def test_job_assigned_at_the_end_of_the_loan_is_given_back(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its notification is lost: the worker looks once more after it has stopped lending."""
    await until_lent(api)
    monkeypatch.setattr(lending, "LOOK_S", 3600)
    send = api.platform.notify.send
    monkeypatch.setattr(
        api.platform.notify, "send", lambda *topics: send(*(t for t in topics if not t.startswith("assigned:")))
    )
    await api.preview(language="bash", content="echo done")
    assert await states(api) == ["running"]
    answer = await api.client.post("/api/configs/update/default", json={"slots": 3})
    assert answer.status_code == 200, answer.text
    api.platform.instance._cache.clear()
    assert await group.take()

    async def is_done() -> bool:
        return await states(api) == []

    await until(is_done)


async def test_changed_settings_end_the_loan(api: ApiHarness, group: GroupSettings) -> None:
    """A job that was assigned for a queue which the worker no longer serves waits for another worker."""
    await until_lent(api)
    answer = await api.client.post("/api/configs/update/default", json={"worker_tags": ["gpu"]})
    assert answer.status_code == 200, answer.text
    api.platform.instance._cache.clear()
    assert await group.take()
    assert not await lends(api)
    await api.preview(language="bash", content="echo done")
    assert await states(api) == ["available"]
    assert await result(api, tag="gpu") == "done"
