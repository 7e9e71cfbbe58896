"""Named queries. `sql/<noun>.sql` holds blocks that start with `-- name: <query>` and a description."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

_FOLDER = Path(__file__).with_name("sql")
_NAME = re.compile(r"^-- name: (?P<name>[a-z_]+)$", re.MULTILINE)


class Query(msgspec.Struct, frozen=True):
    """One statement: its name, description and text."""

    name: str
    description: str
    text: str


@cache
def load(noun: str) -> dict[str, Query]:
    """Return the queries of `sql/<noun>.sql` by name. Raises FileNotFoundError and ValueError (malformed block)."""
    text = (_FOLDER / f"{noun}.sql").read_text(encoding="utf-8")
    heads = list(_NAME.finditer(text))
    if not heads or text[: heads[0].start()].strip():
        raise ValueError(f"{noun}.sql must begin with a named query")
    found: dict[str, Query] = {}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        block = text[head.end() : following.start() if following else len(text)].strip()
        query = _parse(head["name"], block)
        if query.name in found:
            raise ValueError(f"{noun}.sql names {query.name} twice")
        found[query.name] = query
    return found


def query_texts(noun: str) -> Mapping[str, str]:
    """Return the texts of the queries of `sql/<noun>.sql` by name, for a module to bind once."""
    return {name: query.text for name, query in load(noun).items()}


def _parse(name: str, block: str) -> Query:
    lines = block.splitlines()
    comments = 0
    while comments < len(lines) and lines[comments].startswith("-- "):
        comments += 1
    if not comments:
        raise ValueError(f"query {name} has no description")
    description = " ".join(line.removeprefix("-- ") for line in lines[:comments])
    return Query(name, description, "\n".join(lines[comments:]).strip().rstrip(";"))
