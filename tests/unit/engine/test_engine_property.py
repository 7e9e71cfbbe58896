"""Random workflows, outcomes and interleavings, compared with an oracle that only reads the document."""

from __future__ import annotations

import os
from collections import Counter

import pytest
from tests.unit.engine import oracle
from tests.unit.engine.generate import EXPRESSIONS, THROWN, scenario, traits
from tests.unit.engine.simulated import Simulated

from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import ErrorOf, NodeResults, NullResult, OfNode, Output, ThrownOutput
from orvanta_platform.engine.state import RunState
from orvanta_platform.engine.states import Status

RUNS = int(os.environ.get("PROPERTY_RUNS", "300"))
FEATURES = (
    "list", "graph", "kind rawscript", "kind script", "kind identity", "kind condition",
    "join all", "join settled", "join any",
    "edge on success", "edge on failure", "edge on always", "edge on true", "edge on false",
    "retry", "retry constant", "retry exponential", "retry retry_if", "timeout", "export", "output",
    "continue_on_error", "failure module",
    "succeeded", "failed", "recovered", "cancelled", "cancel", "cancel by force",
    "retried", "retry closed", "exported", "failure edge taken", "skipped",
)  # fmt: skip


def test_random_runs_satisfy_all_invariants(capsys: pytest.CaptureFixture[str]) -> None:
    had: Counter[str] = Counter()
    for seed in range(RUNS):
        run = Simulated(scenario(seed))
        try:
            run.run()
            check_end(run)
            check_replay(run)
        except Exception as error:
            raise AssertionError(f"scenario({seed}): {error!r}") from error
        skipped = {"skipped"} if "skipped" in run.ends().values() else set()
        had.update(traits(run.scenario.value) | run.happened | skipped)
    with capsys.disabled():
        print(f"\n{RUNS} random runs had: " + ", ".join(f"{name} {had[name]}" for name in FEATURES))
    rare = {name: had[name] for name in FEATURES if had[name] < 0.05 * RUNS}
    assert not rare, f"under 5 % of {RUNS} runs: {rare}"


def check_end(run: Simulated) -> None:
    """Check that the run ended as the oracle predicts."""
    assert run.end is not None
    if run.cancelled:
        assert run.end.status is Status.CANCELLED, "cancel always wins"
        assert "pending" not in run.ends().values()
    elif run.expected.unhandled:
        check_failure(run)
    else:
        assert run.ends() == run.expected.ends
        for node_id, attempts in run.expected.attempts.items():
            assert run.attempts[node_id] == attempts
        check_result(run)


def check_failure(run: Simulated) -> None:
    """Check that ended nodes match the prediction, and that a failing run neither retries nor starts nodes."""
    assert run.end is not None
    unhandled = [run.plan.nodes[index].id for index in run.state.unhandled()]
    assert unhandled
    for node_id, end in run.ends().items():
        expected = run.expected.ends[node_id]
        if (end == "failure" and expected != "failure") or (end == "continued" and expected != "continued"):
            assert run.attempts[node_id] < run.expected.attempts[node_id], f"{node_id} failed"
        elif end not in ("pending", "cancelled"):
            assert end == expected
    module = run.scenario.value.get("failure_module")
    if module is None:
        assert run.end.status is Status.FAILED
        assert run.end.result == ErrorOf(run.plan.indexes[unhandled[0]])
    elif oracle.end_of(run.scenario, module)[0] in oracle.GOOD:
        assert run.end.recovered and run.end.status is Status.SUCCEEDED
        assert run.end.result == OfNode(len(run.plan.nodes))
    else:
        assert run.end.status is Status.FAILED and run.end.result == ErrorOf(len(run.plan.nodes))


def check_result(run: Simulated) -> None:
    """Check that the result is that of `output`, of the last module, or of the sinks."""
    assert run.end is not None
    output = run.scenario.value.get("output")
    if output is not None:
        thrown = EXPRESSIONS[output["expr"]] is THROWN
        assert run.end.status is (Status.FAILED if thrown else Status.SUCCEEDED)
        assert isinstance(run.end.result, ThrownOutput if thrown else Output)
        return
    assert run.end.status is Status.SUCCEEDED and not run.end.recovered
    expected = oracle.result(run.scenario.value, run.expected.ends)
    match run.end.result:
        case NullResult():
            assert expected is None
        case OfNode(index):
            assert expected == run.plan.nodes[index].id
        case NodeResults(members):
            assert expected == [node_id for node_id, _ in members]
            assert all(run.plan.indexes[node_id] == index for node_id, index in members)
        case other:
            raise AssertionError(f"{other} after success")


def check_replay(run: Simulated) -> None:
    """Check that replaying the recorded events and answers gives the same states."""
    state = RunState.new(run.plan)
    for event, answers, data in run.log:
        state = decide(run.plan, state, event, answers, run.scenario.seed).state
        assert state.encode() == data
