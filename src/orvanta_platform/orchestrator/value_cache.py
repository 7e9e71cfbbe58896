"""Cache of values that this process recently read or wrote; it contains most values that a run's next step reads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.steps import NewValue
from orvanta_platform.db.values import ValueKey

MAX_BYTES = 4 << 20
"""Maximum total memory."""

ENTRY_BYTES = 400
"""Overhead of an entry in addition to its text."""

MAX_VALUE_BYTES = 64 << 10
"""Largest value that is cached."""


class RecentValues:
    """Inputs and results by key. They are immutable once recorded; context values change and are not cached."""

    def __init__(self) -> None:
        self._values: OrderedDict[ValueKey, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, key: ValueKey) -> bytes | None:
        """Return the value's JSON text if it is cached."""
        raw = self._values.get(key)
        if raw is not None:
            self._values.move_to_end(key)
        return raw

    def put(self, key: ValueKey, raw: bytes) -> None:
        """Cache a value that is stored in the database."""
        if key[1] == "context" or len(raw) > MAX_VALUE_BYTES or key in self._values:
            return
        self._values[key] = raw
        self._bytes += len(raw) + ENTRY_BYTES
        while self._bytes > MAX_BYTES:
            _, dropped = self._values.popitem(last=False)
            self._bytes -= len(dropped) + ENTRY_BYTES

    def put_all(self, raws: Mapping[ValueKey, bytes]) -> None:
        """Cache values that were just recorded."""
        for key, raw in raws.items():
            self.put(key, raw)

    def put_inputs(self, jobs: Iterable[ClaimedJob]) -> None:
        """Cache the inputs that were returned with claimed jobs."""
        for job in jobs:
            if job.args is not None:
                self.put((job.run.id, "args", ""), job.args)

    def put_rows(self, rows: Iterable[NewValue]) -> None:
        """Cache rows that were just recorded, if they are neither compressed nor objects."""
        for row in rows:
            if row.body is not None and row.encoding == 0:
                self.put((row.id, row.kind, row.name), row.body)
