"""Schemas of the management of accounts, members and groups."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.control.actor import Role
from orvanta_platform.db.departures import OwnerlessRow
from orvanta_platform.db.members import InvitationRow
from orvanta_platform.db.tokens import SessionRow
from orvanta_platform.services.access import departures
from orvanta_platform.services.triggers import transfers


class UpdateAccount(msgspec.Struct):
    """Changes of an account; a field that is missing or null does not change."""

    is_super_admin: bool | None = None
    is_devops: bool | None = None
    name: str | None = None


class ChangePassword(msgspec.Struct):
    """The current password and the new one."""

    current_password: str
    password: str


class OwnSession(msgspec.Struct, kw_only=True):
    """A session of the caller."""

    token_prefix: str
    created_at: datetime
    expiration: datetime
    last_used_at: datetime
    current: bool
    """True for the session of this call."""

    last_address: str | UnsetType = UNSET
    """Address of the last recorded use."""


class UpdateMember(msgspec.Struct):
    """Changes of a member; a field that is missing or null does not change."""

    role: Role | None = None
    is_admin: bool | None = None
    operator: bool | None = None
    """True: operator. With `is_admin`, both false: developer. `role` takes precedence."""

    disabled: bool | None = None


class WithdrawInvitation(msgspec.Struct):
    """The address of the invitation to withdraw."""

    email: str


class AcceptInvitation(msgspec.Struct):
    """The workspace to join."""

    workspace_id: str
    username: str | None = None


class DeclineInvitation(msgspec.Struct):
    """The workspace of the invitation."""

    workspace_id: str


class Invitation(msgspec.Struct, kw_only=True):
    """An invitation to a workspace."""

    workspace_id: str
    workspace_name: str
    email: str
    is_admin: bool
    operator: bool
    role: str
    invited_by: str
    created_at: datetime


class ActingItem(msgspec.Struct, kw_only=True):
    """An item that acts for a member or belongs to it."""

    kind: str
    """schedule, http_trigger, flow, script, variable, resource, service_account, automatic_promotion, error_handler."""

    workspace_id: str
    path: str
    """Path of the item, username of the service account, or name of the environment."""


class Departure(msgspec.Struct, kw_only=True):
    """Sessions, tokens, runs and items that end when an account or a member is disabled or removed."""

    sessions: int
    tokens: int
    runs: int
    """Runs in progress, which continue or are cancelled."""

    items: list[ActingItem]
    """Items that act for the member, at most 1000."""

    owned: list[ActingItem]
    """Items below u/<username>/, which remain there unless they are transferred, at most 1000."""

    only_admin_of: list[str]
    """Workspaces without another enabled admin."""


class OwnerlessItem(msgspec.Struct, kw_only=True):
    """An item that acts for a member who was disabled or removed."""

    kind: str
    path: str
    permissioned_as: str
    enabled: bool


AssignedKind = Literal["schedule", "http_trigger", "flow", "script", "service_account", "error_handler"]


class AssignedItem(msgspec.Struct, kw_only=True):
    """An item that acts for a member."""

    kind: AssignedKind
    path: str
    """Path of the item or of what the error handler runs, or username of the service account."""


class TransferItems(msgspec.Struct, kw_only=True):
    """The member whose items are transferred, and their new place."""

    username: str
    """Member, also a former one, whose items at `u/<username>/…` are moved."""

    target: str
    """`u/<username>` of an enabled member, or `f/<folder>`, also with further names."""

    owner: str | None = None
    """New owner of the items in `assigned`: `u/<username>` of an enabled member."""

    assigned: Annotated[list[AssignedItem], msgspec.Meta(max_length=1000)] = []
    """Items that act for the member, with the paths that they have before the transfer. No others are assigned."""

    references: bool = False
    """Allow references in the arguments of schedules, which are read with the rights of the owner."""

    dry_run: bool = False
    """Return the result that the transfer would have, and move nothing."""


class TransferredItem(msgspec.Struct, kw_only=True):
    """An item that was moved."""

    kind: str
    """script, flow, variable, resource, schedule or http_trigger."""

    path: str
    target: str
    """The new path."""


class NotTransferredItem(msgspec.Struct, kw_only=True):
    """An item that remains at its path."""

    kind: str
    path: str
    code: str
    message: str
    """Why it was not moved."""


class ReferringItem(msgspec.Struct, kw_only=True):
    """An item that refers to a moved one."""

    kind: str
    path: str


class Transfer(msgspec.Struct, kw_only=True):
    """Result of a transfer."""

    moved: list[TransferredItem]
    refused: list[NotTransferredItem]
    rewritten: list[ReferringItem]
    """Items in which a path was replaced, with the paths that they had at that time."""

    referring: list[ReferringItem]
    """Scripts and workflows that still refer to a former path, or import it, and have to be changed."""

    more: bool
    """True if there are further items: a transfer moves at most 1000."""


class AssignOwner(msgspec.Struct, kw_only=True):
    """The new owner of an item."""

    kind: AssignedKind
    path: str
    """Path of the item or of what the error handler runs, or username of the service account."""

    owner: str
    """u/<username> of an enabled member."""

    enable: bool = False
    """Enable a schedule, HTTP trigger, error handler or service account as well."""

    references: bool = False
    """Allow runs of a schedule to read references in its arguments with the rights of the new owner."""


def invitation(row: InvitationRow) -> Invitation:
    """Convert an invitation."""
    return Invitation(
        workspace_id=row.workspace,
        workspace_name=row.name,
        email=row.email,
        is_admin=row.role == Role.ADMIN,
        operator=row.role in (Role.OPERATOR, Role.VIEWER),
        role=row.role,
        invited_by=row.invited_by,
        created_at=row.created_at,
    )


def departure(found: departures.Departure) -> Departure:
    """Convert a departure."""
    items, owned = (
        [ActingItem(kind=each.kind, workspace_id=each.workspace, path=each.path) for each in part]
        for part in (found.items, found.owned)
    )
    counts = found.counts
    return Departure(
        sessions=counts.sessions,
        tokens=counts.tokens,
        runs=counts.runs,
        items=items,
        owned=owned,
        only_admin_of=found.only_admin_of,
    )


def transfer(done: transfers.Transfer) -> Transfer:
    """Convert the result of a transfer."""
    return msgspec.convert(msgspec.to_builtins(done), Transfer)


def ownerless(row: OwnerlessRow) -> OwnerlessItem:
    """Convert an item that has no active owner."""
    return OwnerlessItem(kind=row.kind, path=row.path, permissioned_as=row.permissioned_as, enabled=row.enabled)


def own_session(row: SessionRow) -> OwnSession:
    """Convert a session."""
    return OwnSession(
        token_prefix=row.prefix,
        created_at=row.created_at,
        expiration=row.expires_at,
        last_used_at=row.last_used_at,
        current=row.current,
        last_address=row.last_address or UNSET,
    )
