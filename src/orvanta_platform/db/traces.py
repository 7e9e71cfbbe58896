"""Reads of ended runs for their traces."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("traces")


class TracedRun(msgspec.Struct, frozen=True):
    """An ended run. `caller`: JSON text of the value with the caller's context; None: there is none."""

    id: UUID
    root: UUID
    parent: UUID | None
    workspace: str
    kind: str
    path: str | None
    trigger: str
    status: str
    error_name: str | None
    started_at: datetime
    ended_at: datetime
    attempts: list[dict[str, Any]]
    caller: str | None


class TracedNode(msgspec.Struct, frozen=True):
    """A node or body of an ended run; `queue` None: it had no job."""

    id: UUID
    run: UUID
    node: str
    kind: str
    state: str
    error_name: str | None
    queue: str | None
    attempt: int
    failures: int
    started_at: datetime | None
    ended_at: datetime
    attempts: list[dict[str, Any]]
    parent: UUID | None
    place: int | None


async def list_runs(connection: Connection, runs: Sequence[UUID], caller: str) -> list[TracedRun]:
    """Return those of the runs that have ended. `caller`: name of the value with the caller's context."""
    return [_read(TracedRun, row) for row in await connection.fetch(_SQL["list_runs"], runs, caller)]


async def list_nodes(connection: Connection, runs: Sequence[UUID], most: int) -> list[TracedNode]:
    """Return nodes of ended runs, at most `most`: those whose spans no worker has created, and bodies."""
    return [_read(TracedNode, row) for row in await connection.fetch(_SQL["list_nodes"], runs, most)]


async def list_deciders(connection: Connection, runs: Sequence[UUID]) -> list[tuple[UUID, str]]:
    """Return the contexts of the calls that made decisions, each with the node, or the run."""
    return [tuple(row) for row in await connection.fetch(_SQL["list_deciders"], runs)]


def _read(kind: Any, row: Any) -> Any:
    return kind(**{**dict(row), "attempts": msgspec.json.decode(row["attempts"])})
