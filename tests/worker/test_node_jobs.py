"""Jobs of the nodes of a workflow on a worker with its runtimes: environment and arguments of their processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.worker.test_masked_jobs import working

from orvanta_platform.control.actor import Role
from orvanta_platform.db import frames
from orvanta_platform.db.pool import Connection
from orvanta_platform.evaluate.javascript import JavaScript
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.outcome import SandboxLost
from orvanta_platform.worker.packages.store import Packages

INDEX = "import os\ndef main():\n    return [os.environ['OV_ITERATION_INDEX'], os.environ['WM_ITERATION_INDEX']]\n"


@pytest.fixture
async def house(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path / "home") as api:
        yield api


@pytest.fixture(autouse=True)
async def worker(house: ApiHarness, tmp_path: Path) -> AsyncIterator[Worker]:
    async with working(house, tmp_path) as made:
        yield made


def code(content: str, **more: Any) -> dict[str, Any]:
    return {"type": "rawscript", "language": "python3", "content": content, "input_transforms": {}, **more}


def loop(items: list[Any], *modules: dict[str, Any], **more: Any) -> dict[str, Any]:
    iterator = {"type": "static", "value": items}
    return {"type": "forloopflow", "iterator": iterator, "skip_failures": False, "modules": list(modules), **more}


async def result_of(api: ApiHarness, *modules: dict[str, Any], **more: Any) -> Any:
    body = {"value": {"modules": list(modules), **more}, "args": {}}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_job_in_loop_has_iteration_index(house: ApiHarness) -> None:
    for parallel in (False, True):
        body = loop(["a", "b", "c"], {"id": "x", "value": code(INDEX)}, parallel=parallel)
        assert await result_of(house, {"id": "l", "value": body}) == [["0", "0"], ["1", "1"], ["2", "2"]]


async def test_worker_reads_no_frame_for_constant_inputs(house: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[UUID] = []
    get_enclosing = frames.get_enclosing

    async def counting(connection: Connection, frame: UUID) -> Any:
        reads.append(frame)
        return await get_enclosing(connection, frame)

    monkeypatch.setattr(frames, "get_enclosing", counting)
    body = loop(["a", "b", "c"], {"id": "x", "value": code(INDEX)})
    assert await result_of(house, {"id": "l", "value": body}) == [["0", "0"], ["1", "1"], ["2", "2"]]
    assert len(reads) == len(set(reads)) == 3, "only the steps that record their completion read them"


async def test_only_node_of_a_branch_has_the_index_of_the_iteration(house: ApiHarness) -> None:
    branches = [{"expr": "false", "modules": []}, {"expr": "true", "modules": [{"id": "x", "value": code(INDEX)}]}]
    branch = {"type": "branchone", "branches": branches, "default": []}
    body = loop(["a", "b"], {"id": "b", "value": branch})
    assert await result_of(house, {"id": "l", "value": body}) == [["0", "0"], ["1", "1"]]


async def test_innermost_loop_index_applies_around_branch(house: ApiHarness) -> None:
    branch = {
        "type": "branchone",
        "branches": [
            {"expr": "true", "modules": [{"id": "x", "value": code(INDEX)}, {"id": "y", "value": code(INDEX)}]}
        ],
        "default": [],
    }
    inner = loop([7, 8], {"id": "b", "value": branch})
    outer = loop([1, 2, 3], {"id": "i", "value": inner}, {"id": "o", "value": code(INDEX)})
    indices = await result_of(house, {"id": "l", "value": outer}, {"id": "after", "value": code(INDEX)})
    assert indices == ["", ""]
    outer = loop([1, 2], {"id": "i", "value": inner})
    assert await result_of(house, {"id": "l", "value": outer}) == [[["0", "0"], ["1", "1"]]] * 2


STANDS = """
import os, time
def main(folder):
    attempt = os.environ["OV_TOKEN"].split(".")[1]
    open(f"{folder}/begun-{attempt}", "w").close()
    while not os.path.exists(f"{folder}/go-on"):
        time.sleep(0.01)
    return attempt
