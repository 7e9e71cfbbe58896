"""The slow path: lock the run, process its pending events, decide, write, commit.

Each event is decided and written separately, all within one transaction, so that each write holds the result of
one decision. Evaluation and uploads happen outside the transaction; the run is then locked again.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import msgspec
import structlog
from msgspec.structs import replace

from orvanta_platform import clock
from orvanta_platform.control.keys import InstanceKeys
from orvanta_platform.db import approvals as approval_rows
from orvanta_platform.db import jobs as job_rows
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.db.jobs import LiveJob
from orvanta_platform.db.notify import Notifier
from orvanta_platform.db.pool import CONNECTION_LOST, TRANSIENT, Connection, Database
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.steps import StepWrite, write_steps
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine.events import CancelRequested, Event, JobCancelled, Started, TimerDue
from orvanta_platform.engine.state import Phase, RunState, StateTooNew
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.process import EvaluatorUnavailable
from orvanta_platform.orchestrator import inbox
from orvanta_platform.orchestrator.answers import Reader
from orvanta_platform.orchestrator.attempt_outcome import Finish, SecretsOpened
from orvanta_platform.orchestrator.blueprints import Blueprint, Blueprints
from orvanta_platform.orchestrator.children import notify_caller
from orvanta_platform.orchestrator.decision import Answered, Unanswered, decide_now, prepare
from orvanta_platform.orchestrator.effect_rows import translate
from orvanta_platform.orchestrator.force_fail import force_fail
from orvanta_platform.orchestrator.limits import permitted
from orvanta_platform.orchestrator.nested_advance import NestedAdvance
from orvanta_platform.orchestrator.nested_transaction import NestedTransaction
from orvanta_platform.orchestrator.sizes import Sizes
from orvanta_platform.orchestrator.step_needs import NeedsResults, NeedsUpload
from orvanta_platform.orchestrator.step_result import NeedsIO, StepResult
from orvanta_platform.orchestrator.step_rows import StepRows
from orvanta_platform.orchestrator.value_cache import RecentValues
from orvanta_platform.orchestrator.wait_outcomes import (
    cancel_event,
    find_decision_event,
    job_lost_event,
    run_event,
    wait_end_event,
)
from orvanta_platform.orchestrator.wakeups import wake_waiters
from orvanta_platform.queue.claim import NEW, UNDER_WAY
from orvanta_platform.storage import ObjectMissing, Storage

_INBOX_PAGE = 200
_FINISH = "finish"

log = structlog.get_logger(__name__)


class Tools(msgspec.Struct, frozen=True):
    """Process-wide dependencies of a step."""

    db: Database
    storage: Storage
    blueprints: Blueprints
    notify: Notifier
    keys: InstanceKeys
    evaluator: Evaluator = msgspec.field(default_factory=Evaluator)
    recent: RecentValues = msgspec.field(default_factory=RecentValues)
    sizes: Sizes = msgspec.field(default_factory=Sizes)
    cancel_grace_s: float = 10.0
    """Seconds after which a cancelled run ends, even if its workers have not answered: ORVANTA_CANCEL_GRACE_MS."""
    stuck: dict[UUID, int] = msgspec.field(default_factory=dict)
    """Number of consecutive failures to step each run."""

    @property
    def reader(self) -> Reader:
        """The reader of values for expressions."""
        return Reader(self.db, self.storage, self.recent, self.evaluator, self.keys, self.sizes)


class Advanced(msgspec.Struct, frozen=True):
    """Result of `advance`."""

    recorded: bool
    """True if the passed finish was recorded."""
    ended: bool
    """True if the run has ended."""
    counted: frozenset[tuple[UUID, int]] = frozenset()
    """Approval decisions, by job and resume id, that this call counted."""


class _PendingEvent(msgspec.Struct, frozen=True):
    """An event to process."""

    label: str
    seq: int | None = None
    """Inbox sequence number; None for the finish and for events that follow from another event."""
    text: str | None = None
    finish: Finish | None = None
    node: int | None = None
    decision: DecisionRow | None = None


@dataclass(slots=True)
class _Transaction:
    """State of the run within one transaction, updated as events are written."""

    connection: Connection
    evaluator: Evaluator
    blueprint: Blueprint
    run: RunRow
    state: RunState
    live: dict[int, LiveJob]
    first_rev: int = field(init=False)
    """Rev of the run when it was locked."""
    cancel_grace_s: float = 0.0
    """As in `Tools`."""
    queues: set[str] = field(default_factory=set)
    timers: bool = False
    stale: bool = False
    ended: bool = False
    recorded: bool = False
    more: bool = False
    recount: bool = False
    """True if decisions that were made earlier may count from now on."""
    counted: set[tuple[UUID, int]] = field(default_factory=set)
    idle: list[int] = field(default_factory=list)
    """Inbox sequence numbers of events that changed nothing; the end of a run deletes its whole inbox."""
    rows: StepRows = field(default_factory=StepRows)
    """Rows of the events so far. Its values are no longer readable after the transaction is rolled back."""
    further: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first_rev = self.run.rev


async def advance(tools: Tools, run: UUID, finish: Finish | None = None) -> Advanced:
    """Process all pending events of `run`, and `finish` if the worker still holds its job.

    Raises the database's error if the database stays unavailable, ObjectMissing, and SecretsOpened for the finish.
    """
    first, further = await _advance_one(tools, run, finish)
    queue = deque(dict.fromkeys(further))
    while queue:
        queue.extend(await _advance_further(tools, queue.popleft()))
    return first


async def _advance_further(tools: Tools, run: UUID) -> list[UUID]:
    """Advance another run that a step has sent an event to; if this fails, the sweep retries it."""
    try:
        return (await _advance_one(tools, run, None))[1]
    except Exception as error:
        log.exception("run cannot be advanced", action="advance", run=str(run), error=type(error).__name__)
        return []


async def _advance_one(tools: Tools, run: UUID, finish: Finish | None) -> tuple[Advanced, list[UUID]]:
    """Advance one run; also return the other runs that received events from it."""
    answers: dict[str, Answered] = defaultdict(Answered)
    further: list[UUID] = []
    finish_values: dict[ValueKey, bytes] = {(finish.job, "result", ""): finish.raw} if finish else {}
    counted: set[tuple[UUID, int]] = set()
    recorded = False
    while True:
        done: _Transaction | StepResult | None = None
        try:
            done = await tools.db.retrying(partial(_run_transaction, tools, run, finish, answers))
        except _LeaveTransaction as outside:
            # Other events must not read the result: it may come from a lost worker and then is never recorded.
            known = finish_values if outside.label == _FINISH else {}
            await _work_outside(tools, outside, answers[outside.label], known)
            continue
        except NeedsIO as outside:
            await outside.work()
            continue
        if done is None:
            return Advanced(recorded, True, frozenset(counted)), further
        wake_waiters(tools.notify, run, done)
        if isinstance(done, _Transaction) and done.blueprint.plan.early is not None:
            tools.notify.send(f"ended:{run}")
        recorded = recorded or done.recorded
        further += done.further
        if isinstance(done, StepResult):
            tools.recent.put_all(done.raws)
            await done.then()
        else:
            counted |= done.counted
        further += [done.run.parent] if done.ended and done.run.parent is not None else []
        if done.ended or not done.more:
            return Advanced(recorded, done.ended, frozenset(counted)), further
        finish = None if recorded else finish


async def advance_all(tools: Tools, runs: Iterable[UUID]) -> None:
    """Advance each of these runs. A run that fails does not delay the others; the sweep retries it twice."""
    for run in runs:
        try:
            await advance(tools, run)
        except Exception as error:
            log.exception("run cannot be advanced", action="advance", run=str(run), error=type(error).__name__)
            if not isinstance(error, _TEMPORARY_ERRORS):
                await _count_failure(tools, run, error)
        else:
            tools.stuck.pop(run, None)


_TEMPORARY_ERRORS = (*TRANSIENT, *CONNECTION_LOST, TimeoutError, StateTooNew, ObjectMissing, EvaluatorUnavailable)
"""Errors that pass by themselves or when an operator restores what is missing; no run is failed because of them."""

_MAX_FAILURES = 3


async def _count_failure(tools: Tools, run: UUID, error: Exception) -> None:
    """Count the failure; after `_MAX_FAILURES`, force-fail the run, so that the sweep does not retry it for ever."""
    tools.stuck[run] = tools.stuck.get(run, 0) + 1
    if tools.stuck[run] < _MAX_FAILURES:
        return
    try:
        await force_fail(tools.db, tools.notify, tools.blueprints, run, error)
        del tools.stuck[run]
    except Exception:
        log.exception("run cannot be force-failed", action="end_as_failed", run=str(run))


class _LeaveTransaction(Exception):
    """Ends the transaction so that `reason` is handled outside it, for the event `label`."""

    def __init__(self, label: str, step: _Transaction, reason: Unanswered | NeedsUpload | NeedsResults) -> None:
        super().__init__(label)
        self.label = label
        self.blueprint = step.blueprint
        self.run = step.run
        self.written_values = step.rows.values
        self.reason = reason


async def _work_outside(
    tools: Tools, outside: _LeaveTransaction, answered: Answered, finish_values: Mapping[ValueKey, bytes]
) -> None:
    known = {**await tools.reader.open(outside.written_values), **finish_values}
    await prepare(tools.reader, outside.blueprint, outside.run, outside.reason, answered, known)


async def _run_transaction(
    tools: Tools, run_id: UUID, finish: Finish | None, answers: Mapping[str, Answered], connection: Connection
) -> _Transaction | StepResult | None:
    """Process pending events in one transaction. Returns None if the run has ended."""
    run = await run_rows.lock_run(connection, run_id)
    if run is None:
        await run_rows.delete_inbox(connection, run_id)
        return None
    waiting = await run_rows.read_inbox(connection, run_id)
    blueprint = await tools.blueprints.of(connection, run)
    if blueprint.plan.nests:
        nested = NestedTransaction(
            connection, tools.reader, tools.storage, tools.recent, tools.blueprints, blueprint, run, answers
        )
        nested.cancel_grace_s = tools.cancel_grace_s
        return await NestedAdvance(nested).process(waiting, finish)
    live = await _live_jobs(connection, run_id)
    step = _Transaction(connection, tools.evaluator.of(run.workspace), blueprint, run, RunState.decode(run.state), live)
    step.more = len(waiting) == _INBOX_PAGE
    pending = deque(_PendingEvent(f"inbox {seq}", seq, text) for seq, text in waiting)
    if run.cancel_at is not None and step.state.phase is not Phase.CANCELLING:
        # Events that arrived before the cancellation follow it: they may no longer complete or start anything.
        pending.appendleft(_PendingEvent("cancel", text=inbox.write(inbox.CancelRun())))
    if finish is not None:
        pending.append(_PendingEvent(_FINISH, finish=finish))
    step.cancel_grace_s = tools.cancel_grace_s
    while pending and not step.ended:
        event = pending.popleft()
        if step.stale:
            step.live = await _live_jobs(connection, run_id)
            step.stale = False
        pending.extendleft(await _process(step, event, answers[event.label]))
        if step.recount and not step.ended:
            step.recount = False
            pending.extendleft(reversed(await _uncounted_decisions(step)))
    step.further = [] if step.ended else await notify_caller(connection, run, step.run)
    if step.idle and not step.ended:
        await run_rows.delete_events(connection, run_id, step.idle)
    step.further += await step.rows.write_last(connection, blueprint.plan, run)
    return step


async def _uncounted_decisions(step: _Transaction) -> list[_PendingEvent]:
    """Return approval decisions that the run has not counted yet."""
    rows = await approval_rows.list_uncounted(step.connection, step.run.id)
    return [_PendingEvent(f"decision {row.job} {row.resume_id}", decision=row) for row in rows]


async def _live_jobs(connection: Connection, run: UUID) -> dict[int, LiveJob]:
    return {job.node_index: job for job in await job_rows.lock_jobs_of_run(connection, run)}


async def _process(step: _Transaction, pending: _PendingEvent, answered: Answered) -> list[_PendingEvent]:
    """Decide and write one event; return the events that follow from it."""
    event = await _decision_event(step, pending.decision) if pending.decision else _event(step, pending)
    taken = (pending.decision.job, pending.decision.resume_id) if pending.decision else None
    if isinstance(event, CancelRequested) and step.run.cancel_at is None:
        await _record_cancel(step)
    if event is None:
        if pending.seq is not None:
            step.idle.append(pending.seq)
        return []
    finish, is_committed = pending.finish, step.run.rev == step.first_rev
    answered.discard_outdated(step.run, is_committed=is_committed)
    try:
        decided = decide_now(step.blueprint, step.run, event, answered)
        made = translate(
            step.blueprint,
            step.run,
            decided.encoded,
            decided.effects,
            finish=finish,
            live=step.live,
            prepared=answered.prepared,
            inbox_seq=pending.seq,
            lane=NEW if isinstance(event, Started) else UNDER_WAY,
            taken=taken,
            reused=decided.state.reused,
        )
    except (Unanswered, NeedsUpload, NeedsResults) as reason:
        if not is_committed:
            answered.rolled_back = (step.run.rev, step.run.state)
        raise _LeaveTransaction(pending.label, step, reason) from reason
    await _write(step, made.write, made.rows)
    step.state = decided.state
    step.recorded = step.recorded or finish is not None
    if taken is not None:
        step.counted.add(taken)
    return [_PendingEvent(f"{pending.label} node {node}", node=node) for node in made.withdrawn]


async def _decision_event(step: _Transaction, decision: DecisionRow) -> Event | None:
    """Return the event of an approval decision; None while its node is not waiting for one."""
    if (decision.job, decision.resume_id) in step.counted:
        return None
    return await find_decision_event(
        step.connection, step.evaluator, step.blueprint.plan, step.run.id, step.state, decision
    )


async def _record_cancel(step: _Transaction) -> None:
    """Record a cancellation that the caller of this sub-workflow sent to the inbox."""
    if await run_rows.request_cancel(step.connection, step.run.id, "", None):
        await run_rows.set_cancel_timer(step.connection, step.run.id, step.cancel_grace_s)
        step.timers = True
        step.run = replace(step.run, rev=step.run.rev + 1, cancel_at=clock.now())


async def _write(step: _Transaction, write: StepWrite, rows: StepRows) -> None:
    written = await write_steps(step.connection, [write])
    if not written:
        raise AssertionError(f"run {write.run} was not written under its own lock")
    await rows.write_waits(step.connection, write.run, step.run.workspace)
    step.rows.merge(rows)
    step.recount = step.recount or bool(rows.opened)
    woken = {wake.job for wake in write.wakes}
    step.queues |= {job.queue for job in step.live.values() if job.id in woken}
    step.queues |= {job.queue for job in write.jobs}
    step.timers = step.timers or rows.sets_timers
    step.stale = bool(write.endings or write.jobs or write.wakes)
    step.run = replace(step.run, rev=step.run.rev + 1, state=write.state, status=write.status)
    step.ended = write.end is not None


def _event(step: _Transaction, pending: _PendingEvent) -> Event | None:
    """Return the event for the engine; None if it arrived too late to have an effect."""
    if pending.node is not None:
        return JobCancelled(pending.node)
    if pending.finish is not None:
        return pending.finish.event if _is_current(step, pending.finish) else None
    waiting = inbox.read(pending.text or "")
    if isinstance(waiting, inbox.StartRun):
        return Started()
    if isinstance(waiting, inbox.CancelRun):
        return CancelRequested(waiting.force)
    if isinstance(waiting, inbox.Decided):
        step.recount = True
        return None
    if isinstance(waiting, inbox.Permitted):
        return permitted(step.blueprint.plan, step.run.id, step.state, waiting)
    if isinstance(waiting, inbox.RunEvent):
        return run_event(waiting, step.run)
    if isinstance(waiting, inbox.NodeDue | inbox.WaitEvent):
        return wait_end_event(step.blueprint.plan, step.run.id, step.state, waiting)
    if not isinstance(waiting, inbox.JobEvent):
        return None
    job = next((job for job in step.live.values() if job.id == waiting.job), None)
    if job is None:
        return cancel_event(step.blueprint.plan, step.run.id, step.state, waiting)
    match waiting:
        case inbox.CancelJob(reason=reason):
            return JobCancelled(job.node_index, reason)
        case inbox.RetryDue():
            return TimerDue(job.node_index) if job.state == "scheduled" else None
        case inbox.JobLost():
            return job_lost_event(job.node_index, job, waiting, cancelled=step.run.cancel_at is not None)


def _is_current(step: _Transaction, finish: Finish) -> bool:
    """Return whether the worker still holds the job at that attempt. Raises SecretsOpened."""
    job = step.live.get(finish.node)
    if job is None or job.state != "running":
        return False
    here = (finish.job, finish.attempt, finish.worker, finish.generation)
    if (job.id, job.attempt, job.worker, job.generation) != here:
        return False
    if finish.openings is not None and finish.openings != job.openings:
        raise SecretsOpened
    return True
