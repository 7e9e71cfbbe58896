"""Which runs got or gave what somebody looks for, and where in them it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import search, workspaces
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.errors import BadRequest, Conflict
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.search_words import SearchTerms

LONGEST = 200
"""Characters of what is looked for, at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run, and where it has it: (node, args or result); the node empty: what the run itself got or gave."""

    row: JobRow
    places: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """The newest first. `before`: the id that gives the next page; None: there is none."""

    found: Sequence[Found]
    before: UUID | None


async def find(
    platform: Platform, actor: Actor, workspace: str, text: str, *, before: UUID | None = None, most: int = 20
) -> Page:
    """Runs that this actor may read, of the newest 1,000 whose data has every word of `text`; the last may go on.

    Raises NotFound, BadRequest where it has no word, Conflict where the workspace does not have its runs searched.
    """
    asked = SearchTerms.of(text[:LONGEST])
    if not asked.parts:
        raise BadRequest("There is no word to look for.", hint="Write an id, a name or an address, such as 4711.")
    jobs.visible(actor, workspace)
    async with platform.db.acquire() as conn:
        if not await workspaces.search_run_data(conn, workspace):
            raise Conflict(
                "The data of runs is not searched in this workspace.",
                hint="An admin turns it on: POST /api/w/{workspace}/workspaces/edit_search_run_data.",
            )
    filter = JobFilter(words=asked.query, is_flow_step=False)
    rows = await jobs.list_jobs(platform, actor, workspace, ("ended_runs",), filter, Slice(limit=most, before=before))
    async with platform.db.acquire() as conn:
        starts = [asked.start] if asked.start else []
        places = await search.places(conn, [row.id for row in rows], asked.words, starts)
    found = [Found(row, [_place(each) for each in asked.places(places.get(row.id, {}))]) for row in rows]
    return Page([each for each in found if each.places], rows[-1].id if len(rows) == most else None)


def _place(text: str) -> tuple[str, str]:
    node, _, kind = text.rpartition(":")
    return node, kind
