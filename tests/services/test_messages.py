"""Messages that other transactions have queued: the poll for them, apart from what is being sent."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from tests.conftest import TestDatabase

from orvanta_platform.daemons import messages
from orvanta_platform.db import messages as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.settings import Settings


async def test_failed_poll_does_not_interrupt_what_is_sent(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    polls = 0
    failed_twice, interrupted, finish = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def find_due(_: Connection) -> list[str]:
        nonlocal polls
        polls += 1
        if polls == 1:
            return ["notifications"]
        if polls > 2:
            failed_twice.set()
        raise ConnectionError("the database does not answer")

    async def send(_: Platform) -> int:
        try:
            await finish.wait()
        except asyncio.CancelledError:
            interrupted.set()
            raise
        return 0

    monkeypatch.setattr(messages, "POLL_S", 0.0)
    monkeypatch.setattr(messages, "SENDERS", {"notifications": send})
    monkeypatch.setattr(rows, "find_due", find_due)
    platform = await open_platform(Settings(home=tmp_path, database_url=database.app_url))
    polling = asyncio.create_task(messages.run(platform))
    try:
        async with asyncio.timeout(30):
            await failed_twice.wait()
        assert not interrupted.is_set() and not polling.done()
    finally:
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
        await platform.close()
