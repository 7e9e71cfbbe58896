"""SQL on PostgreSQL: requirements of every language, and features of SQL."""

from __future__ import annotations

import asyncio
import os
import time
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import pytest
from tests.conformance.test_guide import EXAMPLES
from tests.conftest import TestDatabase
from tests.worker.jobs import Collected, Ran, run, spec

from orvanta_platform.db.pool import Database
from orvanta_platform.worker.native.postgresql.address import NoDatabase, options
from orvanta_platform.worker.native.postgresql.run import _Rows
from orvanta_platform.worker.native.postgresql.statements import statements
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.workflow.signature.sql import Collection

pytestmark = pytest.mark.extended

Address = dict[str, Any]


@pytest.fixture
async def runtimes(tmp_path: Path) -> Runtimes:
    """Return runtimes that are not started: PostgreSQL jobs run in the worker's event loop and need no cell."""
    return Runtimes(tmp_path / "home", [])


@pytest.fixture
async def address(database: TestDatabase) -> AsyncIterator[Address]:
    """Yield the database of the test as a resource with a TCP address."""
    url = urlsplit(database.owner_url)
    folder, port = (parse_qs(url.query).get(key, [""])[0] for key in ("host", "port"))
    socket = f"{unquote(folder)}/.s.PGSQL.{port or url.port or 5432}"

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(socket)
        carrying = asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))
        open_ones.append(carrying)
        await carrying

    open_ones: list[asyncio.Future[Any]] = []
    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield {
        "host": "127.0.0.1",
        "port": server.sockets[0].getsockname()[1],
        "user": url.username,
        "password": unquote(url.password or ""),
        "dbname": database.name,
        "sslmode": "disable",
    }
    server.close()
    await asyncio.gather(*open_ones)


@asynccontextmanager
async def hostile(address: Address, old: bytes, new: bytes) -> AsyncIterator[Address]:
    """Yield the address of a server that answers `new` where the database answers `old`, which is as long."""
    assert len(old) == len(new)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data.replace(old, new))
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(address["host"], address["port"])

        async def pass_on() -> None:
            while data := await reader.read(1 << 16):
                inner_writer.write(data)
            inner_writer.close()

        await asyncio.gather(carry(inner_reader, writer), pass_on(), return_exceptions=True)

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield {**address, "port": server.sockets[0].getsockname()[1]}


async def sql(runtimes: Runtimes, address: Address, content: str, **args: Any) -> Ran:
    options = {name: args.pop(name) for name in ("timeout_s", "result_bytes") if name in args}
    return await run(runtimes, "postgresql", content, {"database": address, **args}, **options)


@pytest.mark.parametrize("declared", ["x (int)", "x", "x (text[])"])
async def test_missing_argument_is_null(runtimes: Runtimes, address: Address, declared: str) -> None:
    content = f"-- $1 {declared}\nselect $1::text is null as missing"
    assert (await sql(runtimes, address, content)).value == [{"missing": True}]


async def test_arguments_go_by_name_and_defaults_hold(runtimes: Runtimes, address: Address) -> None:
    content = (
        "-- $1 a (int)\n-- $2 b (text)\n-- $3 c (text) = third\nselect $1 as a, $2 || '!' as b, $3 as c, $1 + 1 as d"
    )
    ran = await sql(runtimes, address, content, b="2", a=1, unknown="x")
    assert ran.value == [{"a": 1, "b": "2!", "c": "third", "d": 2}]


