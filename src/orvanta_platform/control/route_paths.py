"""Routes of HTTP triggers: `orders/:id/items`, `files/*rest`; which of them a request is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from orvanta_platform.errors import BadRequest

LONGEST: Final = 500
_FIXED: Final = re.compile(r"[A-Za-z0-9_.~@$+-]+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class RoutePath:
    """A route in parts: fixed ones, `:name` for one part, `*name` (at the end alone) for all that follow, one at least.

    `key` is the same for routes that differ in names of parameters alone.
    """

    parts: tuple[str, ...]

    @property
    def key(self) -> str:
        """The route without the names of its parameters."""
        return "/".join(part[0] if part[0] in ":*" else part for part in self.parts)

    @property
    def first(self) -> str:
        """The first part, empty where that is a parameter."""
        return "" if self.parts[0][0] in ":*" else self.parts[0]

    @property
    def rank(self) -> tuple[int, ...]:
        """Sorts routes that match the same request: the most fixed one, read from the left, is the least."""
        return tuple({":": 1, "*": 2}.get(part[0], 0) for part in self.parts)

    def overlaps(self, other: RoutePath) -> bool:
        """Tests for requests that both routes match."""
        for mine, its in zip_longest(self.parts, other.parts):
            if mine is None or its is None:
                return False
            if mine[0] == "*" or its[0] == "*":
                return True
            if mine[0] != ":" and its[0] != ":" and mine != its:
                return False
        return True

    def match(self, parts: tuple[str, ...]) -> Mapping[str, str] | None:
        """The parameters of a request with these parts, None where it is another's."""
        found: dict[str, str] = {}
        for place, part in enumerate(self.parts):
            if part[0] == "*":
                rest = "/".join(parts[place:])
                return {**found, part[1:]: rest} if rest else None
            if place >= len(parts):
                return None
            if part[0] == ":":
                found[part[1:]] = parts[place]
            elif part != parts[place]:
                return None
        return found if len(parts) == len(self.parts) else None


def parse(text: str) -> RoutePath:
    """Read a route; a slash at the beginning is left out. Raises BadRequest."""
    parts = tuple(text.removeprefix("/").split("/"))
    names = [part[1:] for part in parts if part[:1] in (":", "*")]
    fixed = [part for part in parts if part[:1] not in (":", "*")]
    sound = (
        len(text) <= LONGEST
        and all(_FIXED.fullmatch(part) and part.strip(".") for part in fixed)
        and all(_NAME.fullmatch(name) for name in names)
        and len(set(names)) == len(names)
        and not any(part[:1] == "*" for part in parts[:-1])
    )
    if not sound:
        raise BadRequest(
            f"{text[:200]!r} is no route.",
            hint="Write parts of letters, digits and _ - . ~, :name for one part, *name at the end: orders/:id.",
        )
    return RoutePath(parts)
