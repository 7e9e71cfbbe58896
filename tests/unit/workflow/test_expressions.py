"""Parser of the small expression language: accepted texts, texts left to JavaScript, and no exceptions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orvanta_platform.workflow.expressions import (
    MAX_SMALL,
    UNDEFINED,
    Compare,
    Literal,
    Logical,
    Not,
    Path,
    Scalar,
    Step,
    names,
    parse_small,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-3", -3.0),
        ("1e999", float("inf")),
        ("'a'", "a"),
        ('"it\\\'s"', "it's"),
        (r"'\n\t\r\b\f\v\0\\'", "\n\t\r\b\f\v\0\\"),
        (r"'\x41\u0042\u{43}\u{1F600}\q'", "ABC😀q"),
        (r"'\ud83d\ude00'", "😀"),
        (r"'\ud83d'", "\ud83d"),
        ("'a\\\r\nb\\\u2028c'", "abc"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("undefined", UNDEFINED),
        ("", UNDEFINED),
        (" \n\t\u00a0\ufeff\u2029", UNDEFINED),
        ("((1))", 1.0),
    ],
)
def test_literals(text: str, value: Scalar) -> None:
    assert parse_small(text) == Literal(value)


@pytest.mark.parametrize(
    ("text", "root", "steps"),
    [
        ("a", "a", ()),
        ("a.b", "a", (Step("b", False),)),
        ("a?.b", "a", (Step("b", True),)),
        ("a['b c']", "a", (Step("b c", False),)),
        ("a?.[0]", "a", (Step("0", True),)),
        ("a[1e2]", "a", (Step("100", False),)),
        ("a . b [ 'c' ]", "a", (Step("b", False), Step("c", False))),
        ("a.class.true.length", "a", (Step("class", False), Step("true", False), Step("length", False))),
        ("$x._y1.größe", "$x", (Step("_y1", False), Step("größe", False))),
    ],
)
def test_paths(text: str, root: str, steps: tuple[Step, ...]) -> None:
    assert parse_small(text) == Path(root, steps)


@pytest.mark.parametrize("text", ["a.b;", "a.b ; ;", "a.b;\n"])
def test_semicolons_may_follow(text: str) -> None:
    assert parse_small(text) == parse_small("a.b") == Path("a", (Step("b", False),))


def test_precedence() -> None:
    a, b, c, d = (Path(name, ()) for name in "abcd")
    assert parse_small("a || b && !c === d") == Logical("||", (a, Logical("&&", (b, Compare("===", Not(c), d)))))
    assert parse_small("a < b !== c >= d") == Compare("!==", Compare("<", a, b), Compare(">=", c, d))
    assert parse_small("(a || b) && !(c)") == Logical("&&", (Logical("||", (a, b)), Not(c)))


@pytest.mark.parametrize(
    "text",
    [
        *("{a: 1}", "[1]", "return 1", "let x = 1", "a; b", ";", "a = 1", "a, b", "a => a", "function () {}", "`a`"),
        *("a + b", "a - 1", "-a", "+1", "a == b", "a != null", "a ?? b", "a ? b : c", "a in b", "typeof a"),
        *("f()", "a.b()", "a[b]", "a[-1]", "a[1.5]", "a[]", "a[1", "(a).b", "'a'.length", "1 .x", "a.#b"),
        *("010", "1n", "0x1f", "1_000", "1.2.3", "3in", "'\\1'", "'\\u12'", "'\\u{110000}'", "'a", "'a\nb'"),
        *("this", "new", "NaN", "Infinity", "Math.PI", "globalThis", "variable", "resource", "await", "eval"),
        *("a // b", "a /* b */", "<!-- a", "a\\u0062", "(a", "a)", "()", "!", "a &&", "a === b === c", "a < b < c"),
        *("a?.5:1", "a?.(b)", "a..b", "@", "#", "\0", "é\u0301 =", "a.1", "a === = b", "&", "a | b"),
    ],
)
def test_everything_else_is_left_to_an_engine(text: str) -> None:
    assert parse_small(text) is None


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "!" * 100_000 + "a", "(" * 33 + "a" + ")" * 33, "!" * 33 + "a", "a" * (MAX_SMALL + 1)]
)
def test_depth_and_length_are_bounded(text: str) -> None:
    assert parse_small(text) is None


def test_long_flat_expression_is_read() -> None:
    expr = parse_small(" && ".join(f"a.b{place}" for place in range(400)))
    assert isinstance(expr, Logical) and len(expr.operands) == 400
    assert names(expr) == {"a": frozenset(f"b{place}" for place in range(400))}
    assert parse_small(f"a{' ' * MAX_SMALL}") is None


@given(st.text(max_size=40) | st.text(st.sampled_from(list("ab.?[]()!&|=<>-'\"\\ux{}0159eE \n$_")), max_size=30))
@settings(max_examples=500, deadline=None)
def test_parser_never_raises(text: str) -> None:
    expr = parse_small(text)
    assert expr is None or names(expr) is not None


def test_names_are_what_a_caller_must_load() -> None:
    expr = parse_small("results.a.x || results['b'] && flow_input && !context?.n === flow_input.y")
    assert expr is not None
    assert names(expr) == {"results": frozenset("ab"), "flow_input": None, "context": frozenset("n")}
    whole_first = parse_small("results && results.a")
    assert whole_first is not None and names(whole_first) == {"results": None}
