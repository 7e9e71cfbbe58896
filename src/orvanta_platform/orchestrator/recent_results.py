"""Results that take long to compute, by the digests of what they are computed from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

MAX_BYTES: Final = 16 << 20
"""Maximum size of the results that a process remembers."""

_ENTRY_BYTES: Final = 200
"""Overhead of a result in addition to its bytes."""


class RecentResults:
    """Recent results as bytes, of which those that were used longest ago are forgotten first. Threads share it."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._results: OrderedDict[bytes, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: bytes) -> bytes | None:
        """Return a result; None if it is not remembered."""
        with self._lock:
            found = self._results.get(key)
            if found is not None:
                self._results.move_to_end(key)
            return found

    def put(self, key: bytes, result: bytes) -> None:
        """Remember a result, unless it takes more than half of the room."""
        if len(result) > self._limit // 2:
            return
        with self._lock:
            if key in self._results:
                return
            self._results[key] = result
            self._size += len(result) + _ENTRY_BYTES
            while self._size > self._limit:
                _, dropped = self._results.popitem(last=False)
                self._size -= len(dropped) + _ENTRY_BYTES
