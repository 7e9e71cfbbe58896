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
    ["={{ JSON.stringify({a: $json.n}) }}", "={{ {a: $json.n} }}", '={"a": {{ $json.n }}}', '={{ \'{"a": 7}\' }}'],
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
