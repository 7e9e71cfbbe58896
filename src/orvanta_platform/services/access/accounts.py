"""Management of accounts by superadmins: roles, disabling, deletion, and new passwords."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.control import audit, instance_settings, limits, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import BREAK_GLASS_ACCOUNT
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import accounts, members, tokens, totp
from orvanta_platform.db.accounts import AccountRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, Conflict, LastAdmin, NotFound
from orvanta_platform.services.access import departures, invitation_mail, one_time_links
from orvanta_platform.services.platform import Platform

_INSTANCE = Target(None, "instance")


class AccountChange(msgspec.Struct, frozen=True):
    """Changes of an account; None: unchanged."""

    name: str | None = None
    super_admin: bool | None = None
    devops: bool | None = None


async def update(platform: Platform, actor: Actor, email: str, change: AccountChange) -> None:
    """Change the name or the roles of an account. Raises Forbidden, NotFound, Conflict, LastAdmin."""
    _require_management(actor, "change accounts")
    limits.check_line("A name", change.name)

    async def write(conn: Connection) -> list[UUID]:
        row = await lock(conn, email)
        runs: list[UUID] = []
        if change.super_admin or change.devops:
            _refuse_service_account(row)
        if row.disabled and (change.super_admin or change.devops):
            raise Conflict(f"The account {row.email} is disabled.", hint="Enable it before it gets a role.")
        if change.super_admin is False:
            await _require_other_superadmin(conn, row)
            await _refuse_break_glass(conn, row)
            # A superadmin may have invited people to workspaces without being their admin.
            await members.withdraw_invitations(conn, row.email, None)
            runs = await departures.stop_owned_without_admin(platform, conn, actor, row.email)
        await accounts.update(conn, row.email, name=change.name, super_admin=change.super_admin, devops=change.devops)
        parameters = {"super_admin": change.super_admin, "devops": change.devops, "name": change.name}
        parameters = {name: value for name, value in parameters.items() if value is not None}
        await audit.record_instance(conn, actor, "users.update", "Updated", row.email, parameters)
        return runs

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def disable(platform: Platform, actor: Actor, email: str, *, cancel_runs: bool = False) -> None:
    """Disable an account: its tokens, its sessions and everything that acts for it (see departures) end immediately.

    `cancel_runs`: its runs as well. Raises Forbidden, NotFound, BadRequest, LastAdmin.
    """
    _require_management(actor, "disable accounts")

    async def write(conn: Connection) -> list[UUID]:
        row = await _lock_leaver(conn, actor, email)
        return await disable_locked(platform, conn, actor, row, cancel_runs=cancel_runs)

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def disable_locked(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    row: AccountRow,
    *,
    cancel_runs: bool = False,
    by_scim: bool = False,
) -> list[UUID]:
    """Disable an account that the transaction has locked. Return cancelled runs. The caller has checked permissions.

    `by_scim`: a SCIM client, which may enable it again, disables it.
    """
    await accounts.set_disabled(conn, row.email, True, by_scim=by_scim)
    await tokens.delete_of_account(conn, row.email)
    runs = await departures.stop(platform, conn, actor, row.email, None, cancel_runs=cancel_runs)
    parameters = {"runs": "cancel" if cancel_runs else "continue"}
    await audit.record_instance(conn, actor, "users.disable", "Updated", row.email, parameters)
    return runs


async def enable(platform: Platform, actor: Actor, email: str) -> None:
    """Enable an account. Tokens, sessions and everything else that was stopped do not return.

    Raises Forbidden, NotFound.
    """
    _require_management(actor, "enable accounts")
    async with platform.db.transaction() as conn:
        await enable_locked(conn, actor, await lock(conn, email))


async def enable_locked(conn: Connection, actor: Actor, row: AccountRow) -> None:
    """Enable an account that the transaction has locked. The caller has checked permissions."""
    if row.disabled:
        # A token may have been created while the account was being disabled.
        await tokens.delete_of_account(conn, row.email)
    await accounts.set_disabled(conn, row.email, False)
    await audit.record_instance(conn, actor, "users.enable", "Updated", row.email)


async def delete(platform: Platform, actor: Actor, email: str, *, cancel_runs: bool = False) -> None:
    """Delete an account: everything that disabling ends, its roles, its password and its memberships.

    What it wrote remains, and nobody else gets its address or its username. Raises the errors of `disable`.
    """
    _require_management(actor, "delete accounts")

    async def write(conn: Connection) -> list[UUID]:
        row = await _lock_leaver(conn, actor, email)
        return await delete_locked(platform, conn, actor, row, cancel_runs=cancel_runs)

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def delete_locked(
    platform: Platform, conn: Connection, actor: Actor, row: AccountRow, *, cancel_runs: bool = False
) -> list[UUID]:
    """Delete an account that the transaction has locked. Return cancelled runs. The caller has checked permissions."""
    await tokens.delete_of_account(conn, row.email)
    runs = await departures.stop(platform, conn, actor, row.email, None, cancel_runs=cancel_runs)
    await members.remove(conn, row.email, None)
    await totp.delete(conn, row.email)
    await accounts.delete(conn, row.email)
    parameters = {"username": row.username, "runs": "cancel" if cancel_runs else "continue"}
    await audit.record_instance(conn, actor, "users.delete", "Delete", row.email, parameters)
    return runs


async def reset_password(platform: Platform, actor: Actor, email: str) -> str | None:
    """Remove the password of an account, end its sessions, and mail a one-time link that sets a new one to its owner.

    Returns the link if no mail was sent.

    API tokens remain valid. Raises Forbidden, NotFound, BadRequest, Conflict if the account is disabled.
    """
    _require_management(actor, "reset passwords")
    async with platform.db.transaction() as conn:
        row = await lock(conn, email)
        _refuse_self(actor, row)
        _refuse_service_account(row)
        await _refuse_break_glass(conn, row)
        if row.disabled:
            raise Conflict(f"The account {row.email} is disabled.", hint="Enable it before it gets a password.")
        await accounts.clear_password(conn, row.email)
        await tokens.delete_sessions(conn, row.email)
        await tokens.delete_links(conn, row.email)
        link = await one_time_links.create(conn, platform.settings, row.email, one_time_links.INVITATION_S)
        await audit.record_instance(conn, actor, "users.reset_password", "Updated", row.email)
    return None if await invitation_mail.send_link(platform, actor, row.email, link, created=False) else link


async def reset_totp(platform: Platform, actor: Actor, email: str) -> None:
    """Remove the authenticator of an account, whose owner has lost the device, and end its sessions.

    Raises Forbidden, NotFound, BadRequest for the own account, Conflict if there is no authenticator.
    """
    _require_management(actor, "reset two-step logins")
    async with platform.db.transaction() as conn:
        row = await lock(conn, email)
        _refuse_self(actor, row)
        if not await totp.delete(conn, row.email):
            raise Conflict(f"The account {row.email} has no two-step login.")
        await tokens.delete_sessions(conn, row.email)
        await audit.record_instance(conn, actor, "users.totp.reset", "Updated", row.email)


def _require_management(actor: Actor, doing: str) -> None:
    require(actor, "manage_accounts", _INSTANCE)
    refuse_limited(actor, doing)


async def lock(conn: Connection, email: str) -> AccountRow:
    """Return an account, locked. Changes of accounts are serialized, so that two superadmins cannot remove each other.

    Raises NotFound, also for a deleted account.
    """
    await accounts.lock_roles(conn)
    row = await accounts.lock(conn, email)
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no account {email[:200]}.")
    return row


async def _lock_leaver(conn: Connection, actor: Actor, email: str) -> AccountRow:
    """Return an account that may be disabled or deleted, locked. Raises NotFound, BadRequest, LastAdmin, Conflict."""
    row = await lock(conn, email)
    _refuse_self(actor, row)
    await _require_other_superadmin(conn, row)
    await _refuse_break_glass(conn, row)
    return row


def _refuse_service_account(row: AccountRow) -> None:
    if names.is_service_email(row.email):
        raise Conflict(f"{row.email} is a service account, which has neither a password nor roles of the instance.")


def _refuse_self(actor: Actor, row: AccountRow) -> None:
    if row.email == actor.email:
        raise BadRequest("You cannot do this to your own account.", hint="Another superadmin can.")


async def _refuse_break_glass(conn: Connection, row: AccountRow) -> None:
    """Refuse to take the only way to log in with a password: nobody could, while the provider is not available."""
    if (await instance_settings.read_plain(conn, BREAK_GLASS_ACCOUNT) or "").lower() == row.email:
        raise Conflict(
            f"{row.email} is the only account that can log in with a password.",
            hint="Set the setting break_glass_account to another superadmin first.",
        )


async def _require_other_superadmin(conn: Connection, row: AccountRow) -> None:
    if row.super_admin and not await accounts.has_other_superadmin(conn, row.email):
        raise LastAdmin(f"{row.email} is the last superadmin.", hint="Make another account superadmin first.")
