"""The wire's shape of a histogram of runs."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.services.run_views import histograms


class Bucket(msgspec.Struct, kw_only=True):
    """A part of the time in which runs were made: how many, by state."""

    at: datetime
    counts: dict[str, int]


class Histogram(msgspec.Struct, kw_only=True):
    """Buckets without a run are left out. `counted_from`: how far back was counted, where there were too many runs."""

    since: datetime
    until: datetime
    width_s: float
    buckets: list[Bucket]
    counted_from: datetime | UnsetType = UNSET


def histogram(found: histograms.Histogram) -> Histogram:
    """The histogram, in order of time."""
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
