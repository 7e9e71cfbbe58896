"""The audit trail: one row for every write, in the transaction of what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load

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

    `operation` is `<noun>.<verb>` (scripts.create); `parameters` small JSON-able values without secrets or
    payload. `workspace` is the actor's where not given.
    """
    text = msgspec.json.encode(parameters).decode() if parameters else None
    await conn.execute(
        load("audit")["append"].text,
        workspace or actor.workspace,
        actor.username,
        on_behalf_of,
        operation,
        action_kind,
        resource,
        text,
        actor.address,
        actor.request_id,
    )
