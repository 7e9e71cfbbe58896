"""Rows of service accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("service_accounts")


class ServiceAccountRow(msgspec.Struct, frozen=True):
    """A service account of a workspace."""

    username: str
    email: str
    summary: str | None
    owner: str
    """Username of the admin who is responsible for it."""
    role: str
    disabled: bool
    created_at: datetime
    tokens: int
    """Number of its valid tokens."""


class ManagedBy(msgspec.Struct, frozen=True):
    """The workspace that manages a service account, and its username there."""

    workspace: str
    username: str
    disabled: bool


async def insert_account(conn: Connection, email: str, username: str) -> bool:
    """Add the account of a service account; return False if the address or the username is taken."""
    return await conn.fetchval(_SQL["insert_account"], email, username) is not None


async def insert(
    conn: Connection, email: str, workspace: str, username: str, *, summary: str | None, owner: str
) -> None:
    """Add a service account; `owner` is an e-mail address."""
    await conn.execute(_SQL["insert"], email, workspace, username, summary, owner)


async def get(conn: Connection, workspace: str, username: str) -> ServiceAccountRow | None:
    """Return a service account by username."""
    row = await conn.fetchrow(_SQL["get"], workspace, username)
    return ServiceAccountRow(**row) if row else None


async def has_admin_owner(conn: Connection, workspace: str, username: str) -> bool:
    """Return whether the owner of a service account is an active admin."""
    return bool(await conn.fetchval(_SQL["has_admin_owner"], workspace, username))


async def list_page(
    conn: Connection, workspace: str, *, after: str, limit: int, offset: int
) -> list[ServiceAccountRow]:
    """Return a page of the service accounts by username, those after `after`."""
    rows = await conn.fetch(_SQL["list"], workspace, after, limit, offset)
    return [ServiceAccountRow(**row) for row in rows]


async def get_home(conn: Connection, email: str) -> str | None:
    """Return the workspace that manages a service account; None if there is no such service account."""
    workspace: str | None = await conn.fetchval(_SQL["get_home"], email)
    return workspace


async def lock_home(conn: Connection, email: str) -> ManagedBy | None:
    """Return the workspace that manages a service account; it is not disabled there before the transaction ends."""
    row = await conn.fetchrow(_SQL["lock_home"], email)
    return ManagedBy(**row) if row else None


async def disable_elsewhere(conn: Connection, email: str) -> list[tuple[str, str]]:
    """Disable a service account in the workspaces that do not manage it; return them, with its usernames there."""
    return [(row["workspace"], row["username"]) for row in await conn.fetch(_SQL["disable_elsewhere"], email)]


async def list_shared(conn: Connection, workspace: str) -> list[str]:
    """Return the usernames of the service accounts of a workspace that are members of others as well, or were."""
    return [row["username"] for row in await conn.fetch(_SQL["list_shared"], workspace)]


async def list_owned(conn: Connection, workspace: str, owners: Sequence[str]) -> list[str]:
    """Return the usernames of the enabled service accounts of a workspace whose owners have these addresses."""
    return [row["username"] for row in await conn.fetch(_SQL["list_owned"], workspace, owners)]


async def list_responsible(conn: Connection, email: str, token: bytes | None) -> list[str]:
    """Return the addresses of the accounts that answer for a call: that of the caller and, for a service account, those
    of its owner and of the admin who created its token.

    `token`: hash of the token; None: not known, any of its tokens.
    """
    return [row["email"] for row in await conn.fetch(_SQL["list_responsible"], email, token)]


async def set_owner(conn: Connection, workspace: str, username: str, owner: str) -> bool:
    """Assign a service account to another owner, by e-mail address; return False if it does not exist."""
    return await conn.fetchval(_SQL["set_owner"], workspace, username, owner) is not None
