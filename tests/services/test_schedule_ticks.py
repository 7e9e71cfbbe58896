"""Ticks of schedules: taken once, late by the rule, skipped or failed with a reason; what follows from their runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.http.scene import Scene, W, scene

from orvanta_platform.control.actor import Role
from orvanta_platform.orchestrator import timers
from orvanta_platform.services.triggers import ticks as scheduling
from orvanta_platform.services.triggers.outcomes import Round, follow
from orvanta_platform.services.triggers.scheduler import fire

CODE = {"summary": "", "content": "def main(**args): return args", "language": "python3"}
PATH = "f/team/nightly"
NIGHTLY = {"path": PATH, "schedule": "0 0 3 * * *", "timezone": "UTC", "script_path": "f/team/script", "enabled": True}

LATE = (
    "UPDATE schedule SET next_at = "
    "date_bin('6 hours', app_now() - interval '2 minutes', '2020-01-01Z') - interval '12 hours'"
)
"""Three ticks of every six hours were missed, the last of them more than a minute ago."""


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        for name in ("script", "ask", "alarm", "relief", "cheer"):
            await deploy(made, name)
        yield made


async def deploy(stage: Scene, name: str) -> None:
    answer = await stage.client.post(f"{W}/scripts/create", json={**CODE, "path": f"f/team/{name}"})
    assert answer.status_code == 201, answer.text


async def create(stage: Scene, **more: Any) -> None:
    answer = await stage.client.post(f"{W}/schedules/create", json={**NIGHTLY, "args": {"n": 1}, **more})
    assert answer.status_code == 201, answer.text


async def rows(stage: Scene, query: str, *values: Any) -> list[Any]:
    async with stage.platform.db.acquire() as connection:
        return list(await connection.fetch(query, *values))


async def come(stage: Scene, ago: str = "1 second", path: str = PATH) -> None:
    """The schedule's next tick was due a while ago."""
    query = "UPDATE schedule SET next_at = date_trunc('second', app_now()) - $1::text::interval WHERE path = $2"
    await rows(stage, query, ago, path)


async def tick(stage: Scene, ago: str = "1 second") -> None:
    """A tick comes, and everything that is due is taken."""
    await come(stage, ago)
    while await fire(stage.platform):
        pass


async def ticks(stage: Scene) -> list[Any]:
    return await rows(stage, "SELECT * FROM schedule_tick ORDER BY tick_at")


async def states(stage: Scene) -> list[str]:
    return [each["state"] for each in await ticks(stage)]


async def error(stage: Scene) -> str | None:
    found: str | None = (await stage.get(f"schedules/get/{PATH}")).get("error")
    return found


async def args_of(stage: Scene, run: UUID) -> Any:
    return await stage.get(f"jobs_u/get_args/{run}")


async def end(stage: Scene, result: Any = None, error: str | None = None) -> UUID:
    """The one job there is ends, and what follows is done."""
    ((_, job),) = (await stage.worker.claim()).items()
    await stage.worker.finish(job, result, error=error)
    await follow(stage.platform, Round())
    run: UUID = job.run.id
    return run


async def test_a_tick_starts_a_run_as_the_owner_and_the_next_comes_from_it(stage: Scene) -> None:
    bea = await stage.member("bea", role=Role.DEVELOPER)
    answer = await bea.post(f"{W}/schedules/create", json={**NIGHTLY, "args": {"n": 7}, "tag": "special"})
    assert answer.status_code == 201, answer.text
    await tick(stage)
    (taken,) = await ticks(stage)
    job = await stage.get(f"jobs_u/get/{taken['run']}")
    assert (job["permissioned_as"], job["trigger_kind"], job["tag"]) == ("u/bea", "schedule", "special")
    assert (job["script_path"], job["args"], job["schedule_path"]) == ("f/team/script", {"n": 7}, PATH)
    (row,) = await rows(stage, "SELECT scheduled_at FROM run_live")
    assert row["scheduled_at"] == taken["tick_at"]
    (next_at,) = await rows(stage, "SELECT next_at, next_at > app_now() AS future FROM schedule")
    assert next_at["future"] and next_at["next_at"].hour == 3


