"""The small interpreter of expressions, which works on raw JSON."""

from __future__ import annotations

from typing import Any

import pytest

from orvanta_platform.evaluate import raw, small
from orvanta_platform.evaluate.errors import ExpressionError, NeedsJavaScript
from orvanta_platform.evaluate.small import ExpressionValue, Scope, evaluate
from orvanta_platform.evaluate.transforms import input_names, object_text
from orvanta_platform.workflow.expressions import parse_small

SCOPE: Scope = {
    "results": {
        "a": b' {"list": [10, "x", null, {"deep": 12345678901234567890.50}], "text": "h\\u00e9\\ud83d\\ude00"} ',
        "flag": b"true",
        "half": b'{"k": "\\ud83d", "n": 1}',
        "deep": b'{"n": ' + b"[" * 5000 + b"7" + b"]" * 5000 + b', "m": 1}',
    },
    "context": {"n": b"0", "big": b"9007199254740993"},
    "flow_input": b'{"n": 5, "s": "10", "twice": 1, "twice": 2, "zero": -0.0, "tiny": 1e-400, "o": {}, '
    b'"constructor": 3}',
    "nothing": b"null",
}


def answer(text: str) -> ExpressionValue:
    expr = parse_small(text)
    assert expr is not None
    return evaluate(expr, SCOPE)


@pytest.mark.parametrize(
    ("text", "expected", "truthy"),
    [
        ("flow_input.n", b"5", True),
        ("results.a.list[3].deep", b"12345678901234567890.50", True),
        ("context.big", b"9007199254740993", True),
        ("results.a.list", b'[10, "x", null, {"deep": 12345678901234567890.50}]', True),
        ("results.a.list.length", b"4", True),
        ("results.a.list[9]", b"null", False),
        ("results.a.list['01']", b"null", False),
        ("results.a.text.length", b"4", True),
        ("results.a.text[2]", b'"\\ud83d"', True),
        ("results.unknown", b"null", False),
        ("results.unknown === null", b"true", True),
        ("context.unknown === null", b"false", False),
        ("context.unknown === undefined", b"true", True),
        ("flow_input.unknown?.a.b.c", b"null", False),
        ("nothing?.x === undefined", b"true", True),
        ("flow_input.twice", b"2", True),
        ("flow_input.constructor", b"3", True),
        ("flow_input.zero", b"-0.0", False),
        ("flow_input.zero === 0", b"true", True),
        ("flow_input.tiny", b"1e-400", False),
        ("flow_input.o", b"{}", True),
        ("flow_input.o === null", b"false", False),
        ("results.half.n", b"1", True),
        ("results.half.k === '\\ud83d'", b"true", True),
        ("results.deep.m", b"1", True),
        ("context.big === 9007199254740992", b"true", True),
        ("flow_input.s < '9'", b"true", True),
        ("'\\ud83d\\ude00' < '\\uffff'", b"true", True),
        ("'b' >= 'a'", b"true", True),
        ("flow_input.n > 4 && flow_input.s", b'"10"', True),
        ("context.n || 'none'", b'"none"', True),
        ("context.n && missing.x", b"0", False),
        ("!context.n", b"true", True),
        ("undefined", b"null", False),
        ("-0", b"0", False),
        ("1e21", b"1e+21", True),
        ("1e999", b"null", True),
        ("'\\ud83d'", b'"\\ud83d"', True),
        ("'é\"'", '"é\\""'.encode(), True),
        ("context", b'{"n":0,"big":9007199254740993}', True),
    ],
)
def test_answers(text: str, expected: bytes, truthy: bool) -> None:
    assert answer(text) == ExpressionValue(expected, truthy)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("missing", "ReferenceError", "missing is not defined"),
        ("missing?.x", "ReferenceError", "missing is not defined"),
        ("results.unknown.x", "TypeError", "Cannot read properties of null (reading 'x')"),
        ("flow_input.unknown.x", "TypeError", "Cannot read properties of undefined (reading 'x')"),
        ("nothing.x", "TypeError", "Cannot read properties of null (reading 'x')"),
        ("true && nothing[0]", "TypeError", "Cannot read properties of null (reading '0')"),
    ],
)
def test_expressions_that_throw_in_javascript_throw_here(text: str, name: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        answer(text)
    assert (caught.value.name, caught.value.message) == (name, message)


@pytest.mark.parametrize(
    "text",
    [
        *("flow_input.n < '9'", "null < 1", "undefined >= 0", "true > false", "flow_input.o < 1"),
        *("flow_input.o === flow_input.o", "results.a.list !== flow_input.o"),
        *("flow_input.o.toString", "flow_input.__proto__", "results.a.list.map", "flow_input.s.trim"),
        *("flow_input.n.toFixed", "results.flag.valueOf", "context.hasOwnProperty"),
    ],
)
def test_coercion_and_inheritance_are_left_to_an_engine(text: str) -> None:
    with pytest.raises(NeedsJavaScript):
        answer(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (b'{"a" : 1 , "b":[1,{"c":"}"}], "\\ud800": {}}', {"a": b"1", "b": b'[1,{"c":"}"}]', "\ud800": b"{}"}),
        (b'{"\\ud800":1}', {"\ud800": b"1"}),
        (b"{ }", {}),
        (b'{"a\\"b,{": "x\\\\", "k": "\\ud800"}', {'a"b,{': b'"x\\\\"', "k": b'"\\ud800"'}),
    ],
)
def test_members_of_an_object(text: bytes, parts: dict[str, bytes]) -> None:
    assert {name: raw.strip(bytes(each)) for name, each in raw.members(text).items()} == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [(b'[1, "\\ud800" ,[2,3]]', [b"1", b'"\\ud800"', b"[2,3]"]), (b"[ ]", []), (b'["\\ud800"]', [b'"\\ud800"'])],
)
def test_items_of_an_array(text: bytes, parts: list[bytes]) -> None:
    assert [raw.strip(bytes(each)) for each in raw.items(text)] == parts


