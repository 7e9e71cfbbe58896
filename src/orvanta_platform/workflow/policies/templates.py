"""Policies to start from. None is in effect until it is created."""

from __future__ import annotations

from typing import Any, Final

_CALLS: Final = ["rawscript", "script", "webhook"]


def _template(name: str, message: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "scope": "workspace", "mode": "off", "message": message, "rules": list(rules)}


TEMPLATES: Final[tuple[dict[str, Any], ...]] = (
    _template(
        "summary",
        "Describe the purpose in one line.",
        {"kind": "require", "on": "flow", "field": "summary"},
        {"kind": "require", "on": "script", "field": "summary"},
    ),
    _template(
        "owner-label",
        "Add a label such as owner:sales.",
        {"kind": "require", "on": "flow", "field": "labels", "matches": "owner:*"},
        {"kind": "require", "on": "script", "field": "labels", "matches": "owner:*"},
    ),
    _template(
        "node-timeouts",
        "A node without a timeout can block its run.",
        {"kind": "require", "on": "node", "field": "timeout", "node_kinds": _CALLS},
        {"kind": "restrict", "on": "node", "field": "timeout", "maximum": 3600},
    ),
    _template(
        "webhook-retries",
        "Calls of other services fail at times.",
        {"kind": "require", "on": "node", "field": "retry", "node_kinds": ["webhook"]},
    ),
    _template(
        "failure-module",
        "Handle failures of the workflow, for example by a notification.",
        {"kind": "require", "on": "flow", "field": "failure_module"},
    ),
    _template(
        "languages",
        "Ask the platform team about other languages.",
        {"kind": "restrict", "on": "node", "field": "language", "allowed": ["python3", "bun", "bash", "postgresql"]},
        {"kind": "restrict", "on": "script", "field": "language", "allowed": ["python3", "bun", "bash", "postgresql"]},
    ),
    _template(
        "short-inline-code",
        "Long code is easier to test and to reuse as a script.",
        {"kind": "deny", "feature": "inline_code", "maximum_lines": 50},
    ),
    _template(
        "pinned-scripts",
        "A pinned version does not change under the workflow.",
        {"kind": "deny", "feature": "unpinned_script"},
    ),
    _template(
        "no-secret-literals",
        "Store the secret in a variable and refer to it by $var:.",
        {"kind": "deny", "feature": "secret_literal"},
    ),
    _template(
        "webhook-hosts",
        "Replace the pattern by the hosts of your organisation.",
        {"kind": "restrict", "on": "node", "field": "host", "allowed": ["*.example.com"]},
    ),
    _template(
        "default-timeouts",
        "Set a timeout in nodes that take longer.",
        {"kind": "default", "on": "node", "field": "timeout", "value": 3600},
        {"kind": "default", "on": "script", "field": "timeout", "value": 3600},
    ),
    _template(
        "workflow-tests",
        "Save a run as a test, and correct the workflow or the test if it fails.",
        {"kind": "require", "on": "flow", "field": "tests"},
    ),
    _template(
        "waiting-runs",
        "A full queue delays the runs of everybody in the workspace.",
        {"kind": "limit", "resource": "runs_waiting", "maximum": 10_000},
    ),
    _template(
        "workspace-size",
        "One workspace must not use up what all share.",
        {"kind": "limit", "resource": "runs_concurrent", "maximum": 1_000},
        {"kind": "limit", "resource": "file_bytes", "maximum": 50 * 2**30},
    ),
)
"""Templates, as data."""
