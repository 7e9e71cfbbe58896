"""Lists and counts of runs and jobs: contents, visibility and order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, script

from orvanta_platform.control.actor import Role, system
from orvanta_platform.db.job_lists import JobFilter
from orvanta_platform.services.run_views import histograms, item_history


async def ids(api: ApiHarness, call: str = "jobs/list", **params: Any) -> list[str]:
    return [job["id"] for job in await api.get(call, **params)]


@pytest.fixture
async def jobs(api: ApiHarness) -> dict[str, str]:
    """Create four runs: succeeded, failed, running, and a workflow at its second node."""
    ended, failed = await api.preview(path="u/admin/ok"), await api.preview(path="u/admin/bad")
    claimed = {str(job.run.id): job for job in [(await api.worker.claim(1))[""] for _ in range(2)]}
    await api.worker.finish(claimed[ended], 1)
    await api.worker.finish(claimed[failed], error="Boom")
    running = await api.preview(path="u/admin/slow")
    await api.worker.claim()
    flow = await api.flow(script("a"), script("b"))
    first = (await api.worker.claim())["a"]
    await api.worker.finish(first, 1)
    modules = (await api.get(f"jobs_u/get/{flow}"))["flow_status"]["modules"]
    return {
        "ended": ended,
        "failed": failed,
        "running": running,
        "flow": flow,
        **{module["id"]: module["job"] for module in modules},
    }


FILTERS: list[tuple[dict[str, str], set[str]]] = [
    ({}, {"ended", "failed", "running", "flow", "a", "b"}),
    ({"success": "true"}, {"ended", "a"}),
    ({"success": "false"}, {"failed"}),
    ({"running": "true"}, {"running", "flow"}),
    ({"states": "failed,running", "is_flow_step": "false"}, {"failed", "running", "flow"}),
    ({"states": "succeeded"}, {"ended", "a"}),
    ({"states": "queued"}, set()),
    ({"script_path_text": "ADMIN/S"}, {"running"}),
    ({"has_null_parent": "true"}, {"ended", "failed", "running", "flow"}),
    ({"is_flow_step": "true"}, {"a", "b"}),
    ({"node": "b"}, {"b"}),
    ({"job_kinds": "flowpreview,flowscript"}, {"flow", "a", "b"}),
    ({"script_path_exact": "u/admin/ok"}, {"ended"}),
    ({"script_path_start": "u/admin/"}, {"ended", "failed", "running"}),
    ({"tag": "python3"}, {"ended", "failed", "running", "a", "b"}),
    ({"trigger_kind": "webhook"}, set()),
    ({"created_by": "admin"}, {"ended", "failed", "running", "flow", "a", "b"}),
    ({"created_by": "nobody"}, set()),
    ({"created_after": "2020-01-01T00:00:00Z"}, {"ended", "failed", "running", "flow", "a", "b"}),
    ({"created_before": "2020-01-01T00:00:00Z"}, set()),
    ({"created_after": "0001-01-01T00:00:00Z"}, {"ended", "failed", "running", "flow", "a", "b"}),
    ({"created_after": "1960-01-01T00:00:00Z"}, {"ended", "failed", "running", "flow", "a", "b"}),
    ({"created_after": "9999-12-31T23:59:59.999999Z"}, set()),
    ({"created_before": "9999-12-31T23:59:59.999999Z"}, {"ended", "failed", "running", "flow", "a", "b"}),
    ({"created_before": "0001-01-01T00:00:00Z"}, set()),
    ({"completed_after": "2020-01-01T00:00:00Z"}, {"ended", "failed", "a"}),
    ({"worker": "hand"}, {"ended", "failed", "running", "a"}),
    ({"is_skipped": "true"}, set()),
    ({"suspended": "true"}, set()),
    ({"scheduled_for_before_now": "true"}, {"ended", "failed", "running", "flow", "a", "b"}),
    ({"unknown_key": "whatever"}, {"ended", "failed", "running", "flow", "a", "b"}),
]


async def test_histogram_counts_runs_by_time_and_state(api: ApiHarness, jobs: dict[str, str]) -> None:
    now = datetime.now(UTC)
    whole: dict[str, Any] = {
        "created_after": (now - timedelta(hours=5)).isoformat(),
        "created_before": (now + timedelta(hours=1)).isoformat(),
    }
    found = await api.get("jobs/histogram", buckets=6, **whole)
    assert found["width_s"] == 3600 and "counted_from" not in found
    total = Counter[str]()
    for bucket in found["buckets"]:
        total.update(bucket["counts"])
    assert total == {"succeeded": 1, "failed": 1, "running": 2}
    assert sum(sum(each["counts"].values()) for each in found["buckets"][-2:]) == 4
    for params, runs in (({"states": "failed"}, 1), ({"script_path_text": "slow"}, 1), ({"created_by": "nobody"}, 0)):
        found = await api.get("jobs/histogram", **whole, **params)
        assert sum(sum(each["counts"].values()) for each in found["buckets"]) == runs, params
    past = {"created_before": (now - timedelta(hours=2)).isoformat()}
    assert (await api.get("jobs/histogram", **past))["buckets"] == []
    other = await api.member("other")
    answer = await other.get(f"{W}/jobs/histogram")
    assert answer.json()["buckets"] == []
    wrongs = [{"created_after": f"{year}-01-01T00:00:00Z"} for year in ("2030", "1900", "0001")]
    for wrong in (*wrongs, {"created_before": "0001-01-01T00:00:00Z"}):
        assert (await api.client.get(f"{W}/jobs/histogram", params=wrong)).status_code == 400


async def test_histogram_counts_newest_runs_and_reports_start(api: ApiHarness, jobs: dict[str, str]) -> None:
    actor = system("main")
    found = await histograms.histogram(api.platform, actor, "main", JobFilter(), 10, limit=3)
    assert sum(each.runs for each in found.counted) == 3
    assert found.counted_from is not None and found.counted_from > found.since


async def test_histogram_reads_newest_runs_of_any_kind(api: ApiHarness, jobs: dict[str, str]) -> None:
    """Runs that do not match are read as well: their number must not determine the cost of a call."""
    actor = system("main")
    nobody = JobFilter(created_by="nobody")
    found = await histograms.histogram(api.platform, actor, "main", nobody, 10, limit=1)
    assert not found.counted and found.counted_from is not None and found.counted_from > found.since
    exact = found.counted_from
    limited = replace(actor, scopes=("jobs:read:f/a/*",))
    found = await histograms.histogram(api.platform, limited, "main", nobody, 10, limit=1)
    # The time of a run that the caller may not read is given in hours.
    assert found.counted_from is not None and exact < found.counted_from and found.counted_from.minute == 0
    found = await histograms.histogram(api.platform, actor, "main", nobody, 10)
    assert found.counted_from is None
    # An index finds failed runs: the older ones are counted too.
    failed = JobFilter(states=("failed",))
    found = await histograms.histogram(api.platform, actor, "main", failed, 10, limit=2)
    assert sum(each.runs for each in found.counted) == 1 and found.counted_from is None
    # Of these, too, only the newest are read.
    await api.flow(script("again"))
    await api.worker.finish((await api.worker.claim())["again"], error="Boom")
    unmatched = JobFilter(states=("failed",), created_by="nobody")
    found = await histograms.histogram(api.platform, actor, "main", unmatched, 10, limit=1)
    assert not found.counted and found.counted_from is not None


ITEM = {"value": {"modules": [script("a")]}, "summary": "Item"}


async def test_item_histories_show_newest_runs_and_counts_of_each_item(api: ApiHarness) -> None:
    for path in ("u/admin/often", "f/shared/once"):
        if path.startswith("f/"):
            assert (await api.client.post(f"{W}/folders/create", json={"name": "shared"})).status_code == 200
        assert (await api.client.post(f"{W}/flows/create", json={**ITEM, "path": path})).status_code == 201
    started = []
    for n in range(12):
        started.append((await api.client.post(f"{W}/jobs/run/f/u/admin/often", json={})).text)
        await api.worker.finish((await api.worker.claim())["a"], error="Boom" if n == 11 else None)
    await api.flow(script("a"))
    waiting = (await api.client.post(f"{W}/jobs/run/f/f/shared/once", json={})).text
    found = await api.get("jobs/item_histories", kind="flow")
    assert [(each["path"], each["succeeded"], each["failed"]) for each in found] == [
        ("f/shared/once", 0, 0),
        ("u/admin/often", 11, 1),
    ]
    assert [run["id"] for run in found[0]["runs"]] == [waiting]
    assert [run["id"] for run in found[1]["runs"]] == started[:1:-1]
    assert [run["state"] for run in found[1]["runs"][:2]] == ["failed", "succeeded"]
    assert await api.get("jobs/item_histories", kind="script") == []
    assert (await api.client.get(f"{W}/jobs/item_histories", params={"kind": "other"})).status_code == 400
    # The query checks read access: another member sees no item of the user, a limited token only its own paths.
    other = await api.member("other")
    assert (await other.get(f"{W}/jobs/item_histories", params={"kind": "flow"})).json() == []
    limited = await api.member("limited", Role.ADMIN, scopes=["jobs:read:f/shared/*"])
    paths = [each["path"] for each in (await limited.get(f"{W}/jobs/item_histories", params={"kind": "flow"})).json()]
    assert paths == ["f/shared/once"]
    histories = await item_history.list_item_histories(api.platform, system("main"), "main", "flow", most=3)
    assert sum(len(each.runs) for each in histories) == 3


async def test_filters(api: ApiHarness, jobs: dict[str, str]) -> None:
    names = {id: name for name, id in jobs.items()}
    for params, expected in FILTERS:
        assert {names[id] for id in await ids(api, **params)} == expected, params


async def test_list_of_workflow_nodes(api: ApiHarness, jobs: dict[str, str]) -> None:
    found = await api.get("jobs/list", parent_job=jobs["flow"])
    assert [(job["flow_step_id"], job["type"]) for job in found] == [("b", "QueuedJob"), ("a", "CompletedJob")]
    assert {"started_at", "completed_at", "duration_ms"} <= found[1].keys()


async def test_queue_and_completed_partition_list(api: ApiHarness, jobs: dict[str, str]) -> None:
    queue, completed = await ids(api, "jobs/queue/list"), await ids(api, "jobs/completed/list")
    assert set(queue) == {jobs["running"], jobs["flow"], jobs["b"]}
    assert set(completed) == {jobs["ended"], jobs["failed"], jobs["a"]}
    assert await ids(api, "jobs/queue/list", is_flow_step="true") == [jobs["b"]]
    assert await api.get("jobs/queue/count") == {"database_length": 3, "suspended": 0}
    assert await api.get("jobs/completed/count") == {"database_length": 2, "suspended": 0}


async def test_pages_and_keysets_return_same_list(api: ApiHarness, jobs: dict[str, str]) -> None:
    everything = await ids(api)
    assert everything == sorted(everything, reverse=True) and len(everything) == len(jobs)
    pages = [await ids(api, page=page, per_page=2) for page in (1, 2, 3, 4)]
    assert [id for page in pages for id in page] == everything
    assert await ids(api, page=0, per_page=2) == everything[:2]
    walked: list[str] = []
    while page := await ids(api, per_page=2, **({"before": walked[-1]} if walked else {})):
        walked += page
    assert walked == everything
    assert await ids(api, per_page=2, after=everything[3]) == [everything[2], everything[1]]
    assert await ids(api, order_desc="false") == everything[::-1]
    assert len(await ids(api, per_page=100_000)) == len(everything)


async def test_list_reads_no_values(api: ApiHarness, jobs: dict[str, str], database: TestDatabase) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("ALTER TABLE value RENAME TO value_away; ALTER TABLE log_chunk RENAME TO log_away")
    await owner.close()
    assert len(await api.get("jobs/list")) == len(jobs)


async def test_lists_show_what_the_caller_may_read(api: ApiHarness, jobs: dict[str, str]) -> None:
    async with await api.member("eve", Role.DEVELOPER) as eve:
        assert (await eve.get(f"{W}/jobs/list")).json() == []
        assert (await eve.get(f"{W}/jobs/queue/count")).json()["database_length"] == 0
        own = await eve.post(f"{W}/jobs/run/preview", json={"content": "x", "language": "bash"})
        assert [job["id"] for job in (await eve.get(f"{W}/jobs/list")).json()] == [own.text]
        assert (await eve.get(f"{W}/jobs/completed/count")).json()["database_length"] == 0
        shared = await api.preview(path="u/eve/shared")
        assert {job["id"] for job in (await eve.get(f"{W}/jobs/list")).json()} == {own.text, shared}
        assert (await eve.get("/api/w/admins/jobs/list")).status_code == 404


async def test_path_scoped_token_lists_that_path(api: ApiHarness, jobs: dict[str, str]) -> None:
    async with await api.member("bob", scopes=["jobs:read:u/bob/*"]) as bob:
        mine = await api.preview(path="u/bob/one")
        assert [job["id"] for job in (await bob.get(f"{W}/jobs/list")).json()] == [mine]
    async with await api.member("ann", scopes=["scripts:read"]) as ann:
        assert (await ann.get(f"{W}/jobs/list")).status_code == 403


async def test_invalid_query_is_refused(api: ApiHarness) -> None:
    for params in ({"parent_job": "x"}, {"created_after": "yesterday"}, {"per_page": "many"}, {"success": "maybe"}):
        answer = await api.client.get(f"{W}/jobs/list", params=params)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request"), params


async def test_workers(api: ApiHarness) -> None:
    (worker,) = (await api.client.get("/api/workers/list")).json()
    required = ("worker", "worker_instance", "started_at", "ip", "jobs_executed", "worker_group", "wm_version")
    assert worker.keys() >= set(required)
    assert (worker["worker"], worker["state"], "custom_tags" in worker) == ("hand", "live", False)
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE worker SET state = 'stopped', queues = '{gpu}'")
    assert (await api.client.get("/api/workers/list")).json() == []
    (worker,) = (await api.client.get("/api/workers/list", params={"ping_since": 300})).json()
    assert (worker["state"], worker["custom_tags"]) == ("stopped", ["gpu"])


async def test_overview(api: ApiHarness, jobs: dict[str, str]) -> None:
    await api.flow({"id": "ask", "value": {"type": "approval", "message": "Go on?"}})
    code = {"path": "f/team/code", "summary": "", "content": "def main(): ...", "language": "python3"}
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    assert (await api.client.post(f"{W}/scripts/create", json=code)).status_code == 201
    for name, enabled in (("on", True), ("off", False)):
        body = {"path": f"f/team/{name}", "script_path": "f/team/code", "is_flow": False, "enabled": enabled}
        more = {"schedule": "0 0 * * * *", "timezone": "Europe/Paris", "args": {}}
        assert (await api.client.post(f"{W}/schedules/create", json={**body, **more})).status_code == 201
    # A failed test of code that is not deployed is not listed.
    assert (await api.get("overview"))["failed"] == []
    assert (await api.client.post(f"{W}/scripts/create", json={**code, "path": "u/admin/bad"})).status_code == 201
    deployed = await api.client.post(f"{W}/jobs/run/p/u/admin/bad", json={})
    assert deployed.status_code == 201, deployed.text
    await api.worker.finish((await api.worker.claim())[""], error="Boom")
    found = await api.get("overview")
    assert [(each["path"], each["runs"], each["last"]["id"]) for each in found["failed"]] == [
        ("u/admin/bad", 1, deployed.text)
    ]
    assert {each["id"] for each in found["running"]} == {jobs["running"], jobs["flow"]} and found["running_runs"] == 2
    assert [each["message"] for each in found["waiting"]] == ["Go on?"] and found["waiting_runs"] == 1
    assert [(each["path"], each["timezone"]) for each in found["coming"]] == [("f/team/on", "Europe/Paris")]
    other = (await (await api.member("other")).get(f"{W}/overview")).json()
    assert (other["failed"], other["running"], other["waiting"]) == ([], [], [])
    assert [each["path"] for each in other["coming"]] == ["f/team/on"]


async def test_jobs_of_limit_are_listed_and_those_of_others_counted(api: ApiHarness) -> None:
    key = {"concurrent_limit": 1, "concurrency_key": "one"}
    holder, queued = await api.flow(script("a"), **key), await api.flow(script("a"), **key)
    await api.flow(script("a"))
    limited = script("n")
    limited["value"] |= {"concurrent_limit": 1, "custom_concurrency_key": "inner"}
    run = await api.flow(limited)
    await api.flow(limited)

    def listed(answer: dict[str, Any]) -> tuple[set[str], list[Any], bool]:
        return {job["id"] for job in answer["jobs"]}, answer["obscured_jobs"], answer["omitted_obscured_jobs"]

    groups = (await api.client.get("/api/concurrency_groups/list")).json()
    assert groups == [{"concurrency_key": f"main/{name}", "total_running": 1} for name in ("inner", "one")]
    call = "concurrency_groups/list_jobs"
    assert listed(await api.get(call, concurrency_key="main/one")) == ({holder, queued}, [], False)
    assert listed(await api.get(call, concurrency_key="main/one", created_by="x")) == (set(), [], True)
    assert run in {job["id"] for job in (await api.get(call, concurrency_key="main/inner"))["jobs"]}
    assert len((await api.get(call, row_limit=2))["jobs"]) == 2
    ann, dev = await api.member("ann"), await api.member("dev", Role.DEVELOPER)
    assert (await dev.get("/api/concurrency_groups/list")).status_code == 403
    params = {"concurrency_key": "main/one"}
    assert listed((await ann.get(f"{W}/{call}", params=params)).json()) == (set(), [], True)
    flow = {"value": {"modules": [script("a")], **key}}
    own = await dev.post(f"{W}/jobs/run/preview_flow", json=flow)
    assert own.status_code == 201, own.text
    seen, hidden, omitted = listed((await dev.get(f"{W}/{call}", params=params)).json())
    assert (seen, omitted) == ({own.text}, False)
    assert [each["typ"] for each in hidden] == ["QueuedJob"] * 2
    assert [set(each) for each in hidden] == [{"typ", "started_at"}, {"typ"}]
    assert listed((await dev.get(f"{W}/{call}", params={**params, "running": True})).json())[2]
