"""Limit for the data that a database sends. The driver buffers a whole row, and a whole response, before it returns."""

from __future__ import annotations

import asyncio
from typing import Any


class Meter(asyncio.Protocol):
    """Protocol between a connection and its driver that closes the connection if it receives more than allowed.

    `allow` sets the number of bytes that may arrive until it is called again.
    """

    def __init__(self, connection: Any) -> None:
        self._transport = connection._transport
        self._inner = self._transport.get_protocol()
        self._left = 0
        self.is_over = False
        self._transport.set_protocol(self)

    def allow(self, size: int) -> None:
        """Set the number of bytes that may arrive from now on."""
        self._left = size

    def credit(self, size: int) -> None:
        """Credit received bytes that are no longer buffered."""
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
