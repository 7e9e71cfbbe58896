"""Restart of daemons that fail."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from orvanta_platform.daemons.supervision import keep_running
from orvanta_platform.services.platform import Platform


async def test_daemon_that_fails_while_it_is_cancelled_is_not_restarted() -> None:
    """As in a task group: the database goes away when the process is stopped."""
    started = asyncio.Event()

    async def daemon(_: Platform) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError from None

    task = asyncio.create_task(keep_running(daemon, cast("Platform", None)))
    await started.wait()
    started.clear()
    task.cancel()
    restarted = asyncio.create_task(started.wait())
    done, _ = await asyncio.wait((task, restarted), return_when=asyncio.FIRST_COMPLETED)
    restarted.cancel()
    # The next cancellation would be lost as well, and the loop never closed: this one arrives between two attempts.
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    assert done == {task}
    with pytest.raises(asyncio.CancelledError):
        await task
