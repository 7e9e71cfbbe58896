"""The further jobs of a dedicated process, as sandbox/job.py describes them. Standard library only."""

from __future__ import annotations

import json
import os
import resource
import socket
from collections.abc import Mapping

from orvanta_platform.sandbox.job import RESULT

_CHUNK = 64 << 10


class Jobs:
    """The process's end of the connection. `environment`: what its first job was given."""

    def __init__(self, descriptor: int, environment: Mapping[str, str]) -> None:
        self._connection = socket.socket(fileno=descriptor)
        self._connection.set_inheritable(False)
        self._environment = dict(environment)
        self._encoded = dict(_encoded_environment())
        self._received = b""

    def answer(self, kind: bytes, text: bytes) -> None:
        """Answer the present job."""
        name = b"result" if kind == RESULT else b"error"
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._connection.sendall(b'{"kind":"%b","length":%d,"peak_kb":%d}\n%b' % (name, len(text), peak_kb, text))

    def take(self) -> bytes | None:
        """Wait for the next job, set its environment, give its arguments; None: there are no more."""
        while b"\n" not in self._received:
            data = self._connection.recv(_CHUNK)
            if not data:
                return None
            self._received += data
        line, _, rest = self._received.partition(b"\n")
        head = json.loads(line)
        args = bytearray(rest)
        while len(args) < head["args"]:
            data = self._connection.recv(_CHUNK)
            if not data:
                return None
            args += data
        self._received = b""
        self._set_environment(head["env"])
        return bytes(args)

    def _set_environment(self, changes: Mapping[str, str | None]) -> None:
        if _encoded_environment() != self._encoded:  # what the last job itself changed is undone
            os.environ.clear()
            os.environ.update(self._environment)
        for name, text in changes.items():
            if text is None:
                del self._environment[name], os.environ[name]
            else:
                self._environment[name] = os.environ[name] = text
        self._encoded = dict(_encoded_environment())


def _encoded_environment() -> Mapping[bytes, bytes]:
    """What os.environ keeps, without the decoding of every name and value that a look at it costs."""
    kept: Mapping[bytes, bytes] = vars(os.environ)["_data"]
    return kept
