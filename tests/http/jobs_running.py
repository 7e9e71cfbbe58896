"""Clients with the tokens of running jobs, like those of a script's process."""

from __future__ import annotations

from uuid import UUID

import httpx
from tests.http.harness import ApiHarness, W, client_of

from orvanta_platform.control import job_tokens
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.worker.environment import claim_of


async def started(api: ApiHarness, client: httpx.AsyncClient | None = None, base: str = W) -> ClaimedJob:
    """Start a job for the manual worker, as the admin or as `client`."""
    body = {"content": "def main():\n    pass\n", "language": "python3", "args": {}}
    answer = await (client or api.client).post(f"{base}/jobs/run/preview", json=body)
    assert answer.status_code == 201, answer.text
    return await claimed(api, answer.text)


async def claimed(api: ApiHarness, run: str) -> ClaimedJob:
    """Claim the job of a waiting run."""
    found = await api.worker.claim()
    return next(job for job in found.values() if job.run.id == UUID(run))


def token_of(api: ApiHarness, job: ClaimedJob, generation: int = 1) -> str:
    """Return the value of OV_TOKEN in the job's process."""
    return job_tokens.mint(api.platform.keys, claim_of(job, generation))


def job_client(api: ApiHarness, job: ClaimedJob) -> httpx.AsyncClient:
    """Return a client like the one in the job's process."""
    return client_of(api.app, token_of(api, job))
