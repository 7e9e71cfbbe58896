"""Execution of SQL scripts inside a cell by a driver with Python's database interface. Standard library only.

The driver is in the package of the job.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import RESULT, Job, write_answer
from orvanta_platform.worker.runtimes import program
from orvanta_platform.worker.runtimes.rows import Collected, Rows, TooLarge
from orvanta_platform.worker.runtimes.sql_text import Dialect, statements
from orvanta_platform.workflow.signature.sql import Collection, Declared, Refused, declared_by_mark, prepare

_BATCH = 500
_BINARY = frozenset({"blob", "bytea", "binary", "varbinary"})
_DATE = "date"
_TIMES = frozenset({"datetime", "datetime2", "timestamp"})

Connect = Callable[[Mapping[str, Any]], Any]
"""Function that connects to the database of a resource. Raises NoDatabase, and errors of its driver."""


class NoDatabase(Exception):
    """Raised if the argument `database` is not the address of a database; the message gives the reason."""


class _Failed(Exception):
    """Raised with the job's error: name and message."""


def run_script(
    job: Job, content: str, args: bytes, *, dialect: Dialect, connect: Connect, error_name: str, json_type: Any = None
) -> NoReturn:
    """Execute the statements in order and answer with the rows of the last one; see `Host.run`.

    Errors of the database have the name `error_name`. Columns whose type code is `json_type` contain JSON.
    """
    if job.package is not None:
        sys.path.insert(0, job.package)
    try:
        rows = _rows(job, content, json.loads(args), dialect, connect, error_name, json_type)
    except _Failed as failed:
        program.fail(job, *failed.args)
    except MemoryError as error:
        program.fail(job, "MemoryError", str(error) or "out of memory")
    write_answer(job.result, RESULT, rows)
    os._exit(0)


def _rows(
    job: Job, content: str, args: dict[str, Any], dialect: Dialect, connect: Connect, error_name: str, json_type: Any
) -> bytes:
    parameters = declared_by_mark(content)
    try:
        collection, content = prepare(content, args)
    except Refused as refused:
        raise _Failed(*refused.args) from refused
    collected = Collected(collection, job.result_bytes)
    connection = _connected(connect, args.get("database"))
    for number, statement in enumerate(statements(content, dialect, parameters), 1):
        values = tuple(_value(parameters[mark], args) for mark in statement.marks)
        try:
            with contextlib.closing(connection.cursor()) as cursor:
                cursor.execute(statement.text, values or None)
                collected.add(_last_rows(cursor, job.result_bytes, json_type, collection))
        except TooLarge as error:
            raise _Failed("result_too_large", str(error)) from error
        except Exception as error:  # every driver has its own classes
            position = f"statement {number}, line {statement.line}"
            raise _Failed(error_name, f"{_message(error)} ({position})") from error
    return collected.text()


def _connected(connect: Connect, database: Any) -> Any:
    if not isinstance(database, dict):
        raise _Failed("NoDatabase", "the argument database must be a resource with the address of a database")
    try:
        return connect(database)
    except ImportError as error:
        raise _Failed("no_runtime", f"the driver is not installed: {error}") from error
    except NoDatabase as error:
        raise _Failed("NoDatabase", str(error)) from error
    except Exception as error:  # every driver has its own classes
        raise _Failed("NoDatabase", f"the database cannot be reached: {_message(error)}") from error


def _message(error: Exception) -> str:
    """Return the text of a driver's error, which may be its last argument, in bytes."""
    text = error.args[-1] if error.args else ""
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return shown.strip() or type(error).__name__


def _last_rows(cursor: Any, limit: int, json_type: Any, collection: Collection) -> bytes:
    """Return the last result of a statement, which may have several."""
    text = Rows([], limit, [], collection).text()
    while True:
        columns = cursor.description or ()
        if columns:
            is_json = [json_type is not None and column[1] == json_type for column in columns]
            rows = Rows([column[0] for column in columns], limit, is_json, collection)
            while batch := cursor.fetchmany(_BATCH):
                rows.add(batch)
            text = rows.text()
        if not (hasattr(cursor, "nextset") and cursor.nextset()):
            return text


def _value(parameter: Declared, args: Mapping[str, Any]) -> Any:
    """Return the value of a parameter as its driver expects it; None if it has neither value nor default."""
    value = args.get(parameter.name, parameter.default)
    kind = (parameter.type or "").partition("(")[0].strip().lower()
    try:
        return _converted(value, kind)
    except ValueError as error:
        shown = json.dumps(value, ensure_ascii=False)[:100]
        raise _Failed("BadArgument", f"the argument {parameter.name} is {shown}, which is no {kind}") from error


def _converted(value: Any, kind: str) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and kind in _BINARY:
        import base64  # rarely needed: imported here to keep it out of every cell

        return base64.b64decode(value, validate=True)
    if isinstance(value, str) and (kind == _DATE or kind in _TIMES):
        import datetime  # large and rarely needed: imported here to keep it out of every cell

        return datetime.date.fromisoformat(value[:10]) if kind == _DATE else datetime.datetime.fromisoformat(value)
    return value
