"""The items of loops, and `flow_input` as it is seen in an iteration."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.db.values import ValueKey
from orvanta_platform.evaluate.raw import items, members, strip

_KEPT: Final = 32
_LARGEST_KEPT: Final = 4 << 20


def items_key(opening: UUID) -> ValueKey:
    """Where the array of a loop is kept."""
    return (opening, "args", "items")


class Items:
    """Arrays of loops, cut into the texts of their items. They never change, so nothing here is ever stale."""

    def __init__(self) -> None:
        self._cut: OrderedDict[UUID, Sequence[bytes | msgspec.Raw]] = OrderedDict()

    def at(self, opening: UUID, place: int) -> bytes | None:
        """One item, where the array is at hand."""
        found = self._cut.get(opening)
        if found is None:
            return None
        self._cut.move_to_end(opening)
        return bytes(found[place]) if place < len(found) else b"null"

    def cut(self, opening: UUID, raw: bytes, place: int) -> bytes:
        """One item of an array (JSON text) that was read."""
        known = self.at(opening, place)
        if known is not None:
            return known
        found = items(raw)
        if len(raw) <= _LARGEST_KEPT:
            self._cut[opening] = found
            if len(self._cut) > _KEPT:
                self._cut.popitem(last=False)
        return bytes(found[place]) if place < len(found) else b"null"


ITEMS = Items()
"""Of this process."""


def iteration(value: bytes, index: int) -> bytes:
    """`flow_input.iter` as JSON text."""
    return b'{"value":%s,"index":%d}' % (value, index)


def with_iter(args: bytes, iteration: bytes) -> bytes:
    """The inputs of a run (JSON object text) with `iter` beside them, in the place of an input of that name."""
    own = strip(args)
    if b'"iter"' in own:
        kept = [(name, raw) for name, raw in members(own).items() if name != "iter"]
        own = b"{%s}" % b",".join(msgspec.json.encode(name) + b":" + bytes(raw) for name, raw in kept)
    inside = own[1:-1].strip()
    return b'{%s"iter":%s}' % (inside + b"," if inside else b"", iteration)
