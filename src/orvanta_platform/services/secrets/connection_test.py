"""Tests of the connection of a resource, by the server, with the secrets of the resource."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import audit
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import resources
from orvanta_platform.errors import BadRequest
from orvanta_platform.orchestrator.interpolation import Interpolation
from orvanta_platform.outbound import connection_tests
from orvanta_platform.outbound.connection_tests import TESTS, TestFailed
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.services.access.items import require_item
from orvanta_platform.services.platform import Platform


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a test. `message` is one sentence without secrets."""

    success: bool
    message: str
    duration_ms: int


async def run(platform: Platform, actor: Actor, workspace: str, path: str) -> Outcome:
    """Connect to the server that a resource names, as far as its type has a test.

    Secrets of the resource, and of the variables that it refers to, are opened for this, which is audited. Raises
    NotFound, Forbidden, BadRequest for a type without a test, SecretUnreadable.
    """
    async with platform.db.transaction() as conn:
        row = require_item(actor, "test", workspace, "resource", path, await resources.get(conn, workspace, path))
        if row.resource_type not in TESTS:
            raise BadRequest(
                f"Resources of the type {row.resource_type} cannot be tested.",
                hint=f"The types with a test are {', '.join(TESTS)}.",
            )
        reading = Interpolation(platform, conn, actor, workspace, opens=True)
        value = msgspec.json.decode(await reading.value("resource", path))
        for secret in reading.secrets:
            await audit.record(conn, actor, f"{secret.kind}s.open", "Execute", secret.path, {"test": path})
        await audit.record(conn, actor, "resources.test", "Execute", path)
    if not isinstance(value, dict):
        return Outcome(False, "The value of the resource is not an object.", 0)
    began = clock.monotonic()
    try:
        guard = Guard(platform.settings.allowed_networks)
        message, success = await connection_tests.test(guard, row.resource_type, value), True
    except TestFailed as error:
        message, success = str(error), False
    return Outcome(success, message, round((clock.monotonic() - began) * 1000))
