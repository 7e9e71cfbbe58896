"""Tests of the channels of alerts: a message to one of them, and its outcome."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import audit, instance_settings
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import ALERTS, SMTP
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db import alerts as rows
from orvanta_platform.db.alerts import AlertMessage, ChannelFailure
from orvanta_platform.errors import NotFound
from orvanta_platform.outbound.connection_tests import TIMEOUT_S
from orvanta_platform.services.platform import Platform


class ChannelTestOutcome(msgspec.Struct, frozen=True):
    """Result of a test. `message` is one sentence without the secrets of the channel."""

    success: bool
    message: str
    duration_ms: int


async def list_failures(platform: Platform, actor: Actor) -> list[ChannelFailure]:
    """Return the stored channels whose last message could not be sent, by their names. Raises Forbidden."""
    require(actor, "read_settings", Target(None, "instance"))
    channels = (await platform.instance.get(ALERTS)).channels
    async with platform.db.acquire() as conn:
        return [each for each in await rows.list_failures(conn) if each.channel in channels]


async def run(platform: Platform, actor: Actor, name: str) -> ChannelTestOutcome:
    """Send a test message to a stored channel, once.

    The test is audited. Raises Forbidden, also for tokens with limits, NotFound and SecretUnreadable.
    """
    # Imported here because few servers need the HTTP client.
    from orvanta_platform.outbound.messages import MessageError
    from orvanta_platform.services.maintenance.alert_sender import deliver

    require(actor, "write_settings", Target(None, "instance"))
    refuse_limited(actor, "test settings")
    # Read without the cache, so that a channel or mail server that was stored just now is tested.
    async with platform.db.acquire() as conn:
        channel = (await instance_settings.read(conn, platform.keys, ALERTS)).channels.get(name)
        if channel is None:
            raise NotFound(f"There is no channel {name[:100]}.", hint="Store it in the setting alerts before the test.")
        uses_server = channel.uses_instance_server
        server = await instance_settings.read(conn, platform.keys, SMTP) if uses_server else None
    detail = f"{actor.username} tests the channel {name} of the alerts of Orvanta. No action is required."
    message = AlertMessage(uuid4(), name, "test", name, None, detail, clock.now(), None, 1)
    began = clock.monotonic()
    try:
        await deliver(platform, channel, server, message, TIMEOUT_S)
        outcome, success = "The server accepted the message.", True
    except MessageError as error:
        outcome, success = str(error), False
    async with platform.db.transaction() as conn:
        if success:
            await rows.delete_failure(conn, name)
        parameters = {"channel": name, "success": success}
        await audit.record_instance(conn, actor, "settings.test", "Execute", ALERTS.name, parameters)
    return ChannelTestOutcome(success, outcome, round((clock.monotonic() - began) * 1000))
