"""A real server on loopback: the published client, raw sockets, shutdown."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from orvanta.client import Orvanta
from tests.conftest import TestDatabase
from tests.ports import free_port

from orvanta_platform.errors import PortTaken
from orvanta_platform.http import server as http_server
from orvanta_platform.http.listener import listen
from orvanta_platform.services.access import setup
from orvanta_platform.services.platform import open_platform
from orvanta_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Server:
    settings: Settings
    token: str

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"


class _Thread(threading.Thread):
    """A server in a thread with its own event loop, because the client under test blocks."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()
        self.ready = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    def stop(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        platform = await open_platform(self._settings)
        await setup.first_start(platform.db, self._settings)
        self.ready.set()
        listener = listen(self._settings.host, self._settings.port)
        await http_server.run_until(self._end, platform, listener)
        await platform.close()


@pytest.fixture
def server(database: TestDatabase, tmp_path: Path) -> Iterator[Server]:
    settings = Settings(
        home=tmp_path, database_url=database.app_url, database_direct_url=database.app_url, port=free_port()
    )
    thread = _Thread(settings)
    thread.start()
    thread.ready.wait()
    with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=60) as client:
        assert client.get(f"http://127.0.0.1:{settings.port}/api/version").status_code == 200
    yield Server(settings, (tmp_path / "token").read_text().strip())
    thread.stop()


def test_published_client(server: Server) -> None:
    client: Any = Orvanta(base_url=server.address, token=server.token, workspace="main")  # type: ignore[no-untyped-call]
    try:
        assert client.whoami()["username"] == "admin"
        assert client.username_to_email("admin") == "admin@localhost"
        made = client.create_token()
        assert made.startswith("ov_")
        script = {"path": "f/x/y", "summary": "", "content": "echo 1", "language": "bash"}
        digest = client.post("/w/main/scripts/create", json=script).text
        run = client.run_script_by_path_async("f/x/y", {"a": 1})
        assert client.get_job(run)["script_hash"] == digest
        assert client.get_job_status(run) == "WAITING"
        assert client.get_root_job_id(run) == run
        client.cancel_job(run, "enough")
        job = client.get_job(run)
        assert job["canceled"] is True and job["canceled_reason"] == "enough"
        with pytest.raises(Exception, match="404"):
            client.run_script_by_path_async("f/x/nothing")
    finally:
        client.client.close()


def test_malformed_requests(server: Server) -> None:
    for line, expected in (
        (b"GET //api/users/whoami", b"401"),
        (b"GET /api/users/whoami%00", b"401"),
        (b"GET /api/version/..%2fusers/whoami", b"401"),
        (b"GET /api/../api/users/whoami", b"401"),
        (b"TRACE /api/users/whoami", b"401"),
        (b"FOO /api/version", b"405"),
        (b"HEAD /api/version", b"405"),
        (b"GET /api/%ff%fe", b"401"),
        (b"GET http://elsewhere/api/users/whoami", b"401"),
    ):
        with socket.create_connection(("127.0.0.1", server.settings.port)) as connection:
            connection.sendall(line + b" HTTP/1.1\r\nHost: orvanta\r\nConnection: close\r\n\r\n")
            with connection.makefile("rb") as answer:
                assert answer.readline().split()[1] == expected, line


def test_body_over_the_limit_is_413(server: Server) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(102):
            yield b" " * (1 << 20)

    headers = {"Authorization": f"Bearer {server.token}"}
    answer = httpx.post(f"{server.address}/api/w/main/scripts/create", content=chunks(), headers=headers, timeout=60)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "too_large"


@pytest.mark.extended
async def test_many_open_streams_leave_room_for_others(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.token}"}
    limits = httpx.Limits(max_connections=300)
    async with httpx.AsyncClient(
        base_url=f"{server.address}/api", headers=headers, limits=limits, timeout=60
    ) as client:
        body = {"content": "echo", "language": "bash"}
        run = (await client.post("/w/main/jobs/run/preview", json=body)).text
        async with AsyncExitStack() as streams:
            for _ in range(200):
                stream = client.stream("GET", f"/w/main/jobs_u/getupdate_sse/{run}")
                assert (await streams.enter_async_context(stream)).status_code == 200
            assert (await client.get("/health/status")).status_code == 200
        answer = await client.post(f"/w/main/jobs_u/queue/cancel/{run}", json={})
        assert answer.status_code == 200


def test_taken_port_is_reported_in_one_sentence(database: TestDatabase, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(home=tmp_path, database_url=database.app_url, port=taken.getsockname()[1])
        with pytest.raises(PortTaken) as caught:
            http_server.serve(settings)
        assert caught.value.hint is not None and "ORVANTA_PORT" in caught.value.hint


def test_s08_a_second_listener_of_the_port_fails(server: Server) -> None:
    """Another process of the same user, such as a job without its own user, cannot receive the server's requests."""
    answered = []
    for address, family in (("127.0.0.1", socket.AF_INET), ("0.0.0.0", socket.AF_INET), ("::1", socket.AF_INET6)):
        with socket.socket(family) as second:
            for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
                second.setsockopt(socket.SOL_SOCKET, option, 1)
            with suppress(OSError):
                second.bind((address, server.settings.port))
                second.listen()
                answered.append(address)
    assert answered == []


def test_stopped_server_refuses_connections(database: TestDatabase, tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, database_url=database.app_url, database_direct_url=database.app_url, port=free_port()
    )
    thread = _Thread(settings)
    thread.start()
    thread.ready.wait()
    with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=60) as client:
        assert client.get(f"http://127.0.0.1:{settings.port}/api/version").status_code == 200
    thread.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", settings.port))
