"""Rows of search: the words of runs, which runs are due, and where words stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.db.pool import Connection
from orvanta_platform.db.queries import load
from orvanta_platform.db.values import ValueRow


@dataclass(frozen=True, slots=True)
class Text:
    """A value of a run: what `node` (empty: the run) got (`kind` args) or gave (result)."""

    run: UUID
    node: str
    value: ValueRow


@dataclass(frozen=True, slots=True)
class RunText:
    """The words of a run: `words` as the text of a tsvector whose positions count `places` from 1."""

    run: UUID
    places: Sequence[str]
    words: str


async def searched(conn: Connection) -> list[tuple[str, UUID | None]]:
    """The workspaces whose runs are indexed, and up to which run that has been seen to."""
    return [(row["id"], row["search_past"]) for row in await conn.fetch(_text("searched"))]


async def unsearched(conn: Connection) -> list[str]:
    """Workspaces that have something indexed and no longer want it."""
    return [row["id"] for row in await conn.fetch(_text("unsearched"))]


async def next_runs(conn: Connection, workspace: str, past: UUID, upto: UUID, most: int) -> list[UUID]:
    """The next runs after `past` and up to `upto`, whether or not they have ended."""
    return [row["id"] for row in await conn.fetch(_text("next_runs"), workspace, past, upto, most)]


async def note_next(conn: Connection, workspace: str, past: UUID | None, runs: Sequence[UUID], upto: UUID) -> None:
    """These are due; all up to `upto` are seen to. Nothing happens where somebody else was first."""
    await conn.execute(_text("note_next"), workspace, past, list(runs), upto)


async def note_run(conn: Connection, run: UUID, workspace: str) -> None:
    """Queue a run with a chosen id for indexing: the workspace's scan may be past that id. No effect without search."""
    await conn.execute(_text("note_run"), run, workspace)


async def take_ended(conn: Connection, workspace: str, most: int) -> list[UUID]:
    """Runs that are due and have ended, which nobody else takes while the transaction lasts."""
    return [row["run"] for row in await conn.fetch(_text("take_ended"), workspace, most)]


async def texts(conn: Connection, runs: Sequence[UUID], most_bytes: int) -> list[Text]:
    """What these runs got and gave, of each as much as begins within so many bytes."""
    found = await conn.fetch(_text("texts"), list(runs), most_bytes)
    fields = ("id", "kind", "name", "size", "encoding", "body", "object")
    return [Text(row["run"], row["node"], ValueRow(**{name: row[name] for name in fields})) for row in found]


async def schemas(conn: Connection, runs: Sequence[UUID]) -> dict[UUID, str]:
    """The JSON Schemas of the inputs of these runs, as JSON text, where they have one."""
    return {row["run"]: row["schema"] for row in await conn.fetch(_text("schemas"), list(runs))}


async def keep(conn: Connection, workspace: str, texts: Sequence[RunText]) -> int:
    """Keep the words of runs; gives how many bytes they take."""
    places = ["\n".join(each.places) for each in texts]
    rows = await conn.fetch(
        _text("keep"), workspace, [each.run for each in texts], places, [each.words for each in texts]
    )
    return sum(row["bytes"] for row in rows)


async def done(conn: Connection, runs: Sequence[UUID]) -> None:
    """These runs are due no longer."""
    await conn.execute(_text("done"), list(runs))


async def bytes_of_workspaces(conn: Connection) -> dict[str, int]:
    """What the words of each workspace take."""
    return {row["workspace"]: row["bytes"] for row in await conn.fetch(_text("bytes"))}


async def drop_oldest(conn: Connection, workspace: str, most: int) -> list[int]:
    """Drop the words of its oldest runs; gives how many bytes each took."""
    return [row["bytes"] for row in await conn.fetch(_text("drop_oldest"), workspace, most)]


async def forget_due(conn: Connection, workspace: str) -> None:
    """Nothing of a workspace is due any longer."""
    await conn.execute(_text("forget_due"), workspace)


async def forgotten(conn: Connection, workspace: str) -> None:
    """Nothing is left of what was indexed of a workspace that no longer wants it."""
    await conn.execute(_text("forgotten"), workspace)


async def places(
    conn: Connection, runs: Sequence[UUID], words: Sequence[str], starts: Sequence[str]
) -> dict[UUID, dict[str, frozenset[str]]]:
    """By run and word where that stands, of these words and those that begin like one of `starts`."""
    found: dict[UUID, dict[str, frozenset[str]]] = {}
    likes = [f"{start}%" for start in starts]
    for row in await conn.fetch(_text("places"), list(runs), list(words), likes):
        found.setdefault(row["run"], {})[row["lexeme"]] = frozenset(row["places"])
    return found


def _text(name: str) -> str:
    return load("search")[name].text
