"""HTTP client of all sides: it sends a call over a persistent connection and waits for the response."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

MAX_RUN_S = 600


class WrongAnswer(Exception):
    """A side returned a wrong result, so that its time is meaningless."""


@dataclass(frozen=True, slots=True)
class Call:
    """A POST of JSON to `url`; `expected` is the only right response (None: any with status 2xx)."""

    url: str
    body: Any
    expected: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """One connection, for use by one thread at a time."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=MAX_RUN_S)
        self._connect()

    def time(self, call: Call) -> float:
        """Return the seconds from sending the call to its response. Raises WrongAnswer."""
        return self.ask(call)[0]

    def ask(self, call: Call) -> tuple[float, Any]:
        """Return the seconds, and the JSON of the response. Raises WrongAnswer."""
        body = json.dumps(call.body).encode()
        headers = {"Content-Type": "application/json", **call.headers}
        started = time.perf_counter()
        status, answer = self._send("POST", call.url, body, headers)
        seconds = time.perf_counter() - started
        if not 200 <= status < 300:
            raise WrongAnswer(f"{call.url} answered {status}: {answer[:500].decode(errors='replace')}")
        found = json.loads(answer)
        if call.expected is not None and found != call.expected:
            raise WrongAnswer(f"{call.url} gave {str(found)[:500]}, not {call.expected!r}")
        return seconds, found

    def post(self, url: str, body: Any, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of the response."""
        given = {"Content-Type": "application/json", **headers}
        return self._reconnect_and_send("POST", url, json.dumps(body).encode(), given)

    def get(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of the response."""
        return self._reconnect_and_send("GET", url, None, dict(headers))

    def digest(self, url: str, headers: Mapping[str, str]) -> tuple[int, str]:
        """Return length and SHA-256 of the body of a response, which is read in pieces. Raises WrongAnswer."""
        length, digest = 0, hashlib.sha256()
        for piece in self._pieces(url, headers):
            length += len(piece)
            digest.update(piece)
        return length, digest.hexdigest()

    def lines(self, url: str, headers: Mapping[str, str], width: int) -> int:
        """Return the number of leading lines of a response that are `width` characters long and count up from 0."""
        count, rest = 0, b""
        for piece in self._pieces(url, headers):
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                if len(line) != width or not line.startswith(b"%08d" % count):
                    return count
                count += 1
        return count

    def close(self) -> None:
        self._connection.close()

    def _pieces(self, url: str, headers: Mapping[str, str]) -> Iterator[bytes]:
        self._connection.close()
        self._connect()
        self._connection.request("GET", url, None, dict(headers))
        response = self._connection.getresponse()
        if response.status != 200:
            raise WrongAnswer(f"{url} answered {response.status}: {response.read()[:500].decode(errors='replace')}")
        while piece := response.read(1 << 20):
            yield piece

    def _connect(self) -> None:
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _reconnect_and_send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        """Send over a new connection, since servers close idle ones; for calls that are not timed."""
        self._connection.close()
        self._connect()
        return self._send(method, url, body, headers)

    def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self._connection.request(method, url, body, dict(headers))
        response = self._connection.getresponse()
        return response.status, response.read()
