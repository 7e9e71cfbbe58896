"""Schemas of permissions."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.control.permission_reasons import PermissionDecision
from orvanta_platform.services.access.acls import MemberAccess


class AddPermission(msgspec.Struct, kw_only=True):
    """A permission to grant."""

    owner: str
    """Member (`u/<username>`) or group (`g/<name>`)."""

    write: bool = False
    """True: read and write; false: read, and run a workflow or script."""


class RemovePermission(msgspec.Struct, kw_only=True):
    """A permission to remove."""

    owner: str
    """Member (`u/<username>`) or group (`g/<name>`)."""


class PermissionReason(msgspec.Struct, kw_only=True):
    """A condition that a member meets."""

    why: str
    """superadmin, admin, owner (the path is below the member's `u/…`), folder_owner, folder or item (a permission)."""

    principal: str | UnsetType = UNSET
    """`u/<username>` or `g/<group>` by which the member meets it."""


class ActionAccess(msgspec.Struct, kw_only=True):
    """Decision about an action of a member, and its reasons."""

    allowed: bool
    reasons: list[PermissionReason]
    """Conditions that the member meets."""

    requires_roles: list[str] | UnsetType = UNSET
    """Roles of which one is required, if the role of the member is not sufficient."""


class AccessOfMember(msgspec.Struct, kw_only=True):
    """Actions that a member may perform on an item or folder."""

    username: str
    email: str
    role: str
    disabled: bool
    read: ActionAccess
    write: ActionAccess
    """Write the item; for a folder, the items in it."""

    share: ActionAccess
    """Change permissions."""

    run: ActionAccess | UnsetType = UNSET
    """Run the workflow or script."""


def access_of_member(row: MemberAccess) -> AccessOfMember:
    """Convert the access of a member."""
    actions = {name: _action(decision) for name, decision in row.actions.items()}
    member = row.member.row
    return AccessOfMember(
        username=member.username,
        email=member.email,
        role=row.member.role,
        disabled=member.disabled or member.account_disabled,
        read=actions["read"],
        write=actions["write"],
        share=actions["share"],
        run=actions.get("run", UNSET),
    )


def _action(decision: PermissionDecision) -> ActionAccess:
    return ActionAccess(
        allowed=decision.allowed,
        reasons=[PermissionReason(why=each.why, principal=each.principal or UNSET) for each in decision.reasons],
        requires_roles=decision.roles or UNSET,
    )
