"""Synchronisation of workspaces with their Git repositories: the leading process does one round after the other."""

from __future__ import annotations

import asyncio

from orvanta_platform.daemons.leader_election import lead
from orvanta_platform.services.git import rounds
from orvanta_platform.services.platform import Platform

NAME = "git"
POLL_S = 2.0
AT_ONCE = 4
"""Workspaces that are synchronised concurrently."""


async def run(platform: Platform) -> None:
    """Lead, or stand by."""
    await lead(platform, NAME, serve)


async def serve(platform: Platform) -> None:
    """Do the rounds that are due, every two seconds."""
    turns = asyncio.Semaphore(AT_ONCE)
    running: set[str] = set()

    async def synchronise(workspace: str) -> None:
        try:
            async with turns:
                await rounds.synchronise(platform, workspace)
        finally:
            running.discard(workspace)

    async with asyncio.TaskGroup() as group:
        while True:
            for each in await rounds.list_due(platform):
                if each not in running:
                    running.add(each)
                    group.create_task(synchronise(each))
            await asyncio.sleep(POLL_S)
