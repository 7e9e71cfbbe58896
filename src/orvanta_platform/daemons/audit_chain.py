"""Audit chain: links new rows of the audit trail. A duty of the leader."""

from __future__ import annotations

import structlog

from orvanta_platform import clock
from orvanta_platform.errors import StorageError
from orvanta_platform.services.access import audit_chain
from orvanta_platform.services.platform import Platform

log = structlog.get_logger(__name__)

PUBLISH_S = 60.0
"""Seconds between publications of the heads of the chains."""

_LULL_S = 2.0
"""Maximum time, in seconds, to wait for a lull after a poll."""

_PAUSE_S = 0.5
_MAX_PAUSE_S = 4.0


async def run(platform: Platform) -> None:
    """Link new rows within 4 seconds. It checks less often while there are none."""
    position = None
    pause, wait_s = _PAUSE_S, 0.0
    heads: dict[str, str] = {}
    publish_at = clock.monotonic()
    while True:
        if clock.monotonic() >= publish_at:
            publish_at = clock.monotonic() + PUBLISH_S
            if position is not None:  # not at the start
                await platform.polls.lull(_LULL_S, after_s=0.0)
                wait_s = max(0.0, wait_s - _LULL_S)
            heads = await _publish(platform, heads)
        linked = 0
        if position is None or await audit_chain.await_new(platform, position, wait_s):
            linked, position = await audit_chain.link_new(platform, position)
        pause = _PAUSE_S if linked else min(2 * pause, _MAX_PAUSE_S)
        wait_s = pause if linked < audit_chain.BATCH else 0.0


async def _publish(platform: Platform, last: dict[str, str]) -> dict[str, str]:
    """Publish the heads. If the object storage fails, the next call tries again, and rows are still linked."""
    try:
        return await audit_chain.publish_heads(platform, last)
    except StorageError as error:
        log.warning("heads of the audit chain not stored", action="audit_chain", error=error.message)
        return last
