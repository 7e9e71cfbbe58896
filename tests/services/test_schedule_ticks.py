"""Ticks of schedules: processed once, missed, skipped or failed with a reason; handlers of their runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness

from orvanta_platform.control.actor import Role
from orvanta_platform.orchestrator import timers
from orvanta_platform.reasons import reason, restored
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.outcomes import ScanPosition, process_ended
from orvanta_platform.services.triggers.scheduler import fire

CODE = {"summary": "", "content": "def main(**args): return args", "language": "python3"}
PATH = "f/team/nightly"
NIGHTLY = {"path": PATH, "schedule": "0 0 3 * * *", "timezone": "UTC", "script_path": "f/team/script", "enabled": True}

LATE = "UPDATE schedule SET next_at = date_bin('6 hours', app_now(), $1) - interval '12 hours'"
"""Three ticks of a six-hour schedule were missed, the last of them more than a minute ago. $1: one of its ticks."""


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        for name in ("script", "ask", "alarm", "relief", "cheer"):
            await deploy(made, name)
        yield made


async def deploy(api: ApiHarness, name: str) -> None:
    answer = await api.client.post(f"{W}/scripts/create", json={**CODE, "path": f"f/team/{name}"})
    assert answer.status_code == 201, answer.text


async def create(api: ApiHarness, **more: Any) -> None:
    answer = await api.client.post(f"{W}/schedules/create", json={**NIGHTLY, "args": {"n": 1}, **more})
    assert answer.status_code == 201, answer.text


async def rows(api: ApiHarness, query: str, *values: Any) -> list[Any]:
    async with api.platform.db.acquire() as connection:
        return list(await connection.fetch(query, *values))


async def make_due(api: ApiHarness, ago: str = "1 second", path: str = PATH) -> None:
    """Move the schedule's next tick into the past."""
    query = "UPDATE schedule SET next_at = date_trunc('second', app_now()) - $1::text::interval WHERE path = $2"
    await rows(api, query, ago, path)


async def tick(api: ApiHarness, ago: str = "1 second") -> None:
    """Make a tick due, and process all due ticks."""
    await make_due(api, ago)
    while await fire(api.platform):
        pass


async def ticks(api: ApiHarness) -> list[Any]:
    return await rows(api, "SELECT * FROM schedule_tick ORDER BY tick_at")


async def states(api: ApiHarness) -> list[str]:
    return [each["state"] for each in await ticks(api)]


async def error(api: ApiHarness) -> str | None:
    found: str | None = (await api.get(f"schedules/get/{PATH}")).get("error")
    return found


async def args_of(api: ApiHarness, run: UUID) -> Any:
    return await api.get(f"jobs_u/get_args/{run}")


async def end(api: ApiHarness, result: Any = None, error: str | None = None) -> UUID:
    """Complete the only job, and process the end of its run."""
    ((_, job),) = (await api.worker.claim()).items()
    await api.worker.finish(job, result, error=error)
    await process_ended(api.platform, ScanPosition())
    run: UUID = job.run.id
    return run


async def test_tick_starts_run_as_owner_and_sets_next_tick(api: ApiHarness) -> None:
    bea = await api.member("bea", role=Role.DEVELOPER)
    answer = await bea.post(f"{W}/schedules/create", json={**NIGHTLY, "args": {"n": 7}, "tag": "special"})
    assert answer.status_code == 201, answer.text
    await tick(api)
    (taken,) = await ticks(api)
    job = await api.get(f"jobs_u/get/{taken['run']}")
    assert (job["permissioned_as"], job["trigger_kind"], job["tag"]) == ("u/bea", "schedule", "special")
    assert (job["script_path"], job["args"], job["schedule_path"]) == ("f/team/script", {"n": 7}, PATH)
    (row,) = await rows(api, "SELECT scheduled_at FROM run_live")
    assert row["scheduled_at"] == taken["tick_at"]
    (next_at,) = await rows(api, "SELECT next_at, next_at > app_now() AS future FROM schedule")
    assert next_at["future"] and next_at["next_at"].hour == 3


