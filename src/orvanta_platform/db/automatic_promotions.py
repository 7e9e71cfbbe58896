"""Rows of automatic promotions to environments."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("automatic_promotions")


class AutomaticPromotionRow(msgspec.Struct, frozen=True):
    """An automatic promotion to an environment."""

    permissioned_as: str
    """Member who set it up, as `u/<username>`."""
    email: str
    since: datetime
    waits_for: str | None
    """Obstacle of the last attempt."""
    disabled_reason: str | None
    """Reason for which it ended by itself; None: it is active."""


class DuePromotion(msgspec.Struct, frozen=True):
    """A release to promote to an environment."""

    environment: str
    workspace: str
    permissioned_as: str
    email: str
    release: int
    source: str
    """Workspace of the release."""
    number: int
    request: int | None
    """Open request of the member for the release."""


async def get(conn: Connection, environment: str) -> AutomaticPromotionRow | None:
    """Return the automatic promotion to an environment."""
    row = await conn.fetchrow(_SQL["get"], environment)
    return None if row is None else AutomaticPromotionRow(**dict(row))


async def enable(conn: Connection, environment: str, permissioned_as: str, email: str) -> None:
    """Promote to an environment automatically, as this member."""
    await conn.execute(_SQL["enable"], environment, permissioned_as, email)


async def delete(conn: Connection, environment: str) -> bool:
    """Delete the automatic promotion to an environment; return False if there is none."""
    return await conn.fetchval(_SQL["delete"], environment) is not None


async def list_due(conn: Connection) -> list[DuePromotion]:
    """Return the releases to promote, those that wait longest first."""
    return [DuePromotion(**dict(row)) for row in await conn.fetch(_SQL["list_due"], None)]


async def find_due(conn: Connection, environment: str) -> DuePromotion | None:
    """Return the release to promote to an environment."""
    row = await conn.fetchrow(_SQL["list_due"], environment)
    return None if row is None else DuePromotion(**dict(row))


async def set_attempt(conn: Connection, due: DuePromotion, retry_s: float, waits_for: str | None) -> None:
    """Record what an attempt waits for, and the time of the next one."""
    await conn.execute(_SQL["set_attempt"], due.environment, due.email, retry_s, waits_for)


async def disable(conn: Connection, due: DuePromotion, reason: str) -> bool:
    """End an automatic promotion; return False if it has ended, or somebody else has set it up."""
    return await conn.fetchval(_SQL["disable"], due.environment, due.email, reason) is not None
