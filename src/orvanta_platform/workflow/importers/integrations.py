"""Ready-made scripts of integrations: converted nodes contain the same code as those that the editor offers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orvanta_platform.workflow.importers.findings import Report
from orvanta_platform.workflow.importers.node_values import javascript, rawscript, static


def mail(report: Report, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of a node that sends a mail. Addresses can be a list or a text with commas between them."""
    given = {"to": static(""), "subject": static(""), "text": static(""), **inputs}
    given |= {name: _addresses(given[name]) for name in ("to", "cc") if name in given}
    return rawscript("python3", report.integrations["send_mail"], given)


def slack(report: Report, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of a node that posts a message to Slack."""
    return rawscript("python3", report.integrations["slack_message"], inputs)


def _addresses(given: dict[str, Any]) -> dict[str, Any]:
    """Return the transform of a list of addresses."""
    if given["type"] == "javascript":
        parts = f"[{given['expr']}].flat().join(',').split(',')"
        return javascript(f"{parts}.map(each => each.trim()).filter(each => each)")
    value = given["value"]
    found = value if isinstance(value, list) else str(value or "").split(",")
    return static([each.strip() for each in map(str, found) if each.strip()])
