"""Translation of the engine's effects to the rows of one write. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from orvanta_platform.db.approvals import NewApproval
from orvanta_platform.db.cache import NewCached
from orvanta_platform.db.jobs import LiveJob
from orvanta_platform.db.notices import NewNotice
from orvanta_platform.db.pauses import NewPause
from orvanta_platform.db.runs import RunRow
from orvanta_platform.db.steps import JobCompletion, NewEvent, NewJob, NodeCompletion, RetryWake, RunEnd, StepWrite
from orvanta_platform.db.values import ValueKey
from orvanta_platform.db.waits import NodeTimer
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.plan import Kind, Node, Plan
from orvanta_platform.engine.reused_results import ReusedResults
from orvanta_platform.engine.states import NodeState
from orvanta_platform.ids import derived_id, inner_job_id
from orvanta_platform.orchestrator import values
from orvanta_platform.orchestrator.attempt_outcome import Finish, input_values
from orvanta_platform.orchestrator.blueprints import Blueprint, work_of
from orvanta_platform.orchestrator.context_events import export_data
from orvanta_platform.orchestrator.decided_values import error_json, error_name
from orvanta_platform.orchestrator.limits import queue_entry
from orvanta_platform.orchestrator.paused_inputs import EDITED
from orvanta_platform.orchestrator.simulated_events import SIMULATED, simulated_data
from orvanta_platform.orchestrator.step_debounce import entry_of
from orvanta_platform.orchestrator.step_needs import NeedsLock, NeedsResults, NeedsUpload, Prepared
from orvanta_platform.orchestrator.step_rows import StepRows
from orvanta_platform.orchestrator.view import ERROR, job_id
from orvanta_platform.orchestrator.wakeups import is_wait_change

_MESSAGE_CHARS = 20_000

_Outcome = Literal["succeeded", "failed", "cancelled"]
_FATES: Mapping[NodeState, _Outcome] = {
    NodeState.SUCCEEDED: "succeeded",
    NodeState.FAILED: "failed",
    NodeState.CANCELLED: "cancelled",
}
CANCELLED = msgspec.json.encode({"error": {"name": "Canceled", "message": "The run was cancelled."}})


@dataclass(slots=True)
class StepBuilder:
    """Collects the rows of one step; created by `translate`."""

    blueprint: Blueprint
    run: RunRow
    finish: Finish | None
    live: Mapping[int, LiveJob] | None
    prepared: Prepared
    status: str
    lane: int = 0
    reused: ReusedResults | None = None
    """Results that the list reuses from another run."""
    plan: Plan = field(init=False)
    frame: UUID | None = None
    rows: StepRows = field(default_factory=StepRows)
    withdrawn: list[int] = field(default_factory=list)
    """Nodes whose pending job is withdrawn; JobCancelled follows for each."""
    missing: dict[ValueKey, bytes] = field(default_factory=dict)
    """Values to upload before the step is written."""
    errors: dict[int, str] = field(default_factory=dict)
    """Error names of the nodes that failed in this step."""

    def __post_init__(self) -> None:
        self.plan = self.blueprint.plan

    def take(self, effect: fx.Effect) -> None:
        """Add the rows of one effect."""
        match effect:
            case fx.Enqueue():
                self._enqueue(effect)
            case fx.EnterGate():
                self._enter(effect)
            case fx.EnterDebounce():
                self._require_lock()
                self.rows.debounce_entries.append(
                    entry_of(effect, self.plan, self.run, self._id(effect.node), self.frame)
                )
            case fx.LeaveDebounce(index):
                self._require_lock()
                self.rows.debounce_exits.append(self._id(index))
            case fx.Pause(index, by, threw):
                self._require_lock()
                self.rows.paused.append(NewPause(self._id(index), self.frame, self._name(index), by, threw))
            case fx.EndPause(index):
                self._require_lock()
                self.rows.resumed.append(self._id(index))
            case fx.StoreInputs(index, raw):
                self._store_value((self._id(index), "args", EDITED), raw)
            case fx.Retry():
                self._retry(effect)
            case fx.CancelJob():
                self._withdraw(effect)
            case fx.CloseTimer():
                self._live(effect.node)
            case fx.SetTimer():
                self._wait(effect)
            case fx.DropTimer(index, kind):
                self._live(index)
                self.rows.dropped.append((self._id(index), kind))
            case fx.OpenWait():
                self._open(effect)
            case fx.CloseWait(index):
                self._live(index)
                self.rows.closed.append(self._id(index))
            case fx.StoreResume(index, number, raw):
                self._store_value((self._id(index), "resume", str(number)), raw)
            case fx.NodeEnded():
                self._end_node(effect)
            case fx.Export():
                self._export(effect)
            case fx.Input(_, result):
                for key, raw in input_values(self.run.id, result, self.finish).items():
                    self._store_value(key, raw)
            case fx.RunStatus():
                self._set_status(effect)
            case fx.Record():
                self._record(effect)
            case fx.RunEnded():
                self._end_run(effect)
            case fx.CacheResult():
                self._cache(effect)
            case fx.Simulated():
                self._simulate(effect)
            case fx.OpenInside() | fx.CancelChildren():
                self._open_or_cancel(effect)

    def _cache(self, effect: fx.CacheResult) -> None:
        self._require_lock()
        ended = self.rows.end.result_of if self.rows.end else None
        of = self._value_id(effect.node) if effect.node is not None else ended
        self.rows.cached.append(NewCached(bytes.fromhex(effect.key), self.run.id, of, effect.ttl_s))

    def _id(self, index: int) -> UUID:
        return job_id(self.plan, self.run.id, index, self.frame)

    def _value_id(self, index: int) -> UUID:
        """Return the id of the job whose value is the result of a node."""
        origin = self.reused.origin(index) if self.reused is not None else None
        return inner_job_id(origin.run, origin.frame, self._name(index)) if origin is not None else self._id(index)

    def _name(self, index: int) -> str:
        return self.plan.node(index).id

    def _set_status(self, effect: fx.RunStatus) -> None:
        self.status = effect.status.value
        if self.run.parent is not None and is_wait_change(self.run.status, self.status):
            self._require_lock()

    def _open_or_cancel(self, effect: fx.OpenInside | fx.CancelChildren) -> None:
        """Raise NeedsLock: the contents of a node are opened and ended only under the run's lock."""
        raise NeedsLock

    def _live(self, index: int) -> LiveJob | None:
        self._require_lock()
        return self.live.get(index) if self.live is not None else None

    def _require_lock(self) -> None:
        if self.live is None:
            raise NeedsLock

    def _enqueue(self, effect: fx.Enqueue) -> None:
        node = self.plan.node(effect.node)
        self.blueprint.require_executable(node)
        work = work_of(self.blueprint, node, self.run)
        timeout_s = effect.timeout_s if effect.timeout_s is not None else work.timeout_s
        if effect.failures:
            self.rows.wakes.append(RetryWake(self._id(effect.node), timeout_s))
            return
        parent, place = self._position()
        self.rows.jobs.append(
            NewJob(
                id=self._id(effect.node),
                node=None if self.plan.single else node.id,
                node_index=node.number,
                kind=work.kind,
                language=work.language,
                path=work.path,
                queue=work.queue,
                priority=self.run.priority if node.priority is None else node.priority,
                lane=self.lane,
                timeout_s=timeout_s,
                frame=self.frame,
                parent=parent,
                place=place,
            )
        )

    def _simulate(self, effect: fx.Simulated) -> None:
        """Record what a node that a dry run does not execute would have received."""
        node = self.plan.node(effect.node)
        if effect.inputs is not None:
            self._store_value((self._id(effect.node), "args", ""), effect.inputs, node.id)
        data = simulated_data(self.blueprint, self.run, node, effect, self._id(effect.node))
        self.rows.events.append(NewEvent(SIMULATED, node.id, data))

    def _enter(self, effect: fx.EnterGate) -> None:
        self._require_lock()
        job = self.run.id if effect.node is None else self._id(effect.node)
        gated = self.blueprint.plan.gate is not None
        entry, event = queue_entry(effect, self.plan, self.run, job, self.frame, gated=gated)
        self.rows.gate_entries.append(entry)
        self.rows.events.append(event)

    def _leave(self, index: int) -> None:
        """Release the permit of a node that has ended or waits for its retry."""
        if self.plan.node(index).gate is not None:
            self._require_lock()
            self.rows.gate_exits.append(self._id(index))

    def _position(self) -> tuple[UUID | None, int | None]:
        """Return `parent` and `place` of a node's row."""
        return None, None

    def _retry(self, effect: fx.Retry) -> None:
        finish = self._own_finish(effect.node)
        if finish is None:
            raise NeedsLock
        self._leave(effect.node)
        self.rows.endings.append(finish.ending("scheduled", due_in_s=effect.delay_s))

    def _withdraw(self, effect: fx.CancelJob) -> None:
        job = self._live(effect.node)
        if job is not None and job.state == "available":
            self.withdrawn.append(effect.node)

    def _wait(self, effect: fx.SetTimer) -> None:
        self._live(effect.node)
        at = datetime.fromisoformat(effect.until) if effect.until else None
        self.rows.timers.append(NodeTimer(self._id(effect.node), effect.kind, effect.seconds, at))

    def _open(self, effect: fx.OpenWait) -> None:
        self._live(effect.node)
        self.rows.opened.append(_approval_of(effect, self.plan.node(effect.node), self.run, self._id(effect.node)))

    def _own_finish(self, index: int) -> Finish | None:
        return self.finish if self.finish is not None and self.finish.node == index else None

    def _end_node(self, effect: fx.NodeEnded) -> None:
        fate = _FATES[effect.state]
        self._leave(effect.node)
        if effect.error is not None:
            self.errors[effect.node] = effect.error.name
        finish = self._own_finish(effect.node)
        if finish is not None:
            self._end_finished(effect, finish, fate)
            return
        job = self.live.get(effect.node) if self.live is not None else None
        error_name = effect.error.name if effect.error else None
        if job is not None:
            self.rows.endings.append(JobCompletion(job.id, job.attempt, job.worker, job.generation, fate, error_name))
        elif not self.plan.single:
            self.rows.nodes.append(self._without_job(self.plan.node(effect.node), fate, error_name))
        self._store_value((self._id(effect.node), "result", ""), self._result(effect))
        error = self._error(effect)
        if error is not None:
            self._store_value((self._id(effect.node), "result", ERROR), error)

    def _error(self, effect: fx.NodeEnded) -> bytes | None:
        """Return the error of a container, which is stored separately from its result; None for other nodes."""
        if effect.error is None or not self.plan.node(effect.node).kind.is_container:
            return None
        return error_json(effect.error, self._name(effect.node))

    def _without_job(self, node: Node, fate: _Outcome, error_name: str | None) -> NodeCompletion:
        kind = "flownode" if node.kind is Kind.CONDITION else node.kind.value
        parent, place = self._position()
        return NodeCompletion(self._id(node.index), node.id, node.number, kind, fate, error_name, parent, place)

    def _end_finished(self, effect: fx.NodeEnded, finish: Finish, fate: _Outcome) -> None:
        replaced = effect.error is not None and effect.error != finish.error
        self.rows.endings.append(finish.ending(fate, error_name=effect.error.name if effect.error else None))
        if replaced or finish.cancelled:
            self._store_value((finish.job, "result", ""), self._result(effect))
        else:
            self.rows.values.append(finish.value)
        name = None if self.plan.single else self._name(effect.node)
        self.rows.events += [near.event(name) for near in finish.nears]
        if finish.cached is not None:
            self.rows.events.append(NewEvent("cached", name, msgspec.json.encode({"run": str(finish.cached)}).decode()))

    def _result(self, effect: fx.NodeEnded) -> bytes:
        if effect.result is not None:
            return effect.result
        if effect.error is not None:
            return error_json(effect.error, None if self.plan.single else self._name(effect.node))
        return CANCELLED

    def _store_value(self, key: ValueKey, raw: bytes, node: str | None = None) -> None:
        if (ready := self.prepared.uploads.get(key)) is not None:
            self.rows.values.append(ready)
            self.rows.events += self.prepared.warnings(key, node)
        elif len(raw) <= values.INLINE_LIMIT:
            kind: Any = key[1]
            self.rows.values.append(values.inline_row(key[0], kind, raw, key[2]))
        else:
            self.missing[key] = raw

    def _export(self, effect: fx.Export) -> None:
        self._store_value((self.run.id, "context", effect.name), effect.raw, self._name(effect.node))
        self.rows.events.append(NewEvent("export", self._name(effect.node), export_data(effect.name, effect.raw)))

    def _record(self, effect: fx.Record) -> None:
        if effect.kind == "run_started" and self.run.timeout_s is not None and not self.plan.single:
            self._require_lock()
            self.rows.timers.append(NodeTimer(self.run.id, "timeout", self.run.timeout_s))
        name = self._name(effect.node) if effect.node is not None else None
        self.rows.events.append(
            NewEvent(effect.kind, name, msgspec.json.encode(effect.data).decode() if effect.data else None)
        )

    def _end_run(self, effect: fx.RunEnded) -> None:
        if self.blueprint.plan.locks_at_end:
            self._require_lock()
        status: Any = effect.status.value
        name = error_name(effect, self.errors)
        of = self._result_of(effect.result)
        reports = self.run.parent is not None
        self.rows.end = RunEnd(status, effect.recovered, name, of, reports, effect.skipped)

    def _result_of(self, result: fx.ResultRef) -> UUID | None:
        match result:
            case fx.NullResult():
                return None
            case fx.OfNode(index) | fx.ErrorOf(index):
                return self._value_id(index)
            case fx.NodeResults(members):
                if self.prepared.composed is None:
                    finish_value = self.finish.value if self.finish else None
                    raise NeedsResults(members, [value for value in self.rows.values if value is not finish_value])
                raw = self.prepared.composed
            case fx.Output(output):
                raw = output
            case fx.ThrownOutput(error):
                raw = error_json(error, None)
        self._store_value((self.run.id, "result", ""), raw)
        return self.run.id


