"""Upload of job results to the object storage. While the storage is unavailable, the job's row records it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from orvanta_platform.db.jobs import ClaimedJob, mark_upload_pending
from orvanta_platform.db.pool import CANNOT_CONNECT
from orvanta_platform.db.steps import NewValue
from orvanta_platform.orchestrator import values
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.lease import Lease

_CHECK_S = 1.0
"""Interval, in seconds, at which the availability of the storage is checked during an upload."""


async def store(platform: Platform, lease: Lease, job: ClaimedJob, raw: bytes) -> NewValue:
    """Return the row of this attempt's result (JSON text), after the upload of a large one. Raises StorageError."""
    run = job.run
    stored = values.store(platform.storage, run.workspace, run.id, job.id, "result", raw, attempt=job.attempt)
    return (
        await stored if len(raw) <= values.INLINE_LIMIT else await _mark_pending_uploads(platform, lease, job, stored)
    )


async def _mark_pending_uploads(
    platform: Platform, lease: Lease, job: ClaimedJob, upload: Coroutine[Any, Any, NewValue]
) -> NewValue:
    task, recorded = asyncio.create_task(upload), False
    try:
        while not (await asyncio.wait({task}, timeout=_CHECK_S))[0]:
            unavailable = not await platform.storage.answers()
            if unavailable != recorded:
                with suppress(*CANNOT_CONNECT):
                    async with platform.db.acquire() as connection:
                        await mark_upload_pending(
                            connection, job.id, job.attempt, lease.worker, lease.generation, unavailable
                        )
                    recorded = unavailable
        return task.result()
    finally:
        task.cancel()
