"""Rows of environments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("environments")


class EnvironmentRow(msgspec.Struct, frozen=True):
    """A stored environment."""

    name: str
    position: int
    """Place in the pipeline; the first has 1."""
    workspace: str
    color: str
    rules: str
    """JSON text."""
    version: int
    edited_by: str
    edited_at: datetime
    hold_by: str | None
    """Member whose rollback prevents promotions, or `system` after failed checks; None: there is no hold."""
    hold_since: datetime | None
    hold_reason: str | None
    deployment: int | None
    """Id of the last deployment; None: there was none."""


async def lock(conn: Connection) -> None:
    """Lock out concurrent changes of the pipeline until the transaction ends."""
    await conn.execute(_SQL["lock"])


async def list_all(conn: Connection, email: str, *, every: bool) -> list[EnvironmentRow]:
    """Return the environments in order; without `every` those whose workspace the account is a member of."""
    return [EnvironmentRow(**dict(row)) for row in await conn.fetch(_SQL["list"], email, every)]


async def get(conn: Connection, workspace: str) -> EnvironmentRow | None:
    """Return the environment of a workspace."""
    row = await conn.fetchrow(_SQL["get"], workspace)
    return None if row is None else EnvironmentRow(**dict(row))


async def refuses_direct_deploys(conn: Connection, workspace: str) -> bool:
    """Return whether the rules of a workspace's environment refuse direct deploys."""
    return bool(await conn.fetchval(_SQL["refuses_direct_deploys"], workspace))


async def refuses_previews(conn: Connection, workspace: str) -> bool:
    """Return whether the rules of a workspace's environment refuse previews."""
    return bool(await conn.fetchval(_SQL["refuses_previews"], workspace))


async def insert(conn: Connection, name: str, workspace: str, color: str, rules: str, edited_by: str) -> bool:
    """Add an environment at the end of the pipeline; return False if the name or the workspace is taken."""
    return await conn.fetchval(_SQL["insert"], name, workspace, color, rules, edited_by) is not None


async def update(conn: Connection, name: str, color: str, rules: str, edited_by: str) -> int | None:
    """Change an environment; return the number of the change, None if there is no such environment."""
    version: int | None = await conn.fetchval(_SQL["update"], name, color, rules, edited_by)
    return version


async def order(conn: Connection, names: Sequence[str]) -> None:
    """Number the environments in this order."""
    await conn.execute(_SQL["order"], names)


async def delete(conn: Connection, name: str) -> bool:
    """Delete an environment; return False if there is no such environment."""
    return await conn.fetchval(_SQL["delete"], name) is not None
