"""Routes of HTTP triggers, such as `orders/:id/items` and `files/*rest`, and the matching of requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Final

import msgspec

from orvanta_platform.errors import BadRequest

MAX_LENGTH: Final = 500
_FIXED: Final = re.compile(r"[A-Za-z0-9_.~@$+-]+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class RoutePath(msgspec.Struct, frozen=True):
    """Route split into parts: fixed ones, `:name` for one part, `*name` (only at the end) for all remaining parts, at
    least one.
    """

    parts: tuple[str, ...]

    @property
    def key(self) -> str:
        """The route without the names of its parameters; equal for routes that differ only in those."""
        return "/".join(part[0] if part[0] in ":*" else part for part in self.parts)

    @property
    def first(self) -> str:
        """The first part, or an empty text if that is a parameter."""
        return "" if self.parts[0][0] in ":*" else self.parts[0]

    @property
    def rank(self) -> tuple[int, ...]:
        """Sort key of routes that match the same request: the one with the most fixed parts, read from the left, is the
        lowest.
        """
        return tuple({":": 1, "*": 2}.get(part[0], 0) for part in self.parts)

    def overlaps(self, other: RoutePath) -> bool:
        """Return whether both routes can match the same request."""
        for mine, its in zip_longest(self.parts, other.parts):
            if mine is None or its is None:
                return False
            if mine[0] == "*" or its[0] == "*":
                return True
            if mine[0] != ":" and its[0] != ":" and mine != its:
                return False
        return True

    def match(self, parts: tuple[str, ...]) -> Mapping[str, str] | None:
        """Return the parameters of a request with these parts, or None if it does not match."""
        found: dict[str, str] = {}
        for index, part in enumerate(self.parts):
            if part[0] == "*":
                rest = "/".join(parts[index:])
                return {**found, part[1:]: rest} if rest else None
            if index >= len(parts):
                return None
            if part[0] == ":":
                found[part[1:]] = parts[index]
            elif part != parts[index]:
                return None
        return found if len(parts) == len(self.parts) else None


def parse(text: str) -> RoutePath:
    """Parse a route; a leading slash is removed. Raises BadRequest."""
    parts = tuple(text.removeprefix("/").split("/"))
    names = [part[1:] for part in parts if part[:1] in (":", "*")]
    fixed = [part for part in parts if part[:1] not in (":", "*")]
    is_valid = (
        len(text) <= MAX_LENGTH
        and all(_FIXED.fullmatch(part) and part.strip(".") for part in fixed)
        and all(_NAME.fullmatch(name) for name in names)
        and len(set(names)) == len(names)
        and not any(part[:1] == "*" for part in parts[:-1])
    )
    if not is_valid:
        raise BadRequest(
            f"{text[:200]!r} is not a valid route.",
            hint="Write parts of letters, digits and _ - . ~, :name for one part, *name at the end: orders/:id.",
        )
    return RoutePath(parts)
