"""Data of locales and time zones for the object Intl of expressions.

The locales are files of the folder intl, which `scripts/intl` makes. Time zones are those of the package
tzdata, never those of the machine, so that the server and all workers compute the same.
"""

from __future__ import annotations

import functools
import io
import json
import re
import struct
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from orvanta_platform.evaluate.errors import ExpressionError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

IntlKind: TypeAlias = Literal["locale", "zone"]

MAX_MENTIONED: Final = 16
"""Maximum number of locales, and of time zones, that are loaded because an expression's text contains their names."""

MAX_NAME: Final = 100
"""Maximum length of a name for `load`, in characters; longer ones are never known."""

_FOLDER: Final = Path(__file__).with_name("intl")
_NULL: Final = b"null"
_FORMATS: Final = re.compile(r"\bIntl\.|\.toLocale(?:Date|Time)?String\(\s*[^\s)]")
_USED: Final = re.compile(r"Intl|toLocale")
_LOCALE: Final = re.compile(r"""["'`]([a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,7})["'`]""")
_ZONE: Final = re.compile(r"""["'`]([A-Za-z]+(?:/[A-Za-z0-9_+-]+){1,2})["'`]""")
_MAX_TAG: Final = 35
_MAX_SUBTAGS: Final = 8
_PARTS: Final = {
    "number": re.compile(""),
    "date": re.compile("Date|[dD]ay|Time|timeZone|Style"),
    "list": re.compile("ListFormat"),
    "relative": re.compile("RelativeTimeFormat"),
    "names": re.compile("DisplayNames"),
}
_DEFAULT: Final = "en-US"

_PARENTS: Final = {
    **dict.fromkeys(("zh-TW", "zh-MO"), "zh-Hant"),
    "zh-HK": "zh-Hant-HK",
    "zh-Hant-MO": "zh-Hant-HK",
    **dict.fromkeys(("no", "nb-NO", "no-NO"), "nb"),
    "iw": "he",
    "in": "id",
    "tl": "fil",
    **dict.fromkeys((f"en-{region}" for region in ["US", "PR", "GU", "AS", "UM", "VI", "MP", "MH", "PH"]), "en"),
    **dict.fromkeys((f"en-{region}" for region in ["AT", "BE", "CH", "DE", "DK", "FI", "NL", "SE", "SI"]), "en-150"),
    **dict.fromkeys((f"es-{region}" for region in ["ES", "GQ", "PH", "EA", "IC"]), "es"),
    "pt-BR": "pt",
}
"""Locales whose data are not those of the tag without its last part, nor of the group of _REGIONAL."""
_REGIONAL: Final = {"en": "en-001", "es": "es-419", "pt": "pt-PT"}
"""Locale with the data for other regions of a language."""

# The years for which the changes of a time zone are known; dates beyond them have the first or last difference to UTC.
_FIRST: Final = datetime(1850, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2150, 1, 1, tzinfo=UTC)
_ALWAYS: Final = -10_000_000_000_000

# A file in the format TZif (RFC 9636): two blocks of data, the second with times of 8 bytes, and a rule for the years
# after them.
_HEADER: Final = struct.Struct(">20x6l")
_RULE: Final = re.compile(r",M(\d+)\.(\d)\.(\d)(?:/(-?\d+)(?::(\d\d))?)?")
"""Date and local time of a yearly change: month, week (5 is the last one), day of the week, hours and minutes."""


def require_locales(text: str) -> None:
    """Raise ExpressionError if an expression formats for a locale and the installation has no locales."""
    if not _locales() and _FORMATS.search(text):
        raise ExpressionError(
            "intl_unavailable",
            "this installation was built without locales; building it again with Node.js 20.19 or newer adds them",
        )


def uses_intl(text: str) -> bool:
    """Return whether an expression may need data of locales or time zones."""
    return _USED.search(text) is not None


def mentioned(text: str) -> set[tuple[IntlKind, str]]:
    """Return the data that an expression probably needs, by the first MAX_MENTIONED locales and time zones in it.

    This reads the whole text; a long one blocks for some tenths of a second.
    """
    tags = _first(tag for tag in _names(_LOCALE, text) if _closest(tag) is not None) or {_DEFAULT}
    parts = [part for part, pattern in _PARTS.items() if pattern.search(text)]
    found: set[tuple[IntlKind, str]] = {("locale", f"{tag}/{part}") for tag in tags for part in parts}
    return found | {("zone", name) for name in _first(each for each in _names(_ZONE, text) if each.lower() in _zones())}


