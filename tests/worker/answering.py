"""HTTP server on loopback that records requests and sends the responses of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A received request; names of headers are in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes


def http(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """Return a response; the argument `content_type="text/plain"` sets the header Content-Type."""
    named = {"content_length": str(len(body)), "connection": "close", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Told\r\n{lines}\r\n".encode() + body


@dataclass(slots=True)
class Server:
    """A running server. `answer` returns the bytes of a response, or None to send none."""

    port: int
    answer: Callable[[ReceivedRequest], bytes | None]
    asked: list[ReceivedRequest] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def answering(answer: Callable[[ReceivedRequest], bytes | None]) -> AsyncIterator[Server]:
    """Run a server until the end of the block."""
    writers: list[asyncio.StreamWriter] = []
    server = Server(0, answer)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            server.asked.append(ReceivedRequest(head[0], headers, body))
            server.arrived.set()
            sent = server.answer(server.asked[-1])
            if sent is not None:
                writer.write(sent)
                await writer.drain()
                writer.close()
        except (OSError, asyncio.IncompleteReadError):
            writer.close()

    listening = await asyncio.start_server(connected, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in writers:
            writer.close()
