"""Dependents of an item in the environments that follow that of its workspace, to which its change is promoted."""

from __future__ import annotations

import msgspec

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db import environments
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.errors import Forbidden, NotFound
from orvanta_platform.services.catalog import dependents
from orvanta_platform.services.catalog.dependents import MAX_SECONDS, Dependents, Kind
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases.requests import get_actor_in

_NOT_SEARCHED = Dependents([], 0, 0, 0, truncated=True)


class EnvironmentDependents(msgspec.Struct, frozen=True):
    """Dependents of an item in an environment."""

    environment: EnvironmentRow
    found: Dependents | None
    """None: the item does not exist there, or the actor may not read it."""


class LaterDependents(msgspec.Struct, frozen=True):
    """Dependents of an item in the environments after that of a workspace."""

    environments: list[EnvironmentDependents]
    """In the order of the pipeline."""
    hidden: int
    """Number of further environments, whose workspaces the actor may not read."""


async def list_later(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> LaterDependents:
    """Return the dependents of the item of this kind and path in each environment after that of a workspace.

    Each is searched with the rights that the actor's token has there. After MAX_SECONDS the rest is not searched, and
    counts as truncated. Raises NotFound, RateLimited.
    """
    require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        rows = await environments.list_all(conn, actor.email, every=True)
    own = next((each.position for each in rows if each.workspace == workspace), None)
    found: list[EnvironmentDependents] = []
    hidden, until = 0, clock.monotonic() + MAX_SECONDS
    for row in rows:
        if own is None or row.position <= own:
            continue
        try:
            there = await get_actor_in(platform, actor, row.workspace)
        except NotFound:
            hidden += 1
            continue
        found.append(EnvironmentDependents(row, await _find(platform, there, row.workspace, kind, path, until)))
    return LaterDependents(found, hidden)


async def _find(
    platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str, until: float
) -> Dependents | None:
    if clock.monotonic() > until:
        return _NOT_SEARCHED
    try:
        return await dependents.list_dependents(platform, actor, workspace, kind, path)
    except (NotFound, Forbidden):
        return None
