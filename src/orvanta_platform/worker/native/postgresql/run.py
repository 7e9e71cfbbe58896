"""Execution of a SQL script on the PostgreSQL server that its argument `database` names.

The SQL comes from users and is treated as data.
"""

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
from orvanta_platform.worker.limited_log import LimitedLog
from orvanta_platform.worker.native.postgresql import values
from orvanta_platform.worker.native.postgresql.address import NoDatabase, options
from orvanta_platform.worker.native.postgresql.meter import Meter
from orvanta_platform.worker.native.postgresql.statements import InvalidParameter, Statement, statements
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec, LogSink, StoppedBy
from orvanta_platform.workflow.signature.sql import Collection, Declared, Refused, declared, prepare, unnamed

_CLOSE_S: Final = 2.0
_BATCH: Final = 500
_BATCH_BYTES: Final = 4 << 20
"""Bytes of rows fetched at a time, estimated from the size of earlier rows."""

_SLACK: Final = 1 << 20
_MESSAGE_CHARS: Final = 1 << 20
"""Characters of messages that may wait for the log; further messages are dropped and counted."""

_ROWS: Final = frozenset({"select", "with", "values", "table"})
"""Verbs of statements whose rows are fetched in batches, so that a result over its limit ends them early."""


class _Failed(Exception):
    """Raised with the error of the job."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.error = JobError(name, message)


async def run(spec: JobSpec, sink: LogSink, cancelled: asyncio.Event) -> JobOutcome:
    """Run the job `spec`. Its statements are cancelled on the server at its timeout and when `cancelled` is set."""
    log = LimitedLog(sink, spec.limits)
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
    except InvalidParameter as error:
        return _failed(JobError("BadArgument", str(error)), None)
    except _Failed as failed:
        return _failed(failed.error, "result" if failed.error.name == "result_too_large" else None)
    finally:
        for task in (running, cancelling):
            task.cancel()
        await asyncio.gather(running, cancelling, return_exceptions=True)


def _failed(error: JobError, stopped_by: StoppedBy | None) -> JobOutcome:
    return JobOutcome(None, error, 0, started=True, stopped_by=stopped_by)


async def _rows(spec: JobSpec, log: LimitedLog) -> bytes:
    """Return the rows of the last statement as a JSON array of objects, or as a comment requires."""
    args: dict[str, Any] = json.loads(spec.args or b"{}", parse_float=Decimal)
    parameters = declared(spec.content)
    types = {number: each.type for number, each in parameters.items() if each.type}
    try:
        collection, content = prepare(spec.content, args)
    except Refused as refused:
        raise _Failed(*refused.args) from refused
    todo = await asyncio.to_thread(statements, content, types)
    rows = _Rows(spec.limits.result_bytes, collection)
    collected: list[bytes] = []
    used = 0
    async with _connected(args.get("database")) as connection, _logged(connection, log) as (meter, write_line):
        for number, statement in enumerate(todo, 1):
            rows = _Rows(spec.limits.result_bytes, collection, used)
            try:
                values_ = _parameter_values(statement, parameters, args)
                status = await _execute(connection, meter, statement, values_, rows)
                asyncio.get_running_loop().call_soon(write_line, status)  # the driver schedules notices the same way
            except (msgspec.DecodeError, RecursionError) as error:
                text = f"the server sent a json value that is not JSON: {error} (statement {number})"
                raise _Failed("ResultNotJson", text) from error
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                if meter.is_over:
                    raise rows.too_large() from error
                if not isinstance(error, asyncpg.PostgresError):
                    raise _Failed("PostgresError", f"{error} (statement {number}, line {statement.line})") from error
                raise _Failed("PostgresError", _error_text(error, number, statement)) from error
            except (ValueError, OverflowError, asyncpg.InternalClientError) as error:
                text = f"a value of the server cannot be read: {error} (statement {number}, line {statement.line})"
                raise _Failed("PostgresError", text) from error
            if collection.all_statements:
                collected.append(rows.json())
                used += len(collected[-1])
    return b"[" + b",".join(collected) + b"]" if collection.all_statements else rows.json()


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
            await connection.close(timeout=_CLOSE_S)  # waits for a cancelled statement to end
        connection.terminate()


@asynccontextmanager
async def _logged(connection: Any, log: LimitedLog) -> AsyncIterator[tuple[Meter, Callable[[str], None]]]:
    """Log notices of the server (RAISE NOTICE), and lines passed to the yielded function.

    Messages that arrive faster than the log accepts them are dropped.
    """
    meter = Meter(connection)
    lines: asyncio.Queue[str] = asyncio.Queue()
    waiting = dropped = 0

    def put(line: str) -> None:
        nonlocal waiting, dropped
        if waiting > _MESSAGE_CHARS:
            dropped += 1
            return
        waiting += len(line)
        lines.put_nowait(line)

    def on_notice(_: Any, message: Any) -> None:
        meter.credit(len(message.message))
        put(f"{message.severity}: {message.message}\n")

    async def write(line: str) -> None:
        nonlocal waiting, dropped
        waiting -= len(line)
        await log.write(line)
        if dropped and lines.empty():
            count, dropped = dropped, 0
            await log.write(f"{count} messages of the server came too fast and were left out\n")

    async def pump() -> None:
        while True:
            await write(await lines.get())

    connection.add_log_listener(on_notice)

    pumping = asyncio.ensure_future(pump())
    try:
        yield meter, put
    finally:
        await asyncio.sleep(0)
        pumping.cancel()
        await asyncio.gather(pumping, return_exceptions=True)
        while not lines.empty():
            await write(lines.get_nowait())


def _parameter_values(
    statement: Statement, parameters: Mapping[int, Declared], args: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    """Return the names and values of the statement's parameters.

    One that is declared in a comment and has neither value nor default is NULL.
    """
    return [_parameter_value(number, parameters, args) for number in statement.arguments]


def _parameter_value(number: int, parameters: Mapping[int, Declared], args: Mapping[str, Any]) -> tuple[str, Any]:
    each = parameters.get(number) or unnamed(number)
    if each.name in args:
        return each.name, args[each.name]
    if number not in parameters:
        raise _Failed("MissingArgument", f"the argument {each.name} (${number}) is missing")
    return each.name, each.default


async def _execute(
    connection: Any, meter: Meter, statement: Statement, parameters: list[tuple[str, Any]], rows: _Rows
) -> str:
    """Add the statement's rows to `rows` and return its status line, which is empty for one that only reads."""
    meter.allow(rows.acceptable)
    prepared = await connection.prepare(statement.text)
    types = prepared.get_parameters()
    args = [_argument(*each, expected.name) for each, expected in zip(parameters, types, strict=True)]
    rows.name([attribute.name for attribute in prepared.get_attributes()])
    if statement.verb in _ROWS:
        async with connection.transaction():
            cursor = await prepared.cursor(*args)
            size = 1
            while batch := await cursor.fetch(size):
                await rows.add(batch)
                size = rows.next_batch
                meter.allow(rows.acceptable)
            meter.allow(_SLACK)
        return ""
    await rows.add(await prepared.fetch(*args))
    return f"{prepared.get_statusmsg()}\n"


