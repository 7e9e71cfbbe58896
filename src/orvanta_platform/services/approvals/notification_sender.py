"""Sending of one notification about an open approval by mail, Slack or webhook."""

from __future__ import annotations

import msgspec
import structlog

from orvanta_platform import clock
from orvanta_platform.control import links
from orvanta_platform.control.links import Action, LinkTarget
from orvanta_platform.control.masking import OpenedSecrets
from orvanta_platform.db import notices as rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.notices import Notice
from orvanta_platform.db.runs import RunRow
from orvanta_platform.errors import OrvantaError
from orvanta_platform.orchestrator.secret_access import Identity, open_for
from orvanta_platform.outbound.messages import SEND_FAILURES, MessageError, send_json, send_mail, send_slack
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.services.approvals.links import LINK_LIFETIME
from orvanta_platform.services.platform import Platform

MAX_TRIES = 8
"""Number of attempts, spread over about half an hour, after which a notification is dropped."""

_SHOWN = 500
_PREFIX = "$res:"

_FAILURES: tuple[type[Exception], ...] = (OrvantaError, *SEND_FAILURES)

log = structlog.get_logger(__name__)


async def send_notification(platform: Platform, notice: Notice) -> None:
    """Try to send a notification. It is dropped after it was sent or after the last attempt."""
    async with platform.db.acquire() as conn:
        run = await run_rows.get_live_run(conn, notice.run)
    if run is None:
        return
    opened = OpenedSecrets()
    kind, details = "notified", {"channel": notice.channel, "resource": notice.resource, "tries": notice.tries}
    try:
        await _send(platform, notice, run, opened)
    except _FAILURES as error:
        why = opened.mask_text(f"{type(error).__name__}: {error}")[:_SHOWN]
        log.warning("notice not sent", action="notify", notice=str(notice.id), tries=notice.tries, error=why)
        if notice.tries < MAX_TRIES:
            return
        kind, details = "not_notified", {**details, "error": why}
    async with platform.db.transaction() as conn:
        await rows.delete(conn, notice, kind, msgspec.json.encode(details).decode())


async def _send(platform: Platform, notice: Notice, run: RunRow, opened: OpenedSecrets) -> None:
    path = notice.resource.removeprefix(_PREFIX)
    raw = await open_for(platform, Identity.of_run(run), notice.workspace, "resource", path, opened)
    resource = msgspec.json.decode(raw)
    if not isinstance(resource, dict):
        raise MessageError("the resource is not a JSON object")
    guard = Guard(platform.settings.allowed_networks)
    page = _page(platform, notice, run)
    match notice.channel:
        case "email":
            subject = f"Approval: {run.path or 'preview'} / {notice.node}"
            await send_mail(guard, resource, subject, _text(notice, run, page), str(notice.id))
        case "slack":
            url = resource.get("url") or resource.get("webhook_url")
            await send_slack(guard, url, _text(notice, run, page), str(notice.id))
        case _:
            headers = resource.get("headers")
            body = {
                "run_id": str(run.id),
                "workspace": run.workspace,
                "workflow": run.path,
                "node": notice.node,
                "message": notice.message,
                "approval_page": page,
                "created_by": run.created_by,
            }
            headers = headers if isinstance(headers, dict) else {}
            await send_json(guard, resource.get("url"), body, headers, str(notice.id))


def _page(platform: Platform, notice: Notice, run: RunRow) -> str:
    """Return the address of the page for the recipient. Every attempt uses the same resume id."""
    resume_id = notice.id.int & 0x7FFFFFFF
    until = clock.now() + LINK_LIFETIME
    target = LinkTarget(notice.workspace, run.id, run.seed, notice.job, resume_id)
    signature = links.sign(platform.keys, target, Action.PAGE, until)
    base = platform.settings.base_url.rstrip("/")
    return f"{base}/approve/{notice.workspace}/{notice.job}/{resume_id}/{signature}"


def _text(notice: Notice, run: RunRow, page: str) -> str:
    what = notice.message or f"The workflow {run.path or 'of a preview'} requests a decision at {notice.node}."
    return f"{what}\n\nDecide here: {page}\n\nStarted by {run.created_by}, run {run.id}."
