"""Validation: every rule, with the node and path that it reports."""

from __future__ import annotations

from typing import Any

import pytest

from orvanta_platform.workflow.canonical import artifact_hash
from orvanta_platform.workflow.diagnostics import Diagnostic, errors, invalid
from orvanta_platform.workflow.validate import validate

SUPPORT = {"not_yet_supported"}


def node(node_id: str, kind: str = "identity", **rest: Any) -> dict[str, Any]:
    return {"id": node_id, "value": {"type": kind, **rest.pop("value", {})}, **rest}


def script(node_id: str, expr: str, **rest: Any) -> dict[str, Any]:
    inputs = {"x": {"type": "javascript", "expr": expr}}
    return node(node_id, "script", value={"path": "f/a/b", "input_transforms": inputs}, **rest)


def on(source: str, outcome: Any) -> dict[str, Any]:
    return {"node": source, "on": outcome}


def check(*modules: Any, **rest: Any) -> list[Diagnostic]:
    """Return the diagnostics except those of unsupported features."""
    found = validate({"summary": "", "value": {"modules": list(modules), **rest}})
    return [each for each in found if each.code not in SUPPORT]


def short(found: list[Diagnostic]) -> list[tuple[str, str | None, str]]:
    return [(each.code, each.node, each.path.removeprefix("/value")) for each in found]


def test_valid_workflow_has_no_diagnostics() -> None:
    found = validate(
        {
            "summary": "sound",
            "schema": {"type": "object"},
            "value": {
                "modules": [
                    node("c", "condition", value={"expr": "flow_input.x === 1"}, needs=[]),
                    script("a", "results.c", needs=[on("c", True)], timeout=60, retry={"constant": None}),
                    node("b", "rawscript", value={"language": "bash", "content": "x"}, needs=[on("c", "false")]),
                    node("end", needs=["a", "b"], join="settled", tag=None),
                ],
                "output": {"type": "javascript", "expr": "results.end"},
                "failure_module": node("failure"),
            },
        }
    )
    assert found == []


