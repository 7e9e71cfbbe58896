"""Restarts inside loops, branches and sub-workflows: earlier bodies and nodes are reused, the rest runs again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cases.hand import work
from tests.cases.test_cases import deploy
from tests.conftest import TestDatabase
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, Worker, core_harness

from orvanta_platform.errors import BadRequest, CannotRestart
from orvanta_platform.services.run_views import jobs
from orvanta_platform.services.runs import restart as restarting
from orvanta_platform.services.runs.nested_restart import RestartPoint
from orvanta_platform.services.runs.restart import RestartRequest
from orvanta_platform.services.runs.start import RunOptions

ITEM = "flow_input.iter.value"


class Stage:
    """A harness with one worker that evaluates the scripts."""

    def __init__(self, core_harness: CoreHarness, worker: Worker) -> None:
        self.ground = core_harness
        self.worker = worker

    async def run(self, *modules: dict[str, Any], args: Any = None, people: Any = (), **value: Any) -> UUID:
        run = await self.ground.start(*modules, args=args, **value)
        await work(self.ground, self.worker, run, list(people))
        return run

    async def restart(self, id: UUID, *steps: tuple[str, int | None] | str, people: Any = ()) -> UUID:
        """Restart `id` at these nodes, or where it failed if there are none, and complete the run."""
        run = await restarting.restart(self.ground.platform, ACTOR, WORKSPACE, id, point(steps), RunOptions())
        await work(self.ground, self.worker, run, list(people))
        return run

    async def preview(self, id: UUID, *steps: tuple[str, int | None] | str) -> RestartPoint:
        return await restarting.preview(self.ground.platform, ACTOR, WORKSPACE, id, point(steps))

    async def ran(self, run: UUID) -> str:
        """Return the nodes whose jobs ran, in the order of execution."""
        rows = await self.ground.rows(
            "SELECT node FROM job WHERE (run = $1 OR run IN (SELECT id FROM run WHERE parent = $1)) AND attempt > 0"
            " ORDER BY ended_at, node",
            run,
        )
        return " ".join(row["node"] for row in rows)

    async def result(self, run: UUID) -> Any:
        return await self.ground.result(run)


def point(steps: Sequence[tuple[str, int | None] | str]) -> RestartRequest:
    return RestartRequest([step if isinstance(step, tuple) else (step, None) for step in steps] or None)


@pytest.fixture
async def stage(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Stage]:
    async with core_harness(database, tmp_path) as made:
        yield Stage(made, await made.worker())
        await made.is_whole()


def script(id: str, code: str, **inputs: str) -> dict[str, Any]:
    """Return a node that returns the value of a Python expression of its inputs."""
    content = f"def main({', '.join(inputs)}):\n    return {code}\n"
    transforms = {name: {"type": "javascript", "expr": expr} for name, expr in inputs.items()}
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": transforms}
    return {"id": id, "value": value}


def loop(id: str, items: Any, *modules: dict[str, Any], **value: Any) -> dict[str, Any]:
    iterator = {"type": "static", "value": items} if isinstance(items, list) else {"type": "javascript", "expr": items}
    return {"id": id, "value": {"type": "forloopflow", "iterator": iterator, "modules": list(modules), **value}}


def steps() -> list[dict[str, Any]]:
    """Return the nodes of an iteration: x is 10 times the item; y is a list of the result of `a` and x."""
    return [script("x", "10 * v", v=ITEM), script("y", "[a, x]", a="results.a", x="results.x")]


async def test_restart_at_iteration(stage: Stage) -> None:
    first = await stage.run(script("a", "7"), loop("l", [1, 2, 3], *steps()), script("z", "r", r="results.l"))
    whole = [[7, 10], [7, 20], [7, 30]]
    assert (await stage.result(first), await stage.ran(first)) == (whole, "a x y x y x y z")
    made = await stage.preview(first, ("l", 1))
    assert (made.made.reused, made.made.again, made.inside[1].reused) == ((0,), (1, 2), 1)
    second = await stage.restart(first, ("l", 1))
    assert (await stage.result(second), await stage.ran(second)) == (whole, "x y x y z")
    third = await stage.restart(first, ("l", 2), "y")
    assert (await stage.result(third), await stage.ran(third)) == (whole, "y z")


async def test_restart_of_restart_reuses_results_of_both(stage: Stage) -> None:
    """Iteration 0 is reused from the first run, iteration 1 from the second, and x of iteration 2 from the second."""
    first = await stage.run(script("a", "7"), loop("l", [1, 2, 3], *steps()), script("z", "r", r="results.l"))
    second = await stage.restart(first, ("l", 1))
    third = await stage.restart(second, ("l", 2), "y")
    fourth = await stage.restart(third, ("l", 2), "y")
    fifth = await stage.restart(fourth, ("l", 0), "y")
    for run, ran in ((third, "y z"), (fourth, "y z"), (fifth, "y x y x y z")):
        assert (await stage.result(run), await stage.ran(run)) == ([[7, 10], [7, 20], [7, 30]], ran)


async def test_view_of_restarted_iteration(stage: Stage) -> None:
    """Reused bodies, and the reused node of the continued body, are shown with the jobs of the previous run."""
    first = await stage.run(script("a", "7"), loop("l", [1, 2, 3], *steps()))
    second = await stage.restart(first, ("l", 2), "y")
    platform = stage.ground.platform
    shown = [(await jobs.get(platform, ACTOR, WORKSPACE, id)).progress for id in (first, second)]
    before, now = [progress.nodes[1].inside for progress in shown if progress is not None]
    assert before is not None and now is not None
    assert (now.jobs[:2], now.success, now.count, now.total) == (before.jobs[:2], (True,) * 3, 3, 3)
    body = (await jobs.get(platform, ACTOR, WORKSPACE, now.jobs[2])).progress
    was = (await jobs.get(platform, ACTOR, WORKSPACE, before.jobs[2])).progress
    assert body is not None and was is not None
    assert [(node.state.value, node.reused) for node in body.nodes] == [("succeeded", True), ("succeeded", False)]
    assert (body.nodes[0].job, body.nodes[1].job != was.nodes[1].job) == (was.nodes[0].job, True)
    third = await stage.restart(second, "l")
    assert await stage.ran(third) == "x y x y x y"


FAILING: set[int] = set()
"""Items at which y fails."""


def flaky(**more: Any) -> list[dict[str, Any]]:
    FAILING.add(2)
    code = f"1 / 0 if v in __import__('sys').modules[{__name__!r}].FAILING else v"
    body = [script("x", "v", v=ITEM), script("y", code, v=ITEM)]
    return [script("a", "7"), loop("l", [1, 2, 3], *body, **more), script("z", "r", r="results.l")]


async def test_retry_continues_failed_loop(stage: Stage) -> None:
    first = await stage.run(*flaky())
    assert (await stage.ground.ended(first))["status"] == "failed"
    FAILING.clear()
    second = await stage.restart(first)
    assert (await stage.result(second), await stage.ran(second)) == ([1, 2, 3], "y x y z")


async def test_retry_of_parallel_loop_runs_unfinished_bodies(stage: Stage) -> None:
    first = await stage.run(*flaky(parallel=True))
    FAILING.clear()
    second = await stage.restart(first)
    assert (await stage.result(second), await stage.ran(second)) == ([1, 2, 3], "x y z")


async def test_restarted_parallel_loop_runs_only_named_iteration(stage: Stage) -> None:
    """Bodies that failed with skip_failures have ended: their results remain null unless the restart names them."""
    first = await stage.run(*flaky(parallel=True, skip_failures=True))
    assert await stage.result(first) == [1, None, 3]
    FAILING.clear()
    second = await stage.restart(first, ("l", 2), "y")
    assert (await stage.result(second), await stage.ran(second)) == ([1, None, 3], "y z")
    third = await stage.restart(second, ("l", 1))
    assert (await stage.result(third), await stage.ran(third)) == ([1, 2, 3], "x y z")
    fourth = await stage.restart(third, ("l", 0))
    assert (await stage.result(fourth), await stage.ran(fourth)) == ([1, 2, 3], "x y z")


async def test_restarted_while_loop_reads_previous_iteration(stage: Stage) -> None:
    """s adds the item to its result in the previous iteration."""
    body = [script("s", "(b or 0) + v + 1", b="results.s", v=ITEM), script("t", "s", s="results.s")]
    stop = {"stop_after_if": {"expr": "result >= 10"}}
    value = {"type": "whileloopflow", "modules": body, "skip_failures": False}
    first = await stage.run({"id": "w", "value": value, **stop})
    assert await stage.result(first) == [1, 3, 6, 10]
    second = await stage.restart(first, ("w", 2))
    assert (await stage.result(second), await stage.ran(second)) == ([1, 3, 6, 10], "s t s t")
    third = await stage.restart(second, ("w", 2), "t")
    fourth = await stage.restart(third, ("w", 3))
    for run, ran in ((third, "t s t"), (fourth, "s t")):
        assert (await stage.result(run), await stage.ran(run)) == ([1, 3, 6, 10], ran)


async def test_restart_inside_branches(stage: Stage) -> None:
    """The reused branches are the chosen one of branchone, earlier ones of branchall, or all others if parallel."""
    one = {
        "id": "o",
        "value": {
            "type": "branchone",
            "branches": [{"expr": "true", "modules": [script("p", "1"), script("q", "p + 1", p="results.p")]}],
            "default": [script("d", "0")],
        },
    }
    bodies = [[script(f"m{n}", str(n)), script(f"n{n}", f"m + {n}", m=f"results.m{n}")] for n in range(3)]
    every = {"id": "e", "value": {"type": "branchall", "branches": [{"modules": body} for body in bodies]}}
    single = [{"modules": [script(f"k{n}", str(n))]} for n in range(3)]
    side = {"id": "s", "value": {"type": "branchall", "branches": single, "parallel": True}}
    output = {"type": "javascript", "expr": "[results.o, results.e, results.s]"}
    first = await stage.run(one, every, side, output=output)
    whole = [2, [0, 2, 4], [0, 1, 2]]
    assert await stage.result(first) == whole
    later = " k0 k1 k2"
    for steps, ran in (
        (("o", "q"), "q m0 n0 m1 n1 m2 n2" + later),
        ((("o", 0), "q"), "q m0 n0 m1 n1 m2 n2" + later),
        ((("e", 1), "n1"), "n1 m2 n2" + later),
        ((("e", 2),), "m2 n2" + later),
        ((("s", 1),), "k1"),
    ):
        run = await stage.restart(first, *steps)
        assert (await stage.result(run), await stage.ran(run)) == (whole, ran), steps
    with pytest.raises(CannotRestart, match="ran the branch 0"):
        await stage.preview(first, ("o", 1), "d")


async def test_restart_inside_nested_loops(stage: Stage) -> None:
    inner = loop("i", "[1, 2]", script("x", "v * 10", v=ITEM), script("y", "x", x="results.x"))
    last = script("c", "[b, i]", b="results.b", i="results.i")
    first = await stage.run(loop("o", [1, 2], script("b", "v", v=ITEM), inner, last))
    whole = [[1, [10, 20]], [2, [10, 20]]]
    assert await stage.result(first) == whole
    second = await stage.restart(first, ("o", 1), ("i", 1), "y")
    third = await stage.restart(second, ("o", 1), ("i", 1), "y")
    fourth = await stage.restart(third, ("o", 1), "c")
    for run, ran in ((second, "y c"), (third, "y c"), (fourth, "c")):
        assert (await stage.result(run), await stage.ran(run)) == (whole, ran)
    made = await stage.preview(third, ("o", 1), ("i", 1), "y")
    outer = made.inside[0]
    assert outer.body is not None and outer.body.inside[1].body is not None
    assert (outer.reused, outer.body.inside[1].reused, outer.body.inside[1].body.made.reused) == (1, 1, (0,))


async def test_restart_inside_sub_workflow(stage: Stage) -> None:
    child = {"modules": [script("p", "v", v="flow_input.v"), script("q", "p + 1", p="results.p")]}
    await deploy(stage.ground, "f/team/child", child)
    call = {"type": "flow", "path": "f/team/child", "input_transforms": {"v": {"type": "static", "value": 4}}}
    first = await stage.run({"id": "c", "value": call}, script("z", "c", c="results.c"))
    second = await stage.restart(first, "c", "q")
    third = await stage.restart(second, "c", "q")
    for run in (second, third):
        assert (await stage.result(run), await stage.ran(run)) == (5, "q z")


async def test_restart_inside_loop_of_sub_workflow(stage: Stage) -> None:
    child = {"modules": [loop("l", "[1, 2, flow_input.v]", script("x", "v", v=ITEM), script("y", "x", x="results.x"))]}
    await deploy(stage.ground, "f/team/looping", child)
    call = {"type": "flow", "path": "f/team/looping", "input_transforms": {"v": {"type": "static", "value": 3}}}
    first = await stage.run({"id": "c", "value": call})
    second = await stage.restart(first, "c", ("l", 1), "y")
    third = await stage.restart(second, "c", ("l", 2), "y")
    for run, ran in ((first, "x y x y x y"), (second, "y x y"), (third, "y")):
        assert (await stage.result(run), await stage.ran(run)) == ([1, 2, 3], ran)
    platform = stage.ground.platform
    below = await stage.ground.row("SELECT id FROM run WHERE parent = $1", second)
    shown = (await jobs.get(platform, ACTOR, WORKSPACE, below["id"])).progress
    assert shown is not None and shown.nodes[0].inside is not None
    body = (await jobs.get(platform, ACTOR, WORKSPACE, shown.nodes[0].inside.jobs[1])).progress
    assert body is not None
    assert [(node.state.value, node.reused) for node in body.nodes] == [("succeeded", True), ("succeeded", False)]


async def test_branches_that_conditions_skipped_stay_skipped(stage: Stage) -> None:
    """Skipped nodes of a body have no rows; the body's edges record them."""
    condition = {"id": "k", "value": {"type": "condition", "expr": f"{ITEM} === 1"}, "needs": []}
    body = [
        condition,
        {**script("yes", "'yes'"), "needs": [{"node": "k", "on": "true"}]},
        {**script("no", "'no'"), "needs": [{"node": "k", "on": "false"}]},
        {**script("j", "p", p="previous_result"), "needs": ["yes", "no"], "join": "settled"},
        {**script("e", "j", j="results.j"), "needs": ["j"]},
    ]
    first = await stage.run(loop("l", [1, 2], *body))
    assert await stage.result(first) == ["yes", "no"]
    second = await stage.restart(first, ("l", 1), "e")
    assert (await stage.result(second), await stage.ran(second)) == (["yes", "no"], "e")
    third = await stage.restart(second, ("l", 1), "j")
    assert (await stage.result(third), await stage.ran(third)) == (["yes", "no"], "j e")


