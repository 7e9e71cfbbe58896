"""Long-lived calls: a function that starts each one, and the event that would add a secret to its response."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.http.harness import ApiHarness, W, script
from tests.http.reader import Reader, read

from orvanta_platform.control.actor import Role
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.notify import Watch

SECRET = "not-for-you-any-more"
FILL = 6 << 20
BASH = {"summary": "", "content": "echo 1", "language": "bash"}
PREVIEW = {"content": "echo 1", "language": "bash", "args": {}}
FLOW = {"modules": [script("a")]}
ROUTE = {
    "path": "f/team/hook",
    "script_path": "f/team/talk",
    "is_flow": False,
    "route_path": "talk",
    "http_method": "post",
    "authentication_method": "orvanta",
    "is_static_website": False,
    "request_type": "sync",
}

Provoke = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Begun:
    """A response in progress, and the event that would add the secret to it."""

    reader: Reader
    provoke: Provoke


Begin = Callable[[ApiHarness, httpx.AsyncClient], Awaitable[Begun]]


async def member(api: ApiHarness, name: str, role: Role = Role.DEVELOPER) -> httpx.AsyncClient:
    """Add a member with read access to the folder team, and return its client."""
    client = await api.member(name, role)
    async with api.platform.db.acquire() as conn:
        query = "UPDATE folder SET extra_perms = extra_perms || jsonb_build_object($1::text, false) WHERE name = 'team'"
        await conn.execute(query, f"u/{name}")
    return client


async def job_of(api: ApiHarness, run: str | None = None) -> ClaimedJob:
    """Claim the next job, or that of a run."""
    while True:
        for job in (await api.worker.claim()).values():
            if run is None or job.run.id == UUID(run):
                return job


async def admins_run(api: ApiHarness, what: str = "p/f/team/talk", args: Any = None) -> tuple[str, ClaimedJob]:
    answer = await api.client.post(f"{W}/jobs/run/{what}", json=args or {})
    assert answer.status_code == 201, answer.text
    return answer.text, await job_of(api, answer.text)


def prints(api: ApiHarness, job: ClaimedJob) -> Provoke:
    async def provoke() -> None:
        await api.worker.print(job, f"{SECRET}\n")
        await api.worker.stream(job, SECRET)
        await api.worker.finish(job, SECRET)

    return provoke


def watching(url: str, *, held: bool = False) -> Begin:
    """Return a function that watches a run of another member. `held`: the response starts at the next update."""

    async def begin(api: ApiHarness, client: httpx.AsyncClient) -> Begun:
        run, job = await admins_run(api)
        with waits_counted() as waits:
            reader = read(api.app, client, url.format(run=run))
            if held:
                await api.until(lambda: bool(waits))
            else:
                await reader.until_begun()
        return Begun(reader, prints(api, job))

    return begin


@contextmanager
def waits_counted() -> Iterator[list[float]]:
    """Record the timeout of each wait that starts: a call that waits for a change has finished its query."""
    begun: list[float] = []
    wait = Watch.wait

    async def counted(watch: Watch, timeout_s: float) -> bool:
        begun.append(timeout_s)
        return await wait(watch, timeout_s)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Watch, "wait", counted)
        yield begun


def running(url: str, body: Any = None, method: str = "POST") -> Begin:
    """Return a function that starts a run and waits for its result."""

    async def begin(api: ApiHarness, client: httpx.AsyncClient) -> Begun:
        reader = read(api.app, client, url, json.dumps(body or {}).encode(), method=method)
        return Begun(reader, prints(api, await job_of(api)))

    return begin


async def _nothing() -> None:
    return None


def reading(url: str, make: Callable[[ApiHarness], Awaitable[str]]) -> Begin:
    """Return a function that reads a long value with the secret at its end."""

    async def begin(api: ApiHarness, client: httpx.AsyncClient) -> Begun:
        reader = read(api.app, client, url.format(run=await make(api)))
        await reader.until_begun()
        return Begun(reader, _nothing)

    return begin


async def long_result(api: ApiHarness) -> str:
    run, job = await admins_run(api)
    await api.worker.finish(job, "x" * FILL + SECRET)
    return run


async def long_result_of_a_node(api: ApiHarness) -> str:
    run, job = await admins_run(api, "f/f/team/flow")
    await api.worker.finish(job, "x" * FILL + SECRET)
    return run


async def long_args(api: ApiHarness) -> str:
    return (await admins_run(api, args={"a": "x" * FILL + SECRET}))[0]


async def long_log(api: ApiHarness) -> str:
    run, job = await admins_run(api)
    for text in ("x" * 900_000, "y" * 900_000, SECRET):
        await api.worker.print(job, f"{text}\n")
    return run


async def long_log_of_a_flow(api: ApiHarness) -> str:
    run, job = await admins_run(api, "f/f/team/flow")
    for text in ("x" * 900_000, "y" * 900_000, SECRET):
        await api.worker.print(job, f"{text}\n")
    return run


async def long_file(api: ApiHarness) -> str:
    body = b"x" * FILL + SECRET.encode()
    url = f"{W}/job_helpers/upload_s3_file"
    answer = await api.client.post(url, params={"file_key": "f/team/long.txt"}, content=body)
    assert answer.status_code == 200, answer.text
    return ""


U, J = f"{W}/jobs_u", f"{W}/jobs"
WATCHING: dict[str, Begin] = {
    "stream_updates": watching(f"{U}/getupdate_sse/{{run}}"),
    "get_update": watching(f"{U}/getupdate/{{run}}?running=true", held=True),
    "stream_run": watching("/api/v1/runs/{run}/stream"),
}
RUNNING: dict[str, Begin] = {
    "stream_script": running(f"{J}/run_and_stream/p/f/team/talk"),
    "stream_flow": running(f"{J}/run_and_stream/f/f/team/flow"),
    "wait_script": running(f"{J}/run_wait_result/p/f/team/talk"),
    "wait_script_get": running(f"{J}/run_wait_result/p/f/team/talk", method="GET"),
    "wait_flow": running(f"{J}/run_wait_result/f/f/team/flow"),
    "wait_flow_get": running(f"{J}/run_wait_result/f/f/team/flow", method="GET"),
    "wait_preview": running(f"{J}/run_wait_result/preview", PREVIEW),
    "run_inline_preview": running(f"{J}/run_inline/preview", PREVIEW),
    "wait_flow_preview": running(f"{J}/run_wait_result/preview_flow", {"value": FLOW}),
    "call_route": running("/api/r/talk"),
}
READING: dict[str, Begin] = {
    "get_result": reading(f"{U}/completed/get_result/{{run}}", long_result),
    "get_args": reading(f"{U}/get_args/{{run}}", long_args),
    "result_by_id": reading(f"{J}/result_by_id/{{run}}/a", long_result_of_a_node),
    "get_logs": reading(f"{U}/get_logs/{{run}}", long_log),
    "get_flow_all_logs": reading(f"{U}/get_flow_all_logs/{{run}}", long_log_of_a_flow),
    "download_file": reading(f"{W}/job_helpers/download_s3_file?file_key=f/team/long.txt", long_file),
}
CASES = {**WATCHING, **RUNNING, **READING}
