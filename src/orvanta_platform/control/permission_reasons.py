"""Reasons why an actor may act on an item: the conditions of the permission table that it meets.

`permissions.can` decides. This module explains its decision, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from orvanta_platform.control.actor import Actor, FolderGrant, Role
from orvanta_platform.control.permissions import RULES, Condition, Target, can

Why = Literal["superadmin", "admin", "owner", "folder_owner", "folder", "item"]


class MetCondition(msgspec.Struct, frozen=True):
    """A condition that an actor meets."""

    why: Why
    """The role of the actor, its own path, ownership of the folder, or a permission on the folder or the item."""
    principal: str | None = None
    """`u/<username>` or `g/<group>` by which the actor meets it."""


class PermissionDecision(msgspec.Struct, frozen=True):
    """Decision about an action of an actor, and its reasons."""

    allowed: bool
    reasons: list[MetCondition]
    """Conditions that the actor meets. If it is not allowed, its role is not sufficient."""
    roles: list[str]
    """Roles of which one is required, if the role of the actor is not sufficient; otherwise empty."""


def decide(actor: Actor, action: str, target: Target, folder: FolderGrant | None) -> PermissionDecision:
    """Return whether and why `actor` may do `action`, whose rule is about the path of an item.

    `folder` is the folder of the path; None: it does not exist, or the path is that of a user.
    """
    rule = RULES[target.kind, action]
    lacks_role = actor.role is None or actor.role not in rule.roles
    roles = [role.value for role in Role if role in rule.roles] if lacks_role else []
    return PermissionDecision(can(actor, action, target), list(_reasons(actor, rule.by, target, folder)), roles)


def _reasons(actor: Actor, by: Condition, target: Target, folder: FolderGrant | None) -> Iterator[MetCondition]:
    if actor.role is None:
        return
    if actor.role is Role.ADMIN:
        yield MetCondition("superadmin" if actor.super_admin else "admin")
    if (target.path or "").startswith(f"u/{actor.username}/"):
        yield MetCondition("owner", actor.permissioned_as)
    principals = sorted(actor.principals)
    if folder is not None:
        yield from (MetCondition("folder_owner", each) for each in principals if each in folder.owners)
    if by is Condition.OWN:
        return
    grants = [("item", target.extra_perms)]
    if folder is not None:
        grants.insert(
            0, ("folder", {name: write for name, write in folder.extra_perms.items() if name not in folder.owners})
        )
    for why, perms in grants:
        for each in principals:
            if perms.get(each, False) or (each in perms and by is Condition.READ):
                yield MetCondition("folder" if why == "folder" else "item", each)
