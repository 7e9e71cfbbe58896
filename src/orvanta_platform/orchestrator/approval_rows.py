"""Rows of approvals and suspended nodes."""

from __future__ import annotations

from uuid import UUID

from orvanta_platform.db.approvals import NewApproval
from orvanta_platform.db.notices import NewNotice
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.effects import OpenWait
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.ids import derived_id

_MESSAGE_CHARS = 20_000


def approval_of(effect: OpenWait, node: Node, run: RunRow, job: UUID) -> NewApproval:
    """Return the row of a wait that opens, with its notifications. `job` is the id of the node's job."""
    fields = {"id": str(run.id), "path": run.path or "", "created_by": run.created_by}
    parts = [fields.get(part[1:], "") if part.startswith("\0") else part for part in effect.message]
    kind = "approval" if node.kind is Kind.APPROVAL else "suspend"
    groups, form = (text.decode() if text else None for text in (effect.groups, effect.form))
    notify = node.approval.notify if node.approval else ()
    notices = tuple(
        NewNotice(derived_id(job, "notice", place), job, str(each["channel"]), str(each["resource"]))
        for place, each in enumerate(notify)
    )
    return NewApproval(job, node.id, kind, "".join(parts)[:_MESSAGE_CHARS], groups, notices, form)
