"""Runs a SQL script on the PostgreSQL that its argument `database` names. SQL of users is data here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any, Final

import asyncpg
import msgspec

from orvanta_platform.units import size_text
from orvanta_platform.worker.native.postgresql import values
from orvanta_platform.worker.native.postgresql.address import NoDatabase, options
from orvanta_platform.worker.native.postgresql.statements import Statement, statements
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, LogSink, StoppedBy
from orvanta_platform.worker.runtimes.streams import Log
from orvanta_platform.workflow.signature.sql import Declared, declared

_CLOSE_S: Final = 2.0
_BATCH: Final = 500
_ROWS: Final = frozenset({"select", "with", "values", "table"})
"""Statements whose rows come in batches, so that a result over its limit ends them."""


class _Failed(Exception):
    """The job's error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.error = JobError(name, message)


async def run(spec: JobSpec, sink: LogSink, cancelled: asyncio.Event) -> JobOutcome:
    """Run the job `spec`; its statements are cancelled on the server at its timeout and when `cancelled` is set."""
    log = Log(sink, spec.limits)
    running = asyncio.ensure_future(_rows(spec, log))
    cancelling = asyncio.ensure_future(cancelled.wait())
    most_s = min(spec.timeout_s, spec.limits.time_s)
    try:
        await asyncio.wait({running, cancelling}, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return JobOutcome(running.result(), None, 0, started=True)
        if cancelling.done():
            return _failed(JobError("Cancelled", "cancelled"), "cancel")
        return _failed(JobError("Timeout", f"timed out after {most_s:g} s"), "timeout")
    except _Failed as failed:
        return _failed(failed.error, "result" if failed.error.name == "result_too_large" else None)
    finally:
        for task in (running, cancelling):
            task.cancel()
        await asyncio.gather(running, cancelling, return_exceptions=True)


def _failed(error: JobError, stopped_by: StoppedBy | None) -> JobOutcome:
    return JobOutcome(None, error, 0, started=True, stopped_by=stopped_by)


async def _rows(spec: JobSpec, log: Log) -> bytes:
    """The rows of the last statement as a JSON array of objects."""
    args: dict[str, Any] = json.loads(spec.args or b"{}", parse_float=Decimal)
    wanted = declared(spec.content)
    todo = statements(spec.content, {number: each.type for number, each in wanted.items() if each.type})
    rows = _Rows(spec.limits.result_bytes)
    async with _connected(args.get("database")) as connection, _said(connection, log) as say:
        for number, statement in enumerate(todo, 1):
            rows = _Rows(spec.limits.result_bytes)
            try:
                status = await _execute(connection, statement, _given(statement, wanted, args), rows)
                asyncio.get_running_loop().call_soon(say, status)  # as the driver does with what the server says
            except asyncpg.PostgresError as error:
                raise _Failed("PostgresError", _told(error, number, statement)) from error
            except (asyncpg.InterfaceError, OSError) as error:
                raise _Failed("PostgresError", f"{error} (statement {number}, line {statement.line})") from error
    return rows.json()


@asynccontextmanager
async def _connected(database: Any) -> AsyncIterator[Any]:
    try:
        connection = await asyncpg.connect(**await options(database))
    except NoDatabase as error:
        raise _Failed("NoDatabase", str(error)) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise _Failed("NoDatabase", f"the database cannot be reached: {error or type(error).__name__}") from error
    try:
        for name in values.AS_TEXT:
            await connection.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=str, format="text")
        for name in ("json", "jsonb"):
            await connection.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=values.raw_json)
        yield connection
    finally:
        with suppress(Exception):
            await connection.close(timeout=_CLOSE_S)  # after a cancelled statement this waits for its end
        connection.terminate()


@asynccontextmanager
async def _said(connection: Any, log: Log) -> AsyncIterator[Callable[[str], None]]:
    """What the server says beside its answers (RAISE NOTICE) goes to the log, and what is put into what this gives."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    connection.add_log_listener(lambda _, message: lines.put_nowait(f"{message.severity}: {message.message}\n"))

    async def pump() -> None:
        while True:
            await log.write(await lines.get())

    pumping = asyncio.ensure_future(pump())
    try:
        yield lines.put_nowait
    finally:
        await asyncio.sleep(0)
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
        while not lines.empty():
            await log.write(lines.get_nowait())


def _given(statement: Statement, wanted: Mapping[int, Declared], args: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The names and values of the statement's parameters."""
    return [_one_given(number, wanted, args) for number in statement.arguments]


def _one_given(number: int, wanted: Mapping[int, Declared], args: Mapping[str, Any]) -> tuple[str, Any]:
    if number not in wanted:
        raise _Failed("MissingArgument", f"${number} has no name: write a line `-- ${number} name (type)`")
    each = wanted[number]
    if each.name in args:
        return each.name, args[each.name]
    if each.required:
        raise _Failed("MissingArgument", f"the argument {each.name} (${number}) is missing")
    return each.name, each.default


async def _execute(connection: Any, statement: Statement, given: list[tuple[str, Any]], rows: _Rows) -> str:
    """Add the statement's rows to `rows`; gives a line that says what it did, none for one that reads."""
    prepared = await connection.prepare(statement.text)
    types = prepared.get_parameters()
    args = [_argument(*each, wanted.name) for each, wanted in zip(given, types, strict=True)]
    rows.name([attribute.name for attribute in prepared.get_attributes()])
    if statement.verb in _ROWS:
        async with connection.transaction():
            cursor = await prepared.cursor(*args)
            while batch := await cursor.fetch(_BATCH):
                rows.add(batch)
        return ""
    rows.add(await prepared.fetch(*args))
    return f"{prepared.get_statusmsg()}\n"


def _argument(name: str, value: Any, type_name: str) -> Any:
    try:
        return values.argument(value, type_name)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        shown = json.dumps(value, default=str, ensure_ascii=False)[:100]
        raise _Failed("BadArgument", f"the argument {name} is {shown}, which is no {type_name}") from error


def _told(error: asyncpg.PostgresError, number: int, statement: Statement) -> str:
    place = f"statement {number}, line {statement.line}"
    said = [f"{error.message} (SQLSTATE {error.sqlstate}, {place})"]
    said += [f"{name}: {text}" for name in ("detail", "hint") if (text := getattr(error, name, None))]
    return "\n".join(said)


class _Rows:
    """The rows of one statement as JSON, up to the limit of a result."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self._names: list[str] = []
        self._encoded: list[bytes] = []

    def name(self, columns: list[str]) -> None:
        """Columns of the same name are told apart: a, a_2."""
        for column in columns:
            name, count = column, 1
            while name in self._names:
                count += 1
                name = f"{column}_{count}"
            self._names.append(name)

    def add(self, batch: list[asyncpg.Record]) -> None:
        for record in batch:
            row = dict(zip(self._names, map(values.as_json, record.values()), strict=True))
            text = msgspec.json.encode(row)
            self._left -= len(text) + 1
            if self._left < 1:
                raise _Failed("result_too_large", f"the result is larger than the limit of {size_text(self._most)}")
            self._encoded.append(text)

    def json(self) -> bytes:
        return b"[" + b",".join(self._encoded) + b"]"
