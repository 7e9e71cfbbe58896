"""Edits of YAML text: the new value, and everything else as it was written."""

from __future__ import annotations

import copy
import re
import sys
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import yaml_text
from orvanta_platform.workflow.limits import MAX_YAML_CHARS, MAX_YAML_EVENTS
from orvanta_platform.workflow.text import write_yaml
from orvanta_platform.workflow.yaml_edit import edit_yaml, same
from orvanta_platform.workflow.yaml_parts import flow_value

TEXT = """\
# totals of the day
summary:   Report   # shown
value:
  modules:
    # fetches
    - id: a # first
      value: { type: identity }   # flow
        # end of a

    # second
    - id: b
      # why
      summary: 'Second'
      value:
        type: rawscript
        content: | # code
          echo 1
          echo 2

        language: bash

    - summary: Each
      # of the loop
      id: each
      value:
        type: branchone
        branches:
        -   expr: "flow_input.n > 1"
            # in the branch
            modules:
            - {id: inner, value: {type: identity}} # inner
        default: []
# the end
"""


def edited(text: str, change: Any, **limits: bool) -> str:
    """Change the value of a text by a function; returns the new text."""
    tree = yaml_text.read(text)
    change(tree)
    found = edit_yaml(text, tree, **limits)
    assert same(found.tree, tree) and same(yaml_text.read(found.source.decode()), tree)
    return found.source.decode()


def modules(tree: Any) -> Any:
    return tree["value"]["modules"]


def replaced(*changes: tuple[str, str]) -> str:
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def set_code(code: str) -> Any:
    return lambda tree: modules(tree)[1]["value"].update(content=code)


def change_branch(tree: Any) -> None:
    branch = modules(tree)[2]["value"]["branches"][0]
    branch["expr"] = "true"
    branch["modules"][0]["value"]["flow"] = False


def add(tree: Any) -> None:
    modules(tree).insert(1, {"id": "n", "value": {"type": "delay", "seconds": 5}, "needs": ["a"]})
    modules(tree)[0]["retry"] = {"constant": {"attempts": 2}}


def rename(tree: Any) -> None:
    modules(tree)[1]["id"] = "other"


def remove(tree: Any) -> None:
    del modules(tree)[1]


def remove_first_key(tree: Any) -> None:
    del modules(tree)[2]["summary"]


def swap(tree: Any) -> None:
    modules(tree)[0:2] = reversed(modules(tree)[0:2])


SECOND = TEXT[TEXT.index("    # second") : TEXT.index("    - summary: Each")]
FIRST = TEXT[TEXT.index("    # fetches") : TEXT.index("    # second")]


RETRY = "      retry:\n        constant:\n          attempts: 2\n\n"
NEW = """\
    - id: 'n'
      value:
        type: delay
        seconds: 5
      needs:
        - a

"""


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda tree: None, TEXT),
        (lambda tree: tree.update(summary="Totals"), replaced(("Report", "Totals"))),
        (set_code("echo 3\n"), replaced(("echo 1\n          echo 2", "echo 3"))),
        (set_code("exit"), replaced(("| # code\n          echo 1\n          echo 2\n", "exit # code\n"))),
        (
            change_branch,
            replaced(
                ('"flow_input.n > 1"', '"true"'), ("value: {type: identity}", "value: {type: identity, flow: false}")
            ),
        ),
        (
            add,
            replaced(("# flow\n        # end of a\n\n", "# flow\n        # end of a\n" + RETRY + NEW)),
        ),
        (rename, replaced(("id: b", "id: other"))),
        (remove, replaced((SECOND, ""))),
        (swap, replaced((FIRST + SECOND, SECOND + FIRST))),
        (remove_first_key, replaced(("- summary: Each\n      # of", "- # of"))),
    ],
    ids=["nothing", "scalar", "code", "line", "branch", "new", "renamed", "removed", "swapped", "first key"],
)
def test_only_changed_values_are_written_again(change: Any, expected: str) -> None:
    assert edited(TEXT, change) == expected
    crlf = TEXT.replace("\n", "\r\n")
    assert edited(crlf, change) == expected.replace("\n", "\r\n")
    assert edited(TEXT.removesuffix("\n"), change) == expected.removesuffix("\n")


CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
ODD = (
    "a b",
    "on",
    "null",
    "~",
    "1",
    "1e5",
    "0x1f",
    "x: y",
    "x #y",
    "- a",
    "echo 1\necho 2\n",
    " a\nb",
    "a\n\n",
    "\n",
    "",
)
MARKED = ("a\n  b\n\nc", "\U0001f600\x85\n", "'", '"', "\t", "a\tb\n", "{a}", "[a]", "a, b", "?", "!x", "&x", "*x")
TEXTS = st.one_of(st.text(CHARACTERS, max_size=12), st.sampled_from((*ODD, *MARKED)))
NUMBERS = st.one_of(st.integers(-(2**53), 2**53), st.sampled_from([0.5, 1e20, -1.5e-9]))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
NAMES = ("id", "a", "b", "value", "true", "on", "1", "x y")
KEYS = st.one_of(st.sampled_from(NAMES), st.text(CHARACTERS, min_size=1, max_size=4))


