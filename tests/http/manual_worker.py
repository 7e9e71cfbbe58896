"""Worker controlled by the test: it claims, logs and finishes jobs by the real protocol."""

from __future__ import annotations

import json
import zlib
from typing import Any
from uuid import UUID, uuid4

from orvanta_platform.db import logs, streams, workers
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.logs import LogChunk
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.engine.events import NamedError
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.queue.claim import Claimer
from orvanta_platform.services.platform import Platform


class ManualWorker:
    """A registered worker, created by `register`."""

    def __init__(self, platform: Platform, id: UUID, queues: list[str] | None) -> None:
        self.platform = platform
        self.id = id
        self._claimer = Claimer(id, 1, queues)
        self._printed: dict[UUID, tuple[int, int]] = {}
        self._streamed: dict[tuple[UUID, int], tuple[int, int]] = {}

    @classmethod
    async def register(cls, platform: Platform, name: str = "hand", queues: list[str] | None = None) -> ManualWorker:
        id = uuid4()
        row = NewWorker(id, name, "here", "127.0.0.1", "default", queues, 4, "0.1.0", "none")
        async with platform.db.transaction() as conn:
            await workers.register(conn, row)
        return cls(platform, id, queues)

    async def claim(self, free: int = 10) -> dict[str, ClaimedJob]:
        """Claim the waiting jobs and return them by node; the key of a script's run is ""."""
        async with self.platform.db.transaction() as conn:
            return await self.claim_on(conn, free)

    async def claim_all(self, free: int = 10) -> list[ClaimedJob]:
        """Claim the waiting jobs and return them as a list, which may contain several runs of one script."""
        async with self.platform.db.transaction() as conn:
            return await self._claim(conn, free)

    async def claim_on(self, conn: Connection, free: int = 10) -> dict[str, ClaimedJob]:
        """Claim the waiting jobs in a transaction of the caller."""
        return {job.node or "": job for job in await self._claim(conn, free)}

    async def _claim(self, conn: Connection, free: int) -> list[ClaimedJob]:
        found: list[ClaimedJob] = []
        while len(found) < free and (more := await self._claimer.claim(conn, free - len(found))):
            found += more
        return found

    async def print(self, job: ClaimedJob, text: str) -> None:
        """Write one chunk of the job's log."""
        seq, first = self._printed.get(job.id, (0, 0))
        chunk = LogChunk(job.id, job.attempt, seq, first, len(text), zlib.compress(text.encode()))
        async with self.platform.db.transaction() as conn:
            await logs.append(conn, [chunk])
        self._printed[job.id] = (seq + 1, first + len(text))
        self.platform.notify.log(job.id)

    async def stream(self, job: ClaimedJob, text: str) -> None:
        """Write one chunk of the job's stream."""
        seq, first = self._streamed.get((job.id, job.attempt), (0, 0))
        chunk = LogChunk(job.id, job.attempt, seq, first, len(text), zlib.compress(text.encode()))
        async with self.platform.db.transaction() as conn:
            await streams.append(conn, [chunk])
        self._streamed[job.id, job.attempt] = (seq + 1, first + len(text))
        self.platform.notify.log(job.id)

    async def finish(self, job: ClaimedJob, result: Any = None, *, error: str | None = None) -> None:
        """Finish the attempt with `result`, or fail it with `error` (name and message)."""
        body = {"error": {"name": error, "message": f"{error} happened"}} if error else result
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        storage = self.platform.storage
        value = await values.store(storage, job.run.workspace, job.run.id, job.id, "result", raw, attempt=job.attempt)
        event = Finish(
            job=job.id,
            node=job.node_index,
            attempt=job.attempt,
            worker=self.id,
            generation=1,
            raw=raw,
            value=value,
            error=NamedError(error, f"{error} happened") if error else None,
            mem_peak_kb=1234,
            log_chars=self._printed.get(job.id, (0, 0))[1],
            ran_s=0.01,
        )
        assert (await advance(self.platform.tools, job.run.id, event)).recorded
