"""Ticks of schedules, compared with a second-by-second evaluation, across clock changes and downtime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from orvanta_platform.engine.ticks import GRACE, LATE_STARTS, MAX_COUNTED, Cron, MissedRule, TickDecision, decide_tick
from orvanta_platform.errors import BadRequest

PARIS = ZoneInfo("Europe/Paris")
SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)


def shown(text: str, zone: ZoneInfo, at: datetime, many: int) -> list[str]:
    """Return the next ticks as local times of the zone."""
    cron, ticks = Cron(text, zone), []
    for _ in range(many):
        found = cron.after(at)
        assert found is not None and found > at
        at = found
        ticks.append(at.astimezone(zone).strftime("%d %H:%M:%S%z"))
    return ticks


def test_daily_tick_runs_once_on_day_with_25_hours() -> None:
    assert shown("0 30 2 * * *", PARIS, AUTUMN, 3) == ["25 02:30:00+0200", "26 02:30:00+0100", "27 02:30:00+0100"]


def test_daily_tick_runs_once_in_either_repeated_hour() -> None:
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert second.astimezone(PARIS).strftime("%H:%M %z") == "02:10 +0100"
    assert shown("0 30 2 * * *", PARIS, second, 1) == ["26 02:30:00+0100"]


@pytest.mark.parametrize("text", ["30 2 * * *", "*/5 * * * *", "30 2 ? * 7", "0 12 1 */2 *"])
def test_five_fields_tick_at_second_zero(text: str) -> None:
    for start in (SPRING, AUTUMN):
        assert shown(text, PARIS, start, 20) == shown(f"0 {text}", PARIS, start, 20)


@pytest.mark.parametrize("text", ["", "* * * *", "0 0 0 * * * *", "61 * * * *", "* * * * 8"])
def test_expressions_with_other_fields_are_refused(text: str) -> None:
    with pytest.raises(BadRequest) as error:
        Cron(text, PARIS)
    assert error.value.hint is not None and "minute, hour" in error.value.hint


def test_tick_in_skipped_hour_runs_after_it() -> None:
    assert shown("0 30 2 * * *", PARIS, SPRING, 2) == ["29 03:00:00+0200", "30 02:30:00+0200"]
    assert shown("5 15,30,45 2,3 29 3 *", PARIS, SPRING, 4) == [
        "29 03:00:00+0200",
        "29 03:15:05+0200",
        "29 03:30:05+0200",
        "29 03:45:05+0200",
    ]


def test_hourly_tick_runs_in_every_elapsed_hour() -> None:
    in_autumn = shown("0 0 * * * *", PARIS, datetime(2026, 10, 24, 23, 30, tzinfo=UTC), 4)
    assert in_autumn == ["25 02:00:00+0200", "25 02:00:00+0100", "25 03:00:00+0100", "25 04:00:00+0100"]
    in_spring = shown("0 0 * * * *", PARIS, datetime(2026, 3, 28, 23, 30, tzinfo=UTC), 3)
    assert in_spring == ["29 01:00:00+0100", "29 03:00:00+0200", "29 04:00:00+0200"]
    assert shown("0 */30 2 * * *", PARIS, AUTUMN, 5)[:4] == [
        "25 02:00:00+0200",
        "25 02:30:00+0200",
        "25 02:00:00+0100",
        "25 02:30:00+0100",
    ]


@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu"]
)
@pytest.mark.parametrize("text", ["*/20 * * * * *", "0,30 15 * * * *", "7 */10 9-17 * * *", "0 0 * * * MON"])
def test_by_elapsed_time_each_matching_second_ticks(zone: str, text: str) -> None:
    """The reference evaluates each second around each clock change in 2026."""
    place = ZoneInfo(zone)
    for seconds in _seconds_around_changes(place):
        expected = [at for at, local in seconds if _fits(text, local)]
        first, last = seconds[0][0], seconds[-1][0]
        assert list(Cron(text, place).between(first, last)) == expected, (zone, text, first)


@cache
def _seconds_around_changes(zone: ZoneInfo) -> list[list[tuple[datetime, datetime]]]:
    """Return each second of the 6 hours around each change of the clock, in UTC and in local time."""
    seconds = [timedelta(seconds=n) for n in range(-3 * 3600, 3 * 3600 + 1)]
    return [[(change + n, (change + n).astimezone(zone)) for n in seconds] for change in _changes(zone)]


def _changes(zone: ZoneInfo) -> list[datetime]:
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(365 * 48)]
    found = [b for a, b in pairwise(hours) if a.astimezone(zone).utcoffset() != b.astimezone(zone).utcoffset()]
    return found or [hours[1000]]


def _fits(text: str, at: datetime) -> bool:
    second, minute, hour, _, _, weekday = text.split()
    return (
        at.second in _values(second)
        and at.minute in _values(minute)
        and at.hour in _values(hour)
        and (weekday == "*" or at.weekday() == 0)
    )


@cache
def _values(field: str) -> frozenset[int]:
    """Return the values below 60 that a field of a cron expression matches."""
    if field == "*":
        return frozenset(range(60))
    if field.startswith("*/"):
        return frozenset(range(0, 60, int(field[2:])))
    low, _, high = field.partition("-")
    return frozenset(range(int(low), int(high) + 1) if high else map(int, field.split(",")))


@pytest.mark.extended
def test_ticks_follow_each_other_in_every_zone_and_never_twice() -> None:
    for zone in ("Europe/Paris", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Beirut", "Pacific/Apia"):
        for text in ("0 0 0 * * *", "0 30 1-3 * * *", "30 59 23 * * *", "0 */45 * * * *"):
            at = datetime(2010, 1, 1, tzinfo=UTC)
            ticks = list(islice(Cron(text, ZoneInfo(zone)).between(at, at + timedelta(days=1000)), 2500))
            assert len(ticks) > 950 and all(a < b for a, b in pairwise(ticks)), (zone, text)


@pytest.mark.parametrize(
    "text", ["", "* * * *", "* * * * * * *", "61 * * * * *", "x * * * * *", "0 0 0 31 2 *", "0 0 0 * * MON#6"]
)
def test_invalid_schedule_is_rejected(text: str) -> None:
    with pytest.raises(BadRequest):
        Cron(text, UTC)


def test_days_are_cron_days() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert (
        Cron("0 0 0 ? * SUN", UTC).after(at) == Cron("0 0 0 * * 0", UTC).after(at) == datetime(2026, 1, 4, tzinfo=UTC)
    )
    assert Cron("0 0 0 L * *", UTC).after(at) == datetime(2026, 1, 31, tzinfo=UTC)
    assert Cron("0 0 0 15 * MON", UTC).after(at) == datetime(2026, 1, 5, tzinfo=UTC)
    assert Cron("0 0 0 29 2 *", UTC).after(at) == datetime(2028, 2, 29, tzinfo=UTC)


def moves(
    text: str, tick: datetime, now: datetime, rule: MissedRule
) -> tuple[list[datetime], list[int], datetime | None]:
    """Return the started ticks, the number of ticks missed before each, and the first tick after `now`."""
    cron, started, missed = Cron(text, UTC), list[datetime](), list[int]()
    at: datetime | None = tick
    while at is not None and at <= now:
        found = decide_tick(cron, at, now, rule)
        if found.start:
            started.append(at)
        else:
            missed.append(found.missed)
        assert found.next_at is None or found.next_at > at
        at = found.next_at
    return started, missed, at


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("rule", ["skip", "once", "all"])
def test_punctual_tick_runs_and_determines_the_next(rule: MissedRule) -> None:
    cron = Cron("0 0 12 * * *", UTC)
    for late in (timedelta(0), timedelta(seconds=1), GRACE):
        assert decide_tick(cron, NOON, NOON + late, rule) == TickDecision(start=True, next_at=NOON + timedelta(days=1))


def test_after_downtime_nothing_the_last_one_or_all_run() -> None:
    first, now = NOON - timedelta(days=3), NOON + timedelta(minutes=10)
    later = NOON + timedelta(days=1)
    days = [NOON - timedelta(days=n) for n in (3, 2, 1, 0)]
    assert moves("0 0 12 * * *", first, now, "skip") == ([], [4], later)
    assert moves("0 0 12 * * *", first, now, "once") == ([NOON], [3], later)
    assert moves("0 0 12 * * *", first, now, "all") == (days, [], later)


def test_tick_of_last_minute_is_never_missed() -> None:
    first, now = NOON - timedelta(days=3), NOON + timedelta(seconds=5)
    later = NOON + timedelta(days=1)
    for rule in ("skip", "once"):
        assert moves("0 0 12 * * *", first, now, rule) == ([NOON], [3], later)


def test_all_is_at_most_the_last_hundred() -> None:
    first, now = NOON - timedelta(hours=10), NOON + timedelta(minutes=1, seconds=30)
    started, missed, later = moves("0 */1 * * * *", first, now, "all")
    assert missed == [600 + 1 - LATE_STARTS]
    assert started[0] == NOON - timedelta(minutes=99) and started[-1] == NOON + timedelta(minutes=1)
    assert len(started) == LATE_STARTS + 1 and later == NOON + timedelta(minutes=2)


@pytest.mark.parametrize("rule", ["skip", "once", "all"])
def test_year_of_seconds_is_skipped_without_counting_all(rule: MissedRule) -> None:
    found = decide_tick(Cron("* * * * * *", UTC), NOON - timedelta(days=365), NOON, rule)
    assert found.start is False and found.missed == MAX_COUNTED
    late = {"skip": 0, "once": 0, "all": LATE_STARTS}[rule]
    assert found.next_at == NOON - GRACE - timedelta(seconds=late)


def test_schedule_may_have_no_further_tick() -> None:
    leap = Cron("0 0 0 29 2 MON#5", UTC)
    assert leap.after(NOON) is not None
    assert Cron("0 0 0 30 2 MON", UTC).after(NOON) is not None
