"""Schemas of approvals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.http.schemas.flow_status import NodeApprover
from orvanta_platform.http.schemas.jobs import QueuedJob
from orvanta_platform.services.approvals import approvers
from orvanta_platform.services.approvals.decisions import Info, LinkView
from orvanta_platform.services.approvals.inbox import Waiting


class Urls(msgspec.Struct, kw_only=True):
    """Links for one resume id. Only the approval page is meant for people."""

    approval_page: str = msgspec.field(name="approvalPage")
    resume: str
    cancel: str


class ResumeBody(msgspec.Struct, kw_only=True):
    """A decision on a suspended run."""

    payload: Raw | UnsetType = UNSET
    """Value that the next node reads as `resume`."""

    approved: bool = True


class ConsentBody(msgspec.Struct, kw_only=True):
    """A decision."""

    decision: Literal["approved", "rejected"]
    reason: str | None = None
    node: str | None = None
    """Id of the node or job, needed if several decisions are pending."""

    form: Raw | UnsetType = UNSET
    """Values of the form."""

    fields: dict[str, str] | UnsetType = UNSET
    """Alternative to `form`: entered texts by field. A boolean is true if its field is present."""


class RecordedDecision(msgspec.Struct, kw_only=True):
    """A recorded decision."""

    decision: Literal["approved", "rejected"]
    by: str
    first: bool
    """True if this call made the decision."""


class SuspendedFlow(msgspec.Struct, kw_only=True):
    """The part of a run that a signed link shows: no arguments, code, results or addresses."""

    job: QueuedJob
    """The fields that clients require; those that the link does not show are empty.

    `running` is true while the run continues, `suspend` while it waits for a decision.
    """

    approvers: list[NodeApprover]
    node: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    due_at: datetime | UnsetType = UNSET


class Conditions(msgspec.Struct, kw_only=True):
    """Requirements for an approver."""

    user_auth_required: bool
    user_groups_required: list[str]
    self_approval_disabled: bool


class ApprovalInfo(msgspec.Struct, kw_only=True):
    """The pending decision of a run. Without `node` there is none."""

    flow_id: UUID
    can_approve: bool
    user_auth_required: bool
    approvers: list[NodeApprover]
    form_schema: Any | UnsetType = UNSET
    description: str | UnsetType = UNSET
    approval_conditions: Conditions | UnsetType = UNSET
    hide_cancel: bool | UnsetType = UNSET
    node: str | UnsetType = UNSET
    job: UUID | UnsetType = UNSET


class FormField(msgspec.Struct, kw_only=True):
    """A field of a form."""

    name: str
    label: str
    help: str
    kind: Literal["boolean", "choice", "integer", "number", "text", "long_text", "date", "email", "url", "json"]
    required: bool
    value: str
    """Initial value. For a boolean, "true" or ""."""

    choices: list[str]


class PersonDecision(msgspec.Struct, kw_only=True):
    """A decision of one person."""

    approver: str
    approved: bool
    at: datetime
    reason: str | None


class WaitingApproval(msgspec.Struct, kw_only=True):
    """A pending decision."""

    run: UUID
    job: UUID
    node: str
    mine: bool
    """True if the caller may make the decision and has not yet."""

    created_by: str
    opened_at: datetime
    required: int
    """Number of approvals needed."""

    said: list[PersonDecision]
    fields: list[FormField]
    hide_cancel: bool
    approvers: list[str]
    approval_conditions: Conditions
    path: str | UnsetType = UNSET
    summary: str | UnsetType = UNSET
    """Summary of the workflow."""

    message: str | UnsetType = UNSET
    due_at: datetime | UnsetType = UNSET
    inputs: dict[str, Any]
    """Inputs of the node, computed when the approval opened."""

    omitted_inputs: list[str]
    """Names of inputs that are omitted because of their size."""


def waiting_approval(found: Waiting) -> WaitingApproval:
    """Convert a pending decision."""
    opened, consent = found.opened, found.request.consent
    inputs = msgspec.json.decode(opened.inputs, type=dict[str, Any]) if opened.inputs else {}
    return WaitingApproval(
        run=found.run.id,
        job=opened.job,
        node=opened.node,
        mine=found.mine,
        created_by=found.run.created_by,
        opened_at=opened.opened_at,
        required=consent.required,
        said=[
            PersonDecision(approver=each.approver, approved=each.approved, at=each.at, reason=each.reason)
            for each in found.decisions
        ],
        fields=[
            FormField(
                name=each.name,
                label=each.label,
                help=each.help,
                kind=each.kind.value,
                required=each.required,
                value=each.value,
                choices=list(each.choices),
            )
            for each in found.fields
        ],
        hide_cancel=consent.hide_cancel,
        approvers=list(consent.approvers),
        approval_conditions=Conditions(**approvers.conditions(found.request)),
        path=UNSET if found.run.path is None else found.run.path,
        summary=found.summary or UNSET,
        message=opened.message or UNSET,
        due_at=UNSET if opened.due_at is None else opened.due_at,
        inputs=inputs,
        omitted_inputs=[name for name in consent.inputs if name not in inputs],
    )


def approvers_of(decisions: Sequence[DecisionRow]) -> list[NodeApprover]:
    """Return those who approved."""
    return [NodeApprover(resume_id=each.resume_id, approver=each.approver) for each in decisions if each.approved]


def suspended_flow(seen: LinkView) -> SuspendedFlow:
    """Convert the part of a run that a signed link shows."""
    run, asked = seen.run, seen.request
    opened = asked.opened if asked is not None else None
    job = QueuedJob(
        id=run.id,
        workspace_id=run.workspace,
        created_by=run.created_by,
        created_at=run.created_at,
        canceled=False,
        job_kind=run.kind,
        permissioned_as="",
        is_flow_step=False,
        email="",
        visible_to_owner=True,
        tag="",
        priority=0,
        trigger_kind="",
        scheduled_for=run.created_at,
        script_path=UNSET if run.run_path is None else run.run_path,
        running=not run.ended,
        suspend=int(asked is not None),
    )
    return SuspendedFlow(
        job=job,
        approvers=approvers_of(seen.decisions),
        node=asked.node.id if asked is not None else UNSET,
        description=opened.message if opened is not None and opened.message else UNSET,
        due_at=opened.due_at if opened is not None and opened.due_at is not None else UNSET,
    )


def approval_info(info: Info) -> ApprovalInfo:
    """Convert the pending decision of a run."""
    asked = info.request
    if asked is None:
        return ApprovalInfo(
            flow_id=info.run, can_approve=False, user_auth_required=False, approvers=approvers_of(info.decisions)
        )
    message = asked.opened.message if asked.opened else ""
    return ApprovalInfo(
        flow_id=info.run,
        can_approve=info.may_decide,
        user_auth_required=asked.consent.needs_login,
        approvers=approvers_of([each for each in info.decisions if asked.opened and each.job == asked.opened.job]),
        form_schema=asked.consent.form if asked.consent.form is not None else UNSET,
        description=message or UNSET,
        approval_conditions=Conditions(**approvers.conditions(asked)),
        hide_cancel=asked.consent.hide_cancel,
        node=asked.node.id,
        job=asked.opened.job if asked.opened else UNSET,
    )
