"""Slots that a running worker lends to the server that announces work, and the jobs that it then need not claim."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.polling import POLL_S
from tests.worker.group_worker import running_worker

from orvanta_platform import clock
from orvanta_platform.db import jobs, workers
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.notify import Notifier
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.queue.lent_slots import LOAN_BEATS, LentSlots
from orvanta_platform.worker import claiming, lending
from orvanta_platform.worker.group_settings import GroupSettings
from orvanta_platform.worker.lease import SharedRecord

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


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[str]:
    """Return a list that grows with each call of the function."""
    calls: list[str] = []
    function = getattr(owner, name)

    def counting(*arguments: Any, **named: Any) -> Any:
        calls.append(name)
        return function(*arguments, **named)

    monkeypatch.setattr(owner, name, counting)
    return calls


BASH = {"type": "rawscript", "language": "bash", "content": "echo done"}


async def result(api: ApiHarness, content: str = "echo done", **more: Any) -> Any:
    body = {"language": "bash", "content": content, "args": {}, **more}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def states(api: ApiHarness) -> list[str]:
    async with api.platform.db.acquire() as connection:
        return [row["state"] for row in await connection.fetch("SELECT state FROM job_live ORDER BY id")]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(POLL_S)


def loan_of(api: ApiHarness) -> Any:
    """Return the only loan of the server."""
    (loan,) = api.platform.starts._slots._loans.values()
    return loan


async def until_lent(api: ApiHarness) -> None:
    """Run scripts until the server may assign jobs."""
    slots = api.platform.starts._slots
    async with asyncio.timeout(20):
        while not any(loan.left > 0 for loan in slots._loans.values()):
            assert await result(api) == "done"


async def beat(api: ApiHarness, group: GroupSettings, times: int) -> None:
    """Record heartbeats of the worker."""
    async with api.platform.db.acquire() as connection:
        for _ in range(times):
            found = await workers.record_heartbeat(connection, group._lease.worker, 1, 0)
            assert found is not None
            group._lease.record.record_beat(clock.monotonic(), found.number)


async def until_over(group: GroupSettings) -> None:
    """Wait until the worker has found that its loan is over."""

    async def is_over() -> bool:
        return not group._worker._lending._lent.may_receive

    await until(is_over)


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
    monkeypatch.setattr(claiming, "_WAIT_S", (3600.0, 3600.0))  # no claim finds it
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
    for _ in range(SLOTS + 3):
        await api.preview(language="bash", content=waits)

    async def are_started() -> bool:
        return sorted(await states(api)) == ["available"] * 3 + ["running"] * SLOTS

    try:
        await until(are_started)
    finally:
        go_on.touch()

    async def are_done() -> bool:
        return await states(api) == []

    await until(are_done)
    async with api.platform.db.acquire() as connection:
        attempts = await connection.fetch("SELECT DISTINCT attempt, attempts::text, status FROM run")
        assert [tuple(row) for row in attempts] == [(1, "[]", "succeeded")]


async def test_worker_without_free_slots_withdraws_its_loan(
    api: ApiHarness, group: GroupSettings, tmp_path: Path
) -> None:
    """Jobs of another server take all slots. Those that the borrower starts from then on are claimed by any worker."""
    await until_lent(api)
    loan = loan_of(api)
    left, loan.used = loan.left, loan.grant.total
    go_on = tmp_path / "go-on"
    waits = f"until [ -e {go_on} ]; do read -t 0.01 < <(:); done; echo done"
    running = [asyncio.create_task(result(api, waits)) for _ in range(SLOTS)]

    async def is_withdrawn() -> bool:
        return bool(loan_of(api).grant.total == 0)

    try:
        await until(is_withdrawn)
        assert left > 0
        await api.preview(language="bash", content="echo done")
        assert sorted(await states(api)) == ["available"] + ["running"] * SLOTS
    finally:
        go_on.touch()
    assert await asyncio.gather(*running) == ["done"] * SLOTS


async def test_unused_loan_ends_with_a_heartbeat(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server would still use it; the worker lends no other one soon."""
    monkeypatch.setattr(lending, "POLL_S", 0.01)
    await until_lent(api)
    await beat(api, group, LOAN_BEATS + 1)
    await until_over(group)
    loan_of(api).grant = structs.replace(loan_of(api).grant, total=loan_of(api).grant.total + 3)
    claims, grants = Claims(monkeypatch), counted(monkeypatch, Notifier, "lend")
    group._worker._lending._lent._requests_awaited = 1000
    for _ in range(3):
        assert await result(api) == "done"
    assert claims.jobs == 3 and not grants


