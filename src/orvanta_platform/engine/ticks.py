"""Ticks of a schedule, and the decision about a due tick: start it, or skip missed ones.

A cron expression has five fields: minute, hour, day of month, month, day of week (0 and 7: Sunday). A sixth field in
front of them is the second; without it, the second is 0. The day must match both of its fields if one of them begins
with a star, otherwise either one (cron's rule).

At daylight saving changes, an expression whose minute and hour do not begin with a star ticks once for each local time
it names: in autumn in the first of the two hours; in spring, if the time does not exist, at the next existing minute.
All other expressions tick by elapsed time, in both hours of autumn.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import Literal

import msgspec
from cronsim import CronSim, CronSimError

from orvanta_platform.errors import BadRequest, LimitExceeded

MissedRule = Literal["skip", "once", "all"]
"""Handling of missed ticks: start none of them, only the last one, or the last LATE_STARTS."""

GRACE = timedelta(seconds=60)
"""Maximum delay after which a tick still counts as due rather than missed."""

LATE_STARTS = 100
"""Maximum number of missed ticks that the rule `all` starts."""

MAX_COUNTED = 1000
"""Maximum number of missed ticks that are counted."""

MAX_CRON_CHARS = 500
"""Maximum length of a cron expression in characters; parsing time grows with the length."""

_FIELDS_WITH_SECOND = 6
_HINT = "Write minute, hour, day of month, month, day of week, with the second in front if needed: 30 6 * * MON-FRI."
_RESOLUTION = timedelta(microseconds=1)


class Cron:
    """Cron expression in a time zone. Raises BadRequest if the expression is invalid or never ticks."""

    def __init__(self, text: str, zone: tzinfo) -> None:
        if len(text) > MAX_CRON_CHARS:
            raise LimitExceeded(
                f"A schedule has at most {MAX_CRON_CHARS} characters; this one has {len(text):,}.",
                hint="Write ranges and steps (0-29, */5) instead of single values, or make several schedules.",
                details={"limit": MAX_CRON_CHARS},
            )
        fields = text.split()
        if len(fields) == _FIELDS_WITH_SECOND - 1:
            fields.insert(0, "0")
        if len(fields) != _FIELDS_WITH_SECOND:
            raise BadRequest(f"A schedule has five or six fields; this one has {len(fields)}.", hint=_HINT)
        for day in (3, 5):
            fields[day] = "*" if fields[day] == "?" else fields[day]
        self._text = " ".join(fields)
        self._zone = zone
        self._by_wall = not (fields[1].startswith("*") or fields[2].startswith("*"))
        try:
            CronSim(self._text, datetime(2000, 1, 1))
        except CronSimError as error:
            raise BadRequest(
                f"The schedule {text[:200]!r} cannot be read: {str(error).lower()}.", hint=_HINT
            ) from error

    def after(self, at: datetime) -> datetime | None:
        """Return the first tick after `at` (aware), in UTC; None if there is none within 50 years."""
        return next(self._ticks(at), None)

    def first_from(self, at: datetime) -> datetime | None:
        """Return the first tick at or after `at` (aware), in UTC; None if there is none within 50 years."""
        return self.after(at - _RESOLUTION)

    def between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Return the ticks from `first` to `last`, both included."""
        return takewhile(lambda tick: tick <= last, self._ticks(first - _RESOLUTION))

    def _ticks(self, at: datetime) -> Iterator[datetime]:
        """Yield all ticks after `at`, each once."""
        local = at.astimezone(self._zone)
        for tick in CronSim(self._text, local.replace(tzinfo=None) if self._by_wall else local):
            moment = (self._moment(tick) if self._by_wall else tick).astimezone(UTC)
            if moment > at:
                yield moment
                at = moment

    def _moment(self, wall: datetime) -> datetime:
        """Return the first time at which clocks in the zone show `wall`, or skip over it."""
        moment = wall.replace(tzinfo=self._zone)
        while moment != moment.astimezone(UTC).astimezone(self._zone):
            wall = wall.replace(second=0) + timedelta(minutes=1)
            moment = wall.replace(tzinfo=self._zone)
        return moment


class TickDecision(msgspec.Struct, frozen=True):
    """Decision about the due tick."""

    start: bool
    """True: start it. False: skip `missed` ticks, including this one."""
    next_at: datetime | None
    """Next tick to evaluate; None if there is none."""
    missed: int = 0
    """Number of skipped ticks; MAX_COUNTED stands for that many or more."""


def decide_tick(cron: Cron, tick: datetime, now: datetime, rule: MissedRule) -> TickDecision:
    """Decide about `tick`, which was due at or before `now`, by the rule for missed ticks.

    Each decision covers one write: further late ticks that the rules `once` and `all` start follow after this one is
    written.
    """
    horizon = now - GRACE
    if tick >= horizon:
        return TickDecision(start=True, next_at=cron.after(tick))
    late_starts = {"skip": 0, "once": 1, "all": LATE_STARTS}[rule]
    late = _latest(cron, tick, horizon, late_starts)
    next_on_time = cron.after(horizon - _RESOLUTION)
    if rule == "once" and next_on_time is not None and next_on_time <= now:
        late = []
    resume = late[0] if late else next_on_time
    if resume == tick:
        return TickDecision(start=True, next_at=cron.after(tick))
    return TickDecision(start=False, next_at=resume, missed=_count(cron, tick, resume or horizon))


def _latest(cron: Cron, first: datetime, horizon: datetime, number: int) -> list[datetime]:
    """Return the last `number` ticks from `first` to before `horizon`, searching backwards in growing windows."""
    width = timedelta(seconds=1)
    while number:
        start = max(first, horizon - width)
        found = list(cron.between(start, horizon - _RESOLUTION))
        if len(found) >= number or start == first:
            return found[-number:]
        width *= 2
    return []


def _count(cron: Cron, first: datetime, end: datetime) -> int:
    """Count the ticks from `first` to before `end`, at most MAX_COUNTED."""
    count = 0
    for _ in cron.between(first, end - _RESOLUTION):
        count += 1
        if count == MAX_COUNTED:
            break
    return count