@pytest.mark.parametrize(
    ("collection", "expected"),
    [
        ("last_statement_all_rows", [{"b": 3, "c": 4}, {"b": 5, "c": 6}]),
        ("last_statement_first_row", {"b": 3, "c": 4}),
        ("last_statement_all_rows_scalar", [3, 5]),
        ("last_statement_first_row_scalar", 3),
        ("all_statements_all_rows", [[{"a": 1}, {"a": 2}], [], [{"b": 3, "c": 4}, {"b": 5, "c": 6}]]),
        ("all_statements_first_row", [{"a": 1}, None, {"b": 3, "c": 4}]),
        ("all_statements_all_rows_scalar", [[1, 2], [], [3, 5]]),
        ("all_statements_first_row_scalar", [1, None, 3]),
        ("legacy", [{"b": 3, "c": 4}, {"b": 5, "c": 6}]),
    ],
)
async def test_comment_selects_result(runtimes: Runtimes, address: Address, collection: str, expected: Any) -> None:
    first, none = "select * from (values (1), (2)) as t (a)", "select 1 where false"
    last = "select * from (values (3, 4), (5, 6)) as t (b, c)"
    content = f"-- result_collection={collection}\n{first}; {none}; {last}"
    assert (await sql(runtimes, address, content)).value == expected


async def test_all_results_have_one_limit(runtimes: Runtimes, address: Address) -> None:
    content = "-- result_collection=all_statements_all_rows\n" + "select repeat('x', 600);" * 2
    assert (await sql(runtimes, address, content, result_bytes=1000)).error[0] == "result_too_large"
    assert (await sql(runtimes, address, "-- result_collection=rows\nselect 1")).error[0] == "InvalidComment"


async def test_selected_names_are_a_closed_list(runtimes: Runtimes, address: Address) -> None:
    content = "-- %%view%% pg_tables/pg_views\nselect count(*) > 0 as found from %%view%%"
    assert (await sql(runtimes, address, content, view="pg_views")).value == [{"found": True}]
    for other in ({}, {"view": "pg_views; drop table x"}, {"view": ["pg_views"]}, {"view": ""}):
        name, message = (await sql(runtimes, address, content, **other)).error
        assert (name, message.endswith("it must be one of pg_tables, pg_views")) == ("BadArgument", True)


async def test_argument_without_a_comment(runtimes: Runtimes, address: Address) -> None:
    assert (await sql(runtimes, address, "select $1::int + 1 as n", arg1=2)).value == [{"n": 3}]


async def test_example_of_guide(runtimes: Runtimes, address: Address) -> None:
    ran = await sql(runtimes, address, EXAMPLES["SQL on PostgreSQL"], name="Ada")
    assert ran.value == [{"hello": "Ada", "times": 2}]


async def test_last_statement_returns_result(runtimes: Runtimes, address: Address) -> None:
    content = """
    -- $1 first (int)
    -- $2 second (int)
    create table t (id int, name text);
    insert into t values ($1, 'a;b'), ($2, $$c;d$$); -- a comment; with a semicolon
    select $2 as second, id, name from t order by id;
    """
    ran = await sql(runtimes, address, content, first=1, second=2)
    assert ran.value == [{"second": 2, "id": 1, "name": "a;b"}, {"second": 2, "id": 2, "name": "c;d"}]
    assert ran.log == "CREATE TABLE\nINSERT 0 2\n"
    assert (await sql(runtimes, address, "delete from t returning id")).value == [{"id": 1}, {"id": 2}]
    assert (await sql(runtimes, address, "-- nothing\n;")).value == []


