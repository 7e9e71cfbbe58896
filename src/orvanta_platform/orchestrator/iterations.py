"""The items of loops, and `flow_input` as it is seen in an iteration."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from itertools import accumulate
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.db.values import ValueKey
from orvanta_platform.evaluate.raw import items, members, strip

MOST_BYTES: Final = 64 << 20
"""So much of arrays is kept in all; the one that was read last is kept whatever its size."""


def items_key(opening: UUID) -> ValueKey:
    """Where the array of a loop is kept."""
    return (opening, "args", "items")


class _Cut:
    """An array: the texts of its items one after the other, and where each of them ends."""

    __slots__ = ("_ends", "_texts")

    def __init__(self, raw: bytes) -> None:
        found = items(raw)
        self._texts = b"".join(found)
        self._ends = array("Q", accumulate(map(len, found)))

    @property
    def size(self) -> int:
        return len(self._texts) + self._ends.itemsize * len(self._ends)

    def item(self, place: int) -> bytes:
        if place >= len(self._ends):
            return b"null"
        return self._texts[self._ends[place - 1] if place else 0 : self._ends[place]]


class Items:
    """Arrays of loops, cut into the texts of their items. They never change, so nothing here is ever stale."""

    def __init__(self) -> None:
        self._cut: OrderedDict[UUID, _Cut] = OrderedDict()
        self._bytes = 0

    def at(self, opening: UUID, place: int) -> bytes | None:
        """One item, where the array is at hand."""
        found = self._cut.get(opening)
        if found is None:
            return None
        self._cut.move_to_end(opening)
        return found.item(place)

    def cut(self, opening: UUID, raw: bytes, place: int) -> bytes:
        """One item of an array (JSON text) that was read."""
        known = self.at(opening, place)
        if known is not None:
            return known
        made = self._cut[opening] = _Cut(raw)
        self._bytes += made.size
        while self._bytes > MOST_BYTES and len(self._cut) > 1:
            _, dropped = self._cut.popitem(last=False)
            self._bytes -= dropped.size
        return made.item(place)


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
