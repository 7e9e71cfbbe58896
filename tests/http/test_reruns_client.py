"""Restarts, reruns and cancels through the unmodified published typed client."""

from __future__ import annotations

import asyncio
from uuid import UUID

from orvanta_api import AuthenticatedClient
from orvanta_api.api.job import (
    batch_re_run_jobs,
    cancel_selection,
    list_filtered_jobs_uuids,
    list_filtered_queue_uuids,
    restart_flow_at_step,
)
from orvanta_api.models.batch_re_run_jobs_body import BatchReRunJobsBody
from orvanta_api.models.restart_flow_at_step_body import RestartFlowAtStepBody
from tests.http.harness import ApiHarness, script
from tests.http.test_jobs_server import served, token_of
from tests.http.test_restarts import work


async def test_typed_client_restarts_reruns_and_cancels(api: ApiHarness) -> None:
    body = [script("x"), script("y")]
    iterator = {"type": "static", "value": [1, 2]}
    first = await api.flow({"id": "l", "value": {"type": "forloopflow", "iterator": iterator, "modules": body}})
    await work(api)
    async with served(api) as base:
        typed = AuthenticatedClient(f"{base}/api", token_of(api), raise_on_unexpected_status=True)
        with typed as client:
            made = await asyncio.to_thread(again, client, first)
            assert await work(api) == ["x", "y", "y", "x", "y"]
            assert [(await api.get(f"jobs_u/completed/get/{id}"))["success"] for id in made] == [True, True]
            await asyncio.to_thread(cancel, client, await api.flow(*body))


def again(client: AuthenticatedClient, first: str) -> list[str]:
    where = {"step_id": "l", "branch_or_iteration_n": 1, "nested_path": [{"step_id": "y"}]}
    point = RestartFlowAtStepBody.from_dict(where)
    restarted = restart_flow_at_step.sync("main", UUID(first), client=client, body=point)
    many = {"job_ids": [first], "script_options_by_path": {}, "flow_options_by_path": {}}
    rerun = batch_re_run_jobs.sync("main", client=client, body=BatchReRunJobsBody.from_dict(many))
    assert restarted is not None and rerun is not None
    return [str(restarted), rerun.strip()]


def cancel(client: AuthenticatedClient, run: str) -> None:
    assert list_filtered_queue_uuids.sync("main", client=client) == [run]
    assert cancel_selection.sync("main", client=client, body=[run]) == [run]
    assert list_filtered_queue_uuids.sync("main", client=client) == []
    found = list_filtered_jobs_uuids.sync("main", client=client, success=False)
    assert found == [run]