GRAMMAR: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("no id", {"value": {"type": "identity"}}, ("missing_key", "/modules/0")),
    ("no value", {"id": "a"}, ("missing_key", "/modules/0")),
    ("no kind", {"id": "a", "value": {}}, ("missing_key", "/modules/0/value")),
    ("unknown kind", node("a", "teleport"), ("unknown_kind", "/modules/0/value/type")),
    ("kind that is no text", {"id": "a", "value": {"type": []}}, ("unknown_kind", "/modules/0/value/type")),
    ("script without path", node("a", "script"), ("missing_key", "/modules/0/value")),
    ("script of an empty path", node("a", "script", value={"path": " "}), ("empty_path", "/modules/0/value/path")),
    ("workflow of an empty path", node("a", "flow", value={"path": ""}), ("empty_path", "/modules/0/value/path")),
    ("needs no list", node("a", needs="b"), ("wrong_type", "/modules/0/needs")),
    ("edge without node", node("a", needs=[{"on": "true"}]), ("missing_key", "/modules/0/needs/0")),
    ("edge of a number", node("a", needs=[3]), ("wrong_type", "/modules/0/needs/0")),
    ("no such outcome", node("a", needs=[on("a", "maybe")]), ("wrong_value", "/modules/0/needs/0/on")),
    ("no such join", node("a", join="most"), ("wrong_value", "/modules/0/join")),
    ("timeout of a text", node("a", timeout="1m"), ("wrong_type", "/modules/0/timeout")),
    (
        "negative timeout",
        node("a", timeout={"type": "static", "value": -1}),
        ("out_of_bounds", "/modules/0/timeout/value"),
    ),
    (
        "transform of no type",
        node("a", export={"x": {"expr": "1"}}),
        ("wrong_type", "/modules/0/export/x"),
    ),
    (
        "transform without expr",
        node("a", export={"x": {"type": "javascript"}}),
        ("missing_key", "/modules/0/export/x"),
    ),
    (
        "too many attempts",
        node("a", "script", value={"path": "p"}, retry={"constant": {"attempts": 1001, "seconds": 0}}),
        ("out_of_bounds", "/modules/0/retry/constant/attempts"),
    ),
    (
        "half an attempt",
        node("a", "script", value={"path": "p"}, retry={"constant": {"attempts": 0.5}}),
        ("wrong_type", "/modules/0/retry/constant/attempts"),
    ),
    (
        "exponential seconds",
        node("a", "script", value={"path": "p"}, retry={"exponential": {"attempts": 1, "seconds": 0}}),
        ("out_of_bounds", "/modules/0/retry/exponential/seconds"),
    ),
    (
        "random factor",
        node("a", "script", value={"path": "p"}, retry={"exponential": {"attempts": 1, "random_factor": 101}}),
        ("out_of_bounds", "/modules/0/retry/exponential/random_factor"),
    ),
    ("priority", node("a", priority=101), ("out_of_bounds", "/modules/0/priority")),
    ("condition without expr", node("a", "condition"), ("missing_key", "/modules/0/value")),
    ("delay of nothing", node("a", "delay"), ("wrong_value", "/modules/0/value")),
    (
        "delay of both",
        node("a", "delay", value={"seconds": 1, "until": {"type": "static", "value": "2030-01-01T00:00:00Z"}}),
        ("wrong_value", "/modules/0/value"),
    ),
    (
        "approvers without end",
        node("a", "approval", value={"approvers": [f"u/x{number}" for number in range(1001)]}),
        ("out_of_bounds", "/modules/0/value/approvers"),
    ),
    ("delay of ages", node("a", "delay", value={"seconds": 4e8}), ("out_of_bounds", "/modules/0/value/seconds/value")),
    (
        "delay until no time",
        node("a", "delay", value={"until": {"type": "static", "value": "soon"}}),
        ("wrong_value", "/modules/0/value/until/value"),
    ),
    (
        "tool of an agent",
        node("a", "aiagent", value={"tools": [{"id": "t", "value": {"tool_type": "hammer"}}]}),
        ("wrong_value", "/modules/0/value/tools/0/value/tool_type"),
    ),
    (
        "branch without expr",
        node("a", "branchone", value={"branches": [{}]}),
        ("missing_key", "/modules/0/value/branches/0"),
    ),
    (
        "inside a loop",
        node(
            "l",
            "forloopflow",
            value={"iterator": {"type": "static", "value": []}, "modules": [node("a", join=1)]},
        ),
        ("wrong_value", "/modules/0/value/modules/0/join"),
    ),
    ("id", node("9a"), ("invalid_id", "/modules/0/id")),
    ("long id", node("a" * 65), ("invalid_id", "/modules/0/id")),
    ("empty id", node(""), ("invalid_id", "/modules/0/id")),
    ("reserved id", node("Input"), ("reserved_id", "/modules/0/id")),
]


@pytest.mark.parametrize(("module", "expected"), [case[1:] for case in GRAMMAR], ids=[case[0] for case in GRAMMAR])
def test_grammar_is_checked(module: dict[str, Any], expected: tuple[str, str]) -> None:
    found = check(module)
    assert expected in [(each.code, each.path.removeprefix("/value")) for each in errors(found)]


@pytest.mark.parametrize(
    ("document", "code", "path"),
    [
        ({}, "missing_key", "/value"),
        ({"value": []}, "missing_key", "/value"),
        ({"value": {"modules": {}}}, "wrong_type", "/value/modules"),
        ({"value": {"modules": ["a"]}}, "wrong_type", "/value/modules/0"),
        ({"value": {"modules": []}, "schema": []}, "wrong_type", "/schema"),
        ({"value": {"modules": [], "output": 3}}, "wrong_type", "/value/output"),
        ({"value": {"modules": [node("n")] * 5001}}, "too_many_nodes", "/value/modules"),
    ],
)
def test_document_is_checked(document: dict[str, Any], code: str, path: str) -> None:
    assert [(each.code, each.path) for each in validate(document)] == [(code, path)]


def test_unknown_keys_are_preserved_and_allowed() -> None:
    assert check(node("a", x_vendor={"any": [1]}, value={"x": None}), x_more=1) == []


def test_ids_are_unique_over_the_whole_document() -> None:
    loop = node(
        "l",
        "forloopflow",
        value={"iterator": {"type": "static", "value": []}, "modules": [node("a")]},
    )
    agent = node("ai", "aiagent", value={"tools": [{"id": "l", "value": {"tool_type": "websearch"}}]})
    assert short(check(node("a"), loop, agent)) == [
        ("duplicate_id", "ai", "/modules/2/value/tools/0/id"),
        ("duplicate_id", "a", "/modules/1/value/modules/0/id"),
    ]


