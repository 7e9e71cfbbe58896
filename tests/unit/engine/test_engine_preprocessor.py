"""Preprocessors: they run before all other nodes, and their result is the input of the run."""

from __future__ import annotations

from typing import Any

from tests.unit.engine.driven import Driven, job

from orvanta_platform.engine.effects import Enqueue, Input, RunEnded
from orvanta_platform.engine.events import CancelRequested, Started
from orvanta_platform.engine.state import Phase, RunState
from orvanta_platform.engine.states import Status

CHECK = "result !== null && typeof result === 'object' && !Array.isArray(result)"


def driven(*, good: bool = True, **value: Any) -> Driven:
    made = Driven(job("a"), answers={CHECK: good}, preprocessor_module=job("preprocessor"), **value)
    made.state = RunState.new(made.plan, preprocess=True)
    return made.send(Started())


def started(run: Driven) -> list[str]:
    return [run.plan.node(each.node).id for each in run.effects if isinstance(each, Enqueue)]


def test_preprocessor_runs_alone_and_its_end_starts_the_workflow() -> None:
    run = driven()
    assert started(run) == ["preprocessor"]
    run.ok("preprocessor")
    assert started(run) == ["a"]
    assert [each.node for each in run.effects if isinstance(each, Input)] == [2]
    run.ok("a")
    assert run.end is not None and run.end.status is Status.SUCCEEDED


def test_result_that_is_not_an_object_fails_the_run() -> None:
    run = driven(good=False).ok("preprocessor")
    assert run.end is not None
    assert (run.end.status, run.end.error_node) == (Status.FAILED, 2)
    assert not any(isinstance(each, Input) for each in run.effects)


def test_failure_module_handles_its_failure() -> None:
    run = driven(failure_module=job("failure")).fail("preprocessor")
    assert started(run) == ["failure"]


def test_run_without_it_has_no_mark_for_it() -> None:
    run = Driven(job("a"), preprocessor_module=job("preprocessor")).start()
    assert (len(run.state.nodes), started(run)) == (1, ["a"])


def test_cancel_ends_the_preprocessor() -> None:
    run = driven().send(CancelRequested(force=True))
    assert run.state.phase is Phase.ENDED
    assert [each.status for each in run.effects if isinstance(each, RunEnded)] == [Status.CANCELLED]