async def test_polls_are_recorded_for_the_supervisor(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the worker lends slots: from before the grant until the last poll."""
    record, send, recorded = group._lease.record, Notifier.lend, list[float]()

    def sending(*arguments: Any, **named: Any) -> None:
        recorded.append(record.polled_at)
        send(*arguments, **named)

    monkeypatch.setattr(Notifier, "lend", sending)
    monkeypatch.setattr(lending, "POLL_S", 0.01)
    assert record.polled_at == 0
    await until_lent(api)
    assert recorded[0] > 0

    async def has_polled_again() -> bool:
        return record.polled_at > recorded[0]

    await until(has_polled_again)
    await beat(api, group, LOAN_BEATS + 1)
    await until_over(group)
    assert record.polled_at == 0


async def test_worker_that_does_not_know_its_heartbeats_lends_nothing(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The supervisor is older: without their numbers, a loan would have no end."""
    group._lease.record = SharedRecord()
    grants = counted(monkeypatch, Notifier, "lend")
    for _ in range(5):
        assert await result(api) == "done"
    assert group._worker._lending._asking is not None and not grants


async def test_worker_lends_again_after_some_requests(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loan before was not used. Until then, calls cost neither a grant nor a read."""
    monkeypatch.setattr(lending, "POLL_S", 0.01)
    await until_lent(api)
    lent = group._worker._lending._lent
    lent._is_used, lent._requests_after_unused = False, 5
    await beat(api, group, LOAN_BEATS + 1)
    await until_over(group)
    grants, reads = counted(monkeypatch, Notifier, "lend"), counted(monkeypatch, jobs, "list_assigned")
    for _ in range(4):
        assert await result(api) == "done"
    assert not grants and not reads
    assert await result(api) == "done"

    async def is_lent() -> bool:
        return bool(grants)

    await until(is_lent)


async def test_work_that_cannot_be_assigned_pays_nothing(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a grant nor a read."""
    grants, reads = counted(monkeypatch, Notifier, "lend"), counted(monkeypatch, jobs, "list_assigned")
    node = {**BASH, "input_transforms": {}}
    items = {"type": "javascript", "expr": "[1, 2, 3, 4, 5, 6, 7, 8, 9]"}
    loop = {"type": "forloopflow", "iterator": items, "parallel": True, "modules": [{"id": "b", "value": node}]}
    for modules in ([{"id": id, "value": node, "needs": []} for id in "abc"], [{"id": "a", "value": loop}]) * 2:
        run = await api.flow(*modules)

        async def is_done() -> bool:
            return await states(api) == []

        await until(is_done)
        assert run
    assert not grants and not reads


async def test_slots_are_not_lent_while_work_waits(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first claim leaves a slot free, as it stops at the share of jobs of runs under way: one of these waits."""
    await until_lent(api)
    monkeypatch.setattr(api.platform.starts._slots, "take", lambda *_: None)
    grants = counted(monkeypatch, Notifier, "lend")
    group._worker._lending._lent = LentSlots(group._lease.worker, 1)
    go_on = tmp_path / "go-on"
    waits = f"until [ -e {go_on} ]; do read -t 0.01 < <(:); done"
    async with group._worker._claiming:
        for _ in range(SLOTS):
            await api.preview(language="bash", content=waits)
        async with api.platform.db.acquire() as connection:
            await connection.execute("UPDATE job_live SET lane = 0")
        assert await states(api) == ["available"] * SLOTS
        with api.platform.listen.watch("test:all") as last:
            api.platform.notify.send("test:all")
            assert await last.wait(20)
        watch = group._worker._claim_watch
        assert watch is not None and await watch.wait(0)  # only the claim itself can say that a job waits

    async def are_started() -> bool:
        return await states(api) == ["running"] * SLOTS

    try:
        await until(are_started)
        assert group._worker._lending._asking is not None and not grants
    finally:
        go_on.touch()


@pytest.mark.parametrize("why", ["draining", "drained", "excluded", "other queues"])
async def test_worker_that_may_not_claim_gives_assigned_jobs_back(
    api: ApiHarness, group: GroupSettings, tmp_path: Path, why: str
) -> None:
    """A server assigned them before it knew. Those that run go on."""
    await until_lent(api)
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    waits = f"touch {started}; until [ -e {go_on} ]; do read -t 0.01 < <(:); done; echo done"
    running = asyncio.create_task(result(api, waits))

    async def is_started() -> bool:
        return started.exists()

    await until(is_started)
    grant = loan_of(api).grant
    match why:
        case "draining":
            group._worker.drain()
        case "drained":
            group._lease.record.drained = True
        case "excluded":
            group._lease.excluded = "It runs no jobs."
        case _:
            group._worker._serve(["gpu"], {})
    api.platform.starts._slots._loans.clear()
    api.platform.starts._slots.receive(structs.replace(grant, loan=grant.loan + 2, total=1))
    assert api.platform.starts._slots._loans
    await api.preview(language="bash", content="echo done")

    async def is_given_back() -> bool:
        return sorted(await states(api)) == ["available", "running"]

    try:
        await until(is_given_back)
    finally:
        go_on.touch()
    assert await running == "done"
    assert await states(api) == ["available"]


async def test_changed_settings_withdraw_the_loan(api: ApiHarness, group: GroupSettings) -> None:
    """A job for a queue which the worker no longer serves waits for another worker."""
    await until_lent(api)
    answer = await api.client.post("/api/configs/update/default", json={"worker_tags": ["gpu"]})
    assert answer.status_code == 200, answer.text
    api.platform.instance._cache.clear()
    assert await group.apply()

    async def is_withdrawn() -> bool:
        return bool(loan_of(api).grant.total == 0)

    await until(is_withdrawn)
    await api.preview(language="bash", content="echo done")
    assert await states(api) == ["available"]
    assert await result(api, tag="gpu") == "done"


async def test_assigned_job_of_cancelled_run_does_not_start(
    api: ApiHarness, group: GroupSettings, tmp_path: Path
) -> None:
    await until_lent(api)
    started = tmp_path / "started"
    async with group._worker._claiming:
        run = await api.preview(language="bash", content=f"touch {started}")
        assert await states(api) == ["running"]
        answer = await api.client.post(f"{W}/jobs_u/queue/cancel/{run}", json={"reason": "enough"})
        assert answer.status_code == 200, answer.text

    async def is_done() -> bool:
        return await states(api) == []

    await until(is_done)
    assert not started.exists()


async def test_any_error_of_a_poll_delays_assigned_jobs(
    api: ApiHarness, group: GroupSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "_WAIT_S", (3600.0, 3600.0))  # no claim finds it
    await until_lent(api)
    monkeypatch.setattr(lending, "POLL_S", 0.01)
    list_assigned = jobs.list_assigned
    errors = [ValueError("unexpected"), OSError("lost")]

    async def failing(*arguments: Any) -> Any:
        if errors:
            raise errors.pop()
        return await list_assigned(*arguments)

    monkeypatch.setattr(jobs, "list_assigned", failing)
    async with asyncio.timeout(20):
        assert await result(api) == "done"
    assert not errors
