"""Rows of notices: what people are still to be told of open approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load


@dataclass(frozen=True, slots=True)
class NewNotice:
    """What is to be sent by `channel` (email, slack, webhook) to what the resource says."""

    id: UUID
    job: UUID
    channel: str
    resource: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that is due, with what the approval asks; `tries` counts this one."""

    id: UUID
    run: UUID
    job: UUID
    workspace: str
    channel: str
    resource: str
    tries: int
    node: str
    message: str


async def add(connection: Connection, run: UUID, workspace: str, notices: Sequence[NewNotice]) -> None:
    """Keep what is to be sent, in the transaction of what it tells."""
    ids, jobs = [each.id for each in notices], [each.job for each in notices]
    channels, resources = [each.channel for each in notices], [each.resource for each in notices]
    await connection.execute(load("notices")["add"].text, run, workspace, ids, jobs, channels, resources)


async def take(connection: Connection, most: int) -> list[Notice]:
    """Notices that are due: whoever takes them tries to send them."""
    return [Notice(**dict(row)) for row in await connection.fetch(load("notices")["take"].text, most)]


async def drop(connection: Connection, notice: Notice, kind: str, data: str) -> None:
    """It was sent or is given up: a line of kind `kind` in the run's history, `data` JSON text."""
    await connection.execute(load("notices")["drop"].text, notice.id, kind, notice.node, data)
