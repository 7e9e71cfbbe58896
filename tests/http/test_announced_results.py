"""Results in notifications: a waiting caller gets what was recorded, and nothing else, whatever is notified."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, script
from tests.orchestrator.harness import CoreHarness

from orvanta_platform import clock
from orvanta_platform.control.actor import Role
from orvanta_platform.db.notify import CHANNEL, Notifier, payloads
from orvanta_platform.db.steps import NewValue, RunEnd, StepWrite
from orvanta_platform.orchestrator import announced_results
from orvanta_platform.services.run_views import results

LARGE = "x" * announced_results.MAX_BYTES


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path, wait_s=600) as made:
        yield made


@pytest.fixture
async def core(api: ApiHarness, database: TestDatabase) -> AsyncIterator[CoreHarness]:
    """Complete jobs as real workers do."""
    made = CoreHarness(api.platform, database)
    yield made
    for worker in made.workers:
        await worker.committer.close()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Return the runs whose outcome waiting calls have read."""
    found: list[UUID] = []
    read = results._end_of

    async def counted(platform: Any, actor: Any, workspace: str, run: UUID) -> Any:
        found.append(run)
        return await read(platform, actor, workspace, run)

    monkeypatch.setattr(results, "_end_of", counted)
    # Otherwise a call on a busy machine would poll before its run has ended.
    monkeypatch.setattr(results, "_POLL_S", 600.0)
    return found


async def waiting(
    api: ApiHarness, client: httpx.AsyncClient | None = None, **body: Any
) -> asyncio.Task[httpx.Response]:
    """Return a call that waits for a run, which exists."""
    kind = "preview_flow" if "value" in body else "preview"
    url = f"{W}/jobs/run_wait_result/{kind}"
    request = asyncio.create_task((client or api.client).post(url, json=body or PYTHON))
    await api.begun(request)
    return request


async def delivered(api: ApiHarness) -> None:
    """Wait until all notifications so far have been received."""
    topic = f"test:{uuid4()}"
    with api.platform.listen.watch(topic) as watch:
        api.platform.notify.send(topic)
        assert await watch.wait(20)


@pytest.mark.parametrize(
    ("result", "error", "status"),
    [({"a": [1.5, "ü\n"]}, None, 200), (None, None, 200), (None, "Broken", 500), (LARGE, None, 200)],
    ids=["object", "null", "error", "large"],
)
async def test_result_is_announced_unless_it_is_large(
    api: ApiHarness, core: CoreHarness, reads: list[UUID], result: Any, error: str | None, status: int
) -> None:
    request = await waiting(api)
    worker = await core.worker()
    (job,) = await worker.claim()
    assert (await worker.finish(job, result, error=error)).recorded
    answer = await request
    stored = await api.get(f"jobs_u/completed/get_result/{answer.headers['x-run-id']}")
    assert (answer.status_code, answer.json()) == (status, stored)
    assert bool(reads) == (result == LARGE)


async def test_result_of_workflow_is_that_of_its_last_node(
    api: ApiHarness, core: CoreHarness, reads: list[UUID]
) -> None:
    request = await waiting(api, value={"modules": [script("a"), script("b")]})
    worker = await core.worker()
    for result in (1, 2):
        (job,) = await worker.claim()
        assert (await worker.finish(job, result)).recorded
        await delivered(api)
    assert (await request).json() == 2
    assert not reads


