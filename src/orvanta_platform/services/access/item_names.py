"""Names of workflows and scripts, which lists show before their paths."""

from __future__ import annotations

from collections.abc import Iterable

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import readable
from orvanta_platform.db import items
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import Forbidden

Names = dict[tuple[str, str], str]
"""Summaries by kind and path of the item; an item without one is missing."""

_PATHS = 1_000
"""Maximum number of items of one kind that a text in names finds."""


async def find_paths(conn: Connection, actor: Actor, workspace: str, text: str) -> list[str]:
    """Return the paths of the workflows and scripts that the actor may read and whose names contain `text`."""
    found: list[str] = []
    for kind in ("flow", "script"):
        try:
            sees = readable(actor, kind).conditions()
        except Forbidden:  # A token that may read runs only.
            continue
        found += await items.list_paths_by_name(conn, workspace, kind, text, _PATHS, **sees)
    return found


async def get_names(conn: Connection, actor: Actor, workspace: str, wanted: Iterable[tuple[str, str]]) -> Names:
    """Return the summaries of these items that the actor may read. `wanted`: their kinds, flow or script, and paths."""
    by_kind: dict[str, set[str]] = {}
    for kind, path in wanted:
        by_kind.setdefault(kind, set()).add(path)
    names: Names = {}
    for kind, paths in by_kind.items():
        try:
            sees = readable(actor, kind).conditions()
        except Forbidden:  # A token that may read runs or schedules only.
            continue
        found = await items.list_summaries(conn, workspace, kind, sorted(paths), **sees)
        names |= {(kind, path): summary for path, summary in found.items()}
    return names
