"""Decisions about approvals: signed links, permissions, and recording."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import limits, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.links import Action
from orvanta_platform.db import approvals as rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import RunRow
from orvanta_platform.errors import Conflict, NotFound
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.advance import advance
from orvanta_platform.services.approvals import approvers, direct_decisions
from orvanta_platform.services.approvals import links as approval_links
from orvanta_platform.services.approvals.approvers import ApprovalRequest, Checked, Decider
from orvanta_platform.services.approvals.direct_decisions import Attempt, Vote
from orvanta_platform.services.approvals.links import Link
from orvanta_platform.services.approvals.lookup import (
    find_job,
    find_request,
    find_requesting_run,
    get_request,
    hints_of,
    no_open_approval,
    open_in,
    visible_requests,
)
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

_RESUME_IDS = 1 << 31


class ResumeUrls(msgspec.Struct, frozen=True):
    """Links for one resume id."""

    approval_page: str
    resume: str
    cancel: str


class DecisionOutcome(msgspec.Struct, frozen=True):
    """Result of a decision call."""

    first: bool
    """The call was counted; False: the resume id, or the caller's vote, was used before."""
    approved: bool
    approver: str
    resume_id: int
    """Id under which the decision is stored."""


async def resume_urls(
    platform: Platform,
    actor: Actor,
    workspace: str,
    id: UUID,
    resume_id: int,
    *,
    flow_level: bool,
    approver: str | None,
) -> ResumeUrls:
    """Create links that resume and cancel the suspended job `id`. Raises NotFound, Forbidden.

    `flow_level`: the links apply to any approval that its run requests when they are used.
    """
    async with platform.db.acquire() as conn:
        row = await _decidable(platform, conn, actor, workspace, id)
        target = await approval_links.target_of(conn, row, row.run if flow_level else id, resume_id)
    query = f"?approver={quote(approver, safe='')}" if approver else ""
    base = platform.settings.base_url.rstrip("/")
    api = f"{base}/api/w/{workspace}/jobs_u"

    def url(start: str, action: Action) -> str:
        return f"{start}/{target.job}/{resume_id}/{approval_links.sign(platform, target, action)}{query}"

    return ResumeUrls(
        approval_page=url(f"{base}/approve/{workspace}", Action.PAGE),
        resume=url(f"{api}/resume", Action.RESUME),
        cancel=url(f"{api}/cancel", Action.CANCEL),
    )


async def signature(platform: Platform, actor: Actor, workspace: str, id: UUID, resume_id: int, action: Action) -> str:
    """Return the signature of one link. Raises NotFound, Forbidden."""
    async with platform.db.acquire() as conn:
        row = await _decidable(platform, conn, actor, workspace, id)
        target = await approval_links.target_of(conn, row, id, resume_id)
    return approval_links.sign(platform, target, action)


async def decide_by_link(
    platform: Platform, workspace: str, link: Link, action: Action, *, approved: bool, decider: Decider
) -> DecisionOutcome:
    """Decide by a signed link: `action` is the action that the link must be signed for.

    Raises NotFound for an invalid signature, Gone for an expired link, Conflict if it was decided otherwise or the
    approval is closed, Unauthenticated and Forbidden if the link alone is not sufficient, InvalidInput.
    """
    async with platform.db.acquire() as conn:
        await approval_links.find(platform, conn, workspace, link, (action,))
    approvers.refuse_impersonated(decider.actor)
    decide = partial(_decide, platform, workspace, link.job, link.resume_id, approved, decider)
    run, outcome = await approvers.decided(platform, decide)
    await _count(platform, run, link.job, outcome)
    return outcome


async def check_link(platform: Platform, workspace: str, link: Link, action: Action) -> None:
    """Verify that a link is signed for `action`. Raises NotFound, Gone."""
    async with platform.db.acquire() as conn:
        await approval_links.find(platform, conn, workspace, link, (action,))


class LinkView(msgspec.Struct, frozen=True):
    """Data that the holder of a link may see."""

    run: JobRow
    decisions: list[DecisionRow]
    """Decisions of the run."""
    actions: set[Action]
    """Actions that the link is signed for."""
    request: ApprovalRequest | None
    """Approval that the link's node requests or will request; None: there is none, or it is closed."""
    hints: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """default_args and enums that a suspended node returned for the form."""


async def get_by_link(platform: Platform, workspace: str, link: Link) -> LinkView:
    """Return the data of a signed link. Raises NotFound, Gone."""
    async with platform.db.acquire() as conn:
        row, signed = await approval_links.find(platform, conn, workspace, link, tuple(Action))
        run = await jobs.find(platform, conn, workspace, row.run)
        if run is None:
            raise approval_links.no_such_approval()
        try:
            live = await run_rows.get_live_run(conn, row.run)
            request = await _of_link(platform, conn, row, live, link.job)
        except Conflict:
            request = None
        decisions = await rows.list_decisions_of_run(conn, row.run)
    hints = await hints_of(platform, [request]) if request is not None else [{}]
    return LinkView(run, decisions, signed, request, hints[0])


