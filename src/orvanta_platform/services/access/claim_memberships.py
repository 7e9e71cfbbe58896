"""Memberships that follow from groups of an identity provider: of a claim at a login, or by SCIM.

A provider's grants name workspaces and groups. In these, and nowhere else, a login makes the memberships of the account
equal to what its claim grants: it joins, changes role and leaves. A disabled member remains a disabled member.

A grant for a domain only adds members: later changes by admins, including removals, remain.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec
import structlog

from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.identity_providers import ClaimGrant
from orvanta_platform.db import identities, members, workspaces
from orvanta_platform.db.accounts import AccountRow
from orvanta_platform.db.identities import MembershipRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.services.access import departures
from orvanta_platform.services.platform import Platform

_RANK = (Role.ADMIN, Role.DEVELOPER, Role.OPERATOR, Role.VIEWER)

log = structlog.get_logger(__name__)


class _Sync(msgspec.Struct, frozen=True):
    platform: Platform
    conn: Connection
    actor: Actor
    account: AccountRow


async def apply(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    account: AccountRow,
    grants: Sequence[ClaimGrant],
    claimed: Collection[str],
    address: str = "",
) -> list[UUID]:
    """Apply the grants of a provider to an account whose claim has the groups `claimed`, in the caller's transaction.

    `address`: verified e-mail address at the provider; empty: grants for domains do not apply. Returns cancelled runs,
    to be passed to `departures.advance_cancelled` after the commit.
    """
    by_domain = [each for each in grants if not each.claim]
    grants = [each for each in grants if each.claim]
    held = [each for each in grants if each.claim in claimed]
    roles = {each.workspace: _highest(held, each.workspace) for each in held}
    sync = _Sync(platform, conn, actor, account)
    runs: list[UUID] = []
    domain = address.rpartition("@")[2].lower()
    await _join_by_domain(sync, [each for each in by_domain if domain and each.domain == domain])
    managed = sorted({each.workspace for each in grants})
    for row in await identities.list_memberships(conn, account.email, managed):
        runs += await _apply_to(sync, row, roles.get(row.workspace))
    all_groups = {(each.workspace, group) for each in grants for group in each.groups}
    wanted = {(each.workspace, group) for each in held for group in each.groups}
    left = await identities.leave_groups(conn, account.email, all_groups, wanted)
    joined = await identities.join_groups(conn, account.email, wanted)
    subjects = [(workspace, "groups.removeuser", group) for workspace, group in left]
    subjects += [(workspace, "groups.adduser", group) for workspace, group in joined]
    await audit.record_many(conn, actor, subjects, {"username": account.username, "by": "claim"})
    return runs


async def _join_by_domain(sync: _Sync, grants: Sequence[ClaimGrant]) -> None:
    """Join the workspaces of grants for a domain, except those that the account has been a member of."""
    joinable = sorted({each.workspace for each in grants})
    for row in await identities.list_memberships(sync.conn, sync.account.email, joinable):
        former = await members.get_former_username(sync.conn, row.workspace, sync.account.email)
        if row.username is None and former is None:
            await _join(sync, row.workspace, _highest(grants, row.workspace))
            here = [each for each in grants if each.workspace == row.workspace]
            wanted = {(row.workspace, group) for each in here for group in each.groups}
            joined = await identities.join_groups(sync.conn, sync.account.email, wanted)
            subjects = [(workspace, "groups.adduser", group) for workspace, group in joined]
            details = {"username": sync.account.username, "by": "domain"}
            await audit.record_many(sync.conn, sync.actor, subjects, details)


async def _apply_to(sync: _Sync, row: MembershipRow, wanted: Role | None) -> list[UUID]:
    """Make one membership equal to what the claim grants."""
    if row.username is None:
        if wanted is not None:
            await _join(sync, row.workspace, wanted)
        return []
    if wanted == row.role:
        return []
    # The lock serializes changes of the members of the workspace, so that two admins cannot leave at the same time.
    username = row.username
    await members.lock(sync.conn, row.workspace, username)
    # The role may have changed before the lock was obtained.
    found = await identities.list_memberships(sync.conn, sync.account.email, [row.workspace])
    if not found or found[0].username != username or found[0].role == wanted:
        return []
    row = found[0]
    if row.role == Role.ADMIN and not await members.has_other_admin(sync.conn, row.workspace, username):
        log.warning("the last admin keeps its role", workspace=row.workspace, username=username)
        return []
    if wanted is None and row.disabled:
        return []  # otherwise it would be enabled when a later claim lets it join again
    if wanted is None:
        return await _leave(sync, row.workspace, username)
    await members.set_role(sync.conn, row.workspace, username, wanted)
    runs: list[UUID] = []
    if wanted is not Role.ADMIN:
        await members.withdraw_invitations(sync.conn, sync.account.email, row.workspace)
        runs = await departures.stop_owned(sync.platform, sync.conn, sync.actor, sync.account.email, row.workspace)
    await _record(sync, "users.update", "Updated", row.workspace, username, {"role": wanted, "before": row.role})
    return runs


async def _join(sync: _Sync, workspace: str, role: Role) -> None:
    former = await members.get_former_username(sync.conn, workspace, sync.account.email)
    username = former or sync.account.username
    if not await workspaces.add_member(sync.conn, workspace, username, sync.account.email, role):
        log.warning("the username is that of another member", workspace=workspace, username=username)
        return
    await _record(sync, "workspaces.add_user", "Created", workspace, username, {"role": role})


async def _leave(sync: _Sync, workspace: str, username: str) -> list[UUID]:
    email = sync.account.email
    runs = await departures.stop(sync.platform, sync.conn, sync.actor, email, workspace, cancel_runs=False)
    await members.remove(sync.conn, email, workspace)
    await _record(sync, "users.delete", "Delete", workspace, username, {})
    return runs


async def _record(
    sync: _Sync, operation: str, kind: audit.ActionKind, workspace: str, username: str, more: dict[str, str | None]
) -> None:
    parameters = {"email": sync.account.email, "by": "claim", **more}
    await audit.record(sync.conn, sync.actor, operation, kind, username, parameters, workspace=workspace)


def _highest(held: Sequence[ClaimGrant], workspace: str) -> Role:
    return min((each.role for each in held if each.workspace == workspace), key=_RANK.index)
