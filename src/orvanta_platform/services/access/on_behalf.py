"""Runs that act for somebody else than whoever starts them, and who may ask for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from orvanta_platform.control import identity, scopes
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.permissions import DEPLOYERS
from orvanta_platform.db import workspaces
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import VersionRow
from orvanta_platform.errors import BadRequest, Forbidden, NotFound
from orvanta_platform.orchestrator import interpolation
from orvanta_platform.orchestrator.interpolation import Interpolation, Vault, holds_references

KEY = "on_behalf_of_email"
"""The setting of a version that names, by its address, the member whom its runs act for."""


def may_name_others(actor: Actor) -> bool:
    """Whether what the actor sets up may act for others: an admin's may, and that of the group deployers."""
    return actor.role is Role.ADMIN or DEPLOYERS in actor.groups


def may_choose(actor: Actor, permissioned_as: str, limits: Sequence[str] | None) -> bool:
    """Tests that the actor may choose values and conditions of a run, which are evaluated with the rights of the run.

    `limits`: those of the run, which must not be wider than those of the actor's token.
    """
    same = actor.permissioned_as == permissioned_as or actor.role is Role.ADMIN or actor.super_admin
    return same and scopes.covers(actor.scopes, limits)


def require_choice(actor: Actor, permissioned_as: str, limits: Sequence[str] | None) -> None:
    """Raises Forbidden where `may_choose` is false."""
    if may_choose(actor, permissioned_as, limits):
        return
    if may_choose(scopes.without(actor), permissioned_as, limits):
        raise Forbidden(
            "The run has more rights than your token, which may therefore choose no values or conditions of it.",
            hint="Use a token without scopes, or leave out the values and the condition.",
        )
    raise Forbidden(
        f"Only {permissioned_as}, for whom the run acts, and admins may choose values and conditions of it.",
        hint="Continue it without values, or pause it without a condition.",
    )


def limits_of(actor: Actor, owner: Actor | None, path: str | None) -> list[str] | None:
    """The limits of a run: those of the token that starts it, or those of `owner` if it runs on behalf of `owner`.

    `path`: of the deployed script or workflow; None: the code is not deployed.
    """
    held = scopes.of_run(actor.scopes, path) if owner is None else owner.scopes
    return None if held is None else list(held)


def acting(actor: Actor, owner: Actor | None, path: str | None) -> Actor:
    """The member that a run acts for, with the limits of the run (`limits_of`)."""
    limits = limits_of(actor, None, path)
    return owner or replace(actor, scopes=None if limits is None else tuple(limits))


async def email_of(conn: Connection, actor: Actor, workspace: str, owner: str, what: str) -> str:
    """The address of the member `owner` (`u/<username>`), whom `what` ("a schedule") shall act for.

    Raises Forbidden, BadRequest.
    """
    _require_others(actor, what)
    member = await workspaces.get_member(conn, workspace, owner.removeprefix("u/")) if owner.startswith("u/") else None
    if member is None:
        raise BadRequest(f"{owner[:200]} is no member of {workspace}.", hint="Write u/<username>.")
    return member.email


async def deployed_for(conn: Connection, actor: Actor, workspace: str, email: Any) -> str | None:
    """`u/<username>` of whom a version shall act for, by its setting; None: for whoever starts its runs.

    Raises Forbidden where that is somebody else and the actor may not name others, BadRequest for who is no member.
    """
    if not email:
        return None
    if actor.scopes is not None:
        raise Forbidden(
            f"A token with scopes deploys nothing with {KEY}: its runs would have more rights than the token.",
            hint="Deploy it with a login, or with a token that has no scopes.",
        )
    if email == actor.email:
        return actor.permissioned_as
    _require_others(actor, "a deployment")
    username = await workspaces.username_of(conn, workspace, str(email))
    if username is None:
        raise BadRequest(f"{str(email)[:200]} is no member of {workspace}.", hint=f"Correct {KEY}, or leave it out.")
    return f"u/{username}"


async def owner_of(conn: Connection, workspace: str, version: VersionRow) -> Actor | None:
    """Whom the runs of a version act for; None: whoever starts them. Raises NotFound where that member is gone."""
    if version.permissioned_as is None:
        return None
    return await member(conn, workspace, version.permissioned_as, str(version.settings.get(KEY)))


async def member(conn: Connection, workspace: str, permissioned_as: str, email: str) -> Actor:
    """Whom runs act for. Raises NotFound where they are no member any more."""
    found = await identity.actor_of_run(conn, workspace, permissioned_as, email)
    if found is None:
        raise NotFound(
            f"{permissioned_as}, for whom the run would act, is no member of {workspace} any more.",
            hint=f"Deploy it again with another {KEY}.",
        )
    return found


async def require_references(vault: Vault, actor: Actor, owner: Actor | None, workspace: str, args: bytes) -> None:
    """Nothing where the actor may read what its arguments refer to: the run reads it as `owner`, who may read more.

    Where it acts for the actor it is asked then, and here only what the actor's token allows. Raises Forbidden.
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
            f"You may not let {what} run as somebody else.", hint="It needs the role admin or the group deployers."
        )
