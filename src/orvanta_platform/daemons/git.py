"""Synchronisation of workspaces with their Git repositories: a duty of the leader."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

import structlog

from orvanta_platform.services.git import sync
from orvanta_platform.services.platform import Platform

POLL_S = 2.0
AT_ONCE = 4
"""Maximum number of workspaces that are synchronised concurrently."""
FAILING_AT_ONCE = 2
"""Maximum number of these whose last synchronisation failed: unresponsive servers must leave room for others."""

log = structlog.get_logger(__name__)


async def run(platform: Platform) -> None:
    """Synchronise the workspaces that are due, every two seconds."""
    turns, failing = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(FAILING_AT_ONCE)
    running: set[str] = set()

    async def synchronise(workspace: str, *, is_failing: bool) -> None:
        try:
            async with failing if is_failing else nullcontext(), turns:
                await sync.synchronise(platform, workspace)
        except Exception:  # in the task group, it would cancel the synchronisations of all other workspaces
            log.exception("synchronisation failed", action="git", workspace=workspace)
        finally:
            running.discard(workspace)

    async def list_due(wait_s: float) -> list[tuple[str, bool]]:
        try:
            return await sync.list_due(platform, wait_s)
        except Exception:  # in the task group, it would cancel the synchronisations that run
            log.exception("cannot list the workspaces to synchronise", action="git")
            return []

    wait_s = 0.0
    async with asyncio.TaskGroup() as group:
        while True:
            for workspace, is_failing in await list_due(wait_s):
                if workspace not in running:
                    running.add(workspace)
                    group.create_task(synchronise(workspace, is_failing=is_failing))
            wait_s = POLL_S
