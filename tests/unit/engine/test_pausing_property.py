"""Random workflows with breakpoints: pauses delay the outcome but do not change it."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from tests.unit.engine.generate import Scenario, scenario
from tests.unit.engine.simulated import Simulated
from tests.unit.engine.test_engine_property import check_end, check_replay

from orvanta_platform.engine.effects import Effect, EndPause, Pause
from orvanta_platform.engine.events import Continued, PauseBefore, Started
from orvanta_platform.engine.state import Mark

RUNS = int(os.environ.get("PROPERTY_RUNS", "200"))


class Held(Simulated):
    """Simulation with a user who sets breakpoints and resumes nodes at random times."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.paused: set[int] = set()

    def run(self) -> None:
        """Simulate the run, from the first event to the final checks."""
        for node in self.plan.all_nodes:
            if self.rng.random() < 0.4:
                self.send(PauseBefore(node.number, "ann"))
        self.send(Started())
        steps = 0
        while self.end is None:
            others = self.available or self.running or self.timers
            assert others or self.paused, "the run waits without a reason"
            assert {at for at, mark in enumerate(self.state.nodes) if mark == Mark.PAUSED} == self.paused
            if steps == self.cancel_after:
                self.cancel()
            elif self.paused and (self.rng.random() < 0.3 or not others):
                self.resume(self.rng.choice(sorted(self.paused)))
            elif self.rng.random() < 0.1:
                node = self.rng.choice(self.plan.all_nodes)
                self.send(PauseBefore(node.number, "bob", on=self.rng.random() < 0.5))
            else:
                self.act()
            steps += 1
            assert steps < 1_000, "the run does not end"
        assert not self.paused, "a pause outlives its run"

    def resume(self, node: int) -> None:
        """Resume a node, and send a second request to resume it, which is too late."""
        self.send(Continued(node, "ann"))
        before = self.state
        self.send(Continued(node, "bob"))
        assert self.state == before and node not in self.paused

    def apply(self, effect: Effect) -> None:
        match effect:
            case Pause(node, _):
                assert not self.cancelled and node not in self.ended and node not in self.paused
                assert not self.attempts[self.plan.node(node).id], "the node has started"
                self.paused.add(node)
                self.happened.add("paused")
            case EndPause(node):
                self.paused.remove(node)
            case _:
                super().apply(effect)


def test_random_paused_runs_have_the_same_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    had: Counter[str] = Counter()
    for seed in range(RUNS):
        run = Held(scenario(seed))
        try:
            run.run()
            check_end(run)
            check_replay(run)
        except Exception as error:
            raise AssertionError(f"scenario({seed}): {error!r}") from error
        had.update(run.happened)
    with capsys.disabled():
        print(f"\n{RUNS} random runs that are paused had: {dict(had)}")
    assert had["paused"] > RUNS / 4 and had["cancel"] > RUNS / 20
