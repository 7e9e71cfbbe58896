"""Data of locales and time zones for the object Intl of expressions.

The locales are files of the folder intl, which `scripts/editor build` makes. Time zones are those of this machine, or
else of the package tzdata.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from orvanta_platform.evaluate.errors import ExpressionError

IntlKind: TypeAlias = Literal["locale", "zone"]

_FOLDER: Final = Path(__file__).with_name("intl")
_NULL: Final = b"null"
_FORMATS: Final = re.compile(r"\bIntl\.|\.toLocale(?:Date|Time)?String\(\s*[^\s)]")
_USED: Final = re.compile(r"Intl|toLocale")
_LOCALE: Final = re.compile(r"""["'`]([a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)["'`]""")
_ZONE: Final = re.compile(r"""["'`]([A-Za-z]+(?:/[A-Za-z0-9_+-]+)+)["'`]""")
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
_SCAN: Final = timedelta(days=7)
_ALWAYS: Final = -10_000_000_000_000


def uses_intl(text: str) -> bool:
    """Return whether an expression may format for a locale. Raises ExpressionError if there are no locales."""
    if not _locales() and _FORMATS.search(text):
        raise ExpressionError(
            "intl_unavailable",
            "this installation was built without locales; building it again with Node.js 20.19 or newer adds them",
        )
    return _USED.search(text) is not None


def mentioned(text: str) -> set[tuple[IntlKind, str]]:
    """Return the data that an expression probably needs, by the words in it."""
    tags = {tag for tag in _LOCALE.findall(text) if _closest(tag) is not None} or {_DEFAULT}
    parts = [part for part, pattern in _PARTS.items() if pattern.search(text)]
    found: set[tuple[IntlKind, str]] = {("locale", f"{tag}/{part}") for tag in tags for part in parts}
    return found | {("zone", name) for name in _ZONE.findall(text) if name.lower() in _zones()}


def load(kind: IntlKind, name: str) -> bytes:
    """Return data as JSON text: of a locale ("de-DE/number") or of a time zone ("Europe/Berlin"); null if unknown."""
    return _zone(name.lower()) if kind == "zone" else _part(name)


@functools.lru_cache(256)
def _part(name: str) -> bytes:
    tag, _, part = name.partition("/")
    locale = _closest(tag)
    return _NULL if locale is None or part not in _PARTS else (_FOLDER / f"{locale}.{part}.json").read_bytes()


def _closest(tag: str) -> str | None:
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
    names = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    return {name.lower(): name for name in names}


@functools.lru_cache(128)
def _zone(key: str) -> bytes:
    name = _zones().get(key)
    if name is None:
        return _NULL
    return json.dumps({"name": name, "changes": list(_changes(ZoneInfo(name)))}, separators=(",", ":")).encode()


def _changes(zone: ZoneInfo) -> Iterator[tuple[int, str, int, int]]:
    """Yield the time in seconds since 1970 from which a difference to UTC holds, "", the seconds, and 1 in summer."""
    at = _FIRST
    known = _difference(zone, at)
    yield (_ALWAYS, "", *known)
    while at < _LAST:
        following = at + _SCAN
        if _difference(zone, following) != known:
            low, high = int(at.timestamp()), int(following.timestamp())
            while high - low > 1:
                middle = (low + high) // 2
                if _difference(zone, datetime.fromtimestamp(middle, UTC)) == known:
                    low = middle
                else:
                    high = middle
            known = _difference(zone, datetime.fromtimestamp(high, UTC))
            yield (high, "", *known)
        at = following


def _difference(zone: ZoneInfo, at: datetime) -> tuple[int, int]:
    local = at.astimezone(zone)
    return int((local.utcoffset() or timedelta()).total_seconds()), int(bool(local.dst()))
