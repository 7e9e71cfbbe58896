"""A run controlled by the test: nodes are named by id, and each expression has a fixed value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import Ask, Effect, Enqueue, RunEnded
from orvanta_platform.engine.events import (
    Answer,
    CancelRequested,
    Event,
    Failed,
    JobCancelled,
    NamedError,
    Started,
    Succeeded,
    TimerDue,
)
from orvanta_platform.engine.outcome import Decision, Need
from orvanta_platform.engine.state import Mark, RunState

E = TypeVar("E")


def job(node_id: str, *needs: Any, free: bool = False, **settings: Any) -> dict[str, Any]:
    """Return a module with a job; `free` sets an empty list of needs."""
    value = {"type": "rawscript", "language": "python3", "content": "", "input_transforms": {}}
    return _module(node_id, value, needs, free, settings)


def condition(node_id: str, expr: str, *needs: Any, free: bool = False, **settings: Any) -> dict[str, Any]:
    """Return a condition node."""
    return _module(node_id, {"type": "condition", "expr": expr}, needs, free, settings)


def on(node_id: str, outcome: str) -> dict[str, str]:
    """Return an edge for an outcome."""
    return {"node": node_id, "on": outcome}


def js(expr: str) -> dict[str, str]:
    """Return a Transform that is an expression."""
    return {"type": "javascript", "expr": expr}


def _module(
    node_id: str, value: dict[str, Any], needs: tuple[Any, ...], free: bool, settings: dict[str, Any]
) -> dict[str, Any]:
    edges = {"needs": list(needs)} if needs or free else {}
    return {"id": node_id, "value": value, **edges, **settings}


def answer(value: Any) -> Answer:
    """Return a value as an answer."""
    return Answer(msgspec.json.encode(value), bool(value))


class Driven:
    """A single run; `answers` maps the text of an expression to its value, or to the Err that it throws."""

    def __init__(
        self, *modules: dict[str, Any], answers: Mapping[str, Any] | None = None, seed: int = 0, **value: Any
    ) -> None:
        self.plan = compile_plan({"modules": list(modules), **value})
        self.state = RunState.new(self.plan)
        self.answers = {"true": True, "false": False, "boom": NamedError("TypeError", "boom"), **(answers or {})}
        self.seed = seed
        self.effects: tuple[Effect, ...] = ()
        self.all_effects: list[Effect] = []
        self.rounds: list[list[Ask]] = []

    def send(self, event: Event) -> Driven:
        """Decide one event completely, answering all questions of the engine."""
        answers: dict[tuple[str | int, ...], Answer | NamedError] = {}
        self.rounds = []
        need: Need | None = None
        while isinstance(step := decide(self.plan, self.state, event, answers, self.seed, after=need), Need):
            need = step
            assert not {ask.key for ask in step.requests} & set(answers), "asked twice"
            self.rounds.append(list(step.requests))
            answers |= {ask.key: self._answer(ask) for ask in step.requests}
        assert isinstance(step, Decision)
        self.state = RunState.decode(step.state.encode())
        assert self.state == step.state
        self.effects = step.effects
        self.all_effects += step.effects
        return self

    def _answer(self, ask: Ask) -> Answer | NamedError:
        text = ask.source if isinstance(ask.source, str) else ask.source["expr"]
        value = self.answers[text]
        return value if isinstance(value, NamedError) else answer(value)

    def index(self, node_id: str) -> int:
        """Return a node's index; the failure module has the id `failure`, the preprocessor `preprocessor`."""
        alone = {"failure": len(self.plan.nodes), "preprocessor": len(self.plan.nodes) + 1}
        return alone[node_id] if node_id in alone else self.plan.indexes[node_id]

    def start(self) -> Driven:
        """Send the first event."""
        return self.send(Started())

    def ok(self, *node_ids: str) -> Driven:
        """Let these jobs succeed, in this order."""
        for node_id in node_ids:
            self.send(Succeeded(self.index(node_id)))
        return self

    def fail(self, node_id: str, name: str = "Error", *, retryable: bool = True) -> Driven:
        """Let a job fail."""
        return self.send(Failed(self.index(node_id), name, f"{node_id} failed", retryable))

    def due(self, node_id: str) -> Driven:
        """Fire a node's timer."""
        return self.send(TimerDue(self.index(node_id)))

    def cancelled(self, node_id: str) -> Driven:
        """Cancel a node's job."""
        return self.send(JobCancelled(self.index(node_id)))

    def cancel(self, *, force: bool = False) -> Driven:
        """Cancel the run."""
        return self.send(CancelRequested(force))

    def mark(self, node_id: str) -> Mark:
        """Return a node's mark."""
        return Mark(self.state.nodes[self.index(node_id)])

    def marks(self, *node_ids: str) -> list[str]:
        """Return the lower-case names of the marks of these nodes."""
        return [self.mark(node_id).name.lower() for node_id in node_ids]

    def found(self, kind: type[E]) -> list[E]:
        """Return the effects of this type of the last event."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    @property
    def enqueued(self) -> list[str]:
        """Return the ids of the nodes enqueued by the last event."""
        return [self.plan.node(effect.node).id for effect in self.found(Enqueue)]

    @property
    def end(self) -> RunEnded | None:
        """Return the end of the run, which must have ended."""
        ends = [effect for effect in self.all_effects if isinstance(effect, RunEnded)]
        assert len(ends) <= 1, "ended twice"
        return ends[0] if ends else None