async def test_a_tick_is_taken_once_by_however_many(stage: Scene) -> None:
    for n in range(20):
        await create(stage, path=f"f/team/s{n}")
        await come(stage, path=f"f/team/s{n}")
    taken = await asyncio.gather(*(fire(stage.platform) for _ in range(3)))
    assert sum(taken) == 20
    assert [row["n"] for row in await rows(stage, "SELECT count(*) AS n FROM schedule_tick GROUP BY schedule")] == [
        1
    ] * 20
    assert len(await rows(stage, "SELECT FROM run_live")) == 20


async def test_a_tick_that_was_started_is_never_started_again(stage: Scene) -> None:
    """Not even where next_at goes back: its row is there."""
    await create(stage)
    await come(stage)
    assert await fire(stage.platform) == 1
    await rows(stage, "UPDATE schedule SET next_at = (SELECT tick_at FROM schedule_tick)")
    assert await fire(stage.platform) == 0
    assert len(await rows(stage, "SELECT FROM run_live")) == 1


@pytest.mark.parametrize(("rule", "runs", "told"), [("skip", 0, ["3 ticks"]), ("once", 1, ["2 ticks"]), ("all", 3, [])])
async def test_ticks_missed_in_a_downtime_go_by_the_rule(stage: Scene, rule: str, runs: int, told: list[str]) -> None:
    await create(stage, schedule="0 0 */6 * * *", missed=rule)
    await rows(stage, LATE)
    while await fire(stage.platform):
        pass
    found = await ticks(stage)
    assert len([each for each in found if each["state"] == "running"]) == runs
    missed = [each["detail"] for each in found if each["state"] == "missed"]
    assert [detail.split(" were")[0] for detail in missed] == told
    assert all(detail.endswith(f"by the rule {rule}") for detail in missed)


async def test_no_second_run_beside_the_one_under_way(stage: Scene) -> None:
    await create(stage, no_flow_overlap=True)
    await tick(stage, "50 seconds")
    await tick(stage)
    assert await states(stage) == ["running", "skipped"]
    (shown,) = await stage.get("schedules/list_with_jobs")
    assert [(each["state"], each.get("detail")) for each in shown["ticks"]] == [
        ("skipped", "the run before it is still under way"),
        ("running", None),
    ]
    await end(stage)
    await tick(stage, "0 seconds")
    assert await states(stage) == ["ended", "skipped", "running"]


async def test_what_was_deleted_is_told_and_the_schedule_stays(stage: Scene) -> None:
    await create(stage)
    await stage.client.post(f"{W}/scripts/archive/p/f/team/script")
    await tick(stage, "30 seconds")
    assert await error(stage) == "The script f/team/script does not exist."
    assert await states(stage) == ["failed"]
    shown = await stage.get(f"schedules/get/{PATH}")
    assert shown["enabled"] is True
    await deploy(stage, "script")
    await tick(stage)
    assert await error(stage) is None
    assert await states(stage) == ["failed", "running"]


async def test_an_owner_who_may_not_run_it_any_more_starts_nothing(stage: Scene) -> None:
    bea = await stage.member("bea", role=Role.DEVELOPER)
    assert (await bea.post(f"{W}/schedules/create", json={**NIGHTLY, "args": None})).status_code == 201
    await rows(stage, "UPDATE member SET role = 'viewer' WHERE username = 'bea'")
    await tick(stage, "30 seconds")
    assert await error(stage) == "You may not run the script f/team/script."
    await rows(stage, "UPDATE member SET disabled = true WHERE username = 'bea'")
    await tick(stage)
    assert await error(stage) == "u/bea, whom the schedule runs as, is no member of main any more."
    assert await rows(stage, "SELECT FROM run_live") == []


async def test_a_pause_has_no_ticks_and_nothing_of_it_was_missed(stage: Scene) -> None:
    await create(stage, paused_until="2999-01-01T03:00:00Z")
    assert (await stage.get(f"schedules/get/{PATH}"))["next_at"] == "2999-01-01T03:00:00Z"
    assert await fire(stage.platform) == 0


