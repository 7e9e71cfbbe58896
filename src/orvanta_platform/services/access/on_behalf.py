"""Runs that act for a member other than the one who starts them, and the right to request that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from orvanta_platform.control import identity, scopes
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import DEPLOYERS
from orvanta_platform.db import workspaces
from orvanta_platform.db.http_triggers import HttpTriggerRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import VersionRow
from orvanta_platform.db.schedules import ScheduleRow
from orvanta_platform.errors import BadRequest, Forbidden, IdentityDisabled
from orvanta_platform.orchestrator import interpolation
from orvanta_platform.orchestrator.interpolation import Interpolation, Vault, holds_references

Trigger = ScheduleRow | HttpTriggerRow

KEY = "on_behalf_of_email"
"""Setting of a version: the e-mail address of the member that its runs act for."""


def may_name_others(actor: Actor) -> bool:
    """Return whether the actor may configure runs that act for others. Admins and deployers may."""
    return actor.role is Role.ADMIN or DEPLOYERS in actor.groups


def may_choose(actor: Actor, permissioned_as: str, limits: Sequence[str] | None) -> bool:
    """Return whether the actor may choose values and conditions of a run, which are evaluated with the rights of the
    run.

    `limits`: scopes of the run, which must not be wider than those of the actor's token.
    """
    same = actor.permissioned_as == permissioned_as or actor.role is Role.ADMIN or actor.super_admin
    return same and scopes.covers(actor.scopes, limits)


def require_choice(actor: Actor, permissioned_as: str, limits: Sequence[str] | None) -> None:
    """Raise Forbidden unless `may_choose` is true."""
    if may_choose(actor, permissioned_as, limits):
        return
    if may_choose(scopes.without_limits(actor), permissioned_as, limits):
        raise Forbidden(
            "The run has more permissions than your token, so the token cannot set values or conditions of the run.",
            hint="Use a token without scopes, or leave out the values and the condition.",
        )
    raise Forbidden(
        f"Only {permissioned_as}, for whom the run acts, and admins may set values and conditions of the run.",
        hint="Continue it without values, or set the breakpoint without a condition.",
    )


def limits_of(actor: Actor, owner: Actor | None, path: str | None) -> list[str] | None:
    """Return the scopes of a run: those of the token that starts it, or those of `owner` if it runs on behalf of
    `owner`.

    `path`: path of the deployed script or workflow; None: the code is not deployed.
    """
    held = scopes.of_run(actor.scopes, path) if owner is None else owner.scopes
    return None if held is None else list(held)


def acting(actor: Actor, owner: Actor | None, path: str | None) -> Actor:
    """Return the member that a run acts for, with the scopes of the run (`limits_of`)."""
    limits = limits_of(actor, None, path)
    return owner or replace(actor, scopes=None if limits is None else tuple(limits))


async def email_of(conn: Connection, actor: Actor, workspace: str, owner: str, what: str) -> str:
    """Return the e-mail address of the member `owner` (`u/<username>`) that `what` ("a schedule") is to act for.

    Raises Forbidden, BadRequest, IdentityDisabled.
    """
    _require_others(actor, what)
    member = await workspaces.get_member(conn, workspace, owner.removeprefix("u/")) if owner.startswith("u/") else None
    if member is None:
        raise BadRequest(f"{owner[:200]} is not a member of {workspace}.", hint="Use u/<username>.")
    await require_active(conn, workspace, owner, member.email)
    return member.email


async def require_keeping(conn: Connection, actor: Actor, workspace: str, trigger: Trigger, what: str) -> None:
    """Check that the actor may change what runs for the owner of a trigger. Raises Forbidden, IdentityDisabled."""
    if (trigger.permissioned_as, trigger.email) != (actor.permissioned_as, actor.email):
        _require_others(actor, what)
        await require_active(conn, workspace, trigger.permissioned_as, trigger.email)
    if not scopes.covers(actor.scopes, trigger.scopes):
        raise Forbidden(
            f"{what.capitalize()} runs with more permissions than your token.", hint="Use a token without scopes."
        )


async def deployed_for(conn: Connection, actor: Actor, workspace: str, email: Any) -> str | None:
    """Return `u/<username>` of the member that a version acts for, by its setting; None: the member who starts its
    runs.

    Raises Forbidden if that is another member and the actor may not name others, BadRequest if it is not a member,
    IdentityDisabled.
    """
    if not email:
        return None
    if actor.scopes is not None:
        raise Forbidden(
            f"A token with scopes cannot deploy with {KEY}: the runs would have more permissions than the token.",
            hint="Deploy it after logging in, or with a token that has no scopes.",
        )
    if email == actor.email:
        return actor.permissioned_as
    _require_others(actor, "a deployment")
    username = await workspaces.get_username(conn, workspace, str(email))
    if username is None:
        raise BadRequest(f"{str(email)[:200]} is not a member of {workspace}.", hint=f"Correct {KEY}, or leave it out.")
    await require_active(conn, workspace, f"u/{username}", str(email))
    return f"u/{username}"


async def owner_of(conn: Connection, workspace: str, version: VersionRow) -> Actor | None:
    """Return the member that the runs of a version act for; None: the member who starts them.

    Raises IdentityDisabled if that member was disabled, or has left the workspace.
    """
    if version.permissioned_as is None:
        return None
    return await member(conn, workspace, version.permissioned_as, str(version.settings.get(KEY)))


async def member(conn: Connection, workspace: str, permissioned_as: str, email: str) -> Actor:
    """Return the member that runs act for. Raises IdentityDisabled if it was disabled, or has left the workspace."""
    found = await identity.actor_of_run(conn, workspace, permissioned_as, email)
    if found is None:
        raise IdentityDisabled(
            f"{permissioned_as}, for whom the run would act, is no longer a member of {workspace}.",
            hint=f"Deploy it again with another {KEY}.",
        )
    return found


async def require_active(conn: Connection, workspace: str, permissioned_as: str, email: str) -> None:
    """Raise IdentityDisabled if nothing can run for a member, before what acts for it is stored or enabled."""
    if await identity.actor_of_run(conn, workspace, permissioned_as, email) is None:
        raise IdentityDisabled(
            f"{permissioned_as}, for whom it acts, was disabled or removed.", hint="Give it another owner first."
        )


async def require_references(vault: Vault, actor: Actor, owner: Actor | None, workspace: str, args: bytes) -> None:
    """Raise Forbidden if the actor may not read what its arguments refer to, because `owner` may be able to read more.

    If the run acts for the actor itself, references are checked when they are resolved, and only the scopes of the
    actor's token are checked here.
    """
    interpolation.require_references(actor, args)
    if owner is None or owner.permissioned_as == actor.permissioned_as or not holds_references(args):
        return
    async with vault.db.acquire() as conn:
        hidden = await Interpolation(vault, conn, actor, workspace, opens=True).first_unreadable(args)
    if hidden is not None:
        raise Forbidden(
            f"The run acts for {owner.permissioned_as}; {actor.username} may not read {hidden}.",
            hint="Leave the reference out of the arguments.",
        )


def _require_others(actor: Actor, what: str) -> None:
    if not may_name_others(actor):
        raise Forbidden(
            f"You may not let {what} run as another member.", hint="It needs the role admin or the group deployers."
        )
