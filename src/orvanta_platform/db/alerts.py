"""Rows of alerts, and of messages about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("alerts")


class NewAlert(msgspec.Struct, frozen=True):
    """A condition that holds."""

    key: str
    kind: str
    subject: str
    """The queue, the server, or `flow/<path>` or `script/<path>`."""
    workspace: str | None
    detail: str
    """Stored reason, with its code."""


class AlertRow(msgspec.Struct, frozen=True):
    """An alert that is raised."""

    key: str
    kind: str
    subject: str
    workspace: str | None
    detail: str
    """Stored reason; its code is absent if an earlier version raised the alert."""
    since: datetime


class AlertMessage(msgspec.Struct, frozen=True):
    """A message that is due; `tries` includes this attempt. `ended_at` None: the condition has begun."""

    id: UUID
    channel: str
    kind: str
    subject: str
    workspace: str | None
    detail: str
    since: datetime
    ended_at: datetime | None
    tries: int


class ChannelFailure(msgspec.Struct, frozen=True):
    """A channel whose last message could not be sent."""

    channel: str
    error: str
    failed_at: datetime


class LastOutcome(msgspec.Struct, frozen=True):
    """The last outcome of a workflow or script."""

    workspace: str
    kind: str
    path: str
    summary: str
    run: UUID
    failed: bool


async def lock(conn: Connection, scope: str) -> None:
    """Wait for other processes that compare the conditions of `scope` with the alerts, until the transaction ends."""
    await conn.execute(_SQL["lock"], scope)


async def list_all(conn: Connection, limit: int) -> list[AlertRow]:
    """Return the alerts that are raised, the oldest first."""
    return [AlertRow(**dict(row)) for row in await conn.fetch(_SQL["list_all"], limit)]


async def list_keys(conn: Connection, prefixes: Sequence[str]) -> set[str]:
    """Return the keys of raised alerts that start with one of the prefixes."""
    return {row["key"] for row in await conn.fetch(_SQL["list_keys"], prefixes)}


async def raise_alerts(conn: Connection, new: Sequence[NewAlert], channels: Sequence[str]) -> int:
    """Raise alerts with a message for each channel; return the number of those that were not raised already."""
    columns = [[getattr(each, name) for each in new] for name in NewAlert.__struct_fields__]
    return len(await conn.fetch(_SQL["raise_alerts"], *columns, channels))


async def end_alerts(conn: Connection, keys: Sequence[str], channels: Sequence[str]) -> int:
    """End alerts with a message for each channel; return the number of those that were raised."""
    return len(await conn.fetch(_SQL["end_alerts"], keys, channels))


async def queue_event(
    conn: Connection, kind: str, subject: str, workspace: str, detail: str, channels: Sequence[str]
) -> None:
    """Queue a message about an event, which is no condition that begins and ends, for each channel."""
    await conn.execute(_SQL["queue_event"], kind, subject, workspace, detail, channels)


async def claim_due(conn: Connection, limit: int) -> list[AlertMessage]:
    """Claim messages that are due; the caller attempts to send them."""
    return [AlertMessage(**dict(row)) for row in await conn.fetch(_SQL["claim_due"], limit)]


async def delete_message(conn: Connection, message: UUID) -> None:
    """Delete a message that was sent or abandoned."""
    await conn.execute(_SQL["delete_message"], message)


async def store_failure(conn: Connection, channel: str, error: str) -> None:
    """Record that a message of a channel could not be sent."""
    await conn.execute(_SQL["store_failure"], channel, error)


async def delete_failure(conn: Connection, channel: str) -> None:
    """Forget the failure of a channel."""
    await conn.execute(_SQL["delete_failure"], channel)


async def is_check_needed(conn: Connection) -> bool:
    """Return whether alerts are configured, or rows are left from when they were."""
    return bool(await conn.fetchval(_SQL["is_check_needed"]))


async def delete_failures_of_others(conn: Connection, channels: Sequence[str]) -> None:
    """Forget the failures of channels that are not among these."""
    await conn.execute(_SQL["delete_failures_of_others"], channels)


async def list_failures(conn: Connection) -> list[ChannelFailure]:
    """Return the failures of channels, by their names."""
    return [ChannelFailure(**dict(row)) for row in await conn.fetch(_SQL["list_failures"])]


async def list_last_outcomes(conn: Connection, runs: Sequence[UUID]) -> list[LastOutcome]:
    """Return the last outcome of each workflow and script among these ended runs."""
    return [LastOutcome(**dict(row)) for row in await conn.fetch(_SQL["list_last_outcomes"], runs)]
