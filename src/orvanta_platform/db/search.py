"""Rows of full-text search: words of runs and their places, and runs to be indexed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import query_texts
from orvanta_platform.db.values import ValueRow

_SQL = query_texts("search")


class Text(msgspec.Struct, frozen=True):
    """A value of a run: the input (`kind` args) or the result of `node` (empty: of the run)."""

    run: UUID
    node: str
    value: ValueRow


class RunText(msgspec.Struct, frozen=True):
    """The words of a run: `words` is the text of a tsvector whose positions refer to `places`, from 1."""

    run: UUID
    places: Sequence[str]
    words: str


async def list_workspaces(conn: Connection) -> tuple[list[tuple[str, UUID | None]], list[str]]:
    """Return the workspaces whose runs are indexed, each with the last run that has been queued for it, and those with
    indexed runs in which search is now disabled.
    """
    rows = await conn.fetch(_SQL["list_workspaces"])
    enabled = [(row["id"], row["search_past"]) for row in rows if row["search_run_data"]]
    return enabled, [row["id"] for row in rows if not row["search_run_data"]]


async def list_next_runs(conn: Connection, workspace: str, past: UUID, upto: UUID, limit: int) -> list[UUID]:
    """Return the next runs after `past` and up to `upto`, live or ended."""
    return [row["id"] for row in await conn.fetch(_SQL["list_next_runs"], workspace, past, upto, limit)]


async def queue_next(conn: Connection, workspace: str, past: UUID | None, runs: Sequence[UUID], upto: UUID) -> None:
    """Queue runs for indexing and record progress up to `upto`. No effect if another process did so first."""
    await conn.execute(_SQL["queue_next"], workspace, past, list(runs), upto)


async def queue_run(conn: Connection, run: UUID, workspace: str) -> None:
    """Queue a run with a chosen id for indexing: the workspace's scan may be past that id. No effect without search."""
    await conn.execute(_SQL["queue_run"], run, workspace)


async def lock_ended(conn: Connection, workspace: str, limit: int) -> list[UUID]:
    """Lock and return queued runs that have ended; other processes skip them until the transaction ends."""
    return [row["run"] for row in await conn.fetch(_SQL["lock_ended"], workspace, limit)]


async def list_texts(conn: Connection, runs: Sequence[UUID], max_bytes: int) -> list[Text]:
    """Return inputs and results of these runs, for each run those that start within this many bytes."""
    found = await conn.fetch(_SQL["list_texts"], list(runs), max_bytes)
    fields = ("id", "kind", "name", "size", "encoding", "body", "object")
    return [Text(row["run"], row["node"], ValueRow(**{name: row[name] for name in fields})) for row in found]


async def get_schemas(conn: Connection, runs: Sequence[UUID]) -> dict[UUID, str]:
    """Return the JSON Schemas of the inputs of these runs, as JSON text, if they have one."""
    return {row["run"]: row["schema"] for row in await conn.fetch(_SQL["get_schemas"], list(runs))}


async def store(conn: Connection, workspace: str, texts: Sequence[RunText]) -> int:
    """Store the words of runs; return their size in bytes."""
    places = ["\n".join(each.places) for each in texts]
    rows = await conn.fetch(
        _SQL["store"], workspace, [each.run for each in texts], places, [each.words for each in texts]
    )
    return sum(row["bytes"] for row in rows)


async def remove_queued(conn: Connection, runs: Sequence[UUID]) -> None:
    """Remove runs from the queue for indexing."""
    await conn.execute(_SQL["remove_queued"], list(runs))


async def get_sizes(conn: Connection) -> dict[str, int]:
    """Return the size in bytes of the indexed words of each workspace."""
    return {row["workspace"]: row["bytes"] for row in await conn.fetch(_SQL["get_sizes"])}


async def delete_oldest(conn: Connection, workspace: str, limit: int) -> list[int]:
    """Delete the words of the workspace's oldest runs; return the size of each in bytes."""
    return [row["bytes"] for row in await conn.fetch(_SQL["delete_oldest"], workspace, limit)]


async def clear_queue(conn: Connection, workspace: str) -> None:
    """Remove all runs of a workspace from the queue for indexing."""
    await conn.execute(_SQL["clear_queue"], workspace)


async def mark_unindexed(conn: Connection, workspace: str) -> None:
    """Record that a workspace without search has no indexed runs any more."""
    await conn.execute(_SQL["mark_unindexed"], workspace)


async def find_places(
    conn: Connection, runs: Sequence[UUID], words: Sequence[str], starts: Sequence[str]
) -> dict[UUID, dict[str, frozenset[str]]]:
    """Return the places of these words, and of words that start with one of `starts`, by run and word."""
    found: dict[UUID, dict[str, frozenset[str]]] = {}
    likes = [f"{start}%" for start in starts]
    for row in await conn.fetch(_SQL["find_places"], list(runs), list(words), likes):
        found.setdefault(row["run"], {})[row["lexeme"]] = frozenset(row["places"])
    return found
