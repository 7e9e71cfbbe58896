"""Playback of workflows with recorded answers: the outcomes of tests, and the nodes that they cover."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.errors import BadRequest, TooLarge
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.orchestrator import playback, recorded_tests
from orvanta_platform.orchestrator.playback_types import Execution, ExecutionKey, Played
from orvanta_platform.orchestrator.recorded_answers import RecordedAnswers
from orvanta_platform.orchestrator.recorded_tests import RecordedTestOutcome, coverage, run_test
from orvanta_platform.services.catalog import recording
from orvanta_platform.workflow.playback.comparison import difference
from orvanta_platform.workflow.playback.document import RecordedAnswer, WorkflowTest, hash_test, parse, tree_of


@pytest.fixture
async def evaluator() -> AsyncIterator[Evaluator]:
    made = Evaluator()
    yield made
    await made.close()


def js(expr: str) -> dict[str, str]:
    return {"type": "javascript", "expr": expr}


def job(id: str, *needs: Any, **inputs: str) -> dict[str, Any]:
    transforms = {name: js(expr) for name, expr in inputs.items()}
    value = {"type": "rawscript", "language": "python3", "content": "", "input_transforms": transforms}
    return {"id": id, "value": value, **({"needs": list(needs)} if needs else {})}


def on(node: str, outcome: str) -> dict[str, str]:
    return {"node": node, "on": outcome}


CHARGE = {
    "modules": [
        {**job("fetch", user="flow_input.user"), "needs": []},
        {"id": "large", "needs": ["fetch"], "value": {"type": "condition", "expr": "results.fetch.total > 100"}},
        {"id": "ask", "needs": [on("large", "true")], "value": {"type": "approval", "message": "Pay?"}},
        job("charge", on("large", "false"), on("ask", "approved"), total="results.fetch.total") | {"join": "any"},
        job("refuse", on("ask", "rejected"), by="context.ask.by"),
    ]
}


async def outcome(evaluator: Evaluator, flow: dict[str, Any], tree: dict[str, Any]) -> RecordedTestOutcome:
    return await run_test(compile_plan(flow), "f/team/flow", parse(tree), evaluator)


async def test_conditions_and_approvals_choose_the_branch(evaluator: Evaluator) -> None:
    small = {
        "inputs": {"user": "ann"},
        "nodes": {
            "fetch": {"result": {"total": 5}, "inputs": {"user": "ann"}},
            "charge": {"result": "charged", "inputs": {"total": 5}},
        },
        "expect": {"result": {"equals": "charged"}, "nodes": {"ask": {"status": "skipped"}}},
    }
    large = {
        "nodes": {
            "fetch": {"result": {"total": 500}},
            "ask": {"decisions": [{"decision": "rejected", "by": "bob"}]},
            "refuse": {"result": {"told": ["ann"]}, "inputs": {"by": "bob"}},
        },
        "expect": {
            "result": {"contains": {}, "schema": {"required": ["told"]}, "expr": "result.told[0] === 'ann'"},
            "nodes": {"large": {"equals": True}, "ask": {"status": "failed"}},
        },
    }
    both = [await outcome(evaluator, CHARGE, each) for each in (small, large)]
    assert [each.failures for each in both] == [[], []]
    walked = coverage(compile_plan(CHARGE), both)
    assert [id for id, covered in walked.nodes if not covered] == []
    assert [edge[:3] for edge in walked.edges if not edge[3]] == [("ask", "charge", "approved")]


async def test_other_inputs_missing_answers_and_results_are_failures(evaluator: Evaluator) -> None:
    """Each failure names the node, the expected value and the actual one."""
    stale = {
        "inputs": {"user": "bob"},
        "nodes": {
            "fetch": {"result": {"total": 5}, "inputs": {"user": "ann"}},
            "charge": {"result": [1, {"a": 2}]},
        },
        "expect": {"result": {"equals": [1, {"a": 3}]}, "nodes": {"ask": {"status": "succeeded"}}},
    }
    failures = (await outcome(evaluator, CHARGE, stale)).failures
    assert [(each.check, each.node, each.place, each.expected, each.got) for each in failures] == [
        ("inputs", "fetch", "/user", {"user": "ann"}, {"user": "bob"}),
        ("status", "ask", "", "succeeded", "skipped"),
        ("equals", None, "/1/a", [1, {"a": 3}], [1, {"a": 2}]),
    ]
    for nodes, node in (({}, "fetch"), ({"fetch": {"result": {"total": 500}}}, "ask")):
        (failure,) = (await outcome(evaluator, CHARGE, {"nodes": nodes})).failures
        assert (failure.check, failure.node) == ("playback", node)
    thrown = {"nodes": {"fetch": {"error": {"name": "HttpError", "message": "503"}}}}
    (failure,) = (await outcome(evaluator, CHARGE, thrown)).failures
    assert failure.check == "status" and failure.got["result"]["error"]["name"] == "HttpError"
    assert (await outcome(evaluator, CHARGE, {**thrown, "expect": {"status": "failed"}})).passed


async def test_loops_retries_and_timers_are_played(evaluator: Evaluator) -> None:
    """The answers of iterations and attempts are found by number, and timers fire immediately."""
    retried = job("send", item="flow_input.iter.value") | {"retry": {"constant": {"attempts": 2, "seconds": 3600}}}
    pause = {"id": "pause", "value": {"type": "delay", "seconds": {"type": "static", "value": 3600}}}
    loop = {"type": "forloopflow", "iterator": js("flow_input.items"), "modules": [pause, retried], "parallel": True}
    flow = {"modules": [{"id": "each", "value": loop}, job("sum", parts="results.each")]}
    tree: dict[str, Any] = {
        "inputs": {"items": ["a", "b"]},
        "nodes": {
            "send[0]": {"result": 1, "inputs": {"item": "a"}},
            "send[1]": [{"error": {"name": "E", "message": "m"}}, {"result": 2, "inputs": {"item": "b"}}],
            "sum": {"result": 3, "inputs": {"parts": [1, 2]}},
        },
        "expect": {"result": {"equals": 3}, "nodes": {"send[1]": {"equals": 2}}},
    }
    assert (await outcome(evaluator, flow, tree)).failures == []
    tree["nodes"]["send[1]"] = {"error": {"name": "E", "message": "m"}}
    (node, run, value) = (await outcome(evaluator, flow, tree)).failures
    assert (node.node, node.check, run.check, value.check) == ("send[1]", "equals", "status", "equals")


async def test_a_race_is_won_as_recorded(evaluator: Evaluator) -> None:
    """Of concurrent nodes, the one whose answer is listed first ends first."""
    flow = {
        "modules": [
            {**job("slow"), "needs": []},
            {**job("fast"), "needs": []},
            job("first", on("slow", "success"), on("fast", "success"), seen="previous_result") | {"join": "any"},
        ]
    }
    for names in (("slow", "fast"), ("fast", "slow")):
        nodes = {name: {"result": name} for name in names} | {"first": {"result": 0, "inputs": {"seen": names[0]}}}
        assert (await outcome(evaluator, flow, {"nodes": nodes})).failures == []


async def test_an_endless_loop_ends_the_playback(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "MAX_STEPS", 300)
    flow = {"modules": [{"id": "for_ever", "value": {"type": "whileloopflow", "modules": [job("a")]}}]}
    (failure,) = (await outcome(evaluator, flow, {"nodes": {"a": {"result": 1}}})).failures
    assert failure.check == "playback" and "300 steps" in failure.message


def many(count: int, answer: dict[str, Any], **inputs: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a workflow with a loop of `count` iterations, and a test with one answer for all of them."""
    items = {"type": "static", "value": list(range(count))}
    loop = {"type": "forloopflow", "iterator": items, "modules": [job("step", **inputs)]}
    return {"modules": [{"id": "each", "value": loop}]}, {"nodes": {"step": answer}}


