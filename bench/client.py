"""The client of every side: it sends a call over a kept connection and waits for the answer."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

LONGEST_S = 600


class WrongAnswer(Exception):
    """A side answered something else than the right result: its time means nothing."""


@dataclass(frozen=True, slots=True)
class Call:
    """A POST of JSON to `url`; `expected` is the only right answer (None: any 2xx is)."""

    url: str
    body: Any
    expected: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """One connection. Not for several threads at a time."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=LONGEST_S)
        self._connect()

    def time(self, call: Call) -> float:
        """Seconds from sending the call to having its answer. Raises WrongAnswer."""
        return self.ask(call)[0]

    def ask(self, call: Call) -> tuple[float, Any]:
        """The same, with the answer's JSON."""
        body = json.dumps(call.body).encode()
        headers = {"Content-Type": "application/json", **call.headers}
        began = time.perf_counter()
        status, answer = self._send("POST", call.url, body, headers)
        seconds = time.perf_counter() - began
        if not 200 <= status < 300:
            raise WrongAnswer(f"{call.url} answered {status}: {answer[:500].decode(errors='replace')}")
        found = json.loads(answer)
        if call.expected is not None and found != call.expected:
            raise WrongAnswer(f"{call.url} gave {str(found)[:500]}, not {call.expected!r}")
        return seconds, found

    def post(self, url: str, body: Any, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        given = {"Content-Type": "application/json", **headers}
        return self._send_afresh("POST", url, json.dumps(body).encode(), given)

    def get(self, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        return self._send_afresh("GET", url, None, dict(headers))

    def close(self) -> None:
        self._connection.close()

    def _connect(self) -> None:
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _send_afresh(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Not timed: over a new connection, since servers close one that was quiet for long."""
        self._connection.close()
        self._connect()
        return self._send(method, url, body, headers)

    def _send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self._connection.request(method, url, body, dict(headers))
        response = self._connection.getresponse()
        return response.status, response.read()
