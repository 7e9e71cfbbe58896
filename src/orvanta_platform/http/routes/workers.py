"""Workers and queues."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import MediaType, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import LONGEST_PAGE, AnyRequest, actor_of, body_of, platform_of
from orvanta_platform.http.schemas import workers as schemas
from orvanta_platform.http.schemas.workers import DrainBody, Queue, Worker
from orvanta_platform.services.maintenance import workers


@get("/api/workers/list", opt=shape(answer=list[Worker]))
async def list_workers(
    request: AnyRequest,
    page: FromQuery[int] = 1,
    per_page: FromQuery[int] = 30,
    ping_since: FromQuery[int | None] = None,
) -> list[Worker]:
    """Living workers; with `ping_since` also those heard of within as many seconds."""
    limit = min(max(per_page, 1), LONGEST_PAGE)
    rows = await workers.list_workers(
        platform_of(request),
        actor_of(request),
        seen_within_s=ping_since,
        limit=limit,
        offset=(min(max(page, 1), 1_000_000) - 1) * limit,
    )
    return [schemas.worker(row) for row in rows]


@get("/api/workers/queue_counts", opt=shape(answer=dict[str, int]))
async def queue_counts(request: AnyRequest) -> dict[str, int]:
    """How many jobs may start now, by queue (`tag`); a queue without any is absent."""
    return await workers.queue_counts(platform_of(request), actor_of(request))


@get("/api/workers/queues", opt=shape(answer=list[Queue]))
async def list_queues(request: AnyRequest) -> list[Queue]:
    """The queues that have jobs: how many wait, since when, how many run, and how many workers serve them."""
    return [schemas.queue(row) for row in await workers.queues(platform_of(request), actor_of(request))]


@post("/api/workers/drain/{id:uuid}", status_code=200, media_type=MediaType.TEXT, opt=shape(body=DrainBody))
async def drain_worker(request: AnyRequest, id: FromPath[UUID]) -> str:
    """Let a worker take no more jobs, or take jobs again; what it runs goes on. For administrators of the instance."""
    given = await body_of(request, DrainBody)
    await workers.set_drained(platform_of(request), actor_of(request), id, drained=given.drained)
    return "drained" if given.drained else "claiming"


ROUTES: list[Any] = [list_workers, queue_counts, list_queues, drain_worker]
