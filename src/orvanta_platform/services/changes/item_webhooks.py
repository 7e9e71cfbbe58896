"""Webhooks of workspaces: a URL that receives each change of their items, sent at least once with a stable id.

The audit trail is the queue: a webhook stores up to which transaction its changes were sent.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

import msgspec

from orvanta_platform.control import audit, secrets
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, refuse_limited, require
from orvanta_platform.control.secrets import SecretLocation, SecretUnreadable
from orvanta_platform.db import item_webhooks as rows
from orvanta_platform.db.item_webhooks import WebhookRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import BadRequest
from orvanta_platform.services.changes.operations import NOUNS
from orvanta_platform.services.platform import Platform

MAX_LENGTH: Final = 2000
"""Maximum number of characters of a URL."""
_MAX_CONCURRENT: Final = 20
"""Maximum number of webhooks to which one server sends at a time."""


class Webhook(msgspec.Struct, frozen=True):
    """The webhook of a workspace."""

    url: str | None
    """None: it cannot be decrypted."""
    error: str | None
    """Reason why the last attempt to send failed; None: it succeeded."""


async def get_webhook(platform: Platform, actor: Actor, workspace: str) -> Webhook | None:
    """Return the webhook of a workspace; None also if the actor is not an admin. Raises NotFound."""
    require(actor, "read", Target(workspace, "workspace"))
    if not can(actor, "admin", Target(workspace, "workspace")):
        return None
    async with platform.db.acquire() as conn:
        row = await rows.get(conn, workspace)
    return None if row is None else Webhook(_url_of(platform, row), row.error)


async def set_webhook(platform: Platform, actor: Actor, workspace: str, url: str | None) -> None:
    """Set the webhook of a workspace; None removes it. The same URL again changes nothing.

    Raises NotFound, Forbidden, also for tokens with limits, BadRequest.
    """
    require(actor, "admin", Target(workspace, "workspace"))
    refuse_limited(actor, "set the webhook of a workspace", bound=True)
    host = None if url is None else _host_of(url)
    key = None if url is None else await secrets.newest_key(platform.db, platform.keys, workspace)

    async def write(conn: Connection) -> None:
        present = await rows.get(conn, workspace)
        if url == (None if present is None else _url_of(platform, present)) and (url or present is None):
            return
        if url is None or key is None:
            await rows.delete(conn, workspace)
        else:
            await rows.store(conn, workspace, secrets.seal(key, _location(workspace), url.encode()), key.version)
        await audit.record(conn, actor, "workspaces.edit_webhook", "Updated", workspace, {"host": host})

    await platform.db.retrying(write)


async def send_due(platform: Platform) -> int:
    """Try to send one transaction to each webhook that has changes; returns the number of webhooks."""
    async with platform.db.acquire() as conn:
        due = await rows.claim_due(conn, NOUNS, _MAX_CONCURRENT)
        if not due:
            await rows.skip_others(conn, NOUNS)
    if due:
        # Imported here because the HTTP client is loaded only if there is something to send.
        from orvanta_platform.services.changes.item_webhook_sender import send_changes

        await asyncio.gather(*(send_changes(platform, row, _url_of(platform, row)) for row in due))
    return len(due)


def _url_of(platform: Platform, row: WebhookRow) -> str | None:
    """Return the URL of a webhook; None if it cannot be decrypted."""
    try:
        key = secrets.unwrap(platform.keys, row.workspace, row.key)
        return secrets.unseal(key, _location(row.workspace), row.sealed).decode()
    except SecretUnreadable:
        return None


def _location(workspace: str) -> SecretLocation:
    return SecretLocation(workspace, "webhook", workspace)


def _host_of(url: str) -> str:
    """Return the host of a URL that can be a webhook. Raises BadRequest."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    is_printable = url.isascii() and url.isprintable() and " " not in url
    if not host or port == 0 or not is_printable or len(url) > MAX_LENGTH or parts.scheme not in ("https", "http"):
        raise BadRequest("The webhook is not a URL.", hint=f"Use https://host/path of at most {MAX_LENGTH} characters.")
    return host
