"""Alerts through a real mail server and a real web server: one when a condition begins, one when it ends."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness
from tests.http.test_notices import Mailbox, mail, web

from orvanta_platform.control.actor import Role
from orvanta_platform.daemons import ended_runs
from orvanta_platform.db import alerts as rows
from orvanta_platform.db import pool, workers
from orvanta_platform.db.alerts import LastOutcome
from orvanta_platform.db.pool import Connection
from orvanta_platform.orchestrator.recovery import reap
from orvanta_platform.reasons import reason, stored
from orvanta_platform.services.maintenance import alert_sender, alerts

__all__ = ["mail"]


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path, allowed_networks=("127.0.0.0/8",)) as made:
        yield made


async def configure(api: ApiHarness, channels: dict[str, Any], **conditions: Any) -> int:
    """Configure the alerts and return the status. Conditions that are not named are off."""
    off = dict.fromkeys(("queue_age_s", "no_worker_s", "disk_free_percent", "token_expiry_days"))
    silent = dict.fromkeys(("failing_workflows", "lost_workers", "missed_schedules"), False)
    body = {"value": {"channels": channels, **off, **silent, **conditions}}
    answer = await api.client.post("/api/settings/global/alerts", json=body)
    api.platform.instance._cache.clear()
    return answer.status_code


async def check(api: ApiHarness) -> None:
    """Check the conditions and send due messages, twice, as two servers do."""
    for _ in range(2):
        await alerts.check(api.platform)
        await alert_sender.send_due(api.platform)


async def set_server(api: ApiHarness, server: dict[str, Any]) -> None:
    """Set the mail server of the instance."""
    (await api.client.post("/api/settings/global/smtp", json={"value": server})).raise_for_status()
    api.platform.instance._cache.clear()


async def retry(api: ApiHarness) -> None:
    """Try again to send the messages that could not be sent."""
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE alert_message SET due_at = now()")
    await alert_sender.send_due(api.platform)


async def age(api: ApiHarness, seconds: int) -> None:
    """Backdate all jobs, so that they have waited for this time."""
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE job_live SET enqueued_at = now() - make_interval(secs => $1)", float(seconds))


async def test_conditions_are_not_checked_while_there_are_no_channels(api: ApiHarness) -> None:
    assert not await alerts.await_check(api.platform, 0)
    await configure(api, {"slack": {"kind": "slack", "url": "https://example.com"}})
    assert await alerts.await_check(api.platform, 0)
    (await api.client.post("/api/settings/global/alerts", json={"value": None})).raise_for_status()
    assert not await alerts.await_check(api.platform, 0)
    async with api.platform.db.acquire() as conn:
        await rows.raise_alerts(conn, [rows.NewAlert("disk:a", "disk", "a", None, "full")], [])
    assert await alerts.await_check(api.platform, 0), "the alert is to be ended"


async def test_queue_alerts_are_sent_once_and_once_more_at_their_end(
    api: ApiHarness, mail: tuple[Mailbox, int]
) -> None:
    """A value near the limit sends no further alert; a failed delivery is retried with the same id."""
    box, port = mail
    to = {"kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "to": ["oncall@example.com"]}
    async with web() as (server, url):
        hook = {"kind": "webhook", "url": url, "headers": {"X-Key": "k"}}
        channels = {"mail": to, "hook": hook, "slack": {"kind": "slack", "url": url}}
        assert await configure(api, channels, queue_age_s=100, no_worker_s=60) in (200, 201)
        await api.preview()
        await check(api)
        assert not box.mails and not server.sent, "the job has not waited long"
        await age(api, 120)
        server.status = 500
        await check(api)
        async with api.platform.db.acquire() as conn:
            await conn.execute("UPDATE alert_message SET due_at = now()")
        server.status = 200
        await check(api)
        (first,) = box.mails
        assert "Jobs wait too long in the queue python3" in first["Subject"] and first["To"] == "oncall@example.com"
        text = first.get_payload(decode=True).decode()
        assert "Since 20" in text and "Start more workers" in text and "/w/main/workers" in text
        hooks = [(headers["idempotency-key"], body) for headers, body in server.sent if "alert" in body]
        assert len(hooks) == 2 and hooks[0] == hooks[1] and hooks[0][1]["state"] == "raised"
        (row,) = (await api.client.get("/api/alerts/list")).json()
        figures = {"queue": "python3", "count": 1, "seconds": 100, "workers": 1}
        page = f"{api.platform.settings.base_url}/w/main/workers"
        assert (row["kind"], row["detail"]) == ("queue_age", "\n".join(text.splitlines()[-2:]))
        assert row["detail_code"] == {"code": "alert_queue_age", "values": {**figures, "page": page}}
        await age(api, 80)  # below the limit, but above the value at which the alert ends
        await check(api)
        assert len(box.mails) == 1
        async with api.platform.db.acquire() as conn:
            await workers.set_drained(conn, api.worker.id, drained=True)
        await check(api)
        assert "No worker serves the queue python3" in box.mails[1]["Subject"]
        async with api.platform.db.acquire() as conn:
            await workers.set_drained(conn, api.worker.id, drained=False)
        (job,) = await api.worker.claim_all()
        await api.worker.finish(job)
        await check(api)
        ended = sorted(message["Subject"] for message in box.mails[2:])
        assert len(ended) == 2 and all(subject.startswith("[Orvanta] Recovered: ") for subject in ended)
        assert not (await api.client.get("/api/alerts/list")).json()
        slack = [body["text"] for _, body in server.sent if "alert" not in body]
        assert slack[-1].startswith("Recovered: ")


TOKEN = """
INSERT INTO token (hash, prefix, kind, email, label, created_at, expires_at)
SELECT sha256('t'), 'abcd', 'user', min(email), 'ci', app_now() - interval '30 days', app_now() + interval '3 days'
FROM account
"""
SCHEDULE = """
INSERT INTO schedule (id, workspace, path, cron, timezone, enabled, next_at, missed, script_path, is_flow,
                      permissioned_as, email, created_by, edited_by)
