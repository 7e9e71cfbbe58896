"""Request bodies with a deadline that advances as the body arrives.

Without a deadline, a very slow client could hold a connection forever. Only the time that the server waits for the
client counts, not the time that the application takes to process the data.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar.types import Receive

from orvanta_platform import clock
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.errors import BodyTooSlow


class Pace(msgspec.Struct, frozen=True):
    """Required speed of a request body."""

    grace_s: float
    """Seconds during which any speed is accepted."""

    rate: int
    """Average bytes per second required afterwards."""

    longest_s: float
    """Maximum total time, in seconds."""

    def deadline_s(self, received: int) -> float:
        """Return the maximum waiting time, in seconds, for a body of which `received` bytes have arrived."""
        return min(self.grace_s + received / self.rate, self.longest_s)


class PacedBody:
    """The `receive` function of a request, with a deadline for its body.

    Raises BodyTooSlow after the deadline. When the body is complete, raises Unauthenticated or Conflict if the caller
    has lost rights since it was admitted.
    """

    def __init__(self, receive: Receive, pace: Pace) -> None:
        self._receive = receive
        self._pace = pace
        self._received = 0
        self._waited_s = 0.0
        self._complete = False
        self.caller: LiveActor | None = None

    async def receive(self) -> Any:
        """Return the next message from the server."""
        if self._complete:
            return await self._receive()
        started = clock.monotonic()
        left = self._pace.deadline_s(self._received) - self._waited_s
        if left <= 0:
            raise self._too_slow()
        try:
            async with asyncio.timeout(left):
                message: Any = await self._receive()
        except TimeoutError:
            raise self._too_slow() from None
        self._waited_s += clock.monotonic() - started
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._complete and self._received and self.caller is not None:
            await self.caller.require_same_rights()
        return message

    def _too_slow(self) -> BodyTooSlow:
        self._complete = True
        return BodyTooSlow(
            "The body arrives too slowly.",
            hint="ORVANTA_REQUEST_GRACE_S and ORVANTA_REQUEST_RATE set the required speed.",
            details={"bytes": self._received},
        )
