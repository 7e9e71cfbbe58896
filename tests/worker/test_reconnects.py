"""Jobs of a worker after it has lost the database."""

from __future__ import annotations

import asyncio

from tests.http.harness import ApiHarness, W
from tests.polling import POLL_S

from orvanta_platform.queue.claim import Claimer
from orvanta_platform.worker.group_settings import GroupSettings


async def test_job_whose_end_a_promoted_standby_has_not_received_runs_again(
    api: ApiHarness, group: GroupSettings
) -> None:
    worker, database = group._worker, api.platform.db
    body = {"language": "bash", "content": "echo done", "args": {}}
    async with worker._claiming, database.acquire() as connection:
        started = await api.client.post(f"{W}/jobs/run/preview", json=body)
        assert started.status_code == 201, started.text
        # The standby has received this claim, after which the worker has run the job.
        (job,) = await Claimer(group._lease.worker, 1, None).claim(connection, 1)
        listener = api.platform.listen.connection
        assert str(job.run.id) == started.text and listener is not None
        await connection.execute("SELECT pg_terminate_backend($1)", listener.get_server_pid())
    async with asyncio.timeout(30):
        while True:
            found = await api.client.get(f"{W}/jobs_u/completed/get_result_maybe/{started.text}")
            if found.json()["completed"]:
                break
            await asyncio.sleep(POLL_S)
    assert found.json()["result"] == "done"
