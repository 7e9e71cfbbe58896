"""Rows of tests of workflows, and of the jobs of runs that tests are recorded from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.tree import TreeFilter

_SQL = query_texts("workflow_tests")


class WorkflowTestRow(msgspec.Struct, frozen=True):
    """A test of the workflow at `path`."""

    path: str
    name: str
    body: str
    """JSON text."""
    hash: str
    version: int
    """Number of the change."""
    edited_by: str
    edited_at: datetime


class TestName(msgspec.Struct, frozen=True):
    """Name of a test of the workflow at `path`, with the hash of its body."""

    __test__ = False  # tells pytest that this is no test class

    path: str
    name: str
    hash: str


class RecordedRow(msgspec.Struct, frozen=True):
    """A job or node of a run that ended."""

    id: UUID
    state: str
    kind: str


async def list_of_workflow(conn: Connection, workspace: str, path: str) -> list[WorkflowTestRow]:
    """Return the tests of a workflow by name."""
    return [WorkflowTestRow(**dict(row)) for row in await conn.fetch(_SQL["list"], workspace, path)]


async def list_names(conn: Connection, workspace: str, paths: Sequence[str], limit: int) -> list[TestName]:
    """Return the names of the tests of some workflows by path and name."""
    return [TestName(**dict(row)) for row in await conn.fetch(_SQL["list_names"], workspace, paths, limit)]


async def list_bodies(conn: Connection, workspace: str, path: str, names: Sequence[str]) -> dict[str, str]:
    """Return the bodies of some tests of a workflow, JSON text by name."""
    return {row["name"]: row["body"] for row in await conn.fetch(_SQL["list_bodies"], workspace, path, names)}


async def list_tree(conn: Connection, workspace: str, filter: TreeFilter) -> list[WorkflowTestRow]:
    """Return the tests of the workflows that are readable according to `filter`."""
    who = (filter.everything, filter.patterns, filter.principals, filter.scope)
    rows = await conn.fetch(_SQL["list_tree"], workspace, *who, filter.paths)
    return [WorkflowTestRow(**dict(row)) for row in rows]


async def count(conn: Connection, workspace: str, path: str) -> int:
    """Return the number of tests of a workflow."""
    found: int = await conn.fetchval(_SQL["count"], workspace, path)
    return found


async def count_by_path(conn: Connection, workspace: str, paths: Sequence[str]) -> dict[str, int]:
    """Return the numbers of tests of those of the workflows that have tests."""
    return {row["path"]: row["tests"] for row in await conn.fetch(_SQL["count_by_path"], workspace, paths)}


async def insert(conn: Connection, workspace: str, path: str, name: str, body: str, hash: str, editor: str) -> bool:
    """Add a test; return False if the name is taken."""
    return await conn.fetchval(_SQL["insert"], workspace, path, name, body, hash, editor) is not None


async def update(
    conn: Connection, workspace: str, path: str, name: str, body: str, hash: str, editor: str
) -> int | None:
    """Replace a test; return the number of the change, None if there is no such test."""
    version: int | None = await conn.fetchval(_SQL["update"], workspace, path, name, body, hash, editor)
    return version


async def delete(conn: Connection, workspace: str, path: str, name: str) -> bool:
    """Delete a test; return False if there is no such test."""
    return await conn.fetchval(_SQL["delete"], workspace, path, name) is not None


async def is_awaited(conn: Connection, workspace: str, path: str) -> bool:
    """Return whether an imported release contains an item at a path at which no workflow exists."""
    return bool(await conn.fetchval(_SQL["is_awaited"], workspace, path))


async def move(conn: Connection, workspace: str, path: str, target: str) -> None:
    """Move the tests of a workflow to its new path, in place of those that were stored there before it."""
    await conn.execute(_SQL["delete_awaited"], workspace, target)
    await conn.execute(_SQL["move"], workspace, path, target)


async def list_recorded(conn: Connection, run: UUID, limit: int) -> list[RecordedRow]:
    """Return the jobs and nodes of a run that ended, by their ends."""
    return [RecordedRow(**dict(row)) for row in await conn.fetch(_SQL["list_recorded"], run, limit)]