class DecidedStep(msgspec.Struct, frozen=True):
    """The rows of one decision."""

    write: StepWrite
    rows: StepRows
    """All rows, including those of `write`."""
    withdrawn: list[int]
    """Nodes whose pending jobs are withdrawn."""


def translate(
    blueprint: Blueprint,
    run: RunRow,
    state: bytes,
    effects: Iterable[fx.Effect],
    *,
    finish: Finish | None = None,
    live: Mapping[int, LiveJob] | None = None,
    prepared: Prepared | None = None,
    inbox_seq: int | None = None,
    lane: int = 0,
    taken: tuple[UUID, int] | None = None,
    reused: ReusedResults | None = None,
) -> DecidedStep:
    """Return the rows of a decision. `state` is the new encoded state.

    `live` holds the run's live jobs by node if its lock is held. Without it (the fast path), a decision that affects
    other jobs raises NeedsLock. Raises NeedsUpload and NeedsResults for work that must be done first. `taken` is the
    approval decision that the event was made of. `reused` is that of the state.
    """
    builder = StepBuilder(blueprint, run, finish, live, prepared or Prepared(), run.status, lane, reused)
    for effect in effects:
        builder.take(effect)
    if builder.missing:
        raise NeedsUpload(builder.missing)
    rows = builder.rows
    if taken is not None:
        rows.counted.append(taken)
    write = rows.statement(run, state, builder.status, over_cancel=live is not None, inbox_seq=inbox_seq)
    return DecidedStep(write, rows, builder.withdrawn)


def _approval_of(effect: fx.OpenWait, node: Node, run: RunRow, job: UUID) -> NewApproval:
    """Return the row of a wait that opens, with its notifications. `job` is the id of the node's job."""
    fields = {"id": str(run.id), "path": run.path or "", "created_by": run.created_by}
    parts = [fields.get(part[1:], "") if part.startswith("\0") else part for part in effect.message]
    kind = "approval" if node.kind is Kind.APPROVAL else "suspend"
    groups, form, inputs = (text.decode() if text else None for text in (effect.groups, effect.form, effect.inputs))
    notify = node.approval.notify if node.approval else ()
    notices = tuple(
        NewNotice(derived_id(job, "notice", index), job, str(each["channel"]), str(each["resource"]))
        for index, each in enumerate(notify)
    )
    consent = node.approval if node.kind is Kind.APPROVAL else node.suspend
    approvers = consent.approvers if consent else ()
    return NewApproval(job, node.id, kind, "".join(parts)[:_MESSAGE_CHARS], groups, notices, form, inputs, approvers)