def _names(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    return (match[1] for match in pattern.finditer(text))


def _first(names: Iterable[str]) -> set[str]:
    """Return the first MAX_MENTIONED different names."""
    found: set[str] = set()
    for name in names:
        found.add(name)
        if len(found) == MAX_MENTIONED:
            break
    return found


def load(kind: IntlKind, name: str) -> bytes:
    """Return data as JSON text: of a locale ("de-DE/number") or of a time zone ("Europe/Berlin"); null if unknown."""
    if len(name) > MAX_NAME:
        return _NULL
    if kind == "zone":
        zone = _zones().get(name.lower())
        return _NULL if zone is None else _zone(zone)
    tag, _, part = name.partition("/")
    locale = _closest(tag)
    return _NULL if locale is None or part not in _PARTS else _part(locale, part)


# Only names that exist are keys of the caches: an expression can make any number of others.
@functools.lru_cache(256)
def _part(locale: str, part: str) -> bytes:
    return (_FOLDER / f"{locale}.{part}.json").read_bytes()


def _closest(tag: str) -> str | None:
    if len(tag) > _MAX_TAG or tag.count("-") >= _MAX_SUBTAGS:
        return None
    return next((each for each in _chain(tag) if each in _locales()), None)


def _chain(tag: str) -> Iterator[str]:
    """Yield a tag and those whose data it inherits, closest first."""
    while tag:
        yield tag
        language, _, rest = tag.partition("-")
        regional = _REGIONAL.get(language) if re.fullmatch("[A-Z]{2}", rest) else None
        parent = _PARENTS.get(tag) or (None if regional == tag else regional)
        tag = parent or tag.rpartition("-")[0]


@functools.cache
def _locales() -> frozenset[str]:
    return frozenset(file.name.split(".")[0] for file in _FOLDER.glob("*.number.json"))


@functools.cache
def _zones() -> dict[str, str]:
    """Return the names of all time zones, by their names in lower case."""
    names = _package().joinpath("zones").read_text(encoding="utf-8").split()
    return {name.lower(): name for name in names}


def _package() -> Traversable:
    from importlib import resources  # with 20 modules that a process without time zones does not need

    return resources.files("tzdata")


@functools.cache
def _zone(name: str) -> bytes:
    file = _package().joinpath("zoneinfo", *name.split("/")).read_bytes()
    return json.dumps({"name": name, "changes": list(_changes(file))}, separators=(",", ":")).encode()


def _changes(file: bytes) -> Iterator[tuple[int, str, int, int]]:
    """Yield the time in seconds since 1970 from which a difference to UTC holds, "", the seconds, and 1 in summer."""
    zone = ZoneInfo.from_file(io.BytesIO(file))
    first, last = int(_FIRST.timestamp()), int(_LAST.timestamp())
    known = _difference(zone, first)
    yield (_ALWAYS, "", *known)
    latest = first
    for latest in (at for at in _recorded(file) if first < at < last):
        if (found := _difference(zone, latest)) != known:
            known = found
            yield (latest, "", *known)
    for local in _yearly(file, datetime.fromtimestamp(latest, UTC).year):
        at = local - known[0]
        if at > latest and (found := _difference(zone, at)) != known:
            known = found
            yield (at, "", *known)


def _recorded(file: bytes) -> tuple[int, ...]:
    """Return the times of the changes that are recorded in a file, in seconds since 1970."""
    is_utc, is_standard, leaps, times, types, characters = _HEADER.unpack_from(file)
    second = _HEADER.size + times * 5 + types * 6 + characters + leaps * 8 + is_standard + is_utc
    count = _HEADER.unpack_from(file, second)[3]
    return struct.unpack_from(f">{count}q", file, second + _HEADER.size)


def _yearly(file: bytes, since: int) -> Iterator[int]:
    """Yield the local times of the changes by a file's rule, in seconds since 1970, from a year to the last one."""
    rules = [
        (*date, hours or 2, minutes or 0) for *date, hours, minutes in _RULE.findall(file.rsplit(b"\n", 2)[1].decode())
    ]
    for year in range(since, _LAST.year):
        yield from sorted(_local(year, *map(int, rule)) for rule in rules)


def _local(year: int, month: int, week: int, weekday: int, hours: int, minutes: int) -> int:
    before, days = monthrange(year, month)
    day = (weekday - before - 1) % 7 + 7 * week - 6
    midnight = datetime(year, month, day if day <= days else day - 7, tzinfo=UTC)
    return int((midnight + timedelta(hours=hours, minutes=minutes)).timestamp())


def _difference(zone: ZoneInfo, at: int) -> tuple[int, int]:
    local = datetime.fromtimestamp(at, zone)
    return int((local.utcoffset() or timedelta()).total_seconds()), int(bool(local.dst()))
