"""Accounts of the instance and members of workspaces."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import audit, limits, names, passwords
from orvanta_platform.control.actor import (
    Actor,
    FolderAccess,
    FolderGrant,
    Role,
    folder_access,
    principals_of,
)
from orvanta_platform.control.instance_settings import MIN_PASSWORD_LENGTH
from orvanta_platform.control.permissions import Target, can, refuse_limited, require
from orvanta_platform.db import accounts, folders, members, workspaces
from orvanta_platform.db.accounts import AccountRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.workspaces import MemberRow
from orvanta_platform.errors import AlreadyExists, BadRequest, NotFound, Unauthenticated
from orvanta_platform.services.access import invitation_mail, one_time_links
from orvanta_platform.services.platform import Platform


class Member(msgspec.Struct, frozen=True):
    """A member and the folders it can access. A superadmin need not be a member and acts as an admin."""

    row: MemberRow
    folders: FolderAccess

    @property
    def role(self) -> Role:
        """Role in the workspace."""
        return Role.ADMIN if self.row.super_admin else Role(self.row.role)


class NewAccount(msgspec.Struct, frozen=True):
    """An account to create."""

    email: str
    password: str | None = None
    """None: the account cannot log in with a password."""
    username: str | None = None
    """None: derived from the address."""
    name: str | None = None
    super_admin: bool = False
    devops: bool = False


async def whoami(platform: Platform, actor: Actor) -> AccountRow:
    """Return the actor's own account, whatever the scopes of its token."""
    require(actor, "whoami", Target(None, "account", created_by=actor.email))
    async with platform.db.acquire() as conn:
        account = await accounts.get(conn, actor.email)
    if account is None:
        raise Unauthenticated("The account no longer exists.")
    return account


async def create(platform: Platform, actor: Actor, new: NewAccount, *, link: bool = False) -> str | None:
    """Add an account. `link`: mail a one-time link by which its owner chooses the password, or return it if no mail
    was sent.

    Raises Forbidden, BadRequest (address, password), AlreadyExists.
    """
    require(actor, "create_account", Target(None, "instance"))
    # A new account can accept invitations to its address, also as an admin.
    refuse_limited(actor, "create accounts")
    if link and new.password is not None:
        raise BadRequest("An account gets either a password or a link.")
    stored = (
        None
        if new.password is None
        else await passwords.make(new.password, await platform.instance.get(MIN_PASSWORD_LENGTH))
    )
    async with platform.db.transaction() as conn:
        await add_account(conn, actor, replace(new, password=None), stored)
        if not link:
            return None
        email = new.email.lower()
        made = await one_time_links.create(conn, platform.settings, email, one_time_links.INVITATION_S)
        invited_to = [each.workspace for each in await members.list_invitations_of(conn, email)]
    sent = await invitation_mail.send_link(platform, actor, email, made, created=True, invited_to=invited_to)
    return None if sent else made


async def add_account(conn: Connection, actor: Actor, new: NewAccount, password_hash: str | None) -> str:
    """Add an account in the caller's transaction and return its username. The caller has checked permissions."""
    email = names.check_email(new.email)
    limits.check_line("A name", new.name)
    username = new.username or await _free_username(conn, email)
    names.check_username(username)
    added = await accounts.insert(
        conn,
        email,
        username,
        name=new.name,
        password_hash=password_hash,
        super_admin=new.super_admin,
        devops=new.devops,
    )
    if not added:
        raise AlreadyExists(f"The address {email} or the username {username} is taken.")
    parameters = {"username": username, "super_admin": new.super_admin, "devops": new.devops}
    await audit.record_instance(conn, actor, "users.create", "Created", email, parameters)
    return username


async def list_accounts(
    platform: Platform, actor: Actor, *, after: str, limit: int, offset: int, deleted: bool = False
) -> list[AccountRow]:
    """Return all accounts, for superadmins and devops only. `deleted`: with deleted ones."""
    require(actor, "list_accounts", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        return await accounts.list_page(conn, after=after, limit=limit, offset=offset, deleted=deleted)


async def whoami_in(platform: Platform, actor: Actor, workspace: str) -> Member:
    """Return the actor as a member, without its folders if the token may not read members.

    A superadmin who is not a member is shown as an admin.
    """
    require(actor, "whoami", Target(workspace, "member"))
    async with platform.db.acquire() as conn:
        row = await workspaces.get_member(conn, workspace, actor.username)
        account = await accounts.get(conn, actor.email)
        if account is None:
            raise Unauthenticated("The account no longer exists.")
        if row is None:
            row = MemberRow(
                workspace, actor.username, actor.email, Role.ADMIN, False, account.created_at, account.name, True, []
            )
        if not can(actor, "read", Target(workspace, "member")):
            return Member(row, folder_access(principals_of(row.username, row.groups), []))
        return (await _members(conn, workspace, [row]))[0]


async def get_member(platform: Platform, actor: Actor, workspace: str, username: str) -> Member:
    """Return a member. Raises NotFound."""
    require(actor, "read", Target(workspace, "member"))
    async with platform.db.acquire() as conn:
        row = await workspaces.get_member(conn, workspace, username)
        if row is None:
            raise NotFound(f"The workspace {workspace} has no member {username}.")
        return (await _members(conn, workspace, [row]))[0]


async def list_members(
    platform: Platform, actor: Actor, workspace: str, *, after: str = "", limit: int, offset: int = 0
) -> list[Member]:
    """Return a page of the members by username."""
    require(actor, "read", Target(workspace, "member"))
    async with platform.db.acquire() as conn:
        rows = await workspaces.list_members(conn, workspace, after=after, limit=limit, offset=offset)
        return await _members(conn, workspace, rows)


async def _members(conn: Connection, workspace: str, rows: Sequence[MemberRow]) -> list[Member]:
    """Add the folders that the members can access. Reads only the grants of these members: a folder may have many."""
    principals = {row.username: principals_of(row.username, row.groups) for row in rows}
    found = await folders.list_grants(conn, workspace, sorted(frozenset().union(*principals.values())))
    grants = [FolderGrant(each.name, frozenset(each.owners), each.extra_perms) for each in found]
    return [Member(row, folder_access(principals[row.username], grants)) for row in rows]


async def _free_username(conn: Connection, email: str) -> str:
    """Derive an unused username from an address: `ada.l@example.org` becomes ada_l, then ada_l2, …"""
    base = re.sub(r"[^a-z0-9_-]+", "_", email.partition("@")[0]).strip("_") or "user"
    username, number = base[:90], 1
    while username in names.RESERVED_USERNAMES or await accounts.is_username_taken(conn, username):
        number += 1
        username = f"{base[:90]}{number}"
    return username
