"""The connection for notifications: opened again after any failure, and no obstacle to the end of a process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.conftest import TestDatabase
from tests.installation import PATIENCE_S
from tests.orchestrator.wire import wire

from orvanta_platform.db import notify, pool
from orvanta_platform.db.notify import CHANNEL, Listener, Notifier
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.errors import DatabaseUnavailable
from orvanta_platform.services.platform import open_platform
from orvanta_platform.settings import Settings


async def test_listener_reconnects_after_a_pooler_refused_it(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener(db)
    await listener.start()
    connect, refusals = db.direct, [DatabaseUnavailable("The connection reached a pooler.")]

    async def refuse_once() -> Connection:
        if refusals:
            raise refusals.pop()
        return await connect()

    monkeypatch.setattr(db, "direct", refuse_once)
    try:
        assert listener.connection is not None
        with listener.watch("topic") as watch:
            async with db.acquire() as connection:
                await connection.execute("SELECT pg_terminate_backend($1)", listener.connection.get_server_pid())
                assert await watch.wait(PATIENCE_S), "after a reconnect, everything counts as changed"
                await connection.execute("SELECT pg_notify($1, 'topic')", CHANNEL)
            assert await watch.wait(PATIENCE_S)
    finally:
        await listener.close()


async def test_listener_reconnects_if_its_session_ends_when_a_notification_is_sent(db: Database) -> None:
    """The driver does not report the loss of a connection that fails between the last message and its end."""
    listener = Listener(db)
    await listener.start()
    lost = listener.connection
    assert lost is not None
    fields = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
    try:
        with listener.watch("topic") as watch:
            lost._protocol.data_received(b"E" + (len(fields) + 4).to_bytes(4) + fields)
            Notifier(listener).send("other")
            assert await watch.wait(PATIENCE_S)
        assert listener.connection is not lost
    finally:
        await listener.close()


async def test_listener_replaces_connection_that_does_not_answer(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_DIRECT_S", 0.5, raising=False)
    async with wire(database) as path:
        db = await Database.connect(path.url)
        listener = Listener(db)
        await listener.start()
        path.hold(b"unanswered")
        with listener.watch("topic") as watch:
            Notifier(listener).send("unanswered")
            assert await watch.wait(PATIENCE_S)
        path.cut()
        await listener.close()
        await db.close()


async def test_platform_closes_although_database_does_not_answer(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "_FLUSH_S", 0.5, raising=False)
    async with wire(database) as path:
        platform = await open_platform(Settings(home=tmp_path, database_url=path.url))
        path.hold(b"unanswered")
        platform.notify.send("unanswered")
        async with asyncio.timeout(PATIENCE_S):
            await platform.close()
        assert platform.db.pool.is_closing()
        path.cut()
