"""Sending of the changes of one transaction to the webhook of a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import structlog

from orvanta_platform.db import changes
from orvanta_platform.db import item_webhooks as rows
from orvanta_platform.db.changes import ChangeRow
from orvanta_platform.db.item_webhooks import WebhookRow
from orvanta_platform.outbound.messages import SEND_FAILURES, MessageError, send_json
from orvanta_platform.outbound.ssrf import AddressRefused, Guard
from orvanta_platform.services.changes.operations import NOUNS, key_of, parameters_of
from orvanta_platform.services.platform import Platform

MAX_TRIES: Final = 8
"""Number of attempts, spread over about an hour, after which the changes of a transaction are dropped."""
MAX_CHANGES: Final = 1000
"""Maximum number of changes that a request lists."""

log = structlog.get_logger(__name__)


async def send_changes(platform: Platform, row: WebhookRow, url: str | None) -> None:
    """Try to send the next transaction of a webhook. It is dropped after the last attempt.

    `url`: None if it cannot be decrypted.
    """
    async with platform.db.acquire() as conn:
        horizon = await changes.get_horizon(conn)
        found = await changes.list_changes(conn, row.workspace, row.position, horizon, NOUNS, MAX_CHANGES + 1)
    if not found:
        return
    first, error = [each for each in found if each.xid == found[0].xid], None
    try:
        await _send(platform, row, url, first)
    except SEND_FAILURES as failure:
        # Texts of other errors may contain the URL, which is a secret.
        is_plain = isinstance(failure, MessageError | AddressRefused)
        error = f"The last change was not sent: {failure if is_plain else type(failure).__name__}."
        log.warning("change not sent", action="webhook", workspace=row.workspace, tries=row.tries, error=error)
    async with platform.db.acquire() as conn:
        if error is not None and row.tries < MAX_TRIES:
            await rows.set_error(conn, row, error)
        else:
            await rows.advance(conn, row, first[0].xid + 1, error)


async def _send(platform: Platform, row: WebhookRow, url: str | None, transaction: Sequence[ChangeRow]) -> None:
    listed = [found for each in transaction[:MAX_CHANGES] if (found := _change(each)) is not None]
    if not listed:
        return
    if url is None:
        raise MessageError("the URL cannot be decrypted, so set it again")
    head, id = transaction[0], f"{row.workspace}-{transaction[0].xid}"
    messages = [parameters_of(each).get("message") for each in transaction]
    body = {
        "id": id,
        "workspace": row.workspace,
        "at": head.at,
        "by": head.actor,
        "message": next((each for each in messages if each), None),
        "changes": listed,
        "has_more": len(transaction) > MAX_CHANGES,
    }
    await send_json(Guard(platform.settings.allowed_networks), url, body, {}, id)


def _change(row: ChangeRow) -> dict[str, Any] | None:
    """Return the entry of a request for a change; None for a row that names no item."""
    parameters = parameters_of(row)
    key = key_of(row, parameters)
    if key is None:
        return None
    change = {"operation": row.operation, "kind": key[0], "path": key[1]}
    moved = [each for each in parameters.get("moved") or () if (each["kind"], each["path"]) == key]
    # A rename of one item has its new path in `path` or `to`; the path of an item in an ACL is no target.
    target = moved[0]["to"] if moved else parameters.get("to") or parameters.get("path")
    if isinstance(target, str) and target != key[1] and not row.operation.startswith("acls."):
        change["to"] = target
    return change if parameters.get("version") is None else {**change, "version": parameters["version"]}
