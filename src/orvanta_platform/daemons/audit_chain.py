"""Audit chain: links new rows of the audit trail, in the leading process."""

from __future__ import annotations

import asyncio

from orvanta_platform.daemons.leader_election import lead
from orvanta_platform.services.access import audit_chain
from orvanta_platform.services.platform import Platform

PAUSE_S = 0.5


async def run(platform: Platform) -> None:
    """Link new rows twice a second, in the leading process."""
    await lead(platform, "audit", _link)


async def _link(platform: Platform) -> None:
    position = None
    while True:
        linked, position = await audit_chain.link_new(platform, position)
        if linked < audit_chain.BATCH:
            await asyncio.sleep(PAUSE_S)
