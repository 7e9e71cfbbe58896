"""Permissions of items, folders and groups (`extra_perms`), by kind and path."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("acls")


class AclRow(msgspec.Struct, frozen=True):
    """Permissions of an item; `created_by` is empty for a group, `owners` is empty except for a folder."""

    created_by: str
    extra_perms: dict[str, bool]
    owners: list[str]


async def get(conn: Connection, workspace: str, kind: str, path: str) -> AclRow | None:
    """Return the permissions of an item. Paths of folders and groups are their names."""
    row = await conn.fetchrow(_SQL["get"], workspace, kind, path)
    if row is None:
        return None
    perms = msgspec.json.decode(row["extra_perms"], type=dict[str, bool])
    return AclRow(row["created_by"], perms, list(row["owners"]))


async def set_permission(
    conn: Connection, workspace: str, kind: str, path: str, principal: str, write: bool | None
) -> int | None:
    """Grant a principal permission to write (True) or read (False), or remove its permission (None).

    Returns the number of principals with a permission, or None if the item does not exist.
    """
    found: int | None = await conn.fetchval(_SQL["set"], workspace, kind, path, principal, write)
    return found


async def list_unknown(conn: Connection, workspace: str, principals: Collection[str]) -> list[str]:
    """Return those of these principals (`u/…`, `g/…`) that do not exist.

    The others cannot be removed until the transaction ends.
    """
    known = {"g/all"}
    for area, query in (("u/", _SQL["lock_members"]), ("g/", _SQL["lock_groups"])):
        names = [each.removeprefix(area) for each in principals if each.startswith(area)]
        if names:
            known |= {area + row[0] for row in await conn.fetch(query, workspace, names)}
    return sorted(set(principals) - known)
