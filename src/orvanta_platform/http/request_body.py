"""The body of a request, with a deadline that advances as the body arrives.

Without one, a caller that sends next to nothing holds a connection forever. Only the time counts that the server waits
for the caller, not the time that the application takes for what has arrived.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from litestar.types import Receive

from orvanta_platform import clock
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.errors import BodyTooSlow


@dataclass(frozen=True, slots=True)
class Pace:
    """At any speed for `grace_s` seconds, `rate` bytes a second beyond that, never longer than `longest_s`."""

    grace_s: float
    rate: int
    longest_s: float

    def deadline_s(self, received: int) -> float:
        """Seconds that a body of which so many bytes are there may have been waited for."""
        return min(self.grace_s + received / self.rate, self.longest_s)


class PacedBody:
    """The `receive` of a request whose body keeps the pace. Each call raises BodyTooSlow once it does not.

    Once the body is complete, the caller must still have the rights it was admitted with: raises Unauthenticated or
    Conflict where it has not.
    """

    def __init__(self, receive: Receive, pace: Pace) -> None:
        self._receive = receive
        self._pace = pace
        self._received = 0
        self._waited_s = 0.0
        self._complete = False
        self.caller: LiveActor | None = None

    async def receive(self) -> Any:
        """The next message of the server."""
        if self._complete:
            return await self._receive()
        began = clock.monotonic()
        left = self._pace.deadline_s(self._received) - self._waited_s
        if left <= 0:
            raise self._too_slow()
        try:
            async with asyncio.timeout(left):
                message: Any = await self._receive()
        except TimeoutError:
            raise self._too_slow() from None
        self._waited_s += clock.monotonic() - began
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._complete and self._received and self.caller is not None:
            await self.caller.require_same_rights()
        return message

    def _too_slow(self) -> BodyTooSlow:
        self._complete = True
        return BodyTooSlow(
            "The body comes too slowly.",
            hint="ORVANTA_REQUEST_GRACE_S and ORVANTA_REQUEST_RATE say how fast one must come.",
            details={"bytes": self._received},
        )
