"""Acceptance of versions that run for members who did not start the run.

Unattended runs (started by schedules, HTTP triggers or webhook tokens) and runs on behalf of another member use, of
every script and workflow, the newest version accepted for the member they act for. A deploy by an admin or by a member
of the group deployers is accepted for everybody, any other deploy for its author alone. Versions deployed with a token
that has scopes are accepted for nobody, because triggers without such limits would run them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from orvanta_platform.control import audit, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, readable, require, require_workspace
from orvanta_platform.db import acceptance, items
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.acceptance import EVERYBODY, WaitingFilter, WaitingRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import VersionRow
from orvanta_platform.errors import BadRequest, Conflict, Forbidden, NotFound
from orvanta_platform.services.access import on_behalf
from orvanta_platform.services.platform import Platform

Kind = Literal["script", "flow"]

_ATTENDED = frozenset({"manual", "api", "rerun"})
"""Triggers of runs started by a person or by a program with all of that person's rights."""


class NotAccepted(Conflict):
    """No version may run for the member that the run acts for."""

    code = "not_accepted"


async def view_of(conn: Connection, actor: Actor, owner: Actor | None = None) -> str | None:
    """Return the member for whom versions resolved by path must be accepted, or None if the run uses current versions.

    `owner`: the member that the run acts for, without limits, if it is not the actor with its own limits.
    """
    if owner is not None and (owner.permissioned_as != actor.permissioned_as or actor.scopes is not None):
        return owner.permissioned_as
    if actor.kind == "job":
        unattended = actor.job is None or await _is_unattended(conn, actor)
    else:
        unattended = actor.kind == "system" or actor.via_query or scopes.is_unattended(actor.scopes)
    return actor.permissioned_as if unattended else None


async def _is_unattended(conn: Connection, actor: Actor) -> bool:
    """Return whether the outermost run of the actor's job was started by anyone but the member it acts for."""
    origin = await acceptance.get_origin(conn, actor.job) if actor.job is not None else None
    if origin is None or origin.created_by is None:
        return True
    return origin.trigger not in _ATTENDED or origin.permissioned_as != f"u/{origin.created_by}"


async def resolve(conn: Connection, workspace: str, kind: Kind, path: str, view: str | None) -> VersionRow | None:
    """Return the version that a run by path uses, or None if there is no such item. Raises NotAccepted."""
    found = await run_rows.resolve_path(conn, workspace, kind, path, view)
    if view is None or (found is not None and not found.archived):
        return found
    current = await run_rows.resolve_path(conn, workspace, kind, path)
    if current is None or current.archived:
        return current
    raise not_accepted(f"{kind} {path}", view)


async def require_version(conn: Connection, version: VersionRow | None, view: str | None) -> None:
    """Raise NotAccepted if a version chosen by a caller may not run for `view`."""
    if version is None or view is None or await acceptance.is_accepted(conn, [version.id], view):
        return
    raise not_accepted(f"{version.kind} {version.path}", view)


async def require_pins(conn: Connection, versions: Sequence[int], view: str | None) -> None:
    """Raise NotAccepted if versions used by an earlier run may not run for `view`."""
    if view is not None and versions and not await acceptance.is_accepted(conn, versions, view):
        raise NotAccepted(
            f"The run used versions that are not accepted for {view}.", hint="Run it again instead of restarting it."
        )


def not_accepted(name: str, view: str) -> NotAccepted:
    """Create the error for an item without a version that may run for `view`."""
    return NotAccepted(
        f"No version of the {name} is accepted for {view}.",
        hint=f"{view}, an admin or a member of the group deployers can accept its current version.",
    )


def accepted_for(actor: Actor) -> str | None:
    """Return the member or group that accepts what the actor deploys, or None if the actor's token has scopes."""
    if actor.scopes is not None:
        return None
    return EVERYBODY if on_behalf.may_name_others(actor) else actor.permissioned_as


async def accept_deployed(conn: Connection, actor: Actor, workspace: str, version: int) -> None:
    """Accept a new version for everybody its author may accept it for, in the transaction that deploys it."""
    require_workspace(actor, workspace)
    if (identity := accepted_for(actor)) is not None:
        await acceptance.accept(conn, [version], identity, actor.username)


async def accept_references(conn: Connection, actor: Actor, workspace: str, version: int) -> None:
    """Accept the items that a new version of a workflow runs by path, if no version of them is accepted.

    Items that an earlier version referred to as well retain their acceptance.
    """
    require_workspace(actor, workspace)
    if (identity := accepted_for(actor)) is not None:
        await _accept_references_for(conn, actor, workspace, version, identity)


async def withdraw_grantable(conn: Connection, actor: Actor, workspace: str, version: int) -> None:
    """Withdraw the acceptances of an archived version that the actor could have granted.

    If others accepted it, their triggers stop: a writer of the script cannot make them run an older version.
    """
    require_workspace(actor, workspace)
    if (identity := accepted_for(actor)) is not None:
        await acceptance.withdraw(conn, version, None if identity == EVERYBODY else identity)


async def withdraw_ungrantable(conn: Connection, actor: Actor, workspace: str, kind: str, path: str) -> None:
    """Withdraw acceptances that the actor could not grant, before the actor unarchives an item.

    Otherwise a writer could undo the decision of an admin who archived it, and triggers of others would run it.
    """
    require_workspace(actor, workspace)
    if (identity := accepted_for(actor)) != EVERYBODY:
        await acceptance.withdraw_archived(conn, workspace, kind, path, identity)


