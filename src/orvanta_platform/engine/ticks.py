"""When a schedule ticks, and what is to be done about a tick: to start it, or to let missed ones go.

A cron expression has six fields: second, minute, hour, day of month, month, day of week (0 and 7: Sunday). The day
must match both of its fields where one of them begins with a star, else either (cron's rule). Where the hours of
zones change: an expression whose minute and hour begin with no star ticks once for each local time it names, in the
autumn in the first of the two hours, in the spring, where the time does not exist, at the first that does. Any other
ticks by the time that passes, in both hours of the autumn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import Literal

from cronsim import CronSim, CronSimError

from orvanta_platform.errors import BadRequest, LimitExceeded

MissedRule = Literal["skip", "once", "all"]
"""What becomes of ticks that no leader was there for: none of them, the last one, or the last LATE_STARTS run."""

GRACE = timedelta(seconds=60)
"""A tick that is at most so late was not missed: it is started, late."""

LATE_STARTS = 100
"""How many missed ticks the rule `all` starts."""

COUNTED = 1000
"""Up to how many missed ticks are counted."""

LONGEST = 500
"""Characters of a cron expression. The time to parse one grows with its length."""

_FIELDS = 6
_SHORTEST = timedelta(microseconds=1)


class Cron:
    """A cron expression in a time zone. Raises BadRequest for an expression that cannot be read or never ticks."""

    def __init__(self, text: str, zone: tzinfo) -> None:
        if len(text) > LONGEST:
            raise LimitExceeded(
                f"A schedule has at most {LONGEST} characters; this one has {len(text):,}.",
                hint="Write ranges and steps (0-29, */5) instead of single values, or make several schedules.",
                details={"limit": LONGEST},
            )
        fields = text.split()
        if len(fields) != _FIELDS:
            raise BadRequest(
                f"A schedule has six fields; this one has {len(fields)}.",
                hint="Write second, minute, hour, day of month, month, day of week: 0 30 6 * * MON-FRI.",
            )
        for day in (3, 5):
            fields[day] = "*" if fields[day] == "?" else fields[day]
        self._text = " ".join(fields)
        self._zone = zone
        self._by_wall = not (fields[1].startswith("*") or fields[2].startswith("*"))
        try:
            CronSim(self._text, datetime(2000, 1, 1))
        except CronSimError as error:
            raise BadRequest(
                f"The schedule {text[:200]!r} cannot be read: {str(error).lower()}.",
                hint="Write second, minute, hour, day of month, month, day of week: 0 30 6 * * MON-FRI.",
            ) from error

    def after(self, at: datetime) -> datetime | None:
        """The first tick after `at` (aware), in UTC; None where none comes within 50 years."""
        return next(self._ticks(at), None)

    def between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """The ticks from `first` to `last`, both included."""
        return takewhile(lambda tick: tick <= last, self._ticks(first - _SHORTEST))

    def _ticks(self, at: datetime) -> Iterator[datetime]:
        """All ticks after `at`, each once."""
        local = at.astimezone(self._zone)
        for tick in CronSim(self._text, local.replace(tzinfo=None) if self._by_wall else local):
            moment = (self._moment(tick) if self._by_wall else tick).astimezone(UTC)
            if moment > at:
                yield moment
                at = moment

    def _moment(self, wall: datetime) -> datetime:
        """When the clocks of the zone show `wall` for the first time, or skip it."""
        moment = wall.replace(tzinfo=self._zone)
        while moment != moment.astimezone(UTC).astimezone(self._zone):
            wall = wall.replace(second=0) + timedelta(minutes=1)
            moment = wall.replace(tzinfo=self._zone)
        return moment


@dataclass(frozen=True, slots=True)
class Move:
    """What to do about the tick that is due: start it, or let it and what follows go: `missed` of them.

    Not more than COUNTED are counted: then there may be more. `next_at`: the tick to look at next; None: there is none.
    """

    start: bool
    next_at: datetime | None
    missed: int = 0


def move(cron: Cron, tick: datetime, now: datetime, rule: MissedRule) -> Move:
    """What becomes of `tick`, which was due at or before `now`, by the rule for missed ticks.

    Each is decided on its own, so that it can be written on its own: of the ticks that the rules `once` and `all` start
    late, the others follow when this one is written.
    """
    horizon = now - GRACE
    if tick >= horizon:
        return Move(start=True, next_at=cron.after(tick))
    keep = {"skip": 0, "once": 1, "all": LATE_STARTS}[rule]
    kept = _latest(cron, tick, horizon, keep)
    fresh = cron.after(horizon - _SHORTEST)
    if rule == "once" and fresh is not None and fresh <= now:
        kept = []
    resume = kept[0] if kept else fresh
    if resume == tick:
        return Move(start=True, next_at=cron.after(tick))
    return Move(start=False, next_at=resume, missed=_count(cron, tick, resume or horizon))


def _latest(cron: Cron, first: datetime, horizon: datetime, many: int) -> list[datetime]:
    """The last `many` ticks from `first` up to `horizon`, which is left out; found from the end, in growing windows."""
    width = timedelta(seconds=1)
    while many:
        start = max(first, horizon - width)
        found = list(cron.between(start, horizon - _SHORTEST))
        if len(found) >= many or start == first:
            return found[-many:]
        width *= 2
    return []


def _count(cron: Cron, first: datetime, end: datetime) -> int:
    """The ticks from `first` to `end`, which is left out; at most COUNTED."""
    count = 0
    for _ in cron.between(first, end - _SHORTEST):
        count += 1
        if count == COUNTED:
            break
    return count
