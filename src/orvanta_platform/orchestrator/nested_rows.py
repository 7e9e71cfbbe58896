"""Translation of the engine's effects on a frame, or on a list with containers, to rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from orvanta_platform.db.steps import NodeCompletion
from orvanta_platform.db.values import ValueKey
from orvanta_platform.engine import effects as fx
from orvanta_platform.engine.plan import Kind, Node
from orvanta_platform.engine.states import Status
from orvanta_platform.ids import derived_id, opening_id
from orvanta_platform.orchestrator.attempt_outcome import Finish
from orvanta_platform.orchestrator.decided_values import error_json, error_name
from orvanta_platform.orchestrator.dry_runs import recording_key
from orvanta_platform.orchestrator.effect_rows import StepBuilder
from orvanta_platform.orchestrator.frames import Counter, Frame
from orvanta_platform.orchestrator.iterations import items_key
from orvanta_platform.orchestrator.sealed_inputs import sealed_key

_FATES: dict[Status, Literal["succeeded", "failed", "cancelled"]] = {
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}


def child_id(run: UUID, opening: UUID) -> UUID:
    """Return the id of the run of a sub-workflow."""
    return derived_id(run, "child", opening)


@dataclass
class NestedRows(StepBuilder):
    """The rows of one step of one frame. `concluded` is the node whose children have ended, with its outcome."""

    within: Frame | None = None
    concluded: Counter | None = None
    result: bytes | None = None
    error: bytes | None = None
    inside: list[fx.OpenInside] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    later: list[fx.Retry] = field(default_factory=list)
    closed: list[UUID] = field(default_factory=list)
    """Containers whose timers are dropped."""
    ended: fx.RunEnded | None = None
    raws: dict[ValueKey, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.within is not None
        self.plan = self.within.plan
        self.frame = self.within.id
        self.reused = self.within.state.reused

    def _id(self, index: int) -> UUID:
        return self.within.node_id(self.run.id, index) if self.within is not None else super()._id(index)

    def take(self, effect: fx.Effect) -> None:
        """Add the rows of one effect."""
        if isinstance(effect, fx.CloseTimer) and self.plan.node(effect.node).kind.is_container:
            self.closed.append(self._id(effect.node))
        else:
            super().take(effect)

    def _open_or_cancel(self, effect: fx.OpenInside | fx.CancelChildren) -> None:
        if isinstance(effect, fx.CancelChildren):
            self.cancelled.append(effect.node)
            return
        opening = effect.opening
        id = opening_id(self.run.id, self._id(effect.node), opening.attempt)
        if opening.items is not None:
            self._store_value(items_key(id), opening.items)
        if opening.args is not None:
            self._store_value((child_id(self.run.id, id), "args", ""), opening.args, self._name(effect.node))
        if opening.sealed is not None:
            self._store_value(sealed_key(child_id(self.run.id, id)), opening.sealed)
        if opening.recorded is not None:
            self._store_value(recording_key(child_id(self.run.id, id)), opening.recorded)
        self.inside.append(effect)

    def _withdraw(self, effect: fx.CancelJob) -> None:
        """Withdraw a job inside a cancelled container immediately, like a job cancelled by itself; its worker stops it.

        In a cancelled run, the worker completes the job instead.
        """
        job = self._live(effect.node)
        stops = effect.stop and self.run.cancel_at is None
        if job is not None and (job.state == "available" or (stops and job.state == "running")):
            self.withdrawn.append(effect.node)

    def _retry(self, effect: fx.Retry) -> None:
        if self.plan.node(effect.node).kind.is_container:
            self.later.append(effect)
        else:
            super()._retry(effect)

    def _own_finish(self, index: int) -> Finish | None:
        return self.finish if self.finish is not None and self.finish.job == self._id(index) else None

    def _position(self) -> tuple[UUID | None, int | None]:
        frame = self.within
        if frame is None or frame.id is None or frame.holder is None:
            return None, None
        if len(frame.plan.nodes) == 1:
            return frame.holder.opening(self.run.id), frame.place
        return frame.id, None

    def _without_job(self, node: Node, fate: Any, error_name: str | None) -> NodeCompletion:
        made = super()._without_job(node, fate, error_name)
        counter = self.concluded
        if counter is None or counter.id != made.id:
            return made
        return NodeCompletion(
            made.id,
            made.node,
            made.node_index,
            made.kind,
            made.state,
            made.error_name,
            made.parent,
            made.place,
            failures=counter.attempt,
            started_at=counter.begun_at,
        )

    def _result(self, effect: fx.NodeEnded) -> bytes:
        counter = self.concluded
        if counter is None or counter.node.index != effect.node or effect.result is not None:
            return super()._result(effect)
        if effect.error is not None and self.error is None:
            # The contents succeeded; an expression of the node itself failed.
            return super()._result(effect)
        outcome = self.error if effect.continued else self.result
        return outcome if outcome is not None else super()._result(effect)

    def _error(self, effect: fx.NodeEnded) -> bytes | None:
        counter = self.concluded
        if counter is not None and counter.node.index == effect.node and self.error is not None:
            return self.error
        return super()._error(effect)

    def _store_value(self, key: ValueKey, raw: bytes, node: str | None = None) -> None:
        super()._store_value(key, raw, node)
        self.raws[key] = raw

    def _record(self, effect: fx.Record) -> None:
        if self.frame is None or effect.kind not in ("run_started", "run_ended"):
            super()._record(effect)

    def _set_status(self, effect: fx.RunStatus) -> None:
        if self.frame is None:
            super()._set_status(effect)

    def _end_run(self, effect: fx.RunEnded) -> None:
        self.ended = effect
        frame = self.within
        if frame is None or frame.id is None or frame.holder is None:
            super()._end_run(effect)
            return
        of = self._of_frame(effect, frame.id)
        if len(frame.plan.nodes) == 1 and not isinstance(effect.result, fx.ThrownOutput):
            return
        self.rows.nodes.append(
            NodeCompletion(
                frame.id,
                frame.holder.node.id,
                frame.holder.node.number,
                "frame",
                _FATES[effect.status],
                error_name(effect, self.errors),
                frame.holder.opening(self.run.id),
                frame.place,
                of,
                started_at=frame.begun_at,
            )
        )

    def _of_frame(self, effect: fx.RunEnded, frame: UUID) -> UUID | None:
        match effect.result:
            case fx.OfNode(index) | fx.ErrorOf(index):
                return self._value_id(index)
            case fx.Output(raw):
                self._store_value((frame, "result", ""), raw)
            case fx.ThrownOutput(error):
                holder = self.within.holder if self.within else None
                self._store_value((frame, "result", ""), error_json(error, holder.node.id if holder else None))
            case fx.NodeResults():
                self._store_value((frame, "result", ""), self.prepared.composed or b"{}")
            case fx.NullResult():
                self._store_value((frame, "result", ""), b"null")
        return None


def has_job(node: Node, *, inner: bool) -> bool:
    """Return whether a node may have a live job."""
    return node.kind.is_job and not (inner and node.kind is Kind.IDENTITY)
