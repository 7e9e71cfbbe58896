"""A bound on what a database sends: the driver keeps a whole row, and a whole answer, before anybody sees it."""

from __future__ import annotations

import asyncio
from typing import Any


class Meter(asyncio.Protocol):
    """Stands between a connection and its driver, and ends the connection that sends more than is allowed.

    `allow` says how many bytes may come until it is called again.
    """

    def __init__(self, connection: Any) -> None:
        self._transport = connection._transport
        self._inner = self._transport.get_protocol()
        self._left = 0
        self.is_over = False
        self._transport.set_protocol(self)

    def allow(self, size: int) -> None:
        """From now on."""
        self._left = size

    def forgive(self, size: int) -> None:
        """So many of the bytes that came are kept by nobody."""
        self._left += size

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.is_over = True
            self._transport.abort()
        elif not self.is_over:
            self._inner.data_received(data)

    def eof_received(self) -> Any:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