async def test_runs_that_nobody_waits_for_are_not_announced(
    api: ApiHarness, core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    send = Notifier._send

    async def recorded(notifier: Notifier, found: list[str]) -> None:
        sent.extend(found)
        await send(notifier, found)

    monkeypatch.setattr(Notifier, "_send", recorded)
    worker = await core.worker()
    await api.preview()
    (job,) = await worker.claim()
    await worker.finish(job, "secret")
    await delivered(api)
    assert any(f"ended:{job.run.id}" in payload for payload in sent)
    assert not any(f"ended:{job.run.id}\t" in payload for payload in sent)


async def test_result_of_lost_attempt_is_not_delivered(api: ApiHarness, core: CoreHarness, reads: list[UUID]) -> None:
    """A worker that was fenced reports the end of its attempt while another worker runs the job again."""
    request = await waiting(api)
    first, second = await core.worker(), await core.worker()
    (lost,) = await first.claim()
    await first.vanish()
    await first.reap()
    (job,) = await second.claim()
    assert job.id == lost.id
    assert not (await first.finish(lost, "of the lost attempt")).recorded
    await delivered(api)
    assert not request.done()
    assert (await second.finish(job, "of the current attempt")).recorded
    assert (await request).json() == "of the current attempt"
    assert not reads


async def test_lost_notification_delays_result(
    api: ApiHarness, core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = await waiting(api)
    worker = await core.worker()
    (job,) = await worker.claim()

    async def lose(_notifier: Notifier, _payloads: list[str]) -> None:
        """Send nothing."""

    monkeypatch.setattr(Notifier, "_send", lose)
    assert (await worker.finish(job, "found")).recorded
    assert (await asyncio.wait_for(request, 20)).json() == "found"


async def test_messages_of_others_are_ignored(api: ApiHarness, core: CoreHarness) -> None:
    """Every role that can connect to the database can notify."""
    request = await waiting(api)
    worker = await core.worker()
    (job,) = await worker.claim()
    end = ending(job.run.id, b'"forged"')
    of_other_run = announced_results.announce(api.platform.keys, ending(uuid4(), b'"forged"'))
    own = announced_results.announce(api.platform.keys, end)
    assert own is not None and of_other_run is not None
    assert announced_results.read(api.platform.keys, job.run.id, own) is not None
    changed = own[:-8] + ("AAAAAAAA" if own[-8:] != "AAAAAAAA" else "BBBBBBBB")
    async with core.third_session() as other:
        for message in (of_other_run, changed, "", "AAAA", "no base64", "ü"):
            topic = f"ended:{job.run.id}\t{message}"
            await other.connection.execute("SELECT pg_notify($1, $2)", CHANNEL, topic)
            # One at a time: of messages that arrive together, the call reads only one.
            await delivered(api)
            assert not request.done()
    await worker.finish(job, "real")
    assert (await request).json() == "real"


async def test_caller_without_rights_gets_no_announced_result(
    api: ApiHarness, core: CoreHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed, now = 0.0, clock.monotonic
    async with await api.member("hook", Role.DEVELOPER, scopes=["jobs:preview"]) as hook:
        request = await waiting(api, hook)
        worker = await core.worker()
        (job,) = await worker.claim()
        async with api.platform.db.acquire() as connection:
            await connection.execute("DELETE FROM token WHERE email = 'hook@example.com'")
        monkeypatch.setattr(clock, "monotonic", lambda: now() + passed)
        passed = 1.01
        await worker.finish(job, "secret")
        answer = await request
    assert (answer.status_code, "secret" in answer.text) == (401, False)


def ending(run: UUID, raw: bytes) -> StepWrite:
    """Return the step that ends a run with this result."""
    value = NewValue(run, "result", "", len(raw), 0, raw, None)
    return StepWrite(run, 1, b"", "succeeded", values=[value], end=RunEnd("succeeded", result_of=run))


def test_payloads_have_messages_before_topics() -> None:
    """A process of an earlier version knows the bare topics alone."""
    assert payloads(["b", "a"], {}) == ["a\nb"]
    assert payloads(["b"], {"b": "text"}) == ["b\ttext\nb"]
    long = {f"ended:{n}": "m" * 5_000 for n in range(20)}
    found = payloads(long, long)
    assert len(found) == 8 and all(len(each) < 8_000 for each in found)
    assert found[-1].splitlines()[-20:] == sorted(long)
    many = [f"ended:{uuid4()}" for _ in range(300)]
    assert payloads(many, {many[0]: "text"}) == [f"{many[0]}\ttext\n*"]
