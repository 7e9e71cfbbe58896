"""The small interpreter compared with the JavaScript child: both must return the same values and errors."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.selection import extended_after_first

from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import evaluate_small
from orvanta_platform.evaluate.javascript import JavaScript, Moment
from orvanta_platform.evaluate.raw import members
from orvanta_platform.evaluate.small import ExpressionValue, Scope
from orvanta_platform.workflow.reads import Opener

CASES: Final = int(os.environ.get("EXPRESSION_CASES", "800"))
SOAK_CASES: Final = int(os.environ.get("EXPRESSION_CASES", "100000"))
PARTS: Final = 10

NUMBERS: Final = (
    *("0", "-0", "-0.0", "1", "1.0", "1e2", "-3.25", "9007199254740993", "12345678901234567890123"),
    *("1e-400", "1e400", "-1e400", "5e-324", "123456789.123456789e-3"),
)
SCALARS: Final = (
    *("null", "true", "false", *NUMBERS, '""', '"a"', '"b"', '"0"', '"10"', '"9"', '"é"', '"\\u0000"'),
    *('"\\ud83d\\ude00"', '"😀"', '"\\uffff"', '"\\ud83d"', '"\\udc00"', '"line\\nline"', '"a\\"b"', '"-0.0"'),
)
LITERALS: Final = (
    *("0", "1", "-1", "-0", "1.0", ".5", "5.", "1e2", "1e999", "9007199254740993", "'a'", '"b"', "''", "'9'"),
    *("'\\ud83d\\ude00'", "'\\u{1F600}'", "'\\uffff'", "'\\ud83d'", "'\\x61'", "'\\\n'", "'\\0'", "'\\q'"),
    *("true", "false", "null", "undefined"),
)
NAMES: Final = ("a", "a", "a", "b", "b", "x", "length", "constructor", "toString", "__proto__", "é", "at", "name")
KEYS: Final = (*NAMES, "0", "1", "01", "a b", "\\ud83d")
ROOTS: Final = ("flow_input", "results", "context", "result", "error", "missing")
OPERATORS: Final = ("&&", "||", "&&", "||", "===", "!==", "<", ">", "<=", ">=")
SOUP: Final = (
    *("a", "flow_input", "results", ".", "?.", "[", "]", "(", ")", "!", "&&", "||", "===", "!==", "<", ">"),
    *("<=", ">=", "1", "'x'", "-", "true", "null", "undefined", " ", "\n", "/**/", "??", "==", "010", "1n"),
    *("{", "}", ";", ",", "NaN", "this", "0x1f", "1_0", "`t`", "return", "//c", "\u00a0", "\u2028", "await"),
)


def braced(fields: Iterable[tuple[str, str]]) -> str:
    inside = ", ".join(f'"{key}" : {value}' for key, value in fields)
    return f"{{{inside}}}"


keys = st.sampled_from(KEYS)
json_text = st.recursive(
    st.sampled_from(SCALARS) | st.text(max_size=3).map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{' ,'.join(items)}]")
        | st.lists(st.tuples(keys, inner), max_size=3).map(braced)
    ),
    max_leaves=6,
)
step = (
    st.sampled_from(NAMES).map(lambda name: f".{name}")
    | st.sampled_from(NAMES).map(lambda name: f"?.{name}")
    | keys.map(lambda key: f"['{key}']")
    | keys.map(lambda key: f'?.["{key}"]')
    | st.integers(0, 2).map(lambda index: f"[{index}]")
)
path = st.tuples(st.sampled_from(ROOTS), st.lists(step, max_size=4)).map(lambda parts: parts[0] + "".join(parts[1]))
expression = st.recursive(
    path | path | st.sampled_from(LITERALS),
    lambda inner: (
        inner.map(lambda text: f"!{text}")
        | inner.map(lambda text: f"({text})")
        | st.tuples(inner, st.sampled_from(OPERATORS), inner).map(" ".join)
        | st.tuples(inner, st.sampled_from(OPERATORS), inner).map(lambda parts: "({}) {} ({})".format(*parts))
    ),
    max_leaves=4,
)
soup = st.lists(st.sampled_from(SOUP), min_size=1, max_size=7).map("".join)
text = st.integers(0, 9).flatmap(lambda kind: soup if kind == 9 else expression)
named = st.lists(st.tuples(st.sampled_from(("a", "b", "__proto__")), json_text), max_size=2).map(braced)
scope = st.fixed_dictionaries({"results": named, "context": named, "flow_input": json_text, "result": json_text})


def scope_of(texts: dict[str, str]) -> Scope:
    """Return the scope with `results` and `context` as mappings of raw values, and a null `error`."""
    found: dict[str, Any] = {name: each.encode() for name, each in texts.items()}
    for name in ("results", "context"):
        found[name] = {key: bytes(value) for key, value in members(found[name]).items()}
    return {**found, "error": b"null"}


def as_doubles(raw: bytes) -> str:
    """Return JSON text with numbers as JavaScript writes them, without the extra digits that a bare path preserves."""
    shown = json.dumps(json.loads(raw, parse_int=float), sort_keys=True)
    return shown.replace("-0.0", "0.0").replace("-Infinity", "null").replace("Infinity", "null")


Outcome = tuple[str, bool] | tuple[str, str]


def outcome(answer: ExpressionValue) -> Outcome:
    return as_doubles(answer.raw), answer.truthy


class Sides:
    """Both evaluators; `compared` counts the cases that both evaluated."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._javascript = JavaScript()
        self.compared = 0

    def small(self, text: str, scope: Scope) -> Outcome | None:
        try:
            answer = evaluate_small(text, scope)
        except ExpressionError as error:
            return error.name, error.message
        return None if answer is None else outcome(answer)

    def child(self, text: str, scope: Scope) -> Outcome:
        try:
            return outcome(
                self._loop.run_until_complete(self._javascript.evaluate("main", text, scope, Moment(0, ""), _nothing))
            )
        except ExpressionError as error:
            return error.name, error.message

    def compare(self, text: str, texts: dict[str, str]) -> None:
        scope = scope_of(texts)
        ours = self.small(text, scope)
        if ours is not None:
            self.compared += 1
            assert ours == self.child(text, scope)

    def close(self) -> None:
        self._loop.run_until_complete(self._javascript.close())
        self._loop.close()


async def _nothing(kind: Opener, path: str) -> bytes:
    raise ExpressionError("not_found", path)


@pytest.fixture
def sides() -> Iterator[Sides]:
    made = Sides()
    yield made
    made.close()


def compare_all(sides: Sides, cases: int) -> None:
    @settings(max_examples=cases, deadline=None, database=None, suppress_health_check=[*HealthCheck])
    @given(text, scope)
    def compare(text: str, texts: dict[str, str]) -> None:
        sides.compare(text, texts)

    compare()
    assert sides.compared > cases / 2, f"only {sides.compared} of {cases} were answered by both"


@pytest.mark.parametrize("cases", extended_after_first([CASES // 8, CASES]))
def test_both_give_the_same_answer(sides: Sides, cases: int) -> None:
    compare_all(sides, cases)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_both_give_the_same_answer_for_many_cases(sides: Sides, part: int) -> None:
    compare_all(sides, SOAK_CASES // PARTS)