def _argument(name: str, value: Any, type_name: str) -> Any:
    try:
        return values.argument(value, type_name)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        shown = json.dumps(value, default=str, ensure_ascii=False)[:100]
        raise _Failed("BadArgument", f"the argument {name} is {shown}, which is no {type_name}") from error


def _error_text(error: asyncpg.PostgresError, number: int, statement: Statement) -> str:
    position = f"statement {number}, line {statement.line}"
    lines = [f"{error.message} (SQLSTATE {error.sqlstate}, {position})"]
    lines += [f"{name}: {text}" for name in ("detail", "hint") if (text := getattr(error, name, None))]
    return "\n".join(lines)


class _Rows:
    """Rows of one statement as JSON, up to the limit of a result, of which `used` bytes have other rows."""

    def __init__(self, limit: int, collection: Collection, used: int = 0) -> None:
        self._most = limit
        self._left = limit - used
        self._collection = collection
        self._names: list[str] = []
        self._encoded: list[bytes] = []

    def name(self, columns: list[str]) -> None:
        """Set the column names. Duplicate names get a suffix: a, a_2."""
        taken, counts = set[str](), dict[str, int]()
        for column in columns:
            name = column
            while name in taken:
                counts[column] = counts.get(column, 1) + 1
                name = f"{column}_{counts[column]}"
            taken.add(name)
            self._names.append(name)

    @property
    def acceptable(self) -> int:
        """Number of bytes that may arrive for the remaining rows, which may be longer on the wire than as JSON."""
        return 2 * self._left + _SLACK

    @property
    def next_batch(self) -> int:
        """Number of rows to fetch: about _BATCH_BYTES if they are as long as earlier rows."""
        mean = (self._most - self._left) // len(self._encoded) if self._encoded else 0
        return max(min(_BATCH, _BATCH_BYTES // max(mean, 1), 8 * len(self._encoded)), 1)

    def too_large(self) -> _Failed:
        """Return the error for rows over the limit."""
        return _Failed("result_too_large", f"the result is larger than the limit of {size_text(self._most)}")

    async def add(self, batch: list[asyncpg.Record]) -> None:
        for index, record in enumerate(batch):
            if index and index % _BATCH == 0:
                await asyncio.sleep(0)
            cells = map(values.as_json, record.values())
            row = next(cells, None) if self._collection.scalar else dict(zip(self._names, cells, strict=True))
            text = msgspec.json.encode(row)
            self._left -= len(text) + 1
            if self._left < 1:
                raise self.too_large()
            self._encoded.append(text)

    def json(self) -> bytes:
        if self._collection.first_row:
            return self._encoded[0] if self._encoded else b"null"
        return b"[" + b",".join(self._encoded) + b"]"
