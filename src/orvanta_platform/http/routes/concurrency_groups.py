"""Routes of concurrency limits in use."""

from __future__ import annotations

from typing import Any

from litestar import Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery
from msgspec.structs import replace

from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import MAX_PAGE, AnyRequest, actor_of, platform_of
from orvanta_platform.http.routes.jobs_list import job_filter, job_slice
from orvanta_platform.http.schemas import concurrency as schemas
from orvanta_platform.http.schemas.concurrency import ConcurrencyGroup, ExtendedJobs
from orvanta_platform.services.run_views import concurrency


@get("/api/concurrency_groups/list", opt=shape(answer=list[ConcurrencyGroup]))
async def list_concurrency_groups(request: AnyRequest) -> list[ConcurrencyGroup]:
    """List the concurrency limits in use, the most used first, at most 1,000. Superadmins and devops only."""
    found = await concurrency.list_groups(platform_of(request), actor_of(request))
    return [ConcurrencyGroup(each.name, each.in_use) for each in found]


@get("/api/w/{workspace:str}/concurrency_groups/list_jobs", opt=shape(answer=ExtendedJobs))
async def list_extended_jobs(
    request: AnyRequest,
    workspace: FromPath[str],
    job_filter: NamedDependency[JobFilter],
    job_slice: NamedDependency[Slice],
    concurrency_key: FromQuery[str | None] = None,
    row_limit: FromQuery[int | None] = None,
) -> ExtendedJobs:
    """List the runs and jobs that hold a permit of the limit `concurrency_key` or queue for one.

    A run is also listed if one of its nodes holds the permit or waits for it. Without a key, lists all runs and
    jobs that match the filter. Jobs that the caller may not see are listed without details, and not with a filter.
    """
    if row_limit is not None:
        job_slice = replace(job_slice, limit=min(max(row_limit, 1), MAX_PAGE))
    platform, actor = platform_of(request), actor_of(request)
    found = await concurrency.list_jobs(platform, actor, workspace, concurrency_key, job_filter, job_slice)
    return schemas.extended(found)


ROUTES: list[Any] = [
    list_concurrency_groups,
    Router(
        "/",
        route_handlers=[list_extended_jobs],
        dependencies={"job_filter": Provide(job_filter), "job_slice": Provide(job_slice)},
    ),
]
