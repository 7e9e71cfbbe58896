"""Departures: what stops when an account is disabled or deleted, or when a member is disabled or removed.

Everything that acts for the account ends in the transaction that ends its access. Runs in progress continue without the
rights of the account, or are cancelled if the caller asks for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.db import accounts, departures, members, service_accounts, tokens, workspaces
from orvanta_platform.db.departures import ActingItem, Counts
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import IdentityDisabled, NotFound
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.advance import advance_all
from orvanta_platform.reasons import TEXTS
from orvanta_platform.services.platform import Platform

REASON = IdentityDisabled.code
_LISTED = 1000


class Departure(msgspec.Struct, frozen=True):
    """Sessions, tokens, runs and items that end when an account or a member leaves."""

    counts: Counts
    items: list[ActingItem]
    """Items that act for the account; the first 1000."""
    owned: list[ActingItem]
    """Items at paths below u/<username>/, which remain there unless they are transferred; the first 1000."""
    only_admin_of: list[str]
    """Workspaces without another enabled admin."""


async def preview_account(platform: Platform, actor: Actor, email: str) -> Departure:
    """Return what stops in all workspaces when an account is disabled or deleted. Raises Forbidden, NotFound."""
    require(actor, "manage_accounts", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        account = await accounts.get(conn, email)
        if account is None or account.deleted_at is not None:
            raise NotFound(f"There is no account {email[:200]}.")
        return await _read(conn, account.email, None)


async def preview_member(platform: Platform, actor: Actor, workspace: str, username: str) -> Departure:
    """Return what stops in a workspace when a member is disabled or removed. Raises Forbidden, NotFound."""
    require(actor, "admin", Target(workspace, "member"))
    async with platform.db.acquire() as conn:
        row = await workspaces.get_member(conn, workspace, username)
        if row is None:
            raise NotFound(f"The workspace {workspace} has no member {username[:100]}.")
        return await _read(conn, row.email, workspace)


async def _read(conn: Connection, email: str, workspace: str | None) -> Departure:
    items = await departures.list_stopping(conn, email, workspace, _LISTED)
    owned = await departures.list_owned(conn, email, workspace, _LISTED)
    only = await departures.list_only_admin(conn, email, workspace)
    return Departure(await departures.count(conn, email, workspace), items, owned, only)


async def stop(
    platform: Platform, conn: Connection, actor: Actor, email: str, workspace: str | None, *, cancel_runs: bool
) -> list[UUID]:
    """Stop everything that acts for an account in a workspace (None: in all), in the caller's transaction.

    A service account that ends in the workspace that manages it is disabled in the others, and its tokens are deleted.
    `cancel_runs`: cancel its runs; otherwise they continue. Returns the cancelled runs, to be passed to
    `advance_cancelled` after the commit. The caller has checked permissions and ends the access itself.
    """
    elsewhere: list[tuple[str, str]] = []
    if names.is_service_email(email) and workspace == await service_accounts.get_home(conn, email):
        await tokens.delete_of_account(conn, email)
        elsewhere = await service_accounts.disable_elsewhere(conn, email)
        workspace = None
    text = TEXTS[REASON]
    stopped = await departures.stop(conn, email, workspace, text)
    if workspace is not None:
        await departures.delete_tokens(conn, email, workspace)
    await members.withdraw_invitations(conn, email, workspace)
    subjects: list[tuple[str, str, str | None]] = [
        (each.workspace, f"{each.kind}s.stop", each.path) for each in stopped
    ]
    subjects += [(each, "service_accounts.stop", username) for each, username in elsewhere]
    runs = []
    if cancel_runs:
        runs = await departures.cancel_runs(
            conn,
            email,
            workspace,
            by=actor.username,
            reason=REASON,
            event=inbox.write(inbox.CancelRun()),
            grace_s=platform.settings.cancel_grace_ms / 1000,
        )
        subjects += [(each.workspace, "jobs.cancel", each.path) for each in runs]
    await audit.record_many(conn, actor, subjects, {"reason": REASON, "email": email})
    owned = await stop_owned(platform, conn, actor, email, workspace, cancel_runs=cancel_runs)
    return [*(each.id for each in runs), *owned]


async def stop_owned(
    platform: Platform, conn: Connection, actor: Actor, email: str, workspace: str | None, *, cancel_runs: bool = False
) -> list[UUID]:
    """Stop the service accounts that an account owns in a workspace (None: in all), like `stop`.

    An owner who is no longer an admin cannot be responsible for them.
    """
    owned = await departures.stop_service_accounts(conn, email, workspace)
    subjects: list[tuple[str, str, str | None]] = [
        (each.workspace, "service_accounts.stop", each.path) for each, _ in owned
    ]
    await audit.record_many(conn, actor, subjects, {"reason": REASON, "email": email})
    cancelled: list[UUID] = []
    for each, address in owned:
        cancelled += await stop(platform, conn, actor, address, each.workspace, cancel_runs=cancel_runs)
    return cancelled


async def stop_owned_without_admin(platform: Platform, conn: Connection, actor: Actor, email: str) -> list[UUID]:
    """Stop the service accounts that a former superadmin owns in workspaces where it is not an enabled admin."""
    cancelled: list[UUID] = []
    for workspace in await departures.list_without_admin(conn, email):
        cancelled += await stop_owned(platform, conn, actor, email, workspace)
    return cancelled


async def advance_cancelled(platform: Platform, runs: Sequence[UUID]) -> None:
    """End the runs that `stop` has cancelled. If this is interrupted, the sweep and the timers of the runs do it."""
    for run in runs:
        platform.notify.cancelled(run)
    await advance_all(platform.tools, runs)
