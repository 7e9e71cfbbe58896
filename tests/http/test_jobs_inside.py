"""Views of loops and branches: flow_status of the run, and of one iteration by its id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role
from orvanta_platform.services.run_views import nested_bodies


def loop(id: str, *modules: dict[str, Any], **value: Any) -> dict[str, Any]:
    iterator = {"type": "static", "value": [1, 2, 3]}
    tree = {"type": "forloopflow", "iterator": iterator, "skip_failures": False, "modules": list(modules), **value}
    return {"id": id, "value": tree}


async def module(api: ApiHarness, id: str, place: int = 0) -> dict[str, Any]:
    job = await api.get(f"jobs_u/get/{id}")
    found: dict[str, Any] = job["flow_status"]["modules"][place]
    return found


async def test_loop_of_one_node_lists_jobs_of_node(api: ApiHarness) -> None:
    id = await api.flow(loop("loop", script("a")))
    first = (await api.worker.claim())["a"]
    found = await module(api, id)
    assert (found["type"], found["iterator"]) == ("InProgress", {"index": 0, "itered_len": 3})
    assert (found["flow_jobs"], found["flow_jobs_success"]) == ([str(first.id)], [None])
    await api.worker.finish(first, 1)
    second = (await api.worker.claim())["a"]
    found = await module(api, id)
    assert found["iterator"]["index"] == 1
    assert (found["flow_jobs"], found["flow_jobs_success"]) == ([str(first.id), str(second.id)], [True, None])
    job = await api.get(f"jobs_u/get/{second.id}")
    assert (job["parent_job"], job["is_flow_step"], job["job_kind"]) == (id, True, "flowscript")
    await api.worker.finish(second, 2)
    await api.worker.finish((await api.worker.claim())["a"], 3)
    found = await module(api, id)
    assert (found["type"], found["flow_jobs_success"], found["flow_jobs_len"]) == ("Success", [True] * 3, 3)
    assert all(each is not None for each in found["flow_jobs_duration"]["duration_ms"])


async def test_iteration_of_several_nodes_is_read_by_id(api: ApiHarness) -> None:
    id = await api.flow(loop("loop", script("a"), script("b")))
    a = (await api.worker.claim())["a"]
    (frame,) = (await module(api, id))["flow_jobs"]
    job = await api.get(f"jobs_u/get/{frame}")
    assert (job["type"], job["job_kind"], job["parent_job"], job["running"]) == ("QueuedJob", "flow", id, True)
    assert [each["type"] for each in job["flow_status"]["modules"]] == ["InProgress", "WaitingForPriorSteps"]
    assert job["flow_status"]["modules"][0]["job"] == str(a.id)
    await api.worker.finish(a, 1)
    await api.worker.finish((await api.worker.claim())["b"], "first")
    job = await api.get(f"jobs_u/get/{frame}")
    assert (job["type"], job["success"], job["result"]) == ("CompletedJob", True, "first")
    assert [each["type"] for each in job["flow_status"]["modules"]] == ["Success", "Success"]
    listed = await api.get("jobs/list", parent_job=id)
    assert frame not in [each["id"] for each in listed]


async def test_open_approval_is_listed_in_its_iteration(api: ApiHarness) -> None:
    ask = {"id": "ask", "value": {"type": "approval"}}
    id = await api.flow(loop("loop", script("a"), ask))
    await api.worker.finish((await api.worker.claim())["a"], 1)
    (frame,) = (await module(api, id))["flow_jobs"]
    waiting, a = await api.get("jobs/list", parent_job=frame)
    assert (a["flow_step_id"], a["type"]) == ("a", "CompletedJob")
    kind = (waiting["flow_step_id"], waiting["node_kind"], waiting["type"], waiting["running"], waiting["parent_job"])
    assert kind == ("ask", "approval", "QueuedJob", True, frame)
    (opened,) = await api.get("approvals/list")
    assert (waiting["id"], waiting["started_at"]) == (opened["job"], opened["opened_at"])
    assert len(await api.get("jobs/list", parent_job=frame, page=2, per_page=1)) == 0
    eve = await api.member("eve", Role.VIEWER)
    assert (await eve.get(f"{W}/jobs/list", params={"parent_job": frame})).json() == []
    single = await api.flow(loop("loop", ask))
    (only,) = await api.get("jobs/list", parent_job=single, node="loop")
    assert (only["job_kind"], only["node_kind"], only["type"]) == ("flownode", "approval", "QueuedJob")


async def test_status_names_chosen_branch(api: ApiHarness) -> None:
    branches = [{"expr": "false", "modules": [script("a")]}, {"expr": "true", "modules": [script("b"), script("c")]}]
    one = {"id": "one", "value": {"type": "branchone", "branches": branches, "default": []}}
    id = await api.flow(one)
    assert (await module(api, id))["branch_chosen"] == {"type": "branch", "branch": 1}
    default = {"id": "one", "value": {"type": "branchone", "branches": branches[:1], "default": [script("d")]}}
    id = await api.flow(default)
    assert (await module(api, id))["branch_chosen"] == {"type": "default"}


async def test_status_has_progress_of_branchall(api: ApiHarness) -> None:
    branches = [{"modules": [script("a")]}, {"modules": [script("b")]}]
    id = await api.flow({"id": "all", "value": {"type": "branchall", "branches": branches, "parallel": True}})
    found = await module(api, id)
    assert (found["branchall"], found["parallel"], len(found["flow_jobs"])) == ({"branch": 1, "len": 2}, True, 2)


async def test_loop_that_has_not_started_is_waiting(api: ApiHarness) -> None:
    id = await api.flow(script("before"), loop("loop", script("a")))
    found = await module(api, id, 1)
    assert found == {"type": "WaitingForPriorSteps", "id": "loop"}


async def places(api: ApiHarness, id: str, **query: Any) -> list[str]:
    return [job["id"] for job in await api.get("jobs/list", parent_job=id, node="loop", **query)]


async def test_iterations_beyond_status_limit_are_listed_by_index(
    api: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    iterator = {"type": "static", "value": [*range(7)]}
    for body in ([script("a")], [script("a"), {"id": "b", "value": {"type": "identity"}}]):
        id = await api.flow(loop("loop", *body, iterator=iterator, parallel=True))
        jobs = await api.worker.claim_all()
        for job in jobs[:4]:
            await api.worker.finish(job, 1)
        whole = (await module(api, id))["flow_jobs"]
        assert len(whole) == 7
        assert await places(api, id, per_page=1000) == whole
        assert await places(api, id, page=2, per_page=3) == whole[3:6]
        for job in jobs[4:]:
            await api.worker.finish(job, 1)
        listed = await api.get("jobs/list", parent_job=id, node="loop", page=2, per_page=5)
        assert [(job["id"], job["type"], job["success"]) for job in listed] == [
            (each, "CompletedJob", True) for each in whole[5:]
        ]
        assert len(await api.get("jobs/list", parent_job=id, node="a")) == 7
    with monkeypatch.context() as few:
        few.setattr(nested_bodies, "SHOWN", 3)
        told_module = await module(api, id)
    assert (len(told_module["flow_jobs"]), told_module["flow_jobs_len"]) == (3, 7)


async def test_list_of_iterations_needs_access_to_run(api: ApiHarness) -> None:
    id = await api.flow(loop("loop", script("a")))
    bea = await api.member("bea", Role.DEVELOPER)
    answer = await bea.get(f"{W}/jobs/list", params={"parent_job": id, "node": "loop"})
    assert answer.status_code == 404


async def test_iterations_of_nested_loops_are_listed(api: ApiHarness) -> None:
    inner = loop("inner", script("a"), script("b"), parallel=True)
    id = await api.flow(loop("loop", script("first"), inner))
    await api.worker.finish((await api.worker.claim())["first"], 1)
    jobs = await api.worker.claim_all()
    (outer,) = (await module(api, id))["flow_jobs"]

    async def listed(parent: str, **query: Any) -> list[str]:
        return [job["id"] for job in await api.get("jobs/list", parent_job=parent, **query)]

    inside_outer = (await api.get(f"jobs_u/get/{outer}"))["flow_status"]["modules"][1]
    frames, held = inside_outer["flow_jobs"], inside_outer["job"]
    assert len(frames) == len(jobs) == 3
    assert await listed(outer, node="inner") == await listed(held) == await listed(held, node="inner") == frames
    assert await listed(outer, node="inner", page=2, per_page=2) == frames[2:]
    assert await listed(held, node="other") == []
    assert {*(await listed(frames[0])), *(await listed(frames[1])), *(await listed(frames[2]))} == {
        str(job.id) for job in jobs
    }
    assert await listed(frames[0], node="b") == [] != await listed(frames[0], node="a")
    shown = await api.get(f"jobs_u/get/{held}")
    assert (shown["type"], shown["running"], shown["parent_job"]) == ("QueuedJob", True, id)
    while found := await api.worker.claim_all() or jobs:
        jobs = []
        for job in found:
            await api.worker.finish(job, 1)
    assert len(await listed(frames[1])) == 2 and await listed(held) == frames
    assert await listed(outer, node="inner") == frames
    assert sorted(await listed(outer)) != [] and frames[0] not in await listed(outer)
    assert await listed(str(UUID(int=1))) == []
