"""Approval policies of approval nodes and of `suspend`, read from the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orvanta_platform.engine.plan import Consent


def of_approval(value: Mapping[str, Any]) -> Consent:
    """Return the approval policy of an approval node's value."""
    return Consent(
        required=int(value.get("required_approvals") or 1),
        timeout_s=_seconds(value.get("timeout")),
        approvers=tuple(value.get("approvers") or ()),
        self_approval=value.get("self_approval") is not False,
        continues=value.get("on_timeout") == "continue",
        message=value.get("message"),
        form=value.get("form"),
        inputs=value.get("input_transforms") or {},
        notify=tuple(value.get("notify") or ()),
    )


def of_suspend(suspend: Mapping[str, Any] | None) -> Consent | None:
    """Return the approval policy of a module's `suspend`; None if it requires no events."""
    if suspend is None or suspend.get("required_events") == 0:
        return None
    groups = suspend.get("user_groups_required")
    return Consent(
        required=int(suspend.get("required_events") or 1),
        timeout_s=_seconds(suspend.get("timeout")),
        self_approval=suspend.get("self_approval_disabled") is not True,
        login=suspend.get("user_auth_required") is True,
        groups=groups,
        continues=suspend.get("continue_on_disapprove_timeout") is True,
        form=(suspend.get("resume_form") or {}).get("schema"),
        hide_cancel=suspend.get("hide_cancel") is True,
    )


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
