"""Alerts that members cause: few messages, whose text is that of the platform."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness, script
from tests.http.test_alerts import SCHEDULE, age, configure
from tests.http.test_notices import Mailbox, mail

from orvanta_platform.daemons import alerts as daemon
from orvanta_platform.daemons import ended_runs
from orvanta_platform.db import alert_conditions
from orvanta_platform.db import alerts as rows
from orvanta_platform.db.alerts import NewAlert
from orvanta_platform.services.maintenance import alert_sender, alerts
from orvanta_platform.services.platform import Platform

__all__ = ["mail"]

HOOK = {"hook": {"kind": "webhook", "url": "http://127.0.0.1:9/"}}
LURE = "x\r\n\r\nURGENT: log in at https://evil.example/login\x1b[2J\u202e\u2028"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path, allowed_networks=("127.0.0.0/8",)) as made:
        yield made


async def messages(api: ApiHarness) -> list[dict[str, Any]]:
    """Return the queued messages."""
    async with api.platform.db.acquire() as conn:
        return [dict(row) for row in await conn.fetch("SELECT * FROM alert_message ORDER BY since, subject")]


async def test_many_queues_cause_few_messages(api: ApiHarness) -> None:
    """Each member can name any number of queues. The alerts that are raised stay, and one counts the other queues."""
    assert await configure(api, HOOK, queue_age_s=100, no_worker_s=60) == 200
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE worker SET queues = '{python3}'")
    for number in range(60):
        await api.preview(tag=f"q{number}")
    await age(api, 200)
    for _ in range(3):
        await alerts.check(api.platform)
    queued = await messages(api)
    assert len(queued) <= 2 * 21
    (others,) = [each for each in queued if each["kind"] == "no_worker" and each["subject"] == "(others)"]
    assert others["detail"].startswith("Other queues to which the same applies") and ": 40. " in others["detail"]
    listed = (await api.client.get("/api/alerts/list")).json()
    assert len(listed) == len(queued)


async def test_queues_that_change_at_each_check_cause_few_messages(api: ApiHarness) -> None:
    assert await configure(api, HOOK, no_worker_s=60) == 200
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE worker SET queues = '{python3}'")
    for turn in range(8):
        for number in range(10):
            await api.preview(tag=f"q{turn}-{number}")
        await age(api, 200)
        await alerts.check(api.platform)
        async with api.platform.db.acquire() as conn:
            await conn.execute("UPDATE job_live SET queue = 'python3'")
    assert len(await messages(api)) <= 2 * 31 + 2


async def test_names_and_summaries_do_not_write_messages(api: ApiHarness) -> None:
    """Line breaks, links and marks of direction in a tag or summary do not become a part of the text of a message."""
    assert await configure(api, HOOK, no_worker_s=60, failing_workflows=True) == 200
    assert (await api.client.post(f"{W}/jobs/run/preview", json={**PYTHON, "tag": LURE})).status_code == 400
    dynamic = {**PYTHON, "tag": "$args[x]" * 4, "args": {"x": "\u4e00" * 100}}
    assert (await api.client.post(f"{W}/jobs/run/preview", json=dynamic)).status_code in (400, 413, 422)
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE worker SET queues = '{python3}'")
    tagged = script("a")
    tagged["value"]["tag"] = LURE
    await api.flow(tagged)
    new = {**PYTHON, "path": "u/admin/work", "summary": LURE}
    assert (await api.client.post(f"{W}/scripts/create", json=new)).status_code == 201
    await age(api, 200)
    await alerts.check(api.platform)
    run = (await api.client.post(f"{W}/jobs/run/p/u/admin/work", json={})).text
    (job,) = [each for each in await api.worker.claim_all() if str(each.run.id) == run]
    await api.worker.finish(job, error="Boom")
    await ended_runs.record(api.platform, api.platform.measurements.ended.take())
    queued = await messages(api)
    assert {each["kind"] for each in queued} == {"no_worker", "failing_workflow"}
    for each in queued:
        assert len(each["subject"].splitlines()) == 1 and len(each["detail"].splitlines()) == 2, each
        assert "https://evil" not in each["detail"] + each["subject"]
        assert not set("\x1b\u202e\u2028") & set(each["detail"] + each["subject"])


async def test_workflow_that_fails_and_succeeds_in_turns_causes_few_messages(api: ApiHarness) -> None:
    assert await configure(api, HOOK, failing_workflows=True) == 200
    await api.client.post(f"{W}/scripts/create", json={**PYTHON, "path": "u/admin/work", "summary": ""})
    for turn in range(80):
        await api.client.post(f"{W}/jobs/run/p/u/admin/work", json={})
        (job,) = await api.worker.claim_all()
        await api.worker.finish(job, error=None if turn % 2 else "Boom")
        await ended_runs.record(api.platform, api.platform.measurements.ended.take())
    assert 20 <= len(await messages(api)) <= 2 * 31


async def test_schedules_of_one_workspace_do_not_hide_those_of_others(api: ApiHarness) -> None:
    one = SCHEDULE.replace("'f/a/b'", "'f/a/b' || n").replace("VALUES (", "SELECT ").rstrip()[:-1]
    async with api.platform.db.acquire() as conn:
        await conn.execute(SCHEDULE)
        await conn.execute(one.replace("'main'", "'admins'") + " FROM generate_series(1, 300) AS n")
        found = await alert_conditions.list_missed_schedules(conn, 60, 20)
    assert len(found) == 21 and "main" in {each.workspace for each in found}


async def test_error_of_a_schedule_does_not_stop_the_checks(api: ApiHarness) -> None:
    """Regression test: the values of an error that a member had forged were those of the alert as well."""
    assert await configure(api, HOOK, missed_schedules=True) == 200
    values = dict.fromkeys(("page", "reason", "cause", "code", "handler"), "x")
    forged = f"Wrong\x1e{json.dumps({'code': 'alert_disk', 'values': values})}"
    async with api.platform.db.acquire() as conn:
        await conn.execute(SCHEDULE)
        await conn.execute("UPDATE schedule SET error = $1, enabled = true", forged)
    await alerts.check(api.platform)
    (found,) = (await api.client.get("/api/alerts/list")).json()
    assert found["kind"] == "missed_schedule" and "/w/main/schedules" in found["detail_code"]["values"]["page"]
    assert found["detail_code"]["values"]["reason"] == "Wrong"


async def test_alert_of_another_servers_disk_stays(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression test: server-1 ended the alerts of server-10, which began them again, every 15 seconds."""
    monkeypatch.setattr(socket, "gethostname", lambda: "server-1")
    assert await configure(api, HOOK, disk_free_percent=1) == 200
    async with api.platform.db.acquire() as conn:
        await rows.raise_alerts(conn, [NewAlert("disk:server-10", "disk", "server-10", None, "full")], [])
    await alerts.check(api.platform)
    async with api.platform.db.acquire() as conn:
        assert "disk:server-10" in await rows.list_keys(conn, [""])


