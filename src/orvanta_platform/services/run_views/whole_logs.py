"""Complete logs: of one job, of a workflow by node, and of a workflow merged by time. They are streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from orvanta_platform.control.live_actor import LiveActor, while_permitted
from orvanta_platform.db import job_views
from orvanta_platform.db.job_views import NodeJobRow
from orvanta_platform.errors import StorageError
from orvanta_platform.services.logs import flow_log
from orvanta_platform.services.logs import text as log_text
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.streaming import prefetch_first


async def read(
    platform: Platform, caller: LiveActor, workspace: str, id: UUID, *, attempt: int | None = None
) -> AsyncIterator[str]:
    """Return the complete log in pieces of text; for a workflow the logs of its nodes in order, each after a heading
    line.

    Permission is checked, and the start of the log is read, before the iterator is returned. Permission is checked
    again while the log is read. Raises NotFound, ObjectMissing, StorageError.
    """
    actor = await caller.current()
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        node_jobs = await job_views.list_node_jobs(conn, row.run) if row.is_flow else []
    if row.is_flow:
        text = _by_node(platform, [each for each in node_jobs if each.queue])
    else:
        text = await prefetch_first(log_text.pages(platform.db, platform.storage, id, attempt=attempt))
    return while_permitted(text, caller, "read", jobs.target_of(row))


async def read_merged(platform: Platform, caller: LiveActor, workspace: str, id: UUID) -> AsyncIterator[str]:
    """Return the logs of all nodes of a workflow, merged by time, each line prefixed with the name of its node; for any
    other job, its log.

    The log of a live node is read up to its current end. Raises NotFound, ObjectMissing, StorageError.
    """
    actor = await caller.current()
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
        node_jobs = await job_views.list_node_jobs(conn, row.run) if row.is_flow else []
    if row.is_flow:
        text = flow_log.merged(platform.db, platform.storage, row.run, [each for each in node_jobs if each.queue])
    else:
        text = await prefetch_first(log_text.pages(platform.db, platform.storage, id))
    return while_permitted(text, caller, "read", jobs.target_of(row))


async def _by_node(platform: Platform, node_jobs: Sequence[NodeJobRow]) -> AsyncIterator[str]:
    for node_job in node_jobs:
        yield f"--- {node_job.node} (job {node_job.id}) ---\n"
        last = "\n"
        try:
            async for page in log_text.pages(platform.db, platform.storage, node_job.id):
                yield page
                last = page[-1]
        except StorageError as error:
            yield log_text.unreadable(error)
        if last != "\n":
            yield "\n"
