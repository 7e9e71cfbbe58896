"""Rows of workspaces and their members."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("workspaces")
_BATCHES = (
    _SQL["delete_cached_results"],
    _SQL["delete_idempotency_keys"],
    _SQL["delete_ticks"],
    _SQL["delete_items"],
    _SQL["delete_limits"],
)


class WorkspaceRow(msgspec.Struct, frozen=True):
    """A workspace as seen by one account; `username` None: a superadmin who is not a member."""

    id: str
    name: str
    owner: str
    color: str | None
    username: str | None
    disabled: bool
    releases_only: bool = False
    """Scripts and workflows are changed by releases only."""


class MemberRow(msgspec.Struct, frozen=True):
    """A member of a workspace."""

    workspace: str
    username: str
    email: str
    role: str
    disabled: bool
    created_at: datetime
    name: str | None
    super_admin: bool
    groups: list[str]
    account_disabled: bool = False
    service_account_of: str | None = None
    """Workspace that manages the service account, if it is another one."""


class SettingsRow(msgspec.Struct, frozen=True):
    """Settings of a workspace."""

    secrets_readable: bool
    search_run_data: bool
    retention_days: int | None
    token_max_age_days: int | None
    color: str | None


class Health(msgspec.Struct, frozen=True):
    """The database's time and the number of live workers."""

    checked_at: datetime
    workers_alive: int


async def exists(conn: Connection, workspace: str) -> bool:
    """Return whether the id is taken, including by an archived workspace."""
    return bool(await conn.fetchval(_SQL["exists"], workspace))


async def insert(conn: Connection, workspace: str, name: str, owner: str, color: str | None = None) -> bool:
    """Add a workspace; return False if the id is taken."""
    return await conn.fetchval(_SQL["insert"], workspace, name, owner, color) is not None


async def list_of_account(conn: Connection, email: str, *, every: bool) -> list[WorkspaceRow]:
    """Return the workspaces of an account, or all of them."""
    return [WorkspaceRow(**row) for row in await conn.fetch(_SQL["list_of_account"], email, every)]


async def list_archived(conn: Connection, email: str, *, every: bool) -> list[WorkspaceRow]:
    """Return the archived workspaces that an account administers, or all of them."""
    return [WorkspaceRow(**row) for row in await conn.fetch(_SQL["list_archived"], email, every)]


async def get_name(conn: Connection, workspace: str) -> str | None:
    """Return the display name of a workspace."""
    name: str | None = await conn.fetchval(_SQL["get_name"], workspace)
    return name


async def set_color(conn: Connection, id: str, color: str | None) -> None:
    """Set the color of a workspace; None: none."""
    await conn.execute(_SQL["set_color"], id, color)


async def set_name(conn: Connection, workspace: str, name: str) -> None:
    """Set the display name of a workspace."""
    await conn.execute(_SQL["set_name"], workspace, name)


async def set_archived(conn: Connection, workspace: str, archived: bool) -> bool:
    """Archive a workspace or restore it; return False if nothing changes."""
    return await conn.fetchval(_SQL["set_archived"], workspace, archived) is not None


async def begin_deletion(conn: Connection, workspace: str) -> bool:
    """Prevent the restoration of an archived workspace; return False if it is not archived."""
    return await conn.fetchval(_SQL["begin_deletion"], workspace) is not None


async def count_live_runs(conn: Connection, workspace: str) -> int:
    """Return the number of unfinished runs."""
    found: int = await conn.fetchval(_SQL["count_live_runs"], workspace)
    return found


async def take_files(conn: Connection, workspace: str, limit: int) -> list[str]:
    """Delete the rows of up to `limit` files; return the keys of their objects."""
    return [row["object"] for row in await conn.fetch(_SQL["take_files"], workspace, limit)]


async def delete_rows(conn: Connection, workspace: str, limit: int) -> int:
    """Delete up to `limit` rows of each table that may have many of a workspace; return their number."""
    tags = [await conn.execute(statement, workspace, limit) for statement in _BATCHES]
    return sum(int(tag.rpartition(" ")[2]) for tag in tags)


