"""Departures with successors: items get a new owner, and the access of the former one ends, in one transaction.

If a successor is refused, nothing changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal
from uuid import UUID

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import departures as rows
from orvanta_platform.db.notify import DeferredNotifier
from orvanta_platform.db.pool import Connection, JoinedDatabase
from orvanta_platform.services.access import accounts, departures, members
from orvanta_platform.services.access.members import MemberChange
from orvanta_platform.services.access.session import get_actor_in
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.triggers import ownership


class Successor(msgspec.Struct, frozen=True):
    """New owner (u/<username>) of the items that act for somebody who leaves a workspace."""

    owner: str
    references: bool = False
    """Accept references in the arguments of schedules, which runs read with the rights of the new owner."""


async def end_membership(
    platform: Platform,
    actor: Actor,
    workspace: str,
    username: str,
    act: Literal["disable", "remove"],
    successor: Successor | None,
    *,
    cancel_runs: bool,
) -> None:
    """Disable or remove a member after its items have got the successor. Without one, they stop.

    Raises the errors of `members.update` or `members.remove`, and those of `ownership.assign`.
    """
    require(actor, "admin", Target(workspace, "member"))
    refuse_limited(actor, "remove members", bound=True)

    async def end(joined: Platform, conn: Connection) -> list[UUID]:
        row = await members.lock(conn, workspace, username)
        if successor is not None:
            await _assign_all(joined, conn, actor, workspace, row.email, successor)
        if act == "remove":
            return await members.remove_locked(joined, conn, actor, row, cancel_runs=cancel_runs)
        change = MemberChange(disabled=True)
        return await members.update_locked(joined, conn, actor, row, change, cancel_runs=cancel_runs)

    await _end(platform, end)


async def end_account(
    platform: Platform,
    actor: Actor,
    email: str,
    act: Literal["disable", "delete"],
    successors: Mapping[str, Successor],
    *,
    cancel_runs: bool,
) -> None:
    """Disable or delete an account after its items have got the successors of their workspaces. The others stop.

    Raises the errors of `accounts.disable`, and those of `ownership.assign`.
    """
    accounts.require_management(actor, f"{act} accounts")

    async def end(joined: Platform, conn: Connection) -> list[UUID]:
        row = await accounts.lock_leaver(conn, actor, email)
        for workspace, successor in successors.items():
            there = await get_actor_in(joined, actor, workspace)
            await _assign_all(joined, conn, there, workspace, row.email, successor)
        if act == "delete":
            return await accounts.delete_locked(joined, conn, actor, row, cancel_runs=cancel_runs)
        return await accounts.disable_locked(joined, conn, actor, row, cancel_runs=cancel_runs)

    await _end(platform, end)


async def _assign_all(
    joined: Platform, conn: Connection, actor: Actor, workspace: str, email: str, successor: Successor
) -> None:
    """Assign all items of an account in a workspace, each by the rules of its kind."""
    found = await rows.list_stopping(conn, email, workspace, None)
    for each in found.items:
        # A member continues an automatic promotion with the own rights; nobody can assign it to somebody else.
        if each.kind != "automatic_promotion":
            kind = msgspec.convert(each.kind, ownership.Kind)
            await ownership.assign(
                joined,
                actor,
                workspace,
                kind,
                each.path,
                successor.owner,
                enable=False,
                references=successor.references,
            )


async def _end(platform: Platform, end: Callable[[Platform, Connection], Awaitable[list[UUID]]]) -> None:
    """Run `end` in one transaction, with a platform whose use cases are part of it; advance the runs it cancelled."""
    notifier = DeferredNotifier(platform.notify)

    async def write(conn: Connection) -> list[UUID]:
        notifier.clear()
        joined = dataclasses.replace(platform, db=JoinedDatabase(platform.db, conn), notify=notifier)
        return await end(joined, conn)

    runs = await platform.db.retrying(write)
    notifier.release()
    await departures.advance_cancelled(platform, runs)
