"""Concurrency limits: admission, and the parts of a key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orvanta_platform.engine import gates
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import Enqueue, EnterGate, Record
from orvanta_platform.engine.events import Answer, CancelRequested, NamedError, Permitted, Started, Succeeded
from orvanta_platform.engine.gates import GateQueue, admit, key_parts, of_input
from orvanta_platform.engine.outcome import Decision, Need
from orvanta_platform.engine.plan import KeyPart
from orvanta_platform.engine.state import Mark, Phase, RunState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ids(*numbers: int) -> list[UUID]:
    return [UUID(int=number) for number in numbers]


def test_as_many_are_admitted_as_permits_are_free_from_the_front() -> None:
    found = admit(GateQueue(3, 0, 1, (), 0, ids(5, 6, 7), UUID(int=5)), NOW)
    assert list(found.jobs) == ids(5, 6) and found.next_at is None and found.starts == ()


def test_full_gate_and_lowered_gate_admit_nothing() -> None:
    assert admit(GateQueue(2, 0, 2, (), 0, ids(5), UUID(int=5)), NOW).jobs == ()
    assert admit(GateQueue(1, 0, 4, (), 0, ids(5), UUID(int=5)), NOW).jobs == ()


def test_window_counts_starts_and_reports_when_it_opens() -> None:
    starts = (NOW - timedelta(seconds=61), NOW - timedelta(seconds=40), NOW - timedelta(seconds=10))
    found = admit(GateQueue(3, 60, 0, starts, 0, ids(5, 6), UUID(int=5)), NOW)
    assert list(found.jobs) == ids(5)
    assert found.starts == (*starts[1:], NOW)
    assert found.next_at == NOW + timedelta(seconds=20)


def test_window_with_all_permits_in_use_waits_for_an_end() -> None:
    found = admit(GateQueue(1, 60, 1, (NOW - timedelta(seconds=10),), 0, ids(5), UUID(int=5)), NOW)
    assert found.jobs == () and found.next_at is None


def test_one_in_sixteen_is_the_oldest_entry() -> None:
    line = GateQueue(1, 0, 0, (), gates.OLDEST_EVERY - 1, ids(5, 6), UUID(int=9))
    assert list(admit(line, NOW).jobs) == ids(9)
    assert list(admit(GateQueue(1, 0, 0, (), 0, ids(5, 6), UUID(int=9)), NOW).jobs) == ids(5)


@given(
    limit=st.integers(1, 5),
    window_s=st.sampled_from([0.0, 10.0]),
    moves=st.lists(st.tuples(st.sampled_from("eeelt"), st.integers(0, 9)), max_size=120),
)
def test_never_more_than_the_limit_and_no_entry_starves(
    limit: int, window_s: float, moves: list[tuple[str, int]]
) -> None:
    """Entries arrive, leave and are admitted at random: both bounds hold, and finally all have been admitted."""
    now, given_, count = NOW, 0, 0
    starts: tuple[datetime, ...] = ()
    line: list[tuple[int, int]] = []
    inside: list[int] = []
    began: list[datetime] = []
    for move, number in [*moves, *[("l", 0), ("t", 9)] * 200]:
        if move == "e":
            line.append((-number, count := count + 1))
        elif move == "l" and inside:
            inside.pop(number % len(inside))
        elif move == "t":
            now += timedelta(seconds=number)
        front = [UUID(int=each) for _, each in sorted(line)][: limit + 1]
        eldest = UUID(int=min(each for _, each in line)) if line else None
        found = admit(GateQueue(limit, window_s, len(inside), starts, given_, front, eldest), now)
        inside += [job.int for job in found.jobs]
        line = [each for each in line if each[1] not in inside]
        began += [now] * len(found.jobs)
        given_, starts = given_ + len(found.jobs), found.starts
        assert len(set(found.jobs)) == len(found.jobs) and len(inside) <= limit
        if window_s:
            assert len([at for at in began if at > now - timedelta(seconds=window_s)]) <= limit
        free = len(inside) < limit and line
        assert not free or (found.next_at is not None and found.next_at > now)
    assert not line and given_ == count


def test_key_is_scoped_to_its_workspace_unless_global() -> None:
    assert key_parts("a", of_input) == (gates.WORKSPACE, "/", "a")
    assert key_parts("$global-a", of_input) == ("-a",)
    assert key_parts("\0default$global$workspace", of_input) == ("default", gates.WORKSPACE)
    assert key_parts("$workspace:$args[x.y]!", of_input) == (
        gates.WORKSPACE,
        "/",
        gates.WORKSPACE,
        ":",
        KeyPart('flow_input["x"]', ("y",)),
        "!",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), ({"y": "in"}, "in"), ({"y": {"z": 1}}, '{"z":1}'), (None, ""), ("\0path", "path"), (12, "12")],
)
def test_value_in_key(value: object, text: str) -> None:
    path = ".y" if isinstance(value, dict) else ""
    flow = {"modules": [], "concurrent_limit": 1, "concurrency_key": f"$args[x{path}]"}
    plan = compile_plan(flow)
    need = decide(plan, RunState.new(plan), Started(), {})
    assert isinstance(need, Need) and [ask.purpose for ask in need.requests] == ["key"]
    answers = {need.requests[0].key: Answer(msgspec.json.encode(value), True)}
    found = decide(plan, RunState.new(plan), Started(), answers)
    assert isinstance(found, Decision)
    assert found.effects == (EnterGate(None, (gates.WORKSPACE, "/", text), 1, 0.0),)
    assert found.state.phase is Phase.GATED


def code(**value: object) -> dict[str, object]:
    return {"id": "a", "value": {"type": "rawscript", "language": "bash", "content": "", **value}}


def test_limited_node_queues_and_starts_with_its_permit() -> None:
    plan = compile_plan({"modules": [code(concurrent_limit=2, concurrency_time_window_s=5)]})
    begun = decide(plan, RunState.new(plan), Started(), {})
    assert isinstance(begun, Decision)
    assert begun.state.nodes[0] == Mark.WAITING_GATE
    assert begun.effects[-1] == EnterGate(0, (gates.DEFAULT, gates.WORKSPACE, "/", gates.PATH, "/", "a"), 2, 5.0)
    let = decide(plan, begun.state, Permitted(0), {})
    assert isinstance(let, Decision) and let.effects == (Enqueue(0, None),)
    again = decide(plan, let.state, Permitted(0), {})
    assert isinstance(again, Decision) and again.effects == ()


def test_run_queues_after_its_preprocessor_and_starts_once() -> None:
    before = {"id": "preprocessor", "value": {"type": "rawscript", "language": "bash", "content": ""}}
    flow = {"modules": [code()], "preprocessor_module": before, "concurrent_limit": 1, "concurrency_key": "k"}
    plan = compile_plan(flow)
    assert plan.preprocessor is not None
    state, kinds = RunState.new(plan, preprocess=True), []
    for event in (Started(), Succeeded(plan.preprocessor.index), Permitted(None)):
        answers: dict[tuple[str | int, ...], Answer | NamedError] = {}
        found = decide(plan, state, event, answers)
        while isinstance(found, Need):
            answers |= {ask.key: Answer(b"{}", True) for ask in found.requests}
            found = decide(plan, state, event, answers)
        state = found.state
        kinds += [effect.kind if isinstance(effect, Record) else type(effect).__name__ for effect in found.effects]
    assert kinds.count("run_started") == 1 and kinds.index("EnterGate") < kinds.index("Enqueue", 2)
    assert state.nodes[0] == Mark.QUEUED


def test_cancelled_queued_node_does_not_start() -> None:
    plan = compile_plan({"modules": [code(concurrent_limit=1)]})
    begun = decide(plan, RunState.new(plan), Started(), {})
    assert isinstance(begun, Decision)
    over = decide(plan, begun.state, CancelRequested(), {})
    assert isinstance(over, Decision) and over.state.phase is Phase.ENDED
    late = decide(plan, over.state, Permitted(0), {})
    assert isinstance(late, Decision) and late.effects == ()


def test_limit_of_zero_is_no_limit() -> None:
    for limit in (0, None, True, "3", -1):
        assert not compile_plan({"modules": [code(concurrent_limit=limit)]}).gated
    plan = compile_plan({"modules": [code()]})
    begun = decide(plan, RunState.new(plan), Started(), {})
    assert isinstance(begun, Decision) and not plan.gated
    ended = decide(plan, begun.state, Succeeded(0), {})
    assert isinstance(ended, Decision)
