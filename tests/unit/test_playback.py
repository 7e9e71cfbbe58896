"""Playback of workflows with recorded answers: the outcomes of tests, and what they cover."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.errors import BadRequest
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.orchestrator import playback
from orvanta_platform.orchestrator.recorded_tests import Outcome, coverage, run_test
from orvanta_platform.workflow.playback.comparison import difference
from orvanta_platform.workflow.playback.document import hash_of, parse, tree_of


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


async def outcome(evaluator: Evaluator, flow: dict[str, Any], tree: dict[str, Any]) -> Outcome:
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
    """Each failure names the node, and what was expected and found there."""
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
    """Answers of iterations and attempts are found by their numbers; nothing waits."""
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
    """Of nodes that run at the same time, the one whose answer comes first ends first."""
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


async def test_secrets_have_no_values(evaluator: Evaluator) -> None:
    """A variable that the test does not name is masked, and a masked text is equal to every one around the mask."""
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
    assert hash_of({"a": 1, "b": 2}) != hash_of({"a": 1, "b": 3})
    wrong: dict[str, Any]
    with pytest.raises(BadRequest, match="cannot be stored"):
        parse({"summary": "\ud800"})
    for wrong in ({"nodes": {"a b": {}}}, {"x": 1}):
        with pytest.raises(BadRequest):
            parse(wrong)
