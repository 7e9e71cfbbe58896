"""Statements put together of the parts that have something to do.

A part of a statement (a common table expression) that has nothing to do costs its start all the same: half of the
time of a step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from orvanta_platform.db.queries import load

_PART = re.compile(r"^(?:WITH|\),) (?P<name>\w+) AS (?:MATERIALIZED )?\(\n", re.MULTILINE)
_PARAMETER = re.compile(r"\$(\d+)")
_ROWS = re.compile(r"unnest\((?P<columns>[^()]*)\)(?P<numbered> WITH ORDINALITY)?")


def parts(noun: str, name: str) -> tuple[Mapping[str, str], str]:
    """The parts of a named query by name, in order, each with its head; and what stands behind the last one."""
    text, end = load(noun)[name].text.rsplit("\n)\n", 1)
    heads = list(_PART.finditer(text))
    starts = [head.start() for head in heads]
    ends = [*starts[1:], len(text)]
    found = {head["name"]: text[start:end] for head, start, end in zip(heads, starts, ends, strict=True)}
    return found, f"\n)\n{end}"


def renumbered(text: str) -> tuple[str, tuple[int, ...]]:
    """The text with its parameters numbered from 1 in the order they come in, and the numbers they had."""
    numbers = tuple(dict.fromkeys(int(number) for number in _PARAMETER.findall(text)))
    places = {number: place for place, number in enumerate(numbers, 1)}
    return _PARAMETER.sub(lambda match: f"${places[int(match[1])]}", text), numbers


def moved(text: str, by: int) -> str:
    """The text with the numbers of its parameters raised."""
    return _PARAMETER.sub(lambda match: f"${int(match[1]) + by}", text)


def of_one_row(text: str) -> str:
    """The text with parameters of one row instead of arrays, whose items the driver looks at one by one."""
    return _ROWS.sub(_one_row, text)


def keyed(text: str, keys: Mapping[str, str]) -> str:
    """The text with what is compared with these columns compared with the parameters that they are of.

    Where only a join says which row is meant, the planner may read the whole table and look for it: when the table was
    thought to be empty, although it is full of rows that have gone and a snapshot keeps.
    """
    for column, parameter in keys.items():
        text = re.sub(rf"= {re.escape(column)}\b", f"= {parameter}", text)
    return text


def _one_row(match: re.Match[str]) -> str:
    columns = match["columns"].replace("[]", "")
    return f"(VALUES ({columns}{', 1::bigint' if match['numbered'] else ''}))"
