"""Rows of releases."""

from __future__ import annotations

from datetime import datetime

import msgspec

from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("releases")


class NewRelease(msgspec.Struct, frozen=True):
    """A release to store."""

    workspace: str
    digest: str
    notes: str
    paths: list[str]
    body: str
    """JSON text."""
    imported: str | None
    """JSON text of the origin of an imported release."""
    created_by: str
    authors: list[str]
    """E-mail addresses of the accounts that may not approve its deployment: see `service_accounts.list_responsible`."""


class ReleaseRow(msgspec.Struct, frozen=True):
    """A stored release; lists leave out the body."""

    id: int
    workspace: str
    number: int
    digest: str
    notes: str
    paths: list[str]
    body: str | None
    imported: str | None
    created_by: str
    created_at: datetime


async def insert(conn: Connection, new: NewRelease) -> ReleaseRow | None:
    """Add a release with the next number; return None if another one took that number meanwhile."""
    row = await conn.fetchrow(_SQL["insert"], *msgspec.structs.astuple(new))
    return None if row is None else ReleaseRow(**dict(row))


async def list_page(conn: Connection, workspace: str, filter: Filter, before: int | None) -> list[ReleaseRow]:
    """Return a page of the releases whose paths are readable according to `filter`, newest first, below `before`."""
    who = (filter.everything, filter.patterns, filter.scope)
    rows = await conn.fetch(_SQL["list"], workspace, before, *who, filter.limit)
    return [ReleaseRow(**dict(row)) for row in rows]


async def list_authors_by_number(conn: Connection, workspace: str, number: int) -> list[str]:
    """Return the addresses of the accounts that answer for a release; none if it does not exist."""
    return await conn.fetchval(_SQL["list_authors_by_number"], workspace, number) or []


async def get(conn: Connection, workspace: str, number: int, filter: Filter) -> ReleaseRow | None:
    """Return a release if its paths are readable according to `filter`."""
    who = (filter.everything, filter.patterns, filter.scope)
    row = await conn.fetchrow(_SQL["get"], workspace, number, *who)
    return None if row is None else ReleaseRow(**dict(row))


async def list_authors(conn: Connection, release: int) -> list[str]:
    """Return the e-mail addresses of the accounts that answer for a release, sorted."""
    return [row["email"] for row in await conn.fetch(_SQL["list_authors"], release)]