def nodes(inner: Any) -> Any:
    node = st.fixed_dictionaries({"id": st.sampled_from("abcdef")}, optional={"value": inner, "summary": TEXTS})
    return st.lists(node, max_size=5)


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4), nodes(inner)),
    max_leaves=14,
)
TREES = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)
RANDOM = st.integers(0, 2**32).map(Random)


def parts_of(value: Any) -> list[Any]:
    """Return a value and all values in it."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(part for each in inner for part in parts_of(each))]


def changed(value: Any, others: list[Any], random: Random) -> Any:
    """Return a value that is in part another one."""
    kind = random.choice(["keep", "inside", "inside", "inside", "other"])
    if kind == "keep":
        return value
    if kind == "inside" and isinstance(value, dict):
        found = {name: changed(each, others, random) for name, each in value.items() if random.randrange(6)}
        return {**found, **{random.choice(NAMES): random.choice(others) for _ in range(random.randrange(2))}}
    if kind == "inside" and isinstance(value, list):
        items = [changed(each, others, random) for each in value if random.randrange(6)]
        if random.randrange(2):
            random.shuffle(items)
        return [*items, *(random.choice(others) for _ in range(random.randrange(2)))]
    return random.choice(others)


def commented(tree: Any, random: Random) -> str:
    """Return the text of a tree in block or flow style, with comments and blank lines."""
    lines = write_yaml(tree).splitlines()
    if random.randrange(2):
        name = next(iter(tree))
        lines = write_yaml({name: None, **{key: each for key, each in tree.items() if key != name}}).splitlines()
        lines[0] = lines[0].rstrip() + " " + flow_value(tree[name], plain=random.choice([True, False]))
    found = []
    for number, line in enumerate(lines):
        indent = " " * random.randint(0, len(line) - len(line.lstrip(" ")) + 2)
        section = f"\n{indent}# section {number}\n\n"
        above = random.choice(["", "", f"{indent}# above {number}\n", "\n", section])
        found.append(above + line + random.choice(["", "", f"  # line {number}"]))
    return "\n".join(found) + random.choice(["", "\n", "\n# end\n"])


def read(text: str) -> Any:
    """Return the value of a text; some texts with comments in them are none."""
    try:
        present = yaml_text.read(text)
    except InvalidWorkflow:
        present = None
    assume(isinstance(present, dict) and present)
    return present


@settings(max_examples=60, deadline=None)
@given(TREES, st.lists(VALUES, min_size=1, max_size=3), RANDOM)
def test_value_of_the_new_text_is_the_value_given(tree: Any, values: list[Any], random: Random) -> None:
    text = commented(tree, random)
    present = read(text)
    assert edit_yaml(text, copy.deepcopy(present)).source.decode() == text
    wanted = changed(present, parts_of(values), random)
    assume(isinstance(wanted, dict) and wanted)
    found = edit_yaml(text, wanted)
    assert same(yaml_text.read(found.source.decode()), wanted) and same(found.tree, wanted)


def with_other_scalars(value: Any, scalars: list[Any], random: Random) -> Any:
    """Return a value of the same form with other scalars in it."""
    if isinstance(value, dict):
        return {
            name: each if name == "id" else with_other_scalars(each, scalars, random) for name, each in value.items()
        }
    if isinstance(value, list):
        return [with_other_scalars(each, scalars, random) for each in value]
    return random.choice(scalars) if random.randrange(2) else value


def comments_of(text: str) -> list[str]:
    """Return the comments of a text: they are between its tokens, or behind the `|` or `>` of a block of text."""
    end = 0
    gaps = []
    for token in YAML(typ="safe", pure=True).scan(text):
        gaps.append(text[end : token.start_mark.index])
        if getattr(token, "style", None) in ("|", ">"):
            gaps.append(text[token.start_mark.index :].partition("\n")[0])
        end = max(end, token.end_mark.index)
    return re.findall(
        "# (?:above [0-9]+|section [0-9]+|line [0-9]+|end)$", "\n".join((*gaps, text[end:])), re.MULTILINE
    )


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(KEYS, nodes(SCALARS), min_size=1, max_size=4), st.lists(SCALARS, min_size=2, max_size=5), RANDOM)
def test_changed_scalars_leave_all_comments(tree: Any, scalars: list[Any], random: Random) -> None:
    text = commented(tree, random)
    present = read(text)
    assume(same(present, tree) and '"\n' not in text)
    new = edit_yaml(text, with_other_scalars(present, scalars, random)).source.decode()
    assert Counter(comments_of(new)) == Counter(comments_of(text))


def test_text_with_anchors_keeps_them_as_long_as_values_agree() -> None:
    text = "a: &x {m: 1} # x\nb: *x # b\nc:\n  - *x\n  - &y\n    k: 1 # k\nd: *y\n"
    assert edited(text, lambda tree: tree.update(e=1)) == text + "e: 1\n"
    new = edited(text, lambda tree: tree.update(a={"m": 2}))
    assert new == "a: &x {m: 2} # x\nb: # b\n  m: 1\nc:\n  - m: 1\n  - &y\n    k: 1 # k\nd: *y\n"
    new = edited(text, lambda tree: tree.update(c=[{"m": 1}, {"k": 2}], d={"k": 2}))
    assert new == text.replace("k: 1", "k: 2")
    new = edited(text, lambda tree: tree.update(d=5, b=6))
    assert new == text.replace("*y", "5").replace("b: *x", "b: 6")
    new = edited(text, lambda tree: tree.pop("a"))
    assert "*x" not in new and "# k" in new


@pytest.mark.parametrize(
    "text",
    [
        "? a\n: 1\n? b\n: 2 # two\n",
        "%YAML 1.2\n---\na: 1 # one\nb: [x: 1, y]\n...\n",
        "{a: 1, # one\n b: {c, d: [1, 2,]},}\n",
        '{"a": 1, "b": "x"}',
        "a: !!str 1\nb: !inline x.py # code\n",
        "a: >-\n  x\n  y\nb: |+\n  z\n\n",
        "b:\n- - 1\n  - 2\n-\n  # item\n  k: 1\na: 'x\n  y'\n",
        "\ufeffa: 1\r\nb: 2\r\n",
    ],
)
def test_all_notations_are_edited(text: str) -> None:
    tree = yaml_text.read(text.removeprefix("\ufeff"))
    values: list[Any] = [5, "x\ny\n", [1, [2, {"k": "v"}]], {"k": []}, None]
    for value in values:
        for change in ({"a": value}, {"b": value}, {"z": value}, {"a": value, "b": value}):
            assert same(edit_yaml(text, {**tree, **change}).tree, {**tree, **change})
        assert edit_yaml(text, {"b": value}).tree == {"b": value}
        assert edit_yaml(text, {"z": value}).tree == {"z": value}


def test_comments_do_not_become_part_of_a_new_text() -> None:
    lines = {"a": 1, "new": "x\ny\n", "b": 2}
    assert edit_yaml("a: 1\n\n    # deep\n\nb: 2\n", lines).source.decode() == (
        "a: 1\nnew: |\n  x\n  y\n\n# deep\n\nb: 2\n"
    )
    assert edit_yaml("a: 1\n  # deep\nb: 2\n", {"a": "x\ny\n", "b": 2}).source.decode() == (
        "a: |\n  x\n  y\n# deep\nb: 2\n"
    )
    assert edit_yaml("a:\n  b: 1\n\n      # deep\n", {"a": {"b": "x\ny\n"}}).source.decode() == (
        "a:\n  b: |\n    x\n    y\n\n# deep\n"
    )


def nested(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = {"a": [found]}
    return found


def test_large_values_are_refused_before_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    monkeypatch.setattr("orvanta_platform.workflow.yaml_edit._Edit.document", lambda *given: written.append(given))
    for wanted in ({"a": [0] * MAX_YAML_EVENTS}, {"a": "x" * (MAX_YAML_CHARS + 1)}, {"a" * (MAX_YAML_CHARS + 1): 1}):
        with pytest.raises(InvalidWorkflow, match="the YAML has more than"):
            edit_yaml("a: 1\n", wanted, limit=True)
    names = "abcdef"
    repeated = (f"{name}: &{name} [{', '.join([f'*{names[n]}'] * 10)}]\n" for n, name in enumerate(names[1:]))
    with pytest.raises(InvalidWorkflow, match="aliases"):
        edit_yaml("a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(repeated), {"a": 1}, limit=True)
    assert written == []


def test_deep_values_are_written() -> None:
    """A document has up to 200 levels."""
    for levels in (10, 98):
        text, wanted = write_yaml(nested(10)), {**nested(levels), "b": nested(levels)}
        assert same(edit_yaml(text, wanted, limit=True).tree, wanted)
        assert same(edit_yaml(edit_yaml(text, wanted).source.decode(), nested(97)).tree, nested(97))


def count_calls(size: int) -> int:
    """Return the number of calls that changes of all nodes take: each has a new value and another place."""
    nodes = [{"id": f"n{n}", "value": {"type": "identity"}} for n in range(size)]
    text = write_yaml({"modules": nodes}).replace("type: identity", "type: identity # pass")
    wanted = {"modules": [{**each, "summary": f"x: {n}"} for n, each in enumerate(reversed(nodes))]}
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += "yaml_edit" in frame.f_code.co_filename or "yaml_parts" in frame.f_code.co_filename

    sys.setprofile(count)
    try:
        new = edit_yaml(text, wanted, limit=True).source.decode()
    finally:
        sys.setprofile(None)
    assert new.count("# pass") == size
    return calls


def test_many_changes_are_linear() -> None:
    assert count_calls(200) < 2.5 * count_calls(100)
