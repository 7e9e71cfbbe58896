"""Members of a workspace: adding, inviting, roles, disabling and removal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.control import audit, invitation_limits, names
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import Target, can, refuse_limited, require
from orvanta_platform.db import accounts, members, service_accounts, workspaces
from orvanta_platform.db.accounts import AccountRow
from orvanta_platform.db.members import InvitationRow, LockedMember
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.service_accounts import ManagedBy
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, LastAdmin, NotFound, RateLimited
from orvanta_platform.services.access import departures, invitation_mail
from orvanta_platform.services.platform import Platform


class MemberChange(msgspec.Struct, frozen=True):
    """Changes of a member; None: unchanged."""

    role: Role | None = None
    disabled: bool | None = None


class SentInvitation(msgspec.Struct, frozen=True):
    """A new invitation."""

    mailed: bool
    """True if a mail was sent to the address."""
    has_account: bool
    """False if single sign-on creates the account at the first login, or, without a mail, somebody has to create it."""


def _target(workspace: str) -> Target:
    return Target(workspace, "member")


async def add(
    platform: Platform,
    actor: Actor,
    workspace: str,
    *,
    email: str,
    username: str | None,
    role: Role,
    is_counted: bool = False,
) -> str:
    """Add an account, or a service account of another workspace, to a workspace; return its username.

    Calls that are refused count as invitations, because they reveal which addresses have an account; superadmins, who
    list the accounts, are exempt. `is_counted`: the caller has counted it (`count_additions`). Raises Forbidden,
    BadRequest, NotFound (no such account), AlreadyExists, Conflict, RateLimited.
    """
    require(actor, "admin", _target(workspace))
    refuse_limited(actor, "add members", bound=True)
    if not is_counted and not actor.super_admin:
        await _count_invitation(platform, actor.email)

    async def write(conn: Connection) -> str:
        chosen = await _insert(conn, workspace, email, username, role)
        if not actor.super_admin:
            await _forgive_invitation(conn, actor.email, email, is_counted=is_counted)
        await members.take_invitation(conn, workspace, email.lower())
        parameters = {"email": email.lower(), "role": role}
        await audit.record(conn, actor, "workspaces.add_user", "Created", chosen, parameters)
        return chosen

    # Another workspace may be stopping what acts for the service account, with its row locked.
    return await platform.db.retrying(write)


async def count_additions(platform: Platform, actor: Actor, workspace: str, addresses: Sequence[str]) -> None:
    """Count members that the actor is about to add, if it may, in transactions of their own.

    An address that the actor tried before, as in a dry run, is not counted again. Raises RateLimited.
    """
    if not addresses or actor.super_admin or not can(actor, "admin", _target(workspace)):
        return
    tried = [invitation_limits.tried_key(actor.email, each) for each in addresses]
    async with platform.db.acquire() as conn:
        known = await accounts.get_attempts(conn, tried, invitation_limits.FORGOTTEN_S)
    for key in tried:
        if not known[key].count:
            await _count_invitation(platform, actor.email, key)


async def _forgive_invitation(conn: Connection, inviter: str, email: str, *, is_counted: bool) -> None:
    """Subtract an address that was added from those that count.

    One that `count_additions` has counted is subtracted once, also if several workspaces add it at the same time.
    """
    tried = invitation_limits.tried_key(inviter, email)
    keys = [invitation_limits.inviter_key(inviter), tried]
    attempts = await accounts.lock_attempts(conn, keys, invitation_limits.FORGOTTEN_S)
    if not is_counted or attempts[tried].count:
        await accounts.forgive_attempts(conn, keys)


async def update(
    platform: Platform, actor: Actor, workspace: str, username: str, change: MemberChange, *, cancel_runs: bool = False
) -> None:
    """Change the role of a member, or disable or enable it.

    Disabling stops everything that acts for the member (see departures); `cancel_runs`: its runs as well. Raises
    Forbidden, NotFound, LastAdmin, BadRequest and Conflict for a service account.
    """
    require(actor, "admin", _target(workspace))
    refuse_limited(actor, "change members", bound=True)

    async def write(conn: Connection) -> list[UUID]:
        row = await _lock(conn, workspace, username)
        runs: list[UUID] = []
        if change.disabled is True or change.role not in (None, Role.ADMIN):
            await _require_other_admin(conn, row)
        if change.role is Role.ADMIN and names.is_service_email(row.email):
            raise BadRequest("A service account cannot be an admin.")
        if change.disabled is False and names.is_service_email(row.email):
            await _require_responsible(conn, row)
        if change.role is not None:
            await members.set_role(conn, workspace, username, change.role)
            if change.role is not Role.ADMIN:
                await members.withdraw_invitations(conn, row.email, workspace)
                runs = await departures.stop_owned(platform, conn, actor, row.email, workspace)
        if change.disabled is not None:
            await members.set_disabled(conn, workspace, username, change.disabled)
        if change.disabled:
            runs = await departures.stop(platform, conn, actor, row.email, workspace, cancel_runs=cancel_runs)
        parameters = {"role": change.role, "disabled": change.disabled, "before": row.role}
        parameters = {name: value for name, value in parameters.items() if value is not None}
        await audit.record(conn, actor, "users.update", "Updated", username, parameters, workspace=workspace)
        return runs

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def remove(platform: Platform, actor: Actor, workspace: str, username: str, *, cancel_runs: bool = False) -> None:
    """Remove a member, its groups and the permissions granted to it, and stop everything that acts for it.

    What the member wrote remains, and no other account gets the username. Raises Forbidden, NotFound, LastAdmin.
    """
    require(actor, "admin", _target(workspace))
    refuse_limited(actor, "remove members", bound=True)

    async def write(conn: Connection) -> list[UUID]:
        row = await _lock(conn, workspace, username)
        if await _is_managed_here(conn, row):
            raise Conflict(f"{row.username} is a service account.", hint="Delete the service account instead.")
        await _require_other_admin(conn, row)
        runs = await departures.stop(platform, conn, actor, row.email, workspace, cancel_runs=cancel_runs)
        await members.remove(conn, row.email, workspace)
        parameters = {"email": row.email, "role": row.role}
        await audit.record(conn, actor, "users.delete", "Delete", username, parameters, workspace=workspace)
        return runs

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def invite(platform: Platform, actor: Actor, workspace: str, *, email: str, role: Role) -> SentInvitation:
    """Invite an address, whose account need not exist yet, to join the workspace with a role, and mail it.

    No mail is sent to an address that cannot log in before somebody creates its account. The invitation ends when its
    author is no longer an admin. One that is refused counts as well, because it reveals the state of an account. Raises
    Forbidden, BadRequest, AlreadyExists, Conflict for a disabled or deleted account, RateLimited.
    """
    require(actor, "admin", _target(workspace))
    refuse_limited(actor, "invite members", bound=True)
    email = names.check_email(email)
    await _count_invitation(platform, actor.email)
    sign_ups = await invitation_mail.list_sign_ups(platform, email)
    async with platform.db.transaction() as conn:
        if await members.is_member(conn, workspace, email):
            raise AlreadyExists(f"{email} is a member of the workspace already.")
        account = await accounts.get(conn, email)
        if account is not None:
            _require_enabled(account)
            sign_ups = []
        can_log_in = account is not None or bool(sign_ups)
        mailed = can_log_in and await _count_mail(conn, email)
        await members.invite(conn, workspace, email, role, actor.email)
        await audit.record(conn, actor, "workspaces.invite_user", "Created", email, {"role": role})
    mailed = mailed and await invitation_mail.send_invitation(platform, actor, workspace, email, sign_ups=sign_ups)
    return SentInvitation(mailed, has_account=account is not None)


async def _count_invitation(platform: Platform, inviter: str, *others: str) -> None:
    """Count an invitation before it is tried, in a transaction of its own: one that is refused counts as well.

    `others`: further keys that are counted. Raises RateLimited.
    """
    key = invitation_limits.inviter_key(inviter)
    async with platform.db.transaction() as conn:
        attempts = await accounts.lock_attempts(conn, [key, *others], invitation_limits.FORGOTTEN_S)
        if wait_s := invitation_limits.wait_of_inviter_s(attempts[key]):
            details = {"retry_after_s": math.ceil(wait_s)}
            raise RateLimited("You invited or added too many addresses.", hint="Try again later.", details=details)
        await accounts.count_attempts(conn, [key, *others], invitation_limits.FORGOTTEN_S)


async def _count_mail(conn: Connection, invited: str) -> bool:
    """Count a mail with an invitation if it may be sent; return whether it may."""
    key = invitation_limits.address_key(invited)
    attempts = await accounts.lock_attempts(conn, [key], invitation_limits.FORGOTTEN_S)
    if not invitation_limits.may_mail(attempts[key]):
        return False
    await accounts.count_attempts(conn, [key], invitation_limits.FORGOTTEN_S)
    return True


async def withdraw_invitation(platform: Platform, actor: Actor, workspace: str, email: str) -> None:
    """Withdraw an invitation. Raises Forbidden, NotFound."""
    require(actor, "admin", _target(workspace))
    async with platform.db.transaction() as conn:
        if await members.take_invitation(conn, workspace, email.lower()) is None:
            raise NotFound(f"{email[:200]} is not invited.")
        await audit.record(conn, actor, "workspaces.delete_invite", "Delete", email.lower())


async def list_invitations(platform: Platform, actor: Actor, workspace: str) -> list[InvitationRow]:
    """Return the invitations of a workspace. Raises Forbidden."""
    require(actor, "admin", _target(workspace))
    async with platform.db.acquire() as conn:
        return await members.list_invitations(conn, workspace)


async def list_own_invitations(platform: Platform, actor: Actor) -> list[InvitationRow]:
    """Return the invitations of the actor. Raises Forbidden for tokens with limits."""
    require(actor, "read", Target(None, "account", created_by=actor.email))
    refuse_limited(actor, "list invitations")
    async with platform.db.acquire() as conn:
        return await members.list_invitations_of(conn, actor.email)


async def accept_invitation(platform: Platform, actor: Actor, workspace: str, username: str | None) -> str:
    """Join a workspace that the actor is invited to; return the username there.

    Another username than that of the account can be chosen only if the latter is taken: folders, approvals and policies
    may name members who have not joined yet. Raises NotFound, Forbidden for tokens with limits, AlreadyExists,
    BadRequest.
    """
    require(actor, "write", Target(None, "account", created_by=actor.email))
    refuse_limited(actor, "accept invitations")
    async with platform.db.transaction() as conn:
        # The author may have invited while losing the role.
        role = await members.accept_invitation(conn, workspace, actor.email)
        if role is None:
            raise _not_invited(workspace)
        await _check_own_choice(conn, workspace, actor.email, username)
        chosen = await _insert(conn, workspace, actor.email, username, Role(role))
        parameters = {"email": actor.email, "role": role}
        await audit.record(conn, actor, "workspaces.accept_invite", "Created", chosen, parameters, workspace=workspace)
    return chosen


async def decline_invitation(platform: Platform, actor: Actor, workspace: str) -> None:
    """Decline an invitation. Raises NotFound, Forbidden for tokens with limits."""
    require(actor, "write", Target(None, "account", created_by=actor.email))
    refuse_limited(actor, "decline invitations")
    async with platform.db.transaction() as conn:
        if await members.take_invitation(conn, workspace, actor.email) is None:
            raise _not_invited(workspace)
        await audit.record(conn, actor, "workspaces.decline_invite", "Delete", actor.email, workspace=workspace)


async def is_owner(platform: Platform, actor: Actor, workspace: str, path: str) -> bool:
    """Return whether the actor owns a path: its own `u/…`, a folder that it owns, or any path as an admin."""
    require(actor, "read", _target(workspace))
    if path.startswith(f"u/{actor.username}/"):
        return True
    folder = names.folder_of(path)
    return actor.role is Role.ADMIN or (
        folder is not None and can(actor, "write", Target(workspace, "folder", f"f/{folder}"))
    )


async def require_owner(conn: Connection, workspace: str, username: str) -> None:
    """Check that the owner of a service account is an active admin. Raises Conflict."""
    if not await service_accounts.has_admin_owner(conn, workspace, username):
        raise Conflict(
            f"The owner of the service account {username} is no longer an admin.",
            hint="Assign another owner: Settings → Service accounts, or `orvanta member assign`.",
        )


async def _insert(conn: Connection, workspace: str, email: str, username: str | None, role: Role) -> str:
    account = await accounts.get(conn, email)
    if account is None or account.deleted_at is not None:
        raise NotFound(
            f"There is no account {email[:200]}.", hint="Invite the address, or ask a superadmin to create it."
        )
    _require_enabled(account)
    managed_by = None
    if names.is_service_email(account.email):
        if role is Role.ADMIN:
            raise BadRequest("A service account cannot be an admin.")
        managed_by = await _require_enabled_at_home(conn, account.email)
    former = await members.get_former_username(conn, workspace, account.email)
    if former is not None and username not in (None, former):
        # Otherwise the account could decide about its own earlier runs under another name.
        raise Conflict(
            f"{account.email} was {former} in the workspace before.", hint=f"Use the username {former} again."
        )
    chosen = username or former or (account.username if managed_by is None else managed_by.username)
    names.check_username(chosen)
    if not await workspaces.add_member(conn, workspace, chosen, account.email, role):
        raise AlreadyExists(
            f"{account.email} is in the workspace already, or the username {chosen} is or was that of another account.",
            hint="Use another username.",
        )
    return chosen


async def _require_responsible(conn: Connection, row: LockedMember) -> None:
    """Check that somebody answers for a service account that is enabled. Raises Conflict."""
    if await _is_managed_here(conn, row):
        await require_owner(conn, row.workspace, row.username)
    else:
        await _require_enabled_at_home(conn, row.email)


async def _require_enabled_at_home(conn: Connection, email: str) -> ManagedBy:
    """Check that a service account is enabled in the workspace that manages it. Raises Conflict."""
    managed_by = await service_accounts.lock_home(conn, email)
    if managed_by is None or managed_by.disabled:
        raise Conflict(
            f"The service account {email} is disabled, or its workspace is archived.",
            hint="An admin of its workspace can enable it.",
        )
    return managed_by


async def _is_managed_here(conn: Connection, row: LockedMember) -> bool:
    """Return whether a member is a service account that this workspace manages, not another one."""
    return await service_accounts.get(conn, row.workspace, row.username) is not None


def _require_enabled(account: AccountRow) -> None:
    """Check that somebody can log in to an account. Raises Conflict."""
    if account.deleted_at is not None:
        raise Conflict(f"The account {account.email} was deleted.", hint="Use another address of this person.")
    if account.disabled:
        raise Conflict(f"The account {account.email} is disabled.", hint="A superadmin can enable it.")


async def _check_own_choice(conn: Connection, workspace: str, email: str, username: str | None) -> None:
    """Check the username under which an account wants to join. Raises BadRequest."""
    account = await accounts.get(conn, email)
    former = await members.get_former_username(conn, workspace, email)
    if username is None or account is None or former is not None or username == account.username:
        return
    if not await workspaces.is_username_taken(conn, workspace, account.username):
        raise BadRequest(
            f"You join as {account.username}.",
            hint="Leave the username out. An admin of the workspace can add you under another one.",
        )


async def _lock(conn: Connection, workspace: str, username: str) -> LockedMember:
    row = await members.lock(conn, workspace, username)
    if row is None:
        raise NotFound(f"The workspace {workspace} has no member {username[:100]}.")
    return row


async def _require_other_admin(conn: Connection, row: LockedMember) -> None:
    if row.role == Role.ADMIN and not await members.has_other_admin(conn, row.workspace, row.username):
        raise LastAdmin(
            f"{row.username} is the last admin of {row.workspace}.", hint="Make another member admin first."
        )


def _not_invited(workspace: str) -> NotFound:
    return NotFound(f"You are not invited to {workspace[:100]}.")


def role_of(role: Role | None, *, is_admin: bool | None, operator: bool | None) -> Role | None:
    """Return the role that a call asks for, by name or by the two flags; None: unchanged. Raises BadRequest."""
    if role is not None or (is_admin is None and operator is None):
        return role
    if is_admin and operator:
        raise BadRequest("A member is either admin or operator.")
    return Role.ADMIN if is_admin else Role.OPERATOR if operator else Role.DEVELOPER
