"""Data of locales and time zones: the names in an expression that are requested, and the cached data."""

from __future__ import annotations

import json
import time
import zoneinfo
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from tests.evaluate.bench import Bench

from orvanta_platform.evaluate import intl_data

ZONES = sorted(intl_data._zones().values())
IS_BUILT = bool(intl_data._locales())
LONG = "aa" + "-bb" * 140_000
PACKAGE = resources.files("tzdata").joinpath("zoneinfo")


def changes(name: str) -> list[tuple[int, str, int, int]]:
    return [tuple(each) for each in json.loads(intl_data.load("zone", name))["changes"]]


@pytest.fixture
def other_machine(tmp_path: Path) -> Iterator[None]:
    """Simulate the zone files of a machine on which Berlin has the time of Tokyo."""
    berlin = tmp_path / "Europe" / "Berlin"
    berlin.parent.mkdir()
    berlin.write_bytes(PACKAGE.joinpath("Asia", "Tokyo").read_bytes())
    intl_data._zone.cache_clear()
    zoneinfo.reset_tzpath(to=[str(tmp_path)])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()
    intl_data._zone.cache_clear()


def test_long_names_cost_no_time() -> None:
    before = time.process_time()
    found = intl_data.mentioned(f"Intl.x + ['{LONG}'].length")
    assert found == {("locale", "en-US/number")}
    assert [intl_data.load("locale", name) for name in (f"{LONG}/number", f"de{'-bb' * 8}/number")] == [b"null"] * 2
    assert time.process_time() - before < 2


def test_few_names_of_a_text_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    tags = [f"{first}{second}" for first in "abcde" for second in "abcdefgh"]
    monkeypatch.setattr(intl_data, "_locales", lambda: frozenset(tags))
    found = intl_data.mentioned(f"Intl.NumberFormat, {tags}, {ZONES[:150]}")
    locales = {("locale", f"{tag}/number") for tag in tags[:16]}
    zones = [name for name in ZONES[:150] if "/" in name][:16]
    assert {each for each in found if each[0] == "zone"} == {("zone", name) for name in zones}
    assert {each for each in found if each[1].endswith("/number")} == locales


def test_unknown_names_are_not_kept() -> None:
    caches = (intl_data._zone.cache_info(), intl_data._part.cache_info())
    for name in ("x" * 6_000_000, "Europe/Atlantis", "../zones", "Europe/../UTC"):
        assert intl_data.load("zone", name) == b"null"
    for name in ("aa/number", "de/nothing", "x" * 6_000_000, "../de/number"):
        assert intl_data.load("locale", name) == b"null"
    assert (intl_data._zone.cache_info(), intl_data._part.cache_info()) == caches


@pytest.mark.usefixtures("other_machine")
def test_zones_are_those_of_the_package() -> None:
    assert (1711846800, "", 7200, 1) in changes("europe/berlin")
    assert intl_data.load("zone", "Europe/Berlin") == intl_data.load("zone", "EUROPE/BERLIN")


@pytest.mark.parametrize(
    "name",
    ["Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Nuuk", "Australia/Lord_Howe", "Asia/Gaza", "UTC"],
)
def test_changes_are_complete(name: str) -> None:
    found = changes(name)
    starts = [each[0] for each in found]
    assert starts == sorted(set(starts))
    with PACKAGE.joinpath(*name.split("/")).open("rb") as file:
        zone = zoneinfo.ZoneInfo.from_file(file)
    first = datetime(1850, 1, 1, tzinfo=UTC)
    hours = [first + timedelta(days=11 * number) for number in range(9_900)]
    moments = [*(int(each.timestamp()) for each in hours), *starts[1:], *(each - 1 for each in starts[1:])]
    for moment in moments:
        local = datetime.fromtimestamp(moment, zone)
        offset = int((local.utcoffset() or timedelta()).total_seconds())
        assert found[bisect_right(starts, moment) - 1][2:] == (offset, int(bool(local.dst()))), moment


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.skipif(not IS_BUILT, reason="the locales are not built")
async def test_long_computed_names_are_refused(bench: Bench) -> None:
    for text in (
        "new Intl.NumberFormat('aa' + '-abcde'.repeat(40))",
        "new Date().toLocaleString('de', {timeZone: 'x'.repeat(101)})",
    ):
        name, message = await bench.error(text)
        assert (name, "has at most 100 characters" in message) == ("RangeError", True)
