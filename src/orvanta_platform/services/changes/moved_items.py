"""Scripts and workflows that a change set misses, because they were moved to another path."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import structs

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can
from orvanta_platform.db import moves
from orvanta_platform.services.changes.contents import target_of
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.tree.item import Key
from orvanta_platform.workflow.tree.plan import Plan, add_moved_path

MAX_SOUGHT = 500
"""Maximum number of items whose moves are searched for in one call."""

MAX_SECONDS = 5.0
"""Maximum duration of the search of one call."""

_MOVABLE: Final = ("script", "flow")


async def add_moved_paths(platform: Platform, actor: Actor, workspace: str, found: Plan) -> Plan:
    """Return a plan with the present paths of the items that were moved, of those that the actor may read."""
    absent = [each for each in found.entries if each.present is None and each.kind in _MOVABLE]
    gone = [each.key for each in absent if each.action == "conflict" or each.wanted is None]
    targets = await find_moved(platform, actor, workspace, gone)
    entries = [add_moved_path(each, targets[each.key]) if each.key in targets else each for each in found.entries]
    return structs.replace(found, entries=tuple(entries))


async def find_moved(platform: Platform, actor: Actor, workspace: str, keys: Sequence[Key]) -> Mapping[Key, str]:
    """Return the paths to which missing scripts and workflows were moved, of those that the actor may read.

    The actor must be permitted to read at the former paths as well: the answer shows that the items existed. At most
    MAX_SOUGHT keys are searched for; a search that takes too long finds nothing.
    """
    sought = [key for key in keys if can(actor, "read", target_of(workspace, key))][:MAX_SOUGHT]
    if not sought:
        return {}
    try:
        async with asyncio.timeout(MAX_SECONDS), platform.db.acquire() as conn:
            rows = await moves.list_targets(conn, workspace, sought)
    except TimeoutError:
        return {}
    return {
        ("flow" if row.kind == "flow" else "script", row.origin): row.path
        for row in rows
        if can(actor, "read", Target(workspace, row.kind, row.path, row.created_by, row.extra_perms))
    }
