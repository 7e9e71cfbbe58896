"""Encoded state, readable nodes, displayed status, and plan."""

from __future__ import annotations

import random

import msgspec
import pytest
from tests.unit.engine.driven import Driven, condition, job, js, on

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.display_status import DisplayStatus, status
from orvanta_platform.engine.effects import Enqueue
from orvanta_platform.engine.plan import Edge, Join, Retry, Target
from orvanta_platform.engine.scope import previous_sources, visible
from orvanta_platform.engine.state import ENGINE_VERSION, Mark, Phase, RunState, StateTooNew, UnreadableState
from orvanta_platform.engine.states import Status
from orvanta_platform.errors import InvalidWorkflow

RETRY = {"constant": {"attempts": 2, "seconds": 5}}


def worst_state(seed: int) -> RunState:
    """Return a state of 5,000 nodes: random states, 1,000 in retry, and 1,200 that failed in random order."""
    rng = random.Random(seed)
    nodes = bytearray(rng.choice(list(Mark)) for _ in range(5000))
    failed = rng.sample(range(5000), 1200)
    for index in failed:
        nodes[index] = Mark.UNHANDLED
    waiting = sorted(rng.sample(sorted(set(range(5000)) - set(failed)), 1000))
    return RunState(
        bytes(nodes),
        Phase.FAILING,
        Status.RUNNING,
        {index: rng.randint(1, 3) for index in waiting},
        tuple(failed[:1000]),
        {index: rng.randint(0, 1) for index in waiting},
    )


@pytest.mark.parametrize("seed", range(3))
def test_state_of_5000_nodes_is_at_most_8_kb_and_round_trips(seed: int) -> None:
    state = worst_state(seed)
    data = state.encode()
    assert len(data) <= 8_000
    assert RunState.decode(data) == state


def test_small_state_costs_little_more_than_a_byte_per_node() -> None:
    assert len(RunState(bytes(500)).encode()) < 560


@pytest.mark.parametrize("data", [b"", b"\x09abc", b"\x01\xc1", b"\x02abc", b"\x01\x90", b"\x01\x92\x01\x02"])
def test_bytes_that_are_not_a_state_are_rejected(data: bytes) -> None:
    with pytest.raises(UnreadableState):
        RunState.decode(data)


def test_state_of_a_newer_engine_is_rejected() -> None:
    with pytest.raises(StateTooNew) as raised:
        RunState.decode(b"\x01" + msgspec.msgpack.encode((ENGINE_VERSION + 1, "anything")))
    assert raised.value.hint is not None


def test_every_unhandled_failure_is_returned_ordered_ones_first() -> None:
    state = worst_state(1)
    found = state.unhandled()
    assert found[:1000] == state.order
    assert sorted(found) == [i for i, mark in enumerate(state.nodes) if mark == Mark.UNHANDLED]


def test_previous_sources_are_those_whose_edge_was_taken() -> None:
    run = Driven(
        job("first"),
        job("a", "first"),
        job("b", "first"),
        job("both", "a", "b"),
        job("some", "a", on("b", "failure"), join="settled"),
        failure_module=job("failure"),
    ).start()
    assert previous_sources(run.plan, run.state, 0) == ()
    run.ok("first", "b", "a")
    assert previous_sources(run.plan, run.state, run.index("both")) == (1, 2)
    assert previous_sources(run.plan, run.state, run.index("some")) == (1,)
    run.fail("some").fail("both")
    assert previous_sources(run.plan, run.state, run.index("failure")) == (4,)


def test_with_join_any_the_previous_source_is_the_first_taken() -> None:
    run = Driven(job("a", free=True), job("b", free=True), job("c", "a", "b", join="any")).start().ok("b")
    assert previous_sources(run.plan, run.state, 2) == (1,)
    run.ok("a")
    assert previous_sources(run.plan, run.state, 2) == (1,)


def test_only_ancestors_that_ended_are_visible() -> None:
    run = Driven(
        job("a", free=True),
        job("other", free=True),
        condition("c", "false", "a"),
        job("dead", on("c", "true")),
        job("failed", "a"),
        job("end", "c", on("failed", "failure"), "dead", "other", join="any"),
    ).start()
    run.ok("a", "other").fail("failed")
    end = run.index("end")
    assert visible(run.plan, run.state, end) == {"a": 0, "other": 1, "c": 2, "failed": 4}
    assert visible(run.plan, run.state, end, ["a", "dead", "end", "nobody"]) == {"a": 0}
    assert visible(run.plan, run.state, run.index("failed")) == {"a": 0}