async def test_values_and_inputs_of_a_playback_are_limited(evaluator: Evaluator) -> None:
    """A large answer used by many iterations, or a large value that each of them receives, aborts the playback."""
    large = "x" * 1_000_000
    flow, tree = many(80, {"result": large})
    (failure,) = (await outcome(evaluator, flow, tree)).failures
    assert failure.check == "playback" and "64 MiB" in failure.message
    flow, tree = many(80, {"result": 1}, copy="flow_input.large")
    (failure,) = (await outcome(evaluator, flow, tree | {"inputs": {"large": large}})).failures
    assert failure.check == "playback" and "64 MiB" in failure.message


async def test_other_tasks_run_between_the_steps(evaluator: Evaluator) -> None:
    """A step may copy a large value, so the playback yields to the event loop after each step."""
    turns = 0

    async def wait() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(wait())
    flow, tree = many(50, {"result": 1})
    assert (await outcome(evaluator, flow, tree)).passed
    waiting.cancel()
    assert turns >= 100, "start and end of each iteration"


def test_answers_are_encoded_and_ranked_once() -> None:
    """Executions share the encoded answer, and a node's position is found without searching all answers."""

    class Key(str):
        seen = 0

        def partition(self, separator: str) -> tuple[str, str, str]:
            Key.seen += 1
            return super().partition(separator)

    keys = [Key(f"other[{number}]") for number in range(50)]
    test = WorkflowTest(
        nodes={**{key: RecordedAnswer(result=1) for key in keys}, "step": RecordedAnswer(result={"a": 1})}
    )
    answers = RecordedAnswers(test, recorded_tests._EPOCH)
    flow, _ = many(2, {})
    each, step = compile_plan(flow).all_nodes
    found = [answers.outcome(ExecutionKey(step, UUID(int=0), (number,))) for number in range(2)]
    assert found[0] is not None and found[1] is not None and found[0].raw is found[1].raw
    assert [answers.rank(ExecutionKey(each, UUID(int=0), ())) for _ in range(20)] == [50] * 20
    assert Key.seen <= len(keys)


