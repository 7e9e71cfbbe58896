"""Arguments of an SQL script, declared in comments: `-- $1 name (type)`, `-- $name (type) = default`.

Other databases than PostgreSQL and DuckDB have other placeholders: `-- ? name (type)`, `-- :name (type)`,
`-- @p1 name (type)` and `-- @name (type)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orvanta_platform.workflow.signature.parameter import Parameter

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


@dataclass(frozen=True, slots=True)
class Declared:
    """Argument as declared in its comment."""

    name: str
    type: str | None
    """SQL type; None if it is not written."""
    required: bool
    default: Any


def declared(content: str) -> dict[int, Declared]:
    """Return the arguments of a PostgreSQL script by number; of duplicate declarations the first counts."""
    found: dict[int, Declared] = {}
    for match in _NUMBERED.finditer(content):
        found.setdefault(int(match["number"]), _declared(match))
    return found


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
    """Return the inputs of a PostgreSQL script: the resource `database`, then the arguments by number."""
    found: dict[int, Parameter] = {}
    for match in _NUMBERED.finditer(content):
        found.setdefault(int(match["number"]), _parameter(match))
    return [_database("postgresql"), *(found[number] for number in sorted(found))]


def _database(language: str) -> Parameter:
    return Parameter("database", {"type": "object", "format": f"resource-{_RESOURCES[language]}"}, True)


def marked(language: str) -> Callable[[str], list[Parameter]]:
    """Return the function that reads the inputs of a script with placeholders of `declared_by_mark`."""

    def inputs(content: str) -> list[Parameter]:
        found: dict[str, Parameter] = {}
        for match in _MARKED.finditer(content):
            if match["name"] or match["own"]:
                found.setdefault(_name(match), _parameter(match))
        return [_database(language), *found.values()]

    return inputs


def named(content: str) -> list[Parameter]:
    """Return the inputs of a DuckDB script: numbered (`-- $1 name (type)`), then named (`-- $name (type)`)."""
    found = {each.name: each for each in numbered(content)[1:]}
    for match in _NAMED.finditer(content):
        found.setdefault(match["name"], _parameter(match))
    return list(found.values())


def _parameter(match: re.Match[str]) -> Parameter:
    schema = schema_of_type(match["type"] or "text")
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
