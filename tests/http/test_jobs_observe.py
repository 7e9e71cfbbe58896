"""Views of a script's run, from its start to its end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.cli.test_commands import on, run
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, script
from tests.http.manual_worker import ManualWorker

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor, system
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.services.run_views import updates

COMPLETED = {
    *("id", "created_by", "created_at", "started_at", "duration_ms", "success", "canceled", "job_kind"),
    *("permissioned_as", "is_flow_step", "is_skipped", "email", "visible_to_owner", "tag", "type"),
}
QUEUED = {
    *("id", "running", "canceled", "job_kind", "permissioned_as", "is_flow_step", "email", "visible_to_owner"),
    *("tag", "type"),
}


async def test_run_is_queued_then_running_then_completed(api: ApiHarness) -> None:
    id = await api.preview({"n": 1})
    queued = await api.get(f"jobs_u/get/{id}")
    assert queued.keys() >= QUEUED
    assert (queued["type"], queued["running"], queued["job_kind"]) == ("QueuedJob", False, "preview")
    assert (queued["tag"], queued["args"], queued["wait_reason"]) == ("python3", {"n": 1}, "waiting for a free slot")
    assert (await api.client.get(f"{W}/jobs_u/completed/get/{id}")).status_code == 404
    assert (await api.client.get(f"{W}/jobs_u/completed/get_result/{id}")).status_code == 404
    assert (await api.client.get(f"{W}/jobs_u/completed/get_timing/{id}")).status_code == 404
    maybe = await api.get(f"jobs_u/completed/get_result_maybe/{id}")
    assert maybe == {"completed": False, "started": False, "success": None, "result": None}

    job = (await api.worker.claim())[""]
    running = await api.get(f"jobs_u/get/{id}")
    assert (running["running"], running["worker"], "wait_reason" in running) == (True, "hand", False)
    assert (await api.get(f"jobs_u/completed/get_result_maybe/{id}"))["started"] is True

    await api.worker.print(job, "hello\n")
    await api.worker.finish(job, {"n": 2})
    done = await api.get(f"jobs_u/completed/get/{id}")
    assert done.keys() >= COMPLETED
    assert (done["type"], done["success"], done["canceled"]) == ("CompletedJob", True, False)
    assert (done["result"], done["logs"], done["worker"], done["mem_peak"]) == ({"n": 2}, "hello\n", "hand", 1234)
    assert (done["tag"], done["raw_code"].splitlines()[0]) == ("python3", "def main(**args):")
    assert await api.get(f"jobs_u/get/{id}") == done
    assert await api.get(f"jobs_u/completed/get_result/{id}") == {"n": 2}
    assert await api.get(f"jobs_u/get_args/{id}") == {"n": 1}
    timing = await api.get(f"jobs_u/completed/get_timing/{id}")
    assert timing == {key: done[key] for key in ("created_at", "started_at", "duration_ms")}
    root = await api.client.get(f"{W}/jobs_u/get_root_job_id/{id}")
    assert (root.text, root.headers["content-type"]) == (f'"{id}"', "application/json")


async def test_error_is_result_of_failed_run(api: ApiHarness) -> None:
    id = await api.preview()
    await api.worker.finish((await api.worker.claim())[""], error="ValueError")
    done = await api.get(f"jobs_u/completed/get/{id}")
    assert (done["success"], done["result"]["error"]["name"]) == (False, "ValueError")
    maybe = await api.get(f"jobs_u/completed/get_result_maybe/{id}")
    assert (maybe["completed"], maybe["success"], maybe["result"]) == (True, False, done["result"])


@pytest.mark.parametrize(
    "raw",
    [b'{"b": 1.0, "a": 12345678901234567890123, "b": 2}', b" [1e400]", b"null", b'"\\u00e9\\ud800"'],
    ids=["order and duplicates", "huge", "null", "surrogate"],
)
async def test_result_is_returned_unchanged(api: ApiHarness, raw: bytes) -> None:
    id = await api.preview()
    await api.worker.finish((await api.worker.claim())[""], raw)
    assert (await api.client.get(f"{W}/jobs_u/completed/get_result/{id}")).content == raw
    assert raw in (await api.client.get(f"{W}/jobs_u/get/{id}")).content
    assert raw in (await api.client.get(f"{W}/jobs_u/completed/get_result_maybe/{id}")).content


async def test_large_result_is_read_from_storage(api: ApiHarness) -> None:
    id = await api.preview()
    await api.worker.finish((await api.worker.claim())[""], ["x" * 1000] * 1000)
    assert any(file.is_file() for file in (api.platform.settings.home / "objects").rglob("*"))
    assert await api.get(f"jobs_u/completed/get_result/{id}") == ["x" * 1000] * 1000


async def test_run_locked_by_transaction_has_wait_reason(api: ApiHarness) -> None:
    body = {"value": {"modules": [script("a")]}, "args": {}}
    answer = await api.client.post(f"{W}/jobs/run/preview_flow?scheduled_in_secs=60", json=body)
    id = answer.text
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE run_live SET scheduled_at = app_now() - interval '1 minute' WHERE id = $1", id)
    assert (await api.get(f"jobs_u/get/{id}"))["wait"]["code"] == "step"
    async with api.platform.db.transaction() as conn:
        await conn.fetch("SELECT FROM run_live WHERE id = $1 FOR NO KEY UPDATE", id)
        assert (await api.get(f"jobs_u/get/{id}"))["wait"]["code"] == "held"
    assert (await api.get(f"jobs_u/get/{id}"))["wait"]["code"] == "step"


async def test_run_in_queue_without_workers_has_wait_reason(
    api: ApiHarness, database: TestDatabase, tmp_path: Path
) -> None:
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE worker SET queues = '{bash}'")
    id = await api.preview(tag="gpu")
    assert (await api.get(f"jobs_u/get/{id}"))["wait_reason"] == "no worker for queue gpu"
    doctor = await asyncio.to_thread(run, "doctor", **on(database, tmp_path))
    assert "gpu: no worker serves it, 1 waiting" in doctor.stdout, doctor.stderr
    await ManualWorker.register(api.platform, "gpu-box", ["gpu"])
    assert (await api.get(f"jobs_u/get/{id}"))["wait_reason"] == "waiting for a free slot"
    async with api.platform.db.transaction() as conn:
        await conn.execute("UPDATE worker SET drained_at = app_now() WHERE name = 'gpu-box'")
    assert (await api.get(f"jobs_u/get/{id}"))["wait_reason"] == "no worker for queue gpu"


async def test_scheduled_run_has_wait_reason(api: ApiHarness) -> None:
    answer = await api.client.post(
        f"{W}/jobs/run/preview", params={"scheduled_in_secs": 3600}, json={"content": "x", "language": "bash"}
    )
    job = await api.get(f"jobs_u/get/{answer.text}")
    assert (job["running"], job["wait_reason"]) == (False, "waiting for its start time")
    assert job["scheduled_for"] > job["created_at"]


@pytest.mark.parametrize("call", ["get", "completed/get", "completed/get_result_maybe", "getupdate", "get_logs"])
async def test_unknown_id_and_id_of_another_workspace_are_indistinguishable(api: ApiHarness, call: str) -> None:
    id = await api.preview()
    for workspace, job in (("main", uuid4()), ("admins", UUID(id)), ("nowhere", UUID(id))):
        answer = await api.client.get(f"/api/w/{workspace}/jobs_u/{call}/{job}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_log_offsets_count_characters(api: ApiHarness) -> None:
    id = await api.preview()
    job = (await api.worker.claim())[""]
    await api.worker.print(job, "aé𝄞\n")
    await api.worker.print(job, "second\n")
    for offset, rest in ((0, "aé𝄞\nsecond\n"), (2, "𝄞\nsecond\n"), (4, "second\n"), (7, "ond\n")):
        found = await api.get(f"jobs_u/getupdate/{id}", log_offset=offset)
        assert (found["new_logs"], found["log_offset"]) == (rest, 11)
    await api.worker.finish(job, 1)
    assert (await api.client.get(f"{W}/jobs_u/get_logs/{id}")).text == "aé𝄞\nsecond\n"


async def test_long_log_is_complete_before_update_reports_completion(api: ApiHarness) -> None:
    id = await api.preview()
    job = (await api.worker.claim())[""]
    lines = [f"line {n:<60000}\n" for n in range(40)]
    for line in lines:
        await api.worker.print(job, line)
    await api.worker.finish(job, 1)
    text, answers = "", 0
    while True:
        found = await api.get(f"jobs_u/getupdate/{id}", log_offset=len(text))
        text += found["new_logs"]
        answers += 1
        if found["completed"]:
            break
    assert (text, answers) == ("".join(lines), 3)
    assert (await api.client.get(f"{W}/jobs_u/get_logs/{id}")).text == text
    shown = (await api.get(f"jobs_u/get/{id}"))["logs"]
    assert shown.startswith("line 0 ") and "more characters" in shown


async def test_update_waits_for_change(api: ApiHarness) -> None:
    id = await api.preview()
    job = (await api.worker.claim())[""]
    held = asyncio.create_task(api.get(f"jobs_u/getupdate/{id}", running="true"))
    await api.until(lambda: bool(api.platform.listen._watches))
    assert not held.done()
    await api.worker.print(job, "now")
    assert (await held)["new_logs"] == "now"
    held = asyncio.create_task(api.get(f"jobs_u/getupdate/{id}", running="true", log_offset=3))
    await api.until(lambda: bool(api.platform.listen._watches))
    await api.worker.finish(job, 1)
    assert await held == {"running": False, "completed": True, "new_logs": "", "log_offset": 3, "mem_peak": 1234}
    assert not api.platform.listen._watches


async def test_stream_has_log_and_ends_with_completion(api: ApiHarness) -> None:
    id = await api.preview()
    reading = asyncio.create_task(api.client.get(f"{W}/jobs_u/getupdate_sse/{id}"))
    await api.until(lambda: bool(api.platform.listen._watches))
    job = (await api.worker.claim())[""]
    for word in ("one ", "two ", "three"):
        await api.worker.print(job, word)
    await api.worker.finish(job, 1)
    answer = await reading
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(part.removeprefix("data: ")) for part in answer.text.strip().split("\n\n")]
    assert "".join(event["new_logs"] for event in events) == "one two three"
    assert [event["completed"] for event in events] == [False] * (len(events) - 1) + [True]
    assert events[-1]["log_offset"] == 13
    assert not api.platform.listen._watches


async def test_cancel_returns_id_and_is_reported_everywhere(api: ApiHarness) -> None:
    id = await api.preview()
    answer = await api.client.post(f"{W}/jobs_u/queue/cancel/{id}", json={"reason": "wrong input"})
    assert (answer.status_code, answer.text) == (200, id)
    done = await api.get(f"jobs_u/completed/get/{id}")
    assert (done["canceled"], done["canceled_by"], done["canceled_reason"]) == (True, "admin", "wrong input")
    assert done["success"] is False
    assert done["result"]["error"]["name"] == "Canceled"
    again = await api.client.post(f"{W}/jobs_u/queue/force_cancel/{id}")
    assert again.status_code == 200


async def test_runs_of_others_are_hidden(api: ApiHarness) -> None:
    id = await api.preview()
    async with await api.member("eve") as eve:
        for call in (f"jobs_u/get/{id}", f"jobs_u/getupdate/{id}", f"jobs_u/get_logs/{id}", f"jobs_u/get_args/{id}"):
            assert (await eve.get(f"{W}/{call}")).status_code == 404
        assert (await eve.post(f"{W}/jobs_u/queue/cancel/{id}", json={})).status_code == 404
    assert (await api.get(f"jobs_u/get/{id}"))["canceled"] is False


async def test_quiet_stream_sends_keep_alive(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "KEEP_ALIVE_S", 0.0)
    monkeypatch.setattr(updates, "_POLL_S", 0.001)
    id = await api.preview()
    pieces = (await updates.updates(api.platform, admin(), "main", UUID(id))).__aiter__()
    assert [await anext(pieces) is None for _ in range(3)] == [False, True, True]
    await api.worker.finish((await api.worker.claim())[""], 1)
    rest = [piece async for piece in pieces if piece is not None]
    assert [piece.completed for piece in rest][-1] is True
    answer = await api.client.get(f"{W}/jobs_u/getupdate_sse/{id}")
    assert answer.text.count("data: ") == 1


def admin() -> LiveActor:
    actor = system("main", name="admin")

    async def derive(_: float) -> Actor:
        return actor

    return LiveActor(actor, derive, derived_at=clock.monotonic())
