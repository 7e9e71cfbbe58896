"""The two processes of a worker: their tasks, and the connection of the supervisor."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from msgspec import structs
from structlog.testing import capture_logs
from tests.conftest import TestDatabase
from tests.installation import PATIENCE_S
from tests.orchestrator.harness import core_harness, job
from tests.polling import POLL_S

from orvanta_platform import clock
from orvanta_platform.db import workers
from orvanta_platform.services.platform import open_platform, open_storage
from orvanta_platform.settings import Settings
from orvanta_platform.worker.group_settings import GroupSettings
from orvanta_platform.worker.lease import IDLE_TRANSACTION_MS, Lease, SharedRecord
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.process import Control, _listen, _work
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.supervisor import _Child, _Registration


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=database.app_url)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "3600"], start_new_session=True) as started:
        yield started
        started.kill()


@pytest.fixture
async def child(process: subprocess.Popen[bytes]) -> AsyncIterator[_Child]:
    """Yield a process that does nothing, with the supervisor's end of its socket pair."""
    own_end, child_end = socket.socketpair()
    made = _Child(process, SharedRecord(), *await asyncio.open_connection(sock=own_end))
    yield made
    made.writer.close()
    child_end.close()


async def test_database_ends_transactions_of_frozen_supervisor(settings: Settings, child: _Child) -> None:
    """Otherwise it would keep the locks of the runs whose jobs it was requeuing."""
    database = await _Registration(settings, open_storage(settings), child, "none")._connected()
    try:
        async with database.acquire() as connection:
            limit = await connection.fetchval("SHOW idle_in_transaction_session_timeout")
    finally:
        await database.close()
    assert limit == f"{IDLE_TRANSACTION_MS // 1000}s"


