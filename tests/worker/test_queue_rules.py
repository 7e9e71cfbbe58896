"""Queues reserved for workspaces: no tag, however written, brings a job of another workspace to their workers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W, script
from tests.polling import POLL_S
from tests.worker.group_worker import running_worker

from orvanta_platform.worker.group_settings import GroupSettings

RULES = {"reserved": {"gpu": ["sales"], "gpu-*": ["sales"]}}
BASH = {"language": "bash", "content": "echo ran"}
STEP = {"type": "rawscript", **BASH, "input_transforms": {}}


@pytest.fixture
async def group(api: ApiHarness, tmp_path: Path) -> AsyncIterator[GroupSettings]:
    """Yield the settings of a worker that runs and serves all queues. The manual worker of the harness is gone."""
    async with api.platform.db.acquire() as conn:
        await conn.execute("DELETE FROM worker")
    async with running_worker(api.platform, tmp_path / "worker", "none") as settings:
        yield settings


async def reserve(api: ApiHarness, rules: Any, status: int = 200) -> None:
    answer = await api.client.post("/api/settings/global/queue_rules", json={"value": rules})
    assert answer.status_code == status, answer.text
    api.platform.instance._cache.clear()


async def serve(api: ApiHarness, group: GroupSettings, *queues: str) -> None:
    """Let the worker serve these queues only, and read the rules."""
    body = {"worker_tags": list(queues)}
    assert (await api.client.post("/api/configs/update/default", json=body)).status_code == 200
    api.platform.instance._cache.clear()
    await group.apply()


async def refused(api: ApiHarness, path: str, body: Any) -> None:
    answer = await api.client.post(f"{W}/jobs/run/{path}", json=body)
    assert answer.status_code == 403 and answer.json()["error"]["code"] == "queue_reserved", (path, answer.text)


async def ended(api: ApiHarness, run: str) -> Any:
    """Return the result of a run when it has ended."""
    while not (found := await api.get(f"jobs_u/completed/get_result_maybe/{run}"))["completed"]:
        await asyncio.sleep(POLL_S)
    return found["result"]


async def deploy(api: ApiHarness, kind: str, **item: Any) -> None:
    answer = await api.client.post(f"{W}/{kind}/create", json={"summary": "", **item})
    assert answer.status_code == 201, answer.text


def flow(*nodes: dict[str, Any], **value: Any) -> dict[str, Any]:
    return {"value": {"modules": list(nodes), **value}, "args": {}}


def node(id: str = "a", **value: Any) -> dict[str, Any]:
    return {"id": id, "value": {**STEP, **value}}


async def test_run_that_names_a_reserved_queue_is_refused(api: ApiHarness) -> None:
    """By the tag of the call, script, workflow or any of its nodes, and by an argument or workspace in it."""
    await deploy(api, "scripts", path="u/admin/by_args", **BASH, schema={}, tag="$args[size]")
    await deploy(api, "scripts", path="u/admin/tagged", **BASH, schema={}, tag="gpu-$workspace")
    await deploy(api, "flows", path="u/admin/inner", value={"modules": [node()]}, schema={}, tag="gpu")
    await reserve(api, RULES)
    for tag in ("gpu", "gpu-", "gpu-$workspace", "$args[x]", "gpu-$args[y]"):
        await refused(api, "preview", {**BASH, "args": {"x": "gpu", "y": 7}, "tag": tag})
    await refused(api, "p/u/admin/by_args", {"size": "gpu"})
    await refused(api, "p/u/admin/by_args?tag=gpu", {"size": "python3"})
    await refused(api, "p/u/admin/tagged", {})
    await refused(api, "f/u/admin/inner", {})
    loop = {"type": "forloopflow", "iterator": {"type": "static", "value": [1]}, "modules": [node(tag="gpu")]}
    hook = {"type": "webhook", "method": "GET", "url": {"type": "static", "value": "http://127.0.0.1/"}, "tag": "gpu"}
    for each in (
        flow(node(tag="gpu-1")),
        flow({"id": "l", "value": loop}),
        flow({"id": "h", "value": hook}),
        flow({"id": "i", "value": {"type": "identity", "tag": "gpu"}}),
        flow({"id": "s", "value": {"type": "script", "path": "u/admin/tagged", "input_transforms": {}}}),
        flow({"id": "f", "value": {"type": "flow", "path": "u/admin/inner", "input_transforms": {}}}),
        flow(node(), failure_module=node("failure", tag="gpu")),
        flow(node(tag="gpu"), same_worker=True),
    ):
        await refused(api, "preview_flow", each)
    for tag in ("gpus", "worker:gpu", "native"):
        await api.preview(**BASH, tag=tag)
    await reserve(api, {"reserved": {"gpu": ["main"]}})
    await api.preview(**BASH, tag="gpu")


async def test_workspace_with_allowed_queues_uses_no_others(api: ApiHarness) -> None:
    await reserve(api, {"allowed": {"*": ["python3", "$workspace.*"]}})
    await refused(api, "preview", BASH)
    await refused(api, "preview", {**BASH, "tag": "other.1"})
    await refused(api, "preview", {**BASH, "tag": "main-b.1"})
    await api.preview(**BASH, tag="main.1")
    await api.flow(script("a"), {"id": "b", "value": {"type": "identity"}})
    await reserve(api, {"allowed": {"*": ["python3"], "main": ["bash"]}})
    await api.preview(**BASH)


async def test_rules_are_checked(api: ApiHarness) -> None:
    wrongs: tuple[dict[str, Any], ...] = (
        {"reserved": {"g*u": ["main"]}},
        {"reserved": {"native": ["main"]}},
        {"reserved": {"gpu": ["*"]}},
        {"reserved": {"gpu": ["a/b"]}},
        {"reserved": {"worker:1": ["main"]}},
        {"allowed": {"main": "gpu"}},
        {"unknown": {}},
        {"allowed": {"*": ["$workspace-*"]}},  # the queues of a workspace `main` would include those of `main-b`
        {"allowed": {"*": ["gpu-$workspace*"]}},
        {"allowed": {"*": ["$workspace.$workspace_*"]}},
    )
    for wrong in wrongs:
        await reserve(api, wrong, 400)
    member = await api.member("ann")
    assert (await member.post("/api/settings/global/queue_rules", json={"value": RULES})).status_code == 403


async def test_worker_refuses_jobs_enqueued_before_the_reservation(api: ApiHarness, group: GroupSettings) -> None:
    """Also a node of a sub-workflow, whose tag is unknown when the run starts, and a repetition of the failed run."""
    await deploy(api, "flows", path="u/admin/inner", value={"modules": [node(tag="gpu")]}, schema={})
    await serve(api, group, "nothing")
    early = await api.preview(**BASH, tag="gpu")
    retried = await api.flow({**node(tag="gpu"), "retry": {"constant": {"attempts": 3, "seconds": 0}}})
    await reserve(api, RULES)
    inner = await api.flow({"id": "f", "value": {"type": "flow", "path": "u/admin/inner", "input_transforms": {}}})
    await serve(api, group, "gpu", "native")
    for run in (early, retried, inner):
        error = (await ended(api, run))["error"]
        assert (error["name"], error["message"]) == ("queue_reserved", "The workspace main may not use the queue gpu.")
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT max(attempt) FROM job") == 1, "it is not retried"
    restart = {"step_id": "a", "branch_or_iteration_n": None}
    again = await api.client.post(f"{W}/jobs/restart/f/{retried}", json=restart)
    assert again.status_code == 403 and again.json()["error"]["code"] == "queue_reserved", again.text
    await reserve(api, {"reserved": {"gpu": ["main"]}})
    await serve(api, group, "gpu")
    assert await ended(api, await api.preview(**BASH, tag="gpu")) == "ran"


async def test_run_is_bound_to_no_reserved_worker(api: ApiHarness, group: GroupSettings) -> None:
    """The code of its sub-workflows would run there. One bound before the reservation is refused by the worker."""
    await deploy(api, "flows", path="u/admin/inner", value={"modules": [node()]}, schema={})
    call = {"id": "f", "value": {"type": "flow", "path": "u/admin/inner", "input_transforms": {}}}
    group._lease.record.drained = True
    bound = await api.flow(node(), same_worker=True)
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT queue FROM job_live") == f"worker:{group._lease.worker}"
    await reserve(api, RULES)
    await serve(api, group, "gpu", "bash")
    free = await api.flow(call, same_worker=True)
    async with api.platform.db.acquire() as conn:
        assert await conn.fetchval("SELECT queue FROM run_live WHERE id::text = $1", free) is None
    group._lease.record.drained = False
    assert (await ended(api, bound))["error"]["name"] == "queue_reserved"


async def test_tag_of_one_worker_binds_no_sub_workflow(api: ApiHarness) -> None:
    tag = f"worker:{api.worker.id}"
    await deploy(api, "flows", path="u/admin/inner", value={"modules": [node()]}, schema={}, tag=tag)
    await api.flow({"id": "f", "value": {"type": "flow", "path": "u/admin/inner", "input_transforms": {}}})
    await api.flow({"id": "i", "value": {"type": "identity", "tag": tag}})
    assert sorted([job.queue for job in await api.worker.claim_all()]) == ["bash", "native"]


async def test_check_of_a_workflow_warns(api: ApiHarness) -> None:
    await reserve(api, RULES)
    checked = {"path": "u/admin/x", "summary": "", "tag": "gpu", **flow(node(tag="gpu-1"), node("b", tag="free"))}
    answer = await api.client.post(f"{W}/flows/validate", json=checked)
    found = [(each["code"], each["severity"], each["path"]) for each in answer.json()["diagnostics"]]
    assert found == [
        ("queue_reserved", "warning", "/tag"),
        ("queue_reserved", "warning", "/value/modules/0/value/tag"),
    ], answer.text


async def test_deployment_warns(api: ApiHarness) -> None:
    """In a header, because the body of the answer is the path or hash. Without rules there is none."""
    workflow = {"path": "u/admin/x", "summary": "", "tag": "gpu", **flow(node(tag="gpu-1"), node("b", tag="free"))}
    code = {"path": "u/admin/s", "summary": "", **BASH, "schema": {}, "tag": "gpu-$workspace"}
    assert "X-Warnings" not in (await api.client.post(f"{W}/scripts/create", json=code)).headers
    await reserve(api, RULES)
    parent = (await api.get("scripts/get/p/u/admin/s"))["hash"]
    for call, body, queues in (
        ("flows/create", workflow, ["gpu", "gpu-1"]),
        ("flows/update/u/admin/x", workflow | {"tag": None}, ["gpu-1"]),
        ("scripts/create", code | {"content": "echo more", "parent_hash": parent}, ["gpu-main"]),
    ):
        answer = await api.client.post(f"{W}/{call}", json=body)
        assert answer.status_code in (200, 201), answer.text
        assert json.loads(answer.headers["X-Warnings"]) == [
            {"code": "queue_reserved", "message": f"The workspace main may not use the queue {queue}."}
            for queue in queues
        ]
