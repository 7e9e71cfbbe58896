"""Routes of workers and queues."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import MediaType, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform import clock
from orvanta_platform.errors import BadRequest
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import MAX_PAGE, AnyRequest, actor_of, body_of, platform_of
from orvanta_platform.http.schemas import workers as schemas
from orvanta_platform.http.schemas.workers import Alert, Demand, DrainBody, Queue, QueueMetrics, TagCount, Worker
from orvanta_platform.services.maintenance import alerts, workers

MAX_SLOTS = 1000


@get("/api/workers/list", opt=shape(answer=list[Worker]))
async def list_workers(
    request: AnyRequest,
    page: FromQuery[int] = 1,
    per_page: FromQuery[int] = 30,
    ping_since: FromQuery[int | None] = None,
) -> list[Worker]:
    """List live workers. With `ping_since`, also those seen within that many seconds."""
    limit = min(max(per_page, 1), MAX_PAGE)
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
    """Count the jobs that may start now, by queue (`tag`). Queues without such jobs are omitted."""
    return await workers.count_waiting_jobs(platform_of(request), actor_of(request))


@get("/api/workers/queues", opt=shape(answer=list[Queue]))
async def list_queues(request: AnyRequest) -> list[Queue]:
    """List the queues that have jobs: the number waiting and since when, the number running, and their workers."""
    return [schemas.queue(row) for row in await workers.list_queues(platform_of(request), actor_of(request))]


@get("/api/workers/custom_tags", opt=shape(answer=list[str]))
async def custom_tags(request: AnyRequest) -> list[str]:
    """List the queues (tags) that live workers name. Workers that name none serve all queues."""
    return await workers.list_named_queues(platform_of(request), actor_of(request))


@get("/api/workers/exists_workers_with_tags", opt=shape(answer=dict[str, bool]))
async def exists_workers_with_tags(request: AnyRequest, tags: FromQuery[str]) -> dict[str, bool]:
    """Check for each queue in `tags`, which are comma-separated, whether a live worker serves it."""
    asked = [tag for tag in dict.fromkeys(tags.split(",")) if tag]
    return await workers.find_served_queues(platform_of(request), actor_of(request), asked)


@get("/api/workers/queue_metrics", opt=shape(answer=list[QueueMetrics]))
async def queue_metrics(request: AnyRequest) -> list[QueueMetrics]:
    """Get the number of jobs that may start now, by queue, in the form of a series with one value."""
    counts = await workers.count_waiting_jobs(platform_of(request), actor_of(request))
    return schemas.metrics(counts, clock.now())


@get("/api/jobs/completed/count_by_tag", opt=shape(answer=list[TagCount]))
async def count_by_tag(
    request: AnyRequest, horizon_secs: FromQuery[int] = 3600, workspace_id: FromQuery[str | None] = None
) -> list[TagCount]:
    """Count the ended jobs of recent runs, by queue (`tag`): those created in the last `horizon_secs` seconds, at most
    seven days. Without `workspace_id`, the jobs of all workspaces of the caller.
    """
    counts = await workers.count_ended_jobs(platform_of(request), actor_of(request), horizon_secs, workspace_id)
    return [TagCount(tag=tag, count=count) for tag, count in counts.items()]


@get("/api/workers/demand", opt=shape(answer=Demand))
async def demand(request: AnyRequest, queues: FromQuery[str | None] = None, slots: FromQuery[int] = 1) -> Demand:
    """Return the number of workers with `slots` slots that waiting and running jobs need, for autoscalers.

    `queues`: names separated by commas; all queues by default. Superadmins and devops only.
    """
    if not 1 <= slots <= MAX_SLOTS:
        raise BadRequest(f"The value of slots is not between 1 and {MAX_SLOTS}.")
    names = None if queues is None else [name for name in queues.split(",") if name]
    return Demand(await workers.count_desired_workers(platform_of(request), actor_of(request), names, slots))


@post("/api/workers/drain/{id:uuid}", status_code=200, media_type=MediaType.TEXT, opt=shape(body=DrainBody))
async def drain_worker(request: AnyRequest, id: FromPath[UUID]) -> str:
    """Drain a worker, or let it claim jobs again. Its running jobs continue. Superadmins only."""
    body = await body_of(request, DrainBody)
    await workers.set_drained(platform_of(request), actor_of(request), id, drained=body.drained)
    return "drained" if body.drained else "claiming"


@get("/api/alerts/list", opt=shape(answer=list[Alert]))
async def list_alerts(request: AnyRequest) -> list[Alert]:
    """List the alerts that are raised, the oldest first. Superadmins and devops only."""
    rows = await alerts.list_alerts(platform_of(request), actor_of(request))
    return [schemas.alert(row) for row in rows]


ROUTES: list[Any] = [
    list_alerts,
    list_workers,
    queue_counts,
    list_queues,
    custom_tags,
    exists_workers_with_tags,
    queue_metrics,
    count_by_tag,
    demand,
    drain_worker,
]
