"""Routes of the figures of operations over time."""

from __future__ import annotations

from typing import Any, get_args

from litestar import get
from litestar.params import FromPath, FromQuery

from orvanta_platform.errors import BadRequest
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of
from orvanta_platform.http.schemas import operations as schemas
from orvanta_platform.http.schemas.operations import Operations
from orvanta_platform.services.maintenance import statistics
from orvanta_platform.services.maintenance.statistics import Span

_SPANS: dict[str, Span] = {each: each for each in get_args(Span)}


@get("/api/w/{workspace:str}/operations", opt=call(answer=Operations))
async def workspace_operations(
    request: AnyRequest, workspace: FromPath[str], last: FromQuery[str] = "24h"
) -> Operations:
    """Figures of a workspace over the last `1h`, `24h` or `7d`: ended runs, and waiting and running jobs.

    They are recorded once a minute. Viewers may not read them.
    """
    found = await statistics.of_workspace(platform_of(request), actor_of(request), workspace, _span(last))
    return schemas.chart(found)


@get("/api/operations", opt=call(answer=Operations))
async def installation_operations(request: AnyRequest, last: FromQuery[str] = "24h") -> Operations:
    """Figures of all workspaces together, of the workers and of the database. Superadmins and devops only."""
    return schemas.chart(await statistics.of_instance(platform_of(request), actor_of(request), _span(last)))


def _span(text: str) -> Span:
    if text not in _SPANS:
        raise BadRequest("The value of last is invalid.", hint=f"Use one of {', '.join(_SPANS)}.")
    return _SPANS[text]


ROUTES: list[Any] = [workspace_operations, installation_operations]