def test_edge_names_a_sibling() -> None:
    loop = node(
        "l",
        "forloopflow",
        value={"iterator": {"type": "static", "value": []}, "modules": [node("in", needs=["a"])]},
    )
    found = check(node("a", needs=["ghost"]), loop)
    assert short(found) == [
        ("unknown_node", "a", "/modules/0/needs/0"),
        ("not_a_sibling", "in", "/modules/1/value/modules/0/needs/0"),
    ]
    assert "a" in found[0].message and "ghost" in found[0].message


def test_cycle_names_all_its_nodes() -> None:
    (found,) = check(node("a", needs=["c"]), node("b", needs=["a"]), node("c", needs=["b"]))
    assert (found.code, found.node, found.path) == ("cyclic_graph", "a", "/value/modules/0/needs/0")
    assert "a, b, c" in found.message
    (alone,) = check(node("a", needs=["a"]))
    assert (alone.code, alone.node) == ("cyclic_graph", "a")


def test_outcome_must_belong_to_its_node() -> None:
    (found,) = check(node("a"), node("b", needs=[on("a", "true")]))
    assert (found.code, found.node, found.path) == ("unknown_outcome", "b", "/value/modules/1/needs/0")
    assert "a" in found.message and "identity" in found.message


def test_failure_module_has_no_edges() -> None:
    (found,) = check(node("a"), failure_module=node("failure", needs=["a"]))
    assert (found.code, found.path) == ("not_a_sibling", "/value/failure_module/needs")


def test_failure_module_and_preprocessor_have_fixed_ids() -> None:
    (found,) = check(failure_module=node("oops"))
    assert (found.code, found.severity) == ("module_id", "warning")


def test_failure_edge_of_node_with_continue_on_error_is_unreachable() -> None:
    (found,) = check(node("a", continue_on_error=True), node("b", needs=[on("a", "failure")]))
    assert (found.code, found.severity, found.node) == ("failure_edge_never", "warning", "b")


CONDITION = node("c", "condition", value={"expr": "true"})


@pytest.mark.parametrize("target", [node("a", needs=["c"]), node("a", needs=[on("c", "success")]), node("a")])
def test_success_edge_of_a_condition_is_a_warning(target: dict[str, Any]) -> None:
    (found,) = check(CONDITION, target)
    assert (found.code, found.severity, found.node) == ("condition_success_edge", "warning", "a")
    assert found.path == ("/value/modules/1/needs/0" if "needs" in target else "/value/modules/1")
    assert "true and on false" in found.message


@pytest.mark.parametrize("outcome", ["true", "false", "failure", "always"])
def test_edges_of_a_condition_on_other_outcomes_are_no_warning(outcome: str) -> None:
    assert check(CONDITION, node("a", needs=[on("c", outcome)])) == []


YES, NO = node("yes", needs=[on("c", "true")]), node("no", needs=[on("c", "false")])


@pytest.mark.parametrize(
    ("modules", "where"),
    [
        ([CONDITION, node("j", needs=[on("c", "true"), on("c", "false")])], ["j"]),
        ([CONDITION, YES, NO, node("j", needs=["yes", "no"])], ["j"]),
        ([CONDITION, YES, NO, node("j", needs=["yes", "no"]), node("k", needs=["j"])], ["j"]),
        ([CONDITION, YES, NO, node("j", needs=["yes", "no"], join="settled")], []),
        ([CONDITION, YES, NO, node("j", needs=["yes", "no"], join="any")], []),
        ([CONDITION, YES, node("j", needs=["yes", "c"])], []),
        ([CONDITION, YES, NO, node("s", needs=["yes", "no"], join="settled"), node("j", needs=["s", "yes"])], []),
        (
            [
                node("a"),
                node("ok", needs=["a"]),
                node("bad", needs=[on("a", "failure")]),
                node("j", needs=["ok", "bad"]),
            ],
            ["j"],
        ),
        ([node("p", "approval"), node("j", needs=[on("p", "rejected"), on("p", "timeout")])], []),
        (
            [
                node("p", "approval", value={"on_timeout": "continue"}),
                node("j", needs=[on("p", "rejected"), on("p", "timeout")]),
            ],
            ["j"],
        ),
        ([node("p", "approval"), node("j", needs=[on("p", "approved"), on("p", "rejected")])], ["j"]),
    ],
)
def test_join_on_exclusive_outcomes_never_runs(modules: list[Any], where: list[str]) -> None:
    found = [each for each in check(*modules) if each.code != "condition_success_edge"]
    assert [(each.code, each.node) for each in found] == [("join_never", node_id) for node_id in where]