async def decide(
    platform: Platform,
    actor: Actor,
    workspace: str,
    id: UUID,
    *,
    approved: bool,
    payload: bytes = b"{}",
    fields: Mapping[str, str] | None = None,
    reason: str | None = None,
    node: str | None = None,
    traceparent: str | None = None,
) -> DecisionOutcome:
    """Decide the open approval of the run or node `id` as the actor, whose account has one vote.

    `fields`, instead of `payload`: texts entered into the form, by field, parsed as on the approval page.

    Raises NotFound, Forbidden, InvalidInput, LimitExceeded; Conflict if no approval is open, or several are and `node`
    selects none.
    """
    permissions.require_workspace(actor, workspace)
    limits.check_text("A reason", reason)
    decider = Decider(actor.username, actor, payload, reason, traceparent=traceparent)
    vote = Vote(workspace, id, node, secrets.randbelow(_RESUME_IDS), approved, decider, fields)
    attempt = await direct_decisions.attempt(platform, actor, vote)
    if attempt is None:
        return await _decide_under_lock(platform, actor, vote)
    own = DecisionOutcome(True, approved, decider.approver, vote.resume_id)
    if attempt.recorded:
        return own
    return await _decide_after(platform, actor, vote, attempt, own)


async def _decide_after(
    platform: Platform, actor: Actor, vote: Vote, attempt: Attempt, own: DecisionOutcome
) -> DecisionOutcome:
    """Decide by the slow path about the approval of an attempt, which may be recorded although its COMMIT was lost.

    The run may request another approval meanwhile, about which the caller has not decided.
    """
    vote = replace(vote, node=str(attempt.job))
    try:
        outcome = await _decide_under_lock(platform, actor, vote)
    except (Conflict, NotFound):
        if not await direct_decisions.find_recorded(platform, attempt):
            raise
        return own
    if outcome.first or outcome.resume_id != vote.resume_id:
        return outcome
    await direct_decisions.find_recorded(platform, attempt)
    return own


async def _decide_under_lock(platform: Platform, actor: Actor, cast: Vote) -> DecisionOutcome:
    """Decide by the slow path."""
    async with platform.db.acquire() as conn:
        row = await find_job(platform, conn, cast.workspace, cast.id)
        if row is None:
            raise NotFound(f"The job {cast.id} does not exist.")

    async def act(row: JobRow, id: UUID, conn: Connection, checked: Checked) -> tuple[UUID, DecisionOutcome] | None:
        """Return None if the run itself requests no approval, because one of its sub-workflows may."""
        live = await run_rows.lock_run(conn, row.run)
        opened = await visible_requests(platform, conn, actor, row, live, await rows.list_open_of_run(conn, row.run))
        if not opened and id == row.run and row.is_flow:
            return None
        job = open_in(opened, row, id, cast.node).job
        request = await find_request(platform, conn, live, job, opened) if live is not None else None
        approvers.require(actor, jobs.target_of(row), request.consent if request else None)
        voice = direct_decisions.voice_of(cast, request) if request is not None else cast.decider
        decision = _Decision(row, live, job, cast.resume_id, cast.approved, voice, checked)
        return job, await _record(platform, conn, decision, request)

    done = await approvers.decided(platform, partial(act, row, cast.id))
    if done is None:
        async with platform.db.acquire() as conn:
            row = await find_requesting_run(platform, conn, row)
        done = await approvers.decided(platform, partial(act, row, row.run)) if row.run != cast.id else None
    if done is None:
        raise no_open_approval()
    job, outcome = done
    await _count(platform, row.run, job, outcome)
    return outcome


class Info(msgspec.Struct, frozen=True):
    """Open approval of a run or node as seen by an actor."""

    run: UUID
    request: ApprovalRequest | None
    """None: no approval is open."""
    may_decide: bool
    decisions: list[DecisionRow]


async def info(platform: Platform, actor: Actor, workspace: str, id: UUID) -> Info:
    """Return the open approval of the run or node `id`. Raises NotFound."""
    async with platform.db.acquire() as conn:
        above = await jobs.get_readable(platform, conn, actor, workspace, id)
        row = await find_requesting_run(platform, conn, above)
        opened = await rows.list_open_of_run(conn, row.run)
        chosen = next((each for each in opened if each.job == row.id or not row.is_step), None)
        request = await get_request(platform, conn, row.run, chosen.job) if chosen else None
        target = jobs.target_of(row)
        if (
            request
            and not permissions.can(actor, "read", target)
            and not approvers.admits(actor, target, request.consent)
        ):
            row, request = above, None
        decisions = await rows.list_decisions_of_run(conn, row.run)
    may_run = permissions.can(actor, "decide", jobs.target_of(row))
    if request is None:
        return Info(row.run, None, False, decisions)
    allowed = may_run if not request.consent.approvers else True
    return Info(row.run, request, allowed and approvers.may(request, actor), decisions)


async def _decidable(platform: Platform, conn: Connection, actor: Actor, workspace: str, id: UUID) -> JobRow:
    permissions.require_workspace(actor, workspace)
    row = await find_job(platform, conn, workspace, id)
    if row is None or not permissions.can(actor, "read", jobs.target_of(row)):
        raise NotFound(f"The job {id} does not exist.")
    permissions.require(actor, "decide", jobs.target_of(row))
    return row


