"""Statements and placeholders of SQL scripts for MySQL, SQL Server and others."""

from __future__ import annotations

import pytest

from orvanta_platform.worker.runtimes.sql_text import BATCHES, MYSQL, STANDARD, Dialect, statements
from orvanta_platform.workflow.signature.schema import schema_of
from orvanta_platform.workflow.signature.sql import declared_by_mark

MARKED = """-- ? name (text)
-- ? age (int) = 3
select '?;%', ? as a, `b?` from t; # a ; comment
# another
insert into t values (?, @own, 5 % 2);
"""

PROGRAM = """create procedure p() begin
  if 1 then select 1; end if;
  select case when 1 then 2 else 3 end;
end;
call p()"""

BATCH = """-- @p1 name (nvarchar) = O'Neil
declare @x int = 1; select @p1, [a;b], @x
GO
select 2
go
"""


@pytest.mark.parametrize(
    ("dialect", "content", "wanted"),
    [
        (
            MYSQL,
            MARKED,
            [
                ("-- ? name (text)\n-- ? age (int) = 3\nselect '?;%%', %s as a, `b?` from t", ["?1"], 3),
                (" # a ; comment\n# another\ninsert into t values (%s, @own, 5 %% 2)", ["?2"], 5),
            ],
        ),
        (MYSQL, PROGRAM, [(PROGRAM.removesuffix(";\ncall p()"), [], 1), ("\ncall p()", [], 5)]),
        (
            BATCHES,
            BATCH,
            [
                (BATCH.partition("GO")[0].replace("@p1, [", "%s, ["), ["@p1"], 2),
                ("\nselect 2\n", [], 4),
            ],
        ),
        (STANDARD, "-- :a (int)\nselect :a::int, x:b", [("-- :a (int)\nselect %s::int, x:b", [":a"], 2)]),
        (STANDARD, " ;; -- nothing\n;", []),
    ],
)
def test_statements(dialect: Dialect, content: str, wanted: list[tuple[str, list[str], int]]) -> None:
    found = statements(content, dialect, declared_by_mark(content))
    assert [(each.text, each.marks, each.line) for each in found] == wanted


def test_inputs_are_read_from_comments() -> None:
    schema = schema_of("mysql", MARKED)
    assert schema is not None
    assert schema["properties"] == {
        "database": {"type": "object", "format": "resource-mysql"},
        "name": {"type": "string"},
        "age": {"type": "integer", "default": 3},
    }
    assert schema["required"] == ["database", "name"]
    found = schema_of("bigquery", "-- @day (date)\n-- @n (int64) = 3\nselect @day")
    assert found is not None and found["order"] == ["database", "day", "n"]
    query = "# $x: Int\nquery Q($id: ID!, $n: [Int!] = [1], $f: Filter = {a: 1}) { a }"
    found = schema_of("graphql", query)
    assert found is not None
    assert found["required"] == ["api", "id"] and found["order"] == ["api", "id", "n", "f"]
    assert found["properties"]["n"] == {"type": "array", "items": {"type": "integer"}, "default": [1]}
