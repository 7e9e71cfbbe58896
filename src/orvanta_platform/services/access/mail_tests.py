"""Tests of the mail server of the instance: a mail to an address that a superadmin names."""

from __future__ import annotations

from typing import Any

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import audit, instance_settings, names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import SMTP
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.control.mail_settings import MailSettings
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.control.permissions import Target, refuse_limited, require
from orvanta_platform.db.pool import Database
from orvanta_platform.errors import BadRequest
from orvanta_platform.outbound import connection_tests
from orvanta_platform.outbound.connection_tests import TestFailed
from orvanta_platform.outbound.smtp import MailServer
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.services.access.instance_settings import complete
from orvanta_platform.settings import Settings

_SUBJECT = "Test of the mail server of Orvanta"


class MailTestOutcome(msgspec.Struct, frozen=True):
    """Result of a test. `message` is one sentence with the reply of the server, without the password."""

    success: bool
    message: str
    duration_ms: int


async def run(
    db: Database, settings: Settings, keys: InstanceKeys, actor: Actor, to: str, value: Any = None
) -> MailTestOutcome:
    """Send a mail with the stored mail server, or with one that is not stored yet (`value`, as in the setting `smtp`).

    The test is audited. Raises Forbidden, also for tokens with limits, and BadRequest for an invalid address or value,
    or if there is no mail server.
    """
    require(actor, "write_settings", Target(None, "instance"))
    refuse_limited(actor, "test settings")
    to = names.check_email(to)
    config = await _stored(db, keys) if value is None else await complete(db, keys, actor, SMTP, value)
    if config is None:
        raise BadRequest("The instance has no mail server.", hint="Set the setting smtp, or send a server to test.")
    began = clock.monotonic()
    server = MailServer(config.host, config.port, config.sender, config.user, config.password, config.tls)
    text = f"{actor.username} tests the mail server {config.host} of Orvanta, the platform for workflows.\n"
    try:
        guard = Guard((*settings.allowed_networks, *config.networks))
        reply = await connection_tests.send_mail(guard, server, to, _SUBJECT, text)
        message, success = f"The mail server accepted the mail: {reply}.", True
    except TestFailed as error:
        message, success = str(error), False
    # A server may send back what it received.
    message = OpenedSecrets(filter(None, [config.password])).mask_text(message)
    async with db.transaction() as conn:
        parameters = {"to": to, "host": config.host, "success": success}
        await audit.record_instance(conn, actor, "settings.test", "Execute", SMTP.name, parameters)
    return MailTestOutcome(success, message, round((clock.monotonic() - began) * 1000))


async def _stored(db: Database, keys: InstanceKeys) -> MailSettings | None:
    async with db.acquire() as conn:
        return await instance_settings.read(conn, keys, SMTP)
