"""Triggers of Kestra as schedules and HTTP triggers."""

from __future__ import annotations

import re
from typing import Any, Final

from orvanta_platform.workflow.conversion.findings import record, records, slug
from orvanta_platform.workflow.conversion.kestra_tasks import kind_of
from orvanta_platform.workflow.conversion.kestra_templates import TemplateContext, has_template
from orvanta_platform.workflow.conversion.node_values import has_reference
from orvanta_platform.workflow.tree.item import Item

_NAMED: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PART: Final = re.compile(r"[^A-Za-z0-9_.~-]+")


def trigger_items(tree: dict[str, Any], context: TemplateContext) -> list[Item]:
    """Return the schedules and HTTP triggers of a flow."""
    found = []
    for row in records(tree.get("triggers")):
        name = str(row.get("id", "trigger"))
        kind = kind_of(row).rpartition(".")[2]
        if kind == "Schedule" and isinstance(row.get("cron"), str):
            found.append(_schedule(name, row, context))
        elif kind == "Webhook":
            found.append(_webhook(name, row, tree, context))
        else:
            context.report.add(
                name,
                "not_converted",
                f"The trigger {row.get('type')} has no equivalent.",
                "Start the workflow by a schedule, an HTTP trigger or a call of another workflow.",
            )
            continue
        if row.get("conditions"):
            context.report.add(
                name,
                "not_converted",
                "The conditions of the trigger have no equivalent.",
                "End the run early with skip_expr of the workflow.",
            )
    return found


def _schedule(name: str, row: dict[str, Any], context: TemplateContext) -> Item:
    inputs = record(row.get("inputs"))
    if has_template(inputs):
        context.report.add(
            name,
            "not_converted",
            "Inputs of a schedule are constants; those with expressions are left out.",
            "Compute them in the workflow.",
        )
    if has_reference(inputs):
        context.report.add(
            name,
            "not_converted",
            "Inputs of a schedule that begin with $var: or $res: would be references; they are left out.",
            "Add them to the schedule if they are to be opened.",
        )
    cron = row["cron"].strip()
    content = {
        "summary": name,
        "schedule": _NAMED.get(cron, cron),
        "timezone": row["timezone"] if isinstance(row.get("timezone"), str) else "UTC",
        "enabled": row.get("disabled") is not True,
        "script_path": context.report.path,
        "is_flow": True,
        "args": {key: value for key, value in inputs.items() if not (has_template(value) or has_reference(value))},
    }
    return Item("schedule", f"{context.report.path}_{slug(name)}", content)


def _webhook(name: str, row: dict[str, Any], tree: dict[str, Any], context: TemplateContext) -> Item:
    key = row.get("key")
    open = isinstance(key, str) and key != "" and not has_template(key)
    parts = [_PART.sub("-", str(each)).strip("-") for each in (tree["id"], key if open else name)]
    route = "/".join(part or "hook" for part in parts)
    context.report.add(
        name, "prepare", f"The address changes to /api/r/<workspace>/{route}.", "Tell the callers the new address."
    )
    if not open:
        context.report.add(
            name,
            "prepare",
            "The key of the webhook is a secret; the HTTP trigger requires a token instead.",
            "Set authentication_method and its resource in the file of the HTTP trigger.",
        )
    content = {
        "summary": name,
        "script_path": context.report.path,
        "is_flow": True,
        "route_path": route,
        "http_method": "post",
        "workspaced_route": True,
        "mode": "disabled" if row.get("disabled") is True else "enabled",
        "request_type": "sync" if row.get("wait") is True else "async",
        "authentication_method": "none" if open else "orvanta",
        "wrap_body": True,
    }
    return Item("http_trigger", f"{context.report.path}_{slug(name)}", content)
