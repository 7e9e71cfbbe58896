"""Rows of items that act for an account: listed, and stopped when the account leaves."""

from __future__ import annotations

from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("departures")


class ActingItem(msgspec.Struct, frozen=True):
    """An item that acts for an account or belongs to it, for example a schedule, a workflow or a service account."""

    kind: str
    workspace: str
    path: str


class Counts(msgspec.Struct, frozen=True):
    """Numbers of sessions, tokens and runs of an account."""

    sessions: int
    tokens: int
    runs: int
    """Live runs, without those that are part of another one."""


class CancelledRun(msgspec.Struct, frozen=True):
    """A live run whose cancellation was requested."""

    id: UUID
    workspace: str
    path: str | None


class OwnerlessRow(msgspec.Struct, frozen=True):
    """An item that acts for an identity which is no longer active."""

    kind: str
    path: str
    permissioned_as: str
    enabled: bool


async def list_stopping(conn: Connection, email: str, workspace: str | None, limit: int) -> list[ActingItem]:
    """Return the items that act for an account in a workspace (None: all), at most `limit`."""
    return [ActingItem(**row) for row in await conn.fetch(_SQL["list_stopping"], email, workspace, limit)]


async def list_owned(conn: Connection, email: str, workspace: str | None, limit: int) -> list[ActingItem]:
    """Return the items below u/<username>/ of an account in a workspace (None: all), at most `limit`."""
    return [ActingItem(**row) for row in await conn.fetch(_SQL["list_owned"], email, workspace, limit)]


async def count(conn: Connection, email: str, workspace: str | None) -> Counts:
    """Return the numbers of sessions, tokens and runs of an account; in a workspace, tokens bound to it."""
    return Counts(**await conn.fetchrow(_SQL["count"], email, workspace))


async def list_only_admin(conn: Connection, email: str, workspace: str | None) -> list[str]:
    """Return the workspaces (None: of all) whose only enabled admin is this account."""
    return [row["workspace"] for row in await conn.fetch(_SQL["list_only_admin"], email, workspace)]


async def stop(conn: Connection, email: str, workspace: str | None, reason: str) -> list[ActingItem]:
    """Disable the schedules, HTTP triggers, automatic promotions and error handlers that act for an account in a
    workspace (None: in all); returns them."""
    schedules = await conn.fetch(_SQL["stop_schedules"], email, workspace, reason)
    triggers = await conn.fetch(_SQL["stop_http_triggers"], email, workspace, reason)
    promotions = await conn.fetch(_SQL["stop_automatic_promotions"], email, workspace, reason)
    handlers = await conn.fetch(_SQL["stop_error_handlers"], email, workspace, reason)
    return [
        *(ActingItem("schedule", **row) for row in schedules),
        *(ActingItem("http_trigger", **row) for row in triggers),
        *(ActingItem("automatic_promotion", **row) for row in promotions),
        *(ActingItem("error_handler", **row) for row in handlers),
    ]


async def stop_service_accounts(conn: Connection, email: str, workspace: str | None) -> list[tuple[ActingItem, str]]:
    """Disable the service accounts of an owner in a workspace (None: all) and delete their tokens.

    Returns them with their e-mail addresses.
    """
    rows = await conn.fetch(_SQL["stop_service_accounts"], email, workspace)
    return [(ActingItem("service_account", row["workspace"], row["path"]), row["email"]) for row in rows]


async def list_without_admin(conn: Connection, email: str) -> list[str]:
    """Return the workspaces where an account owns service accounts without being an enabled admin."""
    return [row["workspace"] for row in await conn.fetch(_SQL["list_without_admin"], email)]


async def delete_tokens(conn: Connection, email: str, workspace: str) -> None:
    """Delete the tokens of an account that are valid in this workspace only."""
    await conn.execute(_SQL["delete_tokens"], email, workspace)


async def cancel_runs(
    conn: Connection, email: str, workspace: str | None, *, by: str, reason: str, event: str, grace_s: float
) -> list[CancelledRun]:
    """Request the cancellation of the live runs of an account in a workspace (None: all); return them.

    `event`: the cancellation as an event of an inbox. `grace_s`: seconds until the runs end without their workers.
    """
    rows = await conn.fetch(_SQL["cancel_runs"], email, workspace, by, reason, event, grace_s)
    return [CancelledRun(**row) for row in rows]


async def list_ownerless(conn: Connection, workspace: str, *, after: tuple[str, str], limit: int) -> list[OwnerlessRow]:
    """Return a page of the items whose owner is no longer active, by kind and path, after `after`."""
    return [OwnerlessRow(**row) for row in await conn.fetch(_SQL["list_ownerless"], workspace, *after, limit)]
