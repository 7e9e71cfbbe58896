"""Slow requests: bodies and headers sent byte by byte, and idle connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.test_server import Server, _Thread
from tests.ports import free_port

from orvanta_platform import clock
from orvanta_platform.errors import BodyTooSlow
from orvanta_platform.http.request_body import Pace, PacedBody
from orvanta_platform.settings import Settings

PATIENCE_S = 30.0
"""Timeout in seconds; a connection that is still open then counts as not closed."""
GRACE_S = 1


@pytest.fixture
def server(database: TestDatabase, tmp_path: Path) -> Iterator[Server]:
    settings = Settings(
        home=tmp_path,
        database_url=database.app_url,
        database_direct_url=database.app_url,
        port=free_port(),
        request_grace_s=GRACE_S,
        request_rate=100,
    )
    thread = _Thread(settings)
    thread.start()
    thread.ready.wait()
    with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=60) as client:
        assert client.get(f"http://127.0.0.1:{settings.port}/api/version").status_code == 200
    yield Server(settings, (tmp_path / "token").read_text().strip())
    thread.stop()


def until_closed(server: Server, sent: bytes) -> bytes:
    """Send these bytes and return the response once the server has closed the connection, or raise TimeoutError."""
    with socket.create_connection(("127.0.0.1", server.settings.port), timeout=PATIENCE_S) as connection:
        connection.sendall(sent)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize("call", ["/api/w/main/jobs/run/preview", "/api/auth/login", "/api/w/main/scripts/create"])
@pytest.mark.parametrize("framing", ["Content-Length: 1000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\n"])
def test_stalled_body_is_answered_and_closed(server: Server, call: str, framing: str) -> None:
    head = (
        f"POST {call} HTTP/1.1\r\nHost: orvanta\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {server.token}\r\n{framing}"
    )
    answer = until_closed(server, head.encode() + b'{"a"')
    assert answer.startswith(b"HTTP/1.1 408 ") and b"body_too_slow" in answer


@pytest.mark.parametrize(
    "sent", [b"", b"PRI * HT", b"GET /api/version HTTP/1.1\r\nHo", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_connection_without_a_request_is_closed(server: Server, sent: bytes) -> None:
    until_closed(server, sent)


def test_slow_but_steady_body_is_accepted(server: Server) -> None:
    def pieces() -> Iterator[bytes]:
        began = time.monotonic()
        yield b'{"content": "echo 1", "language": "bash", "args": {"a": "'
        while time.monotonic() - began < 2 * GRACE_S:
            threading.Event().wait(0.05)
            yield b"x" * 50
        yield b'"}}'

    headers = {"Authorization": f"Bearer {server.token}"}
    url = f"{server.address}/api/w/main/jobs/run/preview"
    assert httpx.post(url, content=pieces(), headers=headers, timeout=PATIENCE_S).status_code == 201


class Slow:
    """A caller who sends each piece after `gap_s` seconds of the process's clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, gap_s: float, size: int) -> None:
        self._gap_s, self._size, self._now = gap_s, size, 0.0
        monkeypatch.setattr(clock, "monotonic", lambda: self._now)

    async def receive(self) -> Any:
        self._now += self._gap_s
        return {"type": "http.request", "body": b"x" * self._size, "more_body": True}

    def wait(self, seconds: float) -> None:
        """Simulate slow processing in the application."""
        self._now += seconds


async def pieces_of(body: PacedBody, most: int, slow: Slow | None = None) -> int:
    for number in range(most):
        try:
            await body.receive()
        except BodyTooSlow:
            return number
        if slow is not None:
            slow.wait(1000)
    return most


@pytest.mark.parametrize(
    ("gap_s", "size", "expected"),
    [(1, 100, 500), (1, 101, 500), (1, 0, 10), (1, 50, 20), (30, 0, 1), (5, 500, 121)],
)
async def test_deadline_advances_with_received_bytes(
    monkeypatch: pytest.MonkeyPatch, gap_s: float, size: int, expected: int
) -> None:
    """The limits are a rate of 100 bytes per second after ten seconds, and 600 seconds in total."""
    body = PacedBody(Slow(monkeypatch, gap_s, size).receive, Pace(10, 100, 600))
    assert abs(await pieces_of(body, 500) - expected) <= 1


async def test_application_time_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow(monkeypatch, 1, 100)
    assert await pieces_of(PacedBody(slow.receive, Pace(10, 100, 600)), 200, slow) == 200


async def test_complete_body_has_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the body used its whole time, the caller may wait for the response for hours and then disconnect."""
    messages: list[Any] = [{"type": "http.request", "body": b"x", "more_body": False}, {"type": "http.disconnect"}]
    now = 0.0

    async def receive() -> Any:
        nonlocal now
        now += 600
        return messages.pop(0)

    monkeypatch.setattr(clock, "monotonic", lambda: now)
    body = PacedBody(receive, Pace(10, 100, 600))
    assert (await body.receive())["body"] == b"x"
    assert (await body.receive())["type"] == "http.disconnect"
