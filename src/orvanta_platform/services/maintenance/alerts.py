"""Alerts: conditions of the installation that are sent once when they begin, and once when they end.

Conditions are compared with the stored alerts in one transaction under a lock, so that any number of servers may do it.
Limits have a second, easier value at which an alert ends, so that a value near the limit does not repeat it.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Sequence
from uuid import UUID

from orvanta_platform.control import limits
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.alert_settings import Alerts
from orvanta_platform.control.instance_settings import ALERTS
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.db import alerts as rows
from orvanta_platform.db import metrics, worker_views
from orvanta_platform.db.alerts import AlertRow, LastOutcome, NewAlert
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.worker_views import QueueRow
from orvanta_platform.queue.claim import is_pinned
from orvanta_platform.reasons import reason, stored
from orvanta_platform.services.maintenance import alert_conditions
from orvanta_platform.services.maintenance.alert_conditions import page_url
from orvanta_platform.services.platform import Platform
from orvanta_platform.units import size_text

_SHARED = ("queue_age:", "no_worker:", "database:", *alert_conditions.PREFIXES)
_FAILING = "failing:"
_DISK = "disk:"
_MAX_SHOWN = 500
_MAX_QUEUES = 20
"""Maximum number of queues with an alert of a kind of their own. One further alert counts the others."""
_PACED = frozenset({"missed_schedule", "expiring_token"})
_EARLY_S = 1.0
_DISK_MARGIN = 2
"""Percentage points above the limit at which the alert of a disk ends."""


async def list_alerts(platform: Platform, actor: Actor) -> list[AlertRow]:
    """Return the alerts that are raised, the oldest first. Raises Forbidden."""
    require(actor, "see_all_workers", Target(None, "instance"))
    async with platform.db.acquire() as conn:
        return await rows.list_all(conn, _MAX_SHOWN)


async def await_check(platform: Platform, wait_s: float) -> bool:
    """Return whether `check` may have anything to do, after about `wait_s` seconds."""
    async with platform.polls.turn(wait_s, after_s=wait_s - _EARLY_S) as conn:
        return await rows.is_check_needed(conn)


async def check(platform: Platform) -> None:
    """Compare the conditions with the alerts, and queue messages about differences."""
    settings = await platform.instance.get(ALERTS)
    async with platform.db.acquire() as conn:
        # A channel that is deleted and created again begins without a failure.
        await rows.delete_failures_of_others(conn, [*settings.channels])
    if not settings.channels:
        async with platform.db.acquire() as conn:
            if left := await rows.list_keys(conn, [""]):
                await rows.end_alerts(conn, sorted(left), [])
        return
    disk = f"{_DISK}{socket.gethostname()}"

    async def compare(conn: Connection) -> None:
        await rows.lock(conn, "conditions")
        listed = await rows.list_keys(conn, [*_SHARED, disk])
        # The name of another server may begin with that of this one.
        raised = {key for key in listed if key == disk or not key.startswith(_DISK)}
        found = [
            *_queue_alerts(platform, settings, await worker_views.list_queues(conn, None), raised),
            *await _database_alerts(conn, platform, settings, raised),
            *await alert_conditions.find(conn, platform, settings),
            *_disk_alerts(platform, settings, disk, raised),
        ]
        new = [each for each in found if each.key not in raised]
        admitted = [each for each in new if each.kind not in _PACED or _may_begin(platform, each)]
        await rows.raise_alerts(conn, admitted, [*settings.channels])
        ended = raised - {each.key for each in found}
        if not settings.failing_workflows:
            ended |= await rows.list_keys(conn, [_FAILING])
        await rows.end_alerts(conn, sorted(ended), [*settings.channels])

    await platform.db.retrying(compare)


async def record_outcomes(platform: Platform, runs: Sequence[UUID]) -> None:
    """Raise and end the alerts of the workflows and scripts of these runs, which have ended."""
    settings = await platform.instance.get(ALERTS)
    if not runs or not settings.channels or not settings.failing_workflows:
        return

    async def write(conn: Connection) -> None:
        await rows.lock(conn, "outcomes")
        outcomes = await rows.list_last_outcomes(conn, runs)
        failing = [
            NewAlert(
                f"{_FAILING}{each.workspace}:{each.kind}:{each.path}",
                "failing_workflow",
                f"{each.kind}/{each.path}",
                each.workspace,
                _failure_text(platform, each),
            )
            for each in outcomes
            if each.failed
        ]
        succeeding = [f"{_FAILING}{each.workspace}:{each.kind}:{each.path}" for each in outcomes if not each.failed]
        raised = await rows.list_keys(conn, [each.key for each in failing])
        admitted = [each for each in failing if each.key not in raised and _may_begin(platform, each)]
        await rows.raise_alerts(conn, admitted, [*settings.channels])
        await rows.end_alerts(conn, succeeding, [*settings.channels])

    await platform.db.retrying(write)


def _may_begin(platform: Platform, alert: NewAlert) -> bool:
    """Return whether an alert that members can cause may begin now: at most 30 at once, then one a minute.

    One that may not begins later, if its condition still holds, or with the next failure.
    """
    return not platform.alert_rate.take(f"{alert.kind} {alert.workspace or ''}")


def _failure_text(platform: Platform, outcome: LastOutcome) -> str:
    summary = f" ({limits.visible_line(outcome.summary)})" if outcome.summary else ""
    page = page_url(platform, outcome.workspace, f"runs/{outcome.run}")
    return stored(reason("alert_failing", kind=outcome.kind, path=f"{outcome.path}{summary}", page=page))


def _queue_alerts(platform: Platform, settings: Alerts, queues: Sequence[QueueRow], raised: set[str]) -> list[NewAlert]:
    page = page_url(platform, platform.settings.workspace, "workers")
    waiting = [each for each in queues if each.oldest_s is not None and not is_pinned(each.queue)]
    waiting.sort(key=lambda each: -(each.oldest_s or 0.0))
    late, unserved = [], []
    for each in waiting:
        name, oldest_s = limits.visible_line(each.queue), each.oldest_s or 0.0
        key = f"queue_age:{each.queue}"
        if settings.queue_age_s and oldest_s > settings.queue_age_s / (2 if key in raised else 1):
            figures = {"count": each.waiting, "seconds": settings.queue_age_s, "workers": each.workers}
            text = reason("alert_queue_age", queue=name, **figures, page=page)
            late.append(NewAlert(key, "queue_age", name, None, stored(text)))
        if settings.no_worker_s and not each.workers and oldest_s > settings.no_worker_s:
            text = reason("alert_no_worker", queue=name, count=each.waiting, page=page)
            unserved.append(NewAlert(f"no_worker:{each.queue}", "no_worker", name, None, stored(text)))
    return [*_few(platform, late, raised, page), *_few(platform, unserved, raised, page)]


def _few(platform: Platform, found: Sequence[NewAlert], raised: set[str], page: str) -> list[NewAlert]:
    """Return the alerts of some queues, those that are raised first, and one for all other queues.

    Any member can name queues, and each alert is a message.
    """
    shown = [each for each in found if each.key in raised][:_MAX_QUEUES]
    for each in found:
        if each.key not in raised and len(shown) < _MAX_QUEUES and _may_begin(platform, each):
            shown.append(each)
    left = len(found) - len(shown)
    if left:
        kind = found[0].kind
        text = stored(reason("alert_other_queues", count=left, page=page))
        shown.append(NewAlert(f"{kind}:", kind, "(others)", None, text))
    return shown


async def _database_alerts(conn: Connection, platform: Platform, settings: Alerts, raised: set[str]) -> list[NewAlert]:
    limit, key = settings.database_bytes, "database:size"
    if limit is None:
        return []
    size = (await metrics.get_database_figures(conn)).size
    if size <= limit * (0.95 if key in raised else 1):
        return []
    text = reason("alert_database_size", size=size_text(size), limit=size_text(limit))
    return [NewAlert(key, "database_size", "database", None, stored(text))]


def _disk_alerts(platform: Platform, settings: Alerts, key: str, raised: set[str]) -> list[NewAlert]:
    limit, host = settings.disk_free_percent, key.removeprefix("disk:")
    usage = shutil.disk_usage(platform.settings.home)
    free = 100 * usage.free / usage.total
    if limit is None or free >= limit + (_DISK_MARGIN if key in raised else 0):
        return []
    text = reason("alert_disk", percent=f"{free:.1f}", host=host)
    return [NewAlert(key, "disk", host, None, stored(text))]
