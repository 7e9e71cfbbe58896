"""Rows of acceptances: which versions may run for a member who did not start the run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts

_SQL = query_texts("acceptance")

EVERYBODY = "g/all"
"""The identity under which a version is accepted for every member."""


class ReachableItem(msgspec.Struct, frozen=True):
    """The current version of a named item, or of an item that a named one runs."""

    kind: str
    path: str
    version: int
    accepted: int | None
    """The version that runs for the member in question; None if there is none."""


class RunOrigin(msgspec.Struct, frozen=True):
    """The trigger of the outermost run around a job (None: the run was deleted), and the identity of the job's run."""

    permissioned_as: str
    trigger: str | None
    created_by: str | None


async def accept(conn: Connection, versions: Sequence[int], permissioned_as: str, by: str) -> list[int]:
    """Accept versions for a member, or EVERYBODY; return those that had not been accepted for them."""
    rows = await conn.fetch(_SQL["accept"], list(versions), permissioned_as, by)
    return [row["version"] for row in rows]


async def is_accepted(conn: Connection, versions: Sequence[int], permissioned_as: str) -> bool:
    """Return whether all of these versions are accepted for a member."""
    return bool(await conn.fetchval(_SQL["is_accepted"], list(versions), permissioned_as))


async def withdraw(conn: Connection, version: int, permissioned_as: str | None) -> None:
    """Delete the acceptance of a version for a member; None: for all members."""
    await conn.execute(_SQL["withdraw"], version, permissioned_as)


async def withdraw_archived(conn: Connection, workspace: str, kind: str, path: str, keep: str | None) -> None:
    """Delete all acceptances at a path whose item is archived, except those for the member `keep`."""
    await conn.execute(_SQL["withdraw_archived"], workspace, kind, path, keep)


async def withdraw_at(conn: Connection, workspace: str, kind: str, path: str, keep: str | None) -> None:
    """Delete all acceptances at a path, except those for the member `keep`."""
    await conn.execute(_SQL["withdraw_at"], workspace, kind, path, keep)


async def list_reachable(
    conn: Connection, workspace: str, named: Sequence[tuple[str, str]], permissioned_as: str, *, present: bool
) -> list[ReachableItem]:
    """Return the items named by (kind, path), and all items that they run by path.

    With `present` the current versions are followed, otherwise those accepted for the member, if any.
    """
    kinds, paths = [kind for kind, _ in named], [path for _, path in named]
    rows = await conn.fetch(_SQL["list_reachable"], workspace, kinds, paths, permissioned_as, present)
    return [ReachableItem(**row) for row in rows]


async def list_used_items(conn: Connection, version: int) -> list[tuple[str, str]]:
    """Return kinds and paths of the items that the nodes of a version run by path."""
    rows = await conn.fetch(_SQL["list_used_items"], version)
    return [(row["kind"], row["path"]) for row in rows]


async def get_origin(conn: Connection, job: UUID) -> RunOrigin | None:
    """Return the trigger of the outermost run around a live job; None if the job has ended."""
    row = await conn.fetchrow(_SQL["get_origin"], job)
    return RunOrigin(**row) if row else None


class WaitingRow(msgspec.Struct, frozen=True):
    """A current version that waits for its acceptance for a member."""

    kind: str
    path: str
    permissioned_as: str
    extra_perms: dict[str, bool]
    version: int
    number: int
    author: str
    created_at: datetime
    message: str | None
    accepted: int | None
    """The version that runs for the member meanwhile; None if none may."""
    accepted_number: int | None
    accepted_author: str | None
    runs_it: list[str]
    """Visible triggers that run it for the member, as `<source>:<name>`."""


class WaitingFilter(msgspec.Struct, frozen=True):
    """The rows visible to a caller, as in control.permissions.Readable, with the token's scopes by kind."""

    everything: bool
    patterns: list[str]
    principals: list[str]
    scripts: list[str] | None
    flows: list[str] | None
    schedules: list[str] | None
    http_triggers: list[str] | None
    item: tuple[str, str] | None = None
    """Limits the result to one item (kind, path)."""
    source: tuple[str, str] | None = None
    """Limits the result to the items of one trigger (schedule, http_trigger or flow; path)."""


async def list_waiting(conn: Connection, workspace: str, filter: WaitingFilter) -> list[WaitingRow]:
    """Return the current versions that wait for acceptance, at most 1000, by path."""
    rows = await conn.fetch(
        _SQL["list_waiting"],
        workspace,
        filter.everything,
        filter.patterns,
        filter.principals,
        filter.scripts,
        filter.flows,
        filter.schedules,
        filter.http_triggers,
        *(filter.item or (None, None)),
        *(filter.source or (None, None)),
    )
    return [
        WaitingRow(**{**row, "extra_perms": msgspec.json.decode(row["extra_perms"], type=dict[str, bool])})
        for row in rows
    ]


async def list_current(conn: Connection, workspace: str, patterns: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return kinds and paths of the items that match one of these LIKE patterns; None: all items."""
    rows = await conn.fetch(_SQL["list_current"], workspace, patterns)
    return [(row["kind"], row["path"]) for row in rows]
