"""Arguments of an SQL script, declared in comments: `-- $1 name (type)`, `-- $name (type) = default`.

Other databases than PostgreSQL and DuckDB have other placeholders: `-- ? name (type)`, `-- :name (type)`,
`-- @p1 name (type)` and `-- @name (type)`. Further comments name the database, the shape of the result, and names of
tables or columns that an argument selects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orvanta_platform.workflow.signature.parameter import Parameter, enum

_TYPE_AND_DEFAULT: Final = (
    r"[ \t]*(?:\((?P<type>[^()\n]*(?:\([^()\n]*\)[^()\n]*)?)\)[ \t]*)?(?:=(?P<default>[^\n]*))?\r?$"
)
_NUMBERED: Final = re.compile(
    rf"^[ \t]*--[ \t]*\$(?P<number>\d{{1,4}})[ \t]+(?P<name>[A-Za-z_]\w*){_TYPE_AND_DEFAULT}", re.MULTILINE
)
_NAMED: Final = re.compile(rf"^[ \t]*--[ \t]*[$:](?P<name>[A-Za-z_]\w*){_TYPE_AND_DEFAULT}", re.MULTILINE)
_MARKED: Final = re.compile(
    rf"^[ \t]*--[ \t]*(?P<mark>\?|[:@](?P<own>[A-Za-z_]\w*))(?:[ \t]+(?P<name>[A-Za-z_]\w*))?{_TYPE_AND_DEFAULT}",
    re.MULTILINE,
)
_DATABASE: Final = re.compile(r"^[ \t]*--[ \t]*database[ \t]+(?:\$res:)?([uf]/[^\s]+)[ \t]*\r?$", re.MULTILINE)
_COLLECTION: Final = re.compile(r"^[ \t]*--[ \t]*result_collection[ \t]*=[ \t]*(\w*)", re.MULTILINE)
_SELECTED: Final = re.compile(r"^[ \t]*--[ \t]*%%(?P<name>[A-Za-z_]\w*)%%(?P<values>[^\n]*)$", re.MULTILINE)
_TYPE: Final = r"[^\W\d]\w*(?: precision| varying| with(?:out)? time zone)?(?:\([\d, ]*\))?(?:\[\d*\])*"
_USED: Final = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'[^']*'|"[^"]*"|(?P<quote>\$(?:[^\W\d]\w*)?\$).*?(?P=quote)"""
    rf"|\$(?P<number>\d{{1,4}})(?!\w)(?:\s*::\s*(?P<type>{_TYPE}))?",
    re.DOTALL | re.IGNORECASE,
)
_TYPES: Final[tuple[tuple[str, Mapping[str, Any]], ...]] = (
    (r"u?(big|small|tiny|huge)?int(eger)?\d*|(big|small)?serial\d?|long|oid", {"type": "integer"}),
    (r"real|float\d?|double( precision)?|numeric|decimal|money|number", {"type": "number"}),
    (r"bool(ean)?", {"type": "boolean"}),
    (r"jsonb?|hstore|struct|map", {}),
    (r"date", {"type": "string", "format": "date"}),
    (r"timestamp(tz)?( with(out)? time zone)?|datetime", {"type": "string", "format": "date-time"}),
    (r"time(tz)?( with(out)? time zone)?", {"type": "string", "format": "time"}),
    (r"uuid", {"type": "string", "format": "uuid"}),
    (r"bytea|blob|binary|varbinary", {"type": "string", "contentEncoding": "base64"}),
)  # fmt: skip
_MAX_DIMENSIONS: Final = 6
"""Maximum number of dimensions of an array in PostgreSQL."""

_RESOURCES: Final = {
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mssql": "ms_sql_server",
    "snowflake": "snowflake",
    "bigquery": "bigquery",
}
"""Language → type of the resource `database`."""

LANGUAGES: Final = frozenset({*_RESOURCES, "duckdb"})


def uses_database(language: str) -> bool:
    """Return whether scripts of a language have the argument `database`."""
    return language in _RESOURCES


