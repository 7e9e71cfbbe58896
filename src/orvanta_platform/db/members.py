"""Rows of members that change or leave, and of invitations."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("members")


class LockedMember(msgspec.Struct, frozen=True):
    """A member of a locked workspace."""

    workspace: str
    username: str
    email: str
    role: str
    disabled: bool


class InvitationRow(msgspec.Struct, frozen=True):
    """An invitation of an address to a workspace."""

    workspace: str
    name: str
    """Name of the workspace."""
    email: str
    role: str
    invited_by: str
    """E-mail address of the admin who invited."""
    created_at: datetime


async def lock(conn: Connection, workspace: str, username: str) -> LockedMember | None:
    """Return a member, with the workspace locked until the transaction ends; None if there is no such member."""
    row = await conn.fetchrow(_SQL["lock"], workspace, username)
    return LockedMember(**row) if row and row["username"] is not None else None


async def get_former_username(conn: Connection, workspace: str, email: str) -> str | None:
    """Return the last username of an account in a workspace that it has left."""
    found: str | None = await conn.fetchval(_SQL["get_former_username"], workspace, email)
    return found


async def has_other_admin(conn: Connection, workspace: str, username: str) -> bool:
    """Return whether a workspace has an enabled admin other than this member."""
    return bool(await conn.fetchval(_SQL["has_other_admin"], workspace, username))


async def set_role(conn: Connection, workspace: str, username: str, role: str) -> None:
    """Change the role of a member."""
    await conn.execute(_SQL["set_role"], workspace, username, role)


async def set_disabled(conn: Connection, workspace: str, username: str, disabled: bool) -> None:
    """Disable or enable a member."""
    await conn.execute(_SQL["set_disabled"], workspace, username, disabled)


async def remove(conn: Connection, email: str, workspace: str | None) -> None:
    """Remove an account from a workspace (None: all), with its groups, the permissions granted to it, its acceptances
    and its invitations. Its usernames remain reserved.
    """
    await conn.execute(_SQL["lock_leaver"], email, workspace)
    await conn.execute(_SQL["remove_grants"], email, workspace)
    await conn.execute(_SQL["remove"], email, workspace)


async def invite(conn: Connection, workspace: str, email: str, role: str, invited_by: str) -> None:
    """Invite an address to a workspace; a repeated invitation replaces the first."""
    await conn.execute(_SQL["invite"], workspace, email, role, invited_by)


async def is_member(conn: Connection, workspace: str, email: str) -> bool:
    """Return whether an account is a member of a workspace."""
    return bool(await conn.fetchval(_SQL["is_member"], workspace, email))


async def list_invitations(conn: Connection, workspace: str) -> list[InvitationRow]:
    """Return the invitations of a workspace by address."""
    return [InvitationRow(**row) for row in await conn.fetch(_SQL["list_invitations"], workspace)]


async def list_invitations_of(conn: Connection, email: str) -> list[InvitationRow]:
    """Return the invitations of an account by workspace."""
    return [InvitationRow(**row) for row in await conn.fetch(_SQL["list_invitations_of"], email)]


async def take_invitation(conn: Connection, workspace: str, email: str) -> str | None:
    """Delete an invitation and return its role; None if there is none."""
    role: str | None = await conn.fetchval(_SQL["take_invitation"], workspace, email)
    return role


async def accept_invitation(conn: Connection, workspace: str, email: str) -> str | None:
    """Delete an invitation and return its role; None if there is none whose author is still an admin."""
    role: str | None = await conn.fetchval(_SQL["accept_invitation"], workspace, email)
    return role


async def withdraw_invitations(conn: Connection, invited_by: str, workspace: str | None) -> None:
    """Delete the invitations that an account has made, in a workspace (None: all)."""
    await conn.execute(_SQL["withdraw_invitations"], invited_by, workspace)