async def withdraw_moved(conn: Connection, actor: Actor, workspace: str, kind: str, path: str) -> None:
    """Withdraw acceptances that the actor could not grant, after the actor moved an item to a path that another had.

    Otherwise a writer of both paths could make triggers of others, which name the path, run another item.
    """
    require_workspace(actor, workspace)
    if (identity := accepted_for(actor)) != EVERYBODY:
        await acceptance.withdraw_at(conn, workspace, kind, path, identity)


async def accept_for_trigger(
    conn: Connection, actor: Actor, workspace: str, permissioned_as: str, named: Sequence[tuple[str, str]]
) -> None:
    """Accept the current versions of the items that a new trigger can run, for the member it acts for.

    A token with scopes accepts nothing: other triggers of the member, which have no limits, would run the versions too.
    """
    require_workspace(actor, workspace)
    if actor.scopes is not None:
        return
    found = await acceptance.list_reachable(conn, workspace, named, permissioned_as, present=True)
    open_ones = [each.version for each in found if each.accepted != each.version]
    if open_ones:
        await acceptance.accept(conn, open_ones, permissioned_as, actor.username)


async def accept_for_token(conn: Connection, actor: Actor, workspace: str, username: str, held: Sequence[str]) -> None:
    """Accept the current versions of the items that a new token of a program can run, for its owner."""
    require(actor, "write", Target(None, "token", created_by=actor.email))
    named = await acceptance.list_current(conn, workspace, scopes.patterns(held, "jobs:run"))
    found = await acceptance.list_reachable(conn, workspace, named, f"u/{username}", present=True)
    open_ones = [each.version for each in found if each.accepted != each.version]
    if open_ones:
        await acceptance.accept(conn, open_ones, f"u/{username}", actor.username)


class Waiting(msgspec.Struct, frozen=True):
    """A current version that waits for acceptance."""

    row: WaitingRow
    may_accept: bool
    """The actor may accept the version."""
    for_everybody: bool
    """An acceptance by the actor applies to all members."""
    yours: bool
    """The actor deployed the version."""


async def waiting(
    platform: Platform,
    actor: Actor,
    workspace: str,
    *,
    item: tuple[str, str] | None = None,
    source: tuple[str, str] | None = None,
) -> list[Waiting]:
    """Return the versions of a workspace that wait for acceptance and that the actor may read.

    `item`: limits the result to one script or workflow (kind, path). `source`: limits it to the items that one
    schedule, HTTP trigger or workflow runs.
    """
    require_workspace(actor, workspace)
    who = readable(actor, "flow") if _limit(actor, "flow") != [] else readable(actor, "script")
    what = WaitingFilter(
        everything=who.everything,
        patterns=who.patterns,
        principals=who.principals,
        scripts=_limit(actor, "script"),
        flows=_limit(actor, "flow"),
        schedules=_limit(actor, "schedule"),
        http_triggers=_limit(actor, "http_trigger"),
        item=item,
        source=source,
    )
    async with platform.db.acquire() as conn:
        rows = await acceptance.list_waiting(conn, workspace, what)
    everybody = accepted_for(actor) == EVERYBODY
    return [
        Waiting(
            row,
            actor.scopes is None and can(actor, "accept", _target(workspace, row)),
            everybody,
            row.author == actor.username,
        )
        for row in rows
    ]


async def accept(
    platform: Platform,
    actor: Actor,
    workspace: str,
    kind: Kind,
    path: str,
    version: int,
    permissioned_as: str | None = None,
) -> str:
    """Accept a version for a member, or for everybody (`g/all`); returns that identity.

    `permissioned_as` None: everybody if the actor may accept for others, otherwise the actor. Items that the version
    runs by path and that have no accepted version are accepted with it. Raises NotFound, Forbidden, BadRequest,
    Conflict.
    """
    require_workspace(actor, workspace)
    own = accepted_for(actor)
    if own is None:
        raise Forbidden(
            "A token with scopes cannot accept a version: its runs have more permissions than the token.",
            hint="Accept it after logging in, or with a token that has no scopes.",
        )
    identity = permissioned_as or own
    if identity != EVERYBODY and not identity.startswith("u/"):
        raise BadRequest(f"{identity[:200]!r} is not a member.", hint="Use u/<username>, or g/all for everybody.")
    async with platform.db.transaction() as conn:
        row = await items.get_by_version(conn, workspace, kind, version)
        if row is None or row.path != path:
            raise NotFound(f"The {kind} {path} has no version {version}.")
        username = None if identity == EVERYBODY else identity.removeprefix("u/")
        require(actor, "accept", Target(workspace, kind, path, username, row.extra_perms))
        if row.lock_state == "failed" or row.archived:
            raise Conflict(f"Version {row.number} of {path} cannot run.", hint="Accept a version that can run.")
        if await acceptance.accept(conn, [version], identity, actor.username):
            details = {"version": version, "number": row.number, "as": identity}
            await audit.record(conn, actor, f"{kind}s.accept", "Updated", path, details)
        await _accept_references_for(conn, actor, workspace, version, identity)
    return identity


def _target(workspace: str, row: WaitingRow) -> Target:
    return Target(workspace, row.kind, row.path, row.permissioned_as.removeprefix("u/"), row.extra_perms)


def _limit(actor: Actor, kind: str) -> list[str] | None:
    """Return the paths of a kind that the token covers, or an empty list if it covers none."""
    try:
        return readable(actor, kind).scope
    except Forbidden:
        return []


async def _accept_references_for(conn: Connection, actor: Actor, workspace: str, version: int, identity: str) -> None:
    named = await acceptance.list_used_items(conn, version)
    if not named:
        return
    found = await acceptance.list_reachable(conn, workspace, named, identity, present=False)
    missing = [each.version for each in found if each.accepted is None]
    if missing:
        await acceptance.accept(conn, missing, identity, actor.username)
