"""The measurement of sizes: it runs, and its figures are plausible. Speed is not checked."""

from __future__ import annotations

import pytest

from bench.sizing import measure, table

pytestmark = pytest.mark.soak(minutes=2)


def test_sizes_are_measured_for_each_number_of_slots() -> None:
    rows = measure([1, 2], 100, 2)
    assert [row.slots for row in rows] == [1, 2]
    for row in rows:
        assert row.small_per_s > 0 and 0 < row.long_per_s <= row.slots
        assert row.worker_mib > 0 and row.postgres_mib > 0
    # A table grows by pages, and reuses those that are free.
    assert sum(row.database_kib_per_1000 for row in rows) > 0
    assert table(rows).count("\n") == 3
