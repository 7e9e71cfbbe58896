"""Items of loops, and `flow_input` inside an iteration."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from itertools import accumulate
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.db.values import ValueKey
from orvanta_platform.evaluate.raw import items, members, strip

MAX_BYTES: Final = 64 << 20
"""Maximum size of all cached arrays; the most recent one is cached regardless of its size."""


def items_key(opening: UUID) -> ValueKey:
    """Return the key of the array of a loop."""
    return (opening, "args", "items")


class _SplitArray:
    """An array as the concatenated texts of its items, with the offset at which each ends."""

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
    """Cache of loop arrays, split into the texts of their items. Arrays are immutable, so entries are never stale."""

    def __init__(self) -> None:
        self._arrays: OrderedDict[UUID, _SplitArray] = OrderedDict()
        self._bytes = 0

    def at(self, opening: UUID, place: int) -> bytes | None:
        """Return one item if the array is cached."""
        found = self._arrays.get(opening)
        if found is None:
            return None
        self._arrays.move_to_end(opening)
        return found.item(place)

    def cut(self, opening: UUID, raw: bytes, place: int) -> bytes:
        """Cache an array (JSON text) and return one of its items."""
        known = self.at(opening, place)
        if known is not None:
            return known
        made = self._arrays[opening] = _SplitArray(raw)
        self._bytes += made.size
        while self._bytes > MAX_BYTES and len(self._arrays) > 1:
            _, dropped = self._arrays.popitem(last=False)
            self._bytes -= dropped.size
        return made.item(place)


ITEMS = Items()
"""The cache of this process."""


def iteration(value: bytes, index: int) -> bytes:
    """Return `flow_input.iter` as JSON text."""
    return b'{"value":%s,"index":%d}' % (value, index)


def with_iter(args: bytes, iteration: bytes) -> bytes:
    """Return the inputs of a run (JSON object text) with `iter` added, which replaces an input of that name."""
    own = strip(args)
    if b'"iter"' in own:
        others = [(name, raw) for name, raw in members(own).items() if name != "iter"]
        own = b"{%s}" % b",".join(msgspec.json.encode(name) + b":" + bytes(raw) for name, raw in others)
    inside = own[1:-1].strip()
    return b'{%s"iter":%s}' % (inside + b"," if inside else b"", iteration)