@pytest.mark.parametrize("answer", [True, "yes", 1, {}])
async def test_dynamic_skip_skips_by_a_truthy_answer(stage: Scene, answer: Any) -> None:
    await create(stage, dynamic_skip="script/f/team/ask")
    await tick(stage)
    (asked,) = await ticks(stage)
    assert (asked["state"], asked["run"]) == ("asking", None)
    given = await args_of(stage, asked["asked"])
    assert given == {"scheduled_for": asked["tick_at"].isoformat().replace("+00:00", "Z")}
    await end(stage, answer)
    (skipped,) = await ticks(stage)
    assert (skipped["state"], skipped["detail"]) == ("skipped", "script/f/team/ask said so")
    assert await rows(stage, "SELECT FROM run_live") == []


@pytest.mark.parametrize(("answer", "failure"), [(False, None), (None, None), (0, None), ("", None), (None, "Broken")])
async def test_any_other_answer_starts_the_run(stage: Scene, answer: Any, failure: str | None) -> None:
    await create(stage, dynamic_skip="f/team/ask")
    await tick(stage)
    await end(stage, answer, error=failure)
    (started,) = await ticks(stage)
    job = await stage.get(f"jobs_u/get/{started['run']}")
    assert (started["state"], job["script_path"], job["args"]) == ("running", "f/team/script", {"n": 1})
    (row,) = await rows(stage, "SELECT scheduled_at FROM run_live")
    assert row["scheduled_at"] == started["tick_at"]
    assert await error(stage) == ("f/team/ask, which was asked whether to skip it, failed" if failure else None)


async def test_a_slow_answer_holds_up_no_other_tick(stage: Scene) -> None:
    await create(stage, dynamic_skip="f/team/ask")
    await create(stage, path="f/team/other")
    await come(stage, path="f/team/other")
    await tick(stage, "40 seconds")
    await tick(stage)
    await follow(stage.platform, Round())
    assert sorted(await states(stage)) == ["asking", "asking", "running"]


async def test_a_scheduled_script_is_tried_again(stage: Scene) -> None:
    await create(stage, retry={"constant": {"attempts": 1, "seconds": 0}}, on_failure="script/f/team/alarm")
    await tick(stage)
    await end(stage, error="First")
    assert await states(stage) == ["running"]
    await timers.fire(stage.platform.tools)
    run = await end(stage, error="Second")
    (ended,) = await ticks(stage)
    assert (ended["state"], ended["outcome"], ended["run"]) == ("ended", "failed", run)
    (alarm,) = (await stage.worker.claim()).values()
    assert (await args_of(stage, alarm.run.id))["error"]["name"] == "Second"


async def test_on_failure_gets_the_failure(stage: Scene) -> None:
    extra = {"channel": "ops", "failed_times": "mine"}
    await create(stage, on_failure="script/f/team/alarm", on_failure_extra_args=extra)
    await tick(stage)
    run = await end(stage, error="Broken")
    (alarm,) = (await stage.worker.claim()).values()
    given = await args_of(stage, alarm.run.id)
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
    await follow(stage.platform, Round())
    assert await stage.worker.claim() == {}


async def handlers(stage: Scene, outcomes: str) -> str:
    """Runs end one after the other, f: failed, s: succeeded; gives the handlers' letters, `.` after each run."""
    told = ""
    for n, outcome in enumerate(outcomes):
        await tick(stage, f"{50 - n} seconds")
        await end(stage, error="Broken" if outcome == "f" else None)
        started = [job for job in (await stage.worker.claim_all()) if job.run.path != "f/team/script"]
        for job in sorted(started, key=lambda job: job.run.path or ""):
            told += {"f/team/alarm": "A", "f/team/relief": "R", "f/team/cheer": "C"}[job.run.path or ""]
            await stage.worker.finish(job)
        told += "."
    return told


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
async def test_handlers_follow_the_history(
    stage: Scene, settings: dict[str, Any], outcomes: str, expected: str
) -> None:
    await create(stage, **settings)
    assert await handlers(stage, outcomes) == expected


async def test_a_handler_that_cannot_start_is_told(stage: Scene) -> None:
    await create(stage, on_failure="script/f/team/alarm")
    await stage.client.post(f"{W}/scripts/archive/p/f/team/alarm")
    await tick(stage)
    await end(stage, error="Broken")
    assert await error(stage) == "on_failure: The script f/team/alarm does not exist."
    assert (await ticks(stage))[0]["owed"] == []


