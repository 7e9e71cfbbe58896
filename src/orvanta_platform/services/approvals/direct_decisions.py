"""The fast path of a member's decision: two statements, each shared by the calls that arrive together.

The run is read without a lock and checked as by the slow path. The decision, its audit row and the step that counts it
are then written by a compare-and-set of the run. Everything else, and every refusal, is left to the slow path.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import approvals as rows
from orvanta_platform.db.approvals import DecidableRun, DecisionRow
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.steps import StepWrite
from orvanta_platform.engine.state import ENGINE_VERSION
from orvanta_platform.errors import OrvantaError
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.decision_batches import counting_step, needs_lock
from orvanta_platform.orchestrator.job_completion import notify_step
from orvanta_platform.services.approvals import approvers, forms
from orvanta_platform.services.approvals.approvers import ApprovalRequest, Decider, FormUnchecked
from orvanta_platform.services.approvals.lookup import request_of
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs

_UNAVAILABLE: tuple[type[Exception], ...] = (OrvantaError, LookupError, *TRANSIENT, *CONNECTION_LOST)
"""Errors of reading the plan of a run; the slow path meets and handles them."""


class Vote(msgspec.Struct, frozen=True):
    """A member's decision on the open approval of the run or node `id`."""

    workspace: str
    id: UUID
    node: str | None
    """Id of the node or of its job, if the caller names one."""
    resume_id: int
    approved: bool
    decider: Decider
    fields: Mapping[str, str] | None
    """Texts entered into the form, instead of the payload."""


class Attempt(msgspec.Struct, frozen=True):
    """A decision that was sent to the database."""

    live: RunRow
    """The run before it."""
    step: StepWrite
    recorded: bool
    """False: it was not written, or the outcome is unknown."""

    @property
    def job(self) -> UUID:
        """Job of the approval."""
        return self.step.decisions[0].job


async def attempt(platform: Platform, actor: Actor, vote: Vote) -> Attempt | None:
    """Decide as the actor by the fast path; None if it did not try to."""
    found = await platform.decidable.submit((vote.workspace, vote.id))
    blueprint = await _find_blueprint(platform, found.live) if found is not None else None
    if found is None or blueprint is None:
        return None
    step = _step_of(platform, actor, vote, found, blueprint)
    if step is None:
        return None
    try:
        recorded = await platform.decisions.submit(step)
    except rows.DECISION_REFUSED:
        recorded = False
    done = Attempt(found.live, step, recorded)
    if recorded:
        _announce(platform, done)
    return done


async def find_recorded(platform: Platform, done: Attempt) -> bool:
    """Return whether the decision of an attempt without an answer was recorded, and announce its step if so."""
    (decision,) = done.step.decisions
    async with platform.db.acquire() as conn:
        stored = await rows.get_decision(conn, decision.job, decision.resume_id)
    if stored is None or not stored.taken or stored.account != decision.account:
        return False
    _announce(platform, done)
    return True


def voice_of(vote: Vote, request: ApprovalRequest) -> Decider:
    """Return the decider with the payload that its texts mean in the form of the request."""
    if vote.fields is None:
        return vote.decider
    return replace(vote.decider, payload=msgspec.json.encode(forms.values(request.consent.form, vote.fields)))


async def _find_blueprint(platform: Platform, live: RunRow) -> Blueprint | None:
    """Return the blueprint of the run; None if it is not available."""
    if live.engine_version > ENGINE_VERSION:
        return None
    cached = platform.blueprints.get_cached(live)
    if cached is not None:
        return cached
    try:
        async with platform.db.acquire() as conn:
            return await platform.blueprints.of(conn, live, is_call=True)
    except _UNAVAILABLE:
        return None


def _step_of(
    platform: Platform, actor: Actor, vote: Vote, found: DecidableRun, blueprint: Blueprint
) -> StepWrite | None:
    """Return the step that records the decision; None if the slow path has to make or to refuse it."""
    opened = found.opened
    if needs_lock(blueprint.plan) or vote.node not in (None, opened.node, str(opened.job)):
        return None
    request = request_of(blueprint.plan, opened, found.live)
    if request is None or not request.consent.self_approval:
        return None  # The members responsible for a run are stored in other tables.
    try:
        approvers.require(actor, jobs.target_of(found), request.consent)
        voice = voice_of(vote, request)
        approvers.check(request, voice, found, approved=vote.approved)
    except (OrvantaError, FormUnchecked):
        return None
    decision = DecisionRow(
        job=opened.job,
        resume_id=vote.resume_id,
        approved=vote.approved,
        approver=voice.approver,
        account=voice.account,
        reason=voice.reason,
        payload=voice.payload.decode(),
        at=found.at,
        taken=True,
    )
    audit = approvers.audit_row(found, opened.job, opened.node, vote.approved, voice)
    return counting_step(blueprint, found, decision, audit, approvers.traceparent_of(platform, voice))


def _announce(platform: Platform, done: Attempt) -> None:
    platform.tools.recent.put_rows(done.step.values)
    notify_step(platform.tools, done.step, awaited=done.live.awaited)
