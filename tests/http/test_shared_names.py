"""Names that workspaces share: files outside folders, usernames of other workspaces, workers and their queues."""

from __future__ import annotations

from tests.http.harness import PYTHON, ApiHarness, W

from orvanta_platform.control.actor import Role

H = f"{W}/job_helpers"


async def test_file_outside_folders_is_changed_by_creator_and_admins_only(api: ApiHarness) -> None:
    ann, bob = await api.member("ann"), await api.member("bob", Role.DEVELOPER)
    at = {"file_key": "reports/today.txt"}
    assert (await ann.post(f"{H}/upload_s3_file", params=at, content=b"hers")).status_code == 200
    assert (await bob.delete(f"{H}/delete_s3_file", params=at)).status_code == 403
    assert (await bob.post(f"{H}/upload_s3_file", params=at, content=b"his")).status_code == 403
    moved = {"src_file_key": at["file_key"], "dest_file_key": "reports/other.txt"}
    assert (await bob.get(f"{H}/move_s3_file", params=moved)).status_code == 403
    assert (await bob.get(f"{H}/download_s3_file", params=at)).content == b"hers"
    assert (await ann.post(f"{H}/upload_s3_file", params=at, content=b"again")).status_code == 200
    assert (await ann.get(f"{H}/move_s3_file", params=moved)).status_code == 200
    assert (await api.client.delete(f"{H}/delete_s3_file", params={"file_key": "reports/other.txt"})).status_code == 200


async def test_usernames_of_another_workspace_are_hidden(api: ApiHarness) -> None:
    stranger = await api.member("zoe", Role.ADMIN, workspace="admins")
    await api.member("ann")
    asked = {"id": "main", "username": "ann"}
    assert (await api.client.post("/api/workspaces/exists_username", json=asked)).json() is True
    answer = await stranger.post("/api/workspaces/exists_username", json=asked)
    nowhere = await stranger.post("/api/workspaces/exists_username", json={"id": "nowhere", "username": "ann"})
    assert answer.status_code == nowhere.status_code == 404
    assert (await stranger.post("/api/workspaces/exists", json={"id": "main"})).json() is False
    own = {"id": "admins", "username": "zoe"}
    assert (await stranger.post("/api/workspaces/exists_username", json=own)).json() is True


async def test_workers_and_queues_are_limited_to_callers_workspaces(api: ApiHarness) -> None:
    """Job counts and machine addresses belong to the instance; members see only those of their workspaces."""
    stranger = await api.member("zoe", Role.ADMIN, workspace="admins")
    member = await api.member("ann")
    for _ in range(2):
        await api.client.post(f"{W}/jobs/run/preview", json={**PYTHON, "tag": "payroll"})
    await api.worker.claim(1)
    full = (await api.client.get("/api/workers/list")).json()[0]
    assert (full["ip"], full["worker_instance"], full["running"]) == ("127.0.0.1", "here", 1)
    for client, running, waiting in ((member, 1, {"payroll": 1}), (stranger, 0, {})):
        (shown,) = (await client.get("/api/workers/list")).json()
        assert (shown["ip"], shown["worker_instance"]) == ("", "")
        assert (shown["running"], shown["jobs_executed"]) == (running, 0)
        assert (await client.get("/api/workers/queue_counts")).json() == waiting
        assert [each["queue"] for each in (await client.get("/api/workers/queues")).json()] == list(waiting)
