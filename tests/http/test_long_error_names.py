"""Names of errors are short in rows and spans: lists of runs read them for each run."""

from __future__ import annotations

import pytest
from tests.http.harness import ApiHarness, W

from orvanta_platform.engine.events import MAX_ERROR_NAME


@pytest.mark.parametrize(("length", "stored"), [(MAX_ERROR_NAME, "A" * MAX_ERROR_NAME), (3_000_000, "Error")])
async def test_long_name_is_not_stored_in_rows(api: ApiHarness, length: int, stored: str) -> None:
    """Regression test: a page of runs with names of 100 MB exhausted the memory of the server."""
    run = await api.preview()
    (job,) = await api.worker.claim_all()
    await api.worker.finish(job, error="A" * length)
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT error_name FROM run WHERE id = $1::uuid", run) == stored
    assert (await api.client.get(f"{W}/jobs/list")).status_code == 200
