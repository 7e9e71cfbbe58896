"""Triggers of n8n as schedules and HTTP triggers."""

from __future__ import annotations

from typing import Any, Final

from orvanta_platform.workflow.importers.findings import Report, record, records
from orvanta_platform.workflow.importers.n8n_expressions import time_zone
from orvanta_platform.workflow.importers.n8n_graph import Graph, Node
from orvanta_platform.workflow.importers.trigger_items import http_trigger, schedule
from orvanta_platform.workflow.tree.item import Item

MANUAL: Final = frozenset({"manualTrigger", "start", "executeWorkflowTrigger", "chatTrigger", "formTrigger"})
TIMED: Final = frozenset({"scheduleTrigger", "cron", "interval"})
_PAGES: Final = {"chatTrigger": "chat", "formTrigger": "form"}
"""Triggers with a page for people, by kind."""
_KNOWN: Final = MANUAL | TIMED | {"webhook", "errorTrigger"}
_ROWS: Final = {"scheduleTrigger": "rule", "cron": "triggerTimes"}


def is_trigger(node: Node) -> bool:
    """Return whether a node starts a workflow."""
    return node.kind in _KNOWN or node.kind.endswith("Trigger")


def is_disabled(node: Node) -> bool:
    """Return whether a node is switched off."""
    return node.settings.get("disabled") is True


def trigger_items(graph: Graph, workflow: dict[str, Any], report: Report) -> list[Item]:
    """Return the schedules and HTTP triggers of a workflow."""
    found: list[Item] = []
    for node in graph.nodes.values():
        if not is_trigger(node):
            continue
        if is_disabled(node):
            node.parameters.read_all()
            continue
        if node.kind in TIMED:
            found += _schedules(node, workflow, report)
        elif node.kind == "webhook":
            found.append(_http_trigger(node, report))
        elif node.kind in _PAGES:
            node.parameters.read_all()
            report.add(
                node.name,
                "not_converted",
                f"The {_PAGES[node.kind]} of the trigger has no equivalent.",
                "Start the workflow by hand with the inputs of its form, or by an HTTP trigger.",
            )
        elif node.kind not in MANUAL:
            node.parameters.read_all()
            report.add(
                node.name,
                "not_converted",
                f"The trigger {node.kind} has no equivalent.",
                "Start the workflow by a schedule or an HTTP trigger.",
            )
    return found


def _http_trigger(node: Node, report: Report) -> Item:
    found = node.parameters
    method = found.get("httpMethod", "GET")
    if isinstance(method, list) and len(method) > 1:
        report.add(
            node.name,
            "not_converted",
            f"The webhook has several methods; the HTTP trigger has the first one, {method[0]}.",
            "Add an HTTP trigger for each of the others.",
        )
    method = str(method[0] if isinstance(method, list) and method else method).lower()
    method = method if method in ("get", "post", "put", "patch", "delete") else "post"
    sync = found.get("responseMode", "onReceived") != "onReceived"
    return http_trigger(report, node.name, str(found.get("path") or ""), method, sync=sync)


def _schedules(node: Node, workflow: dict[str, Any], report: Report) -> list[Item]:
    zone = time_zone(workflow)
    lines = _lines(node, report)
    if zone is None and any(_has_hour(line) for line in lines):
        report.add(
            node.name,
            "differs",
            "The workflow has no time zone: in n8n it has that of the installation, here the schedule has UTC.",
            "Set timezone in the file of the schedule.",
        )
    return [schedule(report, node.name, line, zone or "UTC", {}, number) for number, line in enumerate(lines)]


def _has_hour(line: str) -> bool:
    """Return whether a cron expression, of five or six fields, is limited to some hours."""
    fields = line.split()
    return len(fields) > 3 and not fields[-4].startswith("*")


def _lines(node: Node, report: Report) -> list[str]:
    """Return the cron expressions of a trigger."""
    found = node.parameters
    if node.kind == "interval":
        rows = [{"field": found.get("unit", "seconds"), "value": found.get("interval", 1)}]
    else:
        group = record(found.get(_ROWS[node.kind]))
        rows = records(group.get("interval", group.get("item"))) or [{}]
    lines = []
    for row in rows:
        line = _line(row) if node.kind != "cron" else _old_line(row)
        if line is None:
            report.add(
                node.name,
                "not_converted",
                f"The interval {row.get('field', row.get('mode'))} has no cron expression.",
                "Create a schedule for it.",
            )
        else:
            lines.append(line)
    return lines


def _number(row: dict[str, Any], name: str, default: int) -> int:
    value = row.get(name, default)
    return value if isinstance(value, int) and 0 <= value < 10_000 else default


def _step(row: dict[str, Any], name: str, default: int, period: int) -> str | None:
    """Return the field of a cron expression for every n units; None if n does not divide the period."""
    every = _number(row, name, default)
    if every == 1:
        return "*"
    return f"*/{every}" if every and period % every == 0 else None


def _line(row: dict[str, Any]) -> str | None:
    minute, hour = _number(row, "triggerAtMinute", 0), _number(row, "triggerAtHour", 0)
    match row.get("field", "days"):
        case "cronExpression":
            return str(row.get("expression", "")).removeprefix("=").strip() or None
        case "seconds":
            step = _step(row, "secondsInterval" if "secondsInterval" in row else "value", 30, 60)
            return step and f"{step} * * * * *"
        case "minutes":
            step = _step(row, "minutesInterval" if "minutesInterval" in row else "value", 5, 60)
            return step and f"{step} * * * *"
        case "hours":
            step = _step(row, "hoursInterval" if "hoursInterval" in row else "value", 1, 24)
            return step and f"{minute} {step} * * *"
        case "days":
            return f"{minute} {hour} * * *" if _number(row, "daysInterval", 1) == 1 else None
        case "weeks":
            days = row.get("triggerAtDay", [0])
            named = ",".join(str(day) for day in days if isinstance(day, int)) if isinstance(days, list) else ""
            return f"{minute} {hour} * * {named or '*'}" if _number(row, "weeksInterval", 1) == 1 else None
        case "months":
            step = _step(row, "monthsInterval", 1, 12)
            return step and f"{minute} {hour} {_number(row, 'triggerAtDayOfMonth', 1)} {step} *"
    return None


def _old_line(row: dict[str, Any]) -> str | None:
    minute, hour = _number(row, "minute", 0), _number(row, "hour", 14)
    match row.get("mode", "everyDay"):
        case "custom":
            return str(row.get("cronExpression", "")).strip() or None
        case "everyMinute":
            return "* * * * *"
        case "everyHour":
            return f"{minute} * * * *"
        case "everyDay":
            return f"{minute} {hour} * * *"
        case "everyWeek":
            return f"{minute} {hour} * * {row.get('weekday', 1)}"
        case "everyMonth":
            return f"{minute} {hour} {_number(row, 'dayOfMonth', 1)} * *"
        case "everyX":
            return _line({"field": row.get("unit", "hours"), "value": row.get("value", 2)})
    return None