async def test_a_handler_owed_is_started_once_by_whoever_comes(stage: Scene) -> None:
    """The one who wrote down the end died before it started the handler: the end and the debt are one commit."""
    await create(stage, on_failure="script/f/team/alarm")
    await tick(stage)
    await end(stage, error="Broken")
    await rows(stage, "UPDATE schedule_tick SET owed = '{on_failure}'")
    await asyncio.gather(*(follow(stage.platform, Round()) for _ in range(3)))
    assert len(await stage.worker.claim_all()) == 2


async def test_a_cancelled_run_counts_neither_way(stage: Scene) -> None:
    await create(stage, on_failure="f/team/alarm", on_failure_times=2, on_success="f/team/cheer")
    await tick(stage, "50 seconds")
    await end(stage, error="Broken")
    await tick(stage, "40 seconds")
    (run,) = await rows(stage, "SELECT id FROM run_live")
    await stage.client.post(f"{W}/jobs_u/queue/cancel/{run['id']}", json={})
    await follow(stage.platform, Round())
    assert [each["outcome"] for each in await ticks(stage)] == ["failed", "cancelled"]
    await tick(stage)
    await end(stage, error="Broken")
    assert [job.run.path for job in await stage.worker.claim_all()] == ["f/team/alarm"]


async def test_a_workflow_is_scheduled_alike(stage: Scene) -> None:
    value = {"modules": [{"id": "a", "value": {"type": "identity"}}]}
    await stage.client.post(f"{W}/flows/create", json={"path": "f/team/flow", "summary": "", "value": value})
    await create(stage, script_path="f/team/flow", is_flow=True)
    await tick(stage)
    (started,) = await ticks(stage)
    job = await stage.get(f"jobs_u/get/{started['run']}")
    assert (job["job_kind"], job["schedule_path"]) == ("flow", PATH)


async def test_runs_are_listed_by_their_schedule(stage: Scene) -> None:
    await create(stage)
    await create(stage, path="f/team/other")
    await tick(stage)
    await stage.preview()
    ended = await stage.worker.claim()
    (started,) = await ticks(stage)
    listed = await stage.get("jobs/list", schedule_path=PATH)
    assert [(each["id"], each["schedule_path"]) for each in listed] == [(str(started["run"]), PATH)]
    assert await stage.get("jobs/list", schedule_path="f/team/other") == []
    assert len(await stage.get("jobs/list")) == 2
    assert json.dumps(await stage.get("jobs/list")).count("schedule_path") == 1
    del ended


async def test_a_deleted_schedule_leaves_its_runs_and_their_name(stage: Scene) -> None:
    await create(stage, on_failure="f/team/alarm", dynamic_skip="f/team/ask")
    await tick(stage)
    await stage.client.delete(f"{W}/schedules/delete/{PATH}")
    await end(stage, False)
    assert await states(stage) == ["skipped"]
    await create(stage)
    await tick(stage, "20 seconds")
    await stage.client.delete(f"{W}/schedules/delete/{PATH}")
    run = await end(stage, error="Broken")
    assert (await stage.get(f"jobs_u/get/{run}"))["schedule_path"] == PATH
    assert await rows(stage, "SELECT FROM run_live") == []


async def test_a_schedule_changed_while_its_tick_is_taken_ticks_as_it_became(stage: Scene) -> None:
    await create(stage)
    await come(stage)
    (old,) = await scheduling.due(stage.platform, 10)
    edit = {"schedule": "0 0 3 * * *", "timezone": "UTC", "args": {"n": 2}}
    assert (await stage.client.post(f"{W}/schedules/update/{PATH}", json=edit)).status_code == 200
    await rows(stage, "UPDATE schedule SET next_at = $1", old.at)
    assert await scheduling.start(stage.platform, old, None) is False
    assert await rows(stage, "SELECT FROM run_live") == []
    assert await fire(stage.platform) == 1
    (started,) = await ticks(stage)
    assert await args_of(stage, started["run"]) == {"n": 2}
