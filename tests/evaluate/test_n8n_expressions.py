"""Values of the expressions into which nodes of n8n are converted."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from tests.evaluate.bench import Bench
from tests.unit.workflow.test_importers import INTEGRATIONS, flow_tree, n8n_workflow, node

from orvanta_platform.workflow.importers import n8n
from orvanta_platform.workflow.importers.findings import Conversion

pytestmark = pytest.mark.asyncio(loop_scope="module")


def conversion(*nodes: dict[str, Any], connections: Any = None) -> Conversion:
    """Return the conversion of nodes, each connected to the next one unless there are connections."""
    links = {one["name"]: {"main": [[{"node": two["name"]}]]} for one, two in pairwise(nodes)}
    tree = n8n_workflow(*nodes, connections=links if connections is None else connections)
    return n8n.convert(tree, "f/a/b", INTEGRATIONS)


def modules(found: Conversion) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in flow_tree(found.items[0])["value"]["modules"]}


def rows() -> dict[str, Any]:
    """Return a node whose result is an array of items."""
    return node("Rows", "n8n-nodes-base.code", parameters={"jsCode": "return items;"})


async def value(bench: Bench, found: Conversion, id: str, results: dict[str, Any]) -> Any:
    """Return the value of a converted node that is an expression, for these results of other nodes."""
    expr = modules(found)[id]["value"]["input_transforms"]["value"]["expr"]
    return json.loads(await bench.value(expr, {"flow_input": b"{}", "results": json.dumps(results).encode()}))


@pytest.mark.parametrize(
    "text",
    ["={{ JSON.stringify({a: $json.n}) }}", "={{ {a: $json.n} }}", '={"a": {{ $json.n }}}', "={{ '{\"a\": 7}' }}"],
)
async def test_json_may_be_text_or_value(bench: Bench, text: str) -> None:
    raw = {"mode": "raw", "jsonOutput": text}
    found = conversion(
        rows(),
        node("S", "n8n-nodes-base.set", typeVersion=3.4, parameters=raw),
        node("R", "n8n-nodes-base.respondToWebhook", parameters={"respondWith": "json", "responseBody": text}),
        node("P", "n8n-nodes-base.httpRequest", parameters={"method": "POST", "specifyBody": "json", "jsonBody": text}),
    )
    assert found.complete
    assert await value(bench, found, "s", {"rows": [{"n": 7}]}) == [{"a": 7}]
    assert await value(bench, found, "r", {"s": [{"n": 7}]}) == {"a": 7}
    sent = modules(found)["p"]["value"]["modules"][0]["value"]["body"]["expr"]
    scope = {"flow_input": b'{"iter": {"value": {"n": 7}, "index": 0}}'}
    assert json.loads(await bench.value(sent, scope)) == {"a": 7}


async def test_values_of_aggregate(bench: Bench) -> None:
    """Missing values are left out, and paths with dots lead to members of objects."""
    fields = [{"fieldToAggregate": "n"}, {"fieldToAggregate": "o.p"}]
    aggregate = {"fieldsToAggregate": {"fieldToAggregate": fields}}
    items = [{"n": 1, "o": {"p": [1, 2]}}, {"n": None, "o": {"p": 3}}, {}]
    for options, expected in (
        ({}, {"n": [1], "p": [[1, 2], 3]}),
        ({"keepMissing": True, "mergeLists": True}, {"n": [1, None, None], "p": [1, 2, 3, None]}),
    ):
        found = conversion(rows(), node("A", "n8n-nodes-base.aggregate", parameters={**aggregate, "options": options}))
        assert found.complete and await value(bench, found, "a", {"rows": items}) == expected


async def test_aggregate_of_no_items_does_not_run(bench: Bench) -> None:
    """A condition precedes it, so that nothing after it runs either."""
    found = modules(conversion(rows(), node("A", "n8n-nodes-base.aggregate"), node("B")))
    assert (found["a"]["needs"], found["b"]["needs"]) == ([{"node": "a_has_items", "on": "true"}], ["a"])
    expr = found["a_has_items"]["value"]["expr"]
    assert [await bench.value(expr, {"results": b'{"rows": %s}' % each}) for each in (b"[]", b"[{}]")] == [
        "false",
        "true",
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"fieldToSplitOut": "l"}, [{"x": 1}, {"l": 2}]),
        ({"fieldToSplitOut": "l", "include": "allOtherFields"}, [{"id": 7, "l": {"x": 1}}, {"id": 7, "l": 2}]),
    ],
)
async def test_split_out(bench: Bench, settings: dict[str, Any], expected: Any) -> None:
    found = conversion(rows(), node("S", "n8n-nodes-base.splitOut", parameters=settings))
    assert await value(bench, found, "s", {"rows": [{"id": 7, "l": [{"x": 1}, 2]}]}) == expected


async def test_several_fields_of_split_out_are_not_converted() -> None:
    found = conversion(rows(), node("S", "n8n-nodes-base.splitOut", parameters={"fieldToSplitOut": "a, b"}))
    assert [(each.node, each.level) for each in found.findings] == [("S", "not_converted")]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"mode": "combine", "combineBy": "combineByPosition"}, [{"a": {"i": 1}, "b": 1, "c": 1}]),
        ({"mode": "chooseBranch", "useDataOfInput": "3"}, [{"c": 1}]),
        ({"mode": "chooseBranch", "useDataOfInput": 2}, [{"b": 1}, {"b": 2}]),
        ({"mode": "chooseBranch", "output": "empty"}, [{}]),
        (
            {"mode": "combine", "mergeByFields": {"values": [{"field1": "a.i", "field2": "b"}]}},
            [{"a": {"i": 1}, "b": 1}],
        ),
        ({"mode": "combine", "fieldsToMatchString": "none"}, []),
    ],
)
async def test_modes_of_merge(bench: Bench, settings: dict[str, Any], expected: Any) -> None:
    """All inputs are joined by position or chosen, and items match by members of objects that they have."""
    names = ("A", "B", "C")
    links = {name: {"main": [[{"node": "M", "index": index}]]} for index, name in enumerate(names)}
    merge = node("M", "n8n-nodes-base.merge", typeVersion=3.1, parameters=settings)
    sources = [node(name, "n8n-nodes-base.code", parameters={"jsCode": "return items;"}) for name in names]
    found = conversion(*sources, merge, connections=links)
    items = {"a": [{"a": {"i": 1}}], "b": [{"b": 1}, {"b": 2}], "c": [{"c": 1}]}
    assert found.complete and await value(bench, found, "m", items) == expected


async def test_node_may_take_first_item_or_output_one_always(bench: Bench) -> None:
    always = rows() | {"alwaysOutputData": True}
    found = conversion(always, node("S", "n8n-nodes-base.set", parameters={"keepOnlySet": False}, executeOnce=True))
    assert found.complete
    assert await value(bench, found, "s", {"rows": [{"n": 1}, {"n": 2}]}) == [{"n": 1}]
    assert await value(bench, found, "s", {"rows": []}) == [{}]
    branch = node("I", "n8n-nodes-base.if", parameters={"conditions": {}}, alwaysOutputData=True)
    assert [each.node for each in conversion(rows(), branch).findings] == ["I"]


async def test_failed_items_leave_by_output_for_errors(bench: Bench) -> None:
    """The executions for other items continue. The errors are among the items of a node that continues on errors."""
    results = {"get": [{"error": {"name": "E"}}, {"status": 200, "body": [{"n": 1}, {"n": 2}]}]}
    for setting, good, bad in (
        ("continueErrorOutput", [{"n": 1}, {"n": 2}], [{"error": {"name": "E"}}]),
        ("continueRegularOutput", [{"error": {"name": "E"}}, {"n": 1}, {"n": 2}], None),
    ):
        get = node("Get", "n8n-nodes-base.httpRequest", parameters={"url": "https://a.test"}, onError=setting)
        copies = [node(name, "n8n-nodes-base.set", parameters={"keepOnlySet": False}) for name in ("Good", "Bad")]
        links = {"Rows": {"main": [[{"node": "Get"}]]}, "Get": {"main": [[{"node": "Good"}], [{"node": "Bad"}]]}}
        found = conversion(rows(), get, *copies, connections=links)
        assert modules(found)["get"]["value"]["modules"][0]["continue_on_error"] is True
        assert await value(bench, found, "good", results) == good
        assert bad is None or await value(bench, found, "bad", results) == bad


async def test_failure_of_a_node_without_connected_output_for_errors_is_handled() -> None:
    odd = [node(name, "n8n-nodes-base.odd", onError="continueErrorOutput") for name in ("One", "Two")]
    links = {"Two": {"main": [[], [{"node": "A"}]]}}
    found = modules(conversion(*odd, node(), connections=links))
    assert found["one_failed"]["needs"] == [{"node": "one", "on": "failure"}]
    assert found["a"]["needs"] == [{"node": "two", "on": "failure"}]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/^a.c$/i", ["abc", "ABC"]),
        ("^a.c$", ["abc"]),
        ("={{ '/^a.c$/' + 'i' }}", ["abc", "ABC"]),
        ("={{ 'b' }}", ["abc"]),
    ],
)
async def test_regular_expression_may_have_flags(bench: Bench, pattern: str, expected: list[str]) -> None:
    test = {"leftValue": "={{ $json.s }}", "rightValue": pattern, "operator": {"type": "string", "operation": "regex"}}
    found = conversion(rows(), node("F", "n8n-nodes-base.filter", parameters={"conditions": {"conditions": [test]}}))
    items = [{"s": "abc"}, {"s": "ABC"}, {"s": "x"}]
    assert [each["s"] for each in await value(bench, found, "f", {"rows": items})] == expected


async def test_comparisons_may_ignore_case(bench: Bench) -> None:
    test = {"leftValue": "={{ $json.s }}", "rightValue": "ABC", "operator": {"type": "string", "operation": "equals"}}
    settings = {"conditions": {"conditions": [test]}, "options": {"ignoreCase": True}}
    found = conversion(rows(), node("F", "n8n-nodes-base.filter", typeVersion=2.2, parameters=settings))
    assert found.complete and await value(bench, found, "f", {"rows": [{"s": "abc"}, {"s": "x"}]}) == [{"s": "abc"}]


async def test_day_is_that_of_the_time_zone(bench: Bench) -> None:
    """The moment of the evaluation is 22:13 in UTC."""
    values = {"string": [{"name": "day", "value": "={{ $now.toISODate() }}"}]}
    tree = n8n_workflow(node("S", "n8n-nodes-base.set", parameters={"values": values, "keepOnlySet": True}))
    for settings, expected in ({"timezone": "Asia/Tokyo"}, "2023-11-15"), ({}, "2023-11-14"):
        found = n8n.convert({**tree, "settings": settings}, "f/a/b", INTEGRATIONS)
        assert await value(bench, found, "s", {}) == {"day": expected}


async def test_response_has_its_status_and_type(bench: Bench) -> None:
    for settings, expected in (
        ({"respondWith": "text", "responseBody": "=n {{ $json.n }}"}, {"orvanta_content_type": "text/html"}),
        (
            {"respondWith": "text", "responseBody": "n 7", "options": {"responseCode": 404}},
            {"orvanta_status_code": 404, "orvanta_content_type": "text/html"},
        ),
    ):
        found = conversion(rows(), node("R", "n8n-nodes-base.respondToWebhook", parameters=settings))
        assert await value(bench, found, "r", {"rows": [{"n": 7}]}) == {**expected, "result": "n 7"}
