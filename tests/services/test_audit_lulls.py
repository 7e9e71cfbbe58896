"""Publication of the heads of the audit chain beside the polls of its process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.installation import PATIENCE_S
from tests.orchestrator.harness import core_harness

from orvanta_platform.daemons import audit_chain
from orvanta_platform.services.access import audit_chain as service
from orvanta_platform.services.platform import Platform


async def test_only_the_first_publication_does_not_wait_for_a_lull(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right after a poll, the heartbeat of the leader has its connection: another one would be opened.

    There may be no heads yet.
    """
    events: asyncio.Queue[str] = asyncio.Queue()

    async def publish(_: Platform, _last: dict[str, str]) -> dict[str, str]:
        events.put_nowait("published")
        return {}

    async def lull(_seconds: float, **_: Any) -> None:
        events.put_nowait("lull")

    monkeypatch.setattr(audit_chain, "PUBLISH_S", 0.0)
    monkeypatch.setattr(audit_chain, "_PAUSE_S", 0.0)
    monkeypatch.setattr(service, "publish_heads", publish)
    async with core_harness(database, tmp_path / "home") as core:
        monkeypatch.setattr(core.platform.polls, "lull", lull)
        running = asyncio.create_task(audit_chain.run(core.platform))
        async with asyncio.timeout(PATIENCE_S):
            found = [await events.get() for _ in range(5)]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert found == ["published", "lull", "published", "lull", "published"]