VALUES (gen_random_uuid(), 'main', 'f/a/b', '0 0 3 * * *', 'UTC', true, app_now() - interval '2 minutes', 'once',
        'f/a/c', false, 'u/admin', 'a@b.co', 'admin', 'admin')
"""
LOST = "UPDATE worker SET state = 'stopped', lost_at = app_now()"
LATER = "UPDATE worker SET lost_at = lost_at - interval '20 minutes'"
CONDITIONS: dict[str, tuple[Any, Any, str | None, str | None, str, str]] = {
    "database_bytes": (1, 1 << 60, None, None, "The database is large", "Shorten the retention"),
    "disk_free_percent": (99, 1, None, None, "is almost full", "enlarge the disk"),
    "group_workers": ({"default": 2}, {"default": 1}, None, None, "Too few workers in the group default", "/workers"),
    "lost_workers": (True, True, LOST, LATER, "group default was lost", "/workers"),
    "missed_schedules": (
        True,
        True,
        SCHEDULE,
        "UPDATE schedule SET next_at = app_now() + interval '1 hour'",
        "main: schedule/f/a/b started no run",
        "/w/main/schedules",
    ),
    "token_expiry_days": (7, 7, TOKEN, "DELETE FROM token WHERE prefix = 'abcd'", "The token ci expires", "/tokens"),
}
"""By condition: values at which it begins and ends, statements that let it begin and end, words of subject and text."""


@pytest.mark.parametrize("condition", CONDITIONS)
async def test_condition_is_sent_once_and_once_more_at_its_end(
    api: ApiHarness, mail: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch, condition: str
) -> None:
    # The disk of the tests may have more than the highest limit free.
    usage = shutil.disk_usage(api.platform.settings.home)
    used = usage._replace(free=min(usage.free, usage.total // 2))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: used)
    begins, ends, beginning, ending, subject, text = CONDITIONS[condition]
    box, port = mail
    to = {"kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "to": ["oncall@example.com"]}

    async def apply(value: Any, statement: str | None) -> None:
        assert await configure(api, {"mail": to}, **{condition: value}) in (200, 201)
        if statement:
            async with api.platform.db.acquire() as conn:
                await conn.execute(statement)
        await check(api)
        await check(api)

    await apply(ends, None)
    assert not box.mails
    await apply(begins, beginning)
    (raised,) = box.mails
    assert subject in raised["Subject"]
    body = raised.get_payload(decode=True).decode()
    assert body.startswith(raised["Subject"].removeprefix("[Orvanta] ")[:20]) and "Since 20" in body and text in body
    await apply(ends, ending)
    assert len(box.mails) == 2 and box.mails[1]["Subject"].startswith("[Orvanta] Recovered: ")


async def test_alert_about_a_schedule_has_the_code_of_its_error(api: ApiHarness) -> None:
    """Texts of members in the values of the error are no links."""
    assert (
        await configure(api, {"hook": {"kind": "webhook", "url": "http://127.0.0.1:9/"}}, missed_schedules=True) == 200
    )
    error = stored(reason("not_started", error="see https://evil.example\n"))
    async with api.platform.db.acquire() as conn:
        await conn.execute(SCHEDULE)
        await conn.execute("UPDATE schedule SET error = $1, next_at = app_now() + interval '1 hour'", error)
    await alerts.check(api.platform)
    (row,) = (await api.client.get("/api/alerts/list")).json()
    shown = "see https:// evil.example\ufffd"
    assert row["detail"].startswith(f"The reason is: It could not start: {shown}.\nCorrect or disable")
    found = row["detail_code"]
    assert (found["code"], found["values"]["cause"], found["values"]["error"]) == (
        *("alert_schedule_error", "not_started", shown),
    )


async def test_alert_of_an_earlier_version_has_no_code(api: ApiHarness) -> None:
    async with api.platform.db.acquire() as conn:
        await rows.raise_alerts(conn, [rows.NewAlert("disk:a", "disk", "a", None, "full")], [])
    (row,) = (await api.client.get("/api/alerts/list")).json()
    assert (row["detail"], row["detail_code"]) == ("full", None)


@pytest.mark.parametrize(("ending", "alerts_raised"), [("silent", 1), ("crashed", 1), ("stopped", 0)])
async def test_lost_worker_alerts_although_its_jobs_were_requeued(
    api: ApiHarness, mail: tuple[Mailbox, int], ending: str, alerts_raised: int
) -> None:
    """Regression test: the alert was raised only if the check ran before the recovery, which takes milliseconds."""
    box, port = mail
    to = {"kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "to": ["oncall@example.com"]}
    assert await configure(api, {"mail": to}, lost_workers=True) == 200
    await api.preview()
    await api.worker.claim_all()
    async with api.platform.db.acquire() as conn:
        (seen,) = await workers.list_observed(conn)
        if ending == "silent":
            assert await workers.fence_lost(conn, seen)
        else:
            assert await workers.fence_ended(conn, seen.id, seen.generation, stopped=ending == "stopped")
    recovered = await reap(api.platform.tools, seen.id, seen.generation, 3)
    assert recovered.jobs == 1
    async with api.platform.db.acquire() as conn:
        assert await workers.list_observed(conn) == []
    await check(api)
    assert len(box.mails) == alerts_raised
    assert all("A worker of the group default was lost" in each["Subject"] for each in box.mails)


async def test_failing_workflow_alerts_at_the_first_failure_and_the_recovery(
    api: ApiHarness, mail: tuple[Mailbox, int]
) -> None:
    box, port = mail
    to = {"kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "to": ["oncall@example.com"]}
    assert await configure(api, {"mail": to}, failing_workflows=True) in (200, 201)
    new = {**PYTHON, "path": "u/admin/work", "summary": "Send invoices"}
    await api.client.post(f"{W}/scripts/create", json=new)
    run = ""
    for error, mails in ((None, 0), ("Boom", 1), ("Boom", 1), (None, 2), (None, 2), ("Boom", 3)):
        started = (await api.client.post(f"{W}/jobs/run/p/u/admin/work", json={})).text
        run = run or (started if error else "")
        (job,) = await api.worker.claim_all()
        await api.worker.finish(job, error=error)
        await ended_runs.record(api.platform, api.platform.measurements.ended.take())
        await check(api)
        assert len(box.mails) == mails, error
    assert "main: script/u/admin/work fails" in box.mails[0]["Subject"]
    lines = box.mails[0].get_payload(decode=True).decode().splitlines()
    assert lines[-2] == "The last run of the script u/admin/work (Send invoices) failed."
    assert lines[-1].endswith(f"deploy a corrected version: {api.platform.settings.base_url}/w/main/runs/{run}")
    assert "Recovered" in box.mails[1]["Subject"]
    assert await configure(api, {}) in (200, 201)
    await check(api)
    assert len(box.mails) == 3 and not (await api.client.get("/api/alerts/list")).json()


async def test_stopped_process_reports_its_last_failure(api: ApiHarness, mail: tuple[Mailbox, int]) -> None:
    """Regression test: failures of the last five seconds of a process raised no alert."""
    box, port = mail
    to = {"kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "to": ["oncall@example.com"]}
    assert await configure(api, {"mail": to}, failing_workflows=True) == 200
    await api.client.post(f"{W}/scripts/create", json={**PYTHON, "path": "u/admin/work", "summary": ""})
    daemon = asyncio.create_task(ended_runs.run(api.platform))
    await api.client.post(f"{W}/jobs/run/p/u/admin/work", json={})
    (job,) = await api.worker.claim_all()
    await api.worker.finish(job, error="Boom")
    await asyncio.sleep(0)
    daemon.cancel()
    with pytest.raises(asyncio.CancelledError):
        await daemon
    await check(api)
    (raised,) = box.mails
    assert "main: script/u/admin/work fails" in raised["Subject"]


async def test_outage_of_the_database_loses_no_alert(
    api: ApiHarness, mail: tuple[Mailbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    box, port = mail
    to = {"kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "to": ["oncall@example.com"]}
    assert await configure(api, {"mail": to}, failing_workflows=True) in (200, 201)
    await api.client.post(f"{W}/scripts/create", json={**PYTHON, "path": "u/admin/work", "summary": ""})
    await api.client.post(f"{W}/jobs/run/p/u/admin/work", json={})
    (job,) = await api.worker.claim_all()
    await api.worker.finish(job, error="Boom")

    async def fail(conn: Connection, runs: Sequence[UUID]) -> list[LastOutcome]:
        raise ConnectionResetError

    monkeypatch.setattr(ended_runs, "COLLECT_S", 0.0)
    monkeypatch.setattr(pool, "_ATTEMPTS", 1)
    with monkeypatch.context() as outage:
        outage.setattr(rows, "list_last_outcomes", fail)
        with pytest.raises(ConnectionResetError):
            await ended_runs.run(api.platform)
    await ended_runs.record(api.platform, api.platform.measurements.ended.take())
    await check(api)
    (raised,) = box.mails
    assert "main: script/u/admin/work fails" in raised["Subject"]


async def test_channel_without_server_uses_that_of_the_instance(
    database: TestDatabase, tmp_path: Path, mail: tuple[Mailbox, int]
) -> None:
    """Its encryption, sender and networks apply; without one, the message waits for it."""
    box, port = mail
    async with api_harness(database, tmp_path) as api:
        to = {"kind": "email", "to": ["oncall@example.com", "boss@example.com"]}
        assert await configure(api, {"mail": to}, no_worker_s=60) == 200
        assert await configure(api, {"mail": {**to, "password": "p4ssw0rd"}}) == 400, "it belongs to no server"
        assert await configure(api, {"mail": {"kind": "email"}}) == 400
        async with api.platform.db.acquire() as conn:
            await workers.set_drained(conn, api.worker.id, drained=True)
        await api.preview()
        await age(api, 120)
        await check(api)
        assert not box.mails
        server = {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "orvanta@example.org"}
        await set_server(api, server)
        await retry(api)
        assert not box.mails, "the network is not allowed"
        await set_server(api, {**server, "networks": ["127.0.0.0/8"]})
        await retry(api)
        (sent,) = box.mails
        assert (sent["From"], sent["To"]) == ("orvanta@example.org", "oncall@example.com, boss@example.com")
        assert "No worker serves the queue python3" in sent["Subject"]


async def test_last_failure_of_a_channel_is_listed(api: ApiHarness, mail: tuple[Mailbox, int]) -> None:
    """It remains after the last attempt, until a message or a test is sent."""
    _, port = mail

    async def failures() -> list[tuple[str, str]]:
        found = (await api.client.get("/api/settings/list_alert_failures")).json()
        return [(each["channel"], each["error"]) for each in found]

    reason = "The instance has no mail server (setting smtp)."
    async with web() as (site, url):
        channels = {"mail": {"kind": "email", "to": ["oncall@example.com"]}, "hook": {"kind": "webhook", "url": url}}
        assert await configure(api, channels, no_worker_s=60) == 200
        assert await failures() == []
        async with api.platform.db.acquire() as conn:
            await workers.set_drained(conn, api.worker.id, drained=True)
        await api.preview()
        await age(api, 120)
        site.status = 500
        await check(api)
        assert await failures() == [("hook", "The server responded with status 500."), ("mail", reason)]
        site.status = 200
        await retry(api)
        assert await failures() == [("mail", reason)]
        for _ in range(alert_sender.MAX_TRIES):
            await retry(api)
        await set_server(api, {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "orvanta@example.org"})
        await retry(api)
        assert await failures() == [("mail", reason)], "the message was abandoned"
        tested = await api.client.post("/api/settings/test_alert_channel", json={"channel": "mail"})
        assert tested.json()["success"] and await failures() == []
        site.status = 500
        await api.worker.claim_all()
        await check(api)
        assert [channel for channel, _ in await failures()] == ["hook"]
        for stored in ({}, channels):
            assert await configure(api, stored) == 200
            await check(api)
        assert await failures() == [], "it was the failure of a channel that was deleted"
    developer = await api.member("dora", Role.DEVELOPER)
    assert (await developer.get("/api/settings/list_alert_failures")).status_code == 403


async def test_channel_is_tested(api: ApiHarness, mail: tuple[Mailbox, int]) -> None:
    """The answer has the reason of a failure without secrets."""
    box, port = mail
    own = {"kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "to": ["own@example.com"]}

    async def tested(channel: str, status: int = 200) -> Any:
        answer = await api.client.post("/api/settings/test_alert_channel", json={"channel": channel})
        assert answer.status_code == status, answer.text
        return answer.json()

    async with web() as (site, url):
        hook = {"kind": "webhook", "url": url, "headers": {"X-Key": "h34der"}}
        closed = {"kind": "slack", "url": "http://192.168.7.1/secret-path"}
        channels = {"mail": {"kind": "email", "to": ["oncall@example.com"]}, "own": own, "hook": hook, "chat": closed}
        assert await configure(api, channels) == 200
        await tested("other", 404)
        refused = await tested("mail")
        assert (refused["success"], refused["message"]) == (False, "The instance has no mail server (setting smtp).")
        await set_server(api, {"host": "127.0.0.1", "port": port, "tls": "none", "sender": "orvanta@example.org"})
        assert (await tested("mail"))["message"] == "The server accepted the message."
        assert (await tested("own"))["success"]
        assert [each["To"] for each in box.mails] == ["oncall@example.com", "own@example.com"]
        assert box.mails[0]["Subject"] == "[Orvanta] Test of the channel mail"
        assert "admin tests the channel mail" in box.mails[0].get_payload(decode=True).decode()
        assert (await tested("hook"))["success"]
        assert (site.sent[0][1]["alert"], site.sent[0][1]["state"]) == ("test", "event")
        site.status = 500
        assert (await tested("hook"))["message"] == "The server responded with status 500."
        message = (await tested("chat"))["message"]
        assert "is not a public address" in message and "192.168.7.1" not in message
    bea = await api.member("bea", Role.ADMIN)
    answer = await bea.post("/api/settings/test_alert_channel", json={"channel": "mail"})
    assert answer.status_code == 403
    entries = (await api.client.get("/api/audit/list", params={"operation": "settings.test"})).json()
    assert len(entries) == 6
    assert {"channel": "chat", "success": False} in [each["parameters"] for each in entries]


async def test_channels_are_secret_and_cannot_be_redirected(api: ApiHarness) -> None:
    """Members do not see alerts of the instance, and a stored password is not sent to another host."""
    to = {"kind": "email", "host": "a.example", "user": "u", "password": "p4ssw0rd", "to": ["x@example.com"]}
    hook = {"kind": "webhook", "url": "https://a.example/secret-path", "headers": {"X-Key": "h34der"}}
    assert await configure(api, {"mail": to, "hook": hook}) in (200, 201)
    answer = await api.client.get("/api/settings/global/alerts")
    assert not any(word in answer.text for word in ("p4ssw0rd", "secret-path", "h34der"))
    shown = answer.json()["channels"]
    assert await configure(api, shown) in (200, 201)
    for change in ({"host": "evil.example"}, {"port": 2525}, {"tls": "none"}):
        assert await configure(api, {**shown, "mail": {**shown["mail"], **change}}) == 400
    assert await configure(api, {**shown, "hook": {**shown["hook"], "url": "https://evil.example"}}) == 400
    assert await configure(api, {"hook": {"kind": "webhook", "url": "file:///etc/passwd"}}) == 400
    developer = await api.member("dora", Role.DEVELOPER)
    assert (await developer.get("/api/alerts/list")).status_code == 403
    assert (await developer.get("/api/settings/global/alerts")).status_code == 403
