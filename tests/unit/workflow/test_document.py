"""Parsing of documents: each fault has its own code, and no other exception is raised."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow.document import Format, parse, parse_json
from orvanta_platform.workflow.limits import MAX_BYTES, MAX_YAML_CHARS, MAX_YAML_EVENTS
from orvanta_platform.workflow.numbers import exact
from orvanta_platform.workflow.positions import positions

BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)

REFUSED: list[tuple[str, Format, bytes, str]] = [
    ("broken json", "json", b'{"a": 1,}', "invalid_json"),
    ("no json", "json", b"", "invalid_json"),
    ("json constant", "json", b'{"a": NaN}', "invalid_json"),
    ("json control character", "json", b'{"a": "\n"}', "invalid_json"),
    ("broken yaml", "yaml", b"a: [1", "invalid_yaml"),
    ("yaml class", "yaml", b"a: !!python/object/apply:os.system [x]", "invalid_yaml"),
    ("yaml own tag", "yaml", b"a: !thing x", "invalid_yaml"),
    ("yaml not finite", "yaml", b"a: .nan", "invalid_yaml"),
    ("yaml merge key", "yaml", b"a: &a {b: 1}\nc:\n  <<: *a\n", "invalid_yaml"),
    ("yaml two documents", "yaml", b"a: 1\n---\nb: 1\n", "invalid_yaml"),
    ("yaml key that is no text", "yaml", b"? [a]\n: 1\n", "invalid_yaml"),
    ("yaml alias of itself", "yaml", b"a: &a [*a]\n", "invalid_yaml"),
    ("yaml alias of nothing", "yaml", b"a: *b\n", "invalid_yaml"),
    ("yaml control character", "yaml", b"a: \x07\n", "invalid_yaml"),
    ("yaml alias bomb", "yaml", BOMB.encode(), "document_too_large"),
    ("too large", "json", b'{"a": "' + b"x" * MAX_BYTES + b'"}', "document_too_large"),
    ("10,000 levels of json lists", "json", b"[" * 10_000, "document_too_deep"),
    ("10,000 levels of json objects", "json", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "document_too_deep"),
    ("10,000 levels of yaml", "yaml", b"a: " + b"[" * 10_000, "document_too_deep"),
    ("10,000 levels of json read as yaml", "yaml", b'{"a":' * 10_000, "document_too_deep"),
    ("10,000 levels of yaml blocks", "yaml", b"- " * 10_000, "document_too_deep"),
    (
        "deep alias",
        "yaml",
        b"a: &a " + b"[" * 150 + b"]" * 150 + b"\nb: " + b"[" * 99 + b"*a" + b"]" * 99,
        "document_too_deep",
    ),
    ("no utf-8", "json", b'{"a": "\xff"}', "not_utf8"),
    ("utf-16", "yaml", "a: 1".encode("utf-16"), "not_utf8"),
    ("NUL byte", "json", b'{"a": "\0"}', "nul_character"),
    ("NUL byte in yaml", "yaml", b"a: \0", "nul_character"),
    ("escaped NUL", "json", b'{"a": "\\u0000"}', "nul_character"),
    ("escaped NUL in yaml", "yaml", b'a: "\\0"', "nul_character"),
    ("NUL in a key", "json", b'{"\\u0000": 1}', "nul_character"),
    ("unpaired surrogate", "json", b'{"a": "\\ud800"}', "unpaired_surrogate"),
    ("huge exponent", "json", b'{"a": 1e999}', "number_not_exact"),
    ("vanishing number", "json", b'{"a": 1e-999}', "number_not_exact"),
    ("400 digits", "json", b'{"a": ' + b"9" * 400 + b"}", "number_not_exact"),
    ("10,000 digits", "json", b'{"a": ' + b"9" * 10_000 + b"}", "number_not_exact"),
    ("10,000 digits in yaml", "yaml", b"a: " + b"9" * 10_000, "number_not_exact"),
    ("10,000 hexadecimal digits in yaml", "yaml", b"a: 0x" + b"9" * 10_000, "number_not_exact"),
    ("2^53 + 1", "json", b'{"a": 9007199254740993}', "number_not_exact"),
    ("too many decimals", "json", b'{"a": 0.1234567890123456789}', "number_not_exact"),
    ("same key twice", "json", b'{"a": 1, "a": 2}', "duplicate_key"),
    ("same key twice in yaml", "yaml", b"a: 1\na: 2\n", "duplicate_key"),
    ("a list", "json", b"[]", "not_an_object"),
    ("nothing", "yaml", b"", "not_an_object"),
]


@pytest.mark.parametrize(
    ("format", "source", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_unreadable_document_is_rejected_with_its_code(format: Format, source: bytes, code: str) -> None:
    with pytest.raises(InvalidWorkflow) as caught:
        parse(source, format)
    assert caught.value.code == "invalid_workflow"
    assert [each["code"] for each in caught.value.details] == [code]
    assert caught.value.details[0]["severity"] == "error"
    assert "Traceback" not in caught.value.message and len(caught.value.message) < 300


def test_faults_have_a_json_pointer() -> None:
    with pytest.raises(InvalidWorkflow) as caught:
        parse(b'{"a/b": [1, 1e400], "c": {"x": 1, "x": 2}}', "json")
    assert [(each["code"], each["path"]) for each in caught.value.details] == [
        ("number_not_exact", "/a~1b/1"),
        ("duplicate_key", "/c/x"),
    ]
    with pytest.raises(InvalidWorkflow, match="line 2, column 5"):
        parse(b"a: 1\nb: [}", "yaml")


@pytest.mark.parametrize("format", ["json", "yaml"])
def test_200_levels_are_read(format: Format) -> None:
    source = b'{"a":' * 200 + b"1" + b"}" * 200
    tree: Any = parse(source, format).tree
    for _ in range(200):
        tree = tree["a"]
    assert tree == 1


def test_source_is_preserved_byte_for_byte() -> None:
    source = b"\xef\xbb\xbfb:   1 # why\r\na: 'x'\n"
    read = parse(source, "yaml")
    assert (read.source, read.format, read.tree) == (source, "yaml", {"b": 1, "a": "x"})
    assert list(read.tree) == ["b", "a"]


def test_yaml_is_read_as_1_2() -> None:
    source = b"""
    on: off
    yes: no
    octal: 0o17
    hex: 0xff
    zeros: 010
    float: 1e3
    date: 2020-01-01
    time: 12:30
    none: ~
    empty:
    quoted: "true"
    tagged: !!str 12
    code: !inline a.py
    true: 1
    """
    assert parse(source, "yaml").tree == {
        "on": "off",
        "yes": "no",
        "octal": 15,
        "hex": 255,
        "zeros": 10,
        "float": 1000.0,
        "date": "2020-01-01",
        "time": "12:30",
        "none": None,
        "empty": None,
        "quoted": "true",
        "tagged": "12",
        "code": "!inline a.py",
        "true": 1,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.1", 0.1),
        ("1.50", 1.5),
        ("1e21", 1e21),
        ("9007199254740991", 9007199254740991),
        ("1152921504606846976", 2**60),
        ("1e400", None),
        ("9007199254740993", None),
        ("0e999999999999999999", 0.0),
        ("1e-99999999999999999999", None),
    ],
)
def test_number_is_exact_or_rejected(text: str, value: float | None) -> None:
    assert exact(text) == value


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc/~ é", max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
@settings(max_examples=100, deadline=None)
def test_json_text_round_trips(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@given(st.text(st.sampled_from(list("ab:-?[]{},&*!|>'\"%@`# \n\t0.~<=\\\r…")), max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_rejected(text: str) -> None:
    formats: tuple[Format, ...] = ("json", "yaml")
    for format in formats:
        with suppress(InvalidWorkflow):
            parse(text.encode(), format)


@pytest.mark.parametrize(
    "text",
    [
        f"a: [{'1,' * (MAX_YAML_EVENTS + 1)}]",
        f"a: {'[' * 170}{'1,' * (MAX_YAML_EVENTS // 3 + 1)}{']' * 170}",
        "a: |\n" + "  long\n" * (MAX_YAML_CHARS // 7 + 1),
    ],
    ids=["events", "levels", "bytes"],
)
def test_yaml_of_a_caller_has_its_own_limits(text: str) -> None:
    with pytest.raises(InvalidWorkflow) as caught:
        parse(text.encode(), "yaml", limit_yaml=True)
    assert [each["code"] for each in caught.value.details] == ["document_too_large"]
    assert "JSON may be larger" in caught.value.message
    assert positions(text, ["/a"]) == {}
    assert "a" in parse(text.encode(), "yaml").tree


def test_aliases_of_a_caller_repeat_a_limited_number_of_values() -> None:
    """A few hundred characters can stand for a million values, whose checks take seconds."""
    text = "l0: &l0 []\n" + "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 6))
    for limits in ({"limit_yaml": True}, {"limit_aliases": True}):
        with pytest.raises(InvalidWorkflow, match="aliases of the YAML repeat more than") as caught:
            parse(text.encode(), "yaml", **limits)
        assert [each["code"] for each in caught.value.details] == ["document_too_large"]
        fewer = text.rpartition("l5:")[0]
        assert len(parse(fewer.encode(), "yaml", **limits).tree["l4"]) == 10
    assert len(parse(text.encode(), "yaml").tree["l5"]) == 10


@pytest.mark.extended
def test_yaml_within_the_limits_and_large_json_are_accepted() -> None:
    entries = MAX_YAML_EVENTS - 20
    assert len(parse(f"a: [{'1,' * entries}]".encode(), "yaml", limit_yaml=True).tree["a"]) == entries
    for form in ("json", "yaml"):
        text = '{"a": [%s1]}' % ("1," * MAX_YAML_CHARS)
        assert len(parse(text.encode(), form, limit_yaml=True).tree["a"]) == MAX_YAML_CHARS + 1


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_invalid_yaml_with_markers_of_a_merge_conflict_names_them(line_end: str) -> None:
    lines = ["summary: a", "<<<<<<< HEAD", "value: 1", "=======", "value: 2", ">>>>>>> other", ""]
    with pytest.raises(InvalidWorkflow) as refused:
        parse(line_end.join(lines).encode(), "yaml")
    (found,) = refused.value.details
    assert (found["code"], found["message"]) == (
        "invalid_yaml",
        "invalid YAML at line 2, column 1: it contains the markers of a merge conflict, which is not resolved",
    )
