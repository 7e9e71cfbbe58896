"""Inputs of Kestra as a JSON Schema, and properties of tasks that apply to several of them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.workflow.test_importers import INTEGRATIONS, flow, flow_tree, task

from orvanta_platform.workflow.importers import kestra


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"type": "INT", "defaults": "5"}, {"type": "integer", "default": 5}),
        ({"type": "FLOAT", "defaults": "0.5"}, {"type": "number", "default": 0.5}),
        ({"type": "INT", "defaults": "five"}, {"type": "integer", "default": "five"}),
        ({"type": "BOOLEAN", "defaults": "false"}, {"type": "boolean", "default": False}),
        ({"type": "JSON", "defaults": '{"a": [1]}'}, {"default": {"a": [1]}}),
        (
            {"type": "ARRAY", "itemType": "INT", "defaults": "[1]"},
            {"type": "array", "items": {"type": "integer"}, "default": [1]},
        ),
        ({"type": "STRING", "defaults": "5"}, {"type": "string", "default": "5"}),
        ({"type": "STRING", "defaults": "{{ now() }}"}, {"type": "string"}),
        (
            {"type": "STRING", "defaults": "a", "validator": "a|b"},
            {"type": "string", "pattern": "^(?:a|b)$", "default": "a"},
        ),
        (
            {"type": "MULTISELECT", "values": ["a"], "defaults": ["a"]},
            {"type": "array", "items": {"type": "string", "enum": ["a"]}, "default": ["a"]},
        ),
        (
            {"type": "SELECT", "values": ["a"], "allowCustomValue": True, "defaults": "b"},
            {"type": "string", "default": "b"},
        ),
    ],
)
def test_input_has_its_type_and_default(row: dict[str, Any], expected: dict[str, Any]) -> None:
    found = kestra.convert(flow(task(), inputs=[{"id": "x", **row}]), "f/a/b", INTEGRATIONS)
    assert flow_tree(found.items[0])["schema"] == {"type": "object", "properties": {"x": expected}}
    assert found.complete


def test_default_with_a_template_is_evaluated_where_the_input_is_read() -> None:
    rows = [{"id": "a", "type": "STRING"}, {"id": "b", "type": "STRING", "defaults": "{{ inputs.a | upper }}"}]
    found = kestra.convert(flow(task(message="{{ inputs.b }}"), inputs=rows), "f/a/b", INTEGRATIONS)
    message = flow_tree(found.items[0])["value"]["modules"][0]["value"]["input_transforms"]["message"]["expr"]
    assert message == "`${(flow_input.b ?? String(flow_input.a).toUpperCase())}`"
    rows[0]["defaults"] = "{{ inputs.b }}"
    found = kestra.convert(flow(task(message="{{ inputs.b }}"), inputs=rows), "f/a/b", INTEGRATIONS)
    assert not found.complete


def test_forced_defaults_of_plugins_replace_properties() -> None:
    defaults = [
        {"type": "io.kestra.plugin.core.log", "forced": True, "values": {"level": "ERROR"}},
        {"type": "io.kestra.plugin.core.log", "values": {"level": "DEBUG", "message": "m"}},
    ]
    found = kestra.convert(flow(task(level="INFO"), pluginDefaults=defaults), "f/a/b", INTEGRATIONS)
    inputs = flow_tree(found.items[0])["value"]["modules"][0]["value"]["input_transforms"]
    assert {name: each["value"] for name, each in inputs.items()} == {"level": "ERROR", "message": "m"}
