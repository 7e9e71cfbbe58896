"""Route that finds runs by their inputs and results."""

from __future__ import annotations

from uuid import UUID

from litestar import get
from litestar.params import FromQuery

from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, platform_of
from orvanta_platform.http.routes.runs_observe import actor_and_workspace
from orvanta_platform.http.schemas import run_search as schemas
from orvanta_platform.http.schemas.run_search import FoundRuns
from orvanta_platform.services.run_views import search as run_search

_MAX_ROWS = 100


@get("/api/v1/runs/search", opt=call(answer=FoundRuns))
async def search_runs(
    request: AnyRequest, q: FromQuery[str], before: FromQuery[UUID | None] = None, per_page: FromQuery[int] = 20
) -> FoundRuns:
    """Search completed runs whose inputs or results contain every word of `q`, newest first, with the matches.

    A word is a sequence of letters and digits. The last word also matches longer words that start with it, if it has
    at least three characters. Text without blanks (ORD-4711-x, ann@example.com) matches as a whole. 409 if search is
    not enabled for the workspace.
    """
    actor, workspace = actor_and_workspace(request)
    most = min(max(per_page, 1), _MAX_ROWS)
    found = await run_search.find(platform_of(request), actor, workspace, q, before=before, most=most)
    return schemas.found_runs(found)


ROUTES = [search_runs]
