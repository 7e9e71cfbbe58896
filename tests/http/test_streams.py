"""Calls that return a job's stream: from an offset, as events, and in the response of a run call."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of, script

from orvanta_platform.control.actor import Role
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.orchestrator import timers

BASH = {"summary": "", "content": "echo 1", "language": "bash"}
SECOND = 1 << 32
"""First offset of a second attempt."""


async def claimed(api: ApiHarness, node: str = "") -> ClaimedJob:
    """Wait for the next job of this node."""
    while not (found := await api.worker.claim()):
        await timers.fire(api.platform.tools)
    return found[node]


async def update(api: ApiHarness, id: str, offset: int | None = 0) -> dict[str, Any]:
    """Return the streamed text after the offset from getupdate, and whether it is complete."""
    params = {} if offset is None else {"stream_offset": offset}
    found = await api.get(f"jobs_u/getupdate/{id}", **params)
    return {key: found[key] for key in ("new_result_stream", "stream_offset", "stream_attempt") if key in found}


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    parts = answer.text.strip().split("\n\n")
    return [json.loads(part.removeprefix("data: ")) for part in parts if part.startswith("data: ")]


def text_of(answer: httpx.Response) -> str:
    return "".join(event.get("new_result_stream", "") for event in events(answer))


async def test_offset_returns_new_text(api: ApiHarness) -> None:
    id = await api.preview()
    job = await claimed(api)
    await api.worker.stream(job, "one ")
    await api.worker.print(job, "a log\n")
    assert await update(api, id) == {"new_result_stream": "one ", "stream_offset": 4, "stream_attempt": 1}
    assert await update(api, id, None) == {}
    await api.worker.stream(job, "tw\N{MUSICAL SYMBOL G CLEF} ")
    expected = {"new_result_stream": "tw\N{MUSICAL SYMBOL G CLEF} ", "stream_offset": 8, "stream_attempt": 1}
    assert await update(api, id, 4) == expected
    await api.worker.finish(job, "one two ")
    whole = await api.get(f"jobs_u/getupdate/{id}", stream_offset=-5)
    assert whole["new_result_stream"] == "one tw\N{MUSICAL SYMBOL G CLEF} "
    assert (whole["completed"], whole["new_logs"]) == (True, "a log\n")
    assert await update(api, id, 8) == {"stream_offset": 8}
    assert (await api.client.get(f"{W}/jobs_u/get_logs/{id}")).text == "a log\n"


async def test_update_waits_for_streamed_text(api: ApiHarness) -> None:
    id = await api.preview()
    job = await claimed(api)
    call = f"jobs_u/getupdate/{id}"
    waiting = asyncio.create_task(api.get(call, stream_offset=0, running="true", log_offset=0))
    await api.until(lambda: bool(api.platform.listen._watches))
    await api.worker.stream(job, "here")
    found = await waiting
    assert (found["new_result_stream"], found["completed"]) == ("here", False)


async def test_retry_streams_from_the_start(api: ApiHarness) -> None:
    retry = {"constant": {"attempts": 1, "seconds": 0}}
    id = await api.flow(script("a", retry=retry))
    first = await claimed(api, "a")
    await api.worker.stream(first, "the first attempt")
    assert (await update(api, id))["stream_offset"] == 17
    await api.worker.finish(first, error="Odd")
    second = await claimed(api, "a")
    assert (second.id, second.attempt) == (first.id, 2)
    await api.worker.stream(second, "anew")
    restarted = {"new_result_stream": "anew", "stream_offset": SECOND + 4, "stream_attempt": 2}
    assert await update(api, id, 17) == restarted
    assert await update(api, str(first.id), 3) == restarted
    await api.worker.stream(second, ", on")
    await api.worker.finish(second, 1)
    assert (await update(api, id, SECOND + 4))["new_result_stream"] == ", on"
    assert text_of(await api.client.get(f"{W}/jobs_u/getupdate_sse/{id}?stream_offset=17")) == "anew, on"


async def test_offset_too_large_is_refused(api: ApiHarness) -> None:
    id = await api.preview()
    for call in ("getupdate", "getupdate_sse"):
        for offset in (1 << 53, 1 << 80, "x"):
            answer = await api.client.get(f"{W}/jobs_u/{call}/{id}", params={"stream_offset": offset})
            assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("size", [3, 2_500_000])
async def test_events_contain_whole_stream(api: ApiHarness, size: int) -> None:
    """A long stream is sent in several events, even if the job has already ended."""
    id = await api.preview()
    job = await claimed(api)
    text = ("0123456789" * (size // 10 + 1))[:size]
    for start in range(0, size, 300_000):
        await api.worker.stream(job, text[start : start + 300_000])
    await api.worker.finish(job, 1)
    answer = await api.client.get(f"{W}/jobs_u/getupdate_sse/{id}")
    assert text_of(answer) == text
    assert [event["completed"] for event in events(answer)][-1:] == [True]
    behind = await api.client.get(f"{W}/jobs_u/getupdate_sse/{id}", params={"stream_offset": size - 2})
    assert text_of(behind) == text[-2:]


async def test_script_is_run_and_streamed(api: ApiHarness) -> None:
    await api.client.post(f"{W}/scripts/create", json={**BASH, "path": "f/team/talk"})
    running = asyncio.create_task(api.client.post(f"{W}/jobs/run_and_stream/p/f/team/talk", json={"n": 1}))
    job = await claimed(api)
    await api.worker.stream(job, "one ")
    await api.worker.stream(job, "two")
    await api.worker.print(job, "a log\n")
    await api.worker.finish(job, "one two")
    answer = await running
    assert answer.headers["x-run-id"] == str(job.run.id)
    messages = events(answer)
    assert text_of(answer) == "one two"
    assert "".join(event["new_logs"] for event in messages) == "a log\n"
    assert [event["completed"] for event in messages][-1] is True
    assert not any(event["completed"] for event in messages[:-1])
    assert await api.get(f"jobs_u/get_args/{job.run.id}") == {"n": 1}


async def test_workflow_streams_its_last_node(api: ApiHarness) -> None:
    flow = {"summary": "", "value": {"modules": [script("a"), script("b")]}, "path": "f/team/talks"}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    running = asyncio.create_task(api.client.post(f"{W}/jobs/run_and_stream/f/f/team/talks", json={}))
    first = await claimed(api, "a")
    await api.worker.stream(first, "not the result")
    await api.worker.finish(first, 1)
    last = await claimed(api, "b")
    await api.worker.stream(last, "the result")
    await api.worker.finish(last, "the result")
    assert text_of(await running) == "the result"
    assert (await update(api, str(first.id)))["new_result_stream"] == "not the result"


@pytest.mark.parametrize(
    ("modules", "more", "streams"),
    [
        ([script("a"), script("b", needs=["a"]), script("c", needs=["b"])], {}, "c"),
        ([script("a"), script("b", needs=["a"]), script("c", needs=["a"])], {}, None),
        ([script("a"), script("b", needs=["a"]), script("c", needs=[{"node": "a", "on": "failure"}])], {}, "b"),
        ([script("a")], {"output": {"type": "javascript", "expr": "results.a"}}, None),
    ],
)
async def test_graph_streams_its_only_sink(
    api: ApiHarness, modules: list[dict[str, Any]], more: dict[str, Any], streams: str | None
) -> None:
    id = await api.flow(*modules, **more)
    while not (await api.get(f"jobs_u/getupdate/{id}"))["completed"]:
        for node, job in (await api.worker.claim()).items():
            await api.worker.stream(job, node)
            await api.worker.finish(job, node)
    assert (await update(api, id)).get("new_result_stream") == streams


async def test_run_only_token_sees_its_stream(api: ApiHarness) -> None:
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    await api.client.post(f"{W}/scripts/create", json={**BASH, "path": "f/team/talk"})
    made = await api.client.post("/api/users/tokens/create", json={"scopes": ["jobs:run:f/team/*"]})
    call = f"{W}/jobs/run_and_stream/p/f/team/talk"
    async with client_of(api.app, made.text) as hook:
        del hook.headers["authorization"]
        running = asyncio.create_task(hook.post(call, params={"token": made.text}, json={}))
        job = await claimed(api)
        await api.worker.stream(job, "hello")
        await api.worker.finish(job, 1)
        assert text_of(await running) == "hello"
    async with client_of(api.app, made.text) as hook:
        assert (await hook.get(f"{W}/jobs_u/getupdate_sse/{job.run.id}")).status_code in (403, 404)
        assert (await hook.post(f"{W}/jobs/run_and_stream/f/f/team/talk", json={})).status_code in (403, 404)


async def test_streams_of_others_are_hidden(api: ApiHarness) -> None:
    id = await api.flow(script("a"))
    job = await claimed(api, "a")
    await api.worker.stream(job, "hidden")
    async with await api.member("eve", Role.DEVELOPER) as eve:
        for call in (f"getupdate/{id}", f"getupdate_sse/{id}", f"getupdate/{job.id}"):
            answer = await eve.get(f"{W}/jobs_u/{call}", params={"stream_offset": 0})
            assert answer.status_code == 404
            assert "hidden" not in answer.text
