"""Later jobs of a dedicated process, received as described in sandbox/job.py. Standard library only."""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from collections.abc import Mapping
from os import putenv

from orvanta_platform.sandbox.job import RESULT

_CHUNK = 64 << 10
_ENCODING = sys.getfilesystemencoding()


class Jobs:
    """The process's end of the connection. `environment` is that of its first job."""

    def __init__(self, descriptor: int, environment: Mapping[str, str]) -> None:
        self._connection = socket.socket(fileno=descriptor)
        self._connection.set_inheritable(False)
        self._environment = dict(environment)
        self._environ = os.environ
        self._encoded = dict(self._encoded_environment())
        self._received = b""

    def answer(self, kind: bytes, text: bytes) -> None:
        """Answer the current job."""
        name = b"result" if kind == RESULT else b"error"
        peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._connection.sendall(b'{"kind":"%b","length":%d,"peak_kb":%d}\n%b' % (name, len(text), peak_kb, text))

    def take(self) -> bytes | None:
        """Wait for the next job, set its environment and return its arguments; None if there are no more jobs."""
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
        os.environ = self._environ  # noqa: B003 - the script may have replaced it
        encoded = self._encoded_environment()
        if encoded != self._encoded:  # undo the changes made by the last job itself
            os.environ.clear()
            os.environ.update(self._environment)
        for name, text in changes.items():
            if text is None:
                del self._environment[name], os.environ[name]
                continue
            self._environment[name] = text
            # Assigning to os.environ takes four times as long: several variables change with every job.
            key, value = name.encode(_ENCODING, "surrogateescape"), text.encode(_ENCODING, "surrogateescape")
            putenv(key, value)
            encoded[key] = value
        self._encoded = dict(encoded)

    def _encoded_environment(self) -> dict[bytes, bytes]:
        """Return the data of os.environ, in which names and values are encoded."""
        data: dict[bytes, bytes] = vars(self._environ)["_data"]
        return data