def test_failure_module_and_output_read_every_ended_node() -> None:
    run = Driven(job("a", free=True), job("b", free=True), failure_module=job("failure")).start()
    run.ok("a").fail("b")
    assert visible(run.plan, run.state, run.index("failure")) == {"a": 0, "b": 1}


def test_displayed_status() -> None:
    run = Driven(job("a", retry=RETRY)).start()
    assert status(run.plan, run.state, job_started=False) == DisplayStatus(Status.QUEUED)
    assert status(run.plan, run.state, job_started=True) == DisplayStatus(Status.RUNNING)
    run.fail("a")
    assert status(run.plan, run.state, job_started=True) == DisplayStatus(
        Status.RUNNING, "a waits for its timer (attempt 2)"
    )
    run.due("a").cancel()
    shown = status(run.plan, run.state, job_started=True)
    assert (shown.status, shown.canceled) == (Status.RUNNING, True)
    run.cancelled("a")
    assert status(run.plan, run.state, job_started=True) == DisplayStatus(Status.CANCELLED, canceled=True)


@pytest.mark.parametrize(
    ("marks", "started", "shown"),
    [
        ([Mark.WAITING_APPROVAL], False, Status.AWAITING_APPROVAL),
        ([Mark.WAITING_APPROVAL, Mark.PENDING], True, Status.AWAITING_APPROVAL),
        ([Mark.WAITING_APPROVAL, Mark.QUEUED], True, Status.RUNNING),
        ([Mark.WAITING_APPROVAL, Mark.WAITING_TIMER], False, Status.RUNNING),
        ([Mark.WAITING_APPROVAL, Mark.WAITING_CHILDREN], True, Status.RUNNING),
        ([Mark.WAITING_TIMER, Mark.QUEUED], False, Status.RUNNING),
        ([Mark.WAITING_GATE, Mark.QUEUED], False, Status.QUEUED),
    ],
)
def test_first_matching_status_is_displayed(marks: list[Mark], started: bool, shown: Status) -> None:
    plan = Driven(*(job(f"n{i}", free=True) for i in range(len(marks)))).plan
    assert status(plan, RunState(bytes(marks)), started).status is shown


def test_plan_is_compiled_from_graph() -> None:
    plan = compile_plan(
        {
            "modules": [
                job("a", free=True, priority=7, timeout={"type": "static", "value": 5}),
                condition("c", "results.a", "a"),
                job(
                    "b",
                    on("c", "true"),
                    {"node": "c", "on": "always"},
                    "a",
                    join="any",
                    export={"x": js("result")},
                ),
            ],
            "failure_module": job("failure", retry={"exponential": {"attempts": 2, "seconds": 3}}),
            "output": js("results.b"),
        }
    )
    a, c, b = plan.nodes
    assert (a.targets, a.priority) == ((Target(1, "success"), Target(2, "success")), 7)
    assert (c.condition, c.edges) == ("results.a", (Edge(0, "success"),))
    assert (b.join, b.ancestors, b.exports) == (Join.ANY, 0b11, (("x", js("result")),))
    assert b.edges == (Edge(1, "true"), Edge(1, "always"), Edge(0, "success"))
    assert plan.failure is not None and plan.failure.index == 3
    assert plan.failure.retry == Retry(exponential_attempts=2, multiplier=1, seconds=3)
    assert (plan.starts, plan.is_list, plan.main_sinks, plan.output) == ((0,), False, (2,), js("results.b"))
    assert plan.node(3) is plan.failure


def test_plan_accepts_tolerant_spellings_and_drops_retries_without_effect() -> None:
    plan = compile_plan(
        {"modules": [{"id": "a", "value": {"type": "identity"}, "timeout": 60, "retry": RETRY, "join": None}]}
    )
    assert plan.nodes[0].retry is None
    run = Driven({"id": "a", "value": {"type": "identity"}, "timeout": 60}).start()
    assert run.found(Enqueue) == [Enqueue(0, 60.0)]


@pytest.mark.parametrize(
    "module",
    [
        job("a", "nobody"),
        job("a", "a"),
        job("a", join="most"),
        {"id": "a"},
    ],
)
def test_unsupported_nodes_are_rejected_by_name(module: dict[str, object]) -> None:
    with pytest.raises(InvalidWorkflow, match="a") as raised:
        compile_plan({"modules": [module]})
    assert raised.value.details == {"nodes": ["a"]}