async def test_concurrent_schedulers_take_a_tick_once(api: ApiHarness) -> None:
    for n in range(20):
        await create(api, path=f"f/team/s{n}")
        await make_due(api, path=f"f/team/s{n}")
    taken = await asyncio.gather(*(fire(api.platform) for _ in range(3)))
    assert sum(taken) == 20
    assert [row["n"] for row in await rows(api, "SELECT count(*) AS n FROM schedule_tick GROUP BY schedule")] == [
        1
    ] * 20
    assert len(await rows(api, "SELECT FROM run_live")) == 20


async def test_started_tick_is_never_restarted(api: ApiHarness) -> None:
    """This holds even if next_at is reset to an earlier time, because the tick has a row."""
    await create(api)
    await make_due(api)
    assert await fire(api.platform) == 1
    await rows(api, "UPDATE schedule SET next_at = (SELECT tick_at FROM schedule_tick)")
    assert await fire(api.platform) == 0
    assert len(await rows(api, "SELECT FROM run_live")) == 1


@pytest.mark.parametrize(
    ("rule", "runs", "messages"), [("skip", 0, ["3 ticks"]), ("once", 1, ["2 ticks"]), ("all", 3, [])]
)
async def test_missed_ticks_follow_the_rule(api: ApiHarness, rule: str, runs: int, messages: list[str]) -> None:
    # The schedule has no tick near the present time: one that is reached during the test would be a fourth.
    hour = (datetime.now(UTC).hour + 3) % 6
    await create(api, schedule=f"0 0 {hour}-23/6 * * *", missed=rule)
    await rows(api, LATE, datetime(2020, 1, 1, hour, tzinfo=UTC))
    while await fire(api.platform):
        pass
    found = await ticks(api)
    assert len([each for each in found if each["state"] == "running"]) == runs
    missed = [restored(each["detail"]).message for each in found if each["state"] == "missed"]
    assert [detail.split(" were")[0] for detail in missed] == messages
    assert all(detail.endswith(f"by the rule {rule}") for detail in missed)


async def test_no_flow_overlap_skips_the_tick(api: ApiHarness) -> None:
    await create(api, no_flow_overlap=True)
    await tick(api, "50 seconds")
    await tick(api)
    assert await states(api) == ["running", "skipped"]
    (shown,) = await api.get("schedules/list_with_jobs")
    assert [(each["state"], each.get("detail")) for each in shown["ticks"]] == [
        ("skipped", "the previous run has not ended"),
        ("running", None),
    ]
    await end(api)
    await tick(api, "0 seconds")
    assert await states(api) == ["ended", "skipped", "running"]


async def test_deleted_target_is_reported_and_schedule_remains(api: ApiHarness) -> None:
    await create(api)
    await api.client.post(f"{W}/scripts/archive/p/f/team/script")
    await tick(api, "30 seconds")
    assert await error(api) == "The script f/team/script does not exist."
    assert await states(api) == ["failed"]
    shown = await api.get(f"schedules/get/{PATH}")
    assert shown["enabled"] is True
    await deploy(api, "script")
    await tick(api)
    assert await error(api) is None
    assert await states(api) == ["failed", "running"]


async def test_owner_without_permission_starts_nothing(api: ApiHarness) -> None:
    bea = await api.member("bea", role=Role.DEVELOPER)
    assert (await bea.post(f"{W}/schedules/create", json={**NIGHTLY, "args": None})).status_code == 201
    await rows(api, "UPDATE member SET role = 'viewer' WHERE username = 'bea'")
    await tick(api, "30 seconds")
    assert await error(api) == "You may not run the script f/team/script."
    await rows(api, "UPDATE member SET disabled = true WHERE username = 'bea'")
    await tick(api)
    assert await error(api) == "u/bea, for whom the schedule acts, is no longer a member of main."
    assert await rows(api, "SELECT FROM run_live") == []


