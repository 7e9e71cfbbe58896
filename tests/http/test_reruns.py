"""Reruns of single and several runs, and cancellation of several, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, script
from tests.http.test_approvals import approval
from tests.http.test_restarts import events, work

from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import cancellation

FLOW = {"path": "f/sales/daily", "summary": "", "value": {"modules": [script("a")]}}
SCRIPT = {"path": "f/sales/report", "summary": "", **PYTHON}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "sales", "extra_perms": {"u/olga": False}})
        for call, body in (("flows", FLOW), ("scripts", SCRIPT)):
            assert (await made.client.post(f"{W}/{call}/create", json=body)).status_code == 201
        await work(made)
        yield made


async def start(api: ApiHarness, call: str, **body: Any) -> str:
    answer = await api.client.post(f"{W}/jobs/{call}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.text


async def again(api: ApiHarness, id: str, body: Any = None, **query: Any) -> dict[str, Any]:
    """Return the data of a waiting rerun."""
    content = None if body is None else json.dumps(body).encode()
    answer = await api.client.post(f"{W}/jobs/rerun/{id}", content=content, params=query)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = await api.get(f"jobs_u/get/{answer.text}")
    return found


async def test_each_kind_of_run_is_rerun(api: ApiHarness) -> None:
    """The inputs are those of the old run or new ones; the new run refers to the old one."""
    value = FLOW["value"]
    calls: dict[str, tuple[dict[str, Any], str]] = {
        "run/p/f/sales/report": ({"x": 1}, "script"),
        "run/f/f/sales/daily": ({"x": 1}, "flow"),
        "run/preview": ({**PYTHON, "args": {"x": 1}}, "preview"),
        "run/preview_flow": ({"value": value, "args": {"x": 1}}, "flowpreview"),
    }
    for call, (body, kind) in calls.items():
        first = await start(api, call, **body)
        for given, args in ((None, {"x": 1}), ({"x": 2}, {"x": 2}), ({}, {})):
            job = await again(api, first, given)
            assert (job["job_kind"], job["args"], job["trigger_kind"]) == (kind, args, "rerun")
            assert job["repeats"] == {"kind": "rerun", "job": first}
            data = {"run": first} if given is None else {"run": first, "edited": True}
            assert await events(api, job["id"], "rerun") == [("rerun", None, data)]
        before = await api.get(f"jobs_u/get/{first}")
        assert [job.get(key) for key in ("raw_code", "raw_flow")] == [
            before.get(key) for key in ("raw_code", "raw_flow")
        ]
        assert "repeats" not in before


async def test_rerun_uses_same_or_latest_version(api: ApiHarness) -> None:
    old = await start(api, "run/p/f/sales/report")
    flow = await start(api, "run/f/f/sales/daily")
    parent = (await api.get(f"jobs_u/get/{old}"))["script_hash"]
    body = {**SCRIPT, "content": "def main():\n    return 2\n", "parent_hash": parent}
    newest = (await api.client.post(f"{W}/scripts/create", json=body)).text
    await work(api)
    assert (await again(api, old))["script_hash"] == parent
    assert (await again(api, old, latest=True))["script_hash"] == newest
    update = {**FLOW, "value": {"modules": [script("a"), script("b")]}}
    await api.client.post(f"{W}/flows/update/f/sales/daily", json=update)
    for query, count in (({}, 1), ({"latest": True}, 2)):
        assert len((await again(api, flow, **query))["raw_flow"]["modules"]) == count


async def test_rerun_permissions_and_exclusions(api: ApiHarness) -> None:
    run = await start(api, "run/f/f/sales/daily")
    preview = await api.preview()
    (node,) = [job for job in await api.worker.claim_all() if job.node == "a"]
    olga, victor = await api.member("olga"), await api.member("victor", Role.VIEWER)
    for client, id, status in (
        *((api.client, node.id, 400), (api.client, "0199f2c4-0000-7000-8000-000000000000", 404)),
        *((olga, run, 201), (olga, preview, 404), (victor, run, 404)),
    ):
        assert (await client.post(f"{W}/jobs/rerun/{id}")).status_code == status
    answer = await api.client.post(f"{W}/jobs/rerun/{preview}?latest=true")
    assert answer.status_code == 400


async def test_batch_rerun(api: ApiHarness) -> None:
    """The response has one line per run. For each path, new inputs can be computed from the old ones."""
    first = [await start(api, "run/f/f/sales/daily", x=n, y="kept") for n in range(2)]
    other = await start(api, "run/p/f/sales/report", x=7)
    await work(api)
    nobody = "0199f2c4-0000-7000-8000-000000000000"
    transforms = {"x": {"type": "javascript", "expr": "flow_input.x + 10"}, "z": {"type": "static", "value": [1]}}
    body = {
        "job_ids": [*first, nobody, other, first[0]],
        "flow_options_by_path": {"f/sales/daily": {"input_transforms": transforms, "use_latest_version": True}},
        "script_options_by_path": {},
    }
    answer = await api.client.post(f"{W}/jobs/run/batch_rerun_jobs", json=body)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (201, "text/plain")
    lines = answer.text.splitlines()
    assert len(lines) == 4 and lines[2].startswith(f"Error: {nobody}: ")
    args = [await api.get(f"jobs_u/get_args/{lines[n]}") for n in (0, 1, 3)]
    assert args == [{"x": 10, "y": "kept", "z": [1]}, {"x": 11, "y": "kept", "z": [1]}, {"x": 7}]
    opens = {"x": {"type": "javascript", "expr": "variable('f/sales/secret')"}}
    body = {"job_ids": first, "flow_options_by_path": {"f/sales/daily": {"input_transforms": opens}}}
    answer = await api.client.post(f"{W}/jobs/run/batch_rerun_jobs", json=body)
    assert all(line.startswith("Error: ") for line in answer.text.splitlines())
    many = {"job_ids": [f"0199f2c4-0000-7000-8000-{n:012}" for n in range(1001)]}
    assert (await api.client.post(f"{W}/jobs/run/batch_rerun_jobs", json=many)).status_code == 400


async def test_filtered_ids_are_cancelled(api: ApiHarness) -> None:
    """The filter finds only runs, unless jobs of nodes are requested; ended and unknown ids are ignored."""
    ended = await start(api, "run/f/f/sales/daily")
    await work(api)
    flows = [await start(api, "run/f/f/sales/daily") for _ in range(3)]
    scripts = [await start(api, "run/p/f/sales/report")]
    under_way = await api.get("jobs/queue/list_filtered_uuids")
    assert sorted(under_way) == sorted([*flows, *scripts])
    found = await api.get("jobs/queue/list_filtered_uuids", script_path_exact="f/sales/daily", per_page=2)
    assert found == flows[:0:-1]
    assert ended in await api.get("jobs/list_filtered_uuids", success=True)
    assert len(await api.get("jobs/queue/list_filtered_uuids", is_flow_step=True)) == 3
    nobody = "0199f2c4-0000-7000-8000-000000000000"
    answer = await api.client.post(f"{W}/jobs/queue/cancel_selection", json=[*found, nobody, ended])
    assert (answer.status_code, answer.json()) == (200, found)
    assert sorted(await api.get("jobs/queue/list_filtered_uuids")) == sorted([flows[0], *scripts])
    assert (await api.get(f"jobs_u/completed/get/{found[0]}"))["canceled"] is True
    (held,) = [job for job in await api.worker.claim_all() if str(job.run.id) == flows[0]]
    answer = await api.client.post(f"{W}/jobs/queue/cancel_selection?force_cancel=true", json=[flows[0]])
    assert answer.json() == [flows[0]] and (await api.get(f"jobs_u/completed/get/{flows[0]}"))["canceled"]
    assert held.node == "a"
    victor = await api.member("victor", Role.VIEWER)
    assert (await victor.post(f"{W}/jobs/queue/cancel_selection", json=scripts)).json() == []
    for wrong in ([1], "x", [nobody[:-4] + f"{n:04}" for n in range(1001)]):
        assert (await api.client.post(f"{W}/jobs/queue/cancel_selection", json=wrong)).status_code == 400


async def test_unknown_ids_are_left_out_by_one_query(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[UUID] = []
    cancel = cancellation.cancel

    async def recorded(platform: Platform, actor: Actor, workspace: str, id: UUID, *more: Any, **options: Any) -> bool:
        tried.append(id)
        return await cancel(platform, actor, workspace, id, *more, **options)

    monkeypatch.setattr(cancellation, "cancel", recorded)
    run = await start(api, "run/p/f/sales/report")
    unknown = [f"0199f2c4-0000-7000-8000-{n:012}" for n in range(999)]
    answer = await api.client.post(f"{W}/jobs/queue/cancel_selection", json=[*unknown, run])
    assert (answer.json(), tried) == ([run], [UUID(run)])


@pytest.mark.parametrize(
    "part",
    [
        "SELECT id FROM job_live WHERE run = $1",
        "SELECT id FROM frame WHERE run = $1",
        "SELECT id FROM counter WHERE run = $1",
        "SELECT job FROM approval WHERE run = $1",
    ],
)
async def test_parts_of_runs_are_cancelled_by_their_ids(api: ApiHarness, part: str) -> None:
    body = [approval("a")] if "approval" in part else [script("a"), script("b")]
    iterator = {"type": "javascript", "expr": "[1]"}
    run = await api.flow({"id": "loop", "value": {"type": "forloopflow", "iterator": iterator, "modules": body}})
    async with api.platform.db.acquire() as conn:
        id = str(await conn.fetchval(part, UUID(run)))
    answer = await api.client.post(f"{W}/jobs/queue/cancel_selection", json=[id])
    assert answer.json() == [id], answer.text


async def test_rerun_does_not_read_references_hidden_from_first_starter(api: ApiHarness) -> None:
    """An operator's run fails to read a reference in its arguments; a rerun by an admin must fail as well."""
    note = {"path": "u/admin/note", "value": "only the admin knows", "is_secret": False, "description": ""}
    assert (await api.client.post(f"{W}/variables/create", json=note)).status_code == 201
    olga = await api.member("olga", role=Role.OPERATOR)
    before = {}
    for call in ("run/p/f/sales/report", "run/f/f/sales/daily"):
        run = (await olga.post(f"{W}/jobs/{call}", json={"x": "$var:u/admin/note"})).text
        before[call] = run
        await work(api)
        refused = await api.client.post(f"{W}/jobs/rerun/{run}")
        assert refused.status_code == 409 and "u/admin/note" in refused.text, refused.text
        many = await api.client.post(f"{W}/jobs/run/batch_rerun_jobs", json={"job_ids": [run]})
        assert many.text.startswith("Error: "), many.text
        # References in arguments entered by the admin are read as the admin, those in unchanged arguments are not.
        answer = await api.client.post(f"{W}/jobs/rerun/{run}", json={"x": "$var:u/admin/note", "y": 1})
        assert answer.status_code == 409 and "u/admin/note" in answer.text, answer.text
        # Unchanged parts of an edited argument, and an old value under another name, are not read as the admin either.
        for changed in ({"x": ["$var:u/admin/note", 2]}, {"x": 1, "y": "$var:u/admin/note"}):
            refused = await api.client.post(f"{W}/jobs/rerun/{run}", json=changed)
            assert refused.status_code == 409 and "u/admin/note" in refused.text, refused.text
        entered = {"x": 1, "y": "$var:u/admin/other"}
        assert (await api.client.post(f"{W}/jobs/rerun/{run}", json=entered)).status_code == 201
    refused = await api.client.post(f"{W}/jobs/restart/f/{before['run/f/f/sales/daily']}", json={"step_id": "a"})
    assert refused.status_code == 409 and "u/admin/note" in refused.text, refused.text
    edited = {"flow_job_id": before["run/f/f/sales/daily"], "step_id": "a"}
    body = {"value": FLOW["value"], "args": {"x": "$var:u/admin/note"}, "restarted_from": edited}
    refused = await api.client.post(f"{W}/jobs/run/preview_flow", json=body)
    assert refused.status_code == 409 and "u/admin/note" in refused.text, refused.text
    run = (await api.client.post(f"{W}/jobs/run/p/f/sales/report", json={"x": "$var:u/admin/note"})).text
    assert (await api.client.post(f"{W}/jobs/rerun/{run}")).status_code == 201