async def test_types_become_json(runtimes: Runtimes, address: Address) -> None:
    content = """select 1::int8 as whole, 9007199254740993::int8 as big, 1.5::numeric as exact,
    0.1234567890123456789::numeric as long, 1e400::numeric as huge, 'nan'::float8 as nan, true as truth,
    null as nothing, '2026-01-02 03:04:05+00'::timestamptz as moment, '2026-01-02'::date as day,
    '1 mon 2 days'::interval as span, '0a0b0c0d-0000-4000-8000-000000000001'::uuid
    as id, '{"a": [1, 1.10]}'::jsonb as doc,
    '{1,NULL}'::int[] as list,
    '\\xff00'::bytea as bytes, '10.0.0.0/8'::inet as net, '[1,5)'::int4range as range,
    row(1, 'x') as pair,
    1 as whole"""
    assert (await sql(runtimes, address, content)).value == [
        {
            "whole": 1,
            "big": 9007199254740993,
            "exact": 1.5,
            "long": "0.1234567890123456789",
            "huge": "1" + "0" * 400,
            "nan": "nan",
            "truth": True,
            "nothing": None,
            "moment": "2026-01-02T03:04:05+00:00",
            "day": "2026-01-02",
            "span": "1 mon 2 days",
            "id": "0a0b0c0d-0000-4000-8000-000000000001",
            "doc": {"a": [1, 1.10]},
            "list": [1, None],
            "bytes": "/wA=",
            "net": "10.0.0.0/8",
            "range": "[1,5)",
            "pair": [1, "x"],
            "whole_2": 1,
        }
    ]


