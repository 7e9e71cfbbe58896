"""Host of DuckDB SQL scripts inside a cell. Standard library and duckdb, which no zygote loads."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import RESULT, Job, write_answer
from orvanta_platform.sandbox.modules import Modules
from orvanta_platform.units import size_text
from orvanta_platform.worker.runtimes import program
from orvanta_platform.workflow.signature.sql import Declared, declared, declared_by_name

_MODULES = {"duckdb": "python-duckdb", "_duckdb": "_duckdb"}
"""Modules, each with its name among the job's programs."""

_METADATA = "duckdb-metadata"

_BATCH = 500
_PARTS = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
# Share of the job's memory that DuckDB uses. Beyond it, DuckDB writes to disk before the kernel kills the job.
_MEMORY_SHARE = 0.6

finish: None = None
"""No function, as the process writes its result itself."""


class _Finder(Modules):
    """Importer of duckdb that also provides its metadata, with the version."""

    def __init__(self, programs: Mapping[str, str]) -> None:
        super().__init__({name: programs[key] for name, key in _MODULES.items()})
        self._metadata = programs[_METADATA]

    def find_distributions(self, context: Any) -> Iterator[Any]:
        """Return the metadata of duckdb to importlib.metadata, which calls this on each finder."""
        from importlib.metadata import Distribution

        if context.name == "duckdb":
            yield Distribution.at(self._metadata)


class _Failed(Exception):
    """Raised with the job's error: name and message."""


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Execute the statements in order on an in-memory database; see `Host.run`."""
    sys.meta_path.append(_Finder(job.programs))
    try:
        rows = _rows(job, content, json.loads(args))
    except _Failed as failed:
        program.fail(job, *failed.args)
    except MemoryError as error:
        program.fail(job, "MemoryError", str(error) or "out of memory")
    write_answer(job.result, RESULT, rows)
    os._exit(0)


def _rows(job: Job, content: str, args: dict[str, Any]) -> bytes:
    """Return the rows of the last statement as a JSON array of objects."""
    import duckdb

    parameters = {str(number): each for number, each in declared(content).items()} | declared_by_name(content)
    connection = duckdb.connect(
        config={
            "memory_limit": f"{int(job.memory_bytes * _MEMORY_SHARE)}B",
            "temp_directory": f"{job.folder}/.duckdb",
            # The default is read from the limits of control groups, which may be hidden.
            "threads": len(os.sched_getaffinity(0)),
        }
    )
    rows = b"[]"
    try:
        statements = connection.extract_statements(content)
    except duckdb.Error as error:
        raise _Failed("DuckDBError", str(error)) from error
    for number, (statement, line) in enumerate(zip(statements, _lines(content, statements), strict=True), 1):
        values = {name: _value(connection, name, parameters.get(name), args) for name in statement.named_parameters}
        try:
            connection.execute(statement, values or None)
            rows = _read(connection, job.result_bytes)
        except duckdb.OutOfMemoryException as error:
            raise _Failed("MemoryError", str(error)) from error
        except duckdb.Error as error:
            raise _Failed("DuckDBError", f"{error}\n(statement {number}, line {line})") from error
    return rows


def _lines(content: str, statements: list[Any]) -> Iterator[int]:
    """Yield the line, from 1, on which each statement starts."""
    at = 0
    for statement in statements:
        found = content.find(statement.query, at)
        start = at if found < 0 else found
        at = start + (0 if found < 0 else len(statement.query))
        begin = _PARTS.match(content, start)
        yield content.count("\n", 0, begin.end() if begin else start) + 1


def _value(connection: Any, name: str, parameter: Declared | None, args: Mapping[str, Any]) -> Any:
    """Return the value of a parameter, converted to the type in its comment."""
    shown = name if parameter is None else parameter.name
    if shown in args:
        value = args[shown]
    elif parameter is not None and not parameter.required:
        value = parameter.default
    else:
        raise _Failed("MissingArgument", f"the argument {shown} (${name}) is missing")
    type_name = None if parameter is None else parameter.type
    if value is None or (type_name is None and not isinstance(value, dict | list)):
        return value
    try:
        return _cast(connection, value, type_name or "json")
    except Exception as error:  # any error of the driver means that the argument is not of the type
        text = json.dumps(value, ensure_ascii=False)[:100]
        raise _Failed("BadArgument", f"the argument {shown} is {text}, which is no {type_name or 'json'}") from error


def _cast(connection: Any, value: Any, type_name: str) -> Any:
    kind = type_name.lower()
    if kind == "json" or (kind in ("text", "varchar", "string") and isinstance(value, dict | list | bool)):
        return json.dumps(value, ensure_ascii=False)
    if kind in ("blob", "bytea", "binary", "varbinary"):
        import base64

        return base64.b64decode(value, validate=True)
    return connection.execute(f"select cast($1 as {type_name})", [value]).fetchone()[0]


def _read(connection: Any, limit: int) -> bytes:
    """Return the rows of the last executed statement. Duplicate column names get a suffix: a, a_2."""
    columns = connection.description or []
    names = list(_distinct([column[0] for column in columns]))
    is_json = [str(column[1]) == "JSON" for column in columns]
    parts: list[bytes] = []
    size = 2
    while columns and (batch := connection.fetchmany(_BATCH)):
        for row in batch:
            values = (
                json.loads(value) if is_text and value is not None else _plain(value)
                for is_text, value in zip(is_json, row, strict=True)
            )
            text = json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False, separators=(",", ":"))
            parts.append(text.encode("utf-8", "replace"))
            size += len(parts[-1]) + 1
            if size > limit:
                raise _Failed("result_too_large", f"the result is larger than the limit of {size_text(limit)}")
    return b"[" + b",".join(parts) + b"]"


def _distinct(names: list[str]) -> Iterator[str]:
    taken: set[str] = set()
    for column in names:
        name, count = column, 1
        while name in taken:
            count += 1
            name = f"{column}_{count}"
        taken.add(name)
        yield name


def _plain(value: Any) -> Any:
    """Return a value of DuckDB as a JSON value. Values that JSON cannot represent become text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        import base64

        return base64.b64encode(value).decode()
    return _other(value)


def _other(value: Any) -> Any:
    from decimal import Decimal

    if isinstance(value, Decimal):
        return _exact(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _exact(value: Any) -> Any:
    """Return a decimal as a number if a double represents it exactly, otherwise as text."""
    if value == value.to_integral_value() and abs(value) <= 1 << 53:
        return int(value)
    number = float(value)
    return number if type(value)(repr(number)) == value else format(value, "f")
