"""Edits of YAML text: comments of entries that are left as they are, in all notations of keys and collections."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orvanta_platform.workflow import yaml_text
from orvanta_platform.workflow.yaml_edit import edit_yaml, same

COMMENT = re.compile(r"# (above|line|other) (\w+)")


class Writer:
    """Random values, and texts in which the comments of an entry contain its name.

    The name of an entry is its key, that of a list item its value or id. Each occurs once in a text.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self._count = 0

    def name(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}{self._count}"

    def tree(self, levels: int = 2) -> dict[str, Any]:
        return {self.name("k"): self.value(levels) for _ in range(self.random.randint(1, 4))}

    def value(self, levels: int) -> Any:
        kind = self.random.choice(["text", "null", "map", "list", "nodes"]) if levels else "text"
        size = range(self.random.randint(1, 3))
        match kind:
            case "null":
                return None
            case "map":
                return self.tree(levels - 1)
            case "list":
                return [self.name("v") for _ in size]
            case "nodes":
                return [{"id": self.name("i"), **self.tree(levels - 1)} for _ in size]
            case _:
                return self.name("v")

    def one_of(self, *values: str) -> str:
        return self.random.choice(values)

    def block(self, value: Any, column: int = 0, *, is_inline: bool = False) -> str:
        """Return the lines of a collection in block style; `is_inline`: the first one behind a dash."""
        text, indent = "", " " * column
        for name, key, each in named(value):
            if text or (column and not is_inline):  # a comment above the first line is that of the text
                kind = "other" if key is None and isinstance(each, dict) else "above"
                text += self.one_of("", "\n", f"{indent}# {kind} {name}\n")
            start = indent if text or not is_inline else ""
            line = self.one_of("", f" # line {name}")
            if key is None:
                text += f"{start}-{self.value_text(each, column, line, name)}"
                continue
            if key != "id" and self.random.randrange(3) == 0:
                between = self.one_of("", f"{indent}# other {name}\n")
                text += f"{start}? {key}{line}\n"
                if each is None and self.random.randrange(2):
                    continue
                start, line = f"{between}{indent}", self.one_of("", f" # other {name}")
                text += f"{start}:{self.value_text(each, column, line, name)}"
            else:
                text += f"{start}{key}:{self.value_text(each, column, line, name)}"
        return text

    def value_text(self, value: Any, column: int, line: str, name: str) -> str:
        if value is None:
            return f"{line}\n"
        if not isinstance(value, dict | list):
            between = self.one_of("", f"{' ' * (column + 2)}# other {name}\n")
            if name == value or self.random.randrange(3):
                return f" {value}{line}\n"
            return f"{line}\n{between}{' ' * (column + 2)}{value}\n"
        if self.random.randrange(3) == 0:
            return f" {self.flow(value, column + 2)}{self.one_of('', f' # other {name}')}\n"
        if isinstance(value, dict) and "id" in value:
            return " " + self.block(value, column + 2, is_inline=True)
        return f"{line}\n{self.block(value, column + 2)}"

    def flow(self, value: Any, column: int) -> str:
        """Return a collection in flow style: on one line, or with a line for each entry."""
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        is_short = self.random.randrange(3) == 0
        leads = not is_short and self.random.randrange(3) == 0
        indent = " " * column
        parts = []
        for number, (name, key, each) in enumerate(named(value)):
            is_last = number == len(value) - 1
            is_long = isinstance(each, dict | list)
            above = f"{indent}# {'other' if is_long and key is None else 'above'} {name}\n"
            line = f" # {'other' if is_long else 'line'} {name}"
            above, line = ("", "") if is_short else (self.one_of("", above), self.one_of("", line))
            text = self.flow_value(each, column)
            if key is not None:
                before = self.one_of(f"{key}: ", f"? {key} : ", f'"{key}":')
                text = before + text if each is not None else self.one_of(key, f"{key}: ", f"? {key}")
            comma = "" if is_last else ","
            if is_short:
                parts.append(f"{text}{comma} ")
            elif leads:
                parts.append(f"{above}{indent}{', ' if number else ''}{text}{line}\n")
            else:
                parts.append(f"{above}{indent}{text}{comma or self.one_of('', ',')}{line}\n")
        if is_short:
            return opening + "".join(parts).removesuffix(" ") + self.one_of("", " ") + closing
        return f"{opening}\n{''.join(parts)}{indent}{closing}"

    def flow_value(self, value: Any, column: int) -> str:
        if isinstance(value, dict | list):
            return self.flow(value, column + 2)
        return "null" if value is None else str(value)


def named(value: Any) -> Iterator[tuple[str, str | None, Any]]:
    """Yield name, key (None: list item) and value of each entry."""
    if isinstance(value, dict):
        yield from ((each if key == "id" else key, key, each) for key, each in value.items())
    else:
        yield from ((each["id"] if isinstance(each, dict) else each, None, each) for each in value)


def entries(value: Any) -> Iterator[tuple[Any, Any, str]]:
    """Yield the collection, the key or index, and the name of each entry, except for ids."""
    if not isinstance(value, dict | list):
        return
    for index, (name, key, each) in enumerate(named(value)):
        if key != "id":
            yield value, index if key is None else key, name
        yield from entries(each)


def names_in(value: Any) -> set[str]:
    if not isinstance(value, dict | list):
        return set()
    return {name for name, _, each in named(value)}.union(*(names_in(each) for _, _, each in named(value)))


