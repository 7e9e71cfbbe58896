"""Values of database drivers as JSON."""

from __future__ import annotations

import json
from decimal import Decimal

from orvanta_platform.worker.runtimes.rows import plain


def test_numbers_that_are_not_finite_are_texts() -> None:
    values = [Decimal("Infinity"), Decimal("-Infinity"), Decimal("NaN"), Decimal("sNaN"), float("inf")]
    assert json.dumps(plain(values), allow_nan=False) == '["Infinity", "-Infinity", "NaN", "sNaN", "inf"]'
