"""Policies: rules for workflows and scripts, scopes, modes, and invalid policies."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow import yaml_text
from orvanta_platform.workflow.policies.check import exceeds, violations
from orvanta_platform.workflow.policies.defaults import completed_document, completed_settings, find_defaults
from orvanta_platform.workflow.policies.policy import parse
from orvanta_platform.workflow.policies.subject import Subject, TestStates, subject_of_flow, subject_of_script
from orvanta_platform.workflow.validate import validate

FLOW = {
    "summary": "Report",
    "labels": ["team:sales", "daily"],
    "value": {
        "modules": [
            {"id": "a", "value": {"type": "rawscript", "language": "bash", "content": "echo 1\necho 2\n"}},
            {
                "id": "b",
                "timeout": {"type": "static", "value": 60},
                "value": {
                    "type": "script",
                    "path": "f/x/y",
                    "input_transforms": {
                        "api_token": {"type": "static", "value": "abc"},
                        "password": {"type": "static", "value": "$var:f/x/password"},
                    },
                },
            },
            {
                "id": "loop",
                "value": {
                    "type": "forloopflow",
                    "iterator": {"type": "static", "value": [1]},
                    "modules": [
                        {
                            "id": "hook",
                            "timeout": {"type": "javascript", "expr": "flow_input.t"},
                            "value": {
                                "type": "webhook",
                                "method": "POST",
                                "url": {"type": "static", "value": "https://api.example.com/x"},
                            },
                        }
                    ],
                },
            },
        ]
    },
}


def found(*rules: dict[str, Any], subject: Subject | None = None, **policy: Any) -> list[tuple[str | None, str, str]]:
    """Return (node, path, message) of the violations of the rules."""
    made = parse({"name": "p", "mode": "active", "rules": list(rules), **policy})
    subject = subject or subject_of_flow("f/sales/report", FLOW)
    return [(each.node, each.path, each.message) for each in violations(subject, [made])]


def node(value: dict[str, Any], **module: Any) -> Subject:
    return subject_of_flow("f/x/flow", {"value": {"modules": [{"id": "a", **module, "value": value}]}})


def test_keys_in_the_wrong_place_neither_fulfil_a_rule_nor_hide_another() -> None:
    code = {"type": "rawscript", "language": "bash", "content": "echo 1"}
    call = {"type": "script", "path": "f/x/y"}
    restrict = {"kind": "restrict", "on": "node", "maximum": 100}
    assert found({**restrict, "field": "timeout"}, subject=node({**code, "timeout": 10}, timeout=900))
    assert found({"kind": "require", "on": "node", "field": "retry"}, subject=node({**code, "retry": {"constant": {}}}))
    assert found({"kind": "deny", "feature": "unpinned_script"}, subject=node(call, hash="0123"))
    tags = {"kind": "restrict", "on": "node", "field": "tag", "allowed": ["small"]}
    assert found(tags, subject=node({**call, "tag": "large", "tag_override": "small"}))
    assert found(tags, subject=node({**call, "tag_override": "large"}))
    assert not found(tags, subject=node({**call, "tag": "small", "tag_override": "large"}))
    value = {"modules": [], "tag": "small", "timeout": 10, "labels": ["owner:x"], "priority": 1}
    flow = subject_of_flow("f/x/flow", {"value": value, "tag": "large", "timeout": 900, "priority": 50})
    for field in ("timeout", "priority"):
        assert found({"kind": "restrict", "on": "flow", "field": field, "maximum": 20}, subject=flow), field
    assert found({"kind": "restrict", "on": "flow", "field": "tag", "allowed": ["small"]}, subject=flow)
    assert found({"kind": "require", "on": "flow", "field": "labels"}, subject=flow)


def test_limit_of_zero_is_no_limit() -> None:
    code = {"type": "rawscript", "language": "bash", "content": "echo 1"}
    required = {"kind": "require", "on": "node", "field": "timeout"}
    for timeout in (0, 0.0, {"type": "static", "value": 0}):
        assert found(required, subject=node(code, timeout=timeout))
        given_value = {"kind": "default", "on": "node", "field": "timeout", "value": 60}
        policies = [parse({"name": "p", "mode": "active", "rules": [given_value]})]
        assert [each.value for each in find_defaults(node(code, timeout=timeout), policies)] == [60]
    script = subject_of_script("f/x/y", "bash", "echo 1", {"timeout": 0})
    assert found({"kind": "require", "on": "script", "field": "timeout"}, subject=script)


def test_required_fields_are_present_and_match() -> None:
    assert found({"kind": "require", "on": "flow", "field": "summary"}) == []
    assert found({"kind": "require", "on": "flow", "field": "labels", "matches": "team:*"}) == []
    assert found({"kind": "require", "on": "flow", "field": "labels", "matches": "owner:*"}) == [
        (None, "/labels", "`labels` of the workflow must match owner:*.")
    ]
    assert found({"kind": "require", "on": "flow", "field": "failure_module"}, message="See the handbook.") == [
        (None, "", "The workflow needs `failure_module`. See the handbook.")
    ]
    timeout = {"kind": "require", "on": "node", "field": "timeout", "node_kinds": ["rawscript", "script", "webhook"]}
    assert found(timeout) == [("a", "/value/modules/0", "The node a needs `timeout`.")]


def test_restricted_fields_are_allowed_and_bounded() -> None:
    languages = {"kind": "restrict", "on": "node", "field": "language", "allowed": ["python3", "ba*"]}
    assert found(languages) == []
    assert found({**languages, "allowed": ["python3"]}) == [
        ("a", "/value/modules/0/value/language", "`language` of the node a must be one of: python3.")
    ]
    hosts = {"kind": "restrict", "on": "node", "field": "host", "allowed": ["*.example.com"]}
    assert found(hosts) == []
    hook = "/value/modules/2/value/modules/0"
    assert [each[:2] for each in found({**hosts, "allowed": ["internal"]})] == [("hook", f"{hook}/value/url")]
    # An expression could have any value, so it is refused.
    assert [each[:2] for each in found({"kind": "restrict", "on": "node", "field": "timeout", "maximum": 30})] == [
        ("b", "/value/modules/1/timeout"),
        ("hook", f"{hook}/timeout"),
    ]


def test_violations_are_in_the_order_of_the_nodes() -> None:
    """Equal values are compared once. 1 and true are equal, but differ as texts."""
    values = ["small", "large", True, 1, "small", ["large"]]
    modules = [
        {"id": f"n{place}", "value": {"type": "rawscript", "language": "bash", "content": "echo 1", "tag": tag}}
        for place, tag in enumerate(values)
    ]
    flow = subject_of_flow("f/x/flow", {"value": {"modules": modules}})
    for allowed, nodes in (("large", ["n0", "n2", "n3", "n4"]), ("1", ["n0", "n1", "n2", "n4", "n5"])):
        rule = {"kind": "restrict", "on": "node", "field": "tag", "allowed": [allowed]}
        assert [each[0] for each in found(rule, subject=flow)] == nodes


def test_denied_features_are_not_used() -> None:
    assert [each[:2] for each in found({"kind": "deny", "feature": "inline_code"})] == [
        ("a", "/value/modules/0/value/content")
    ]
    assert found({"kind": "deny", "feature": "inline_code", "maximum_lines": 2}) == []
    assert [each[0] for each in found({"kind": "deny", "feature": "unpinned_script"})] == ["b"]
    assert [each[0] for each in found({"kind": "deny", "feature": "node_kind", "node_kinds": ["webhook"]})] == ["hook"]
    # A reference to a variable is not a secret.
    assert [each[:2] for each in found({"kind": "deny", "feature": "secret_literal"})] == [
        ("b", "/value/modules/1/value/input_transforms/api_token")
    ]


def test_secrets_are_found_at_any_depth() -> None:
    """A part that contains a reference is not a literal, but the parts below it are checked."""
    rule = {"kind": "deny", "feature": "secret_literal"}

    def names(field: str, value: Any) -> list[str]:
        hook = {"type": "webhook", "method": "POST", "url": {"type": "static", "value": "https://a.example"}}
        if field == "input_transforms":
            hook = {"type": "script", "path": "f/x/y"}
        node = {"id": "a", "value": {**hook, field: value}}
        subject = subject_of_flow("f/sales/report", {"summary": "", "value": {"modules": [node]}})
        each = violations(subject, [parse({"name": "p", "mode": "active", "rules": [rule]})])
        return [found.message.split("`")[1] for found in each]

    def static(value: Any) -> dict[str, Any]:
        return {"type": "static", "value": value}

    assert names("input_transforms", {"login": static({"user": "ann", "password": "abc"})}) == ["login.password"]
    assert names("input_transforms", {"servers": static([{"auth": [{"api_key": "abc"}]}])}) == ["servers.auth.api_key"]
    assert names("input_transforms", {"token": static({"value": ["abc"]})}) == ["token"]
    reference = {"kind": "bearer", "secret": "$var:f/x/y", "password": "abc"}
    assert names("input_transforms", {"token": static(reference)}) == ["token.password"]
    assert names("input_transforms", {"login": static({"password": "$var:f/x/y", "token": "", "secret": None})}) == []
    for field in ("headers", "query", "body"):
        assert names(field, static({"X-Auth": {"token": "abc"}})) == ["X-Auth.token"], field


def test_rules_of_scripts() -> None:
    script = subject_of_script("f/sales/x", "bash", "echo", {"summary": "", "timeout": 900, "dedicated_worker": True})
    rules = (
        {"kind": "require", "on": "script", "field": "summary"},
        {"kind": "restrict", "on": "script", "field": "timeout", "maximum": 600},
        {"kind": "restrict", "on": "script", "field": "language", "allowed": ["python3"]},
        {"kind": "deny", "feature": "dedicated_worker"},
        {"kind": "require", "on": "flow", "field": "summary"},
    )
    assert [each[1] for each in found(*rules, subject=script)] == ["", "/timeout", "/language", "/dedicated_worker"]


def test_long_values_are_compared_up_to_a_limit() -> None:
    """Patterns over megabytes of text take seconds: code has no patterns, and only the start of texts is matched."""
    script = subject_of_script(
        "f/sales/x", "bash", "echo", {"description": "team" + "x" * (1 << 20), "labels": ["a"] * 3}
    )
    rule = {"kind": "restrict", "on": "script", "field": "description"}
    assert found({**rule, "allowed": ["team*"]}, subject=script) == []
    for pattern in ("*x", "team" + "x" * 100, "*[y]*"):
        assert len(found({**rule, "allowed": [pattern]}, subject=script)) == 1, pattern
    for part in ("script", "node"):
        with pytest.raises(BadRequest, match="not a field"):
            parse({"name": "p", "rules": [{**rule, "on": part, "field": "content", "allowed": ["*"]}]})
    labels = {**rule, "field": "labels", "allowed": ["a"] * 10}
    made = [parse({"name": "p", "rules": [labels]})]
    assert exceeds(script, made, 29) and not exceeds(script, made, 30)


def test_scopes_add_up_and_modes_decide_the_severity() -> None:
    """A narrower policy, even one that is off, does not cancel requirements of a wider one."""
    rule = {"kind": "require", "on": "flow", "field": "description"}
    made = [
        parse({"name": name, "scope": scope, "mode": mode, "rules": [rule]})
        for name, scope, mode in (
            ("tried", "f/sales", "evaluate"),
            ("wide", "instance", "active"),
            ("narrow", "f/sales", "off"),
            ("other", "f/sale", "active"),
        )
    ]
    diagnostics = [each.diagnostic() for each in violations(subject_of_flow("f/sales/report", FLOW), made)]
    assert [(each.code, each.severity, each.message) for each in diagnostics] == [
        ("policy_violation", "error", "The workflow needs `description`. (policy wide)"),
        ("policy_violation", "warning", "The workflow needs `description`. (policy tried)"),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "a b"}, "`name`"),
        ({"scope": "sales"}, "`scope`"),
        ({"mode": "on"}, "mode"),
        ({"rules": []}, "`rules`"),
        ({"bypass": ["ann"]}, "`bypass`"),
        ({"bypass": ["ann@example.com"]}, "`bypass`"),
        ({"scope": "instance", "bypass": ["g/oncall"]}, "e-mail addresses"),
        ({"rules": [{"kind": "require", "on": "flow", "field": "nothing"}]}, "not a field of a flow"),
        ({"rules": [{"kind": "restrict", "on": "node", "field": "language"}]}, "`allowed` or `maximum`"),
        ({"rules": [{"kind": "deny", "feature": "node_kind"}]}, "needs `node_kinds`"),
        ({"rules": [{"kind": "deny", "feature": "node_kind", "node_kinds": ["robot"]}]}, "not a kind of node"),
        ({"rules": [{"kind": "allow"}]}, "allow"),
        ({"other": 1}, "other"),
    ],
)
def test_invalid_policies_are_refused(change: dict[str, Any], reason: str) -> None:
    valid = {"name": "p", "rules": [{"kind": "require", "on": "flow", "field": "summary"}]}
    parse(valid)
    with pytest.raises(BadRequest, match=reason):
        parse({**valid, **change})


def limit(maximum: Any) -> dict[str, Any]:
    return {"kind": "limit", "resource": "runs_waiting", "maximum": maximum}


def default(field: str, value: Any, on: str = "node", **more: Any) -> dict[str, Any]:
    return {"kind": "default", "on": on, "field": field, "value": value, **more}


@pytest.mark.parametrize(
    "rule",
    [
        limit(0),
        limit(-1),
        limit(10**30),
        limit("7"),
        limit(1.5),
        limit(True),
        {"kind": "limit", "resource": "storage", "maximum": 1},
        {"kind": "limit", "resource": "runs_waiting"},
        default("timeout", 0),
        default("timeout", "60"),
        default("timeout", True),
        default("timeout", 10**30),
        default("timeout", None),
        default("timeout", {"type": "javascript", "expr": "1"}),
        default("content", "rm"),
        default("on_behalf_of_email", "admin@example.com", on="flow"),
        default("tag", "x" * 1000),
        default("retry", {"constant": {"attempts": 10**9}}),
        default("retry", {"retry_if": {"expr": "true"}}),
        default("timeout", 1, on="flow", node_kinds=["script"]),
        default("tag", "x", node_kinds=["identity"]),
        {"kind": "require", "on": "flow", "field": "tests", "matches": "*"},
        {"kind": "restrict", "on": "flow", "field": "tests", "allowed": ["*"]},
        {"kind": "require", "on": "node", "field": "tests"},
    ],
)
def test_invalid_rules_are_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match=r"The policy is not valid: .+\."):
        parse({"name": "p", "rules": [rule]})


def test_limits_apply_to_whole_workspaces() -> None:
    assert parse({"name": "p", "scope": "instance", "rules": [limit(1), limit(10**8)]})
    with pytest.raises(BadRequest, match="whole workspaces"):
        parse({"name": "p", "scope": "f/sales", "rules": [limit(1)]})


def test_defaults_complete_absent_fields_only() -> None:
    """The document with defaults is the same for the same document, and has no more defaults."""
    rules = [
        default("timeout", 30),
        default("retry", {"constant": {"attempts": 2, "seconds": 1}}, node_kinds=["webhook"]),
        default("tag", "slow"),
        default("priority", 7, on="flow"),
        default("cache_ttl", 60, on="flow"),
    ]
    policies = [parse({"name": "p", "mode": "active", "rules": rules})]
    made = find_defaults(subject_of_flow("f/sales/report", FLOW), policies)
    hook = "/value/modules/2/value/modules/0"
    assert [(each.node, each.pointer) for each in made] == [
        ("a", "/value/modules/0/timeout"),
        ("hook", f"{hook}/retry"),
        ("a", "/value/modules/0/value/tag"),
        ("b", "/value/modules/1/value/tag_override"),
        (None, "/priority"),
        (None, "/value/cache_ttl"),
    ]
    body = completed_document(FLOW, made)
    assert body is not None and body == completed_document(FLOW, made)
    tree = json.loads(body)
    assert validate(tree) == []
    settings = completed_settings({"priority": None}, made)
    assert settings == {"priority": 7} and tree["value"]["cache_ttl"] == 60
    assert find_defaults(subject_of_flow("f/sales/report", {**settings, **tree}), policies) == []
    assert "timeout" not in FLOW["value"]["modules"][0]  # type: ignore[index]


@given(
    values=st.lists(
        st.tuples(
            st.sampled_from(["instance", "workspace", "f", "f/sales", "f/sales/report", "f/other"]),
            st.sampled_from(["active", "evaluate", "off"]),
            st.integers(1, 9),
        ),
        max_size=8,
    ),
    maximum=st.integers(1, 9),
)
def test_defaults_of_narrow_scopes_apply_within_restrictions(values: list[tuple[str, str, int]], maximum: int) -> None:
    """However many defaults there are, one applies, and a restriction of the instance is never exceeded."""
    policies = [
        parse({"name": f"p{n}", "scope": scope, "mode": mode, "rules": [default("timeout", value, on="flow")]})
        for n, (scope, mode, value) in enumerate(values)
        if scope != "f"
    ]
    restrict = {"kind": "restrict", "on": "flow", "field": "timeout", "maximum": maximum}
    policies.append(parse({"name": "wide", "scope": "instance", "mode": "active", "rules": [restrict]}))
    subject = subject_of_flow("f/sales/report", FLOW)
    made = find_defaults(subject, policies)
    widths = ["f/sales/report", "f/sales", "workspace", "instance"]
    active = [each for each in values if each[1] == "active" and each[0] in widths]
    assert len(made) == bool(active)
    if active:
        first = min(widths.index(each[0]) for each in active)
        expected = next(each for each in active if widths.index(each[0]) == first)
        assert made[0].value == expected[2]
        refused = [each for each in violations(subject, policies) if each.policy == "wide"]
        assert bool(refused) == (expected[2] > maximum)


def test_tests_of_a_workflow_are_required() -> None:
    rule = {"kind": "require", "on": "flow", "field": "tests"}
    subject = subject_of_flow("f/sales/report", FLOW)
    assert found(rule, subject=subject) == []
    for tests, messages in (
        (TestStates(0), ["The workflow needs a test."]),
        (TestStates(2), []),
        (TestStates(3, ["x"], ["y"]), ["The test x of the workflow fails.", "Tests of the workflow were not run: y."]),
    ):
        assert [each[2] for each in found(rule, subject=replace(subject, tests=tests))] == messages


def test_rules_of_the_guide_require_a_queue_without_network() -> None:
    text = (Path(__file__).parents[3] / "docs/how-to/operate/policies.md").read_text()
    section = text.partition("## Require code without network\n")[2].partition("\n## ")[0]
    rules = yaml_text.read(dedent(section[section.index("    rules:") : section.index("No other workers")]))["rules"]
    code, offline = {"type": "rawscript", "language": "bash", "content": "echo 1"}, {"tag": "offline"}
    assert not found(*rules, subject=node({**code, **offline}))
    assert not found(*rules, subject=node({"type": "script", "path": "f/x/y"}))
    for each in (code, {**code, "tag": "bash"}, {"type": "webhook", "method": "get", "url": "https://example.com"}):
        assert found(*rules, subject=node(each)), each
    script = ("f/x/y", "bash", "echo 1")
    assert not found(*rules, subject=subject_of_script(*script, offline))
    for settings in ({}, {"tag": "bash"}):
        assert found(*rules, subject=subject_of_script(*script, settings)), settings
