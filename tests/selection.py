"""Selection of cases: `make test` runs the quick ones, `make test-all` those marked `extended` too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def extended_after_first(values: Sequence[Any]) -> list[Any]:
    """Return parameters of which all but the first are marked `extended`."""
    return [
        value if place == 0 else pytest.param(value, marks=pytest.mark.extended) for place, value in enumerate(values)
    ]
