"""Restart of daemons that fail."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from orvanta_platform.daemons import supervision
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


async def test_daemon_whose_task_group_fails_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Python 3.13 such a group leaves its task counted as cancelled."""
    monkeypatch.setattr(supervision, "RESTART_S", 0)
    started = asyncio.Queue[None]()

    async def fail() -> None:
        raise ConnectionError

    async def daemon(_: Platform) -> None:
        started.put_nowait(None)
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(asyncio.Event().wait())

    task = asyncio.create_task(keep_running(daemon, cast("Platform", None)))
    restarts = asyncio.create_task(_take(started, 3))
    await asyncio.wait((task, restarts), return_when=asyncio.FIRST_COMPLETED)
    assert restarts.done()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)


async def test_daemon_that_is_cancelled_from_inside_is_restarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a shared task that it waits for and that another one cancels."""
    monkeypatch.setattr(supervision, "RESTART_S", 0)
    started = asyncio.Queue[None]()

    async def daemon(_: Platform) -> None:
        started.put_nowait(None)
        raise asyncio.CancelledError

    task = asyncio.create_task(keep_running(daemon, cast("Platform", None)))
    restarts = asyncio.create_task(_take(started, 3))
    await asyncio.wait((task, restarts), return_when=asyncio.FIRST_COMPLETED)
    restarts.cancel()
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _take(queue: asyncio.Queue[None], count: int) -> None:
    for _ in range(count):
        await queue.get()
