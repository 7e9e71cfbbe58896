"""Filters and functions of Kestra's expressions, as patterns of JavaScript."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from orvanta_platform.workflow.importers.findings import Unconvertible
from orvanta_platform.workflow.importers.node_values import UNIT_SECONDS

FilterResult: TypeAlias = tuple[str, "bool | None"]
"""JavaScript, and whether its value is a scalar; None: it is one if the input is one."""

_PARTS: Final = {"yyyy": (0, 4), "MM": (5, 7), "dd": (8, 10), "HH": (11, 13), "mm": (14, 16), "ss": (17, 19)}
_MARK: Final = re.compile(r"[`$\\]")
"""Characters with a meaning in a template literal."""
_ORDER: Final = "(a, b) => (a < b ? -1 : a > b ? 1 : 0)"
_PATH: Final = re.compile(r"(?:\.[A-Za-z_]\w*|\.?\[\d+\])+")


def _pattern(text: str, *, scalar: bool | None = True, least: int = 0) -> Callable[[str, list[str]], FilterResult]:
    def write(value: str, arguments: list[str]) -> FilterResult:
        if len(arguments) < least:
            raise Unconvertible("an argument of a filter is missing")
        _check_count(arguments, least)
        return text.format(value, *arguments), scalar

    return write


def _check_count(arguments: list[str], most: int) -> None:
    """Raise Unconvertible if a filter or function has more arguments."""
    if len(arguments) > most:
        raise Unconvertible(f"the argument {arguments[most]} of a filter or function has no equivalent")


def _default(value: str, arguments: list[str]) -> FilterResult:
    _check_count(arguments, 1)
    return f"(v => (v ?? '') === '' ? {arguments[0] if arguments else repr('')} : v)({value})", None


def _join(value: str, arguments: list[str]) -> FilterResult:
    _check_count(arguments, 1)
    return f"({value}).join({arguments[0] if arguments else repr('')})", True


def _slice(value: str, arguments: list[str]) -> FilterResult:
    return f"({value}).slice({', '.join(arguments)})", None


def _replace(value: str, arguments: list[str]) -> FilterResult:
    if len(arguments) != 1:
        raise Unconvertible("replace needs one map")
    pairs = f"Object.entries({arguments[0]})"
    return f"{pairs}.reduce((text, [from, to]) => text.replaceAll(from, to), String({value}))", True


def _date(value: str, arguments: list[str]) -> FilterResult:
    if not arguments:
        return f"new Date({value}).toISOString()", True
    _check_count(arguments, 2)
    if not arguments[0].startswith('"'):
        raise Unconvertible("the format of a date is no constant")
    found = ""
    for part in re.findall(r"yyyy|MM|dd|HH|mm|ss|'[^']*'|[^A-Za-z']", json.loads(arguments[0])):
        start, end = _PARTS.get(part, (0, 0))
        found += f"${{iso.slice({start}, {end})}}" if end else _MARK.sub(r"\\\g<0>", part.strip("'"))
    if re.sub(r"yyyy|MM|dd|HH|mm|ss|'[^']*'|[^A-Za-z']", "", json.loads(arguments[0])):
        raise Unconvertible(f"the format of date {arguments[0]} has no equivalent")
    if len(arguments) == 1:
        return f"((iso) => `{found}`)(new Date({value}).toISOString())", True
    # The format of the Swedish language has the same places as that of ISO 8601.
    return f"((iso) => `{found}`)(new Date({value}).toLocaleString('sv', {{timeZone: {arguments[1]}}}))", True


def _date_add(value: str, arguments: list[str]) -> FilterResult:
    unit = json.loads(arguments[1]) if len(arguments) == 2 and arguments[1].startswith('"') else ""
    seconds = UNIT_SECONDS.get(unit.lower())
    if seconds is None:
        raise Unconvertible("dateAdd needs an amount and a unit from SECONDS to WEEKS")
    return f"new Date(new Date({value}).getTime() + {arguments[0]} * {seconds * 1000}).toISOString()", True


def _jq(value: str, arguments: list[str]) -> FilterResult:
    """Return a plain path of jq. The filter returns a list of results; `first` takes its only one."""
    path = json.loads(arguments[0]) if arguments and arguments[0].startswith('"') else ""
    if not _PATH.fullmatch(path):
        raise Unconvertible("only plain paths of jq have an equivalent")
    steps = path.replace(".[", "[").replace("[", "?.[").replace(".", "?.").replace("??", "?").replace("?.?.", "?.")
    return f"[({value}){steps}]", False


FILTERS: Final[Mapping[str, Callable[[str, list[str]], FilterResult]]] = {
    "upper": _pattern("String({0}).toUpperCase()"),
    "lower": _pattern("String({0}).toLowerCase()"),
    "trim": _pattern("String({0}).trim()"),
    "capitalize": _pattern("String({0}).replace(/^./, first => first.toUpperCase())"),
    "title": _pattern("String({0}).replace(/\\b\\w/g, first => first.toUpperCase())"),
    "length": _pattern("(v => v.length ?? Object.keys(v).length)({0})"),
    "first": _pattern("({0}).at?.(0)", scalar=None),
    "last": _pattern("({0}).at?.(-1)", scalar=None),
    "split": _pattern("String({0}).split({1})", scalar=False, least=1),
    "reverse": _pattern("[...({0})].reverse()", scalar=False),
    "sort": _pattern(f"[...({{0}})].sort({_ORDER})", scalar=False),
    "rsort": _pattern(f"[...({{0}})].sort({_ORDER}).reverse()", scalar=False),
    "keys": _pattern("Object.keys({0})", scalar=False),
    "values": _pattern("Object.values({0})", scalar=False),
    "merge": _pattern("[...({0}), ...({1})]", scalar=False, least=1),
    "json": _pattern("JSON.stringify({0})"),
    "toJson": _pattern("JSON.stringify({0})"),
    "abs": _pattern("Math.abs({0})"),
    "number": _pattern("Number({0})"),
    "string": _pattern("String({0})"),
    "startsWith": _pattern("String({0}).startsWith({1})", least=1),
    "endsWith": _pattern("String({0}).endsWith({1})", least=1),
    "substringBefore": _pattern("String({0}).split({1})[0]", least=1),
    "substringAfter": _pattern("(mark => String({0}).split(mark).slice(1).join(mark))({1})", least=1),
    "urlencode": _pattern("encodeURIComponent({0})"),
    "urldecode": _pattern("decodeURIComponent({0})"),
    "base64encode": _pattern("btoa({0})"),
    "base64decode": _pattern("atob({0})"),
    "default": _default,
    "join": _join,
    "slice": _slice,
    "replace": _replace,
    "date": _date,
    "dateAdd": _date_add,
    "jq": _jq,
}


def _function(text: str, least: int, *, scalar: bool) -> Callable[[list[str]], FilterResult]:
    def write(arguments: list[str]) -> FilterResult:
        if len(arguments) < least:
            raise Unconvertible("an argument of a function is missing")
        _check_count(arguments, least)
        return text.format(*arguments), scalar

    return write


_PARSED: Final = "(v => typeof v === 'string' ? JSON.parse(v) : v)({0})"

FUNCTIONS: Final[Mapping[str, Callable[[list[str]], FilterResult]]] = {
    "now": _function("new Date().toISOString()", 0, scalar=True),
    "json": _function(_PARSED, 1, scalar=False),
    "fromJson": _function(_PARSED, 1, scalar=False),
    "toJson": _function("JSON.stringify({0})", 1, scalar=True),
    "range": _function(
        "((from, to) => Array.from({{length: to - from + 1}}, (_, n) => from + n))({0}, {1})", 2, scalar=False
    ),
    "max": lambda arguments: (f"Math.max({', '.join(arguments)})", True),
    "min": lambda arguments: (f"Math.min({', '.join(arguments)})", True),
}
