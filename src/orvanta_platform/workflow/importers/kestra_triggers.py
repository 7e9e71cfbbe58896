"""Triggers of Kestra as schedules and HTTP triggers."""

from __future__ import annotations

from typing import Any, Final

from orvanta_platform.workflow.importers.findings import record, records
from orvanta_platform.workflow.importers.kestra_tasks import kind_of
from orvanta_platform.workflow.importers.kestra_templates import TemplateContext, has_template
from orvanta_platform.workflow.importers.node_values import has_reference
from orvanta_platform.workflow.importers.source_settings import SourceSettings, report_unread
from orvanta_platform.workflow.importers.trigger_items import http_trigger, schedule
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


_IGNORED: Final = frozenset({"id", "type", "description", "disabled", "key", "logLevel", "withSeconds"})


def trigger_items(tree: dict[str, Any], context: TemplateContext) -> list[Item]:
    """Return the schedules and HTTP triggers of a flow."""
    found = []
    for row in map(SourceSettings, records(tree.get("triggers"))):
        name = str(row.get("id", "trigger"))
        kind = kind_of(row).rpartition(".")[2]
        if kind == "Schedule" and isinstance(row.get("cron"), str):
            found.append(_schedule(name, row, context))
        elif kind == "Webhook":
            address = f"{str(tree['id']).replace('/', '-')}/{name.replace('/', '-')}"  # the key is a secret
            found.append(http_trigger(context.report, name, address, "post", sync=row.get("wait") is True))
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
        report_unread(context.report, name, row, _IGNORED)
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
    zone = row["timezone"] if isinstance(row.get("timezone"), str) else "UTC"
    args = {key: value for key, value in inputs.items() if not (has_template(value) or has_reference(value))}
    return schedule(context.report, name, _NAMED.get(cron, cron), zone, args)