async def test_paused_schedule_has_no_missed_ticks(api: ApiHarness) -> None:
    await create(api, paused_until="2999-01-01T03:00:00Z")
    assert (await api.get(f"schedules/get/{PATH}"))["next_at"] == "2999-01-01T03:00:00Z"
    assert await fire(api.platform) == 0


@pytest.mark.parametrize("answer", [True, "yes", 1, {}])
async def test_dynamic_skip_with_truthy_result_skips(api: ApiHarness, answer: Any) -> None:
    await create(api, dynamic_skip="script/f/team/ask")
    await tick(api)
    (asked,) = await ticks(api)
    assert (asked["state"], asked["run"]) == ("asking", None)
    given = await args_of(api, asked["asked"])
    assert given == {"scheduled_for": asked["tick_at"].isoformat().replace("+00:00", "Z")}
    await end(api, answer)
    (skipped,) = await ticks(api)
    assert (skipped["state"], restored(skipped["detail"])) == (
        "skipped",
        reason("skip_script_true", path="script/f/team/ask"),
    )
    assert await rows(api, "SELECT FROM run_live") == []


@pytest.mark.parametrize(("answer", "failure"), [(False, None), (None, None), (0, None), ("", None), (None, "Broken")])
async def test_dynamic_skip_with_other_result_starts_the_run(api: ApiHarness, answer: Any, failure: str | None) -> None:
    await create(api, dynamic_skip="f/team/ask")
    await tick(api)
    await end(api, answer, error=failure)
    (started,) = await ticks(api)
    job = await api.get(f"jobs_u/get/{started['run']}")
    assert (started["state"], job["script_path"], job["args"]) == ("running", "f/team/script", {"n": 1})
    (row,) = await rows(api, "SELECT scheduled_at FROM run_live")
    assert row["scheduled_at"] == started["tick_at"]
    assert await error(api) == ("f/team/ask, which decides whether to skip it, failed" if failure else None)


async def test_slow_dynamic_skip_does_not_delay_other_ticks(api: ApiHarness) -> None:
    await create(api, dynamic_skip="f/team/ask")
    await create(api, path="f/team/other")
    await make_due(api, path="f/team/other")
    await tick(api, "40 seconds")
    await tick(api)
    await process_ended(api.platform, ScanPosition())
    assert sorted(await states(api)) == ["asking", "asking", "running"]


async def test_scheduled_script_is_retried(api: ApiHarness) -> None:
    await create(api, retry={"constant": {"attempts": 1, "seconds": 0}}, on_failure="script/f/team/alarm")
    await tick(api)
    await end(api, error="First")
    assert await states(api) == ["running"]
    await timers.fire(api.platform.tools)
    run = await end(api, error="Second")
    (ended,) = await ticks(api)
    assert (ended["state"], ended["outcome"], ended["run"]) == ("ended", "failed", run)
    (alarm,) = (await api.worker.claim()).values()
    assert (await args_of(api, alarm.run.id))["error"]["name"] == "Second"


async def test_on_failure_handler_receives_the_error(api: ApiHarness) -> None:
    extra = {"channel": "ops", "failed_times": "mine"}
    await create(api, on_failure="script/f/team/alarm", on_failure_extra_args=extra)
    await tick(api)
    run = await end(api, error="Broken")
    (alarm,) = (await api.worker.claim()).values()
    given = await args_of(api, alarm.run.id)
    assert given.pop("started_at")
    assert given == {
        "path": "f/team/script",
        "schedule_path": PATH,
        "is_flow": False,
        "job_id": str(run),
        "error": {"name": "Broken", "message": "Broken happened"},
        "failed_times": "mine",
        "channel": "ops",
    }
    assert alarm.run.permissioned_as == "u/admin"
    await process_ended(api.platform, ScanPosition())
    assert await api.worker.claim() == {}


