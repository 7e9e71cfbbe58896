"""Two servers behind HAProxy, with two workers: calls, sessions and streams go to either, and one is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.installation import PATIENCE_S
from tests.polling import POLL_S
from tests.topologies import haproxy, load
from tests.topologies.load import W
from tests.topologies.separate import PASSWORD, Installation

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(haproxy.PROGRAM is None, reason="haproxy is not installed"),
]

SLEEP = {"modules": [{"id": "wait", "value": {"type": "delay", "seconds": 3600}}]}


@pytest.fixture
def installation(tmp_path: Path, database: TestDatabase) -> Iterator[Installation]:
    """Start two servers and two workers."""
    made = Installation(tmp_path, database.app_url, database.owner_url)
    with made.running():
        made.create_admin()
        for _ in range(2):
            made.start_server()
            made.start_worker()
        yield made


async def until_completed(client: httpx.AsyncClient, run: str) -> None:
    """Read the stream of a run until it says that the run has completed; open it again when its connection ends."""
    while True:
        try:
            async with client.stream("GET", f"{W}/jobs_u/getupdate_sse/{run}") as answer:
                async for line in answer.aiter_lines():
                    if '"completed":true' in line:
                        return
        except httpx.TransportError:
            await asyncio.sleep(POLL_S)


async def save_draft(client: httpx.AsyncClient, text: str, revision: int | None) -> int:
    """Save a draft that is at `revision`, read it back, and return its new revision."""
    body = {"value": {"text": text}} if revision is None else {"value": {"text": text}, "seq": revision}
    saved = await client.put(f"{W}/drafts/flow/f/topologies/draft", json=body)
    assert saved.status_code == 200, saved.text
    found = (await client.get(f"{W}/drafts/flow/f/topologies/draft")).json()
    assert found["value"] == {"text": text}
    seq: int = found["seq"]
    return seq


async def log_in(client: httpx.AsyncClient) -> dict[str, str]:
    """Log in with the password, and return the headers of the session."""
    account = {"email": "admin@localhost", "password": PASSWORD}
    answer = await client.post("/api/auth/login", json=account)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.text}"}


async def is_logged_in(client: httpx.AsyncClient, session: dict[str, str]) -> bool:
    """Return whether both servers accept the session: consecutive calls go to different ones."""
    answers = [await client.get("/api/users/whoami", headers=session) for _ in range(2)]
    return all(answer.status_code == 200 for answer in answers)


@pytest.mark.parametrize("runs", [200, pytest.param(2000, marks=pytest.mark.soak)])
async def test_one_of_two_servers_is_killed(installation: Installation, database: TestDatabase, runs: int) -> None:
    with haproxy.running([*installation.servers]) as url:
        headers = {"Authorization": f"Bearer {installation.token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE_S) as client:
            await load.deploy(client)
            session = await log_in(client)
            assert await is_logged_in(client, session)
            revision = None
            for text in ("one", "two", "three"):
                revision = await save_draft(client, text, revision)
            sleeping = (await client.post(f"{W}/jobs/run/preview_flow", json={"value": SLEEP, "args": {}})).text
            streams = [asyncio.create_task(until_completed(client, sleeping)) for _ in range(2)]

            calls = load.Calls(runs)
            calls.begin(client)
            await calls.until_accepted(runs // 3)
            next(iter(installation.servers.values())).kill()
            await calls.finish()
            await calls.check(client, database.owner_url)

            assert await is_logged_in(client, session)
            await save_draft(client, "four", revision)
            assert not any(stream.done() for stream in streams)
            (await client.post(f"{W}/jobs_u/queue/cancel/{sleeping}", json={"reason": "test"})).raise_for_status()
            await asyncio.gather(*streams)
    installation.run("doctor", "--consistency")
