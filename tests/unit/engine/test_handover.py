"""Debounced nodes: the start of their wait, and its possible ends."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orvanta_platform.engine import gates
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.display_status import status
from orvanta_platform.engine.effects import (
    Enqueue,
    EnterDebounce,
    EnterGate,
    LeaveDebounce,
    NodeEnded,
    RunEnded,
    SetTimer,
)
from orvanta_platform.engine.events import (
    Answer,
    CancelRequested,
    ChildrenEnded,
    DebounceElapsed,
    Event,
    Failed,
    HandedOver,
    JobCancelled,
    NamedError,
    Started,
    TimerDue,
)
from orvanta_platform.engine.loop import Loop
from orvanta_platform.engine.outcome import Decision, Need
from orvanta_platform.engine.plan import Debounce, Plan
from orvanta_platform.engine.state import ENGINE_VERSION, Mark, Phase, RunState
from orvanta_platform.engine.states import Status

DEFAULT = (gates.WORKSPACE, "/flow/", gates.PATH, "-", "a")


def code(id: str = "a", *, settings: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    inputs = {"who": {"type": "static", "value": "ann"}, "items": {"type": "javascript", "expr": "flow_input.x"}}
    value = {"type": "rawscript", "language": "bash", "content": "", "input_transforms": inputs}
    debouncing = {"debounce_delay_s": 5, **settings} if settings is not None else None
    return {"id": id, "value": value, **({"debouncing": debouncing} if debouncing else {}), **more}


def decision_of(plan: Plan, state: RunState, event: Event, answer: Any = None) -> Decision:
    """Return the decision on an event with this answer to every question."""
    answers: dict[tuple[str | int, ...], Answer | NamedError] = {}
    found = decide(plan, state, event, answers)
    while isinstance(found, Need):
        fixed = answer if isinstance(answer, NamedError) else Answer(msgspec.json.encode(answer), bool(answer))
        answers |= {ask.key: fixed for ask in found.requests}
        found = decide(plan, state, event, answers)
    return found


def waiting(*modules: dict[str, Any], answer: Any = None) -> tuple[Plan, Decision]:
    plan = compile_plan({"modules": list(modules)})
    return plan, decision_of(plan, RunState.new(plan), Started(), answer)


def test_node_waits_without_a_job_and_starts_if_no_later_one_arrives() -> None:
    plan, started = waiting(code(settings={}))
    assert plan.debounces and started.state.nodes[0] == Mark.DEBOUNCING
    assert started.effects[-1] == EnterDebounce(0, DEFAULT, Debounce(5.0), b"{}")
    assert status(plan, started.state, job_started=False).status is Status.RUNNING
    decision = decision_of(plan, started.state, DebounceElapsed(0))
    assert decision.effects == (Enqueue(0, None),)
    assert decision_of(plan, decision.state, DebounceElapsed(0)).effects == ()
    assert decision_of(plan, decision.state, HandedOver(0, "r")).effects == ()


def test_key_and_accumulated_inputs_come_from_its_inputs() -> None:
    settings = {"debounce_key": "$args[who]", "debounce_args_to_accumulate": ["items", "unknown"]}
    _, started = waiting(code(settings=settings), answer=[1])
    effect = started.effects[-1]
    assert isinstance(effect, EnterDebounce)
    assert (effect.key, effect.args) == ((gates.WORKSPACE, "/", "[1]"), b'{"items":[1]}')


def test_input_that_throws_fails_the_node() -> None:
    plan, started = waiting(
        code(settings={"debounce_args_to_accumulate": ["items"]}), answer=NamedError("TypeError", "no")
    )
    assert started.state.nodes[0] == Mark.UNHANDLED and not plan.gated


def test_node_that_hands_over_is_skipped_and_its_list_ends() -> None:
    plan, started = waiting(code(settings={}), code("b"))
    decision = decision_of(plan, started.state, HandedOver(0, "later"))
    ended = decision.effects[-1]
    assert isinstance(ended, RunEnded) and (ended.status, ended.skipped, ended.handed_over) == (
        Status.SUCCEEDED,
        True,
        True,
    )
    assert decision.state.nodes[:2] == bytes([Mark.PASSED, Mark.PENDING])
    assert any(isinstance(each, NodeEnded) and each.result == b"null" for each in decision.effects)
    assert RunState.decode(decision.state.encode()) == decision.state


def test_older_engines_continue_states_they_understand() -> None:
    for settings, version in (({}, 2), (None, 1)):
        plan, started = waiting(code(settings=settings), code("b"))
        assert (plan.engine_version, msgspec.msgpack.decode(started.state.encode()[1:])[0]) == (version, version)
    assert version < ENGINE_VERSION


def test_parallel_jobs_of_a_hand_over_run_to_their_end() -> None:
    plan, started = waiting(code(settings={}, needs=[]), code("b", needs=[]))
    decision = decision_of(plan, started.state, HandedOver(0, "later"))
    assert decision.state.phase is Phase.STOPPING and decision.state.nodes[1] == Mark.QUEUED


@pytest.mark.parametrize("event", [CancelRequested(), JobCancelled(0)])
def test_cancelled_node_stops_waiting(event: Event) -> None:
    plan, started = waiting(code(settings={}))
    decision = decision_of(plan, started.state, event)
    assert LeaveDebounce(0) in decision.effects and decision.state.phase is Phase.ENDED


def test_failure_elsewhere_ends_the_wait() -> None:
    plan, started = waiting(code(settings={}, needs=[]), code("b", needs=[]))
    decision = decision_of(plan, started.state, Failed(1, "E", "no"))
    assert LeaveDebounce(0) in decision.effects and decision.state.nodes[0] == Mark.CANCELLED


def test_node_waits_once_and_not_before_its_retry() -> None:
    plan, started = waiting(code(settings={}, retry={"constant": {"attempts": 1, "seconds": 0}}))
    started = decision_of(plan, started.state, DebounceElapsed(0))
    failed = decision_of(plan, started.state, Failed(0, "E", "no"))
    assert Enqueue(0, None, 1) in decision_of(plan, failed.state, TimerDue(0)).effects


def test_skipped_or_mocked_node_does_not_wait() -> None:
    for setting in ({"skip_if": {"expr": "true"}}, {"mock": {"enabled": True, "return_value": 1}}):
        _, started = waiting(code(settings={}, **setting), answer=True)
        assert not any(isinstance(each, EnterDebounce) for each in started.effects)


@pytest.mark.parametrize(
    ("value", "effect"),
    [
        ({"type": "delay", "seconds": {"type": "static", "value": 3}}, SetTimer),
        ({"type": "rawscript", "language": "bash", "content": "", "concurrent_limit": 1}, EnterGate),
        ({"type": "approval"}, None),
        ({"type": "identity"}, Enqueue),
    ],
)
def test_node_behaves_as_its_kind_after_the_wait(value: dict[str, Any], effect: type[object] | None) -> None:
    plan, started = waiting({**code(settings={}), "value": value}, answer=3)
    assert started.state.nodes[0] == Mark.DEBOUNCING
    decision = decision_of(plan, started.state, DebounceElapsed(0), 3)
    assert decision.state.nodes[0] != Mark.DEBOUNCING
    assert effect is None or any(isinstance(each, effect) for each in decision.effects)


def test_branch_replaced_by_later_node_ends_enclosing_list() -> None:
    branch = {"id": "b", "value": {"type": "branchone", "branches": [], "default": [code(settings={})]}}
    plan, started = waiting(branch, code("c"))
    assert plan.debounces and started.state.nodes[0] == Mark.WAITING_CHILDREN
    event = ChildrenEnded(0, stopped=True, skips=True, handed_over=True)
    ended = decision_of(plan, started.state, event).effects[-1]
    assert isinstance(ended, RunEnded) and (ended.skipped, ended.handed_over) == (True, True)


def test_branches_that_stop_otherwise_stop_the_loop_around_them() -> None:
    loop = Loop(3, 3, next=3, open=3).end(0, failed=False, stopped=True, skips=True, handed_over=True)
    assert (loop.stopped, loop.handed_over) == (True, True)
    assert Loop.decode(loop.encode()) == loop
    assert not loop.end(1, failed=False, stopped=True).handed_over
    first = Loop(3, 3, next=3, open=3).end(0, failed=False, stopped=True)
    assert not first.end(1, failed=False, stopped=True, handed_over=True).handed_over


def test_failure_module_and_preprocessor_do_not_wait() -> None:
    tree = {
        "modules": [],
        "failure_module": code("failure", settings={}),
        "preprocessor_module": code("preprocessor", settings={}),
    }
    assert not compile_plan(tree).debounces


@pytest.mark.parametrize("settings", [{"debounce_delay_s": 0}, {"debounce_delay_s": None}])
def test_without_a_delay_there_is_no_wait(settings: dict[str, Any]) -> None:
    plan = compile_plan({"modules": [code(settings=settings)]})
    assert plan.nodes[0].debounce is None
