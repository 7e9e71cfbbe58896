"""Rows of transfers: items below a path get paths below another one, with the references to them."""

from __future__ import annotations

from typing import Literal

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("transfers")


class OwnedItem(msgspec.Struct, frozen=True):
    """An item at a path. `kind`: script, flow, variable, resource, schedule or http_trigger."""

    kind: str
    path: str


class CurrentVersion(msgspec.Struct, frozen=True):
    """The current version of a script or workflow, with its document."""

    kind: str
    path: str
    version: int
    format: str
    body: bytes
    newest: bool


async def list_items(conn: Connection, workspace: str, prefix: str, limit: int) -> list[OwnedItem]:
    """Return the items whose paths start with `prefix`, by kind and path."""
    return [OwnedItem(**row) for row in await conn.fetch(_SQL["list_items"], workspace, prefix, limit)]


async def lock_documents(conn: Connection, workspace: str, text: str) -> list[CurrentVersion]:
    """Return the current versions whose documents contain a text; their items are locked until the transaction ends."""
    return [CurrentVersion(**row) for row in await conn.fetch(_SQL["lock_documents"], workspace, text)]


async def move_trigger(
    conn: Connection, workspace: str, kind: Literal["schedule", "http_trigger"], path: str, target: str, username: str
) -> None:
    """Move a schedule or HTTP trigger to another path, which must be free."""
    await conn.execute(_SQL[f"move_{kind}"], workspace, path, target, username)


async def replace_references(
    conn: Connection, workspace: str, kind: Literal["variable", "resource"], path: str, target: str, username: str
) -> list[OwnedItem]:
    """Replace the path of a variable or resource in schedules, resources and HTTP triggers; returns those changed."""
    sign = "$var:" if kind == "variable" else "$res:"
    texts = (f'"{sign}{path}"', f'"{sign}{target}"')
    schedules = await conn.fetch(_SQL["replace_in_schedules"], workspace, *texts, username)
    resources = await conn.fetch(_SQL["replace_in_resources"], workspace, *texts)
    changed = [OwnedItem("schedule", row["path"]) for row in schedules]
    changed += [OwnedItem("resource", row["path"]) for row in resources]
    if kind == "resource":
        rows = await conn.fetch(_SQL["replace_in_http_triggers"], workspace, path, target, username)
        changed += [OwnedItem("http_trigger", row["path"]) for row in rows]
    return changed
