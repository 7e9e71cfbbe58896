"""Documents as text: comments and order are preserved, output is strict, code moves to files and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import inline, text
from orvanta_platform.workflow.document import parse

COMMENTED = """\
# what this is for
summary: "Nightly"   # shown in lists
value:
  modules:
    # the first step

    - id: a
      value:
        type: rawscript
        language: python3
        content: '!inline a.inline_script.py'
        input_transforms:
          x: {type: static, value: 1.50}   # kept as written
          y: &shared {type: static, value: [1, 2]}
          z: *shared
    - id: b
      needs:
        - {node: a, 'on': failure}
      value: {type: identity}
schema:
  order: [x]
  note: |
    a text

    of two paragraphs
"""
FLAT = """\
value:
  modules:
  - id: a  # here
    value:
      type: identity
"""


@pytest.mark.parametrize("source", [COMMENTED, FLAT])
def test_unchanged_yaml_is_preserved(source: str) -> None:
    assert text.save_yaml(text.open_yaml(source), source) == source


def test_first_list_of_a_text_is_indented_as_in_new_texts() -> None:
    tree = text.open_yaml("summary: ''\n")
    tree["order"] = ["a"]
    assert text.save_yaml(tree, "summary: ''\n") == text.write_yaml({"summary": "", "order": ["a"]}).replace('""', "''")


def test_edit_preserves_surrounding_comments() -> None:
    tree = text.open_yaml(COMMENTED)
    tree["value"]["modules"][1]["join"] = "any"
    saved = text.save_yaml(tree, COMMENTED)
    assert [line for line in COMMENTED.splitlines() if line not in saved.splitlines()] == []
    assert parse(saved.encode(), "yaml").tree["value"]["modules"][1]["join"] == "any"


def test_text_that_the_reader_rejects_cannot_be_opened() -> None:
    with pytest.raises(InvalidWorkflow):
        text.open_yaml("a: !!python/name:os.system x")


def test_writer_quotes_booleans_of_older_readers() -> None:
    tree = {"needs": [{"node": "yes", "on": "true"}, {"node": "n", "on": "false"}], "tag": "off"}
    assert text.write_yaml(tree) == (
        "needs:\n  - node: 'yes'\n    'on': 'true'\n  - node: 'n'\n    'on': 'false'\ntag: 'off'\n"
    )


def test_code_is_written_as_a_block() -> None:
    assert text.write_yaml({"content": "def main():\n    return 1\n"}) == (
        "content: |\n  def main():\n      return 1\n"
    )


_TEXT = st.text(
    st.sampled_from(list("ab:-#'\"|>&*!%@\n\r\t \u2028\u0085é😀\x01\x7f0~")), max_size=12
) | st.sampled_from(["on", "y", "null", "1e3", "0x1", "", "2020-01-01", "<<", "=", "---", "..."])
_TREE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), _TREE, max_size=4))
@settings(max_examples=100, deadline=None)
def test_written_text_round_trips(tree: dict[str, Any]) -> None:
    assert parse(text.write_yaml(tree).encode(), "yaml").tree == tree


def _flow(*values: dict[str, Any]) -> dict[str, Any]:
    return {"value": {"modules": [{"id": f"s{place}", "value": value} for place, value in enumerate(values)]}}


def test_code_moves_to_files_and_back() -> None:
    loop = {
        "type": "forloopflow",
        "modules": _flow({"type": "rawscript", "language": "bash", "content": "x"})["value"]["modules"],
    }
    tree = _flow({"type": "rawscript", "language": "python3", "content": "def main(): ..."}, loop)
    folder, files = inline.extract(tree)
    assert files == {"s0.inline_script.py": "def main(): ...", "s0.inline_script.sh": "x"}
    assert folder["value"]["modules"][0]["value"]["content"] == "!inline s0.inline_script.py"
    assert inline.resolve(folder, files) == tree
    assert tree["value"]["modules"][0]["value"]["content"] == "def main(): ...", "the original is not modified"


def test_two_scripts_never_share_a_file() -> None:
    scripts = [{"id": "a", "value": {"type": "rawscript", "language": "bash", "content": c}} for c in "xy"]
    _, files = inline.extract({"modules": scripts})
    assert files == {"a.inline_script.sh": "x", "a_2.inline_script.sh": "y"}


def test_file_name_contains_no_path() -> None:
    script = {"id": "../é", "value": {"type": "rawscript", "language": "bash", "content": "x"}}
    assert list(inline.extract({"modules": [script]})[1]) == ["____.inline_script.sh"]


def test_reference_to_missing_lock_stays() -> None:
    tree = _flow({"type": "rawscript", "language": "bash", "content": "!inline a.sh", "lock": "!inline gone.lock"})
    found = inline.resolve(tree, {"a.sh": "text"})["value"]["modules"][0]["value"]
    assert (found["content"], found["lock"]) == ("text", "!inline gone.lock")


def test_missing_file_is_reported_with_its_node() -> None:
    tree = _flow({"type": "rawscript", "language": "bash", "content": "!inline gone.sh", "lock": "!inline l"})
    with pytest.raises(InvalidWorkflow) as caught:
        inline.resolve(tree, {"l": "lock"})
    assert caught.value.details == [
        {
            "code": "inline_file_missing",
            "severity": "error",
            "node": "s0",
            "path": "/value/modules/0/value/content",
            "message": "node s0 reads its content from the file gone.sh, which is missing",
        }
    ]


@pytest.mark.extended
def test_data_that_looks_like_a_script_is_unchanged() -> None:
    value = {"type": "rawscript", "content": "!inline x"}
    tree = _flow({"type": "identity", "input_transforms": {"a": {"type": "static", "value": [value]}}})
    assert inline.resolve(tree, {}) == tree
