"""Routes of lists and counts of runs and jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from msgspec import UNSET

from orvanta_platform.control import permissions
from orvanta_platform.control.permissions import Target
from orvanta_platform.db.job_lists import JobFilter, Slice
from orvanta_platform.errors import BadRequest, NotYetSupported
from orvanta_platform.http.openapi import AnyObject
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import MAX_PAGE, AnyRequest, actor_of, moment_of, platform_of
from orvanta_platform.http.schemas import histogram as histogram_schemas
from orvanta_platform.http.schemas import item_history as item_history_schemas
from orvanta_platform.http.schemas import jobs as schemas
from orvanta_platform.http.schemas import overview as overview_schemas
from orvanta_platform.http.schemas.histogram import Histogram
from orvanta_platform.http.schemas.item_history import ItemHistory
from orvanta_platform.http.schemas.jobs import CompletedJob, QueueCount, QueuedJob, QueuePosition
from orvanta_platform.http.schemas.overview import Overview
from orvanta_platform.services import dashboard
from orvanta_platform.services.run_views import body_jobs, exporting, histograms, item_history, jobs, search_words
from orvanta_platform.services.run_views.item_history import ItemKind
from orvanta_platform.services.runs import bulk

_JOBS = "/api/w/{workspace:str}/jobs"


async def job_filter(
    script_path_exact: FromQuery[str | None] = None,
    script_path_start: FromQuery[str | None] = None,
    script_path_text: FromQuery[str | None] = None,
    script_hash: FromQuery[str | None] = None,
    created_before: FromQuery[datetime | None] = None,
    created_after: FromQuery[datetime | None] = None,
    started_before: FromQuery[datetime | None] = None,
    started_after: FromQuery[datetime | None] = None,
    completed_before: FromQuery[datetime | None] = None,
    completed_after: FromQuery[datetime | None] = None,
    states: FromQuery[str | None] = None,
    success: FromQuery[bool | None] = None,
    running: FromQuery[bool | None] = None,
    job_kinds: FromQuery[str | None] = None,
    has_null_parent: FromQuery[bool | None] = None,
    parent_job: FromQuery[UUID | None] = None,
    node: FromQuery[str | None] = None,
    created_by: FromQuery[str | None] = None,
    label: FromQuery[str | None] = None,
    tag: FromQuery[str | None] = None,
    worker: FromQuery[str | None] = None,
    trigger_kind: FromQuery[str | None] = None,
    is_not_schedule: FromQuery[bool | None] = None,
    schedule_path: FromQuery[str | None] = None,
    scheduled_for_before_now: FromQuery[bool | None] = None,
    suspended: FromQuery[bool | None] = None,
    is_flow_step: FromQuery[bool | None] = None,
    is_skipped: FromQuery[bool | None] = None,
    args: FromQuery[str | None] = None,
    result: FromQuery[str | None] = None,
) -> JobFilter:
    """Read the filter of a list from the query. `job_kinds` and `states` are comma-separated. Raises BadRequest."""
    return JobFilter(
        script_path_exact=script_path_exact,
        script_path_start=script_path_start,
        script_path_text=script_path_text,
        script_hash=script_hash,
        created_before=created_before,
        created_after=created_after,
        started_before=started_before,
        started_after=started_after,
        completed_before=completed_before,
        completed_after=completed_after,
        states=_words(states),
        success=success,
        running=running,
        job_kinds=_words(job_kinds),
        has_null_parent=has_null_parent,
        parent_job=parent_job,
        node=node,
        created_by=created_by,
        label=label,
        tag=tag,
        worker=worker,
        trigger_kind=trigger_kind,
        other_than_schedule=is_not_schedule or None,
        schedule_path=schedule_path,
        scheduled_for_before_now=scheduled_for_before_now,
        suspended=suspended,
        is_flow_step=is_flow_step,
        is_skipped=is_skipped,
        args_words=_contained("args", args),
        result_words=_contained("result", result),
    )


def _contained(key: str, text: str | None) -> tuple[str, ...] | None:
    """Return the words of the value that arguments or results are to contain; None if the value is empty."""
    if not text or text.strip() in ("{}", "[]"):
        return None
    words = tuple(search_words.words_of_value(text))
    if not words:
        raise BadRequest(f"{key} must contain a text or a number.", hint='Write it as {"order": 4711}.')
    return words


def _words(text: str | None) -> tuple[str, ...] | None:
    return tuple(word.strip() for word in text.split(",") if word.strip()) if text else None


async def job_slice(
    page: FromQuery[int] = 1,
    per_page: FromQuery[int] = 30,
    before: FromQuery[UUID | None] = None,
    after: FromQuery[UUID | None] = None,
    order_desc: FromQuery[bool] = True,
) -> Slice:
    """Read the requested part of a list: a page, or the rows `before` or `after` the one with this id."""
    limit = min(max(per_page, 1), MAX_PAGE)
    keyset = before is not None or after is not None
    offset = 0 if keyset else (min(max(page, 1), 1_000_000) - 1) * limit
    return Slice(limit=limit, offset=offset, before=before, after=after, ascending=not order_desc)


async def ids_slice(
    page: FromQuery[int] = 1,
    per_page: FromQuery[int] = MAX_PAGE,
    before: FromQuery[UUID | None] = None,
    after: FromQuery[UUID | None] = None,
    order_desc: FromQuery[bool] = True,
) -> Slice:
    """Read the requested part of a list of ids, whose pages are longer."""
    return await job_slice(page, per_page, before, after, order_desc)


@get(f"{_JOBS}/list", opt=shape(answer=list[QueuedJob | CompletedJob]))
async def list_jobs(
    request: AnyRequest,
    workspace: FromPath[str],
    job_filter: NamedDependency[JobFilter],
    job_slice: NamedDependency[Slice],
) -> list[QueuedJob | CompletedJob]:
    """List runs and jobs of nodes, newest first.

    With only `parent_job` (a run, or an iteration or branch with several nodes) and `node` (a loop or branch in it),
    lists the iterations or branches in order; `page` and `per_page` then count these. A loop or branch can also be
    `parent_job` itself. An iteration or branch as the only `parent_job` lists the jobs in it, preceded by
    its open approvals.
    """
    platform, actor = platform_of(request), actor_of(request)
    parent, node = job_filter.parent_job, job_filter.node
    if parent is not None and job_filter == JobFilter(parent_job=parent, node=node):
        first, most = job_slice.offset, job_slice.limit
        found = await body_jobs.list_bodies(platform, actor, workspace, parent, node, first=first, limit=most)
        if found is not None:
            return [schemas.listed(row) for row in found]
    rows = await jobs.list_jobs(platform, actor, workspace, jobs.ALL_PARTS, job_filter, job_slice)
    if parent is not None and job_filter == JobFilter(parent_job=parent) and job_slice.offset == 0:
        rows = [*await body_jobs.list_open_approvals(platform, actor, workspace, parent), *rows]
    return [schemas.listed(row) for row in rows]


@get(f"{_JOBS}/queue/list", opt=shape(answer=list[QueuedJob]))
async def list_queue(
    request: AnyRequest,
    workspace: FromPath[str],
    job_filter: NamedDependency[JobFilter],
    job_slice: NamedDependency[Slice],
) -> list[QueuedJob | CompletedJob]:
    """List queued and running runs and jobs."""
    platform, actor = platform_of(request), actor_of(request)
    rows = await jobs.list_jobs(platform, actor, workspace, jobs.LIVE_PARTS, job_filter, job_slice)
    return [schemas.listed(row) for row in rows]


@get(f"{_JOBS}/completed/list", opt=shape(answer=list[CompletedJob]))
async def list_completed(
    request: AnyRequest,
    workspace: FromPath[str],
    job_filter: NamedDependency[JobFilter],
    job_slice: NamedDependency[Slice],
) -> list[QueuedJob | CompletedJob]:
    """List completed runs and jobs."""
    platform, actor = platform_of(request), actor_of(request)
    rows = await jobs.list_jobs(platform, actor, workspace, jobs.ENDED_PARTS, job_filter, job_slice)
    return [schemas.listed(row) for row in rows]


@get(f"{_JOBS}/histogram", opt=shape(answer=Histogram))
async def histogram(
    request: AnyRequest,
    workspace: FromPath[str],
    job_filter: NamedDependency[JobFilter],
    buckets: FromQuery[int] = 60,
) -> Histogram:
    """Count the runs that match the filter, by state and interval of time.

    The range is from `created_after` (default: one day before) to `created_before` (default: now), in at most 200
    `buckets`. If it has more than 50,000 runs, only the newest 50,000 are searched, or with a filter for failed runs or
    words, the newest 50,000 that match. `counted_from` is then the beginning of the counted time, rounded up to the
    hour for callers who may not read all runs.
    """
    found = await histograms.histogram(platform_of(request), actor_of(request), workspace, job_filter, buckets)
    return histogram_schemas.histogram(found)


@get(f"{_JOBS}/item_histories", opt=shape(answer=list[ItemHistory], query=["kind"]))
async def list_item_histories(
    request: AnyRequest, workspace: FromPath[str], kind: FromQuery[ItemKind]
) -> list[ItemHistory]:
    """List the recent runs of each workflow (`kind=flow`) or script (`kind=script`), the last executed first.

    The newest 5,000 runs of the last seven days count, without sub-workflows and tests.
    """
    found = await item_history.list_item_histories(platform_of(request), actor_of(request), workspace, kind)
    return [item_history_schemas.shown(each) for each in found]


@get("/api/w/{workspace:str}/overview", opt=shape(answer=Overview))
async def get_overview(request: AnyRequest, workspace: FromPath[str]) -> Overview:
    """Get an overview: failures of the last seven days, pending decisions, current runs and the next schedule ticks."""
    return overview_schemas.shown(await dashboard.overview(platform_of(request), actor_of(request), workspace))


@get(f"{_JOBS}/list_filtered_uuids", opt=shape(answer=list[UUID]))
async def list_ids(
    request: AnyRequest,
    workspace: FromPath[str],
    job_filter: NamedDependency[JobFilter],
    ids_slice: NamedDependency[Slice],
) -> list[UUID]:
    """List the ids of the runs that match the filter, 1000 per page. With a filter for jobs of nodes, those as well."""
    platform, actor = platform_of(request), actor_of(request)
    return await bulk.ids(platform, actor, workspace, jobs.ALL_PARTS, job_filter, ids_slice)


@get(f"{_JOBS}/queue/list_filtered_uuids", opt=shape(answer=list[UUID]))
async def list_queue_ids(
    request: AnyRequest,
    workspace: FromPath[str],
    job_filter: NamedDependency[JobFilter],
    ids_slice: NamedDependency[Slice],
) -> list[UUID]:
    """List the ids of queued and running runs that match the filter, for `cancel_selection`."""
    platform, actor = platform_of(request), actor_of(request)
    return await bulk.ids(platform, actor, workspace, jobs.LIVE_PARTS, job_filter, ids_slice)


@get(f"{_JOBS}/queue/count", opt=shape(answer=QueueCount))
async def count_queue(request: AnyRequest, workspace: FromPath[str]) -> QueueCount:
    """Count queued and running runs and jobs, and the runs that wait for people."""
    platform, actor = platform_of(request), actor_of(request)
    length = await jobs.count_jobs(platform, actor, workspace, jobs.LIVE_PARTS)
    suspended = await jobs.count_jobs(platform, actor, workspace, ("live_runs",), JobFilter(suspended=True))
    return QueueCount(database_length=length, suspended=suspended)


@get(f"{_JOBS}/queue/position/{{scheduled_for:int}}", opt=shape(answer=QueuePosition))
async def queue_position(request: AnyRequest, workspace: FromPath[str], scheduled_for: FromPath[int]) -> QueuePosition:
    """Get the position in the queue of a run or job with this start time, in milliseconds since 1970: the number of
    readable ones that wait for a worker since then or longer. Absent if there are none.
    """
    before = JobFilter(running=False, scheduled_for_before_now=True, created_before=moment_of(scheduled_for + 1))
    platform, actor = platform_of(request), actor_of(request)
    number = await jobs.count_jobs(platform, actor, workspace, jobs.LIVE_PARTS, before)
    return QueuePosition(position=number or UNSET)


@get(f"{_JOBS}/completed/export", opt=shape(answer=list[AnyObject]))
async def export_completed(
    request: AnyRequest,
    workspace: FromPath[str],
    job_filter: NamedDependency[JobFilter],
    page: FromQuery[int] = 1,
    per_page: FromQuery[int] = 30,
    before: FromQuery[UUID | None] = None,
    after: FromQuery[UUID | None] = None,
) -> list[dict[str, Any]]:
    """List completed runs and jobs as `completed/list` does, with arguments and results, at most 100 per page.

    Values over 256 KiB are absent; `get_args` and `get_result` return them.
    """
    part = await job_slice(page, min(per_page, exporting.MAX_PAGE), before, after)
    found = await exporting.export(platform_of(request), actor_of(request), workspace, job_filter, part)
    return [schemas.exported(each) for each in found]


@post(f"{_JOBS}/completed/import", status_code=200, opt=shape(body=list[AnyObject]))
async def import_completed(request: AnyRequest, workspace: FromPath[str]) -> None:
    """Import completed runs: 400 `not_yet_supported`. Admins only.

    The history of a workspace contains only what ran in it, because approvals, promotions and reports rely on it.
    Backups contain all runs.
    """
    permissions.require(actor_of(request), "admin", Target(workspace, "workspace"))
    raise NotYetSupported(
        "The import of completed runs is not supported.",
        hint="A backup of the database contains all runs: see `orvanta backup`.",
    )


@get(f"{_JOBS}/completed/count", opt=shape(answer=QueueCount))
async def count_completed(request: AnyRequest, workspace: FromPath[str]) -> QueueCount:
    """Count completed runs."""
    count = await jobs.count_jobs(platform_of(request), actor_of(request), workspace, ("ended_runs",))
    return QueueCount(database_length=count, suspended=0)


ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/",
        route_handlers=[
            list_jobs,
            list_queue,
            list_completed,
            export_completed,
            histogram,
            list_ids,
            list_queue_ids,
        ],
        dependencies={
            "job_filter": Provide(job_filter),
            "job_slice": Provide(job_slice),
            "ids_slice": Provide(ids_slice),
        },
    ),
    get_overview,
    list_item_histories,
    count_queue,
    count_completed,
    queue_position,
    import_completed,
]
