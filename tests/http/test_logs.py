"""Calls that return logs: as plain text, stream or download, of one attempt or a whole workflow."""

from __future__ import annotations

import json

from tests.http.harness import ApiHarness, W, script

from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.services.logs.objects import Attempt, move


async def put_away(api: ApiHarness, job: ClaimedJob) -> str:
    """Move the log to an object and return the object's key."""
    attempt = Attempt(job.run.workspace, job.run.id, job.id, job.attempt)
    await move(api.platform.db, api.platform.storage, attempt)
    return attempt.log_key


async def test_log_is_plain_text_or_download(api: ApiHarness) -> None:
    id = await api.preview()
    job = (await api.worker.claim())[""]
    await api.worker.print(job, "<script>alert(1)</script>\n")
    await api.worker.finish(job, 1)
    shown = await api.client.get(f"{W}/jobs_u/get_logs/{id}")
    assert (shown.text, shown.headers["content-type"]) == (
        "<script>alert(1)</script>\n",
        "text/plain; charset=utf-8",
    )
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "content-disposition" not in shown.headers
    file = await api.client.get(f"{W}/jobs_u/get_logs/{id}", params={"download": "true"})
    assert (file.text, file.headers["content-disposition"]) == (shown.text, f'attachment; filename="{id}.log"')


async def test_log_is_same_before_and_after_move(api: ApiHarness) -> None:
    id = await api.preview()
    job = (await api.worker.claim())[""]
    text = ""
    for n in range(30):
        line = f"{n:<50000}\N{MUSICAL SYMBOL G CLEF}\n"
        await api.worker.print(job, line)
        text += line
    await api.worker.finish(job, 1)
    before = await answers(api, id)
    await put_away(api, job)
    assert await answers(api, id) == before
    assert before[0] == before[2] == text
    assert before[1] == {"new_logs": text[700_000:], "log_offset": len(text), "completed": True}


async def answers(api: ApiHarness, id: str) -> tuple[str, dict[str, object], str, str]:
    """Return the log from get_logs, getupdate with an offset, the stream and get."""
    update = await api.get(f"jobs_u/getupdate/{id}", log_offset=700_000)
    stream = await api.client.get(f"{W}/jobs_u/getupdate_sse/{id}")
    events = [json.loads(part.removeprefix("data: ")) for part in stream.text.strip().split("\n\n")]
    return (
        (await api.client.get(f"{W}/jobs_u/get_logs/{id}")).text,
        {key: update[key] for key in ("new_logs", "log_offset", "completed")},
        "".join(event["new_logs"] for event in events),
        (await api.get(f"jobs_u/get/{id}"))["logs"],
    )


async def test_lost_log_object_is_reported_by_each_call(api: ApiHarness) -> None:
    id = await api.preview()
    job = (await api.worker.claim())[""]
    await api.worker.print(job, "soon gone\n")
    await api.worker.finish(job, 1)
    key = await put_away(api, job)
    await api.platform.storage.delete(key)
    gone = await api.client.get(f"{W}/jobs_u/get_logs/{id}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "object_missing")
    assert key in gone.json()["error"]["message"]
    line = f"[orvanta] the rest of this log cannot be read: The object {key} does not exist.\n"
    update = await api.get(f"jobs_u/getupdate/{id}")
    assert (update["new_logs"], update["completed"], update["log_offset"]) == (line, True, 10)
    assert (await api.get(f"jobs_u/get/{id}"))["logs"] == line
    stream = (await api.client.get(f"{W}/jobs_u/getupdate_sse/{id}")).text
    assert stream.count("data: ") == 1 and key in stream


async def test_logs_of_a_workflow_are_merged_by_time(api: ApiHarness) -> None:
    id = await api.flow(script("a"), script("b", needs=[]), script("c", needs=["a", "b"]))
    jobs = await api.worker.claim()
    await api.worker.print(jobs["a"], "from a\n")
    await api.worker.print(jobs["b"], "from b\n")
    await api.worker.print(jobs["a"], "a again, no end")
    now = await api.client.get(f"{W}/jobs_u/get_flow_all_logs/{id}")
    assert now.text == "a | from a\nb | from b\na | a again, no end\n"
    for node in ("a", "b"):
        await api.worker.finish(jobs[node], 1)
    last = (await api.worker.claim())["c"]
    await put_away(api, jobs["b"])
    await api.worker.print(last, "from c\n")
    await api.worker.finish(last, 1)
    whole = await api.client.get(f"{W}/jobs_u/get_flow_all_logs/{id}", params={"download": "true"})
    assert whole.text == "a | from a\nb | from b\na | a again, no end\nc | from c\n"
    assert whole.headers["content-disposition"] == f'attachment; filename="{id}.log"'
    assert (await api.client.get(f"{W}/jobs_u/get_logs/{id}")).text.count("--- ") == 3


async def test_log_of_one_job(api: ApiHarness) -> None:
    id = await api.preview()
    job = (await api.worker.claim())[""]
    await api.worker.print(job, "alone\n")
    assert (await api.client.get(f"{W}/jobs_u/get_flow_all_logs/{id}")).text == "alone\n"


async def test_logs_of_others_are_hidden(api: ApiHarness) -> None:
    id = await api.flow(script("a"))
    async with await api.member("eve") as eve:
        assert (await eve.get(f"{W}/jobs_u/get_flow_all_logs/{id}")).status_code == 404
