"""Views of a workflow's run: flow_status, the native format, logs, node results, ids of virtual jobs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W, script
from tests.http.reader import read

from orvanta_platform.services.run_views import updates

NO_FAILURE_MODULE = {"id": "failure", "type": "WaitingForPriorSteps"}


def types(job: dict[str, Any]) -> list[str]:
    return [module["type"] for module in job["flow_status"]["modules"]]


def branching() -> list[dict[str, Any]]:
    return [
        script("a"),
        script("b", needs=["a"]),
        {"id": "c", "needs": ["a"], "value": {"type": "condition", "expr": "results.a.x === 1"}},
        {"id": "d", "needs": [{"node": "c", "on": "false"}], "value": {"type": "identity"}},
        {"id": "e", "needs": ["b", "d"], "join": "settled", "value": {"type": "identity"}},
    ]


async def test_status_follows_run(api: ApiHarness) -> None:
    id = await api.flow(*branching(), args={"q": 1})
    job = await api.get(f"jobs_u/get/{id}")
    assert (job["type"], job["running"], job["job_kind"], job["suspend"]) == ("QueuedJob", False, "flowpreview", 0)
    assert types(job) == ["WaitingForExecutor", *["WaitingForPriorSteps"] * 4]
    assert (job["flow_status"]["step"], job["flow_status"]["failure_module"]) == (0, NO_FAILURE_MODULE)
    assert [module["id"] for module in job["raw_flow"]["modules"]] == list("abcde")
    assert "job" not in job["flow_status"]["modules"][1]

    a = (await api.worker.claim())["a"]
    job = await api.get(f"jobs_u/get/{id}")
    assert (job["running"], types(job)[0], job["flow_status"]["waits"]) == (True, "InProgress", [])
    await api.worker.finish(a, {"x": 1})
    job = await api.get(f"jobs_u/get/{id}")
    assert types(job) == ["Success", "WaitingForExecutor", "Success", "Success", "WaitingForPriorSteps"]
    assert [module.get("skipped") for module in job["flow_status"]["modules"]] == [None, None, None, True, None]
    assert (job["flow_status"]["step"], job["flow_status"]["waits"][0]["id"]) == (1, "b")

    await api.worker.finish((await api.worker.claim())["b"], "b")
    await api.worker.finish((await api.worker.claim())["e"], "e")
    job = await api.get(f"jobs_u/completed/get/{id}")
    assert (job["success"], job["result"], job["args"], job["flow_status"]["step"]) == (True, "e", {"q": 1}, 5)
    assert types(job) == ["Success"] * 5


async def test_nodes_are_read_by_job_id(api: ApiHarness) -> None:
    id = await api.flow(*branching())
    await api.worker.finish((await api.worker.claim())["a"], {"x": 1})
    modules = (await api.get(f"jobs_u/get/{id}"))["flow_status"]["modules"]
    script_job, condition, skipped = [await api.get(f"jobs_u/get/{modules[n]['job']}") for n in (0, 2, 3)]
    assert (script_job["job_kind"], script_job["raw_code"], script_job["result"]) == ("flowscript", "# a", {"x": 1})
    assert (condition["job_kind"], condition["result"], condition["success"]) == ("flownode", True, True)
    assert (skipped["is_skipped"], skipped["success"], skipped["result"]) == (True, True, None)
    for job in (script_job, condition, skipped):
        assert (job["parent_job"], job["root_job"], job["is_flow_step"]) == (id, id, True)
        assert await api.get(f"jobs_u/get_root_job_id/{job['id']}") == id


async def test_node_results(api: ApiHarness) -> None:
    id = await api.flow(*branching())
    await api.worker.finish((await api.worker.claim())["a"], {"x": 1})
    assert await api.get(f"jobs/result_by_id/{id}/a") == {"x": 1}
    assert await api.get(f"jobs/result_by_id/{id}/c") is True
    assert await api.get(f"jobs/result_by_id/{id}/d") is None
    for node in ("b", "nobody"):
        assert (await api.client.get(f"{W}/jobs/result_by_id/{id}/{node}")).status_code == 404


async def test_workflow_logs_are_node_logs_in_order(api: ApiHarness) -> None:
    id = await api.flow(script("one", needs=[]), script("two", needs=[]))
    jobs = await api.worker.claim()
    await api.worker.print(jobs["two"], "from two")
    await api.worker.print(jobs["one"], "from one\n")
    text = (await api.client.get(f"{W}/jobs_u/get_logs/{id}")).text
    assert text == f"--- one (job {jobs['one'].id}) ---\nfrom one\n--- two (job {jobs['two'].id}) ---\nfrom two\n"


async def test_failure_names_node(api: ApiHarness) -> None:
    failure = script("failure")
    id = await api.flow(script("a"), script("b"), failure_module=failure)
    await api.worker.finish((await api.worker.claim())["a"], error="Boom")
    job = await api.get(f"jobs_u/get/{id}")
    assert types(job) == ["Failure", "WaitingForPriorSteps"]
    module = job["flow_status"]["failure_module"]
    assert (module["type"], module["parent_module"]) == ("WaitingForExecutor", "a")
    await api.worker.finish((await api.worker.claim())["failure"], "mended")
    run = (await api.client.get(f"/api/v1/runs/{id}", headers={"X-Workspace": "main"})).json()
    assert (run["status"], run["recovered"], run["result"]) == ("succeeded", True, "mended")
    assert [(node["id"], node["status"]) for node in run["nodes"]] == [
        ("a", "failed"),
        ("b", "pending"),
        ("failure", "succeeded"),
    ]
    assert run["nodes"][0]["error"] == {"name": "Boom", "message": "Boom happened"}
    assert "error" not in run["nodes"][2]
    assert all({"started_at", "ended_at", "duration_ms"} <= run["nodes"][n].keys() for n in (0, 2))


async def test_retry_has_wait_reason(api: ApiHarness) -> None:
    id = await api.flow(script("a", retry={"constant": {"attempts": 2, "seconds": 60}}))
    a = (await api.worker.claim())["a"]
    await api.worker.print(a, "first attempt\n")
    await api.worker.finish(a, error="Flaky")
    status = (await api.get(f"jobs_u/get/{id}"))["flow_status"]
    assert status["modules"][0] == {
        "type": "WaitingForExecutor",
        "id": "a",
        "job": str(a.id),
        "failed_retries": [str(a.id)],
    }
    assert status["retry"] == {"fail_count": 1, "failed_jobs": [str(a.id)]}
    (wait,) = status["waits"]
    assert (wait["id"], wait["reason"]) == ("a", "waiting for its next attempt")
    assert "until" in wait
    assert (await api.get(f"jobs_u/get/{a.id}"))["wait_reason"] == wait["reason"]
    assert (await api.client.get(f"{W}/jobs_u/get_logs/{a.id}", params={"attempt": 1})).text == "first attempt\n"
    assert (await api.client.get(f"{W}/jobs_u/get_logs/{a.id}", params={"attempt": 2})).text == ""


async def test_cancelled_run_ends_its_nodes(api: ApiHarness) -> None:
    id = await api.flow(script("a"), script("b"))
    a = (await api.worker.claim())["a"]
    await api.client.post(f"{W}/jobs_u/queue/cancel/{id}", json={"reason": "stop"})
    job = await api.get(f"jobs_u/get/{id}")
    assert (job["type"], job["running"], job["canceled"]) == ("QueuedJob", True, True)
    run = (await api.client.get(f"/api/v1/runs/{id}", headers={"X-Workspace": "main"})).json()
    assert (run["status"], run["canceled"]) == ("running", True)
    await api.client.post(f"{W}/jobs_u/queue/force_cancel/{id}")
    job = await api.get(f"jobs_u/completed/get/{id}")
    assert (job["canceled"], types(job)) == (True, ["Failure", "WaitingForPriorSteps"])
    assert (await api.get(f"jobs_u/get/{a.id}"))["canceled"] is True


async def test_exports_are_in_run_context(api: ApiHarness) -> None:
    id = await api.flow(script("a", export={"total": {"type": "javascript", "expr": "result.n"}}), script("b"))
    await api.worker.finish((await api.worker.claim())["a"], b'{"n": 10000000000000000000001}')
    answer = await api.client.get(f"/api/v1/runs/{id}", headers={"X-Workspace": "main"})
    assert b'"context":{"total":10000000000000000000001}' in answer.content


async def test_run_needs_workspace(api: ApiHarness) -> None:
    id = await api.flow(script("a"))
    assert (await api.client.get(f"/api/v1/runs/{id}")).status_code == 400
    assert (await api.client.get(f"/api/v1/runs/{id}", headers={"X-Workspace": "admins"})).status_code == 404


async def test_update_returns_change_immediately_to_returning_caller(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "HELD_S", 1000.0)
    id = await api.flow(script("a"), script("b"), script("c"))
    async with asyncio.timeout(30):
        # The start of a job is a change, too, so it is claimed before the call that waits for its end.
        claimed = await api.worker.claim()
        first = asyncio.create_task(api.get(f"jobs_u/getupdate/{id}", running="true"))
        await api.until(lambda: bool(api.platform.listen._watches))
        await api.worker.finish(claimed["a"], 1)
        assert types(await first) == ["Success", "WaitingForExecutor", "WaitingForPriorSteps"]
        await api.worker.finish((await api.worker.claim())["b"], 2)
        again = await api.get(f"jobs_u/getupdate/{id}", running="true")
        assert types(again) == ["Success", "Success", "WaitingForExecutor"]


async def test_workflow_stream_ends_with_final_status(api: ApiHarness) -> None:
    id = await api.flow(script("a"), script("b"))
    reading = read(api.app, api.client, f"{W}/jobs_u/getupdate_sse/{id}")
    await reading.until_begun()
    reading.resume.set()
    await api.worker.finish((await api.worker.claim())["a"], 1)
    await api.worker.finish((await api.worker.claim())["b"], 2)
    await reading.until_ended()
    events = reading.text.strip().split("\n\n")
    assert '"WaitingForExecutor"' in events[0]
    assert '"completed":true' in events[-1]
    assert events[-1].count('"Success"') == 2
