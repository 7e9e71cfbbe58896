"""The values that this process read or wrote last: what a run's next step reads is most often among them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from orvanta_platform.db.steps import NewValue
from orvanta_platform.db.values import ValueKey

MAX_BYTES = 4 << 20
"""Memory that is taken at most, in all."""

ENTRY_BYTES = 400
"""What a value takes beside its text."""

LARGEST = 64 << 10
"""A larger value is not kept."""


class RecentValues:
    """Inputs and results by key. They never change once they are recorded; context does, and is never kept."""

    def __init__(self) -> None:
        self._values: OrderedDict[ValueKey, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, key: ValueKey) -> bytes | None:
        """The value's JSON text, where it is at hand."""
        raw = self._values.get(key)
        if raw is not None:
            self._values.move_to_end(key)
        return raw

    def put(self, key: ValueKey, raw: bytes) -> None:
        """Keep a value that the database holds."""
        if key[1] == "context" or len(raw) > LARGEST or key in self._values:
            return
        self._values[key] = raw
        self._bytes += len(raw) + ENTRY_BYTES
        while self._bytes > MAX_BYTES:
            _, dropped = self._values.popitem(last=False)
            self._bytes -= len(dropped) + ENTRY_BYTES

    def keep(self, raws: Mapping[ValueKey, bytes]) -> None:
        """Keep what was just recorded."""
        for key, raw in raws.items():
            self.put(key, raw)

    def written(self, rows: Iterable[NewValue]) -> None:
        """Keep what was just recorded, as far as it is plain text."""
        for row in rows:
            if row.body is not None and row.encoding == 0:
                self.put((row.id, row.kind, row.name), row.body)
