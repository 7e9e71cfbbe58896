"""Sender of messages that other transactions have queued, starter of error handlers, and checks of deployments."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from orvanta_platform.db import messages
from orvanta_platform.services.approvals import notification_queue
from orvanta_platform.services.changes import item_webhooks
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import deployment_checks, deployment_mails
from orvanta_platform.services.triggers import error_handlers

POLL_S = 1.0
"""Seconds between two checks for messages of a process that is not idle."""

SENDERS: Mapping[str, Callable[[Platform], Awaitable[int]]] = {
    "notifications": notification_queue.send_due,
    "error_handlers": error_handlers.start_due,
    "deployment_mails": deployment_mails.send_due,
    "deployment_checks": deployment_checks.run_due,
    "item_webhooks": item_webhooks.send_due,
}
"""Functions by kind of message that send what is due and return the number of messages."""

log = structlog.get_logger(__name__)


async def run(platform: Platform) -> None:
    """Check for messages of all kinds with one statement a second, less often while the process is idle.

    Each kind is sent independently of the others.
    """
    sending: set[str] = set()

    async def send(kind: str) -> None:
        try:
            while await SENDERS[kind](platform):
                pass
        except Exception as error:
            log.warning("messages not sent", action="messages", kind=kind, error=repr(error))
        finally:
            sending.discard(kind)

    wait_s = 0.0
    async with asyncio.TaskGroup() as group:
        while True:
            for kind in await _find_due(platform, wait_s):
                if kind not in sending:
                    sending.add(kind)
                    group.create_task(send(kind))
            wait_s = POLL_S


async def _find_due(platform: Platform, wait_s: float) -> list[str]:
    """Return the kinds that are due after `wait_s` seconds, or later if the process is idle.

    Returns none if the database does not answer, which must not interrupt what is sent.
    """
    try:
        async with platform.polls.turn(wait_s, extend=True) as connection:
            return await messages.find_due(connection)
    except Exception as error:
        log.warning("messages not read", action="messages", error=repr(error))
        return []
