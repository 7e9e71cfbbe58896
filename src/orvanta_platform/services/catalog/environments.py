"""Environments: workspaces in an ordered pipeline, with rules for deployments to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from orvanta_platform.control import audit, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, refuse_limited, require, require_workspace
from orvanta_platform.db import environments as rows
from orvanta_platform.db import workspaces
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import (
    AlreadyExists,
    BadRequest,
    DirectDeploysRefused,
    LimitExceeded,
    NotFound,
    VersionConflict,
)
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.releases.rules import Rules, parse

MAX_ENVIRONMENTS: Final = 50
"""Maximum number of environments of the instance."""

DEFAULT_COLOR: Final = "#5b6b7a"
_INSTANCE: Final = Target(None, "instance")
_CHANGE: Final = "change environments"


async def list_mine(platform: Platform, actor: Actor) -> list[EnvironmentRow]:
    """Return the environments whose workspace the actor is a member of, in order; all of them for a superadmin.

    Raises Forbidden.
    """
    require(actor, "list_environments", _INSTANCE)
    async with platform.db.acquire() as conn:
        found = await rows.list_all(conn, actor.email, every=actor.super_admin)
    return [each for each in found if not actor.bound or each.workspace == actor.workspace]


async def create(
    platform: Platform,
    actor: Actor,
    name: str,
    workspace: str,
    *,
    position: int | None = None,
    color: str | None = None,
    rules: Mapping[str, Any] | None = None,
) -> EnvironmentRow:
    """Create an environment, by default at the end of the pipeline.

    Raises Forbidden, BadRequest, NotFound, AlreadyExists, LimitExceeded.
    """
    _require_write(actor)
    names.check_name("environment", name)
    checked = _parse(rules or {})
    color = names.check_color(color or DEFAULT_COLOR)
    async with platform.db.transaction() as conn:
        await rows.lock(conn)
        if not await workspaces.exists(conn, workspace):
            raise NotFound(f"The workspace {workspace[:100]} does not exist.")
        present = await rows.list_all(conn, actor.email, every=True)
        if len(present) >= MAX_ENVIRONMENTS:
            raise LimitExceeded(
                f"There are at most {MAX_ENVIRONMENTS} environments.", details={"limit": MAX_ENVIRONMENTS}
            )
        if not await rows.insert(conn, name, workspace, color, _text(checked), actor.username):
            raise AlreadyExists(
                f"The environment {name} exists already, or {workspace} is the workspace of another one.",
                hint="Use another name, and a workspace that is not an environment.",
            )
        await _set_position(conn, [each.name for each in present], name, position)
        return await _record(conn, actor, "create", workspace)


async def update(
    platform: Platform,
    actor: Actor,
    name: str,
    *,
    position: int | None = None,
    color: str | None = None,
    rules: Mapping[str, Any] | None = None,
    base_version: int | None = None,
) -> EnvironmentRow:
    """Change the position, colour and rules of an environment; None: unchanged. Its workspace cannot be changed.

    `base_version`: the version that the changes are based on; None: any. Raises Forbidden, BadRequest, NotFound, and
    VersionConflict if the environment has another version.
    """
    _require_write(actor)
    checked = None if rules is None else _parse(rules)
    async with platform.db.transaction() as conn:
        await rows.lock(conn)
        present = await rows.list_all(conn, actor.email, every=True)
        found = next((each for each in present if each.name == name), None)
        if found is None:
            raise missing(name)
        if base_version is not None and base_version != found.version:
            raise _conflict(found, base_version)
        text = found.rules if checked is None else _text(checked)
        await rows.update(conn, name, found.color if color is None else names.check_color(color), text, actor.username)
        if position is not None:
            await _set_position(conn, [each.name for each in present if each.name != name], name, position)
        return await _record(conn, actor, "update", found.workspace)


async def delete(platform: Platform, actor: Actor, name: str) -> None:
    """Delete an environment; its workspace remains. Raises Forbidden, NotFound."""
    _require_write(actor)
    async with platform.db.transaction() as conn:
        await rows.lock(conn)
        if not await rows.delete(conn, name):
            raise missing(name)
        present = await rows.list_all(conn, actor.email, every=True)
        await rows.order(conn, [each.name for each in present])
        await audit.record_instance(conn, actor, "environments.delete", "Delete", name)


async def refuse_direct(platform: Platform, conn: Connection, actor: Actor, workspace: str) -> None:
    """Check that scripts and workflows may be changed without a release, in the transaction that changes them.

    Raises NotFound, DirectDeploysRefused.
    """
    require_workspace(actor, workspace)
    if platform.direct_deploys_checked or not await rows.refuses_direct_deploys(conn, workspace):
        return
    raise DirectDeploysRefused(
        f"Scripts and workflows of {workspace} are changed by releases only.",
        hint="Create a release in the workspace where they are developed, and promote it (orvanta promote).",
    )


def rules_of(row: EnvironmentRow) -> Rules:
    """Return the rules of an environment."""
    return msgspec.json.decode(row.rules, type=Rules)


def missing(name: str) -> NotFound:
    """Return the error for an environment that does not exist."""
    return NotFound(f"The environment {name[:100]} does not exist.")


def _conflict(found: EnvironmentRow, base: int) -> VersionConflict:
    rules = msgspec.to_builtins(rules_of(found))
    return VersionConflict(
        f"The environment {found.name} was changed by {found.edited_by} meanwhile.",
        hint="Compare the two, then send base_version with the newest version.",
        details={"name": found.name, "base": base, "newest": found.version, "theirs": rules},
    )


def _parse(tree: Mapping[str, Any]) -> Rules:
    rules = parse(tree)
    if rules.checks.smoke_run is not None:
        names.check_path(rules.checks.smoke_run.path)
    return rules


def _require_write(actor: Actor) -> None:
    require(actor, "write_environments", _INSTANCE)
    refuse_limited(actor, _CHANGE)


async def _set_position(conn: Connection, others: Sequence[str], name: str, position: int | None) -> None:
    if position is not None and not 1 <= position <= len(others) + 1:
        raise BadRequest(f"`position` is a number from 1 to {len(others) + 1}.")
    index = len(others) if position is None else position - 1
    await rows.order(conn, [*others[:index], name, *others[index:]])


async def _record(conn: Connection, actor: Actor, verb: str, workspace: str) -> EnvironmentRow:
    row = await rows.get(conn, workspace)
    assert row is not None
    parameters = {
        "workspace": row.workspace,
        "position": row.position,
        "color": row.color,
        "version": row.version,
        "rules": msgspec.to_builtins(rules_of(row)),
    }
    kind: audit.ActionKind = "Created" if verb == "create" else "Updated"
    await audit.record_instance(conn, actor, f"environments.{verb}", kind, row.name, parameters)
    return row


def _text(rules: Rules) -> str:
    """Return rules as JSON text without defaults, which servers of the previous version read unless they are used."""
    tree, defaults = msgspec.to_builtins(rules), msgspec.to_builtins(Rules())
    return msgspec.json.encode({name: value for name, value in tree.items() if value != defaults[name]}).decode()
