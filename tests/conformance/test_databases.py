"""SQL on a real MariaDB server, and GraphQL on a local server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import uv
from msgspec.structs import replace
from tests.mariadb import Address, mariadb_server
from tests.worker.jobs import LEVELS, Ran, run, run_spec, spec

from orvanta_platform.worker.runtimes.pool import Runtimes

pytestmark = pytest.mark.extended


@pytest.fixture(scope="module")
async def runtimes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Runtimes]:
    made = Runtimes(tmp_path_factory.mktemp("home"), [], LEVELS[0])
    await made.start()
    yield made
    await made.close()


@pytest.fixture(scope="module")
def driver(runtimes: Runtimes) -> str:
    """Install the driver as the package of a job; return the name of the package."""
    package = "admins/mysql"
    command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--system-certs", "--target"]
    if subprocess.run([*command, str(runtimes.packages / package), "pymysql"], check=False).returncode:
        pytest.skip("pymysql cannot be installed")
    return package


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Address]:
    with mariadb_server() as address:
        yield address


class Sql:
    """Runs scripts on the server."""

    def __init__(self, runtimes: Runtimes, package: str, address: Address) -> None:
        self._runtimes, self._package, self.address = runtimes, package, address

    async def __call__(self, content: str, args: Address | None = None, **options: Any) -> Ran:
        made = spec("mysql", content, {"database": self.address} | (args or {}), **options)
        return await run_spec(self._runtimes, replace(made, package=self._package))


@pytest.fixture
def sql(runtimes: Runtimes, driver: str, mariadb: Address) -> Sql:
    return Sql(runtimes, driver, mariadb)


async def test_arguments_and_rows(sql: Sql) -> None:
    content = """
    -- ? first (int)
    -- ? name (text) = 50 % of ž;
    create or replace table test_rows (id int, name text, doc json);
    insert into test_rows values (?, ?, '{"a": [1, "?"]}'), (2, 'a;b', null);
    select id, name, doc, id from test_rows order by id;
    """
    assert (await sql(content, {"first": 1})).value == [
        {"id": 1, "name": "50 % of ž;", "doc": '{"a": [1, "?"]}', "id_2": 1},
        {"id": 2, "name": "a;b", "doc": None, "id_2": 2},
    ]
    named = "-- :a (int)\n-- :b (json)\nselect :a + 1 as n, json_extract(:b, '$.x') as x, '100%' as p"
    assert (await sql(named, {"a": 4, "b": {"x": "y"}})).value == [{"n": 5, "x": '"y"', "p": "100%"}]
    assert (await sql("-- nothing\n;")).value == []
    assert (await sql("create or replace table test_rows (id int)")).value == []


async def test_missing_argument_is_null(sql: Sql) -> None:
    assert (await sql("-- ? a (int)\nselect ? as a")).value == [{"a": None}]
    assert (await sql("-- :a\nselect :a as a")).value == [{"a": None}]


async def test_comments_select_result_and_names(sql: Sql) -> None:
    content = (
        "-- result_collection=all_statements_first_row_scalar\n-- %%t%% one/two\nselect 1, 2; select n from %%t%%;"
    )
    made = "create or replace table two as select 7 as n"
    assert (await sql(made)).value == []
    assert (await sql(content, {"t": "two"})).value == [1, 7]
    assert (await sql(content, {"t": "mysql.user"})).error[0] == "BadArgument"


async def test_types_become_json(sql: Sql) -> None:
    content = """select 1 as whole, 1.50 as exact, 0.1234567890123456789 as long_one, null as nothing, true as truth,
    timestamp '2026-01-02 03:04:05' as moment, date '2026-01-02' as day, x'ff00' as bytes, 'ž🐈' as text"""
    assert (await sql(content)).value == [
        {
            "whole": 1,
            "exact": 1.5,
            "long_one": "0.1234567890123456789",
            "nothing": None,
            "truth": 1,
            "moment": "2026-01-02T03:04:05",
            "day": "2026-01-02",
            "bytes": "/wA=",
            "text": "ž🐈",
        }
    ]


async def test_stored_program(sql: Sql) -> None:
    content = """create or replace procedure twice(n int) begin
      if n > 1 then select n * 2 as n; end if;
    end;
    call twice(21)"""
    assert (await sql(content)).value == [{"n": 42}]


async def test_errors_and_limits(sql: Sql) -> None:
    name, message = (await sql("select 1;\n\nselect * from absent")).error
    assert name == "MySQLError" and "absent" in message and "(statement 2, line 3)" in message
    assert (await sql("-- ? a (date)\nselect ?", {"a": "x"})).error[0] == "BadArgument"
    assert (await sql("select repeat('x', 2000) as x", result_bytes=1000)).error[0] == "result_too_large"
    assert (await sql("select sleep(100)", timeout_s=1)).error[0] == "Timeout"
    sql.address = sql.address | {"password": "wrong"}
    assert (await sql("select 1")).error[0] == "NoDatabase"
    sql.address = {}
    assert (await sql("select 1")).error == ("NoDatabase", "the resource names no host")


async def test_missing_driver_is_named(runtimes: Runtimes) -> None:
    for language in ("mysql", "mssql", "snowflake", "bigquery"):
        name, message = (await run(runtimes, language, "select 1", {"database": {"host": "x"}})).error
        assert name in ("no_runtime", "NoDatabase"), message


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/graphql?authorization=" + str(self.headers["Authorization"]))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer: Any = {"data": {"echo": body["variables"], "token": self.headers["Authorization"]}}
        if "broken" in body["query"]:
            answer = {"data": None, "errors": [{"message": "no field broken", "path": ["a", 0]}]}
        text = b"not json" if "text" in body["query"] else json.dumps(answer).encode()
        self.send_response(503 if "text" in body["query"] else 200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


async def test_graphql(runtimes: Runtimes) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api = {"base_url": f"http://127.0.0.1:{server.server_port}/graphql", "bearer_token": "t"}
    try:
        sent = "query ($id: ID!, $n: Int = 3) { echo }"
        moved = api | {"base_url": f"http://127.0.0.1:{server.server_port}/moved"}
        ran, broken, text, redirected = await asyncio.gather(
            run(runtimes, "graphql", sent, {"api": api, "id": "ž", "other": 1}),
            run(runtimes, "graphql", "{ broken }", {"api": api}, slot=1),
            run(runtimes, "graphql", "{ text }", {"api": api}, slot=2),
            run(runtimes, "graphql", "{ a }", {"api": moved}, slot=3),
        )
    finally:
        server.shutdown()
        server.server_close()
    assert ran.value == {"echo": {"id": "ž"}, "token": "Bearer t"}
    assert broken.error == ("GraphQLError", "no field broken (at a.0)")
    assert text.error == ("GraphQLError", "the server answered 503: not json")
    assert redirected.error == ("GraphQLError", "the server answered 302: "), "headers stay with the server"
    assert (await run(runtimes, "graphql", "{ a }", {"api": api})).error[0] == "NoServer"
    assert (await run(runtimes, "graphql", "{ a }", {"api": {"base_url": "file:///etc"}})).error[0] == "NoServer"
