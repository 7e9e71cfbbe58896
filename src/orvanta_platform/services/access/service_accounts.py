"""Service accounts: members of a workspace for programs, without a password.

Admins of the workspace that manages a service account create it and its tokens, which have scopes and an expiry. A
service account has no session, is never an admin, and does not decide about approvals. It is stopped when the admin who
owns it leaves. Admins of other workspaces can add it as a member, with a role there: they manage this membership, not
the account and its tokens.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.control import audit, identity, limits, names
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import accounts, members, service_accounts, tokens, workspaces
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.service_accounts import ServiceAccountRow
from orvanta_platform.errors import AlreadyExists, BadRequest, Conflict, NotFound
from orvanta_platform.services.access import departures
from orvanta_platform.services.access.members import require_owner
from orvanta_platform.services.access.tokens import NewToken, check_new, max_age_days_of
from orvanta_platform.services.platform import Platform


class NewServiceAccount(msgspec.Struct, frozen=True):
    """A service account to create."""

    username: str
    role: Role = Role.OPERATOR
    summary: str | None = None


async def list_page(
    platform: Platform, actor: Actor, workspace: str, *, after: str, limit: int, offset: int
) -> list[ServiceAccountRow]:
    """Return a page of the service accounts by username. Raises NotFound, Forbidden."""
    require(actor, "admin", Target(workspace, "member"))
    async with platform.db.acquire() as conn:
        return await service_accounts.list_page(conn, workspace, after=after, limit=limit, offset=offset)


async def create(platform: Platform, actor: Actor, workspace: str, new: NewServiceAccount) -> None:
    """Create a service account that the actor owns. Raises NotFound, Forbidden, BadRequest, AlreadyExists."""
    _require_management(actor, workspace)
    names.check_username(new.username)
    limits.check_text("A summary", new.summary)
    if new.role is Role.ADMIN:
        raise BadRequest("A service account cannot be an admin.")
    email = names.service_email(workspace, new.username)
    async with platform.db.transaction() as conn:
        # The dot keeps the name apart from the usernames of people.
        added = await service_accounts.insert_account(conn, email, f"{workspace}.{new.username}")
        if not added or not await workspaces.add_member(conn, workspace, new.username, email, new.role):
            raise AlreadyExists(f"The username {new.username} is or was that of another account.")
        await service_accounts.insert(conn, email, workspace, new.username, summary=new.summary, owner=actor.email)
        parameters = {"role": new.role}
        await audit.record(conn, actor, "service_accounts.create", "Created", new.username, parameters)


async def create_token(platform: Platform, actor: Actor, workspace: str, username: str, new: NewToken) -> str:
    """Create a token of a service account, and return it.

    It is valid in this workspace, or, if `new` names none, in all of which the service account is a member. Raises
    NotFound, Forbidden, BadRequest (no scopes or no expiry), Conflict (a disabled service account).
    """
    _require_management(actor, workspace)
    if new.workspace is None:
        refuse_limited(actor, "create tokens for all workspaces")
    email = actor.email if new.workspace is not None else names.service_email(workspace, username)
    new = check_new(new, await max_age_days_of(platform, email, new.workspace))
    if not new.scopes or new.expires_at is None:
        raise BadRequest("A token of a service account needs scopes and an expiration.")
    token = names.new_token("user")
    prefix = names.token_prefix(token)
    async with platform.db.transaction() as conn:
        row = await _lock(conn, workspace, username)
        if row.disabled:
            raise Conflict(f"The service account {username} is disabled.", hint="Enable it first.")
        await tokens.insert(
            conn,
            names.token_hash(token),
            prefix,
            "user",
            row.email,
            workspace=new.workspace,
            label=new.label,
            scopes=new.scopes,
            expires_at=new.expires_at,
            issued_by=actor.email,
        )
        parameters = {"label": new.label, "scopes": new.scopes, "token_prefix": prefix, "workspace": new.workspace}
        await audit.record(conn, actor, "service_accounts.create_token", "Created", username, parameters)
    return token


async def set_enabled(platform: Platform, actor: Actor, workspace: str, username: str, *, enabled: bool) -> None:
    """Enable a service account, or disable it, which deletes its tokens and stops what acts for it.

    Raises NotFound, Forbidden, Conflict (an owner who is no longer an admin).
    """
    _require_management(actor, workspace)

    async def write(conn: Connection) -> list[UUID]:
        row = await _lock(conn, workspace, username)
        runs: list[UUID] = []
        if enabled:
            await require_owner(conn, workspace, username)
        await members.set_disabled(conn, workspace, username, not enabled)
        if not enabled:
            runs = await departures.stop(platform, conn, actor, row.email, workspace, cancel_runs=False)
        operation = "service_accounts.enable" if enabled else "service_accounts.disable"
        await audit.record(conn, actor, operation, "Updated", username)
        return runs

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def delete(platform: Platform, actor: Actor, workspace: str, username: str) -> None:
    """Delete a service account with its tokens, and stop what acts for it. Its username remains reserved.

    Raises NotFound, Forbidden.
    """
    _require_management(actor, workspace)

    async def write(conn: Connection) -> list[UUID]:
        return await _delete(platform, conn, actor, workspace, await _lock(conn, workspace, username))

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def delete_shared(platform: Platform, conn: Connection, actor: Actor, workspace: str) -> None:
    """Delete the service accounts that are or were members of other workspaces, before their workspace is deleted.

    Their usernames remain reserved in the other workspaces. The caller has checked permissions.
    """
    for username in await service_accounts.list_shared(conn, workspace):
        await _delete(platform, conn, actor, workspace, await _lock(conn, workspace, username))


async def set_owner(
    conn: Connection, actor: Actor, workspace: str, username: str, owner: str, email: str, *, enable: bool
) -> None:
    """Assign a service account to another admin (u/<username>, `email`), and enable it if requested.

    Its tokens end, because the former owner may know them. Part of the caller's transaction. Raises NotFound,
    Forbidden, BadRequest.
    """
    _require_management(actor, workspace)
    row = await _lock(conn, workspace, username)
    found = await identity.actor_of_run(conn, workspace, owner, email)
    if found is None or found.role is not Role.ADMIN or names.is_service_email(email):
        raise BadRequest(f"{owner} is no admin of the workspace.", hint="Admins own service accounts.")
    if owner != f"u/{row.owner}":
        await tokens.delete_of_account(conn, row.email)
    await service_accounts.set_owner(conn, workspace, username, email)
    if enable:
        await members.set_disabled(conn, workspace, username, False)


async def _delete(
    platform: Platform, conn: Connection, actor: Actor, workspace: str, row: ServiceAccountRow
) -> list[UUID]:
    runs = await departures.stop(platform, conn, actor, row.email, workspace, cancel_runs=False)
    await members.remove(conn, row.email, None)
    await accounts.delete(conn, row.email)
    await audit.record(conn, actor, "service_accounts.delete", "Delete", row.username, workspace=workspace)
    return runs


def _require_management(actor: Actor, workspace: str) -> None:
    require(actor, "admin", Target(workspace, "member"))
    refuse_limited(actor, "manage service accounts", bound=True)


async def _lock(conn: Connection, workspace: str, username: str) -> ServiceAccountRow:
    await members.lock(conn, workspace, username)
    row = await service_accounts.get(conn, workspace, username)
    if row is None:
        raise NotFound(f"There is no service account {username[:100]}.")
    return row