def comments_in(text: str) -> Counter[tuple[str, str]]:
    return Counter(COMMENT.findall(text))


def misplaced(text: str) -> list[str]:
    """Return the comments that are not on the line of their entry, or not directly above it."""
    lines = text.split("\n")
    found = []
    for number, line in enumerate(lines):
        for kind, name in COMMENT.findall(line):
            below = (each for each in lines[number + 1 :] if each.strip() and not each.strip().startswith("#"))
            content = line.partition("#")[0] if kind == "line" else next(below, "")
            if kind != "other" and name not in re.findall(r"\w+", content):
                found.append(f"{kind} {name}")
    return found


RANDOM = st.integers(0, 2**32).map(Random)


@settings(max_examples=150, deadline=None)
@given(RANDOM)
def test_edits_leave_the_comments_of_other_entries(random: Random) -> None:
    writer = Writer(random)
    tree = writer.tree()
    text = writer.block(tree) if random.randrange(4) else writer.flow(tree, 2) + "\n"
    assert same(yaml_text.read(text), tree), text
    assert not misplaced(text), text
    wanted = copy.deepcopy(tree)
    parent, key, name = random.choice(list(entries(wanted)))
    gone: set[str] = set()
    match random.choice(["remove", "remove", "change", "add"]):
        case "remove":
            gone = {name} | names_in(parent.pop(key))
        case "change" if isinstance(parent, dict) and not isinstance(parent[key], dict | list):
            parent[key] = random.choice(["new", 5, None])
        case _ if isinstance(parent, dict):
            parent["new"] = random.choice(["new", 5, None])
        case _:
            parent.insert(random.randint(0, len(parent)), {"id": "new"} if isinstance(parent[0], dict) else "new")
    assume(wanted)
    new = edit_yaml(text, wanted).source.decode()
    lost = {each for each in comments_in(text) - comments_in(new) if each[1] not in gone}
    assert not lost, (lost, text, new)
    assert not comments_in(new) - comments_in(text), (text, new)
    assert not misplaced(new), (misplaced(new), text, new)
    assert new.endswith("\n")


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("? b\n# between\n: 2 # d\n", {"b": 2.5}, "? b\n# between\n: 2.5 # d\n"),
        ("? a # q\n: - 1 # c\n  - 2 # d\n", {"a": [1, 3]}, "? a # q\n: - 1 # c\n  - 3 # d\n"),
        ("? a\n: 1\n? c # none\n", {"a": 2}, "? a\n: 2\n? c # none\n"),
        ("? c # none\n# of d\nd: 1\n", {"c": 5}, "? c # none\n: 5\n# of d\nd: 1\n"),
        ("f: {x1, # k\n  y: [a, b]}\n", {"f": {"x1": None, "y": ["a"]}}, "f: {x1, # k\n  y: [a]}\n"),
        ("f: {x1, # k\n  y: 1}\n", {"f": {"x1": 3, "y": 1}}, "f: {x1: 3, # k\n  y: 1}\n"),
        ("a: {\n  b: 1, # b\n  c: 2 # c\n}\n", {"a": {"b": 1}}, "a: {\n  b: 1 # b\n}\n"),
        ("a: {b: 1, # b\n  c: 2}\n", {"a": {"b": 1}}, "a: {b: 1 # b\n    }\n"),
        ("a: {b: 1,\n  # of c\n  c: 2}\n", {"a": {"c": 2}}, "a: {\n  # of c\n  c: 2}\n"),
        ("a: {\n  b: 1 # b\n  # end\n}\n", {"a": {"b": 1, "c": 2}}, "a: {\n  b: 1, # b\n  c: 2\n  # end\n}\n"),
        ("a: [b: 1 # b\n , c]\n", {"a": [{"b": 2}, "c"]}, "a: [b: 2 # b\n , c]\n"),
        ("a: [{b: }]\n", {"a": [{"b": None, "c": 1}]}, "a: [{b: , c: 1 }]\n"),
        ("a: # a\n  # text\n  x # x\n", {"a": "z"}, "a: # a\n  # text\n  z # x\n"),
        ("a: [{id: x}, # x\n  {id: y}]\n", {"a": [{"id": "y"}, {"id": "x"}]}, "a: [{id: y}, {id: x} # x\n    ]\n"),
    ],
)
def test_comments_of_special_notations_remain(text: str, changes: dict[str, Any], expected: str) -> None:
    assert edit_yaml(text, {**yaml_text.read(text), **changes}).source.decode() == expected


def test_line_breaks_and_byte_order_mark_remain() -> None:
    text = "\ufeffa: 1 # x\r\nb: |\n  x\n  y\r\nc: 1\r\nd: 2\n"
    tree = yaml_text.read(text.removeprefix("\ufeff"))
    assert edit_yaml(text, tree).source.decode() == text
    assert edit_yaml(text, {**tree, "c": 2}).source.decode() == text.replace("c: 1", "c: 2")
    assert edit_yaml(text, {**tree, "d": 3, "e": 4}).source.decode() == text.replace("d: 2\n", "d: 3\r\ne: 4\r\n")
    assert edit_yaml("a: 1\nb: 2\r\n", {"a": 3, "b": 2}).source.decode() == "a: 3\nb: 2\r\n"
