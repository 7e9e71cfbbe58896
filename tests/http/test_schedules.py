"""Calls of schedules: stored and returned settings, errors and audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of

from orvanta_platform.control import names
from orvanta_platform.control.actor import Role, system
from orvanta_platform.db import schedules, ticks, tokens
from orvanta_platform.services.triggers import calendar as schedule_calendar
from orvanta_platform.services.triggers import scheduler

CODE = {"summary": "", "content": "def main(**args): return args", "language": "python3"}
PATH = "f/team/nightly"
NEW: dict[str, Any] = {
    "path": PATH,
    "schedule": "0 30 2 * * *",
    "timezone": "Europe/Paris",
    "script_path": "f/team/script",
    "is_flow": False,
    "args": {"z": 1, "a": [1.0, None]},
}
EVERYTHING: dict[str, Any] = {
    "tag": "nights",
    "missed": "all",
    "retry": {"constant": {"attempts": 2, "seconds": 5}},
    "no_flow_overlap": True,
    "paused_until": "2999-01-01T00:00:00Z",
    "dynamic_skip": "script/f/team/ask",
    "on_failure": "script/f/team/ask",
    "on_failure_times": 3,
    "on_failure_exact": True,
    "on_failure_extra_args": {"to": "ops"},
    "on_recovery": "script/f/team/ask",
    "on_recovery_times": 2,
    "on_recovery_extra_args": {},
    "on_success": "script/f/team/ask",
    "on_success_extra_args": {"n": 1},
    "ws_error_handler_muted": True,
    "summary": "Nights",
    "description": "Every night",
    "cron_version": "v2",
    "labels": ["a", "b"],
}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        for name in ("script", "ask"):
            await made.client.post(f"{W}/scripts/create", json={**CODE, "path": f"f/team/{name}"})
        yield made


async def create(api: ApiHarness, **more: Any) -> None:
    answer = await api.client.post(f"{W}/schedules/create", json={**NEW, **more})
    assert (answer.status_code, answer.text) == (201, more.get("path", PATH)), answer.text


async def update(api: ApiHarness, **more: Any) -> None:
    body = {"schedule": NEW["schedule"], "timezone": NEW["timezone"], "args": NEW["args"], **more}
    answer = await api.client.post(f"{W}/schedules/update/{PATH}", json=body)
    assert answer.status_code == 200, answer.text


async def test_settings_are_returned(api: ApiHarness) -> None:
    await create(api, **EVERYTHING)
    answer = await api.client.get(f"{W}/schedules/get/{PATH.replace('/', '%2F')}")
    shown = answer.json()
    assert {name: shown[name] for name in (*NEW, *EVERYTHING)} == {**NEW, **EVERYTHING}
    assert '"args":{"z":1,"a":[1.0,null]}' in answer.text.replace(" ", "")
    assert (shown["enabled"], shown["edited_by"], shown["email"], shown["permissioned_as"], shown["extra_perms"]) == (
        *(False, "admin", "admin@localhost", "u/admin"),
        {},
    )
    assert "next_at" not in shown and "error" not in shown


async def test_missing_settings_are_absent(api: ApiHarness) -> None:
    await create(api, args=None)
    shown = await api.get(f"schedules/get/{PATH}")
    assert shown["args"] is None and shown["missed"] == "once" and shown["no_flow_overlap"] is False
    assert not shown.keys() & (EVERYTHING.keys() - {"missed", "no_flow_overlap"})


async def test_update_changes_named_settings_and_null_removes(api: ApiHarness) -> None:
    await create(api, **EVERYTHING)
    await update(api, schedule="0 0 4 * * *", summary=None, retry=None, on_failure_times=None, args={"b": 2})
    shown = await api.get(f"schedules/get/{PATH}")
    unchanged = {
        name: value for name, value in EVERYTHING.items() if name not in ("summary", "retry", "on_failure_times")
    }
    assert {name: shown[name] for name in unchanged} == unchanged
    assert not shown.keys() & {"summary", "retry", "on_failure_times"}
    assert (shown["schedule"], shown["args"], shown["script_path"]) == ("0 0 4 * * *", {"b": 2}, "f/team/script")


async def test_schedule_ticks_while_enabled(api: ApiHarness) -> None:
    async def next_at() -> datetime | None:
        text = (await api.get(f"schedules/get/{PATH}")).get("next_at")
        return datetime.fromisoformat(text) if text else None

    await create(api)
    assert await next_at() is None
    for enabled in (True, True, False, True):
        answer = await api.client.post(f"{W}/schedules/setenabled/{PATH}", json={"enabled": enabled})
        assert answer.status_code == 200
        found = await next_at()
        assert (found is not None) is enabled
        assert found is None or found > datetime.now(UTC)
    await update(api, paused_until="2999-01-01T00:00:00Z")
    assert await next_at() == datetime(2999, 1, 1, 1, 30, tzinfo=UTC)
    await update(api, paused_until=None)
    found = await next_at()
    assert found is not None and found.year < 2999


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"schedule": "* * * *"}, "five or six fields"),
        ({"schedule": "61 * * * * *"}, "bad second"),
        ({"timezone": "Mars/Olympus"}, "no time zone"),
        ({"timezone": "../../etc/passwd"}, "no time zone"),
        ({"missed": "maybe"}, "no rule"),
        ({"args": [1]}, "args is not a JSON object"),
        ({"args": {"a": "\x00"}}, "cannot be stored"),
        ({"on_failure": "alarm"}, "on_failure is not the path"),
        ({"on_failure": "script/hub/../ask"}, "on_failure is not the path"),
        ({"on_failure_times": 0}, "from 1 to"),
        ({"retry": {"constant": {"attempts": 5000}}}, "attempts"),
        ({"path": "nightly"}, "is not a valid path"),
    ],
)
async def test_invalid_schedules_are_refused(api: ApiHarness, wrong: dict[str, Any], message: str) -> None:
    answer = await api.client.post(f"{W}/schedules/create", json={**NEW, **wrong})
    assert answer.status_code == 400 and message in answer.json()["error"]["message"], answer.text
    assert await api.get(f"schedules/exists/{PATH}") is False


async def test_handlers_of_the_hub_need_not_exist(api: ApiHarness) -> None:
    await create(api, on_failure="script/hub/1/notify/slack", on_recovery="hub/2/notify/slack")
    shown = await api.get(f"schedules/get/{PATH}")
    assert (shown["on_failure"], shown["on_recovery"]) == ("script/hub/1/notify/slack", "hub/2/notify/slack")


@pytest.mark.parametrize(
    "missing", [{"script_path": "f/team/none"}, {"is_flow": True}, {"on_success": "flow/f/team/ask"}]
)
async def test_scheduled_item_must_exist(api: ApiHarness, missing: dict[str, Any]) -> None:
    answer = await api.client.post(f"{W}/schedules/create", json={**NEW, **missing})
    assert answer.status_code == 404 and "does not exist" in answer.text


async def test_path_is_unique_and_free_after_deletion(api: ApiHarness) -> None:
    await create(api)
    answer = await api.client.post(f"{W}/schedules/create", json=NEW)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_exists")
    assert await api.get(f"schedules/exists/{PATH}") is True
    assert (await api.client.delete(f"{W}/schedules/delete/{PATH}")).status_code == 200
    assert (await api.client.delete(f"{W}/schedules/delete/{PATH}")).status_code == 404
    assert await api.get(f"schedules/exists/{PATH}") is False
    await create(api)


async def test_lists_are_filtered_and_paged(api: ApiHarness) -> None:
    await create(api, path="f/team/a", summary="First light", labels=["x"])
    await create(api, path="f/team/b", description="Last call", script_path="f/team/ask", args={"k": {"v": 1}})
    await create(api, path="u/admin/c", enabled=True)

    async def listed(**params: Any) -> list[str]:
        answers = [await api.client.get(f"{W}/schedules/{call}", params=params) for call in ("list", "list_with_jobs")]
        found, again = ([each["path"] for each in answer.json()] for answer in answers)
        assert found == again
        return found

    assert await listed() == ["f/team/a", "f/team/b", "u/admin/c"]
    assert await listed(path="f/team/ask") == ["f/team/b"]
    assert await listed(path_start="f/team") == ["f/team/a", "f/team/b"]
    assert await listed(schedule_path="u/admin/c") == ["u/admin/c"]
    assert await listed(summary="first") == ["f/team/a"]
    assert await listed(description="last") == ["f/team/b"]
    assert await listed(label="x") == ["f/team/a"]
    assert await listed(broad_filter="CALL") == ["f/team/b"]
    assert await listed(args='{"k": {"v": 1}}') == ["f/team/b"]
    assert await listed(is_flow="true") == []
    assert await listed(per_page=1, page=2) == ["f/team/b"]
    assert await listed(after="f/team/b") == ["u/admin/c"]
    assert (await api.client.get(f"{W}/schedules/list", params={"args": "{"})).status_code == 400


async def test_schedule_runs_as_its_last_editor(api: ApiHarness) -> None:
    await create(api)
    bea = await api.member("bea", role=Role.DEVELOPER)
    body = {name: NEW[name] for name in ("schedule", "timezone", "args")}
    assert (await bea.post(f"{W}/schedules/setenabled/{PATH}", json={"enabled": True})).status_code == 200
    assert (await api.get(f"schedules/get/{PATH}"))["permissioned_as"] == "u/admin"
    assert (await bea.post(f"{W}/schedules/update/{PATH}", json=body)).status_code == 200
    shown = await api.get(f"schedules/get/{PATH}")
    assert (shown["permissioned_as"], shown["email"], shown["edited_by"]) == ("u/bea", "bea@example.com", "bea")
    keep = {**body, "permissioned_as": "u/admin", "preserve_permissioned_as": True}
    assert (await bea.post(f"{W}/schedules/update/{PATH}", json=keep)).status_code == 403
    for_bea = {**body, "permissioned_as": "u/bea", "preserve_permissioned_as": True}
    assert (await api.client.post(f"{W}/schedules/update/{PATH}", json=for_bea)).status_code == 200
    assert (await api.get(f"schedules/get/{PATH}"))["permissioned_as"] == "u/bea"
    nobody = {**for_bea, "permissioned_as": "u/nobody"}
    assert (await api.client.post(f"{W}/schedules/update/{PATH}", json=nobody)).status_code == 400


async def test_schedule_writing_token_cannot_run_items(api: ApiHarness) -> None:
    async def created(scopes: list[str], **more: Any) -> int:
        token = names.new_token("user")
        async with api.platform.db.transaction() as conn:
            digest, prefix = names.token_hash(token), names.token_prefix(token)
            await tokens.insert(conn, digest, prefix, "user", "admin@localhost", scopes=scopes)
        async with client_of(api.app, token) as client:
            return (await client.post(f"{W}/schedules/create", json={**NEW, **more})).status_code

    write = "schedules:write:f/team/*"
    assert await created([write]) == 403
    assert await created(["jobs:run"]) == 403
    assert await created([write, "jobs:run:f/team/script"], on_failure="f/team/ask") == 403
    assert await created([write, "jobs:run:f/team/script"], args={"a": "$var:f/team/secret"}) == 403
    assert await created([write, "jobs:run:f/team/script"]) == 201


async def test_changes_are_audited(api: ApiHarness) -> None:
    await create(api)
    await update(api)
    await api.client.post(f"{W}/schedules/setenabled/{PATH}", json={"enabled": True})
    await api.client.delete(f"{W}/schedules/delete/{PATH}")
    async with api.platform.db.acquire() as conn:
        query = (
            "SELECT operation, action_kind, actor, resource FROM audit WHERE operation LIKE 'schedules.%' ORDER BY id"
        )
        found = [tuple(row) for row in await conn.fetch(query)]
    assert found == [
        ("schedules.create", "Created", "admin", PATH),
        ("schedules.update", "Updated", "admin", PATH),
        ("schedules.setenabled", "Updated", "admin", PATH),
        ("schedules.delete", "Delete", "admin", PATH),
    ]


async def test_preview_returns_five_ticks_in_time_zone(api: ApiHarness) -> None:
    body = {"schedule": "0 0 9 1 1 *", "timezone": "America/New_York"}
    answer = await api.client.post("/api/schedules/preview", json=body)
    found = [datetime.fromisoformat(text) for text in answer.json()]
    assert answer.status_code == 200 and len(found) == 5
    assert {(at.month, at.day, at.hour, str(at.utcoffset())) for at in found} == {(1, 1, 9, "-1 day, 19:00:00")}
    assert (await api.client.post("/api/schedules/preview", json={**body, "schedule": "x"})).status_code == 400
    viewer = await api.member("vic", role=Role.VIEWER)
    assert (await viewer.post("/api/schedules/preview", json=body)).status_code == 200
    async with client_of(api.app, "nothing") as nobody:
        assert (await nobody.post("/api/schedules/preview", json=body)).status_code == 401


async def test_calendar_has_past_and_future_ticks(api: ApiHarness) -> None:
    now = datetime.now(UTC)
    # No tick is near the present time: the number of coming ones would change during the test.
    await create(api, enabled=True, schedule=f"0 {(now.minute + 10) % 20}-59/20 * * * *")
    await create(api, enabled=False, path="f/team/paused")
    await create(api, enabled=True, path="u/admin/mine", schedule=f"0 {(now.minute + 30) % 60} * * * *")
    async with api.platform.db.transaction() as conn:
        row = await schedules.get(conn, "main", PATH)
        assert row is not None
        for minutes, state in ((90, "skipped"), (60, "missed"), (30 * 60, "failed")):
            at = now - timedelta(minutes=minutes)
            await ticks.insert(conn, ticks.NewTick(row.id, at, "main", PATH, state, detail="why"))
    window = {"since": (now - timedelta(hours=3)).isoformat(), "until": (now + timedelta(hours=3)).isoformat()}
    found = await api.get("schedules/calendar", **window)
    assert [(each["path"], each["state"], each["detail"]) for each in found["past"]] == [
        (PATH, "skipped", "why"),
        (PATH, "missed", "why"),
    ]
    coming = [(each["tick_at"], each["path"]) for each in found["coming"]]
    assert [each for each, _ in coming] == sorted(each for each, _ in coming)
    assert [path for _, path in coming].count(PATH) == 9 and [path for _, path in coming].count("u/admin/mine") == 3
    assert "complete_until" not in found
    listed = {each["path"]: each["upcoming"] for each in await api.get("schedules/list_with_jobs")}
    assert [len(listed[path]) for path in (PATH, "f/team/paused", "u/admin/mine")] == [5, 0, 5]
    assert not listed[PATH][0].endswith("Z") and listed[PATH] == sorted(listed[PATH])
    other = await api.member("other")
    theirs = (await other.get(f"{W}/schedules/calendar", params=window)).json()
    assert {each["path"] for each in theirs["coming"]} == {PATH}
    for until in (now - timedelta(hours=4), now + timedelta(days=40)):
        wrong = {**window, "until": until.isoformat()}
        assert (await api.client.get(f"{W}/schedules/calendar", params=wrong)).status_code == 400


async def test_calendar_of_later_day_has_runs_of_that_day_only(api: ApiHarness) -> None:
    await create(api, enabled=True, schedule="0 0 * * * *", timezone="UTC")
    await create(api, enabled=True, path="f/team/often", schedule="0 * * * * *", timezone="UTC")
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=20)
    window = {"since": day.isoformat(), "until": (day + timedelta(days=1)).isoformat()}
    found = await api.get("schedules/calendar", **window)
    assert "complete_until" not in found
    paths = (PATH, "f/team/often")
    times = {path: [each["tick_at"] for each in found["coming"] if each["path"] == path] for path in paths}
    assert [len(each) for each in times.values()] == [24, 24 * 60]
    assert times[PATH] == [(day + timedelta(hours=hour)).isoformat().replace("+00:00", "Z") for hour in range(24)]


async def test_truncated_calendar_reports_end(api: ApiHarness) -> None:
    await create(api, enabled=True, schedule="0 * * * * *")
    rows = await schedule_calendar.calendar(
        api.platform, system("main"), "main", datetime.now(UTC), datetime.now(UTC) + timedelta(days=2)
    )
    assert len(rows.coming) == schedule_calendar.MAX_COMING and rows.until == rows.coming[-1].at


async def test_arguments_refer_to_values_readable_by_their_writer(api: ApiHarness) -> None:
    """A schedule acts for its last editor, so references written by other members are not resolved."""
    body = {"path": "u/admin/secret", "value": "only the admin's", "is_secret": True, "description": ""}
    assert (await api.client.post(f"{W}/variables/create", json=body)).status_code == 201
    dan, refers = await api.member("dan", role=Role.DEVELOPER), {"x": "$var:u/admin/secret"}
    more = {"on_failure": "script/f/team/ask", "on_failure_extra_args": refers}
    assert (await dan.post(f"{W}/schedules/create", json={**NEW, **more})).status_code < 300
    change = {"schedule": "0 0 3 * * *", "timezone": "UTC"}
    refused = await api.client.post(f"{W}/schedules/update/{PATH}", json=change)
    assert refused.status_code == 403 and "u/admin/secret" in refused.text, refused.text
    assert (await api.client.post(f"{W}/schedules/update/{PATH}", json={**change, **more})).status_code == 200
    assert (await api.client.post(f"{W}/schedules/update/{PATH}", json=change)).status_code == 200


async def test_long_cron_expression_is_refused_at_every_call(api: ApiHarness) -> None:
    long = ",".join(["*/1"] * 200) + " * * * * *"
    await create(api)
    body = {"schedule": long, "timezone": "UTC"}
    answers = [
        await api.client.post("/api/schedules/preview", json=body),
        await api.client.post(f"{W}/schedules/create", json={**NEW, **body, "path": "f/team/other"}),
        await api.client.post(f"{W}/schedules/update/{PATH}", json=body),
    ]
    assert [answer.status_code for answer in answers] == [400] * 3, answers
    assert {answer.json()["error"]["code"] for answer in answers} == {"limit_exceeded"}
    assert all("several schedules" in answer.json()["error"]["hint"] for answer in answers)


async def test_pause_that_database_reads_as_infinity_is_refused(api: ApiHarness) -> None:
    for until in ("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"):
        answer = await api.client.post(f"{W}/schedules/create", json={**NEW, "paused_until": until})
        assert (answer.status_code, "1970 and 9000" in answer.text) == (400, True), answer.text


async def test_long_time_zone_is_refused_at_every_call(api: ApiHarness) -> None:
    """Regression test: a name of many segments took quadratic time in the event loop and raised a RecursionError."""
    await create(api)
    body = {"schedule": "0 0 * * * *", "timezone": "a/" * 500 + "b"}
    answers = [
        await api.client.post("/api/schedules/preview", json=body),
        await api.client.post(f"{W}/schedules/create", json={**NEW, **body, "path": "f/team/other"}),
        await api.client.post(f"{W}/schedules/update/{PATH}", json=body),
    ]
    assert [answer.status_code for answer in answers] == [400] * 3, answers


async def test_stored_long_cron_expression_is_not_parsed(api: ApiHarness) -> None:
    """The schedule is disabled with an error at its next tick; lists and calendars do not fail."""
    await create(api, enabled=True)
    await create(api, enabled=True, path="u/admin/good")
    long = ",".join(["*/1"] * 200) + " * * * * *"
    async with api.platform.db.transaction() as conn:
        now = await schedules.get_time(conn)
        query = "UPDATE schedule SET cron = $1, next_at = $2 WHERE path = $3"
        await conn.execute(query, long, now - timedelta(seconds=1), PATH)
    window = {"since": (now - timedelta(hours=1)).isoformat(), "until": (now + timedelta(days=2)).isoformat()}
    coming = (await api.get("schedules/calendar", **window))["coming"]
    assert {each["path"] for each in coming} >= {"u/admin/good"}
    listed = {each["path"]: each["upcoming"] for each in await api.get("schedules/list_with_jobs")}
    assert (len(listed[PATH]), len(listed["u/admin/good"])) == (0, 5)
    assert await scheduler.fire(api.platform) == 1
    assert "at most 500 characters" in (await api.get(f"schedules/get/{PATH}"))["error"]
    disabled = await api.client.post(f"{W}/schedules/setenabled/{PATH}", json={"enabled": False})
    assert disabled.status_code == 200, disabled.text
