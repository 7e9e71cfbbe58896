"""Client that sends a body and reads a response in pieces, at the pace of the test."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx
from litestar.types import ASGIApp

PATIENCE_S = 60.0
"""Timeout of every wait, in seconds."""


class Reader:
    """One request to the application, created by `read`."""

    def __init__(self, app: ASGIApp, client: httpx.AsyncClient, method: str, url: str, body: Sequence[bytes]) -> None:
        self.began = asyncio.Event()
        """Set when the first bytes of the response have been sent."""
        self.resume = asyncio.Event()
        """Set to read beyond the first bytes of the response and to send the last piece of the body."""
        self.waits = asyncio.Event()
        """Set when the application waits for the last piece of the body."""
        self.status = 0
        self.complete = False
        """The response has been received completely."""
        self._over = asyncio.Event()
        self._received = bytearray()
        self._body = list(body)
        self._in_pieces = len(body) > 1
        self._app = app
        self._scope = _scope(client, method, url)
        self._task = asyncio.create_task(self._run())

    @property
    def text(self) -> str:
        """Return the text of the response received so far."""
        return self._received.decode("utf-8", "replace")

    async def until_begun(self) -> None:
        """Wait for the first bytes of the response or its end."""
        began = asyncio.create_task(self.began.wait())
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([began, self._task], return_when=asyncio.FIRST_COMPLETED)
        began.cancel()

    async def until_ended(self) -> None:
        """Read until the server has finished the request."""
        self.resume.set()
        async with asyncio.timeout(PATIENCE_S):
            await self._task

    async def _run(self) -> None:
        await self._app(self._scope, self._receive, self._send)  # type: ignore[arg-type]

    async def _receive(self) -> dict[str, Any]:
        if not self._body:
            await self._over.wait()
            return {"type": "http.disconnect"}
        piece = self._body.pop(0)
        if self._body:
            return {"type": "http.request", "body": piece, "more_body": True}
        if self._in_pieces:
            self.waits.set()
            await self.resume.wait()
        return {"type": "http.request", "body": piece, "more_body": False}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self._received += message.get("body", b"")
        if not message.get("more_body", False):
            self.complete = True
            self._over.set()
        if message.get("body"):
            self.began.set()
            await self.resume.wait()


def read(app: ASGIApp, client: httpx.AsyncClient, url: str, *body: bytes, method: str = "GET") -> Reader:
    """Start a request with the headers of `client`. If the body has several pieces, the last one waits for `resume`."""
    return Reader(app, client, method, url, body or [b""])


def _scope(client: httpx.AsyncClient, method: str, url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    headers = [(name.lower().encode(), value.encode()) for name, value in client.headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "root_path": "",
        "query_string": parts.query.encode(),
        "headers": [*headers, (b"host", b"orvanta"), (b"x-workspace", b"main")],
        "client": ("127.0.0.1", 1),
        "server": ("orvanta", 80),
    }
