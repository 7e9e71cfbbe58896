"""Schemas of histograms of runs."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.run_views import histograms


class Bucket(msgspec.Struct, kw_only=True):
    """The runs created in one interval, by state."""

    at: datetime
    counts: dict[str, int]


class Histogram(msgspec.Struct, kw_only=True):
    """The number of runs by interval and state."""

    since: datetime
    until: datetime
    width_s: float
    buckets: list[Bucket]
    """Intervals with at least one run."""

    counted_from: datetime | UnsetType = UNSET
    """Time from which runs were counted, if there were too many to count all."""


def histogram(found: histograms.Histogram) -> Histogram:
    """Convert a histogram. Buckets are in order of time."""
    buckets: dict[int, dict[str, int]] = {}
    for each in found.counted:
        buckets.setdefault(each.bucket, {})[each.state] = each.runs
    return Histogram(
        since=found.since,
        until=found.until,
        width_s=found.width.total_seconds(),
        buckets=[Bucket(at=found.since + place * found.width, counts=counts) for place, counts in buckets.items()],
        counted_from=UNSET if found.counted_from is None else found.counted_from,
    )