@dataclass(frozen=True, slots=True)
class Declared:
    """Argument as declared in its comment."""

    name: str
    type: str | None
    """SQL type; None if it is not written."""
    required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Collection:
    """Part of the rows that is the result, from `-- result_collection=last_statement_all_rows`."""

    all_statements: bool = False
    """True if the result is a list with the rows of each statement."""
    first_row: bool = False
    """True if the first row replaces the list of rows; null if there is none."""
    scalar: bool = False
    """True if the first column replaces the object of a row."""


_COLLECTIONS: Final = {
    f"{'all_statements' if all_ else 'last_statement'}_{'first_row' if first else 'all_rows'}{'_scalar' * scalar}": (
        Collection(all_, first, scalar)
    )
    for all_ in (False, True)
    for first in (False, True)
    for scalar in (False, True)
} | {"legacy": Collection()}


class InvalidComment(Exception):
    """A comment that declares something has an unknown value. The message gives the reason; `line` counts from 1."""

    def __init__(self, content: str, position: int, message: str) -> None:
        super().__init__(message)
        self.line = content.count("\n", 0, position) + 1


def collection_of(content: str) -> Collection:
    """Return the part of the rows that is the result. Raises InvalidComment."""
    match = _COLLECTION.search(content)
    if match is None:
        return Collection()
    if match[1] not in _COLLECTIONS:
        known = ", ".join(_COLLECTIONS)
        raise InvalidComment(content, match.start(1), f"result_collection is one of {known}, not {match[1]!r}")
    return _COLLECTIONS[match[1]]


def pinned_database(content: str) -> str | None:
    """Return the path of the resource in `-- database f/folder/name`, which replaces the argument `database`."""
    match = _DATABASE.search(content)
    return None if match is None else match[1]


def _selected(content: str) -> dict[str, list[str]]:
    """Return the values of each `-- %%name%% one/two`. Raises InvalidComment for a name without values."""
    found: dict[str, list[str]] = {}
    for match in _SELECTED.finditer(content):
        values = [each.strip() for each in match["values"].split("/") if each.strip()]
        if not values:
            message = f"%%{match['name']}%% needs the list of its values: `-- %%{match['name']}%% one/two`"
            raise InvalidComment(content, match.start("name"), message)
        found.setdefault(match["name"], values)
    return found


def with_selected(content: str, args: Mapping[str, Any]) -> str:
    """Return the script with each `%%name%%` replaced by the argument, which must be one of the declared values.

    The values are part of the script, so that no argument is ever read as SQL. Raises InvalidComment, and ValueError
    for an argument that is missing or has another value.
    """
    for name, values in _selected(content).items():
        if args.get(name) not in values:
            raise ValueError(f"the argument {name} is {args.get(name)!r}; it must be one of {', '.join(values)}")
        content = content.replace(f"%%{name}%%", args[name])
    return content


class Refused(Exception):
    """A script cannot run with its arguments. The arguments of the exception are the name and message of the error."""


def prepare(content: str, args: Mapping[str, Any]) -> tuple[Collection, str]:
    """Return the part of the rows that is the result, and the script with selected names. Raises Refused."""
    try:
        return collection_of(content), with_selected(content, args)
    except InvalidComment as error:
        raise Refused("InvalidComment", f"{error} (line {error.line})") from error
    except ValueError as error:
        raise Refused("BadArgument", str(error)) from error


def check_comments(content: str) -> None:
    """Raise InvalidComment if a comment that declares something has an unknown value."""
    collection_of(content)
    _selected(content)


def _selections(content: str) -> list[Parameter]:
    try:
        return [Parameter(name, enum(list(values)), True) for name, values in _selected(content).items()]
    except InvalidComment:
        return []


def unnamed(number: int) -> Declared:
    """Return the argument of a `$1` without a comment: arg1."""
    return Declared(f"arg{number}", None, True, None)


def declared(content: str) -> dict[int, Declared]:
    """Return the arguments of a PostgreSQL script by number; of duplicate declarations the first counts."""
    return {number: _declared(match) for number, match in _numbered(content).items()}


def declared_by_name(content: str) -> dict[str, Declared]:
    """Return the arguments of a DuckDB script by name."""
    found: dict[str, Declared] = {}
    for match in _NAMED.finditer(content):
        found.setdefault(match["name"], _declared(match))
    return found


