"""Accounts and groups that a SCIM client manages. It never changes superadmins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from uuid import UUID

import msgspec

from orvanta_platform.control import audit, limits
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import SCIM_GRANTS
from orvanta_platform.db import accounts as account_rows
from orvanta_platform.db import scim
from orvanta_platform.db.accounts import AccountRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.scim import Matching, ScimGroupRow, ScimUserRow
from orvanta_platform.errors import AlreadyExists, BadRequest, Forbidden, NotFound
from orvanta_platform.services.access import accounts, claim_memberships, departures
from orvanta_platform.services.access.scim_tokens import require_client
from orvanta_platform.services.access.users import NewAccount, add_account
from orvanta_platform.services.platform import Platform

MAX_MEMBERS = 10_000
"""Maximum number of members of a group."""

MAX_LISTED_MEMBERS = 10_000
"""Maximum number of members of all groups of a page, which ends after the group that exceeds it."""

MAX_NAME_LENGTH = 255
"""Maximum length of the name of a group, and of an external identifier."""


class UserValues(msgspec.Struct, frozen=True):
    """Properties of an account that a client sets."""

    name: str | None
    external_id: str | None
    active: bool | None
    """None: unchanged; a new account is active."""


class GroupValues(msgspec.Struct, frozen=True):
    """Properties of a group that a client sets."""

    name: str
    external_id: str | None
    members: Sequence[UUID]


class Group(msgspec.Struct, frozen=True):
    """A group with its members."""

    row: ScimGroupRow
    members: list[UUID]
    """Empty if they were not requested."""


async def get_user(platform: Platform, actor: Actor, user: UUID) -> ScimUserRow:
    """Return an account. Raises NotFound."""
    require_client(actor)
    async with platform.db.acquire() as conn:
        found = await scim.list_users(conn, Matching(user), limit=1)
    if not found:
        raise _no_user(user)
    return found[0]


async def list_users(
    platform: Platform, actor: Actor, where: Matching, *, limit: int, offset: int
) -> list[ScimUserRow]:
    """Return accounts of people, oldest first."""
    require_client(actor)
    async with platform.db.acquire() as conn:
        return await scim.list_users(conn, where, limit=limit, offset=offset)


async def create_user(platform: Platform, actor: Actor, email: str, values: UserValues) -> UUID:
    """Add an account without a password. Raises BadRequest, AlreadyExists."""
    require_client(actor)
    _check_lines(values)
    async with platform.db.transaction() as conn:
        await add_account(conn, actor, NewAccount(email, name=values.name), None)
        await scim.update_user(conn, email.lower(), values.name, values.external_id)
        if values.external_id is not None:
            parameters = {"external_id": values.external_id}
            await audit.record_instance(conn, actor, "users.update", "Updated", email.lower(), parameters)
        if values.active is False:
            await account_rows.set_disabled(conn, email.lower(), True, by_scim=True)
            await audit.record_instance(conn, actor, "users.disable", "Updated", email.lower())
        return (await scim.list_users(conn, Matching(name=email.lower()), limit=1))[0].id


async def update_user(
    platform: Platform, actor: Actor, user: UUID, change: Callable[[ScimUserRow], UserValues]
) -> None:
    """Change an account; if it becomes inactive, it is disabled with everything that acts for it.

    An account that a superadmin has disabled remains inactive: clients send `active` with every change.

    `change` returns the new values from the current ones, which no other call changes meanwhile. Raises NotFound,
    Forbidden for superadmins, and the errors of `change`.
    """
    email = (await _changeable(platform, actor, user)).email

    async def write(conn: Connection) -> list[UUID]:
        account = await accounts.lock(conn, email)
        found = await scim.list_users(conn, Matching(user), limit=1)
        if not found:
            raise _no_user(user)
        row = found[0]
        _refuse_superadmin(row)
        values = change(row)
        _check_lines(values)
        runs: list[UUID] = []
        if values.active is True and row.disabled_by_scim:
            await accounts.enable_locked(conn, actor, account)
        if values.active is False and not row.disabled:
            runs = await accounts.disable_locked(platform, conn, actor, account, by_scim=True)
        if (values.name, values.external_id) != (row.name, row.external_id):
            await scim.update_user(conn, email, values.name, values.external_id)
            parameters = {"name": values.name, "external_id": values.external_id}
            await audit.record_instance(conn, actor, "users.update", "Updated", email, parameters)
        return runs

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def delete_user(platform: Platform, actor: Actor, user: UUID) -> None:
    """Delete an account with everything that acts for it. Raises NotFound, Forbidden for superadmins."""
    email = (await _changeable(platform, actor, user)).email

    async def write(conn: Connection) -> list[UUID]:
        account = await accounts.lock(conn, email)
        _refuse_superadmin(account)
        return await accounts.delete_locked(platform, conn, actor, account)

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def _changeable(platform: Platform, actor: Actor, user: UUID) -> ScimUserRow:
    row = await get_user(platform, actor, user)
    _refuse_superadmin(row)
    return row


def _refuse_superadmin(row: ScimUserRow | AccountRow) -> None:
    if row.super_admin:
        raise Forbidden("SCIM clients do not change superadmins.", hint="Another superadmin can.")


def _no_user(user: UUID) -> NotFound:
    return NotFound(f"There is no user {user}.")


async def get_group(platform: Platform, actor: Actor, group: UUID, *, members: bool = True) -> Group:
    """Return a group, without its members unless `members`. Raises NotFound."""
    found = await list_groups(platform, actor, Matching(group), limit=1, offset=0, members=members)
    if not found:
        raise _no_group(group)
    return found[0]


async def list_groups(
    platform: Platform, actor: Actor, where: Matching, *, limit: int, offset: int, members: bool = True
) -> list[Group]:
    """Return groups, oldest first; with their members, fewer than `limit` if these have MAX_LISTED_MEMBERS."""
    require_client(actor)
    async with platform.db.acquire() as conn:
        rows = await scim.list_groups(conn, where, limit=limit, offset=offset)
        return await _with_members(conn, rows) if members else [Group(row, []) for row in rows]


async def _with_members(conn: Connection, rows: Sequence[ScimGroupRow]) -> list[Group]:
    """Return groups with their members, up to the one that exceeds the limit of a page, but at least one."""
    counts = await scim.count_members(conn, [row.id for row in rows])
    totals = accumulate(counts.get(row.id, 0) for row in rows)
    listed = [row for row, total in zip(rows, totals, strict=True) if total <= MAX_LISTED_MEMBERS] or rows[:1]
    members = await scim.list_members(conn, [row.id for row in listed])
    return [Group(row, members.get(row.id, [])) for row in listed]


async def _lock_group(conn: Connection, group: UUID) -> Group:
    """Return a group, which no other call changes until the transaction ends. Raises NotFound."""
    if not await scim.lock_group(conn, group):
        raise _no_group(group)
    return (await _with_members(conn, await scim.list_groups(conn, Matching(group), limit=1)))[0]


def _no_group(group: UUID) -> NotFound:
    return NotFound(f"There is no group {group}.")


async def create_group(platform: Platform, actor: Actor, values: GroupValues) -> UUID:
    """Add a group. Raises BadRequest, AlreadyExists."""
    require_client(actor)
    _check_group(values)

    async def write(conn: Connection) -> tuple[UUID, list[UUID]]:
        group = await scim.insert_group(conn, values.name, values.external_id)
        if group is None:
            raise _name_taken(values.name)
        runs = await _set_members(platform, conn, actor, group, values, values.name)
        await _audit(conn, actor, "scim.group.create", "Created", values)
        return group, runs

    group, runs = await platform.db.retrying(write)
    await departures.advance_cancelled(platform, runs)
    return group


async def update_group(platform: Platform, actor: Actor, group: UUID, change: Callable[[Group], GroupValues]) -> None:
    """Replace a group, and apply the memberships that follow.

    `change` returns the new values from the current ones, which no other call changes meanwhile. Raises NotFound,
    BadRequest, AlreadyExists, and the errors of `change`.
    """
    require_client(actor)

    async def write(conn: Connection) -> list[UUID]:
        before = await _lock_group(conn, group)
        values = change(before)
        _check_group(values)
        if not await scim.update_group(conn, group, values.name, values.external_id):
            raise _name_taken(values.name)
        runs = await _set_members(platform, conn, actor, group, values, before.row.display_name)
        await _audit(conn, actor, "scim.group.update", "Updated", values)
        return runs

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def delete_group(platform: Platform, actor: Actor, group: UUID) -> None:
    """Delete a group, and apply the memberships that follow. Raises NotFound."""
    require_client(actor)

    async def write(conn: Connection) -> list[UUID]:
        row = (await _lock_group(conn, group)).row
        values = GroupValues(row.display_name, row.external_id, [])
        runs = await _set_members(platform, conn, actor, group, values, values.name)
        await scim.delete_group(conn, group)
        await _audit(conn, actor, "scim.group.delete", "Delete", values)
        return runs

    await departures.advance_cancelled(platform, await platform.db.retrying(write))


async def _set_members(
    platform: Platform, conn: Connection, actor: Actor, group: UUID, values: GroupValues, old_name: str
) -> list[UUID]:
    """Set the members of a group, and the memberships of those who joined or left, or of all if it was renamed.

    Superadmins keep their memberships. Return cancelled runs.
    """
    wanted = sorted(set(values.members))
    if await scim.count_users(conn, wanted) != len(wanted):
        raise BadRequest("A member of the group does not exist.")
    affected = await scim.set_members(conn, group, wanted)
    if old_name != values.name:
        affected |= await scim.list_addresses(conn, group)
    grants = await platform.instance.get(SCIM_GRANTS)
    if not any(each.claim in (old_name, values.name) for each in grants):
        return []
    held = await scim.list_groups_of(conn, sorted(affected))
    runs: list[UUID] = []
    for email in sorted(affected):
        account = await account_rows.lock(conn, email)
        if account is not None and account.deleted_at is None and not account.super_admin:
            runs += await claim_memberships.apply(platform, conn, actor, account, grants, held.get(email, []))
    return runs


def _check_lines(values: UserValues | GroupValues) -> None:
    limits.check_line("A name", values.name)
    limits.check_line("An external identifier", values.external_id)


def _check_group(values: GroupValues) -> None:
    _check_lines(values)
    if not 0 < len(values.name) <= MAX_NAME_LENGTH:
        raise BadRequest(f"The name of a group has 1 to {MAX_NAME_LENGTH} characters.")
    hint = "Split the group."
    limits.check_count("Members of a group", len(values.members), MAX_MEMBERS, hint=hint)


def _name_taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"There is a group {name[:100]} already.")


async def _audit(conn: Connection, actor: Actor, operation: str, kind: audit.ActionKind, values: GroupValues) -> None:
    await audit.record_instance(conn, actor, operation, kind, values.name, {"members": len(values.members)})
