"""Restarts of random runs from each of their nodes: reused nodes never run, and the outcome is the same."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from tests.unit.engine.generate import Scenario, scenario
from tests.unit.engine.simulated import Simulated

from orvanta_platform.engine import restart as engine
from orvanta_platform.engine.effects import Effect, Enqueue, NodeEnded
from orvanta_platform.engine.state import MARK_STATE, Mark, RunState
from orvanta_platform.engine.states import NodeState, Status
from orvanta_platform.errors import InvalidWorkflow

RUNS = 150
OF = UUID(int=1)


class Again(Simulated):
    """Restart of a run whose jobs behave as before."""

    def __init__(self, scenario: Scenario, made: engine.Restart) -> None:
        super().__init__(scenario)
        self.made = made
        self.state = RunState.decode(made.state.encode())
        self.cancel_after = -1

    def apply(self, effect: Effect) -> None:
        if isinstance(effect, Enqueue | NodeEnded):
            assert effect.node in self.made.again or effect.node == len(self.plan.nodes), "a reused node runs again"
        super().apply(effect)


def whole(seed: int) -> Simulated | None:
    """Complete a random scenario without cancellation."""
    try:
        first = Simulated(scenario(seed))
    except InvalidWorkflow:
        return None
    first.cancel_after = -1
    first.run()
    return first


@pytest.mark.extended
def test_restart_from_any_node_ends_as_original_run() -> None:
    had: Counter[str] = Counter()
    for seed in range(RUNS):
        first = whole(seed)
        if first is None or first.end is None:
            continue
        before = engine.finished_run(OF, first.plan, first.state)
        for node in first.plan.nodes:
            made = engine.restart(first.plan, before, [node.index])
            assert sorted((*made.reused, *made.again, *made.skipped)) == list(range(len(first.plan.nodes)))
            again_at = set(made.again)
            behind = [
                index for index in made.reused if any(e.source in again_at for e in first.plan.nodes[index].edges)
            ]
            assert not behind, "a following node is reused"
            if not engine.is_reached(first.plan, made, before, node.index):
                had["skipped"] += 1
                continue
            again = Again(first.scenario, made)
            again.run()
            check(first, again)
            had[first.end.status.value] += 1
            had["kept"] += len(made.reused)
    assert all(had[what] > 20 for what in ("skipped", "succeeded", "failed", "kept")), had


def check(first: Simulated, again: Simulated) -> None:
    """Check the restart. In a failed run, the other nodes that had run by then are random."""
    assert first.end is not None and again.end is not None
    assert again.end.status is first.end.status
    assert again.end.recovered is first.end.recovered
    if first.end.status is Status.SUCCEEDED and not first.end.recovered:
        assert again.end.result == first.end.result
        assert again.ends() == first.ends()
    for index in again.made.reused if isinstance(again, Again) else ():
        assert again.state.nodes[index] == first.state.nodes[index]


def test_retry_of_a_failed_run_runs_the_failed_nodes() -> None:
    """It fails again, since nothing was repaired; if every job finally succeeds, the run succeeds."""
    mended = 0
    for seed in range(RUNS):
        first = whole(seed)
        if first is None or first.end is None or first.end.status is not Status.FAILED:
            continue
        before = engine.finished_run(OF, first.plan, first.state)
        made = engine.restart(first.plan, before)
        unhandled = [index for index in first.state.unhandled() if index < len(first.plan.nodes)]
        assert set(unhandled) <= set(made.again)
        assert all(MARK_STATE[Mark(first.state.nodes[index])] is not NodeState.CANCELLED for index in made.reused)
        again = Again(first.scenario, made)
        again.run()
        assert again.end is not None and again.end.status is Status.FAILED
        mended += 1
    assert mended > 10
