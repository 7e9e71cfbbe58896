"""Calls over a real socket: the published client, streams and disconnecting callers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import orvanta
import pytest
from tests.http.harness import PYTHON, ApiHarness, W, script
from tests.polling import POLL_S

from orvanta_platform.http.listener import listen
from orvanta_platform.http.server import run_until


@asynccontextmanager
async def served(api: ApiHarness) -> AsyncIterator[str]:
    """Run a server on the harness's platform and return its address."""
    listener = listen("127.0.0.1", 0)
    stop = asyncio.Event()
    serving = asyncio.create_task(run_until(stop, api.platform, listener))
    base = f"http://127.0.0.1:{listener.port}"
    try:
        async with httpx.AsyncClient(base_url=base, timeout=60) as client:
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
            await asyncio.sleep(POLL_S)
    raise AssertionError("the server never answered")


def token_of(api: ApiHarness) -> str:
    return str(api.client.headers["Authorization"]).removeprefix("Bearer ")


@contextmanager
def published(base: str, token: str) -> Iterator[Any]:
    client = orvanta.Orvanta(base_url=base, token=token, workspace="main")  # type: ignore[no-untyped-call]
    try:
        yield client
    finally:
        client.client.close()


async def test_published_client(api: ApiHarness) -> None:
    async with served(api) as base:
        with published(base, token_of(api)) as client:
            inline = asyncio.create_task(
                asyncio.to_thread(client.run_inline_script_preview, PYTHON["content"], "python3", {"n": 1})
            )
            await api.begun(inline)
            await api.worker.finish((await api.worker.claim())[""], {"n": 1})
            assert await inline == {"n": 1}

            id = await api.preview()
            assert await asyncio.to_thread(client.get_job_status, id) == "WAITING"
            job = (await api.worker.claim())[""]
            assert await asyncio.to_thread(client.get_job_status, id) == "RUNNING"
            await api.worker.finish(job, [1, 2])
            assert await asyncio.to_thread(client.get_job_status, id) == "COMPLETED"
            assert await asyncio.to_thread(client.get_result, id) == [1, 2]
            assert await asyncio.to_thread(client.wait_job, id) == [1, 2]
            assert await asyncio.to_thread(client.get_root_job_id, id) == id

            failed = await api.preview()
            await api.worker.finish((await api.worker.claim())[""], error="Boom")
            with pytest.raises(Exception, match=r"was not successful.*Boom happened"):
                await asyncio.to_thread(client.wait_job, failed)

            waiting = await api.preview()
            assert await asyncio.to_thread(client.cancel_job, waiting, "not wanted") == waiting
            assert (await api.get(f"jobs_u/get/{waiting}"))["canceled_reason"] == "not wanted"


async def test_stream_arrives_during_run(api: ApiHarness) -> None:
    async with served(api) as base, httpx.AsyncClient(base_url=base, headers=api.client.headers, timeout=60) as client:
        id = await api.preview()
        job = (await api.worker.claim())[""]
        events = []
        async with client.stream("GET", f"{W}/jobs_u/getupdate_sse/{id}") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if not line.startswith("data: "):
                    continue
                events.append(json.loads(line.removeprefix("data: ")))
                if len(events) == 1:
                    await api.worker.print(job, "live")
                elif events[-1]["new_logs"]:
                    await api.worker.finish(job, 1)
        assert [event["new_logs"] for event in events] == ["", "live", ""]
        assert [event["completed"] for event in events] == [False, False, True]


async def test_stream_ends_when_reader_disconnects(api: ApiHarness) -> None:
    async with served(api) as base, httpx.AsyncClient(base_url=base, headers=api.client.headers, timeout=60) as client:
        id = await api.flow(script("a"))
        async with client.stream("GET", f"{W}/jobs_u/getupdate_sse/{id}") as answer:
            async for _ in answer.aiter_lines():
                break
            assert api.platform.listen._watches
        async with asyncio.timeout(30):
            await api.until(lambda: not api.platform.listen._watches)


async def test_disconnected_caller_leaves_run_running(api: ApiHarness) -> None:
    async with served(api) as base, httpx.AsyncClient(base_url=base, headers=api.client.headers, timeout=60) as client:
        request = asyncio.create_task(client.post(f"{W}/jobs/run_wait_result/preview", json=PYTHON))
        await api.begun(request)
        request.cancel()
        await asyncio.wait([request])
        await api.worker.finish((await api.worker.claim())[""], "done")
        (job,) = await api.get("jobs/list")
        assert (job["success"], job["canceled"]) == (True, False)