def test_only_ancestors_results_are_readable() -> None:
    found = check(
        node("a", needs=[]),
        node("b", needs=[]),
        script("c", "results.a && results.b && results.c && results.ghost", needs=["a"]),
        script("d", "results.c.deep", export={"x": {"type": "javascript", "expr": "results.d"}}),
        failure_module={**script("failure", "results.a || results.ghost")},
        output={"type": "javascript", "expr": "results.d"},
    )
    assert [(each.code, each.node, each.message.split()[2]) for each in found] == [
        ("not_an_ancestor", "c", "results.b"),
        ("not_an_ancestor", "c", "results.c"),
        ("not_an_ancestor", "c", "results.ghost"),
        ("not_an_ancestor", "failure", "results.ghost"),
    ]


def test_error_is_null_in_ordinary_nodes() -> None:
    again = {"constant": {"attempts": 1, "seconds": 1}, "retry_if": {"expr": "error"}}
    found = check(
        script("a", "error.message", retry=again),
        script("b", "previous_result.error"),
        script("c", "[1].map(error => error)"),
        failure_module=script("failure", "error?.message"),
    )
    assert [(each.code, each.severity, each.node) for each in found] == [("error_always_null", "warning", "a")]
    assert "error in /value/modules/0/value/input_transforms/x/expr is always null" in found[0].message


def test_result_inside_container_is_readable() -> None:
    """Results of nodes in a loop are readable only if it has a single iteration; a warning names the alternative."""
    iterator = {"type": "static", "value": [1]}
    nested = node("loop", "forloopflow", value={"modules": [node("deep")], "iterator": iterator})
    branch = node("both", "branchall", value={"branches": [{"modules": [node("in"), nested]}]})
    found = check(branch, script("after", "results.in && results.deep && results.loop"), node("later"))
    assert [(each.code, each.node, each.message) for each in found] == [
        (
            "result_of_loop",
            "after",
            "node after: results.deep in /value/modules/1/value/input_transforms/x/expr is null unless the loop loop "
            "has a single iteration: read results.loop, which has the results of all iterations",
        )
    ]
    found = check(script("before", "results.in && results.deep"), branch)
    assert [each.code for each in found] == ["not_an_ancestor"] * 2


def test_body_reads_ancestors_of_its_container() -> None:
    def loop(kind: str, **value: Any) -> dict[str, Any]:
        body = [script("in", "results.a && results.later && results.out && results.in2"), node("in2")]
        return node("out", kind, value={"modules": body, **value})

    iterator = {"type": "static", "value": []}
    found = check(node("a"), loop("forloopflow", iterator=iterator), node("later"))
    assert [each.message.split()[2] for each in found] == ["results.in2", "results.later", "results.out"]
    found = check(node("a"), loop("whileloopflow"), node("later"))
    assert [each.message.split()[2] for each in found] == ["results.later", "results.out"]


def test_unordered_nodes_race_on_the_context() -> None:
    export: dict[str, Any] = {"export": {"n": {"type": "static", "value": 1}}}
    found = check(
        node("a", needs=[], **export),
        node("b", needs=[], **export),
        script("reader", "context.n && context.other", needs=["a"]),
        node("end", needs=["a", "b", "reader"], **export),
    )
    assert [(each.code, each.node, each.severity) for each in found] == [
        ("context_race", "a", "warning"),
        ("context_race", "b", "warning"),
        ("context_race", "reader", "warning"),
    ]
    assert check(node("a", **export), node("b", **export), script("c", "context.n")) == []


