"""The same calls over a real socket: the published client, streams and callers that go away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orvanta
import pytest
from tests.conftest import TestDatabase
from tests.http.scene import PYTHON, Scene, W, scene, script

from orvanta_platform.http.listener import listen
from orvanta_platform.http.server import run_until


@asynccontextmanager
async def served(stage: Scene) -> AsyncIterator[str]:
    """The address of a server on the stage's platform."""
    listener = listen("127.0.0.1", 0)
    stop = asyncio.Event()
    serving = asyncio.create_task(run_until(stop, stage.platform, listener))
    base = f"http://127.0.0.1:{listener.port}"
    try:
        async with httpx.AsyncClient(base_url=base) as client:
            await _answers(client)
        yield base
    finally:
        stop.set()
        await serving


async def _answers(client: httpx.AsyncClient) -> None:
    for _ in range(100_000):
        try:
            if (await client.get("/api/version")).status_code == 200:
                return
        except httpx.ConnectError:
            await asyncio.sleep(0)
    raise AssertionError("the server never answered")


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(database, tmp_path) as made:
        yield made


def token_of(stage: Scene) -> str:
    return str(stage.client.headers["Authorization"]).removeprefix("Bearer ")


@contextmanager
def published(base: str, token: str) -> Iterator[Any]:
    client = orvanta.Orvanta(base_url=base, token=token, workspace="main")  # type: ignore[no-untyped-call]
    try:
        yield client
    finally:
        client.client.close()


async def test_the_published_client(stage: Scene) -> None:
    async with served(stage) as base:
        with published(base, token_of(stage)) as client:
            inline = asyncio.create_task(
                asyncio.to_thread(client.run_inline_script_preview, PYTHON["content"], "python3", {"n": 1})
            )
            await stage.begun(inline)
            await stage.worker.finish((await stage.worker.claim())[""], {"n": 1})
            assert await inline == {"n": 1}

            id = await stage.preview()
            assert await asyncio.to_thread(client.get_job_status, id) == "WAITING"
            job = (await stage.worker.claim())[""]
            assert await asyncio.to_thread(client.get_job_status, id) == "RUNNING"
            await stage.worker.finish(job, [1, 2])
            assert await asyncio.to_thread(client.get_job_status, id) == "COMPLETED"
            assert await asyncio.to_thread(client.get_result, id) == [1, 2]
            assert await asyncio.to_thread(client.wait_job, id) == [1, 2]
            assert await asyncio.to_thread(client.get_root_job_id, id) == id

            failed = await stage.preview()
            await stage.worker.finish((await stage.worker.claim())[""], error="Boom")
            with pytest.raises(Exception, match=r"was not successful.*Boom happened"):
                await asyncio.to_thread(client.wait_job, failed)

            waiting = await stage.preview()
            assert await asyncio.to_thread(client.cancel_job, waiting, "not wanted") == waiting
            assert (await stage.get(f"jobs_u/get/{waiting}"))["canceled_reason"] == "not wanted"


async def test_a_stream_arrives_while_the_run_goes_on(stage: Scene) -> None:
    async with served(stage) as base, httpx.AsyncClient(base_url=base, headers=stage.client.headers) as client:
        id = await stage.preview()
        job = (await stage.worker.claim())[""]
        events = []
        async with client.stream("GET", f"{W}/jobs_u/getupdate_sse/{id}") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if not line.startswith("data: "):
                    continue
                events.append(json.loads(line.removeprefix("data: ")))
                if len(events) == 1:
                    await stage.worker.print(job, "live")
                elif events[-1]["new_logs"]:
                    await stage.worker.finish(job, 1)
        assert [event["new_logs"] for event in events] == ["", "live", ""]
        assert [event["completed"] for event in events] == [False, False, True]


async def test_a_stream_ends_when_its_reader_goes(stage: Scene) -> None:
    async with served(stage) as base, httpx.AsyncClient(base_url=base, headers=stage.client.headers) as client:
        id = await stage.flow(script("a"))
        async with client.stream("GET", f"{W}/jobs_u/getupdate_sse/{id}") as answer:
            async for _ in answer.aiter_lines():
                break
            assert stage.platform.listen._watches
        async with asyncio.timeout(30):
            await stage.until(lambda: not stage.platform.listen._watches)


async def test_a_caller_that_hangs_up_leaves_its_run_alone(stage: Scene) -> None:
    async with served(stage) as base, httpx.AsyncClient(base_url=base, headers=stage.client.headers) as client:
        request = asyncio.create_task(client.post(f"{W}/jobs/run_wait_result/preview", json=PYTHON))
        await stage.begun(request)
        request.cancel()
        await asyncio.wait([request])
        await stage.worker.finish((await stage.worker.claim())[""], "done")
        (job,) = await stage.get("jobs/list")
        assert (job["success"], job["canceled"]) == (True, False)
