"""Audit trail: one row for every write, in the transaction of the write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.db.audit import NewAudit, append, append_many
from orvanta_platform.db.pool import Connection

ActionKind = Literal["Created", "Updated", "Delete", "Execute"]


async def record(
    conn: Connection,
    actor: Actor,
    operation: str,
    action_kind: ActionKind,
    resource: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    workspace: str | None = None,
    on_behalf_of: str | None = None,
) -> None:
    """Append one row on `conn`, inside the caller's transaction.

    `operation` is `<noun>.<verb>` (scripts.create); `parameters` are small JSON-compatible values without secrets or
    payload. `workspace` is that of the actor by default.
    """
    entry = row(actor, operation, action_kind, resource, parameters, workspace=workspace, on_behalf_of=on_behalf_of)
    await append(conn, entry)


async def record_instance(
    conn: Connection,
    actor: Actor,
    operation: str,
    action_kind: ActionKind,
    resource: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """Append one row of the instance, which belongs to no workspace even if the call named one."""
    await record(conn, replace(actor, workspace=None), operation, action_kind, resource, parameters)


async def record_many(
    conn: Connection, actor: Actor, subjects: Sequence[tuple[str, str, str | None]], parameters: Mapping[str, Any]
) -> None:
    """Append one row of the kind Updated for each (workspace, operation, resource), with the same parameters.

    In other workspaces than its own, the actor has the username that its account has there.
    """
    await append_many(
        conn,
        subjects,
        actor=actor.impersonator or actor.username,
        acts_in=actor.workspace,
        email=None if actor.impersonator else actor.email,
        parameters=msgspec.json.encode(_with_impersonated(actor, parameters)).decode(),
        address=actor.address,
        request_id=actor.request_id,
    )


def row(
    actor: Actor,
    operation: str,
    action_kind: ActionKind,
    resource: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    *,
    workspace: str | None = None,
    on_behalf_of: str | None = None,
) -> NewAudit:
    """Return the row that `record` appends. It has both names if an admin acts as the actor."""
    parameters = _with_impersonated(actor, parameters or {})
    return NewAudit(
        workspace=workspace or actor.workspace,
        actor=actor.impersonator or actor.username,
        on_behalf_of=on_behalf_of or (actor.permissioned_as if actor.impersonator else None),
        operation=operation,
        action_kind=action_kind,
        resource=resource,
        parameters=msgspec.json.encode(parameters).decode() if parameters else None,
        address=actor.address,
        request_id=actor.request_id,
    )


def _with_impersonated(actor: Actor, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**parameters, "impersonated": actor.username} if actor.impersonator else parameters