def test_several_inputs_that_read_one_root_are_loaded_together() -> None:
    def reads(*texts: str) -> dict[str, frozenset[str] | None]:
        return input_names({str(place): {"type": "javascript", "expr": text} for place, text in enumerate(texts)})

    assert reads("results.a.x", "results.b", "1 + 1") == {"results": frozenset({"a", "b"})}
    assert reads("results.a", "results", "results.b") == {"results": None}


def test_bare_path_is_returned_without_decoding() -> None:
    expr = parse_small("big.part")
    assert expr is not None
    assert evaluate(expr, {"big": b'{"part": {"a" : 1.00e0, "b":[ ]}}'}).raw == b'{"a" : 1.00e0, "b":[ ]}'


@pytest.mark.parametrize(
    "text",
    [
        b'1}],"z":"$var:f/prod/sec","y":[{"q":1',
        b'1,"z":2',
        b"1 2",
        b'"a" "b"',
        b'["]',
        b'"\\ud800","z":1',
        b'["\\ud800"],"z":[1]',
        b"[" * 2000 + b"]" * 1999,
        b"",
        b":",
    ],
)
def test_object_has_no_members_of_its_values(text: bytes) -> None:
    with pytest.raises(ExpressionError):
        object_text({"x": text})


@pytest.mark.parametrize(
    "text", [b'"\\ud800"', b'["\\ud800", {"a": "]"}]', b" 1 ", b"[" * 2000 + b"]" * 2000, b'"\\""']
)
def test_object_has_every_value_of_javascript(text: bytes) -> None:
    assert object_text({"x": text}) == b'{"x":' + text + b"}"


def test_value_is_parsed_a_limited_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The small interpreter runs in the event loop, and parses the whole value for each member that is read."""
    parsed: list[int] = []

    def members(text: bytes) -> Any:
        parsed.append(len(text))
        return raw.members(text)

    monkeypatch.setattr(small, "members", members)
    scope = {"flow_input": b'{"a":{"b":{"c":[%s0]}}}' % (b"0," * (2 << 20))}
    often = parse_small("||".join(f"flow_input.z{number}" for number in range(200)))
    assert often is not None
    with pytest.raises(NeedsJavaScript):
        evaluate(often, scope)
    assert len(parsed) == 4
    path = parse_small("flow_input.a.b.c[1]")
    assert path is not None and evaluate(path, scope).raw == b"0"
