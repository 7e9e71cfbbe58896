"""The call that finds runs by what they got and gave."""

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

_MOST = 100


@get("/api/v1/runs/search", opt=call(answer=FoundRuns))
async def search_runs(
    request: AnyRequest, q: FromQuery[str], before: FromQuery[UUID | None] = None, per_page: FromQuery[int] = 20
) -> FoundRuns:
    """Runs that have ended whose inputs or results have every word of `q`, the newest first, and where it stands.

    A word is a row of letters and digits; the last one, of three or more, also stands for words that begin so. What is
    written without a blank (ORD-4711-x, ann@example.com) stands in one place as a whole. 409 where it is not turned on.
    """
    actor, workspace = actor_and_workspace(request)
    most = min(max(per_page, 1), _MOST)
    found = await run_search.find(platform_of(request), actor, workspace, q, before=before, most=most)
    return schemas.found_runs(found)


ROUTES = [search_runs]
