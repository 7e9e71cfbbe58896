"""Notifications of approvals through a real mail server and a real web server: at least once, under one id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import SMTP
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.http.test_approvals import approval, consent, ended, status

from orvanta_platform.services.approvals import notification_queue, notification_sender
from orvanta_platform.services.maintenance import consistency


class Mailbox(Message):
    """The mails received by the mail server."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@pytest.fixture
async def mail() -> AsyncIterator[tuple[Mailbox, int]]:
    """Run a local mail server; yield it and its port."""
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    async with server:
        yield box, server.sockets[0].getsockname()[1]


class Web:
    """A web server that stores its requests and answers as configured."""

    def __init__(self) -> None:
        self.status = 200
        self.sent: list[tuple[dict[str, str], Any]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.sent.append((headers, json.loads(body)))
        writer.write(f"HTTP/1.1 {self.status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def web() -> AsyncIterator[tuple[Web, str]]:
    made = Web()
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    async with server:
        yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path, allowed_networks=("127.0.0.0/8",)) as made:
        yield made
        assert [str(each) for each in await consistency.check(made.platform.db)] == []


async def asked(api: ApiHarness, channel: str, resource: dict[str, Any], **value: Any) -> str:
    """Start a run with an approval whose notification uses the channel."""
    body = {"path": f"u/admin/{channel}", "value": resource, "resource_type": "any"}
    assert (await api.client.post(f"{W}/resources/create", json=body)).status_code in (200, 201)
    notify = [{"channel": channel, "resource": f"$res:u/admin/{channel}"}]
    return await api.flow(approval(notify=notify, **value), args={"sum": 5})


async def rows(api: ApiHarness, query: str) -> list[Any]:
    async with api.platform.db.acquire() as conn:
        return list(await conn.fetch(query))


async def test_mail_contains_page_link(api: ApiHarness, mail: tuple[Mailbox, int]) -> None:
    box, port = mail
    to = {"host": "127.0.0.1", "port": port, "tls": "none", "from": "flows@example.com", "to": "ann@example.com"}
    run = await asked(api, "email", to, message="Pay {{ flow_input.sum }}?")
    assert not box.mails, "the step itself sends nothing"
    assert await notification_queue.send_due(api.platform) == 1
    (message,) = box.mails
    assert (message["From"], message["To"]) == ("flows@example.com", "ann@example.com") and "ask" in message["Subject"]
    text = message.get_payload(decode=True).decode()
    assert "Pay 5?" in text
    page = next(word for word in text.split() if "/approve/main/" in word)
    transport = httpx.ASGITransport(api.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://orvanta") as browser:
        address = page.replace(api.platform.settings.base_url, "")
        assert (await browser.post(address, data={"decision": "approved"})).status_code == 200
    assert (await ended(api, run))["success"] is True
    assert await notification_queue.send_due(api.platform) == 0
    (event,) = await rows(api, "SELECT data::text AS d FROM event WHERE kind = 'notified'")
    assert json.loads(event["d"]) == {"channel": "email", "resource": "$res:u/admin/email", "tries": 1}


async def test_webhook_is_retried_with_same_id(api: ApiHarness) -> None:
    async with web() as (server, url):
        server.status = 500
        await asked(api, "webhook", {"url": url, "headers": {"X-Key": "k"}})
        await notification_queue.send_due(api.platform)
        assert await notification_queue.send_due(api.platform) == 0, "not before its time"
        server.status = 204
        await rows(api, "UPDATE notice SET due_at = app_now()")
        await notification_queue.send_due(api.platform)
        first, second = server.sent
    assert first[0]["idempotency-key"] == second[0]["idempotency-key"] and second[0]["x-key"] == "k"
    assert first[1]["approval_page"].rsplit("/", 1)[0] == second[1]["approval_page"].rsplit("/", 1)[0]
    assert (second[1]["node"], second[1]["created_by"]) == ("ask", "admin")
    assert await rows(api, "SELECT FROM notice") == []


async def test_slack_receives_text(api: ApiHarness) -> None:
    async with web() as (server, url):
        await asked(api, "slack", {"webhook_url": url}, message="<!channel> & all")
        await notification_queue.send_due(api.platform)
    ((_, body),) = server.sent
    assert set(body) == {"text"} and body["text"].startswith("&lt;!channel&gt; &amp; all")


async def test_undeliverable_notice_is_given_up(api: ApiHarness) -> None:
    run = await asked(api, "webhook", {"url": "http://127.0.0.1:9/x"})
    for _ in range(notification_sender.MAX_TRIES):
        await rows(api, "UPDATE notice SET due_at = app_now()")
        assert await notification_queue.send_due(api.platform) == 1
    assert await rows(api, "SELECT FROM notice") == []
    (event,) = await rows(api, "SELECT data::text AS d FROM event WHERE kind = 'not_notified'")
    assert json.loads(event["d"])["tries"] == notification_sender.MAX_TRIES
    assert await status(api, run) == "awaiting_approval"


async def test_decided_approval_is_not_announced(api: ApiHarness) -> None:
    async with web() as (server, url):
        run = await asked(api, "webhook", {"url": url})
        await consent(api.client, run)
        assert await notification_queue.send_due(api.platform) == 0
    assert server.sent == [] and await rows(api, "SELECT FROM notice") == []


async def test_non_public_address_is_refused(database: TestDatabase, tmp_path: Path) -> None:
    async with api_harness(database, tmp_path) as api, web() as (server, url):
        await asked(api, "webhook", {"url": url})
        await notification_queue.send_due(api.platform)
        assert server.sent == [] and len(await rows(api, "SELECT FROM notice WHERE tries = 1")) == 1


async def test_two_processes_send_one_notice(api: ApiHarness) -> None:
    async with web() as (server, url):
        await asked(api, "webhook", {"url": url})
        sent = await asyncio.gather(*(notification_queue.send_due(api.platform) for _ in range(3)))
        assert sorted(sent) == [0, 0, 1]
    assert len(server.sent) == 1
