"""Breakpoints: what a node waits for before it begins, and what letting it go on means."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.display_status import status
from orvanta_platform.engine.effects import (
    Decision,
    EndPause,
    Enqueue,
    EnterDebounce,
    EnterGate,
    Need,
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
    Err,
    Event,
    Failed,
    JobCancelled,
    PauseBefore,
    Started,
    Succeeded,
    TimerDue,
    TimeUp,
)
from orvanta_platform.engine.plan import Plan
from orvanta_platform.engine.state import ENGINE_VERSION, Breakpoint, Mark, Phase, RunState
from orvanta_platform.engine.states import Status


def code(id: str = "a", **more: Any) -> dict[str, Any]:
    return {"id": id, "value": {"type": "rawscript", "language": "bash", "content": ""}, **more}


def took(plan: Plan, state: RunState, event: Event, answer: Any = None, **inside: Any) -> Decision:
    """What an event means where every question has this answer."""
    answers: dict[tuple[str | int, ...], Answer | Err] = {}
    found = decide(plan, state, event, answers, **inside)
    while isinstance(found, Need):
        said = answer if isinstance(answer, Err) else Answer(msgspec.json.encode(answer), bool(answer))
        answers |= {ask.key: said for ask in found.requests}
        found = decide(plan, state, event, answers, **inside)
    return found


def begun(
    *modules: dict[str, Any], before: int = 0, when: str | None = None, answer: Any = None
) -> tuple[Plan, Decision]:
    plan = compile_plan({"modules": list(modules)})
    state = took(plan, RunState.new(plan), PauseBefore(before, "ann", when)).state
    return plan, took(plan, state, Started(), answer)


def test_it_waits_without_a_job_until_somebody_lets_it_go_on() -> None:
    plan, paused = begun(code(), code("b"))
    assert paused.effects[1:3] == (Pause(0, "ann"), Record("paused", 0, {"by": "ann"}))
    shown = status(plan, paused.state, job_started=False)
    assert (shown.status, shown.reason) == (Status.PAUSED, "paused before node a by ann")
    assert paused.state.status is Status.PAUSED
    on = took(plan, paused.state, Continued(0, "bob"))
    assert on.effects[0] == EndPause(0) and Enqueue(0, None) in on.effects
    assert on.state.status is Status.RUNNING
    assert took(plan, on.state, Continued(0, "bob")).effects == ()
    after = took(plan, on.state, Succeeded(0))
    assert after.state.nodes[:2] == bytes([Mark.SUCCEEDED, Mark.QUEUED])


def test_other_branches_go_on() -> None:
    plan, paused = begun(code(needs=[]), code("b", needs=[]))
    assert paused.state.nodes[:2] == bytes([Mark.PAUSED, Mark.QUEUED])
    shown = status(plan, paused.state, job_started=True)
    assert (shown.status, shown.reason) == (Status.RUNNING, "paused before node a by ann")
    assert took(plan, paused.state, Succeeded(1)).state.status is Status.PAUSED


def test_a_condition_chooses_and_one_that_throws_pauses() -> None:
    for answer, mark in ((True, Mark.PAUSED), (False, Mark.QUEUED), (Err("TypeError", "no"), Mark.PAUSED)):
        _, found = begun(code(), when="flow_input.x", answer=answer)
        assert found.state.nodes[0] == mark
    assert Record("paused", 0, {"by": "ann", "threw": "TypeError: no"}) in found.effects


def test_one_that_was_taken_back_pauses_nothing_more() -> None:
    plan, paused = begun(code(), code("b"))
    off = took(plan, paused.state, PauseBefore(0, "bob", on=False))
    assert off.state.nodes[0] == Mark.PAUSED
    on = took(plan, took(plan, off.state, PauseBefore(1, "bob")).state, PauseBefore(1, "bob", on=False))
    ran = took(plan, took(plan, on.state, Continued(0, "bob")).state, Succeeded(0))
    assert ran.state.nodes[1] == Mark.QUEUED


def test_setting_one_begins_and_ends_nothing() -> None:
    plan = compile_plan({"modules": [code()]})
    fresh = RunState.new(plan)
    told = took(plan, fresh, PauseBefore(0, "ann", "x > 1"))
    assert told.effects == (Record("breakpoint_set", 0, {"by": "ann", "if": "x > 1"}),)
    assert (told.state.nodes, told.state.phase, told.state.status) == (fresh.nodes, fresh.phase, fresh.status)


def test_other_inputs_are_kept_for_every_attempt_and_a_result_stands_for_its_own() -> None:
    plan, paused = begun(code(), code("b"))
    changed = took(plan, paused.state, Continued(0, "bob", inputs=b'{"n":1}'))
    assert StoreInputs(0, b'{"n":1}') in changed.effects and Enqueue(0, None) in changed.effects
    instead = took(plan, paused.state, Continued(0, "bob", result=b"[7]"))
    assert any(isinstance(each, NodeEnded) and each.result == b"[7]" for each in instead.effects)
    assert instead.state.nodes[:2] == bytes([Mark.SUCCEEDED, Mark.QUEUED])


def test_a_result_of_a_condition_chooses_its_edge() -> None:
    choice = {"id": "c", "value": {"type": "condition", "expr": "true"}}
    plan, paused = begun(
        choice, code("y", needs=[{"node": "c", "on": "true"}]), code("n", needs=[{"node": "c", "on": "false"}])
    )
    assert paused.state.nodes[0] == Mark.PAUSED
    on = took(plan, paused.state, Continued(0, "bob", result=b"false"))
    assert on.state.nodes[:3] == bytes([Mark.FALSE, Mark.SKIPPED, Mark.QUEUED])


@pytest.mark.parametrize("event", [CancelRequested(), JobCancelled(0), TimeUp(5)])
def test_who_is_cancelled_waits_no_longer(event: Event) -> None:
    plan, paused = begun(code())
    over = took(plan, paused.state, event)
    assert EndPause(0) in over.effects and over.state.phase is Phase.ENDED


def test_a_failure_elsewhere_ends_the_pause() -> None:
    plan, paused = begun(code(needs=[]), code("b", needs=[]))
    over = took(plan, paused.state, Failed(1, "E", "no"))
    assert EndPause(0) in over.effects and over.state.nodes[0] == Mark.CANCELLED
    assert isinstance(over.effects[-1], RunEnded)


def test_it_pauses_after_skip_if_and_not_before_a_retry() -> None:
    _, skipped = begun(code(skip_if={"expr": "true"}), answer=True)
    assert skipped.state.nodes[0] == Mark.PASSED
    plan, paused = begun(code(retry={"constant": {"attempts": 1, "seconds": 0}}))
    on = took(plan, paused.state, Continued(0, "bob"))
    failed = took(plan, on.state, Failed(0, "E", "no"))
    assert Enqueue(0, None, 1) in took(plan, failed.state, TimerDue(0)).effects


def test_a_mock_pauses_first() -> None:
    plan, paused = begun(code(mock={"enabled": True, "return_value": 1}))
    assert paused.state.nodes[0] == Mark.PAUSED
    on = took(plan, paused.state, Continued(0, "bob"))
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
def test_afterwards_it_does_what_its_kind_does(
    value: dict[str, Any], more: dict[str, Any], effect: type[object] | None
) -> None:
    plan, paused = begun({"id": "a", "value": value, **more}, answer=3)
    assert paused.state.nodes[0] == Mark.PAUSED
    on = took(plan, paused.state, Continued(0, "bob"), 3)
    assert on.state.nodes[0] != Mark.PAUSED
    assert effect is None or any(isinstance(each, effect) for each in on.effects)


def test_a_list_inside_a_node_has_the_breakpoints_of_its_run_and_keeps_none() -> None:
    body = [code("x"), code("y")]
    loop = {"id": "l", "value": {"type": "forloopflow", "iterator": {"type": "static", "value": [1]}, "modules": body}}
    plan = compile_plan({"modules": [loop]})
    inner = plan.nodes[0].bodies[0].plan
    before = {inner.nodes[1].number: Breakpoint("ann")}
    first = took(inner, RunState.new(inner), Started(), breakpoints=before)
    then = took(inner, first.state, Succeeded(0), breakpoints=before)
    assert Pause(1, "ann") in then.effects and not then.state.breakpoints


def test_the_state_is_read_back_and_refused_by_older_engines() -> None:
    _, paused = begun(code(), when="x", answer=True)
    assert RunState.decode(paused.state.encode()) == paused.state
    assert msgspec.msgpack.decode(paused.state.encode()[1:])[0] == paused.state.engine_version == 3 <= ENGINE_VERSION
    plan = compile_plan({"modules": [code()]})
    assert RunState.new(plan).engine_version == 1
