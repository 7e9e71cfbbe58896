"""Random workflows with breakpoints: what comes of them is what comes without, only later."""

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
    """The world with somebody who sets breakpoints and lets nodes go on, at any time."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.paused: set[int] = set()

    def run(self) -> None:
        """Everything, from the first event to the checks at the end."""
        for node in self.plan.all_nodes:
            if self.rng.random() < 0.4:
                self.send(PauseBefore(node.number, "ann"))
        self.send(Started())
        steps = 0
        while self.end is None:
            others = self.available or self.running or self.timers
            assert others or self.paused, "waits without a reason"
            assert {at for at, mark in enumerate(self.state.nodes) if mark == Mark.PAUSED} == self.paused
            if steps == self.cancel_after:
                self.cancel()
            elif self.paused and (self.rng.random() < 0.3 or not others):
                self.go_on(self.rng.choice(sorted(self.paused)))
            elif self.rng.random() < 0.1:
                node = self.rng.choice(self.plan.all_nodes)
                self.send(PauseBefore(node.number, "bob", on=self.rng.random() < 0.5))
            else:
                self.move()
            steps += 1
            assert steps < 1_000, "does not end"
        assert not self.paused, "a pause outlives its run"

    def go_on(self, node: int) -> None:
        """Somebody lets it go on, and somebody else comes too late."""
        self.send(Continued(node, "ann"))
        before = self.state
        self.send(Continued(node, "bob"))
        assert self.state == before and node not in self.paused

    def apply(self, effect: Effect) -> None:
        match effect:
            case Pause(node, _):
                assert not self.cancelled and node not in self.ended and node not in self.paused
                assert not self.attempts[self.plan.node(node).id], "it has begun"
                self.paused.add(node)
                self.happened.add("paused")
            case EndPause(node):
                self.paused.remove(node)
            case _:
                super().apply(effect)


def test_random_runs_that_are_paused_come_to_the_same(capsys: pytest.CaptureFixture[str]) -> None:
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
