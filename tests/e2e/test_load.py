"""Load on a complete installation: readers of one run, callers, iterations. Memory stays bounded (S25)."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.installation import PATIENCE_S, Running, running

pytestmark = pytest.mark.extended

W = "/api/w/main"
HERE = {"X-Workspace": "main"}
KIB = 1 << 10
MIB = 1 << 20
CALLERS = 100


@pytest.fixture(scope="module")
def house() -> Iterator[Running]:
    """Start a separate installation with the maximum number of open files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    try:
        with running("crowds", {"ORVANTA_JOB_TIMEOUT_S": "3600", "ORVANTA_WAIT_S": "3600"}) as made:
            yield made
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def client(house: Running) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {house.token}"}
    with httpx.Client(base_url=house.base, headers=headers, timeout=None) as made:
        yield made


def processes(house: Running) -> dict[str, int]:
    """Return the memory in bytes of the largest server and worker process of the installation, by name."""
    found: dict[str, int] = {}
    for folder in Path("/proc").iterdir():
        try:
            if str(house.home).encode() not in (folder / "environ").read_bytes():
                continue
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            status = (folder / "status").read_text()
        except OSError:
            continue
        for name in ("server", "worker-process"):
            if name in words and "VmRSS:" in status:
                found[name] = max(found.get(name, 0), int(status.partition("VmRSS:")[2].split()[0]) << 10)
    return found


def waiting(client: httpx.Client) -> int:
    """Return the number of queued and running jobs and runs."""
    return int(client.get(f"{W}/jobs/queue/count").json()["database_length"])


def prepare(client: httpx.Client) -> None:
    """Create the script for the flood of calls."""
    script = {"path": "f/crowd/take", "summary": "", "content": "def main(n):\n    return n\n", "language": "python3"}
    answer = client.post(f"{W}/scripts/create", json=script)
    assert answer.status_code in (201, 400), answer.text


def started(client: httpx.Client, *modules: dict[str, Any], args: Any = None, **value: Any) -> str:
    body = {"value": {"modules": list(modules), **value}, "args": args or {}}
    answer = client.post(f"{W}/jobs/run/preview_flow", json=body)
    assert answer.status_code == 201, answer.text
    return answer.text


async def read(house: Running, path: str, few: asyncio.Semaphore, begun: asyncio.Queue[None]) -> bytes:
    """Return everything that a stream sends until its end; put an item into `begun` on the first event."""
    host, _, port = house.base.removeprefix("http://").partition(":")
    lines = (f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {house.token}", "X-Workspace: main")
    async with few:
        reader, writer = await asyncio.open_connection(host, int(port), limit=64 * KIB)
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head, head
        received = await reader.readuntil(b"\n\n")
    begun.put_nowait(None)
    received += await reader.read()
    writer.close()
    return received


@pytest.mark.parametrize("many", [500, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_many_readers_of_one_run(house: Running, client: httpx.Client, many: int) -> None:
    run = started(client, {"id": "ask", "value": {"type": "approval"}}, {"id": "b", "value": {"type": "identity"}})
    before = processes(house)["server"]
    paths = [f"/api/v1/runs/{run}/stream", f"{W}/jobs_u/getupdate_sse/{run}"]
    few, begun = asyncio.Semaphore(50), asyncio.Queue[None]()
    async with asyncio.timeout(10 * PATIENCE_S), asyncio.TaskGroup() as group:
        readers = [group.create_task(read(house, paths[n % 2], few, begun)) for n in range(many)]
        for _ in readers:
            await begun.get()
        held = processes(house)["server"]
        async with httpx.AsyncClient(base_url=house.base, headers=dict(client.headers), timeout=60) as other:
            answer = await other.post(f"/api/v1/runs/{run}/consent", json={"decision": "approved"}, headers=HERE)
            assert answer.status_code == 200, answer.text
    ends = [each.result() for each in readers]
    assert all(b"event: end" in received for received in ends[::2])
    assert all(b'"completed":true' in received for received in ends[1::2])
    print(f"{many} readers: the server holds {(held - before) / MIB:.0f} MiB more")
    assert held - before < 50 * MIB + many * 100 * KIB


@pytest.mark.parametrize("many", [20_000, pytest.param(1_000_000, marks=pytest.mark.soak(minutes=40))])
def test_long_loop(house: Running, client: httpx.Client, many: int) -> None:
    """The process that joins the results of a loop stores them once; no other process grows with their number."""
    iterator = {"type": "javascript", "expr": f"Array.from({{length: {many}}}, (_, i) => i)"}
    body = [{"id": "x", "value": {"type": "condition", "expr": "flow_input.iter.value === 7"}}]
    value = {"type": "forloopflow", "iterator": iterator, "parallel": True, "skip_failures": False, "modules": body}
    loop = {"id": "l", "value": value}
    size = {"type": "javascript", "expr": "[results.l.length, results.l.filter(each => each).length]"}
    whole = {"modules": [loop], "output": size}
    before = processes(house)
    answer = client.post(f"{W}/jobs/run_wait_result/preview_flow", json={"value": whole, "args": {}})
    assert (answer.status_code, answer.json()) == (200, [many, 1])
    held = processes(house)
    growth = {name: held[name] - before[name] for name in before}
    print(f"{many} iterations: { ({name: each // MIB for name, each in growth.items()}) } MiB more")
    assert all(each < 100 * MIB + many * 1_600 for each in growth.values()), growth


async def calls(caller: httpx.AsyncClient, first: int, many: int) -> list[httpx.Response]:
    """Make the calls of one of the callers, one after the other."""
    path = f"{W}/jobs/run/p/f/crowd/take?scheduled_in_secs=3600"
    return [await caller.post(path, json={"n": n, "x": "y" * 1_000}) for n in range(first, many, CALLERS)]


@pytest.mark.parametrize("many", [500, pytest.param(20_000, marks=pytest.mark.soak(minutes=20))])
async def test_flood_of_calls(house: Running, client: httpx.Client, many: int) -> None:
    """Every call answered with 201 is a run; a rejected call has a Retry-After header."""
    prepare(client)
    queued = waiting(client)
    before = processes(house)["server"]
    async with httpx.AsyncClient(base_url=house.base, headers=dict(client.headers), timeout=10 * PATIENCE_S) as caller:
        parts = await asyncio.gather(*(calls(caller, n, many) for n in range(CALLERS)))
    answers = [answer for part in parts for answer in part]
    taken = [each for each in answers if each.status_code == 201]
    refused = [each for each in answers if each.status_code != 201]
    assert all(each.status_code == 429 and int(each.headers["retry-after"]) > 0 for each in refused)
    assert len({each.text for each in taken}) == len(taken) > 0
    assert waiting(client) - queued == len(taken)
    growth = processes(house)["server"] - before
    print(f"{many} calls, {len(refused)} refused: the server holds {growth // MIB} MiB more")
    assert growth < 100 * MIB
