"""Duties that one server at a time performs, under one election: it sends one heartbeat for all of them."""

from __future__ import annotations

import asyncio

from orvanta_platform.daemons import audit_chain, git, janitor, scheduler
from orvanta_platform.daemons.leader_election import lead
from orvanta_platform.daemons.supervision import Daemon, keep_running
from orvanta_platform.services.platform import Platform

NAME = "duties"
DUTIES: tuple[Daemon, ...] = (
    scheduler.run,
    git.run,
    audit_chain.run,
    janitor.retain,
    janitor.record,
    janitor.promote,
    janitor.index,
)


async def run(platform: Platform) -> None:
    """Lead, or stand by."""
    await lead(platform, NAME, perform)


async def perform(platform: Platform) -> None:
    """Perform all duties until cancelled. One that fails is restarted, and the others continue."""
    async with asyncio.TaskGroup() as group:
        for duty in DUTIES:
            group.create_task(keep_running(duty, platform))
