"""Simulation of one scenario without a database: jobs are claimed and completed in random order, with invariants."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.unit.engine import oracle
from tests.unit.engine.generate import EXPRESSIONS, THROWN, Scenario

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import (
    Ask,
    CancelJob,
    CloseTimer,
    Effect,
    Enqueue,
    Export,
    NodeEnded,
    Retry,
    RunEnded,
)
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
from orvanta_platform.engine.outcome import Need
from orvanta_platform.engine.retry import MAX_DELAY_S
from orvanta_platform.engine.state import MARK_STATE, Mark, Phase, RunState
from orvanta_platform.engine.states import NODE

Given = dict[tuple[str | int, ...], Answer | NamedError]


class Simulated:
    """Environment of decide(): a queue, timers, workers, and cancellations by users."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.rng = Random(~scenario.seed)
        self.plan = compile_plan(scenario.value)
        self.expected = oracle.predict(scenario)
        self.state = RunState.new(self.plan)
        self.log: list[tuple[Event, Given, bytes]] = []
        self.available: set[int] = set()
        self.running: set[int] = set()
        self.stopping: set[int] = set()
        self.timers: set[int] = set()
        self.attempts: Counter[str] = Counter()
        self.ended: dict[int, NodeEnded] = {}
        self.cancelled = False
        self.forced = False
        self.end: RunEnded | None = None
        self.happened: set[str] = set()
        self.cancel_after = self.rng.randint(0, 8) if self.rng.random() < 0.2 else -1

    def run(self) -> None:
        """Simulate the run, from the first event to the final checks."""
        self.send(Started())
        steps = 0
        while self.end is None:
            assert self.available or self.running or self.timers, "the run waits without a reason"
            if steps == self.cancel_after:
                self.cancel()
            else:
                self.act()
            steps += 1
            assert steps < 1_000, "the run does not end"
        assert self.forced or not (self.available or self.running or self.timers), "a job outlives its run"
        for event in (Started(), Succeeded(0), CancelRequested(force=True)):
            assert decide(self.plan, self.state, event, {}).effects == ()

    def act(self) -> None:
        """Perform one action: a claim, a completion, a timer, or occasionally a duplicate event."""
        moves = [
            *(("claim", node) for node in sorted(self.available)),
            *(("finish", node) for node in sorted(self.running)),
        ]
        if not moves or self.rng.random() < 0.2:
            moves += [("due", node) for node in sorted(self.timers)]
        what, node = self.rng.choice(moves)
        if what == "claim":
            self.available.remove(node)
            self.running.add(node)
        elif what == "finish":
            self.finish(node)
        else:
            self.timers.remove(node)
            self.send(TimerDue(node))
        if self.ended and self.rng.random() < 0.1:
            self.repeat(self.rng.choice(sorted(self.ended)))

    def repeat(self, node: int) -> None:
        """Send a duplicate event for a node that has ended."""
        late: list[Event] = [
            Succeeded(node),
            Failed(node, "Error", "late"),
            TimerDue(node),
            JobCancelled(node),
        ]
        before = self.state
        self.send(self.rng.choice(late))
        assert self.state == before, "a late event changed something"

    def finish(self, node: int) -> None:
        """Complete a running job as specified by the scenario, or as stopped if a stop was requested."""
        self.running.remove(node)
        node_id = self.plan.node(node).id
        self.attempts[node_id] += 1
        if node in self.stopping and self.rng.random() < 0.6:
            self.send(JobCancelled(node))
        elif self.scenario.succeeds(node_id, self.attempts[node_id]):
            self.send(Succeeded(node))
        else:
            self.send(Failed(node, "Error", f"{node_id} failed"))

    def cancel(self) -> None:
        """Cancel the run, sometimes with force."""
        self.cancelled = True
        self.happened.add("cancel")
        self.send(CancelRequested(force=False))
        if self.end is None and self.rng.random() < 0.8:
            self.forced = True
            self.happened.add("cancel by force")
            self.send(CancelRequested(force=True))

    def send(self, event: Event) -> None:
        """Decide an event, check the decision, and apply it."""
        before, answers = self.state.encode(), Given()
        arguments = (self.plan, self.state, event, answers, self.scenario.seed)
        need: Need | None = None
        while isinstance(step := decide(*arguments, after=need), Need):
            assert step == decide(*arguments), "continuing and deciding from the start differ"
            need = step
            assert step.requests and not {ask.key for ask in step.requests} & set(answers)
            answers |= {ask.key: evaluate(ask) for ask in step.requests}
        assert step == decide(*arguments), "continuing and deciding from the start differ"
        assert self.state.encode() == before, "decide changed its argument"
        self.state = step.state
        self.log.append((event, answers, step.state.encode()))
        assert RunState.decode(step.state.encode()) == step.state
        for effect in step.effects:
            self.apply(effect)
        self.withdraw([effect for effect in step.effects if isinstance(effect, CancelJob)])

    def withdraw(self, effects: list[CancelJob]) -> None:
        """Withdraw the jobs that no worker has claimed, and report each withdrawal to the engine."""
        for effect in effects:
            if effect.node in self.available:
                self.available.remove(effect.node)
                self.send(JobCancelled(effect.node))
                assert self.state.nodes[effect.node] == Mark.CANCELLED
            elif effect.node in self.running and effect.stop:
                self.stopping.add(effect.node)

    def apply(self, effect: Effect) -> None:
        """Apply an effect and check that it is allowed."""
        assert self.end is None, "something follows the end"
        match effect:
            case Enqueue(node, timeout_s, failures):
                self.check_begin(node, failures)
                assert timeout_s in (None, 30.0)
                self.available.add(node)
            case Retry(node, delay_s, failures):
                assert not self.cancelled and failures == self.attempts[self.plan.node(node).id]
                assert 0 <= delay_s <= MAX_DELAY_S
                self.timers.add(node)
                self.happened.add("retried")
            case CloseTimer(node):
                self.timers.remove(node)
                self.happened.add("retry closed")
            case NodeEnded(node):
                assert node not in self.ended, "a result is recorded twice"
                self.ended[node] = effect
                if self.forced:
                    self.available.discard(node)
                    self.running.discard(node)
            case Export():
                assert not self.cancelled
                self.happened.add("exported")
            case RunEnded():
                self.end = effect
                self.happened.add("recovered" if effect.recovered else effect.status.value)

    def check_begin(self, index: int, failures: int) -> None:
        """Check that no job starts before its edges are taken, after a cancellation, or a second time."""
        assert not self.cancelled and index not in self.available | self.running
        node_id = self.plan.node(index).id
        assert failures == self.attempts[node_id]
        if index == len(self.plan.nodes):
            assert self.state.phase is Phase.FAILURE_MODULE
            return
        assert self.state.phase is Phase.NORMAL
        module = self.scenario.value["modules"][index]
        verdicts = [self.verdict(*edge) for edge in oracle.needs(self.scenario.value, node_id)]
        match module.get("join", "all"):
            case "all":
                assert all(verdict is True for verdict in verdicts)
            case "settled":
                assert None not in verdicts and (not verdicts or True in verdicts)
            case _:
                assert not verdicts or True in verdicts
        if "failure" in [on for _, on in oracle.needs(self.scenario.value, node_id)]:
            self.happened.add("failure edge taken")

    def verdict(self, source: str, outcome: str) -> bool | None:
        """Return True if an edge is taken, False if not, and None while it is undecided."""
        if MARK_STATE[self.state.nodes[self.plan.indexes[source]]] not in NODE.final:
            return None
        return outcome in oracle.OUTCOMES[self.expected.ends[source]]

    def ends(self) -> dict[str, str]:
        """Return the outcome of each node as the oracle names it, or else the name of its mark."""
        words = {Mark.SUCCEEDED: "success", Mark.FAILED: "failure", Mark.UNHANDLED: "failure"}
        marks = [Mark(mark) for mark in self.state.nodes[: len(self.plan.nodes)]]
        return {node.id: words.get(mark, mark.name.lower()) for node, mark in zip(self.plan.nodes, marks, strict=True)}


def evaluate(ask: Ask) -> Answer | NamedError:
    """Return the answer to an expression of the generator."""
    value = EXPRESSIONS[ask.source if isinstance(ask.source, str) else ask.source["expr"]]
    if value is THROWN:
        return NamedError("TypeError", "Cannot read properties of undefined (reading 'x')")
    return Answer(str(value).lower().encode(), bool(value))
