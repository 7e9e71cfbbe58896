"""Messages about deployments to the channels of alerts: mail, Slack and webhooks.

They are queued in the transaction of the event and sent like alerts. They name the release and the environment, and
contain nothing of its content, which the readers of a channel may not be able to read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import structlog

from orvanta_platform.control.alert_settings import DeploymentEvent
from orvanta_platform.control.instance_settings import ALERTS
from orvanta_platform.control.secrets import SecretUnreadable
from orvanta_platform.db import alerts as rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.services.maintenance.alert_conditions import page_url
from orvanta_platform.services.platform import Platform

_TEXTS: Final[Mapping[DeploymentEvent, str]] = {
    "requested": "{user} requests to deploy {release} to {environment}.",
    "approved": "{user} approved the deployment of {release} to {environment}.",
    "rejected": "{user} rejected the deployment of {release} to {environment}.",
    "applied": "{user} deployed {release} to {environment}.",
    "failed": "The checks of {release} in {environment} failed.",
    "rolled_back": "{environment} was rolled back to {release} as {user}.",
    "held": "{user} put promotions to {environment} on hold.",
}
_ROLLBACK_TEXTS: Final[Mapping[DeploymentEvent, str]] = {
    **_TEXTS,
    "requested": "{user} requests to roll back {environment} to {release}.",
    "approved": "{user} approved the rollback of {environment} to {release}.",
    "rejected": "{user} rejected the rollback of {environment} to {release}.",
}

log = structlog.get_logger(__name__)


class Subject(msgspec.Struct, frozen=True):
    """Deployment that a message is about."""

    environment: str
    workspace: str
    source: str
    """Workspace of the release."""
    number: int
    request: int | None
    username: str
    """Member who caused the event, or `system`."""
    is_rollback: bool = False


class Notices:
    """Channels of each event, which are read before the transaction of the event."""

    def __init__(self, platform: Platform, channels: Mapping[DeploymentEvent, Sequence[str]]) -> None:
        self._platform = platform
        self._channels = channels

    async def queue(self, conn: Connection, event: DeploymentEvent, subject: Subject) -> None:
        """Queue a message about an event for each channel that receives it."""
        channels = self._channels.get(event)
        if not channels:
            return
        page = f"environments/{subject.environment}"
        if subject.request is not None:
            page += f"/requests/{subject.request}"
        release = f"release {subject.number} of {subject.source}"
        texts = _ROLLBACK_TEXTS if subject.is_rollback else _TEXTS
        text = texts[event].format(user=subject.username, release=release, environment=subject.environment)
        detail = f"{text}\n{page_url(self._platform, subject.workspace, page)}"
        await rows.queue_event(conn, f"deployment_{event}", subject.environment, subject.workspace, detail, channels)


async def prepare(platform: Platform) -> Notices:
    """Read the channels of each event."""
    channels: dict[DeploymentEvent, list[str]] = {}
    try:
        settings = await platform.instance.get(ALERTS)
    except (SecretUnreadable, msgspec.MsgspecError) as error:  # messages must not prevent deployments
        log.warning("channels not read", action="notices", error=str(error))
        return Notices(platform, channels)
    for name, channel in settings.channels.items():
        for event in channel.deployments:
            channels.setdefault(event, []).append(name)
    return Notices(platform, channels)
