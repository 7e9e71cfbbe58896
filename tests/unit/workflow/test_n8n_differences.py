"""Parts of workflows of n8n that are left out, or behave differently, are named."""

from __future__ import annotations

import pytest
from tests.unit.workflow.test_importers import INTEGRATIONS, flow_tree, n8n_workflow, node

from orvanta_platform.workflow.importers import n8n


def test_disabled_trigger_of_n8n_is_no_start() -> None:
    """The workflow starts at an enabled trigger, even if a disabled one precedes it."""
    old = node("Old", "n8n-nodes-base.scheduleTrigger", parameters={"rule": {"interval": [{}]}}, disabled=True)
    links = {name: {"main": [[{"node": target}]]} for name, target in (("Old", "A"), ("Hook", "B"))}
    nodes = [old, node("Hook", "n8n-nodes-base.webhook", parameters={"path": "x"}), node(), node("B")]
    found = n8n.convert(n8n_workflow(*nodes, connections=links), "f/a/b", INTEGRATIONS)
    assert [each["id"] for each in flow_tree(found.items[0])["value"]["modules"]] == ["b"]
    assert [each.kind for each in found.items] == ["flow", "http_trigger"]
    assert [each.node for each in found.findings if each.level == "not_converted"] == ["Old", "A"]


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("{{ $json.timestamp }}", False),
        ("{{ $('Start').item.json['Readable date'] }}", False),
        ("{{ $node['Start'].json.Hour }}", False),
        ("{{ $('Start').item.binary.data }}", False),
        ("{{ $json.rows + $('Start').item?.json.timestamps }}", True),
    ],
)
def test_members_that_items_of_n8n_lack_are_named(text: str, complete: bool) -> None:
    """The item of a schedule has no time, and no item has binary data."""
    values = {"string": [{"name": "x", "value": f"={text}"}]}
    start = node("Start", "n8n-nodes-base.scheduleTrigger", parameters={"rule": {"interval": [{"field": "hours"}]}})
    nodes = [start, node("S", "n8n-nodes-base.set", parameters={"values": values})]
    tree = n8n_workflow(*nodes, connections={"Start": {"main": [[{"node": "S"}]]}})
    assert n8n.convert(tree, "f/a/b", INTEGRATIONS).complete is complete


def test_schedule_of_n8n_without_a_time_zone_is_named() -> None:
    """It concerns schedules at hours of the day, whose time depends on the installation of n8n."""
    for field, settings, expected in (
        ("days", {}, ["differs", "prepare"]),
        ("days", {"timezone": "Europe/Berlin"}, ["prepare"]),
        ("minutes", {}, ["prepare"]),
    ):
        start = node("T", "n8n-nodes-base.scheduleTrigger", parameters={"rule": {"interval": [{"field": field}]}})
        found = n8n.convert({**n8n_workflow(start), "settings": settings}, "f/a/b", INTEGRATIONS)
        assert [each.level for each in found.findings] == expected
        assert found.items[1].content["timezone"] == settings.get("timezone", "UTC")


def test_calls_of_workflows_that_differ_are_named() -> None:
    rows = node("Rows", "n8n-nodes-base.code", parameters={"jsCode": "return items;"})
    target = {"workflowId": {"value": "1", "cachedResultName": "Other"}}
    for settings, expected in (
        ({"mode": "each"}, ["prepare"]),
        ({}, ["prepare", "differs"]),
        ({"mode": "each", "options": {"waitForSubWorkflow": False}}, ["prepare", "differs"]),
    ):
        nodes = [rows, node("Call", "n8n-nodes-base.executeWorkflow", parameters=target | settings)]
        tree = n8n_workflow(*nodes, connections={"Rows": {"main": [[{"node": "Call"}]]}})
        assert [each.level for each in n8n.convert(tree, "f/a/b", INTEGRATIONS).findings] == expected


def test_code_of_n8n_that_reads_missing_members_is_named() -> None:
    code = "if (!$('A').isExecuted) return $input.all().filter(each => each.binary);\nreturn $input.params;"
    found = n8n.convert(
        n8n_workflow(node("C", "n8n-nodes-base.code", parameters={"jsCode": code})), "f/a/b", INTEGRATIONS
    )
    named = [each.message for each in found.findings if each.message.startswith("The code uses")]
    assert [each.split()[3].strip(",") for each in named] == ["isExecuted", "binary", "params"]
