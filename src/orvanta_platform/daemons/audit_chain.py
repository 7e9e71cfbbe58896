"""Audit chain: links new rows of the audit trail, in the leading process."""

from __future__ import annotations

import asyncio

from orvanta_platform.daemons.leader_election import lead
from orvanta_platform.services.access import audit_chain
from orvanta_platform.services.platform import Platform

_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 4.0


async def run(platform: Platform) -> None:
    """Link new rows within 4 seconds, in the leading process. It looks less often while there are none."""
    await lead(platform, "audit", _link)


async def _link(platform: Platform) -> None:
    position = None
    pause = _PAUSE_S
    while True:
        linked, position = await audit_chain.link_new(platform, position)
        pause = _PAUSE_S if linked else min(2 * pause, _LONGEST_PAUSE_S)
        if linked < audit_chain.BATCH:
            await asyncio.sleep(pause)