async def test_supervisor_logs_why_its_heartbeats_ended(
    settings: Settings, child: _Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise KeyError("number")

    monkeypatch.setattr(workers, "record_heartbeat", fail)
    registration = _Registration(settings, open_storage(settings), child, "none")
    with capture_logs() as lines:
        code = await registration.run(asyncio.create_task(child.wait()), asyncio.Event())
    assert code == -signal.SIGKILL
    assert [(line["task"], line["error"]) for line in lines if line["event"] == "task failed"] == [
        ("heartbeats", "KeyError('number')")
    ]


async def test_heartbeats_and_executed_jobs_are_exchanged_in_shared_memory(
    settings: Settings, child: _Child, process: subprocess.Popen[bytes]
) -> None:
    """The process of the worker learns that it is drained with a heartbeat, and wakes nobody to report its jobs."""
    child.record.jobs_executed = 5
    lease = Lease(uuid4(), 1, 3600, child.record)
    registration = _Registration(replace(settings, beat_ms=10), open_storage(settings), child, "none")
    running = asyncio.create_task(registration.run(asyncio.create_task(child.wait()), asyncio.Event()))
    platform = await open_platform(settings)
    try:
        async with asyncio.timeout(PATIENCE_S), platform.db.acquire() as connection:
            assert lease.may_claim
            while await connection.fetchval("SELECT max(jobs_executed) FROM worker") != 5:
                await asyncio.sleep(POLL_S)
            await workers.set_drained(connection, registration._worker.id, drained=True)
            while lease.may_claim:
                await asyncio.sleep(POLL_S)
        assert lease.may_start and child.record.beat_at > 0 and child.record.beats > 0
    finally:
        process.kill()
        await running
        await platform.close()


@pytest.mark.parametrize("stopped", [False, True], ids=["crashed", "stopped"])
async def test_supervisor_records_the_loss_of_a_worker_that_was_not_stopped(
    settings: Settings, child: _Child, process: subprocess.Popen[bytes], *, stopped: bool
) -> None:
    """The alert about lost workers reads it. The state is the same for both once their jobs are requeued."""
    stopping = asyncio.Event()
    registration = _Registration(settings, open_storage(settings), child, "none")
    running = asyncio.create_task(registration.run(asyncio.create_task(child.wait()), stopping))
    platform = await open_platform(settings)
    try:
        async with asyncio.timeout(PATIENCE_S), platform.db.acquire() as connection:
            while await connection.fetchval("SELECT count(*) FROM worker") != 1:
                await asyncio.sleep(POLL_S)
            if stopped:
                stopping.set()
            process.kill()
            await running
            ended = await connection.fetchrow("SELECT state, lost_at IS NOT NULL AS is_lost FROM worker")
        assert tuple(ended) == ("stopped", not stopped)
    finally:
        await platform.close()


@pytest.mark.parametrize(
    ("silent_s", "state"),
    [(None, "running"), (0.0, "running"), (3600.0, "available")],
    ids=["no loan", "polls", "stopped"],
)
async def test_supervisor_requeues_assigned_jobs_of_process_that_does_not_poll(
    database: TestDatabase, tmp_path: Path, child: _Child, silent_s: float | None, state: str
) -> None:
    async with core_harness(database, tmp_path / "home") as core:
        worker = await core.worker()
        worker.lend()
        await core.start(job("a"))
        if silent_s is not None:
            child.record.polled_at = clock.monotonic() - silent_s
        registration = _Registration(core.platform.settings, core.platform.storage, child, "none")
        registration._worker = structs.replace(registration._worker, id=worker.id)
        await registration._requeue_unread(core.db)
        assert (await core.row("SELECT state, losses FROM job_live"))[:] == (state, 0)


async def test_beats_of_older_supervisor_are_messages_without_numbers(settings: Settings, tmp_path: Path) -> None:
    own_end, supervisor_end = socket.socketpair()
    platform = await open_platform(settings)
    runtimes = Runtimes(tmp_path / "worker", [], "none")
    lease = Lease(uuid4(), 1, 3600)
    worker = Worker(platform, runtimes, lease)
    reader, writer = await asyncio.open_connection(sock=own_end)
    try:
        supervisor_end.sendall(b'{"beat": 7.5, "drained": true}\n')
        supervisor_end.close()
        async with asyncio.timeout(20):
            await _listen(worker, Control(reader, writer), lease)
        assert (lease.record.beat_at, lease.record.drained, lease.record.beats) == (7.5, True, 0)
    finally:
        writer.close()
        await runtimes.close()
        await platform.close()


async def test_process_ends_if_it_cannot_follow_its_group(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its supervisor starts it again. Otherwise it would work by the last settings for ever."""

    async def fail(_: GroupSettings) -> None:
        raise KeyError("slots")

    monkeypatch.setattr(GroupSettings, "follow", fail)
    own_end, supervisor_end = socket.socketpair()
    platform = await open_platform(settings)
    runtimes = Runtimes(tmp_path / "worker", [], "none")
    lease = Lease(uuid4(), 1, 3600)
    worker = Worker(platform, runtimes, lease)
    reader, writer = await asyncio.open_connection(sock=own_end)
    try:
        async with asyncio.timeout(20):
            with pytest.raises(KeyError, match="slots"):
                await _work(worker, Control(reader, writer), lease, GroupSettings(platform, worker, lease, "none"))
    finally:
        writer.close()
        supervisor_end.close()
        await runtimes.close()
        await platform.close()


_FORK = """
import json, os, socket, sys
from orvanta_platform.worker import supervisor
from orvanta_platform.worker.lease import SharedRecord

inherited = os.open("/", os.O_RDONLY)

def work(control, lease):
    SharedRecord(lease).jobs_executed = 7
    files = [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
    with open("/proc/self/cmdline") as words:
        facts = {"files": len(files), "leads": os.getsid(0) == os.getpid(), "words": words.read().split(chr(0))[:2]}
    with socket.socket(fileno=control) as own:
        own.sendall(json.dumps(facts).encode())
    if sys.argv[1] == "fail":
        raise OSError("it fails")
    return 3

process, other, record = supervisor._fork(work)
with other, other.makefile() as facts:
    print(facts.read(), process.wait(), record.jobs_executed, sep="\\n")
"""


@pytest.mark.parametrize(("outcome", "code"), [("end", 3), ("fail", 1)])
def test_forked_process_has_a_session_and_no_other_files(outcome: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", _FORK, outcome], capture_output=True, text=True, check=True)
    facts, ended, jobs = done.stdout.splitlines()
    assert json.loads(facts) == {
        "files": 5,  # the standard ones, the socket and the shared memory
        "leads": True,
        "words": ["orvanta_platform.cli.main", "worker-process"],
    }
    assert (int(ended), int(jobs)) == (code, 7)
    assert ("it fails" in done.stderr) is (outcome == "fail")
