"""Restart of duties that fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from orvanta_platform.services.platform import Platform

Daemon = Callable[[Platform], Awaitable[None]]

RESTART_S = 1.0

log = structlog.get_logger(__name__)


async def keep_running(daemon: Daemon, platform: Platform) -> None:
    """Log the failure of a daemon and restart it after a second, so that it ends neither the process nor others."""
    while True:
        try:
            await daemon(platform)
        except Exception as error:
            name = f"{daemon.__module__}.{daemon.__name__}"
            log.warning("daemon failed", action="daemon", daemon=name, error=repr(error))
            # A task group that is cancelled raises a failure of its tasks instead: the cancellation would be lost.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from error
            await asyncio.sleep(RESTART_S)
