"""Restarts: reused nodes, nodes that run again, and the start of the run."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from tests.unit.engine.driven import Driven, condition, job, on

from orvanta_platform.engine import restart as engine
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.decide import decide
from orvanta_platform.engine.effects import Enqueue, NodeResults, OfNode, RunEnded
from orvanta_platform.engine.events import Started
from orvanta_platform.engine.restart import Restart
from orvanta_platform.engine.reused_results import Origin, ReusedResults
from orvanta_platform.engine.state import Mark, Phase, RunState

FIRST, SECOND = UUID(int=1), UUID(int=2)


def restarted(before: Driven, *named: str, run: UUID = FIRST, plan: Any = None) -> tuple[Driven, Restart]:
    """Return a restart of the ended run `before`, and its plan."""
    after = Driven()
    after.plan = plan or before.plan
    after.answers = before.answers
    ended = engine.finished_run(run, before.plan, before.state)
    made = engine.restart(after.plan, ended, [after.plan.indexes[name] for name in named])
    after.state = RunState.decode(made.state.encode())
    assert after.state == made.state
    return after, made


def ids(run: Driven, indexes: tuple[int, ...]) -> str:
    return " ".join(run.plan.nodes[index].id for index in indexes)


def diamond() -> Driven:
    """Return a; then b and c; then d."""
    return Driven(job("a", free=True), job("b", "a"), job("c", "a"), job("d", "b", "c"))


def test_only_a_failed_preprocessor_runs_again() -> None:
    plan = compile_plan({"modules": [job("a")], "preprocessor_module": job("preprocessor")})
    for mark, phase in ((Mark.UNHANDLED, Phase.PREPROCESSING), (Mark.SUCCEEDED, Phase.NORMAL)):
        ended = RunState(bytes([Mark.PENDING, Mark.PENDING, mark]), phase=Phase.ENDED)
        made = engine.restart(plan, engine.finished_run(FIRST, plan, ended))
        assert (made.again, made.state.phase) == ((0,), phase)
        begun = decide(plan, made.state, Started(), {})
        nodes = [each.node for each in begun.effects if isinstance(each, Enqueue)]
        assert nodes == ([2] if phase is Phase.PREPROCESSING else [0])


def test_node_and_all_following_nodes_run_again() -> None:
    before = diamond().start().ok("a", "b", "c", "d")
    after, made = restarted(before, "b")
    assert (ids(after, made.reused), ids(after, made.again), made.skipped) == ("a c", "b d", ())
    assert after.start().enqueued == ["b"]
    after.ok("b", "d")
    (end,) = after.found(RunEnded)
    assert end.result == OfNode(3) and end.status.value == "succeeded"


def test_unfinished_nodes_run_again() -> None:
    """c failed while b succeeded; a restart from d need not name c."""
    before = diamond().start().ok("a").fail("c").ok("b")
    after, made = restarted(before, "d")
    assert (ids(after, made.reused), ids(after, made.again)) == ("a b", "c d")
    assert after.start().enqueued == ["c"]


def test_retry_starts_at_the_failed_nodes() -> None:
    before = diamond().start().ok("a").fail("c").ok("b")
    after, made = restarted(before)
    assert (ids(after, made.reused), ids(after, made.again)) == ("a b", "c d")


def test_cancelled_run_restarts_with_the_cancelled_nodes() -> None:
    before = diamond().start().ok("a").cancel(force=True)
    after, made = restarted(before)
    assert (ids(after, made.reused), ids(after, made.again)) == ("a", "b c d")
    assert after.start().enqueued == ["b", "c"]


def test_handled_failure_is_reused() -> None:
    before = Driven(job("a", free=True), job("b", on("a", "failure")), job("c", "b")).start().fail("a").ok("b", "c")
    after, made = restarted(before, "c")
    assert (ids(after, made.reused), ids(after, made.again)) == ("a b", "c")
    assert after.start().enqueued == ["c"]


def branches() -> Driven:
    return Driven(
        condition("c", "true", free=True),
        job("yes", on("c", "true")),
        job("no", on("c", "false")),
        job("end", "yes", "no", join="settled"),
    )


def test_skipped_nodes_stay_skipped() -> None:
    before = branches().start().ok("yes", "end")
    after, made = restarted(before, "end")
    assert (ids(after, made.reused), ids(after, made.again), ids(after, made.skipped)) == ("c yes", "end", "no")
    after.start().ok("end")
    assert after.marks("c", "yes", "no", "end") == ["true", "succeeded", "skipped", "succeeded"]


def test_from_a_condition_the_other_branch_may_run() -> None:
    before = branches().start().ok("yes", "end")
    after, made = restarted(before, "c")
    assert (made.reused, made.skipped) == ((), ())
    after.answers = {**after.answers, "true": False}
    assert after.start().enqueued == ["no"]


def test_restart_from_a_skipped_node_runs_nothing() -> None:
    before = branches().start().ok("yes", "end")
    after, made = restarted(before, "no")
    ended = engine.finished_run(FIRST, before.plan, before.state)
    assert not engine.is_reached(after.plan, made, ended, 2)
    assert all(engine.is_reached(after.plan, made, ended, index) for index in (0, 1, 3))


def test_join_any_starts_by_the_same_edge() -> None:
    before = Driven(job("a", free=True), job("b", free=True), job("c", "a", "b", join="any"))
    before.start().ok("b", "c", "a")
    after, _ = restarted(before, "c")
    assert after.start().enqueued == ["c"]
    assert after.state.chosen == {2: 1}


def test_join_any_starts_immediately_by_a_reused_node() -> None:
    before = Driven(job("a", free=True), job("b", free=True), job("c", "a", "b", join="any"))
    before.start().ok("b", "c", "a")
    after, made = restarted(before, "b")
    assert (ids(after, made.reused), ids(after, made.again)) == ("a", "b c")
    assert after.start().enqueued == ["b", "c"]
    assert after.state.chosen == {2: 0}


def test_reused_nodes_count_in_the_result() -> None:
    before = Driven(job("a", free=True), job("b", free=True), job("c", "b")).start().ok("a", "b", "c")
    after, _ = restarted(before, "c")
    after.start().ok("c")
    (end,) = after.found(RunEnded)
    assert end.result == NodeResults((("a", 0), ("c", 2)))
    assert after.state.reused == ReusedResults((Origin(FIRST),), {0: 0, 1: 0})


def test_result_reused_before_keeps_its_origin() -> None:
    """In the restart of a restart, the result of a belongs to the first run and that of b to the second."""
    first = Driven(job("a"), job("b"), job("c")).start().ok("a", "b", "c")
    second, _ = restarted(first, "b")
    second.start().ok("b", "c")
    third, _ = restarted(second, "c", run=SECOND)
    reused = third.state.reused
    assert reused is not None
    assert [reused.origin(index) for index in range(3)] == [Origin(FIRST), Origin(SECOND), None]


def test_only_the_result_remains() -> None:
    """`output` threw an error; a retry reuses every node and ends immediately."""
    before = Driven(job("a"), answers={"x": 1}, output={"type": "javascript", "expr": "boom"}).start().ok("a")
    assert before.state.status.value == "failed"
    after, made = restarted(before)
    assert ids(after, made.reused) == "a"
    after.answers = {**after.answers, "boom": 1}
    after.start()
    assert after.state.status.value == "succeeded"


def test_started_twice_changes_nothing() -> None:
    before = diamond().start().ok("a", "b", "c", "d")
    after, _ = restarted(before, "d")
    state = after.start().state
    assert after.start().state == state and after.effects == ()


def test_nodes_of_another_version_match_by_id_and_kind() -> None:
    """In the new version x is added, b is a condition, and d is removed."""
    before = diamond().start().ok("a", "b", "c", "d")
    modules = [job("x", free=True), job("a", free=True), condition("b", "true", "a"), job("c", "a"), job("e", "c", "x")]
    after, made = restarted(before, "e", plan=compile_plan({"modules": modules}))
    assert (ids(after, made.reused), ids(after, made.again)) == ("a c", "x b e")
    assert after.start().enqueued == ["x"]


@pytest.mark.parametrize(("named", "again"), [("b", "b"), ("c", "a b c")])
def test_restart_after_an_early_stop_passes_it(named: str, again: str) -> None:
    """a ended the run before b started; in a restart from c, which does not follow a, a runs again."""
    before = Driven(job("a", free=True, stop_after_if={"expr": "true"}), job("b", "a"), job("c", free=True))
    before.start().ok("a", "c")
    after, made = restarted(before, named)
    assert ids(after, made.again) == again


def test_unapproved_suspend_is_asked_again() -> None:
    """A retry does not bypass a disapproval: the node runs again and requests another approval."""
    from orvanta_platform.engine.events import Rejected

    before = Driven(job("a", suspend={"required_events": 1}), job("b")).start().ok("a")
    before.send(Rejected(0, b'{"value":null}', "ann"))
    assert before.state.status.value == "failed"
    after, made = restarted(before, "b")
    assert ids(after, made.again) == "a b"
    assert after.start().enqueued == ["a"]