async def handlers(api: ApiHarness, outcomes: str) -> str:
    """End runs in sequence (f: failed, s: succeeded); return the letters of their handlers, with `.` after each run."""
    letters = ""
    for n, outcome in enumerate(outcomes):
        await tick(api, f"{50 - n} seconds")
        await end(api, error="Broken" if outcome == "f" else None)
        started = [job for job in (await api.worker.claim_all()) if job.run.path != "f/team/script"]
        for job in sorted(started, key=lambda job: job.run.path or ""):
            letters += {"f/team/alarm": "A", "f/team/relief": "R", "f/team/cheer": "C"}[job.run.path or ""]
            await api.worker.finish(job)
        letters += "."
    return letters


@pytest.mark.parametrize(
    ("settings", "outcomes", "expected"),
    [
        ({"on_failure": "script/f/team/alarm"}, "ffsf", "A.A..A."),
        ({"on_failure": "f/team/alarm", "on_failure_times": 2}, "fffsff", ".A.A...A."),
        ({"on_failure": "f/team/alarm", "on_failure_times": 2, "on_failure_exact": True}, "fffsff", ".A....A."),
        ({"on_recovery": "f/team/relief"}, "sfsssfs", "..R....R."),
        ({"on_recovery": "f/team/relief", "on_recovery_times": 2}, "fsfsss", "....R.."),
        ({"on_success": "f/team/cheer"}, "fss", ".C.C."),
        ({"on_success": "f/team/cheer", "on_recovery": "f/team/relief"}, "fs", ".CR."),
    ],
)
async def test_handlers_depend_on_the_history(
    api: ApiHarness, settings: dict[str, Any], outcomes: str, expected: str
) -> None:
    await create(api, **settings)
    assert await handlers(api, outcomes) == expected


async def test_handler_that_cannot_start_is_reported(api: ApiHarness) -> None:
    await create(api, on_failure="script/f/team/alarm")
    await api.client.post(f"{W}/scripts/archive/p/f/team/alarm")
    await tick(api)
    await end(api, error="Broken")
    assert await error(api) == "on_failure: The script f/team/alarm does not exist."
    assert (await ticks(api))[0]["owed"] == []


async def test_owed_handler_is_started_once(api: ApiHarness) -> None:
    """The process that recorded the end crashed before it started the handler.

    Both the end and the pending handler are committed together.
    """
    await create(api, on_failure="script/f/team/alarm")
    await tick(api)
    await end(api, error="Broken")
    await rows(api, "UPDATE schedule_tick SET owed = '{on_failure}'")
    await asyncio.gather(*(process_ended(api.platform, ScanPosition()) for _ in range(3)))
    assert len(await api.worker.claim_all()) == 2


async def test_cancelled_run_is_not_counted(api: ApiHarness) -> None:
    await create(api, on_failure="f/team/alarm", on_failure_times=2, on_success="f/team/cheer")
    await tick(api, "50 seconds")
    await end(api, error="Broken")
    await tick(api, "40 seconds")
    (run,) = await rows(api, "SELECT id FROM run_live")
    await api.client.post(f"{W}/jobs_u/queue/cancel/{run['id']}", json={})
    await process_ended(api.platform, ScanPosition())
    assert [each["outcome"] for each in await ticks(api)] == ["failed", "cancelled"]
    await tick(api)
    await end(api, error="Broken")
    assert [job.run.path for job in await api.worker.claim_all()] == ["f/team/alarm"]


async def test_workflow_can_be_scheduled(api: ApiHarness) -> None:
    value = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
    await api.client.post(f"{W}/flows/create", json={"path": "f/team/flow", "summary": "", "value": value})
    await create(api, script_path="f/team/flow", is_flow=True)
    await tick(api)
    (started,) = await ticks(api)
    job = await api.get(f"jobs_u/get/{started['run']}")
    assert (job["job_kind"], job["schedule_path"]) == ("flow", PATH)


