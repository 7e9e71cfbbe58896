"""What a job gave, on its way into the object storage. While that does not take it, the job says so."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from orvanta_platform.db.jobs import Claimed, mark_upload_pending
from orvanta_platform.db.pool import CANNOT_CONNECT
from orvanta_platform.db.steps import NewValue
from orvanta_platform.orchestrator import values
from orvanta_platform.services.platform import Platform
from orvanta_platform.worker.lease import Lease

_PATIENCE_S = 1.0
"""How long an upload may take before the store is asked whether it is there, and from then on how often."""


async def keep(platform: Platform, lease: Lease, job: Claimed, raw: bytes) -> NewValue:
    """The row of what this attempt gave, JSON text; a large one is uploaded first. Raises StorageError."""
    run = job.run
    kept = values.store(platform.storage, run.workspace, run.id, job.id, "result", raw, attempt=job.attempt)
    return await kept if len(raw) <= values.INLINE_LIMIT else await _watched(platform, lease, job, kept)


async def _watched(platform: Platform, lease: Lease, job: Claimed, upload: Coroutine[Any, Any, NewValue]) -> NewValue:
    task, noted = asyncio.create_task(upload), False
    try:
        while not (await asyncio.wait({task}, timeout=_PATIENCE_S))[0]:
            untaken = not await platform.storage.answers()
            if untaken != noted:
                with suppress(*CANNOT_CONNECT):
                    async with platform.db.acquire() as connection:
                        await mark_upload_pending(
                            connection, job.id, job.attempt, lease.worker, lease.generation, untaken
                        )
                    noted = untaken
        return task.result()
    finally:
        task.cancel()