"""
KILLS_ITS_SANDBOX = "import os, time\ndef main():\n    os.kill(os.getppid(), 9)\n    time.sleep(3600)\n"
LIVE = "SELECT attempt, losses FROM job_live"
ENDED = "SELECT state, attempt, losses FROM job WHERE node = 'a'"


async def test_job_with_killed_sandbox_is_requeued(house: ApiHarness, worker: Worker, tmp_path: Path) -> None:
    value = code(STANDS) | {"input_transforms": {"folder": {"type": "static", "value": str(tmp_path)}}}
    running = asyncio.ensure_future(result_of(house, {"id": "a", "value": value}))
    await until(lambda: (tmp_path / "begun-1").exists())
    kill_zygote(worker)
    try:
        await until(lambda: (tmp_path / "begun-2").exists() or running.done())
        assert not running.done(), running.exception()
        async with house.platform.db.acquire() as connection:
            assert [tuple(row) for row in await connection.fetch(LIVE)] == [(2, 1)]
    finally:
        (tmp_path / "go-on").touch()  # also ends an unexpected second attempt
    assert await running == "2"
    async with house.platform.db.acquire() as connection:
        assert [tuple(row) for row in await connection.fetch(ENDED)] == [("succeeded", 2, 1)]


async def test_job_killing_its_sandbox_fails_after_max_losses(house: ApiHarness) -> None:
    body = {"value": {"modules": [{"id": "a", "value": code(KILLS_ITS_SANDBOX)}]}, "args": {}}
    answer = await house.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert answer.json()["error"]["name"] == "worker_lost", answer.text
    async with house.platform.db.acquire() as connection:
        assert [tuple(row) for row in await connection.fetch(ENDED)] == [("failed", 4, 3)]


async def test_packages_whose_sandbox_is_killed_are_installed_by_the_next_attempt(
    house: ApiHarness, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = iter([True])
    install = Packages.provide

    async def provide(packages: Packages, *args: Any) -> Any:
        if next(lost, False):
            raise SandboxLost
        return await install(packages, *args)

    monkeypatch.setattr(Packages, "provide", provide)
    assert await result_of(house, {"id": "a", "value": code("def main():\n    return 7\n")}) == 7


def kill_zygote(worker: Worker) -> None:
    pid = worker._executor._runtimes.zygote_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition of a job, with a timeout far above the usual duration."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


KEEPS = "SEEN = []\ndef main(text):\n    SEEN.append(text)\n    return SEEN\n"


async def test_reused_process_holds_no_data_of_another_member(house: ApiHarness) -> None:
    script = {"path": "u/admin/kept", "summary": "", "content": KEEPS, "language": "python3", "dedicated_worker": True}
    assert (await house.client.post(f"{W}/scripts/create", json=script)).status_code == 201
    other = await house.member("other", Role.ADMIN)
    seen = []
    for client, text in ((house.client, "a"), (other, "b"), (house.client, "c")):
        seen.append((await client.post(f"{W}/jobs/run_wait_result/p/u/admin/kept", json={"text": text})).json())
    assert seen == [["a"], ["b"], ["a", "c"]]


CAPTURES = """\
import os, threading, time
TOKENS = []
def watch():
    while True:
        if os.environ["OV_TOKEN"] not in TOKENS:
            TOKENS.append(os.environ["OV_TOKEN"])
        time.sleep(0.001)
threading.Thread(target=watch, daemon=True).start()
def main(text):
    while os.environ["OV_TOKEN"] not in TOKENS:
        time.sleep(0.001)
    return len(TOKENS)
"""


async def test_reused_process_runs_jobs_of_tokens_with_equal_limits_only(house: ApiHarness) -> None:
    """A thread of a job with limits would otherwise read the tokens of later jobs without limits."""
    script = {"path": "u/admin/kept", "content": CAPTURES, "language": "python3", "dedicated_worker": True}
    assert (await house.client.post(f"{W}/scripts/create", json={**script, "summary": ""})).status_code == 201
    limited = await token_of_admin(house, ["jobs:run:u/admin/kept", "jobs:read"])
    other = await token_of_admin(house, ["jobs:run", "jobs:read"])
    address = f"{W}/jobs/run_wait_result/p/u/admin/kept"
    callers = (limited, house.client, limited, other)
    assert [(await each.post(address, json={"text": "a"})).json() for each in callers] == [1, 1, 2, 1]


async def token_of_admin(house: ApiHarness, scopes: list[str]) -> httpx.AsyncClient:
    """Return a client with a token of the admin that has these scopes."""
    answer = await house.client.post("/api/users/tokens/create", json={"label": "limited", "scopes": scopes})
    assert answer.status_code == 201, answer.text
    return client_of(house.app, answer.text)


async def test_cancel_ends_evaluation_of_inputs(house: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def evaluate(*_: Any) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(JavaScript, "evaluate", evaluate)
    transforms = {"x": {"type": "javascript", "expr": "flow_input.x + 1"}}
    node = {"id": "a", "value": code("def main(x): return x", input_transforms=transforms)}
    answer = await house.client.post(f"{W}/jobs/run/preview_flow", json={"value": {"modules": [node]}, "args": {}})
    assert answer.status_code == 201, answer.text
    await started.wait()
    answer = await house.client.post(f"{W}/jobs_u/queue/cancel/{answer.text}", json={"reason": "enough"})
    assert answer.status_code == 200, answer.text
    await ended.wait()