def declared_by_mark(content: str) -> dict[str, Declared]:
    """Return the arguments by placeholder (`:name`, `@p1`); those without a name are `?1`, `?2`, … in their order."""
    found: dict[str, Declared] = {}
    for match in _MARKED.finditer(content):
        mark = match["mark"]
        if mark == "?":
            mark = f"?{sum(each.startswith('?') for each in found) + 1}"
        if match["name"] or match["own"]:
            found.setdefault(mark, _declared(match))
    return found


def _name(match: re.Match[str]) -> str:
    own = match.groupdict().get("own")
    return match["name"] or str(own)


def _declared(match: re.Match[str]) -> Declared:
    parameter = _parameter(match)
    default = parameter.schema.get("default")
    return Declared(_name(match), (match["type"] or "").strip() or None, parameter.required, default)


def numbered(content: str) -> list[Parameter]:
    """Return the inputs of a PostgreSQL script: the resource `database`, the arguments by number, the selections.

    An argument without a type in its comment has that of its first cast (`$1::int`).
    """
    casts: dict[int, str | None] = {}
    for match in _USED.finditer(content):
        if match["number"] and casts.get(int(match["number"])) is None:
            casts[int(match["number"])] = match["type"]
    found = {number: _parameter(match, casts.get(number)) for number, match in _numbered(content).items()}
    for number in casts.keys() - found.keys():
        found[number] = Parameter(unnamed(number).name, schema_of_type(casts[number] or "text"), True)
    return [*_database("postgresql", content), *_by_number(found), *_selections(content)]


def _numbered(content: str) -> dict[int, re.Match[str]]:
    found: dict[int, re.Match[str]] = {}
    for match in _NUMBERED.finditer(content):
        found.setdefault(int(match["number"]), match)
    return found


def _by_number(found: Mapping[int, Parameter]) -> list[Parameter]:
    return [found[number] for number in sorted(found)]


def _database(language: str, content: str) -> list[Parameter]:
    if pinned_database(content) is not None:
        return []
    return [Parameter("database", {"type": "object", "format": f"resource-{_RESOURCES[language]}"}, True)]


def marked(language: str) -> Callable[[str], list[Parameter]]:
    """Return the function that reads the inputs of a script with placeholders of `declared_by_mark`."""

    def inputs(content: str) -> list[Parameter]:
        found: dict[str, Parameter] = {}
        for match in _MARKED.finditer(content):
            if match["name"] or match["own"]:
                found.setdefault(_name(match), _parameter(match))
        return [*_database(language, content), *found.values(), *_selections(content)]

    return inputs


def named(content: str) -> list[Parameter]:
    """Return the inputs of a DuckDB script: numbered (`-- $1 name (type)`), then named (`-- $name (type)`)."""
    numbers = {number: _parameter(match) for number, match in _numbered(content).items()}
    found = {each.name: each for each in _by_number(numbers)}
    for match in _NAMED.finditer(content):
        found.setdefault(match["name"], _parameter(match))
    return [*found.values(), *_selections(content)]


def _parameter(match: re.Match[str], cast: str | None = None) -> Parameter:
    schema = schema_of_type(match["type"] or cast or "text")
    default = match["default"]
    if default is None:
        return Parameter(_name(match), schema, True)
    return Parameter(_name(match), schema | {"default": _value(default.strip(), schema)}, False)


def schema_of_type(name: str) -> dict[str, Any]:
    """Return the JSON Schema of an SQL column type; `type[]` is an array."""
    plain = re.sub(r"\([^)]*\)", "", name).strip().lower()
    element = plain.rstrip("[] ")
    schema = next((dict(found) for pattern, found in _TYPES if re.fullmatch(pattern, element)), {"type": "string"})
    for _ in range(min(plain.count("[]"), _MAX_DIMENSIONS)):
        schema = {"type": "array", "items": schema}
    return schema


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    if text.lower() == "null":
        return None
    bare = text[1:-1].replace("''", "'") if len(text) > 1 and text[0] == text[-1] == "'" else text
    if schema.get("type") == "string":
        return bare
    try:
        value = json.loads(bare.lower() if schema.get("type") == "boolean" else bare)
    except ValueError:
        return bare
    return value
