"""Search for runs by words in their inputs and results."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import search
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.run_views.search_words import SearchTerms

MAX_QUERY_LENGTH = 200
"""Maximum length of a search text in characters."""


class Found(msgspec.Struct, frozen=True):
    """A run, and the places with matching words: (node, args or result). An empty node stands for the run itself."""

    row: JobRow
    places: Sequence[tuple[str, str]]


class Page(msgspec.Struct, frozen=True):
    """Results, newest first."""

    found: Sequence[Found]
    before: UUID | None
    """Id from which the next page continues; None: there is none."""


async def find(
    platform: Platform, actor: Actor, workspace: str, text: str, *, before: UUID | None = None, limit: int = 20
) -> Page:
    """Return readable runs, among the newest 1,000, whose data contains every word of `text`; the last may be a prefix.

    Raises NotFound, BadRequest if it has no word, Conflict if the search is disabled in the workspace.
    """
    terms = SearchTerms.of(text[:MAX_QUERY_LENGTH])
    if not terms.parts:
        raise BadRequest("The search text has no word.", hint="Search for an id, a name or an address, such as 4711.")
    jobs.visible(actor, workspace)
    async with platform.db.acquire() as conn:
        await jobs.require_search(conn, workspace)
    filter = JobFilter(words=terms.query, is_flow_step=False)
    rows = await jobs.list_jobs(platform, actor, workspace, ("ended_runs",), filter, Slice(limit=limit, before=before))
    async with platform.db.acquire() as conn:
        starts = [terms.start] if terms.start else []
        places = await search.find_places(conn, [row.id for row in rows], terms.words, starts)
    found = [Found(row, [_place(each) for each in terms.places(places.get(row.id, {}))]) for row in rows]
    return Page([each for each in found if each.places], rows[-1].id if len(rows) == limit else None)


def _place(text: str) -> tuple[str, str]:
    node, _, kind = text.rpartition(":")
    return node, kind
