"""Rows of mails about requests to deploy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("deployment_mails")

AuthorEvent: TypeAlias = Literal["approved", "rejected", "applied", "failed"]


class DueMail(msgspec.Struct, frozen=True):
    """A mail that is due; `tries` includes this attempt."""

    id: UUID
    request: int
    event: str
    email: str
    """Address of the recipient."""
    username: str
    """Member who caused the event."""
    tries: int
    environment: str
    workspace: str
    source: str
    """Workspace of the release."""
    number: int
    is_rollback: bool
    is_current: bool
    """False: the recipient was disabled, or need not act any more."""


async def queue_for_approvers(
    conn: Connection, request: int, workspace: str, approvers: Sequence[str], without: Sequence[str]
) -> None:
    """Queue a mail about a new request for its approvers (empty: the admins) except `without`."""
    await conn.execute(_SQL["queue_for_approvers"], request, workspace, list(approvers), list(without))


async def queue_for_assignees(conn: Connection, request: int, emails: Sequence[str], username: str) -> None:
    """Queue a mail about a request for accounts that a member asks for their approval."""
    await conn.execute(_SQL["queue_for_assignees"], request, list(emails), username)


async def queue_for_author(conn: Connection, request: int, event: AuthorEvent, username: str, email: str) -> None:
    """Queue a mail for the author of a request about what another member, or the platform, did."""
    await conn.execute(_SQL["queue_for_author"], request, event, username, email)


async def claim_due(conn: Connection, limit: int) -> list[DueMail]:
    """Claim mails that are due; the caller attempts to send them."""
    return [DueMail(**dict(row)) for row in await conn.fetch(_SQL["claim_due"], limit)]


async def delete(conn: Connection, mail: UUID) -> None:
    """Delete a mail that was sent or abandoned."""
    await conn.execute(_SQL["delete"], mail)