def test_probably_unintended_constructs_are_warnings() -> None:
    retry = {"constant": {"attempts": 1, "seconds": 0}}
    found = check(
        node("a", retry=retry),
        node("b", "rawscript", value={"language": "cobol", "content": ""}, mock={"enabled": True}, retry=retry),
        node("c", mock={"enabled": False, "return_value": 3}, cache_ttl=60),
        node("d", "rawscript", value={"language": "deno", "content": ""}),
        node("e", "rawscript", value={"language": "bun", "content": "", "lock": "{}\n//bun.lockb\n"}),
        node("g", "rawscript", value={"language": "bun", "content": '// https://a\nimport x from "jsr:@std/assert"\n'}),
        node("f", "rawscript", value={"language": "python3", "content": "", "lock": "# py: 3.12\nrequests==2\n"}),
    )
    assert {(each.code, each.node, each.severity) for each in found} == {
        ("retry_no_effect", "a", "warning"),
        ("mock_enabled", "b", "warning"),
        ("cache_no_effect", "c", "warning"),
        ("no_runtime", "b", "warning"),
        ("runs_on_bun", "d", "warning"),
        ("lock_not_used", "e", "warning"),
        ("import_unavailable", "g", "warning"),
    }


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("Pay {{ results.each[1].customer }} to {{flow_input.name}}, {{ run.id }}", None),
        ("{{ results.each.1.customer }}", "{{ results.each.1.customer }}"),
        ("{{ results.gone }}", "{{ results.gone }}"),
        ("{{ 1 + 1 }}", "{{ 1 + 1 }}"),
    ],
)
def test_placeholder_that_cannot_be_resolved_is_a_warning(message: str, fault: str | None) -> None:
    found = check(node("each"), node("ask", "approval", value={"message": message}))
    assert [(each.code, each.severity) for each in found] == ([("placeholder_unresolved", "warning")] if fault else [])
    assert fault is None or fault in found[0].message


def test_early_return_names_a_top_level_node() -> None:
    for early, codes in (("a", []), ("inside", ["early_return_never"]), ("gone", ["early_return_never"])):
        inside = node("inside")
        loop = node("l", "forloopflow", value={"iterator": {"type": "static", "value": []}, "modules": [inside]})
        found = validate({"value": {"modules": [node("a"), loop], "early_return": early}})
        assert [(each.code, each.severity) for each in found] == [(code, "warning") for code in codes]


def test_errors_come_first_and_form_the_error() -> None:
    found = validate(
        {"value": {"modules": [node("a", retry={}), node("a", mock={"enabled": True}), node("b", needs=["x"])]}}
    )
    assert [each.severity for each in found] == sorted(each.severity for each in found)
    refusal = invalid(found)
    assert refusal.message == f"{found[0].message} (and {len(errors(found)) - 1} more)"
    assert refusal.details == [each.as_dict() for each in found]


@pytest.mark.extended
def test_500_nodes_that_all_export_and_read_are_validated() -> None:
    export: dict[str, Any] = {"export": {"n": {"type": "static", "value": 1}}}
    found = check(*(script(f"n{place}", "context.n", needs=[], **export) for place in range(500)))
    assert len(found) == 500


NULLS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"timeout": {"type": "static", "value": None}, "sleep": {"type": "static"}}, {}),
    ({"debouncing": {"debounce_delay_s": None}}, {"debouncing": {}}),
    ({"suspend": {"resume_form": {"schema": None}, "user_groups_required": None}}, {"suspend": {"resume_form": {}}}),
    ({"export": {"x": None}}, {"export": {}}),
    ({"retry": {"constant": None, "exponential": {"attempts": None, "seconds": None}}}, {"retry": {"exponential": {}}}),
]


@pytest.mark.parametrize(("written", "meant"), NULLS)
def test_null_stands_for_an_absent_key(written: dict[str, Any], meant: dict[str, Any]) -> None:
    assets = {"assets": [{"path": "f/a/b", "kind": "resource", "alt_access_type": None}]}
    code = {"type": "rawscript", "content": "", "language": "bash", **assets, "input_transforms": {"y": None}}
    with_nulls = {"value": {"modules": [{"id": "a", "value": code, **written}]}}
    assert errors(validate(with_nulls)) == []
    without = {"value": {"modules": [{"id": "a", "value": {**code, "input_transforms": {}}, **meant}]}}
    assert artifact_hash(with_nulls) == artifact_hash(without)


def test_unused_exponential_retries_have_no_bounds() -> None:
    def found(attempts: int) -> list[str]:
        retry = {"exponential": {"attempts": attempts, "multiplier": 0, "seconds": 0, "random_factor": 0}}
        node = {"id": "a", "value": {"type": "rawscript", "content": "", "language": "bash"}, "retry": retry}
        return [each.path for each in validate({"value": {"modules": [node]}})]

    assert found(0) == []
    assert found(1) == ["/value/modules/0/retry/exponential/seconds"]