@pytest.mark.parametrize("inside", [False, True])
async def test_earlier_decisions_are_reused(stage: Stage, inside: bool) -> None:
    """Resumes of a suspended node and the decision of an approval are reused; later approvals are requested again."""
    steps = [
        {**script("a", "1"), "suspend": {"required_events": 1}},
        script("b", "r", r="resume"),
        {"id": "p", "value": {"type": "approval"}},
        script("c", "[b, d]", b="results.b", d="results.p.decision"),
    ]
    resumes = {"node": "a", "decision": "approved", "form": {"n": 1}}
    agrees = {"node": "p", "decision": "approved"}
    modules, at = ([loop("l", [1], *steps)], [("l", 0)]) if inside else (steps, [])
    first = await stage.run(*modules, people=[resumes, agrees])
    whole = [{"n": 1}, "approved"]
    expected = [whole] if inside else whole
    assert (await stage.result(first), await stage.ran(first)) == (expected, "a b c")
    second = await stage.restart(first, *at, "b", people=[agrees])
    third = await stage.restart(second, *at, "c")
    fourth = await stage.restart(third, *at, "b", people=[agrees])
    for run, ran in ((second, "b c"), (third, "c"), (fourth, "b c")):
        assert (await stage.result(run), await stage.ran(run)) == (expected, ran)


async def test_invalid_restart_points_are_rejected(stage: Stage) -> None:
    first = await stage.run(script("a", "7"), loop("l", [1, 2], *steps()))
    for steps_, error in (
        ((("l", 2),), CannotRestart),
        ((("l", None), "x"), BadRequest),
        ((("l", 0), "nobody"), BadRequest),
        ((("a", 0),), BadRequest),
        (("a", "x"), BadRequest),
    ):
        with pytest.raises(error):
            await stage.preview(first, *steps_)
