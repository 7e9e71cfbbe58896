"""Restart of duties that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from orvanta_platform.services.platform import Platform

Daemon = Callable[[Platform], Awaitable[None]]

RESTART_S = 1.0
"""Seconds after which a daemon that failed is restarted."""

log = structlog.get_logger(__name__)


async def keep_running(daemon: Daemon, platform: Platform) -> None:
    """Log the failure of a daemon and restart it after a second, so that it ends neither the process nor others.

    Each attempt is a task of its own: before Python 3.13, a failed task group leaves the task that used it counted as
    cancelled (gh-116720), and only a task that runs nothing else knows whether it was cancelled. A cancellation that
    comes from inside the attempt, such as that of a task it waits for, is a failure like any other.
    """
    task = asyncio.current_task()
    assert task is not None
    while True:
        try:
            await asyncio.create_task(_run(daemon, platform))
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and task.cancelling():
                raise
            name = f"{daemon.__module__}.{daemon.__name__}"
            log.warning("daemon failed", action="daemon", daemon=name, error=repr(error))
            # A task group that is cancelled raises a failure of its tasks instead: the cancellation would be lost.
            if task.cancelling():
                raise asyncio.CancelledError from error
            await asyncio.sleep(RESTART_S)


async def _run(daemon: Daemon, platform: Platform) -> None:
    await daemon(platform)
