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
from orvanta_platform.worker.runtimes import program
from orvanta_platform.worker.runtimes.rows import Collected, Rows, TooLarge
from orvanta_platform.workflow.signature.sql import Collection, Declared, Refused, declared, declared_by_name, prepare

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
    try:
        collection, content = prepare(content, args)
    except Refused as refused:
        raise _Failed(*refused.args) from refused
    collected = Collected(collection, job.result_bytes)
    try:
        statements = connection.extract_statements(content)
    except duckdb.Error as error:
        raise _Failed("DuckDBError", str(error)) from error
    for number, (statement, line) in enumerate(zip(statements, _lines(content, statements), strict=True), 1):
        values = {name: _value(connection, name, parameters.get(name), args) for name in statement.named_parameters}
        try:
            connection.execute(statement, values or None)
            collected.add(_read(connection, job.result_bytes, collection))
        except TooLarge as error:
            raise _Failed("result_too_large", str(error)) from error
        except duckdb.OutOfMemoryException as error:
            raise _Failed("MemoryError", str(error)) from error
        except duckdb.Error as error:
            raise _Failed("DuckDBError", f"{error}\n(statement {number}, line {line})") from error
    return collected.text()


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
    """Return the value of a parameter, converted to the type in its comment.

    One that is declared in a comment and has neither value nor default is NULL.
    """
    shown = name if parameter is None else parameter.name
    if shown in args:
        value = args[shown]
    elif parameter is not None:
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


def _read(connection: Any, limit: int, collection: Collection) -> bytes:
    """Return the rows of the last executed statement. Raises TooLarge."""
    columns = connection.description or []
    rows = Rows([column[0] for column in columns], limit, [str(column[1]) == "JSON" for column in columns], collection)
    while columns and (batch := connection.fetchmany(_BATCH)):
        rows.add(batch)
    return rows.text()
