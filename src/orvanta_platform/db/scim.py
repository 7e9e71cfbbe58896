"""Rows of accounts and groups as SCIM clients see them, and of the tokens of these clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("scim")


class ScimTokenRow(msgspec.Struct, frozen=True):
    """A token of a SCIM client in lists."""

    prefix: str
    created_by: str
    """Username of the superadmin."""
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime


class ScimUserRow(msgspec.Struct, frozen=True):
    """An account of a person."""

    id: UUID
    email: str
    name: str | None
    disabled: bool
    disabled_by_scim: bool
    super_admin: bool
    external_id: str | None
    created_at: datetime
    total: int
    """Number of rows of the list without its limit."""


class ScimGroupRow(msgspec.Struct, frozen=True):
    """A group without its members."""

    id: UUID
    display_name: str
    external_id: str | None
    created_at: datetime
    total: int
    """Number of rows of the list without its limit."""


class Matching(msgspec.Struct, frozen=True):
    """Filter of a list; None: any."""

    id: UUID | None = None
    name: str | None = None
    """Address of an account in lower case, or name of a group."""
    external_id: str | None = None


async def insert_token(conn: Connection, digest: bytes, prefix: str, created_by: str, expires_at: datetime) -> None:
    """Add a token."""
    await conn.execute(_SQL["insert_token"], digest, prefix, created_by, expires_at)


async def use_token(conn: Connection, digest: bytes) -> bool:
    """Record the use of a token; return False if it is not valid."""
    return await conn.fetchval(_SQL["use_token"], digest) is not None


async def list_tokens(conn: Connection) -> list[ScimTokenRow]:
    """Return all tokens, newest first."""
    return [ScimTokenRow(**row) for row in await conn.fetch(_SQL["list_tokens"])]


async def delete_token(conn: Connection, prefix: str) -> bool:
    """Delete a token; return False if there is none with this prefix."""
    return await conn.fetchval(_SQL["delete_token"], prefix) is not None


async def list_users(conn: Connection, where: Matching, *, limit: int, offset: int = 0) -> list[ScimUserRow]:
    """Return accounts of people that match, oldest first."""
    rows = await conn.fetch(_SQL["list_users"], where.id, where.name, where.external_id, limit, offset)
    return [ScimUserRow(**row) for row in rows]


async def find_linkable(conn: Connection, email: str, external_id: str) -> str | None:
    """Return the address of the account with this external identifier if nobody can log in to it otherwise."""
    found: str | None = await conn.fetchval(_SQL["find_linkable"], email, external_id)
    return found


async def update_user(conn: Connection, email: str, name: str | None, external_id: str | None) -> None:
    """Set the name and the external identifier of an account."""
    await conn.execute(_SQL["update_user"], email, name, external_id)


async def list_groups(conn: Connection, where: Matching, *, limit: int, offset: int = 0) -> list[ScimGroupRow]:
    """Return groups that match, oldest first."""
    rows = await conn.fetch(_SQL["list_groups"], where.id, where.name, where.external_id, limit, offset)
    return [ScimGroupRow(**row) for row in rows]


async def list_members(conn: Connection, groups: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Return the identifiers of the members of groups, by group."""
    found: dict[UUID, list[UUID]] = {}
    for row in await conn.fetch(_SQL["list_members"], groups):
        found.setdefault(row["scim_group"], []).append(row["id"])
    return found


async def count_members(conn: Connection, groups: Sequence[UUID]) -> dict[UUID, int]:
    """Return the numbers of members by group; groups without members are left out."""
    return {row["scim_group"]: row["members"] for row in await conn.fetch(_SQL["count_members"], groups)}


async def insert_group(conn: Connection, name: str, external_id: str | None) -> UUID | None:
    """Add a group and return its identifier; None if the name is taken."""
    found: UUID | None = await conn.fetchval(_SQL["insert_group"], name, external_id)
    return found


async def lock_group(conn: Connection, group: UUID) -> bool:
    """Lock a group until the transaction ends; return False if it does not exist."""
    return await conn.fetchval(_SQL["lock_group"], group) is not None


async def update_group(conn: Connection, group: UUID, name: str, external_id: str | None) -> bool:
    """Change a group; return False if the name is taken."""
    return await conn.fetchval(_SQL["update_group"], group, name, external_id) is not None


async def delete_group(conn: Connection, group: UUID) -> None:
    """Delete a group."""
    await conn.execute(_SQL["delete_group"], group)


async def set_members(conn: Connection, group: UUID, members: Sequence[UUID]) -> set[str]:
    """Replace the members of a group; return the addresses of accounts that joined or left."""
    left = await conn.fetch(_SQL["remove_members"], group, members)
    joined = await conn.fetch(_SQL["add_members"], group, members)
    return {row["email"] for row in (*left, *joined)}


async def list_addresses(conn: Connection, group: UUID) -> set[str]:
    """Return the addresses of the members of a group."""
    return {row["email"] for row in await conn.fetch(_SQL["list_addresses"], group)}


async def count_users(conn: Connection, users: Sequence[UUID]) -> int:
    """Return the number of these accounts that exist."""
    return int(await conn.fetchval(_SQL["count_users"], users))


async def list_groups_of(conn: Connection, emails: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of the groups of accounts, by address."""
    return {row["email"]: row["names"] for row in await conn.fetch(_SQL["list_groups_of"], emails)}