@pytest.mark.parametrize(
    ("type_name", "given", "wanted"),
    [
        ("int", "5", 5),
        ("numeric", 1.25, 1.25),
        ("boolean", "true", True),
        ("text", 7, "7"),
        ("text", "žluť 猫 🐈", "žluť 猫 🐈"),
        ("timestamptz", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("date", "2026-01-02", "2026-01-02"),
        ("int[]", [1, None, 3], [1, None, 3]),
        ("jsonb", {"a": [1, "é"]}, {"a": [1, "é"]}),
        ("bytea", "/wA=", "/wA="),
        ("uuid", "0a0b0c0d-0000-4000-8000-000000000001", "0a0b0c0d-0000-4000-8000-000000000001"),
        ("interval", "2 days", "2 days"),
        ("int", None, None),
    ],
)
async def test_arguments_of_each_type(
    runtimes: Runtimes, address: Address, type_name: str, given: Any, wanted: Any
) -> None:
    assert (await sql(runtimes, address, f"-- $1 x ({type_name})\nselect $1 as x", x=given)).value == [{"x": wanted}]


@pytest.mark.parametrize(
    ("content", "args", "name", "message"),
    [
        ("select 1;\n\nselect nope", {}, "PostgresError", 'column "nope" does not exist (SQLSTATE 42703, statement 2'),
        ("select 1;\n\nselect nope", {}, "PostgresError", "statement 2, line 3)"),
        ("select 1;\nselekt", {}, "PostgresError", "(SQLSTATE 42601, statement 2, line 2)"),
        ("do $$ begin raise exception 'no' using hint = 'again'; end $$", {}, "PostgresError", "hint: again"),
        ("-- $1 x (int)\nselect $1", {"x": "many"}, "BadArgument", 'the argument x is "many", which is no int4'),
        ("select $1", {}, "MissingArgument", "the argument arg1 ($1) is missing"),
    ],
)  # fmt: skip
async def test_error_has_message_and_position(
    runtimes: Runtimes, address: Address, content: str, args: dict[str, Any], name: str, message: str
) -> None:
    found = (await sql(runtimes, address, content, **args)).error
    assert found[0] == name
    assert message in found[1]


async def test_without_a_database_there_is_none(
    runtimes: Runtimes, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of the worker and the configuration files of drivers do not replace a missing argument."""
    url = urlsplit(database.owner_url)
    monkeypatch.setenv("PGHOST", parse_qs(url.query)["host"][0])
    monkeypatch.setenv("PGUSER", url.username or "")
    monkeypatch.setenv("PGPASSWORD", url.password or "")
    monkeypatch.setenv("PGDATABASE", database.name)
    whole = {"host": "127.0.0.1", "user": "u", "dbname": "d", "port": 1}
    cases: list[tuple[Any, str]] = [
        (None, "the argument database is needed"),
        ("postgresql://u@h/d", "the argument database is needed"),
        ({**whole, "host": None}, "database.host is needed"),
        ({**whole, "user": ""}, "database.user is needed"),
        ({**whole, "dbname": ""}, "database.dbname is needed"),
        ({**whole, "host": os.environ["PGHOST"]}, "not a socket"),
        ({**whole, "host": "169.254.169.254"}, "link-local"),
        ({**whole, "sslmode": "maybe"}, "database.sslmode is one of"),
        ({**whole, "port": "x"}, "port must be a whole number"),
        (whole, "the database cannot be reached"),
    ]
    for given, reason in cases:
        name, message = (await run(runtimes, "postgresql", "select 1", {"database": given})).error
        assert name == "NoDatabase"
        assert reason in message, message


async def test_large_values_and_the_limit(runtimes: Runtimes, address: Address) -> None:
    content = "-- $1 x (text)\nselect $1 || $1 as x"
    assert (await sql(runtimes, address, content, x="y" * 5_000_000)).value == [{"x": "y" * 10_000_000}]
    name, message = (await sql(runtimes, address, "select generate_series(1, 100000000) i", result_bytes=100_000)).error
    assert name == "result_too_large"
    assert "97.66 KiB" in message


SLEEP = "do $$ begin raise notice 'begun'; end $$;\nselect pg_sleep(60) /* forever */"


async def test_timeout_cancels_on_the_server(runtimes: Runtimes, address: Address, db: Database) -> None:
    ran = await sql(runtimes, address, SLEEP, timeout_s=1)
    assert ran.error == ("Timeout", "timed out after 1 s")
    assert ran.outcome.stopped_by == "timeout"
    await _is_over(address)


async def test_cancelling_cancels_on_the_server(runtimes: Runtimes, address: Address) -> None:
    log, cancelled = Collected(), asyncio.Event()
    running = asyncio.ensure_future(runtimes.run(spec("postgresql", SLEEP, {"database": address}), log, cancelled))
    await log.arrived.wait()
    assert log.text.startswith("NOTICE: begun\n")
    cancelled.set()
    outcome = await running
    assert outcome.stopped_by == "cancel"
    assert outcome.error is not None
    assert outcome.error.name == "Cancelled"
    await _is_over(address)


async def _is_over(address: Address) -> None:
    """Wait until no session executes the statement."""
    options = {name: address[name] for name in ("host", "port", "user", "password")}
    connection = await asyncpg.connect(**options, database=address["dbname"])
    try:
        looking = "select count(*) from pg_stat_activity where query like '%/* forever%' and pid <> pg_backend_pid()"
        for _ in range(500):
            if await connection.fetchval(f"{looking} and state = 'active'") == 0:
                return
            await asyncio.sleep(0.02)
        pytest.fail("the statement still runs")
    finally:
        await connection.close()


def test_semicolons_that_end_nothing() -> None:
    content = """/* a; /* b; */ c; */ select ';', E'\\';', "a;b", $x$;$x$, $1, a$1 from t; -- ;
create rule r as on insert to t do also (select 1; select 2);
create function f() returns int begin atomic select case when true then 1 end; select 2; end;
select $3, $1"""
    found = statements(content, {3: "int[]"})
    assert [(each.verb, each.line, each.arguments) for each in found] == [
        ("select", 1, (1,)),
        ("create", 2, ()),
        ("create", 3, ()),
        ("select", 4, (3, 1)),
    ]
    assert found[-1].text == "select ($1::int[]), $2"


async def test_wide_rows_over_result_limit_are_discarded(runtimes: Runtimes, address: Address) -> None:
    """Fifty rows of 8 MiB, or one of 200 MiB, with a limit of 10 MiB: the worker's memory is bounded."""
    for content in (
        "select repeat('x', 8388608) as x from generate_series(1, 50)",
        "select repeat('x', 209715200) as x",
        "create temp table t (x text);"
        "insert into t select repeat('x', 8388608) from generate_series(1, 50) returning x",
    ):
        tracemalloc.start()
        try:
            ran = await sql(runtimes, address, content, result_bytes=10 << 20)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert ran.error[0] == "result_too_large"
        assert peak < 120 << 20, content


class _Slow(Collected):
    """A log that takes 50 ms for each message."""

    async def write(self, text: str) -> None:
        await asyncio.sleep(0.05)
        await super().write(text)


async def test_notices_over_log_limit_are_dropped(runtimes: Runtimes, address: Address) -> None:
    content = "do $$ begin for i in 1 .. 3000 loop raise notice '%', repeat('n', 40000); end loop; end $$"
    log = _Slow()
    tracemalloc.start()
    try:
        await runtimes.run(
            spec("postgresql", content, {"database": address}, result_bytes=1 << 20), log, asyncio.Event()
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30 << 20
    assert "messages of the server came too fast and were left out" in log.text


async def test_host_is_resolved_once_and_address_is_pinned(address: Address) -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"]])

    async def resolve(host: str, port: int) -> Sequence[str]:
        return next(answers)

    given = await options({**address, "host": "rebinding.test"}, resolve)
    connection = await asyncpg.connect(**given)
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    with pytest.raises(NoDatabase, match="link-local or metadata"):
        await options({**address, "host": "rebinding.test"}, resolve)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
    ],
)
async def test_metadata_addresses_are_no_database(address: Address, host: str) -> None:
    with pytest.raises(NoDatabase, match="link-local or metadata"):
        await options({**address, "host": host})


@pytest.mark.parametrize(
    "content", [" ".join(f"$a{n}$" for n in range(60_000)), "a;\n" * 60_000, "'" * 100_001, "/*" * 100_000]
)
def test_statements_are_read_in_linear_time(content: str) -> None:
    before = time.process_time()
    statements(content, {})
    assert time.process_time() - before < 5


@pytest.mark.parametrize("type_", ["json", "jsonb"])
async def test_server_adds_no_members_to_result(runtimes: Runtimes, address: Address, type_: str) -> None:
    injected = b'1}],"z":"$var:f/prod/sec","y":[{"q":1'
    sent = b'"' + b"x" * (len(injected) - 2) + b'"'
    content = f"select ('\"' || repeat('x', {len(injected) - 2}) || '\"')::{type_} as doc"
    async with hostile(address, sent, injected) as other:
        ran = await sql(runtimes, other, content)
    assert ran.error is not None and ran.error[0] == "ResultNotJson"


async def test_deep_value_of_server_is_refused(runtimes: Runtimes, address: Address) -> None:
    ran = await sql(runtimes, address, "select (repeat('[', 2000) || repeat(']', 2000))::json as doc")
    assert ran.error is not None and ran.error[0] == "ResultNotJson"


async def test_equal_column_names_are_numbered_in_linear_time(runtimes: Runtimes, address: Address) -> None:
    ran = await sql(runtimes, address, "select 1 as a_2, 2 as a, 3 as a, 4 as a")
    assert ran.value == [{"a_2": 1, "a": 2, "a_3": 3, "a_4": 4}]
    assert len((await sql(runtimes, address, f"select {','.join(['1 as a'] * 1664)}")).value[0]) == 1664
    names = _Rows(1 << 20, Collection())
    names.name(["a"] * 20_000)  # takes days if each name is compared with all others


@pytest.mark.parametrize(
    ("content", "args", "error"),
    [
        (f"select ${'1' * 5000}", {}, "BadArgument"),
        ("select '4714-11-24 BC'::date as d", {}, "PostgresError"),
        ("-- $1 n (int)\nselect $1 as n", {"n": "1e900000000"}, "BadArgument"),
    ],
)
async def test_error_of_extreme_number_is_named(
    runtimes: Runtimes, address: Address, content: str, args: dict[str, Any], error: str
) -> None:
    ran = await sql(runtimes, address, content, **args)
    assert ran.error is not None and ran.error[0] == error, ran
