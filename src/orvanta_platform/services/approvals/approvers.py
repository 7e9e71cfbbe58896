"""Conditions on approvers of a node, and the checks of a member who decides."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from orvanta_platform.control import audit, permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.names import is_service_email
from orvanta_platform.control.permissions import Target
from orvanta_platform.db.approvals import DecidableRun, DecisionRow, OpenApproval
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.engine.plan import Consent, Node
from orvanta_platform.errors import Forbidden, Unauthenticated
from orvanta_platform.orchestrator import inputs
from orvanta_platform.services.platform import Platform
from orvanta_platform.tracing import parse_traceparent

T = TypeVar("T")

_SCOPE = "jobs:run"


class Decider(msgspec.Struct, frozen=True):
    """The caller of a decision, and the payload sent with it."""

    name: str
    """Unauthenticated name in a link."""
    actor: Actor | None = None
    """Owner of the token or session of the call."""
    payload: bytes = b"{}"
    """JSON text."""
    reason: str | None = None
    address: str | None = None
    traceparent: str | None = None
    """Header with the trace of the call."""

    @property
    def person(self) -> Actor | None:
        """The signed-in member. The token of a job or of a program is not the consent of the member it acts for."""
        return self.actor if self.actor is not None and _is_person(self.actor) else None

    @property
    def account(self) -> str | None:
        """The account that the decision counts for; None for a link, a job or a program."""
        return self.person.email if self.person is not None else None

    @property
    def approver(self) -> str:
        """The name that is stored and shown. Its prefix is unambiguous, because no username contains a colon."""
        if self.actor is None:
            return f"link:{self.name}"
        if self.person is not None:
            return self.actor.username
        return f"{'job' if self.actor.kind == 'job' else 'token'}:{self.actor.username}"


class ApprovalRequest(msgspec.Struct, frozen=True):
    """The approval that a node requests, and the run it belongs to."""

    node: Node
    consent: Consent
    opened: OpenApproval | None
    """None: the node does not request it yet."""
    created_by: str
    permissioned_as: str
    scopes: list[str] | None
    accounts: frozenset[str]
    """E-mail addresses of the accounts that the run and its root run act for."""

    @property
    def groups(self) -> list[str] | None:
        """Groups whose members may decide; None: no such condition."""
        if self.consent.groups is None:
            return None
        raw = self.opened.groups if self.opened else None
        named = msgspec.json.decode(raw) if raw is not None else None
        return [f"g/{str(name).removeprefix('g/')}" for name in named] if isinstance(named, list) else []


def admits(actor: Actor, target: Target, consent: Consent | None) -> bool:
    """Return whether the actor may decide without a link.

    Named approvers may; if none is named, anyone who may run the workflow.
    """
    if is_service_email(actor.email) or actor.impersonator is not None:
        return False
    if consent is None or not consent.approvers:
        return permissions.can(actor, "decide", target)
    return names(actor, consent.approvers) and scopes.allow(actor.scopes, _SCOPE, target.path)


def require(actor: Actor, target: Target, consent: Consent | None) -> None:
    """Raise NotFound or Forbidden unless `admits`."""
    if is_service_email(actor.email):
        permissions.require(actor, "read", target)
        raise Forbidden("A service account cannot decide about approvals, because it is not a person.")
    if actor.impersonator is not None:
        permissions.require(actor, "read", target)
        refuse_impersonated(actor)
    if consent is None or not consent.approvers:
        permissions.require(actor, "decide", target)
    elif not admits(actor, target, consent):
        permissions.require(actor, "read", target)
        raise Forbidden("You are not among the approvers.", hint=f"The approvers are {_listed(consent)}.")


def refuse_impersonated(actor: Actor | None) -> None:
    """Raise Forbidden if an admin acts as the actor: only the member itself may decide."""
    if actor is not None and actor.impersonator is not None:
        raise Forbidden(
            "An admin who acts as somebody else cannot decide about approvals.", hint="End the impersonation first."
        )


Checked = Sequence[tuple[Any, bytes]]
"""Forms, each with a payload that is valid for it."""


class FormUnchecked(Exception):
    """The payload must be checked against this form outside the transaction, because that may take long."""

    def __init__(self, workspace: str, form: Any, payload: bytes) -> None:
        super().__init__("form")
        self.workspace = workspace
        self.form = form
        self.payload = payload


def check(
    request: ApprovalRequest,
    decider: Decider,
    row: JobRow | DecidableRun,
    *,
    approved: bool,
    checked: Checked = (),
) -> None:
    """Check that the caller may decide and that the payload is valid for the form.

    `checked`: forms with valid payloads. Raises Unauthenticated, Forbidden, InvalidInput, FormUnchecked.
    """
    actor = decider.actor
    refuse_impersonated(actor)
    if request.consent.needs_login:
        if actor is None or actor.workspace != row.workspace or actor.role is None:
            raise Unauthenticated("This decision needs a login.", hint="Log in as a member of the workspace first.")
        _check_member(request, actor)
    if actor is not None and not scopes.allow(actor.scopes, _SCOPE, row.run_path):
        raise Forbidden("The token may not decide this.", hint=f"It needs the scope {_SCOPE} for the workflow.")
    if approved and request.consent.form is not None:
        form = request.consent.form
        if (form, decider.payload) not in checked and not inputs.check_at_once(form, decider.payload):
            raise FormUnchecked(row.workspace, form, decider.payload)


async def decided(platform: Platform, act: Callable[[Connection, Checked], Awaitable[T]]) -> T:
    """Execute `act` in a transaction and return its result.

    A form that takes long to check is checked between two attempts.
    """
    checked: list[tuple[Any, bytes]] = []

    async def write(conn: Connection) -> T:
        return await act(conn, checked)

    while True:
        try:
            return await platform.db.retrying(write)
        except FormUnchecked as unchecked:
            await inputs.check(platform.evaluator.of(unchecked.workspace), unchecked.form, unchecked.payload)
            checked.append((unchecked.form, unchecked.payload))


def may(request: ApprovalRequest, actor: Actor | None) -> bool:
    """Return whether this person, or the holder of a link, may decide."""
    if actor is not None and actor.impersonator is not None:
        return False
    if not request.consent.needs_login:
        return True
    if actor is None or actor.role is None:
        return False
    try:
        _check_member(request, actor)
    except Forbidden:
        return False
    return True


def names(actor: Actor, approvers: Sequence[str]) -> bool:
    """Return whether one of `approvers` (u/…, g/…, role/…) matches the actor."""
    return not (actor.principals | {f"role/{actor.role}"}).isdisjoint(approvers)


def earlier_vote(job: UUID, decider: Decider, decisions: Sequence[DecisionRow]) -> DecisionRow | None:
    """Return an earlier decision of the same account about the same question: an account has one vote."""
    if decider.account is None:
        return None
    return next((each for each in decisions if each.job == job and each.account == decider.account), None)


def conditions(request: ApprovalRequest) -> dict[str, Any]:
    """Return the conditions on approvers, for display."""
    return {
        "user_auth_required": request.consent.needs_login,
        "user_groups_required": [name.removeprefix("g/") for name in request.groups or []],
        "self_approval_disabled": not request.consent.self_approval,
    }


def traceparent_of(platform: Platform, decider: Decider) -> str | None:
    """Return the header with the trace of the call, if it is valid and traces are on."""
    is_traced = platform.spans is not None and parse_traceparent(decider.traceparent) is not None
    return decider.traceparent if is_traced else None


def audit_row(row: JobRow | DecidableRun, job: UUID, node: str | None, approved: bool, decider: Decider) -> NewAudit:
    """Create the audit row of a decision. Without a signed-in member, it has the marked name of the decision."""
    workspace = row.workspace
    fields = {
        "run": str(row.run),
        "job": str(job),
        "node": node,
        "decision": word_of(approved),
        "reason": decider.reason,
    }
    operation = "approvals.decide"
    if decider.person is not None:
        return audit.row(decider.person, operation, "Execute", row.run_path, fields, workspace=workspace)
    by, parameters = decider.approver, msgspec.json.encode(fields).decode()
    return NewAudit(workspace, by, None, operation, "Execute", row.run_path, parameters, decider.address, None)


def word_of(approved: bool) -> str:
    """Return the name of a decision."""
    return "approved" if approved else "rejected"


def _check_member(request: ApprovalRequest, actor: Actor) -> None:
    if not _is_person(actor):
        raise Forbidden(
            "This decision needs a signed-in person.",
            hint="Service accounts, tokens of jobs, and tokens that only start runs, do not count as one.",
        )
    approvers, groups = request.consent.approvers, request.groups
    if approvers and not names(actor, approvers):
        raise Forbidden("You are not among the approvers.", hint=f"The approvers are {_listed(request.consent)}.")
    if groups is not None and actor.principals.isdisjoint(groups):
        raise Forbidden(
            "You are in none of the groups that may decide this.", hint=f"The groups are {', '.join(groups) or 'none'}."
        )
    # An account may have had another username when it started the run.
    own = actor.email in request.accounts or actor.permissioned_as in (
        f"u/{request.created_by}",
        request.permissioned_as,
    )
    if own and not request.consent.self_approval:
        raise Forbidden("You may not decide about your own run here.", hint="Ask another approver.")


def _is_person(actor: Actor) -> bool:
    """Return whether the actor is a signed-in person. A token with scopes is that of a program."""
    is_program = actor.kind == "job" or is_service_email(actor.email) or actor.scopes is not None
    return actor.impersonator is None and not is_program and not actor.via_query


def _listed(consent: Consent) -> str:
    return ", ".join(consent.approvers)