async def _decide(
    platform: Platform,
    workspace: str,
    job: UUID,
    resume_id: int,
    approved: bool,
    decider: Decider,
    conn: Connection,
    checked: Checked = (),
) -> tuple[UUID, DecisionOutcome]:
    """Record a decision made by a link; returns the run and the outcome."""
    row = await find_job(platform, conn, workspace, job)
    if row is None:
        raise approval_links.no_such_approval()
    live = await run_rows.lock_run(conn, row.run)
    return row.run, await _record(
        platform, conn, _Decision(row, live, job, resume_id, approved, decider, checked), None
    )


class _Decision(msgspec.Struct, frozen=True):
    """A decision about `job`."""

    row: JobRow
    """Run or job that the decision is attached to."""
    live: RunRow | None
    """Its locked run; None: it has ended."""
    job: UUID
    resume_id: int
    approved: bool
    voice: Decider
    checked: Checked


async def _record(
    platform: Platform, conn: Connection, decision: _Decision, request: ApprovalRequest | None
) -> DecisionOutcome:
    """Store a decision and send it to its run, unless it was made before. `request`: its approval, if known."""
    row, live, job, decider, approved = decision.row, decision.live, decision.job, decision.voice, decision.approved
    resume_id = decision.resume_id
    earlier = await rows.list_decisions_of_run(conn, row.run)
    previous = next((each for each in earlier if (each.job, each.resume_id) == (job, resume_id)), None)
    if previous is not None and live is not None and _is_of_other_account(previous, decider):
        request = request or await find_request(platform, conn, live, job)
        if request is not None and request.consent.needs_login:
            # One page may be sent to several people: its resume id belongs to the first, but each person has a vote.
            previous, resume_id = None, secrets.randbelow(_RESUME_IDS)
    if previous is not None:
        if previous.approved is not approved:
            raise Conflict(
                f"It was decided otherwise: {approvers.word_of(previous.approved)} by {previous.approver}.",
                details={"approved": previous.approved, "approver": previous.approver},
            )
        return DecisionOutcome(False, previous.approved, previous.approver, resume_id)
    if live is None or live.cancel_at is not None:
        raise Conflict("The run has ended, so its approvals are closed.")
    request = request or await _of_link(platform, conn, row, live, job)
    if request is not None:
        approvers.check(request, decider, row, approved=approved, checked=decision.checked)
        if job == row.run and request.consent.needs_login:
            raise Conflict(f"A decision about {request.node.id} needs a link of its own, not a link of the run.")
        before = approvers.earlier_vote(job, decider, earlier) if job != row.run else None
        if before is not None and before.approved is approved:
            return DecisionOutcome(False, approved, before.approver, before.resume_id)
    node = request.node.id if request is not None and job != row.run else row.node
    stored = await rows.insert_decision(
        conn,
        job,
        resume_id,
        row.run,
        approved=approved,
        approver=decider.approver,
        account=decider.account,
        reason=decider.reason,
        payload=decider.payload.decode(),
        event=inbox.write(inbox.Decided()),
        audit=approvers.audit_row(row, job, node, approved, decider),
        traceparent=approvers.traceparent_of(platform, decider),
    )
    if not stored:
        raise Conflict("Another decision was made concurrently.", hint="Try again.")
    return DecisionOutcome(True, approved, decider.approver, resume_id)


def _is_of_other_account(decision: DecisionRow, decider: Decider) -> bool:
    return decider.account is not None and decision.account not in (None, decider.account)


async def _count(platform: Platform, run: UUID, job: UUID, outcome: DecisionOutcome) -> None:
    """Advance the run with the decision. Raises Conflict if, after an earlier event, it can never count."""
    done = await advance(platform.tools, run)
    if not outcome.first or (job, outcome.resume_id) in done.counted:
        return
    async with platform.db.acquire() as conn:
        stored = await rows.get_decision(conn, job, outcome.resume_id)
        if stored is None or stored.taken:
            return
        lives = await run_rows.get_live_run(conn, run) is not None
        if lives and (job == run or await get_request(platform, conn, run, job) is not None):
            return
    raise Conflict("It was decided, timed out or cancelled concurrently: this decision does not count.")


async def _of_link(
    platform: Platform, conn: Connection, row: JobRow, live: RunRow | None, job: UUID
) -> ApprovalRequest | None:
    """Return the approval that a decision about `job` concerns; None: the run, whose next open approval will count it.

    Raises Conflict if no approval is open.
    """
    if job != row.run:
        request = await find_request(platform, conn, live, job) if live is not None else None
        if request is None:
            raise Conflict("No approval is open: it was decided, timed out, or the node requests none.")
        return request
    if not row.is_flow:
        raise Conflict("This run requests no approvals.")
    if live is None:
        return None
    opened = await rows.list_open_of_run(conn, row.run)
    found = [await find_request(platform, conn, live, each.job, opened) for each in opened]
    asking = [each for each in found if each is not None]
    return next((each for each in asking if not each.consent.needs_login), asking[0] if asking else None)
