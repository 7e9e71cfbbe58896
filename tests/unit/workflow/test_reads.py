"""Names that JavaScript text may read: a superset of those that it does read."""

from __future__ import annotations

import pytest

from orvanta_platform.workflow.reads import ROOTS, mentions_opener, names_of_text, opened_by_text

WHOLE = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 1", {}),
        ("results.a.x + results . b", {"results": {"a", "b"}}),
        ("results?.a ?? results?.['b']", {"results": {"a", "b"}}),
        ("results['a b'] + results[\"c\"].d", {"results": {"a b", "c"}}),
        ("results[x]", {"results": WHOLE}),
        ("results.a + Object.keys(results)", {"results": WHOLE}),
        ("const {a} = results", {"results": WHOLE}),
        ("const r = results; r.a", {"results": WHOLE}),
        ("results /* . */ .a", {"results": WHOLE}),
        ("results?.5 : 1", {"results": WHOLE}),
        ("results.été + 1", {"results": WHOLE}),
        ("results.ab\u0301 + 1", {"results": WHOLE}),
        ("results.a\\u00e9 + 1", {"results": WHOLE}),
        ("results['a\\u0022]'] + 1", {"results": WHOLE}),
        ("results['\\x61'] + 1", {"results": WHOLE}),
        ("r\\u0065sults.a + re\\u{073}ults.\\u0062", {"results": {"a", "b"}}),
        ("`${results.a}` + '${context.b}'", {"results": {"a"}, "context": {"b"}}),
        ("previous_result.length + result", {"previous_result": {"length"}, "result": WHOLE}),
        ("errors.map(e => e.name) + error.name", {"errors": {"map"}, "error": {"name"}}),
        ("myresults.a + results_.a + $results.a", {}),
        ("flow_input.$x + flow_input._y", {"flow_input": {"$x", "_y"}}),
        ("eval('1')", dict.fromkeys(ROOTS)),
        ("\\u0065val('1')", dict.fromkeys(ROOTS)),
        ("evaluate.x", {}),
    ],
)
def test_names(text: str, expected: dict[str, set[str] | None]) -> None:
    assert names_of_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("variable('u/ann/x')", {("variable", "u/ann/x")}),
        ('await resource ( "f/a/b" ) + variable(`v`)', {("resource", "f/a/b"), ("variable", "v")}),
        ("variable(path) + variable('a' + 'b') + variable(`${x}`) + variable('a\\'b')", set()),
        ("myvariable('x')", set()),
    ],
)
def test_literal_paths(text: str, expected: set[tuple[str, str]]) -> None:
    assert opened_by_text(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("variable(x)", True),
        ("const r = resource", True),
        ("v\\u0061riable('x')", True),
        ("eval(x)", True),
        ("my_variable", False),
    ],
)
def test_whether_anything_may_be_opened(text: str, expected: bool) -> None:
    assert mentions_opener(text) is expected