async def delete(conn: Connection, workspace: str) -> bool:
    """Delete a workspace whose deletion has begun, with the rows that refer to it; return False if there is none."""
    return await conn.fetchval(_SQL["delete"], workspace) is not None


async def add_member(conn: Connection, workspace: str, username: str, email: str, role: str) -> bool:
    """Add a member; return False if the username is or was that of another account, or the account is a member."""
    query = _SQL["add_member"]
    return await conn.fetchval(query, workspace, username, email, role) is not None


async def is_username_taken(conn: Connection, workspace: str, username: str) -> bool:
    """Return whether a member, or a former one, has this username."""
    return bool(await conn.fetchval(_SQL["is_username_taken"], workspace, username))


async def get_member(conn: Connection, workspace: str, username: str) -> MemberRow | None:
    """Return the member with this username."""
    row = await conn.fetchrow(_SQL["get_member"], workspace, username)
    return MemberRow(**row) if row else None


async def get_username(conn: Connection, workspace: str, email: str) -> str | None:
    """Return the username of the member with this address, unless disabled."""
    found: str | None = await conn.fetchval(_SQL["get_username"], workspace, email)
    return found


async def list_members(conn: Connection, workspace: str, *, after: str, limit: int, offset: int) -> list[MemberRow]:
    """Return members by username, those after `after`."""
    rows = await conn.fetch(_SQL["list_members"], workspace, after, limit, offset)
    return [MemberRow(**row) for row in rows]


async def get_settings(conn: Connection, workspace: str) -> SettingsRow | None:
    """Return the settings of a workspace; None if there is no such workspace."""
    row = await conn.fetchrow(_SQL["get_settings"], workspace)
    return SettingsRow(**row) if row else None


async def are_secrets_readable(conn: Connection, workspace: str) -> bool:
    """Return whether developers may read secrets through the API."""
    return bool(await conn.fetchval(_SQL["are_secrets_readable"], workspace))


async def set_secrets_readable(conn: Connection, workspace: str, readable: bool) -> None:
    """Set whether developers may read secrets through the API."""
    await conn.execute(_SQL["set_secrets_readable"], workspace, readable)


async def get_health(conn: Connection) -> Health:
    """Return the health of the database and the workers."""
    return Health(**await conn.fetchrow(_SQL["get_health"]))


async def is_search_enabled(conn: Connection, workspace: str) -> bool:
    """Return whether the data of its runs is indexed for search."""
    return bool(await conn.fetchval(_SQL["is_search_enabled"], workspace))


async def set_search_run_data(conn: Connection, workspace: str, searched: bool) -> None:
    """Enable indexing of the data of its runs, starting with the first run, or disable it."""
    await conn.execute(_SQL["set_search_run_data"], workspace, searched)


async def set_retention_days(conn: Connection, workspace: str, days: int | None) -> None:
    """Set the retention of runs in days."""
    await conn.execute(_SQL["set_retention_days"], workspace, days)


async def get_token_max_age_days(conn: Connection, email: str, workspace: str | None) -> int | None:
    """Return the shortest maximum lifetime of tokens of a workspace, or of all workspaces of an account."""
    days: int | None = await conn.fetchval(_SQL["get_token_max_age_days"], email, workspace)
    return days


async def set_token_max_age_days(conn: Connection, workspace: str, days: int | None) -> None:
    """Set the maximum lifetime of new tokens of a workspace; None: that of the instance."""
    await conn.execute(_SQL["set_token_max_age_days"], workspace, days)


async def lock_settings(conn: Connection, workspace: str) -> dict[str, Any]:
    """Return the settings by the names of their fields; no other transaction changes them until this one ends."""
    row = await conn.fetchrow(_SQL["lock_settings"], workspace)
    # A statement of its own also sees what was committed while the first one waited for the lock.
    handler = await conn.fetchval(_SQL["get_error_handler"], workspace)
    return {**row, "error_handler": handler} if row else {}