async def test_comparisons_are_made_in_document_threads_and_limited(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def noted(*sides: Any, **more: Any) -> str | None:
        threads.append(threading.current_thread().name)
        return difference(*sides, **more)

    monkeypatch.setattr(recorded_tests, "difference", noted)
    flow, tree = many(300, {"result": 1, "inputs": {"of": -1}}, of="flow_input.iter.value")
    tree["expect"] = {"result": {"equals": []}, "nodes": {"step": {"equals": 2}}}
    found = (await outcome(evaluator, flow, tree)).failures
    assert len(found) == recorded_tests.MAX_FAILURES
    assert len(threads) == recorded_tests.MAX_FAILURES and all(each.startswith("documents") for each in threads)
    monkeypatch.setattr(recorded_tests, "MAX_SECONDS", 0)
    (failure,) = (await outcome(evaluator, flow, tree)).failures
    assert (failure.check, failure.node) == ("playback", None) and "comparison" in failure.message


def test_inputs_of_a_recorded_run_are_limited() -> None:
    """Many executions with the same large input are refused before all inputs are decoded."""
    flow, _ = many(2, {})
    _, step = compile_plan(flow).all_nodes
    played, raw = Played(), b'{"of":"%s"}' % (b"x" * 1_000_000)
    for number in range(3):
        key = ExecutionKey(step, UUID(int=number), (number,))
        played.executions[key.id] = Execution(key, "succeeded", b"1", raw)
    source = recording._RunAnswers([], {}, [], recorded_tests._EPOCH)
    with pytest.raises(TooLarge):
        recording._answers(played, source)


def test_keys_of_a_test_are_limited() -> None:
    with pytest.raises(BadRequest, match="5,000"):
        parse({"nodes": {f"a[{number}]": {} for number in range(5_001)}})


async def test_secrets_have_no_values(evaluator: Evaluator) -> None:
    """Variables not named by the test are masked; a masked text equals any text that differs only at the mask."""
    flow = {"modules": [job("call", token="'Bearer ' + variable('f/a/token')", url="resource('f/a/api').url")]}
    inputs = {"token": "Bearer ***", "url": "https://example.com"}
    tree = {"nodes": {"call": {"result": 1, "inputs": inputs}}, "resources": {"f/a/api": {"url": inputs["url"]}}}
    assert (await outcome(evaluator, flow, tree)).failures == []
    assert (await outcome(evaluator, flow, {**tree, "variables": {"f/a/token": "x y"}})).failures == []
    del tree["resources"]
    assert "f/a/api" in (await outcome(evaluator, flow, tree)).failures[0].message


@pytest.mark.parametrize(
    ("expected", "found", "partial", "place"),
    [
        ({"a": 1, "b": [1]}, {"b": [1.0], "a": 1}, False, None),
        ({"a": 1}, {"a": 1, "b": 2}, False, "/b"),
        ({"a": 1}, {"a": 1, "b": 2}, True, None),
        ([1, 2], [1], True, "/1"),
        ({"x/y": True}, {"x/y": 1}, False, "/x~1y"),
        ("a***c***e", "abcde", False, None),
        ("a***c", "ac", False, None),
        ("ab***ba", "aba", False, ""),
        (None, False, False, ""),
    ],
)
def test_first_difference_is_found(expected: Any, found: Any, partial: bool, place: str | None) -> None:
    assert difference(expected, found, partial=partial) == place


def test_documents_are_checked_and_have_one_form() -> None:
    full = {"nodes": {"a": {"result": None}, "b[0]": [{"result": 1}]}, "expect": {"result": {"equals": None}}}
    assert tree_of(parse(full)) == full
    assert tree_of(parse({"inputs": {}, "expect": {"status": "succeeded"}})) == {}
    assert hash_test({"a": 1, "b": 2}) != hash_test({"a": 1, "b": 3})
    wrong: dict[str, Any]
    with pytest.raises(BadRequest, match="cannot be stored"):
        parse({"summary": "\ud800"})
    for wrong in ({"nodes": {"a b": {}}}, {"x": 1}):
        with pytest.raises(BadRequest):
            parse(wrong)
