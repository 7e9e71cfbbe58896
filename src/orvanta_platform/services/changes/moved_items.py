"""Scripts and workflows that a change set misses, because they were moved to another path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import structs

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can
from orvanta_platform.db import moves
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.tree.item import Key
from orvanta_platform.workflow.tree.plan import Plan, with_move

_MOVABLE: Final = ("script", "flow")


async def with_moves(platform: Platform, actor: Actor, workspace: str, found: Plan) -> Plan:
    """Return a plan with the present paths of the items that were moved, of those that the actor may read."""
    absent = [each for each in found.entries if each.present is None and each.kind in _MOVABLE]
    gone = [each.key for each in absent if each.action == "conflict" or each.wanted is None]
    targets = await find_moved(platform, actor, workspace, gone)
    entries = [with_move(each, targets[each.key]) if each.key in targets else each for each in found.entries]
    return structs.replace(found, entries=tuple(entries))


async def find_moved(platform: Platform, actor: Actor, workspace: str, keys: Sequence[Key]) -> Mapping[Key, str]:
    """Return the paths to which missing scripts and workflows were moved, of those that the actor may read."""
    if not keys:
        return {}
    async with platform.db.acquire() as conn:
        rows = await moves.list_targets(conn, workspace, keys)
    return {
        ("flow" if row.kind == "flow" else "script", row.origin): row.path
        for row in rows
        if can(actor, "read", Target(workspace, row.kind, row.path, row.created_by, row.extra_perms))
    }
