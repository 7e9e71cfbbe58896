"""Breakpoints: the pause of a node before its start, and its resumption."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.display_status import status
from orvanta_platform.engine.effects import (
    EndPause,
    Enqueue,
    EnterDebounce,
    EnterGate,
    NodeEnded,
    Pause,
    Record,
    RunEnded,
    SetTimer,
    StoreInputs,
)
from orvanta_platform.engine.events import (
    Answer,
    CancelRequested,
    Continued,
    Event,
    Failed,
    JobCancelled,
    NamedError,
    PauseBefore,
    RunTimedOut,
    Started,
    Succeeded,
    TimerDue,
)
from orvanta_platform.engine.outcome import Decision, Need
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import ENGINE_VERSION, Breakpoint, Mark, Phase, RunState
from orvanta_platform.engine.states import Status


def code(id: str = "a", **more: Any) -> dict[str, Any]:
    return {"id": id, "value": {"type": "rawscript", "language": "bash", "content": ""}, **more}


def decision_of(plan: Plan, state: RunState, event: Event, answer: Any = None, **inside: Any) -> Decision:
    """Return the decision on an event with this answer to every question."""
    answers: dict[tuple[str | int, ...], Answer | NamedError] = {}
    found = decide(plan, state, event, answers, **inside)
    while isinstance(found, Need):
        fixed = answer if isinstance(answer, NamedError) else Answer(msgspec.json.encode(answer), bool(answer))
        answers |= {ask.key: fixed for ask in found.requests}
        found = decide(plan, state, event, answers, **inside)
    return found


def started(
    *modules: dict[str, Any], before: int = 0, when: str | None = None, answer: Any = None
) -> tuple[Plan, Decision]:
    plan = compile_plan({"modules": list(modules)})
    state = decision_of(plan, RunState.new(plan), PauseBefore(before, "ann", when)).state
    return plan, decision_of(plan, state, Started(), answer)


def test_node_waits_without_a_job_until_resumed() -> None:
    plan, paused = started(code(), code("b"))
    assert paused.effects[1:3] == (Pause(0, "ann"), Record("paused", 0, {"by": "ann"}))
    shown = status(plan, paused.state, job_started=False)
    assert (shown.status, shown.reason) == (Status.PAUSED, "paused before node a by ann")
    assert paused.state.status is Status.PAUSED
    on = decision_of(plan, paused.state, Continued(0, "bob"))
    assert on.effects[0] == EndPause(0) and Enqueue(0, None) in on.effects
    assert on.state.status is Status.RUNNING
    assert decision_of(plan, on.state, Continued(0, "bob")).effects == ()
    after = decision_of(plan, on.state, Succeeded(0))
    assert after.state.nodes[:2] == bytes([Mark.SUCCEEDED, Mark.QUEUED])


def test_other_branches_continue_during_a_pause() -> None:
    plan, paused = started(code(needs=[]), code("b", needs=[]))
    assert paused.state.nodes[:2] == bytes([Mark.PAUSED, Mark.QUEUED])
    shown = status(plan, paused.state, job_started=True)
    assert (shown.status, shown.reason) == (Status.RUNNING, "paused before node a by ann")
    assert decision_of(plan, paused.state, Succeeded(1)).state.status is Status.PAUSED


def test_condition_decides_and_one_that_throws_pauses() -> None:
    for answer, mark in ((True, Mark.PAUSED), (False, Mark.QUEUED), (NamedError("TypeError", "no"), Mark.PAUSED)):
        _, found = started(code(), when="flow_input.x", answer=answer)
        assert found.state.nodes[0] == mark
    assert Record("paused", 0, {"by": "ann", "threw": "TypeError: no"}) in found.effects


def test_removed_breakpoint_pauses_nothing() -> None:
    plan, paused = started(code(), code("b"))
    off = decision_of(plan, paused.state, PauseBefore(0, "bob", on=False))
    assert off.state.nodes[0] == Mark.PAUSED
    on = decision_of(plan, decision_of(plan, off.state, PauseBefore(1, "bob")).state, PauseBefore(1, "bob", on=False))
    ran = decision_of(plan, decision_of(plan, on.state, Continued(0, "bob")).state, Succeeded(0))
    assert ran.state.nodes[1] == Mark.QUEUED


def test_setting_a_breakpoint_starts_and_ends_nothing() -> None:
    plan = compile_plan({"modules": [code()]})
    fresh = RunState.new(plan)
    decision = decision_of(plan, fresh, PauseBefore(0, "ann", "x > 1"))
    assert decision.effects == (Record("breakpoint_set", 0, {"by": "ann", "if": "x > 1"}),)
    assert (decision.state.nodes, decision.state.phase, decision.state.status) == (
        fresh.nodes,
        fresh.phase,
        fresh.status,
    )


def test_replaced_inputs_apply_to_every_attempt_and_a_result_replaces_the_run() -> None:
    plan, paused = started(code(), code("b"))
    changed = decision_of(plan, paused.state, Continued(0, "bob", inputs=b'{"n":1}'))
    assert StoreInputs(0, b'{"n":1}') in changed.effects and Enqueue(0, None) in changed.effects
    instead = decision_of(plan, paused.state, Continued(0, "bob", result=b"[7]"))
    assert any(isinstance(each, NodeEnded) and each.result == b"[7]" for each in instead.effects)
    assert instead.state.nodes[:2] == bytes([Mark.SUCCEEDED, Mark.QUEUED])


def test_condition_result_selects_edge() -> None:
    choice = {"id": "c", "value": {"type": "condition", "expr": "true"}}
    plan, paused = started(
        choice, code("y", needs=[{"node": "c", "on": "true"}]), code("n", needs=[{"node": "c", "on": "false"}])
    )
    assert paused.state.nodes[0] == Mark.PAUSED
    on = decision_of(plan, paused.state, Continued(0, "bob", result=b"false"))
    assert on.state.nodes[:3] == bytes([Mark.FALSE, Mark.SKIPPED, Mark.QUEUED])


@pytest.mark.parametrize("event", [CancelRequested(), JobCancelled(0), RunTimedOut(5)])
def test_cancelled_node_is_no_longer_paused(event: Event) -> None:
    plan, paused = started(code())
    over = decision_of(plan, paused.state, event)
    assert EndPause(0) in over.effects and over.state.phase is Phase.ENDED


def test_failure_elsewhere_ends_the_pause() -> None:
    plan, paused = started(code(needs=[]), code("b", needs=[]))
    over = decision_of(plan, paused.state, Failed(1, "E", "no"))
    assert EndPause(0) in over.effects and over.state.nodes[0] == Mark.CANCELLED
    assert isinstance(over.effects[-1], RunEnded)


def test_node_pauses_after_skip_if_and_not_before_a_retry() -> None:
    _, skipped = started(code(skip_if={"expr": "true"}), answer=True)
    assert skipped.state.nodes[0] == Mark.PASSED
    plan, paused = started(code(retry={"constant": {"attempts": 1, "seconds": 0}}))
    on = decision_of(plan, paused.state, Continued(0, "bob"))
    failed = decision_of(plan, on.state, Failed(0, "E", "no"))
    assert Enqueue(0, None, 1) in decision_of(plan, failed.state, TimerDue(0)).effects


def test_mock_pauses_first() -> None:
    plan, paused = started(code(mock={"enabled": True, "return_value": 1}))
    assert paused.state.nodes[0] == Mark.PAUSED
    on = decision_of(plan, paused.state, Continued(0, "bob"))
    assert any(isinstance(each, NodeEnded) and each.result == b"1" for each in on.effects)


@pytest.mark.parametrize(
    ("value", "more", "effect"),
    [
        ({"type": "delay", "seconds": {"type": "static", "value": 3}}, {}, SetTimer),
        ({"type": "rawscript", "language": "bash", "content": "", "concurrent_limit": 1}, {}, EnterGate),
        (
            {"type": "rawscript", "language": "bash", "content": ""},
            {"debouncing": {"debounce_delay_s": 5}},
            EnterDebounce,
        ),
        ({"type": "approval"}, {}, None),
        ({"type": "identity"}, {}, Enqueue),
    ],
)
def test_node_behaves_as_its_kind_after_the_pause(
    value: dict[str, Any], more: dict[str, Any], effect: type[object] | None
) -> None:
    plan, paused = started({"id": "a", "value": value, **more}, answer=3)
    assert paused.state.nodes[0] == Mark.PAUSED
    on = decision_of(plan, paused.state, Continued(0, "bob"), 3)
    assert on.state.nodes[0] != Mark.PAUSED
    assert effect is None or any(isinstance(each, effect) for each in on.effects)


def test_nested_list_uses_the_breakpoints_of_its_run() -> None:
    body = [code("x"), code("y")]
    loop = {"id": "l", "value": {"type": "forloopflow", "iterator": {"type": "static", "value": [1]}, "modules": body}}
    plan = compile_plan({"modules": [loop]})
    inner = plan.nodes[0].bodies[0].plan
    before = {inner.nodes[1].number: Breakpoint("ann")}
    first = decision_of(inner, RunState.new(inner), Started(), breakpoints=before)
    then = decision_of(inner, first.state, Succeeded(0), breakpoints=before)
    assert Pause(1, "ann") in then.effects and not then.state.breakpoints


def test_state_round_trips_and_is_rejected_by_older_engines() -> None:
    _, paused = started(code(), when="x", answer=True)
    assert RunState.decode(paused.state.encode()) == paused.state
    assert msgspec.msgpack.decode(paused.state.encode()[1:])[0] == paused.state.engine_version == 3 <= ENGINE_VERSION
    plan = compile_plan({"modules": [code()]})
    assert RunState.new(plan).engine_version == 1