async def test_runs_are_filtered_by_schedule(api: ApiHarness) -> None:
    await create(api)
    await create(api, path="f/team/other")
    await tick(api)
    await api.preview()
    ended = await api.worker.claim()
    (started,) = await ticks(api)
    listed = await api.get("jobs/list", schedule_path=PATH)
    assert [(each["id"], each["schedule_path"]) for each in listed] == [(str(started["run"]), PATH)]
    assert await api.get("jobs/list", schedule_path="f/team/other") == []
    every = [each["id"] for each in await api.get("jobs/list", is_not_schedule="false")]
    others = [each["id"] for each in await api.get("jobs/list", is_not_schedule="true")]
    assert str(started["run"]) in every and others == [id for id in every if id != str(started["run"])]
    assert len(await api.get("jobs/list")) == 2
    assert json.dumps(await api.get("jobs/list")).count("schedule_path") == 1
    del ended


async def test_runs_of_deleted_schedule_retain_its_path(api: ApiHarness) -> None:
    await create(api, on_failure="f/team/alarm", dynamic_skip="f/team/ask")
    await tick(api)
    await api.client.delete(f"{W}/schedules/delete/{PATH}")
    await end(api, False)
    assert await states(api) == ["skipped"]
    await create(api)
    await tick(api, "20 seconds")
    await api.client.delete(f"{W}/schedules/delete/{PATH}")
    run = await end(api, error="Broken")
    assert (await api.get(f"jobs_u/get/{run}"))["schedule_path"] == PATH
    assert await rows(api, "SELECT FROM run_live") == []


async def test_schedule_changed_during_a_tick_uses_the_new_settings(api: ApiHarness) -> None:
    await create(api)
    await make_due(api)
    (old,) = await scheduling.due(api.platform, 10)
    edit = {"schedule": "0 0 3 * * *", "timezone": "UTC", "args": {"n": 2}}
    assert (await api.client.post(f"{W}/schedules/update/{PATH}", json=edit)).status_code == 200
    await rows(api, "UPDATE schedule SET next_at = $1", old.at)
    assert await scheduling.start(api.platform, old, None) is False
    assert await rows(api, "SELECT FROM run_live") == []
    assert await fire(api.platform) == 1
    (started,) = await ticks(api)
    assert await args_of(api, started["run"]) == {"n": 2}


async def test_tick_is_skipped_at_the_limit_of_waiting_runs(api: ApiHarness) -> None:
    rules = [{"kind": "limit", "resource": "runs_waiting", "maximum": 1}]
    body = {"name": "queue", "mode": "active", "rules": rules}
    assert (await api.client.post(f"{W}/policies/create", json=body)).status_code == 200
    await api.preview()
    await create(api)
    await tick(api, "30 seconds")
    (skipped,) = await ticks(api)
    assert (skipped["state"], skipped["run"], await error(api)) == ("skipped", None, None)
    assert skipped["detail"] == "The workspace has reached the limit of its policies for waiting runs: 1."
    await api.worker.claim()
    await tick(api)
    assert await states(api) == ["skipped", "running"]


@pytest.mark.parametrize(("name", "value"), [("tag", ["a"]), ("timeout", "abc")])
async def test_tick_of_a_script_with_a_wrong_setting_names_it_and_the_next_follows(
    api: ApiHarness, name: str, value: Any
) -> None:
    """Earlier versions of the platform stored any value."""
    await create(api)
    query = "UPDATE version SET settings = jsonb_build_object($1::text, $2::jsonb)::json WHERE path = 'f/team/script'"
    await rows(api, query, name, json.dumps(value))
    await tick(api, "30 seconds")
    assert await states(api) == ["failed"]
    assert str(await error(api)).startswith(f"The script f/team/script cannot run: the setting {name} must be a ")
    await rows(api, query, name, "null")
    await tick(api)
    assert await states(api) == ["failed", "running"]
    assert await error(api) is None
