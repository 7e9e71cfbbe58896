"""Random workflows whose nodes sleep and wait for approvals: waits delay the outcome but do not change it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from tests.unit.engine.generate import Scenario, scenario
from tests.unit.engine.simulated import Simulated
from tests.unit.engine.test_engine_property import check_end, check_replay

from orvanta_platform.engine.effects import CloseWait, DropTimer, Effect, OpenWait, SetTimer
from orvanta_platform.engine.events import (
    Approved,
    CancelRequested,
    DeadlineDue,
    Rejected,
    Started,
    Succeeded,
    TimerDue,
)
from orvanta_platform.engine.state import Mark
from orvanta_platform.engine.states import Status

RUNS = int(os.environ.get("PROPERTY_RUNS", "300"))
RECORD = b'{"value":null}'


def waiting(seed: int) -> Scenario:
    """Return the scenario of a seed, in which half of the nodes sleep or suspend."""
    made, rng = scenario(seed), Random(seed)
    modules = []
    for module in made.value["modules"]:
        more: dict[str, object] = {}
        if rng.random() < 0.3:
            more["sleep"] = {"type": "javascript", "expr": "30"}
        if rng.random() < 0.3:
            more["suspend"] = {"required_events": rng.randint(1, 2)} | ({"timeout": 60} if rng.random() < 0.5 else {})
        modules.append(module | more)
    return replace(made, value={**made.value, "modules": modules})


class Patient(Simulated):
    """Simulation with users who decide approvals, and with timers of nodes that have ended."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.asked: dict[int, int] = {}
        self.clocks: set[int] = set()
        self.deadlines: set[int] = set()

    def run(self) -> None:
        """Simulate the run, from the first event to the final checks."""
        self.send(Started())
        steps = 0
        while self.end is None:
            asleep = self.clocks | set(self.asked)
            assert self.available or self.running or self.timers or asleep, "the run waits without a reason"
            assert {node for node, mark in enumerate(self.state.nodes) if mark == Mark.SUSPENDED} == set(self.asked)
            if steps == self.cancel_after:
                self.cancel()
            elif asleep and (self.rng.random() < 0.3 or not (self.available or self.running or self.timers)):
                self.end_wait(self.rng.choice(sorted(asleep)))
            else:
                self.act()
            steps += 1
            assert steps < 1_000, "the run does not end"
        assert not (self.asked or self.clocks or self.deadlines), "a wait outlives its run"

    def end_wait(self, node: int) -> None:
        """End the wait of a sleeping node, or approve a waiting one, sometimes twice or too late."""
        if node in self.clocks:
            self.clocks.remove(node)
            self.due(node)
            return
        self.asked[node] -= 1
        self.send(Approved(node, RECORD))
        if node not in self.asked:
            for late in (Approved(node, RECORD), Rejected(node, RECORD, "bob"), DeadlineDue(node, RECORD)):
                before = self.state
                self.send(late)
                assert self.state == before, "a late answer changed something"

    def repeat(self, node: int) -> None:
        """Send an event for a node that has ended and whose edges do not wait."""
        if node not in self.clocks and node not in self.asked:
            super().repeat(node)

    def due(self, node: int) -> None:
        """End the sleep of a node."""
        self.happened.add("slept")
        self.send(TimerDue(node))

    def apply(self, effect: Effect) -> None:
        match effect:
            case SetTimer(node, "wait"):
                assert not self.cancelled and node in self.ended and node not in self.clocks
                self.clocks.add(node)
            case SetTimer(node, _):
                self.deadlines.add(node)
            case DropTimer(node, "wait"):
                # A timer may be deleted before it is set: the node would have slept after its approval.
                self.clocks.discard(node)
            case DropTimer(node, _):
                self.deadlines.remove(node)
            case OpenWait(node):
                assert not self.cancelled and node in self.ended and node not in self.asked
                consent = self.plan.node(node).suspend
                assert consent is not None
                self.asked[node] = consent.required
                self.happened.add("asked")
            case CloseWait(node):
                del self.asked[node]
            case _:
                super().apply(effect)


@pytest.mark.extended
def test_random_waiting_runs_have_the_same_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    had: Counter[str] = Counter()
    for seed in range(RUNS):
        run = Patient(waiting(seed))
        try:
            run.run()
            check_end(run)
            check_replay(run)
            assert run.end is not None and run.state.held == {}
        except Exception as error:
            raise AssertionError(f"waiting({seed}): {error!r}") from error
        had.update(run.happened)
    with capsys.disabled():
        print(f"\n{RUNS} random runs that wait had: {dict(had)}")
    assert had["slept"] > RUNS / 4 and had["asked"] > RUNS / 4 and had["cancel"] > RUNS / 20


def test_waiting_run_can_be_cancelled() -> None:
    for seed in range(60):
        run = Patient(waiting(seed))
        run.send(Started())
        while run.end is None and not run.asked and not run.clocks:
            run.act()
        if run.end is None:
            run.cancelled = run.forced = True
            run.send(CancelRequested(force=True))
            assert run.end is not None and run.end.status is Status.CANCELLED
            assert not (run.asked or run.clocks or run.deadlines)
            assert run.send(Succeeded(0)) is None