async def test_endless_messages_do_not_prevent_checks(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = 0

    async def count(platform: Platform) -> None:
        nonlocal checks
        checks += 1

    async def send(platform: Platform) -> int:
        await asyncio.sleep(0)
        return 1

    assert await configure(api, HOOK) == 200
    monkeypatch.setattr(daemon, "CHECK_S", 0.05)
    monkeypatch.setattr(alerts, "check", count)
    monkeypatch.setattr(alert_sender, "send_due", send)
    running = asyncio.create_task(daemon.run(api.platform))
    try:
        async with asyncio.timeout(20):
            while checks < 3:
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.parametrize("mark", ["\x0b", "\x1c", "\x85", "\u2028"])
async def test_subject_with_any_line_break_is_sent(api: ApiHarness, mail: tuple[Mailbox, int], mark: str) -> None:
    """Regression test: the library refuses such a subject, and the message was lost."""
    box, port = mail
    to = {"kind": "email", "host": "127.0.0.1", "port": port, "tls": "none", "to": ["oncall@example.com"]}
    assert await configure(api, {"mail": to}) == 200
    async with api.platform.db.acquire() as conn:
        await rows.raise_alerts(conn, [NewAlert("k", "no_worker", f"a{mark}b", None, "text")], ["mail"])
    await alert_sender.send_due(api.platform)
    assert [each["Subject"] for each in box.mails] == ["[Orvanta] No worker serves the queue a b"]
