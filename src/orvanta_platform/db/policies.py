"""Rows of policies, and documents that are checked against them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("policies")


class PolicyRow(msgspec.Struct, frozen=True):
    """A stored policy."""

    workspace: str | None
    """None: the policy belongs to the instance."""
    name: str
    body: str
    """JSON text."""
    version: int
    edited_by: str
    edited_at: datetime


class DocumentRow(msgspec.Struct, frozen=True):
    """The current version of a script or workflow."""

    path: str
    language: str | None
    format: str
    settings: str
    """JSON text."""
    body: bytes | None
    """None if it is too long."""


async def list_all(conn: Connection, workspace: str | None) -> list[PolicyRow]:
    """Return the policies of a workspace and of the instance, those of the instance first."""
    return [PolicyRow(**dict(row)) for row in await conn.fetch(_SQL["list"], workspace)]


async def list_applied(conn: Connection, workspace: str) -> list[str]:
    """Return the bodies (JSON text) of the policies of a workspace and of the instance that are not off."""
    return [row["body"] for row in await conn.fetch(_SQL["list_applied"], workspace)]


async def list_package_policies(conn: Connection, workspace: str) -> list[str]:
    """Return the bodies (JSON text) of the active policies that restrict packages, as `list_applied`."""
    return [row["body"] for row in await conn.fetch(_SQL["list_package_policies"], workspace)]


async def list_locks(conn: Connection, workspace: str, kind: str, paths: Sequence[str], longest: int) -> dict[str, str]:
    """Return the locks of the current versions of the items of a kind at some paths, by path.

    Of longer texts, the first `longest` characters.
    """
    rows = await conn.fetch(_SQL["list_locks"], workspace, kind, list(paths), longest)
    return {row["path"]: row["lock"] for row in rows}


async def list_limits(conn: Connection, workspace: str) -> dict[str, int]:
    """Return the smallest maximum of each limited resource in active policies of a workspace and of the instance."""
    return {row["resource"]: row["maximum"] for row in await conn.fetch(_SQL["list_limits"], workspace)}


async def insert(conn: Connection, workspace: str | None, name: str, body: str, edited_by: str) -> bool:
    """Add a policy; return False if the name is taken."""
    return await conn.fetchval(_SQL["insert"], workspace, name, body, edited_by) is not None


async def update(conn: Connection, workspace: str | None, name: str, body: str, edited_by: str) -> int | None:
    """Replace a policy; return the number of the change, None if there is no such policy."""
    version: int | None = await conn.fetchval(_SQL["update"], workspace, name, body, edited_by)
    return version


async def delete(conn: Connection, workspace: str | None, name: str) -> bool:
    """Delete a policy; return False if there is no such policy."""
    return await conn.fetchval(_SQL["delete"], workspace, name) is not None


async def list_documents(
    conn: Connection, workspace: str, kind: str, filter: Filter, *, after: str, longest: int
) -> list[DocumentRow]:
    """Return a page of the items of a kind that are readable according to `filter`, by path, those after `after`."""
    who = (filter.everything, filter.patterns, filter.principals, filter.scope)
    rows = await conn.fetch(_SQL["list_documents"], workspace, kind, after, *who, longest, filter.limit)
    return [DocumentRow(**dict(row)) for row in rows]