OBJECTS = [
    ("flow_input", None),
    (" results ", None),
    ("flow_input.order", "object"),
    ("flow_input.name", "string"),
]
LISTS = [
    ("flow_input.order.items", "object"),
    ("flow_input.items", "array"),
    ("flow_input.items", ["array", "null"]),
    ("flow_input.items", None),
    ("results.a", None),
    ("[flow_input]", None),
]


def loop_over(iterator: Any, schema_type: Any = None, **value: Any) -> list[tuple[str, str | None, str]]:
    loop = node("l", "forloopflow", value={"iterator": iterator, "modules": [node("inside")]})
    properties = {name: {"type": schema_type} if schema_type else {} for name in ("order", "name", "items")}
    document = {
        "value": {"modules": [node("a"), loop], **value},
        "schema": {"type": "object", "properties": properties},
    }
    return short([each for each in validate(document) if each.code == "loop_without_list"])


@pytest.mark.parametrize(("expr", "schema_type"), OBJECTS)
def test_loop_over_object_is_reported(expr: str, schema_type: Any) -> None:
    found = loop_over({"type": "javascript", "expr": expr}, schema_type)
    assert found == [("loop_without_list", "l", "/modules/1/value/iterator")]


@pytest.mark.parametrize(("expr", "schema_type"), LISTS)
def test_loop_over_possible_list_is_not_reported(expr: str, schema_type: Any) -> None:
    assert loop_over({"type": "javascript", "expr": expr}, schema_type) == []


def test_loop_over_static_value_is_reported_unless_it_may_be_a_list() -> None:
    for value, reported in (({}, True), (3, True), ([], False), ("$res:u/a/b", False)):
        assert bool(loop_over({"type": "static", "value": value})) is reported
    preprocessor = {"id": "preprocessor", "value": {"type": "identity"}}
    changed = loop_over({"type": "javascript", "expr": "flow_input.order"}, "object", preprocessor_module=preprocessor)
    assert changed == []


ITEM = "flow_input.iter.value"


def iter_uses(*modules: Any, schema: Any = None, **value: Any) -> list[tuple[str | None, str]]:
    document = {"value": {"modules": list(modules), **value}, "schema": schema or {"type": "object"}}
    found = [each for each in validate(document) if each.code == "iter_outside_loop"]
    assert {each.severity for each in found} <= {"warning"}
    return [(each.node, each.path.removeprefix("/value/modules")) for each in found]


def test_item_of_loop_is_not_readable_outside_of_loops() -> None:
    branch = node("either", "branchone", value={"branches": [{"expr": ITEM, "modules": [script("deep", ITEM)]}]})
    iterator = {"type": "javascript", "expr": f"{ITEM}.lines"}
    inner = node("inner", "forloopflow", value={"modules": [script("line", ITEM)], "iterator": iterator})
    value = {"modules": [script("item", ITEM), branch, inner], "iterator": {"type": "javascript", "expr": "[1]"}}
    loop = node("loop", "forloopflow", value=value, stop_after_if={"expr": "flow_input.iter.index > 3"})
    count = node("count", "whileloopflow", value={"modules": [script("one", "flow_input.iter.index")]})
    assert iter_uses(loop, count) == []
    inputs = "/value/input_transforms/x/expr"
    assert iter_uses(loop, {**branch, "id": "moved"}, script("code", f"[{ITEM}].map(x => x + 1)")) == [
        ("moved", "/1/value/branches/0/expr"),
        ("code", f"/2{inputs}"),
        ("deep", f"/1/value/branches/0/modules/0{inputs}"),
    ]
    # The list and the condition of a loop are evaluated outside of it.
    assert iter_uses({**inner, "skip_if": {"expr": ITEM}}) == [
        ("inner", "/0/skip_if/expr"),
        ("inner", "/0/value/iterator/expr"),
    ]
    output = {"type": "javascript", "expr": ITEM}
    assert iter_uses(failure_module=script("failure", ITEM), output=output) == [
        (None, "/value/output/expr"),
        ("failure", "/value/failure_module/value/input_transforms/x/expr"),
    ]


def test_input_of_workflow_may_be_named_as_item_of_loop() -> None:
    schema = {"type": "object", "properties": {"iter": {"type": "object"}}}
    assert iter_uses(script("a", ITEM), schema=schema) == []
    assert iter_uses(script("a", ITEM), preprocessor_module=node("preprocessor")) == []
    assert iter_uses(script("a", "flow_input.iterations + flow_input.item.iter + results.a.iter")) == []
