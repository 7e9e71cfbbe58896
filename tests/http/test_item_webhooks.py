"""The webhook of a workspace: each deployment is one request, repeated with the same id until it was received."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness
from tests.http.test_notices import web
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.services.changes import item_webhook_sender, item_webhooks


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path, allowed_networks=("127.0.0.0/8",)) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        yield made


async def edit(api: ApiHarness, url: str | None) -> int:
    """Set the webhook and return the status."""
    answer = await api.client.post(f"{W}/workspaces/edit_webhook", json={"webhook": url})
    return answer.status_code


async def sent(api: ApiHarness, servers: int = 2) -> int:
    """Try to send what is due, in several servers at once; return the number of attempts.

    A transaction of another test of the same PostgreSQL that is still running delays the changes.
    """
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE item_webhook SET due_at = now()")
        ended = "SELECT coalesce(max(xid) < pg_snapshot_xmin(pg_current_snapshot()), true) FROM audit"
        while not await conn.fetchval(ended):
            await asyncio.sleep(POLL_S)
    return sum(await asyncio.gather(*(item_webhooks.send_due(api.platform) for _ in range(servers))))


async def deploy(client: Any, name: str, **more: Any) -> None:
    body = {**PYTHON, "path": f"f/team/{name}", "summary": "", **more}
    assert (await client.post(f"{W}/scripts/create", json=body)).status_code == 201


async def test_each_deployment_is_one_request_repeated_with_its_id(api: ApiHarness) -> None:
    bea = await api.member("bea", Role.DEVELOPER)
    await deploy(bea, "before")
    async with web() as (server, url):
        assert await edit(api, f"{url}?token=hush") == 200
        server.status = 500
        await deploy(bea, "work", deployment_message="Pay")
        assert await sent(api) == 1
        assert "status 500" in (await api.get("workspaces/get_settings"))["webhook_error"]
        server.status = 200
        assert await edit(api, f"{url}?token=hush") == 200, "the same URL keeps what was not sent"
        assert (await sent(api), await sent(api)) == (1, 0)
        first, second = server.sent
        assert first[0]["idempotency-key"] == second[0]["idempotency-key"] == first[1]["id"] and first[1] == second[1]
        (change,) = second[1].pop("changes")
        assert (change.pop("version"), change) == (
            (await api.get("scripts/get/p/f/team/work"))["version_id"],
            {"operation": "scripts.create", "kind": "script", "path": "f/team/work"},
        )
        assert (second[1]["by"], second[1]["message"], second[1]["has_more"]) == ("bea", "Pay", False)

        shown = await api.get("workspaces/get_settings")
        assert shown["webhook"] == f"{url}?token=hush" and "webhook_error" not in shown
        assert "webhook" not in (await bea.get(f"{W}/workspaces/get_settings")).json()
        assert "hush" not in (await api.client.get(f"{W}/audit/list")).text
        moves = {f"f/team/{name}": f"f/team/{name}2" for name in ("before", "work")}
        body = {"items": [{"kind": "script", "path": path, "target": target} for path, target in moves.items()]}
        moved = await api.client.post(f"{W}/moves/apply", json=body)
        assert moved.status_code == 200, moved.text
        assert await sent(api) == 1
        changes = server.sent[-1][1]["changes"]
        assert {each["path"]: each["to"] for each in changes} == moves, "one transaction is one request"
        assert await edit(api, None) == 200
        await deploy(bea, "later")
        assert await sent(api) == 0 and len(server.sent) == 3


async def test_rows_of_other_operations_are_read_once(api: ApiHarness) -> None:
    """Otherwise each poll would read all rows of the audit trail since the last change of an item."""
    async with web() as (server, url):
        assert await edit(api, url) == 200
        for _ in range(3):
            assert (await api.client.post("/api/users/tokens/create", json={"label": "x"})).status_code == 201
        assert await sent(api) == 0
        async with api.platform.db.acquire() as conn:
            left = "SELECT count(*) FROM audit WHERE xid >= (SELECT position FROM item_webhook)"
            assert await conn.fetchval(left) == 0
        await deploy(api.client, "work")
        assert await sent(api) == 1
        assert [each["path"] for each in server.sent[-1][1]["changes"]] == ["f/team/work"]


async def test_changes_are_dropped_after_the_last_attempt(api: ApiHarness) -> None:
    async with web() as (server, url):
        assert await edit(api, url) == 200
        server.status = 500
        await deploy(api.client, "lost")
        await deploy(api.client, "kept")
        for _ in range(item_webhook_sender.MAX_TRIES):
            # One server: after the last attempt the next change is due at once, which a second one may find.
            assert await sent(api, servers=1) == 1
        server.status = 200
        assert (await sent(api), await sent(api)) == (1, 0)
        assert [each[1]["changes"][0]["path"] for each in server.sent[-2:]] == ["f/team/lost", "f/team/kept"]


async def test_responses_are_not_read(api: ApiHarness) -> None:
    """A server could answer without end, and fill the memory of the platform."""
    limit, sent_bytes = 64 << 20, asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 x\r\ncontent-length: %d\r\n\r\n" % (2 * limit))
        count = 0
        with suppress(ConnectionError):
            while count < limit:
                writer.write(bytes(1 << 20))
                count += 1 << 20
                await writer.drain()
        writer.close()
        sent_bytes.set_result(count)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        assert await edit(api, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/") == 200
        await deploy(api.client, "work")
        assert await sent(api) == 1
        assert await sent_bytes < limit
        assert "webhook_error" not in await api.get("workspaces/get_settings")


async def test_invalid_urls_are_refused(api: ApiHarness) -> None:
    for url in ("ftp://example.com/x", "https://", "https://a b/", "https://x:y/", "https://x/" + "y" * 3000):
        assert await edit(api, url) == 400, url


async def test_private_addresses_are_refused_and_limited_tokens_set_none(
    database: TestDatabase, tmp_path: Path
) -> None:
    async with api_harness(database, tmp_path) as api, web() as (server, url):
        assert await edit(api, url) == 200
        await api.client.post(f"{W}/folders/create", json={"name": "team"})
        assert await sent(api) == 1 and not server.sent
        assert "is not a public address" in (await api.get("workspaces/get_settings"))["webhook_error"]
        limited = await api.member("eve", Role.ADMIN, scopes=["workspaces:write"])
        answer = await limited.post(f"{W}/workspaces/edit_webhook", json={"webhook": "https://example.com/x"})
        assert answer.status_code == 403
