"""Tests of the connection of a resource, by the server, with the secrets of the resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import audit, identity
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.db import resources
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest, Forbidden, RateLimited
from orvanta_platform.orchestrator.interpolation import Interpolation, references
from orvanta_platform.outbound import connection_tests
from orvanta_platform.outbound.connection_tests import TESTS, TestFailed
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.services.access.items import require_item
from orvanta_platform.services.platform import Platform

MAX_PER_MEMBER: Final = 2
"""Maximum number of concurrent tests of a member."""
MAX_PER_PROCESS: Final = 8
RETRY_AFTER_S: Final = 5

_running: Counter[str] = Counter()
"""Tests in progress by the address of their member."""


class ConnectionTestOutcome(msgspec.Struct, frozen=True):
    """Result of a test. `message` is one sentence without secrets."""

    success: bool
    message: str
    duration_ms: int


async def run(platform: Platform, actor: Actor, workspace: str, path: str) -> ConnectionTestOutcome:
    """Connect to the server that a resource names, if its type has a test.

    Secrets of the resource, and of the variables that it refers to, are opened for this, which is audited. Raises
    NotFound, Forbidden, BadRequest for a type without a test, SecretUnreadable, RateLimited.
    """
    with _slot(actor):
        return await _run(platform, actor, workspace, path)


@contextmanager
def _slot(actor: Actor) -> Iterator[None]:
    """Count a test while it is in progress: it occupies a connection to a server that a user chose."""
    if _running[actor.email] >= MAX_PER_MEMBER or _running.total() >= MAX_PER_PROCESS:
        raise RateLimited(
            "Too many tests of connections are in progress.",
            hint=f"Wait for one of them to end; a member has at most {MAX_PER_MEMBER} at once.",
            details={"retry_after_s": RETRY_AFTER_S},
        )
    _running[actor.email] += 1
    try:
        yield
    finally:
        _running[actor.email] -= 1
        if not _running[actor.email]:
            del _running[actor.email]


async def _run(platform: Platform, actor: Actor, workspace: str, path: str) -> ConnectionTestOutcome:
    async with platform.db.transaction() as conn:
        row = require_item(actor, "test", workspace, "resource", path, await resources.get(conn, workspace, path))
        if row.resource_type not in TESTS:
            raise BadRequest(
                f"Resources of the type {row.resource_type} cannot be tested.",
                hint=f"The types with a test are {', '.join(TESTS)}.",
            )
        await _require_references(platform, conn, actor, workspace, path)
        reading = Interpolation(platform, conn, actor, workspace, opens=True)
        value = msgspec.json.decode(await reading.value("resource", path))
        for secret in reading.secrets:
            await audit.record(conn, actor, f"{secret.kind}s.open", "Execute", secret.path, {"test": path})
        await audit.record(conn, actor, "resources.test", "Execute", path)
    if not isinstance(value, dict):
        return ConnectionTestOutcome(False, "The value of the resource is not an object.", 0)
    began = clock.monotonic()
    try:
        guard = Guard(platform.settings.allowed_networks)
        message, success = await connection_tests.test(guard, row.resource_type, value), True
    except TestFailed as error:
        # A server may send back what it received.
        opened = OpenedSecrets(text for secret in reading.secrets for text in secret.texts)
        message, success = opened.mask_text(str(error)), False
    return ConnectionTestOutcome(success, message, round((clock.monotonic() - began) * 1000))


async def _require_references(platform: Platform, conn: Connection, actor: Actor, workspace: str, path: str) -> None:
    """Check that the last editor of a resource, who chose the server, may read what it refers to. Raises Forbidden.

    The test resolves the references for its caller, who may be able to read more.
    """
    raw = await Interpolation(platform, conn, actor, workspace, opens=True).own_value(path)
    referred = references(raw)
    if not referred:
        return
    editor, email = await resources.get_editor(conn, workspace, path)
    if editor == actor.username:
        return
    person = await identity.actor_of_run(conn, workspace, f"u/{editor}", email) if email else None
    if person is None:
        hidden: str | None = "the {} {}".format(*referred[0])
    else:
        hidden = await Interpolation(platform, conn, person, workspace, opens=True).first_unreadable(raw)
    if hidden is not None:
        raise Forbidden(
            f"The resource refers to {hidden}, which its last editor {editor} may not read.",
            hint="Check the server that it names, and store its value again.",
        )
