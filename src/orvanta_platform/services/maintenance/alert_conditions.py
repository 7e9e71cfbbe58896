"""Conditions of alerts about worker groups, lost workers, schedules and tokens."""

from __future__ import annotations

from typing import Final

from orvanta_platform.control.alert_settings import Alerts
from orvanta_platform.control.limits import visible_line
from orvanta_platform.db import alert_conditions as rows
from orvanta_platform.db.alerts import NewAlert
from orvanta_platform.db.pool import Connection
from orvanta_platform.reasons import Reason, reason, restored, stored
from orvanta_platform.services.platform import Platform

PREFIXES: Final = ("group_workers:", "lost_workers:", "missed_schedule:", "expiring_token:")
"""Prefixes of the keys of these alerts."""

LOST_S: Final = 600.0
"""Seconds without a further lost worker after which an alert about lost workers ends."""
OVERDUE_S: Final = 60.0
"""Seconds by which a tick of a schedule must be overdue."""
_MAX: Final = 20
"""Maximum number of schedules of a workspace, and of tokens of an account, with alerts."""


async def find(conn: Connection, platform: Platform, settings: Alerts) -> list[NewAlert]:
    """Return the alerts of all conditions that hold."""
    workers = page_url(platform, platform.settings.workspace, "workers")
    return [
        *await _group_alerts(conn, settings, workers),
        *await _lost_worker_alerts(conn, settings, workers),
        *await _schedule_alerts(conn, platform, settings),
        *await _token_alerts(conn, platform, settings),
    ]


def page_url(platform: Platform, workspace: str, rest: str) -> str:
    """Return the address of a page of a workspace."""
    return f"{platform.settings.base_url.rstrip('/')}/w/{workspace}/{rest}"


async def _group_alerts(conn: Connection, settings: Alerts, page: str) -> list[NewAlert]:
    if not settings.group_workers:
        return []
    present, found = await rows.count_group_workers(conn), []
    for group, minimum in settings.group_workers.items():
        if present.get(group, 0) < minimum:
            count = present.get(group, 0)
            text = reason("alert_group_workers", group=group, count=count, minimum=minimum, page=page)
            found.append(NewAlert(f"group_workers:{group}", "group_workers", group, None, stored(text)))
    return found


async def _lost_worker_alerts(conn: Connection, settings: Alerts, page: str) -> list[NewAlert]:
    if not settings.lost_workers:
        return []
    text = stored(reason("alert_lost_workers", page=page))
    lost = await rows.count_lost_workers(conn, LOST_S)
    return [NewAlert(f"lost_workers:{group}", "lost_workers", group, None, text) for group in lost]


async def _schedule_alerts(conn: Connection, platform: Platform, settings: Alerts) -> list[NewAlert]:
    if not settings.missed_schedules:
        return []
    found = []
    for each in await rows.list_missed_schedules(conn, OVERDUE_S, _MAX):
        page = page_url(platform, each.workspace, "schedules")
        text = _error(each.error, page) if each.error else reason("alert_schedule_overdue", page=page)
        key = f"missed_schedule:{each.workspace}:{each.path}"
        found.append(NewAlert(key, "missed_schedule", f"schedule/{each.path}", each.workspace, stored(text)))
    return found


def _error(error: str, page: str) -> Reason:
    """Return the reason of an alert about a schedule with an error; `cause` is the code of the error, with its values.

    The texts may be those of members, and others trust the alert.
    """
    cause = restored(error)
    values = {name: visible_line(each, 1000) if isinstance(each, str) else each for name, each in cause.values.items()}
    own = {"reason": visible_line(cause.message, 1000), "cause": cause.code, "page": page}
    return reason("alert_schedule_error", **{**values, **own})


async def _token_alerts(conn: Connection, platform: Platform, settings: Alerts) -> list[NewAlert]:
    if settings.token_expiry_days is None:
        return []
    found = []
    for each in await rows.list_expiring_tokens(conn, settings.token_expiry_days, _MAX):
        page = page_url(platform, each.workspace or platform.settings.workspace, "tokens")
        label = visible_line(each.label or "")
        date, token = f"{each.expires_at:%Y-%m-%d}", {"label": label, "prefix": each.prefix, "email": each.email}
        text = reason("alert_expiring_token", **token, date=date, page=page)
        key = f"expiring_token:{each.prefix}:{each.expires_at.timestamp():.0f}"
        found.append(NewAlert(key, "expiring_token", label or each.prefix, None, stored(text)))
    return found
