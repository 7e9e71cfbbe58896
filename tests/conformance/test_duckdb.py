"""SQL in DuckDB: requirements of every language, and features of SQL."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.worker.jobs import Collected, Ran, run, spec, still_works

from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

_MISSING = BY_LANGUAGE["duckdb"].missing()
pytestmark = [pytest.mark.extended, pytest.mark.skipif(_MISSING is not None, reason=_MISSING or "")]

FOREVER = "select count(*) from range(1000000000) a, range(1000000000) b where a.range % 7 = b.range % 11"


async def sql(runtimes: Runtimes, content: str, args: dict[str, Any] | None = None, **options: Any) -> Ran:
    return await run(runtimes, "duckdb", content, args, **options)


@pytest.mark.parametrize(
    "content",
    [
        "-- $1 a (int)\n-- $2 b (text)\n-- $3 c (text) = third\nselect $1 as a, $2 || '!' as b, $3 as c",
        "-- $a (int)\n-- $b (text)\n-- $c (text) = third\nselect $a as a, $b || '!' as b, $c as c",
    ],
)
async def test_arguments_go_by_name_and_defaults_hold(runtimes: Runtimes, content: str) -> None:
    ran = await sql(runtimes, content, {"b": "2", "a": "1", "unknown": "x"})
    assert ran.value == [{"a": 1, "b": "2!", "c": "third"}]


@pytest.mark.parametrize("content", ["-- $1 x (int)\nselect $1 as x", "-- $x\nselect $x as x"])
async def test_missing_argument_is_null(runtimes: Runtimes, content: str) -> None:
    assert (await sql(runtimes, content)).value == [{"x": None}]


async def test_last_statement_returns_result(runtimes: Runtimes) -> None:
    content = """
    -- $first (int)
    create table t (id int, name text);
    insert into t values ($first, 'a;b'), (2, 'žluť 猫'); -- a comment; with a semicolon
    select id, name from t order by id;
    """
    assert (await sql(runtimes, content, {"first": 1})).value == [
        {"id": 1, "name": "a;b"},
        {"id": 2, "name": "žluť 猫"},
    ]
    assert (await sql(runtimes, "-- nothing\n;")).value == []


async def test_comments_select_result_and_names(runtimes: Runtimes) -> None:
    content = """-- result_collection=all_statements_first_row
    -- %%t%% one/two
    create table two as select 7 as n; select n from %%t%%;"""
    assert (await sql(runtimes, content, {"t": "two"})).value == [{"Count": 1}, {"n": 7}]
    assert (await sql(runtimes, content, {"t": "other"})).error[0] == "BadArgument"


async def test_types_become_json(runtimes: Runtimes) -> None:
    content = """select 1 as whole, 9007199254740993 as big, 1.50 as exact, 0.1234567890123456789 as long,
    'nan'::double as nan, true as truth, null as nothing, timestamptz '2026-01-02 03:04:05+00' = now() as moment,
    date '2026-01-02' as day, '0a0b0c0d-0000-4000-8000-000000000001'::uuid as id, '{"a": [1, 1.10]}'::json as doc,
    [1, null] as list, '\\xFF\\x00'::blob as bytes, {'x': 1, 'y': [2.5]} as pair, map {'k': 1} as map, 1 as whole"""
    (row,) = (await sql(runtimes, content)).value
    assert row == {
        "whole": 1,
        "big": 9007199254740993,
        "exact": 1.5,
        "long": "0.1234567890123456789",
        "nan": "nan",
        "truth": True,
        "nothing": None,
        "moment": False,
        "day": "2026-01-02",
        "id": "0a0b0c0d-0000-4000-8000-000000000001",
        "doc": {"a": [1, 1.10]},
        "list": [1, None],
        "bytes": "/wA=",
        "pair": {"x": 1, "y": [2.5]},
        "map": {"k": 1},
        "whole_2": 1,
    }
    moment = "set timezone = 'UTC'; select timestamptz '2026-01-02 03:04:05+00' as moment"
    assert (await sql(runtimes, moment)).value == [{"moment": "2026-01-02T03:04:05+00:00"}]


@pytest.mark.parametrize(
    ("type_name", "given", "wanted"),
    [
        ("int", "5", 5),
        ("decimal(6,2)", 1.25, 1.25),
        ("boolean", "true", True),
        ("text", 7, "7"),
        ("date", "2026-01-02", "2026-01-02"),
        ("int[]", [1, None, 3], [1, None, 3]),
        ("json", {"a": [1, "é"]}, '{"a": [1, "é"]}'),
        ("blob", "/wA=", "/wA="),
        ("int", None, None),
    ],
)
async def test_arguments_of_each_type(runtimes: Runtimes, type_name: str, given: Any, wanted: Any) -> None:
    assert (await sql(runtimes, f"-- $x ({type_name})\nselect $x as x", {"x": given})).value == [{"x": wanted}]


@pytest.mark.parametrize(
    ("content", "args", "name", "message"),
    [
        ("select 1;\n\n-- note\nselect nope", {}, "DuckDBError", "(statement 2, line 4)"),
        ("select 1;\nselekt", {}, "DuckDBError", "selekt"),
        ("-- $x (int)\nselect $x", {"x": "many"}, "BadArgument", 'the argument x is "many", which is no int'),
        ("select $x", {}, "MissingArgument", "the argument x ($x) is missing"),
    ],
)
async def test_error_has_message_and_position(
    runtimes: Runtimes, content: str, args: dict[str, Any], name: str, message: str
) -> None:
    found = (await sql(runtimes, content, args)).error
    assert found[0] == name
    assert message in found[1]


async def test_files_of_the_job_can_be_written_and_read(runtimes: Runtimes) -> None:
    content = "copy (select 1 as a) to 'f.parquet'; select a from 'f.parquet'"
    assert (await sql(runtimes, content)).value == [{"a": 1}]


async def test_large_values_and_the_limit(runtimes: Runtimes) -> None:
    content = "-- $x (text)\nselect $x || $x as x"
    assert (await sql(runtimes, content, {"x": "y" * 5_000_000})).value == [{"x": "y" * 10_000_000}]
    ran = await sql(runtimes, "select * from range(100000000)", result_bytes=100_000)
    assert ran.error == ("result_too_large", "the result is larger than the limit of 97.66 KiB")
    assert ran.outcome.stopped_by == "result"


async def test_timeout_kills_job_and_is_reported(runtimes: Runtimes) -> None:
    ran = await sql(runtimes, FOREVER, timeout_s=1)
    assert ran.error == ("Timeout", "timed out after 1 s")
    await still_works(runtimes)


async def test_cancel_kills_job_and_is_reported(runtimes: Runtimes) -> None:
    cancelled = asyncio.Event()
    running = asyncio.ensure_future(runtimes.run(spec("duckdb", FOREVER), Collected(), cancelled))
    cancelled.set()
    outcome = await running
    assert outcome.stopped_by == "cancel"
    await still_works(runtimes)


async def test_scripts_in_python_do_not_find_it(runtimes: Runtimes) -> None:
    ran = await run(runtimes, "python3", "import duckdb\ndef main(): pass")
    assert ran.error[0] == "ModuleNotFoundError"


async def test_of_the_machine_no_more_is_read_than_the_limits(runtimes: Runtimes, level: str) -> None:
    """The level landlock allows a few files outside of the job's folders, without which DuckDB does not start."""
    content = "import os\ndef main():\n    return os.listdir('/sys/fs/cgroup')"
    assert (await run(runtimes, "python3", content)).error[0] == (
        "PermissionError" if level == "landlock" else "FileNotFoundError"
    )
