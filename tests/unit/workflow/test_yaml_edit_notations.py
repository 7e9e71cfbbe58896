"""Edits of YAML text: notations that readers or the editor treat in a special way."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document, yaml_text
from orvanta_platform.workflow.limits import MAX_BYTES, MAX_LEVELS
from orvanta_platform.workflow.releases.adapt import environment_content
from orvanta_platform.workflow.text import indents_lists
from orvanta_platform.workflow.tree.merge import COMMENTS, merge_content
from orvanta_platform.workflow.yaml_edit import edit_yaml, same
from orvanta_platform.workflow.yaml_parts import block_lines, flow_value

LONG = "k" * 1_100
BREAKS = ["\r", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("part", [":#", ": ", ":\t", "':", "- ", "a: #"])
def test_indentation_of_lists_is_found_without_backtracking(part: str) -> None:
    assert indents_lists(f'description: "{part * 200_000}"\n') is True
    assert indents_lists(f'description: "{part * 200_000}"\na:\n- 1\n') is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\n", True),
        ("a:\n- 1\n", False),
        ("a:\n  - 1\n", True),
        ("a: # c\n\n # d\n- 1\n", False),
        ("a:\n  b:\n  - 1\n", False),
        ("'a: b':\n- 1\nc:\n  - 1\n", False),
        ("# a:\n- 1\n", True),
        ("a: x\n- 1\nb:\n- 1\n", False),
        ("- a:\n  - 1\nb:\n- 1\n", False),
    ],
)
def test_first_list_below_a_key_determines_the_indentation(text: str, expected: bool) -> None:
    assert indents_lists(text) is expected


@pytest.mark.parametrize("key", [LONG, "k" * 1_000, "k" * 1_001, "k y" * 400, "k\n" * 600, "\U0001f600" * 1_023])
@pytest.mark.parametrize("value", [1, "x\ny\n", {"a": [1]}, [1, {"a": 2}], {}, []])
def test_long_keys_are_written_as_explicit_keys(key: str, value: Any) -> None:
    for text in ("a: 1 # one\n", "a: 1 # one\nb:\n- 1\n", "# one\nc: {d: 1}\n"):
        wanted = {**yaml_text.read(text), key: value, "c": {"d": 1, "e": {key: value}}}
        new = edit_yaml(text, wanted)
        assert same(new.tree, wanted) and b"# one" in new.source
        assert YAML(typ="safe", pure=True).load(new.source.decode()) == wanted
        again = edit_yaml(new.source.decode(), {**wanted, key: "other"})
        assert again.tree[key] == "other" and b"# one" in again.source


def test_long_keys_in_json_are_written_as_json() -> None:
    assert edit_yaml('{"a": 1}', {"a": 1, LONG: 2}).source.decode() == f'{{"a": 1, "{LONG}": 2}}'
    with pytest.raises(ValueError, match="cannot be changed"):
        edit_yaml(f'{{"{LONG}": 1}}', {"a": 1})


@pytest.mark.parametrize("mark", BREAKS)
def test_texts_with_other_line_breaks_are_not_edited(mark: str) -> None:
    texts = [f"# c{mark}# d\na: 1\nb: 2\n", f"a: x{mark} y\nb: 2\n"]
    if mark == "\r":  # others end no line of a block
        texts += [f"a: 1{mark}b: 2\n", f"a: 1 # c{mark}b: 2\n", f"a: |\n  x{mark}  y\nb: 2\n"]
    for text in texts:
        tree = document.parse(text.encode(), "yaml").tree
        assert edit_yaml(text, tree).source == text.encode()
        with pytest.raises(ValueError, match="line breaks"):
            edit_yaml(text, {**tree, "b": 3})
    text = f"a: 'x{mark} y' # c\nb: 2\n"
    tree = document.parse(text.encode(), "yaml").tree
    assert edit_yaml(text, {**tree, "b": 3}).source.decode() == text.replace("b: 2", "b: 3")


def test_edits_beyond_the_limits_are_refused() -> None:
    nested: Any = 1
    for _ in range(MAX_LEVELS):
        nested = [nested]
    for value in (nested, "x" * MAX_BYTES):
        with pytest.raises(InvalidWorkflow, match=r"larger|deep"):
            edit_yaml("a: 1\n", {"a": value})


def test_merges_of_texts_that_cannot_be_edited_report_the_comments() -> None:
    base = "a: 1\rb: 2 # c\n"
    content = {"text": base}, {"text": base.replace("1", "3")}, {"text": base.replace("b: 2", "b: 4")}
    assert merge_content("flow", *content) == (content[1], [COMMENTS])


def test_releases_whose_text_cannot_be_edited_name_the_setting() -> None:
    text = "value: {modules: []}\rsummary: x\n"
    present = {"text": "value: {modules: []}\non_behalf_of_email: own@x\n"}
    with pytest.raises(InvalidWorkflow, match="`on_behalf_of_email` cannot be changed in this document"):
        environment_content("flow", {"text": text}, present, enabled=False)


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        ("a: 1 # c\nb: x", {"a": 1, "b": "x\ny\n"}, "a: 1 # c\nb: |\n  x\n  y\n"),
        ("a: 1 # c\nb: x", {"a": 1, "b": "x\ny"}, "a: 1 # c\nb: |-\n  x\n  y"),
        ("a: 1 # c\nb: |\n  x", {"a": 2, "b": "x"}, "a: 2 # c\nb: x"),
        ("a: 1 # c\nb: |\n  x\n  y", {"a": 2, "b": "x\ny"}, "a: 2 # c\nb: |-\n  x\n  y"),
        ("a: 1 # c\nb: |\n  x", {"a": 2, "b": "x\n"}, "a: 2 # c\nb: |\n  x\n"),
        ("a: 1 # c\nb: |\n  x", {"a": 1, "b": "x"}, "a: 1 # c\nb: |\n  x"),
        ("a: 1 # c\nb: |\n  x", {"a": 1, "b": "x\n"}, "a: 1 # c\nb: |\n  x\n"),
        ("a: 1 # c\nb: |+\n  x", {"a": 2, "b": "x"}, "a: 2 # c\nb: x"),
        ("a: 1 # c\r\nb: x", {"a": 1, "b": "x\ny\n"}, "a: 1 # c\r\nb: |\r\n  x\r\n  y\r\n"),
        ("a: 1\nb: x # c", {"a": 2, "b": "x"}, "a: 2\nb: x # c"),
        ('{"a": 1}', {"a": 2}, '{"a": 2}'),
    ],
)
def test_texts_without_a_final_line_feed_keep_their_comments(text: str, wanted: Any, expected: str) -> None:
    new = edit_yaml(text, wanted)
    assert (new.source.decode(), new.tree) == (expected, wanted)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1e-7, "1.0e-07"), (-1e-7, "-1.0e-07"), (1e22, "1.0e+22"), (1.5e-7, "1.5e-07"), (0.25, "0.25"), (3, "3")],
)
def test_numbers_are_read_as_numbers_by_all_readers(value: float, expected: str) -> None:
    assert flow_value(value) == expected
    assert list(block_lines({"a": value}, indented=True)) == [f"a: {expected}"]
    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)
    assert old.load(expected) == value == yaml_text.read(expected)
