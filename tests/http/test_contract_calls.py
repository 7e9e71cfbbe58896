"""Small calls of the API contract: texts of scripts, export and deletion of runs, workers, position in the queue."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role

CODE = {"summary": "", "content": "echo 1", "language": "bash"}


async def test_texts_of_scripts_are_compared_and_listed_as_far_as_readable(api: ApiHarness) -> None:
    for folder, owners in (("team", ["g/all"]), ("secret", [])):
        await api.client.post(f"{W}/folders/create", json={"name": folder, "owners": owners})
        await api.client.post(f"{W}/scripts/create", json={**CODE, "path": f"f/{folder}/script"})
    bea = await api.member("bea", Role.DEVELOPER)
    assert (await api.get("scripts/list_search", per_page=1)) == [{"path": "f/secret/script", "content": "echo 1"}]
    assert (await bea.get(f"{W}/scripts/list_search")).json() == [{"path": "f/team/script", "content": "echo 1"}]

    digest = (await api.client.post(f"{W}/scripts/raw_temp/store", json="echo 1")).json()
    other = (await api.client.post(f"{W}/scripts/raw_temp/store", json="echo 2")).json()
    sent = {"f/team/script": digest, "f/secret/script": digest, "f/team/changed": other}
    body = {"scripts": sent, "workspace_deps": []}
    assert (await api.client.post(f"{W}/scripts/raw_temp/diff", json=body)).json() == ["f/team/changed"]
    hidden = (await bea.post(f"{W}/scripts/raw_temp/diff", json=body)).json()
    assert hidden == ["f/secret/script", "f/team/changed"]
    assert (await api.client.post(f"{W}/scripts/raw_temp/store", json={"a": 1})).status_code == 400


async def test_completed_run_is_exported_and_then_deleted_by_an_admin_only(api: ApiHarness) -> None:
    run = await api.preview({"a": 1})
    again = f"{W}/jobs/completed/delete/{run}"
    assert (await api.client.post(again)).status_code == 409
    await api.worker.finish((await api.worker.claim())[""], {"n": 2})
    (exported,) = await api.get("jobs/completed/export")
    assert (exported["id"], exported["args"], exported["result"]) == (run, {"a": 1}, {"n": 2})
    assert (await (await api.member("bea", Role.DEVELOPER)).post(again)).status_code in (403, 404)
    deleted = (await api.client.post(again)).json()
    assert deleted["deleted"] is True and deleted["args"] == {}
    assert "args" not in (await api.get("jobs/completed/export"))[0]
    assert (await api.get("audit/list", operation="jobs.delete"))[0]["parameters"] == {"id": run}


async def test_data_of_a_node_is_not_deleted_alone(api: ApiHarness) -> None:
    run = await api.flow({"id": "a", "value": {"type": "rawscript", "language": "bash", "content": ""}})
    await api.worker.finish((await api.worker.claim())["a"], 1)
    node = (await api.get("jobs/completed/list", parent_job=run))[0]["id"]
    answer = await api.client.post(f"{W}/jobs/completed/delete/{node}")
    assert answer.status_code == 409 and run in answer.json()["error"]["hint"]


async def test_queue_has_positions_and_counts(api: ApiHarness) -> None:
    assert await api.get("jobs/queue/position/4102444800000") == {}
    ids = [await api.preview({"n": number}) for number in range(2)]
    created = [UUID(id).int >> 80 for id in ids]
    assert await api.get(f"jobs/queue/position/{created[-1] + 60_000}") == {"position": 2}
    assert (await api.client.get(f"{W}/jobs/queue/position/{10**20}")).status_code == 400
    for job in await api.worker.claim_all():
        await api.worker.finish(job, 1)
    assert await at(api, "jobs/completed/count_by_tag") == [{"tag": "python3", "count": 2}]
    assert await at(api, "jobs/completed/count_by_tag?workspace_id=admins") == []
    outsider = await api.member("zoe", Role.ADMIN, workspace="admins")
    assert (await outsider.get("/api/jobs/completed/count_by_tag?workspace_id=main")).json() == []
    served = await at(api, "workers/exists_workers_with_tags?tags=python3,worker:x")
    assert served["python3"] is True


async def test_unsupported_calls_say_so(api: ApiHarness) -> None:
    run = await api.preview()
    for path, body in ((f"jobs/run/code_flow/{run}/main", {"args": {}}), ("jobs/completed/import", [])):
        answer = await api.client.post(f"{W}/{path}", json=body)
        assert answer.status_code == 400 and answer.json()["error"]["code"] == "not_yet_supported", path


async def at(api: ApiHarness, path: str) -> Any:
    """Return the JSON of a call to the instance's API."""
    answer = await api.client.get(f"/api/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()
