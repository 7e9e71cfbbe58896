"""Callers of long-lived responses: streams, long polls, downloads, batches, slow uploads.

A service that waits or responds in pieces takes a `LiveActor` and obtains the actor from it before each access to data.
The type enforces this: there is no other way from a `LiveActor` to an `Actor`, and the returned actor is never stale.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control import permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.errors import Conflict, Unauthenticated

T = TypeVar("T")

MAX_AGE_S: float = 1.0
"""Maximum age of an actor used in a permission check."""

_LOST_S = 1.0

Derive = Callable[[float], Awaitable[Actor | None]]
"""Derives the actor from the database, sharing a result that is at most this many seconds old.

Returns None if the token, account or job behind it has ended.
"""


class LiveActor:
    """Actor that is derived again once it is older than MAX_AGE_S."""

    def __init__(self, actor: Actor, derive: Derive, *, derived_at: float, unlimited: bool = False) -> None:
        """Start with an actor. `derived_at` is the monotonic time in seconds, read before `actor` was derived."""
        self._first = actor
        self._actor = actor
        self._derive = derive
        self._at = derived_at
        self._unlimited = unlimited

    def unlimited(self) -> LiveActor:
        """Return the caller without the limits of the token's scopes, for a run that this caller has just started."""
        return LiveActor(self._actor, self._derive, derived_at=self._at, unlimited=True)

    async def current(self) -> Actor:
        """Return the actor, at most MAX_AGE_S old. Raises Unauthenticated once the token has ended."""
        now = clock.monotonic()
        if now - self._at >= MAX_AGE_S:
            # Half of the age is allowed for the shared result, the other half for the copy stored here.
            found = await self._derive(MAX_AGE_S / 2)
            if found is None:
                raise Unauthenticated(
                    "The token is no longer valid.", hint="It was deleted, has expired, or belongs to a finished job."
                )
            self._actor, self._at = self._as_called(found), now - MAX_AGE_S / 2
        return scopes.without_limits(self._actor) if self._unlimited else self._actor

    async def current_with_retry(self) -> Actor:
        """Return the actor like `current`, but wait while the database is unavailable."""
        while True:
            try:
                return await self.current()
            except (*CONNECTION_LOST, *TRANSIENT):
                await asyncio.sleep(_LOST_S)

    async def require_same_rights(self) -> None:
        """Check the caller after a slow body. Raises Unauthenticated, or Conflict if the caller has lost
        rights since.
        """
        actor = await self.current()
        if actor is not self._first and not _has_all_rights(self._first, actor):
            raise Conflict("Your permissions changed while the call was being sent.", hint="Send it again.")

    def _as_called(self, actor: Actor) -> Actor:
        """Return a result shared with other calls of the token, completed with the fields of this call."""
        first = self._first
        return replace(
            actor,
            address=first.address,
            request_id=first.request_id,
            via_query=first.via_query,
            interactive=first.interactive,
        )


def _has_all_rights(before: Actor, now: Actor) -> bool:
    """Return whether `now` has every right of `before`."""
    return (
        (before.email, before.username, before.workspace, before.role, before.scopes)
        == (now.email, now.username, now.workspace, now.role, now.scopes)
        and before.archived >= now.archived
        and before.super_admin <= now.super_admin
        and before.devops <= now.devops
        and before.groups <= now.groups
        and before.folders.read <= now.folders.read
        and before.folders.write <= now.folders.write
        and before.folders.own <= now.folders.own
    )


async def while_permitted(pieces: AsyncIterator[T], caller: LiveActor, action: str, target: Target) -> AsyncIterator[T]:
    """Yield the pieces while the caller may do `action` to `target`. Raises Unauthenticated, NotFound."""
    async for piece in pieces:
        permissions.require(await caller.current_with_retry(), action, target)
        yield piece
