"""Decisions on approvals, in batches of those that arrived together, each in the step that counts it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from uuid import UUID

import structlog
from msgspec.structs import replace

from orvanta_platform.db.approvals import DecidableRun, DecisionRow, find_decidable_runs
from orvanta_platform.db.audit import NewAudit
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Database
from orvanta_platform.db.steps import CountedDecision, StepWrite, write_steps
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import RunState
from orvanta_platform.orchestrator.blueprints import Blueprint
from orvanta_platform.orchestrator.decision import Answered, Unanswered, decide_now
from orvanta_platform.orchestrator.effect_rows import translate
from orvanta_platform.orchestrator.group_commit import GroupCommit
from orvanta_platform.orchestrator.step_needs import NeedsLock, NeedsResults, NeedsUpload
from orvanta_platform.orchestrator.wait_outcomes import AWAITING_DECISION, decision_event, find_waiting_node

_CONCURRENT = 4
"""Number of batches at the same time: a connection that does not answer delays no decisions but those of its batch."""

_UNANSWERED: tuple[type[Exception], ...] = (*TRANSIENT, *CONNECTION_LOST, TimeoutError)

log = structlog.get_logger(__name__)


class DecidableReads(GroupCommit[tuple[str, UUID], DecidableRun | None]):
    """Reads runs, by workspace and id, that concurrent calls decide about. A read begins after its caller asked.

    The result is None if a run is not decidable, or could not be read.
    """

    def __init__(self, database: Database) -> None:
        super().__init__("reads of decidable runs", concurrent=_CONCURRENT)
        self._database = database

    def _key(self, write: tuple[str, UUID]) -> Hashable:
        return object()  # Reads of the same run share a batch.

    def _size(self, write: tuple[str, UUID]) -> int:
        return 64

    async def _write(self, writes: Sequence[tuple[str, UUID]]) -> Sequence[DecidableRun | None]:
        try:
            async with self._database.acquire() as connection:
                return await find_decidable_runs(connection, writes)
        except _UNANSWERED:
            return [None] * len(writes)


class DecisionCommits(GroupCommit[StepWrite, bool]):
    """Writes steps that store and count decisions, at most one of each run in a batch.

    The result of a step is False if it was not written, because the run has changed or is locked, or if it is unknown
    whether it was.
    """

    def __init__(self, database: Database) -> None:
        super().__init__("decisions", concurrent=_CONCURRENT)
        self._database = database

    def _key(self, write: StepWrite) -> UUID:
        return write.run

    def _size(self, write: StepWrite) -> int:
        return write.size + sum(len(each.payload) for each in write.decisions)

    async def _write(self, writes: Sequence[StepWrite]) -> Sequence[bool]:
        try:
            async with self._database.acquire() as connection:
                written = await write_steps(connection, writes)
        except _UNANSWERED:
            return [False] * len(writes)
        return [position in written for position in range(len(writes))]


def needs_lock(plan: Plan) -> bool:
    """Return whether steps of runs with this plan are written only under the run's lock."""
    return plan.nests or plan.locks_at_end or plan.early is not None


def counting_step(
    blueprint: Blueprint, found: DecidableRun, decision: DecisionRow, audit: NewAudit, traceparent: str | None
) -> StepWrite | None:
    """Return the step that stores and counts a decision; None if it needs the run's lock, an evaluation or an upload.

    It is written only if the run has not changed since it was read, without other decisions, events and live jobs.
    """
    plan, run = blueprint.plan, found.live
    try:
        state = RunState.decode(run.state)
        index = find_waiting_node(plan, run.id, state, decision.job, AWAITING_DECISION)
        if index is None:
            return None
        event = decision_event(index, decision, approval=state.nodes[index] in AWAITING_DECISION[:1])
        decided = decide_now(blueprint, run, event, Answered())
        made = translate(blueprint, run, decided.encoded, decided.effects, live={}, reused=decided.state.reused)
    except (Unanswered, NeedsLock, NeedsUpload, NeedsResults):
        return None
    except Exception as error:
        # The slow path, which records the decision first, meets the same error and handles it.
        log.warning("decision takes the slow path", action="decide", run=str(run.id), error=type(error).__name__)
        return None
    rows = made.rows
    if made.withdrawn or not rows.only_closes_approvals or not {decision.job}.issuperset(rows.closed):
        return None
    counted = CountedDecision(
        decision.job,
        decision.resume_id,
        decision.approved,
        decision.approver,
        decision.account,
        decision.reason,
        decision.payload,
        decision.at,
        traceparent,
        closes=bool(rows.closed),
    )
    return replace(made.write, over_cancel=False, decisions=[counted], audit=[audit])
