"""What runs ask of people: signed links, decisions, and who may make them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from orvanta_platform.control import permissions
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
from orvanta_platform.services.approvals import approvers, forms
from orvanta_platform.services.approvals import links as approval_links
from orvanta_platform.services.approvals.approvers import ApprovalRequest, Checked, Voice
from orvanta_platform.services.approvals.links import Link
from orvanta_platform.services.approvals.lookup import (
    asked_in,
    asked_of,
    hints_of,
    nothing_is_asked,
    open_in,
    place_of,
    questions_shown,
    run_that_asks,
)
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

_RESUME_IDS = 1 << 31


@dataclass(frozen=True, slots=True)
class ResumeUrls:
    """Links for one resume id."""

    approval_page: str
    resume: str
    cancel: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a decision call.

    `first`: this call was counted; False: the resume id, or the caller's voice, was used before. `resume_id`: the id
    under which the decision is stored.
    """

    first: bool
    approved: bool
    approver: str
    resume_id: int


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
    """Links that resume and cancel what the job `id` is suspended for. Raises NotFound, Forbidden.

    `flow_level`: they count for whatever its run asks then.
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
    """The signature alone. Raises NotFound, Forbidden."""
    async with platform.db.acquire() as conn:
        row = await _decidable(platform, conn, actor, workspace, id)
        target = await approval_links.target_of(conn, row, id, resume_id)
    return approval_links.sign(platform, target, action)


async def decide_by_link(
    platform: Platform, workspace: str, link: Link, action: Action, *, approved: bool, voice: Voice
) -> Outcome:
    """Decide by a signed link: `action` is what the link must be signed for.

    Raises NotFound for a bad signature, Gone for one that has expired, Conflict where it was decided otherwise or
    nobody is asked any more, Unauthenticated and Forbidden where the link alone is not enough, InvalidInput.
    """
    async with platform.db.acquire() as conn:
        await approval_links.find(platform, conn, workspace, link, (action,))
    decide = partial(_decide, platform, workspace, link.job, link.resume_id, approved, voice)
    run, outcome = await approvers.decided(platform, decide)
    await _count(platform, run, link.job, outcome)
    return outcome


async def check_link(platform: Platform, workspace: str, link: Link, action: Action) -> None:
    """Verify that a link is signed for `action`. Raises NotFound, Gone."""
    async with platform.db.acquire() as conn:
        await approval_links.find(platform, conn, workspace, link, (action,))


@dataclass(frozen=True, slots=True)
class Seen:
    """The data that the holder of a link may see: the run, its decisions, and the actions the link is signed for.

    `asked`: the question that the link's node asks or will ask; None: there is none, or it is closed.
    `hints`: default_args and enums that a suspended step returned for the form.
    """

    run: JobRow
    said: list[DecisionRow]
    actions: set[Action]
    asked: ApprovalRequest | None
    hints: Mapping[str, Any] = field(default_factory=dict)


async def look_by_link(platform: Platform, workspace: str, link: Link) -> Seen:
    """What is behind a signed link. Raises NotFound, Gone."""
    async with platform.db.acquire() as conn:
        row, signed = await approval_links.find(platform, conn, workspace, link, tuple(Action))
        run = await jobs.known(platform, conn, workspace, row.run)
        if run is None:
            raise approval_links.no_such_approval()
        try:
            live = await run_rows.get_live_run(conn, row.run)
            asked = await _of_link(platform, conn, row, live, link.job)
        except Conflict:
            asked = None
        said = await rows.decisions_of_run(conn, row.run)
    hints = await hints_of(platform, [asked]) if asked is not None else [{}]
    return Seen(run, said, signed, asked, hints[0])


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
) -> Outcome:
    """Decide the open question of the run or node `id` as the actor, whose account has one voice about it.

    `fields`, instead of `payload`: texts typed into the form, by field, parsed as on the approval page.

    Raises NotFound, Forbidden, InvalidInput; Conflict if no question is open, or several are and `node` names none.
    """
    permissions.require_workspace(actor, workspace)
    async with platform.db.acquire() as conn:
        row = await place_of(platform, conn, workspace, id)
        if row is None:
            raise NotFound(f"The job {id} does not exist.")
    voice = Voice(actor.username, actor, payload, reason)
    resume_id = secrets.randbelow(_RESUME_IDS)

    async def act(row: JobRow, id: UUID, conn: Connection, checked: Checked) -> tuple[UUID, Outcome] | None:
        """None: the run itself asks nothing, and a sub-workflow of it may."""
        live = await run_rows.lock_run(conn, row.run)
        opened = await questions_shown(platform, conn, actor, row, live, await rows.open_of_run(conn, row.run))
        if not opened and id == row.run and row.is_flow:
            return None
        job = open_in(opened, row, id, node).job
        asked = await asked_in(platform, conn, live, job, opened) if live is not None else None
        approvers.require(actor, jobs.thing(row), asked.consent if asked else None)
        said = voice if fields is None or asked is None else _typed(voice, asked, fields)
        return job, await _keep(platform, conn, _Saying(row, live, job, resume_id, approved, said, checked), asked)

    done = await approvers.decided(platform, partial(act, row, id))
    if done is None:
        async with platform.db.acquire() as conn:
            row = await run_that_asks(platform, conn, row)
        done = await approvers.decided(platform, partial(act, row, row.run)) if row.run != id else None
    if done is None:
        raise nothing_is_asked()
    job, outcome = done
    await _count(platform, row.run, job, outcome)
    return outcome


@dataclass(frozen=True, slots=True)
class Info:
    """What a run or node asks now, seen by somebody. `asked` None: nothing."""

    run: UUID
    asked: ApprovalRequest | None
    may_decide: bool
    said: list[DecisionRow]


async def info(platform: Platform, actor: Actor, workspace: str, id: UUID) -> Info:
    """What the run or node `id` asks now. Raises NotFound."""
    async with platform.db.acquire() as conn:
        above = await jobs.seen(platform, conn, actor, workspace, id)
        row = await run_that_asks(platform, conn, above)
        opened = await rows.open_of_run(conn, row.run)
        chosen = next((each for each in opened if each.job == row.id or not row.is_step), None)
        asked = await asked_of(platform, conn, row.run, chosen.job) if chosen else None
        thing = jobs.thing(row)
        if asked and not permissions.can(actor, "read", thing) and not approvers.admits(actor, thing, asked.consent):
            row, asked = above, None
        said = await rows.decisions_of_run(conn, row.run)
    may_run = permissions.can(actor, "decide", jobs.thing(row))
    if asked is None:
        return Info(row.run, None, False, said)
    allowed = may_run if not asked.consent.approvers else True
    return Info(row.run, asked, allowed and approvers.may(asked, actor), said)


def _typed(voice: Voice, asked: ApprovalRequest, fields: Mapping[str, str]) -> Voice:
    return replace(voice, payload=msgspec.json.encode(forms.values(asked.consent.form, fields)))


async def _decidable(platform: Platform, conn: Connection, actor: Actor, workspace: str, id: UUID) -> JobRow:
    permissions.require_workspace(actor, workspace)
    row = await place_of(platform, conn, workspace, id)
    if row is None or not permissions.can(actor, "read", jobs.thing(row)):
        raise NotFound(f"The job {id} does not exist.")
    permissions.require(actor, "decide", jobs.thing(row))
    return row


async def _decide(
    platform: Platform,
    workspace: str,
    job: UUID,
    resume_id: int,
    approved: bool,
    voice: Voice,
    conn: Connection,
    checked: Checked = (),
) -> tuple[UUID, Outcome]:
    """What somebody says who was asked by a link; gives the run."""
    row = await place_of(platform, conn, workspace, job)
    if row is None:
        raise approval_links.no_such_approval()
    live = await run_rows.lock_run(conn, row.run)
    return row.run, await _keep(platform, conn, _Saying(row, live, job, resume_id, approved, voice, checked), None)


@dataclass(frozen=True, slots=True)
class _Saying:
    """What somebody says about `job`, which stands at `row`; `live`: its run, locked, None where it has ended."""

    row: JobRow
    live: RunRow | None
    job: UUID
    resume_id: int
    approved: bool
    voice: Voice
    checked: Checked


async def _keep(platform: Platform, conn: Connection, saying: _Saying, asked: ApprovalRequest | None) -> Outcome:
    """Keep it and tell its run, unless it was said before; `asked`: what it is about, if that is known."""
    row, live, job, voice, approved = saying.row, saying.live, saying.job, saying.voice, saying.approved
    resume_id = saying.resume_id
    earlier = await rows.decisions_of_run(conn, row.run)
    said = next((each for each in earlier if (each.job, each.resume_id) == (job, resume_id)), None)
    if said is not None and live is not None and _is_of_another(said, voice):
        asked = asked or await asked_in(platform, conn, live, job)
        if asked is not None and asked.consent.needs_login:
            # The page was sent to several people: its resume id belongs to the first of them, but each has a voice.
            said, resume_id = None, secrets.randbelow(_RESUME_IDS)
    if said is not None:
        if said.approved is not approved:
            raise Conflict(
                f"It was decided otherwise: {approvers.word_of(said.approved)} by {said.approver}.",
                details={"approved": said.approved, "approver": said.approver},
            )
        return Outcome(False, said.approved, said.approver, resume_id)
    if live is None or live.cancel_at is not None:
        raise Conflict("The run has ended: nobody is asked any more.")
    asked = asked or await _of_link(platform, conn, row, live, job)
    if asked is not None:
        approvers.check(asked, voice, row, approved=approved, checked=saying.checked)
        if job == row.run and asked.consent.needs_login:
            raise Conflict(f"A decision about {asked.node.id} needs a link of its own, not one of the run.")
        before = approvers.earlier_voice(job, voice, earlier) if job != row.run else None
        if before is not None and before.approved is approved:
            return Outcome(False, approved, before.approver, before.resume_id)
    node = asked.node.id if asked is not None and job != row.run else row.node
    stored = await rows.decide(
        conn,
        job,
        resume_id,
        row.run,
        approved=approved,
        approver=voice.approver,
        account=voice.account,
        reason=voice.reason,
        payload=voice.payload.decode(),
        event=inbox.write(inbox.Decided()),
        audit=approvers.audit_row(row, job, node, approved, voice),
    )
    if not stored:
        raise Conflict("Another decision came at the same moment.", hint="Try again.")
    return Outcome(True, approved, voice.approver, resume_id)


def _is_of_another(said: DecisionRow, voice: Voice) -> bool:
    return voice.account is not None and said.account not in (None, voice.account)


async def _count(platform: Platform, run: UUID, job: UUID, outcome: Outcome) -> None:
    """Let the run take the decision in. Raises Conflict where something else came first, and it will never count."""
    done = await advance(platform.tools, run)
    if not outcome.first or (job, outcome.resume_id) in done.counted:
        return
    async with platform.db.acquire() as conn:
        said = await rows.decision(conn, job, outcome.resume_id)
        if said is None or said.taken:
            return
        lives = await run_rows.get_live_run(conn, run) is not None
        if lives and (job == run or await asked_of(platform, conn, run, job) is not None):
            return
    raise Conflict("It was decided, timed out or cancelled at the same moment: this decision does not count.")


async def _of_link(
    platform: Platform, conn: Connection, row: JobRow, live: RunRow | None, job: UUID
) -> ApprovalRequest | None:
    """What a decision about `job` is about; None for one about the run, which counts when something is asked.

    Raises Conflict where nobody is asked.
    """
    if job != row.run:
        asked = await asked_in(platform, conn, live, job) if live is not None else None
        if asked is None:
            raise Conflict("Nobody is asked: it was decided, timed out, or asks nobody.")
        return asked
    if not row.is_flow:
        raise Conflict("This run asks nobody.")
    if live is None:
        return None
    opened = await rows.open_of_run(conn, row.run)
    found = [await asked_in(platform, conn, live, each.job, opened) for each in opened]
    asking = [each for each in found if each is not None]
    return next((each for each in asking if not each.consent.needs_login), asking[0] if asking else None)
