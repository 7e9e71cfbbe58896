"""Schedules and HTTP triggers of converted workflows. They are disabled, so that a push starts nothing by itself."""

from __future__ import annotations

import re
from typing import Any, Final

from orvanta_platform.workflow.importers.findings import Report, slug
from orvanta_platform.workflow.tree.item import Item

_OTHER: Final = re.compile(r"[^A-Za-z0-9_.~-]+")
_PARAMETER: Final = re.compile(r":[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAX_PART: Final = 60
_MAX_PARTS: Final = 8


def schedule(report: Report, name: str, cron: str, timezone: str, args: dict[str, Any], number: int = 0) -> Item:
    """Return the disabled schedule of a trigger, and report how it is enabled. `number` counts those of a trigger."""
    report.add(
        name,
        "prepare",
        "The schedule is disabled.",
        "Test the workflow, then set enabled to true in the file of the schedule, and push.",
    )
    content = {
        "summary": name,
        "schedule": cron,
        "timezone": timezone,
        "enabled": False,
        "script_path": report.path,
        "is_flow": True,
        "args": args,
    }
    path = f"{report.path}_{slug(name)}"
    return Item("schedule", path if number == 0 else f"{path}_{number + 1}", content)


def http_trigger(report: Report, name: str, address: str, method: str, *, sync: bool) -> Item:
    """Return the disabled HTTP trigger of a webhook, which requires a token, and report how it is enabled."""
    parts = [part for each in address.split("/") if (part := _route_part(each))][:_MAX_PARTS]
    unique = [part for index, part in enumerate(parts) if part[0] != ":" or part not in parts[:index]]
    route = "/".join(unique) or slug(name)
    report.add(
        name,
        "prepare",
        f"The address changes to /api/r/<workspace>/{route}; the HTTP trigger requires a token and is disabled.",
        "Set authentication_method in its file if its callers prove themselves otherwise, then mode to enabled, and "
        "push. Tell the callers the new address.",
    )
    content = {
        "summary": name,
        "script_path": report.path,
        "is_flow": True,
        "route_path": route,
        "http_method": method,
        "workspaced_route": True,
        "mode": "disabled",
        "request_type": "sync" if sync else "async",
        "authentication_method": "orvanta",
        "wrap_body": True,
    }
    return Item("http_trigger", f"{report.path}_{slug(name)}", content)


def _route_part(text: str) -> str:
    """Return a part of a route in the characters that routes have; parts that consist of dots are left out."""
    if _PARAMETER.fullmatch(text):
        return text
    part = _OTHER.sub("-", text).strip("-")[:_MAX_PART]
    return part if part.strip(".") else ""
