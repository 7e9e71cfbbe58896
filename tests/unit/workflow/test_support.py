"""Nodes with an unsupported feature are deployed with a warning, and fail when they run; others are accepted."""

from __future__ import annotations

from typing import Any

import pytest

from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.engine.plan import Kind
from orvanta_platform.workflow.diagnostics import errors
from orvanta_platform.workflow.validate import examine, validate


def node(kind: str = "identity", value: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
    return {"id": "a", "value": {"type": kind, **(value or {})}, **rest}


def inputs(transform: Any) -> dict[str, Any]:
    return node("script", {"path": "f/a/b", "input_transforms": {"x": transform}})


def unsupported_at(document: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return [(each.code, each.node, each.path) for each in validate(document) if each.code == "not_yet_supported"]


MODULES: list[tuple[dict[str, Any], str]] = [
    (node("aiagent", {"tools": [], "input_transforms": {"user_message": {"type": "ai"}}}), "/value/type"),
    (node("aiagent", {"tools": [{"id": "t", "value": {"type": "script", "path": "f/a/b"}}]}), "/value/type"),
    (inputs({"type": "ai"}), "/value/input_transforms/x"),
]


@pytest.mark.parametrize(("module", "path"), MODULES)
def test_unsupported_node_is_a_warning_and_has_no_runtime(module: dict[str, Any], path: str) -> None:
    value = {"modules": [module]}
    found = [(each.code, each.severity, each.node, each.path) for each in validate({"value": value})]
    assert found == [("not_yet_supported", "warning", "a", f"/value/modules/0{path}")]
    (compiled,) = compile_plan(value).nodes
    assert (compiled.kind, compiled.value["language"]) == (Kind.RAWSCRIPT, "unsupported")


@pytest.mark.parametrize(
    ("module", "code", "path"),
    [
        (node("script", {"path": "hub/12/x"}), "hub_unavailable", "/value/path"),
        (node("rawscript", {"language": "oracledb", "content": ""}), "no_runtime", "/value/language"),
        (node("rawscript", {"language": "powershell", "content": ""}), "no_runtime", "/value/language"),
    ],
)
def test_node_that_will_fail_is_a_warning(module: dict[str, Any], code: str, path: str) -> None:
    found = [(each.code, each.severity, each.path) for each in validate({"value": {"modules": [module]}})]
    assert found == [(code, "warning", f"/value/modules/0{path}")]


def test_preprocessor_is_not_a_container() -> None:
    document = {"value": {"modules": [], "preprocessor_module": node("branchall", {"branches": []}, id="preprocessor")}}
    assert unsupported_at(document) == [("not_yet_supported", "preprocessor", "/value/preprocessor_module/value/type")]


@pytest.mark.parametrize(
    "expr", ["results.a + 1", "{a: 1}", "return 3", "x => x", "results.a.map(f)", "variable('u/a/b')", "Math.PI"]
)
def test_expression_outside_small_language_needs_engine(expr: str) -> None:
    examined = examine({"value": {"modules": [inputs({"type": "javascript", "expr": expr})]}})
    assert not errors(examined.diagnostics)
    path = "/value/modules/0/value/input_transforms/x/expr"
    assert [(use.path, use.text) for use in examined.javascript] == [(path, expr)]


def test_empty_settings_are_accepted() -> None:
    module = {
        **node("rawscript", {"language": "python3", "content": "", "tag": "", "lock": "", "path": "f/a/b"}),
        "cache_ttl": 0,
        "mock": {"enabled": False},
        "sleep": None,
        "priority": 5,
        "continue_on_error": True,
        "retry": {"exponential": {"attempts": 1, "seconds": 2}, "retry_if": {"expr": "error.name === 'x'"}},
        "timeout": 5,
        "debouncing": {"debounce_delay_s": 1, "debounce_key": "$args[x]", "max_total_debounces_amount": 3},
        "export": {"x": {"type": "javascript", "expr": "result"}},
    }
    value = {
        "modules": [module],
        "same_worker": False,
        "flow_env": {},
        "early_return": "",
        "notes": [],
        "groups": [],
        "ui": {"nodes": {}},
        "priority": 3,
        "concurrent_limit": 1,
        "cache_ttl": 60,
        "debounce_delay_s": 1,
        "debounce_key": "k",
        "delete_after_secs": 0,
        "concurrency_key": "k",
        "failure_module": {"value": {"type": "identity"}},
    }
    document = {"value": value, "tag": "x", "timeout": 60, "priority": 1, "dedicated_worker": True, "schema": {}}
    assert validate(document) == []


@pytest.mark.parametrize("kind", ["forloopflow", "whileloopflow", "branchone", "branchall", "flow"])
def test_containers_may_be_cached_and_erased(kind: str) -> None:
    iterator = {"type": "static", "value": []}
    value = {"modules": [], "iterator": iterator, "branches": [], "default": [], "path": "f/a/b"}
    document = {"value": {"modules": [node(kind, value, cache_ttl=5, delete_after_secs=0)]}}
    assert not errors(examine(document).diagnostics)


def test_references_in_static_values_are_accepted() -> None:
    for value in ("$var:u/a/b", [{"k": "$res:u/a/b"}]):
        assert validate({"value": {"modules": [inputs({"type": "static", "value": value})]}}) == []
