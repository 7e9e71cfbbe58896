"""Validation of inputs against the schema of their target."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from orvanta_platform.errors import BadRequest, InvalidInput
from orvanta_platform.evaluate import schemas
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.orchestrator import inputs

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "order": ["n"]}


TREE = {
    "anyOf": [
        {"additionalProperties": {"$ref": "#"}, "required": ["z"]},
        {"additionalProperties": {"$ref": "#"}, "required": ["y"]},
    ]
}
PLAIN = schemas._plain
ASYNC = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["here", "child"])
async def evaluator(request: pytest.FixtureRequest) -> AsyncIterator[Evaluator]:
    """Return an evaluator that validates in this process if that is permitted, or always in the child process."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "child":
            patch.setattr(schemas, "MAX_INLINE_BYTES", -1)
            patch.setattr(schemas, "MAX_SCANNED_BYTES", -1)
            patch.setattr(schemas, "_plain", lambda _: None)
        made = Evaluator()
        yield made
        await made.close()


async def refused(evaluator: Evaluator, schema: Any, args: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        await inputs.check(evaluator, schema, args)
    return caught.value


@ASYNC
@pytest.mark.parametrize(
    ("schema", "args"),
    [
        (None, b"{}"),
        (NUMBER, b'{"n": 1}'),
        (NUMBER, b'{"n": 1, "more": null}'),
        (NUMBER, b'{"n": 1' + b"0" * 400 + b"}"),
        (b'{"properties": {"a": {"type": "string"}}}', b'{"a": "x"}'),
        ({"properties": {"a": {"type": "string", "contentEncoding": "base64", "format": "resource-x"}}}, b'{"a": "!"}'),
        ({"properties": {"a": {"type": "", "enum": None, "default": None, "originalType": "x"}}}, b'{"a": 1}'),
        ({"$schema": "https://example.org/unknown", "properties": {}}, b"{}"),
        (NUMBER, b'{"n": "$var:f/team/number"}'),
        ({"properties": {"db": {"type": "object", "format": "resource-postgresql"}}}, b'{"db": "$res:u/ada/db"}'),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {}}, b"{}"),
    ],
)
async def test_valid_inputs_are_accepted(evaluator: Evaluator, schema: Any, args: bytes) -> None:
    await inputs.check(evaluator, schema, args)


@ASYNC
async def test_error_names_the_failing_path(evaluator: Evaluator) -> None:
    error = await refused(evaluator, NUMBER, b'{"n": "x"}')
    assert error.code == "invalid_input" and error.details["path"] == "/n"
    assert (await refused(evaluator, NUMBER, b"{}")).details["path"] == "/n"
    nested = {"properties": {"a/b": {"items": {"maximum": 1}}}}
    assert (await refused(evaluator, nested, b'{"a/b": [0, 5]}')).details["path"] == "/a~1b/1"


@ASYNC
async def test_text_that_is_no_reference_is_validated(evaluator: Evaluator) -> None:
    for text in ("$var:nowhere", "$res:", "say $var:u/ada/x", "var:u/ada/x"):
        error = await refused(evaluator, NUMBER, b'{"n": "%s", "m": "$var:u/ada/x"}' % text.encode())
        assert error.details["path"] == "/n"


@ASYNC
async def test_error_does_not_contain_the_value(evaluator: Evaluator) -> None:
    error = await refused(evaluator, NUMBER, b'{"n": "hunter2"}')
    assert "hunter2" not in str(error.as_dict())


@ASYNC
@pytest.mark.parametrize(
    "args", [b"", b"[1]", b"1", b"null", b'{"n": NaN}', b'{"n": Infinity}', b"{", b'{"n": "\xff"}', b"[" * 50_000]
)
async def test_args_must_be_a_json_object(evaluator: Evaluator, args: bytes) -> None:
    await refused(evaluator, None, args)


@ASYNC
async def test_many_errors_are_truncated(evaluator: Evaluator) -> None:
    schema = {"properties": {f"k{n}": {"type": "string"} for n in range(100)}}
    args = b"{" + b",".join(b'"k%d":1' % n for n in range(100)) + b"}"
    assert len((await refused(evaluator, schema, args)).details["errors"]) == 20


@ASYNC
@pytest.mark.parametrize("address", ["http://169.254.169.254/latest", "file:///etc/passwd", "other.json"])
async def test_references_are_never_fetched(evaluator: Evaluator, address: str) -> None:
    await refused(evaluator, {"properties": {"n": {"$ref": address}}}, b'{"n": 1}')


@ASYNC
async def test_catastrophic_regular_expression_is_harmless(evaluator: Evaluator) -> None:
    schema = {"properties": {"n": {"pattern": "^(a|a)*(a+)+$"}}}
    await refused(evaluator, schema, b'{"n": "' + b"a" * 200_000 + b'!"}')


@ASYNC
@pytest.mark.parametrize(
    "schema", [{"type": "foo"}, {"properties": {"a": {"pattern": "("}}}, b"[1]", b"{", {"$ref": "http://x/y"}]
)
async def test_invalid_schema_is_rejected(evaluator: Evaluator, schema: Any) -> None:
    with pytest.raises(BadRequest):
        await inputs.check_schema(evaluator, schema)


@ASYNC
async def test_patterns_of_javascript_alone_are_left_to_the_browser(evaluator: Evaluator) -> None:
    schema = {
        "additionalProperties": False,
        "properties": {
            "password": {"type": "string", "pattern": "^(?=.*[0-9/]).{3,}$"},
            "pair": {"pattern": r"(?<one>a)\k<one>"},
            "month": {"pattern": "^[0-9]{2}$"},
        },
        "patternProperties": {"^(?!a/)": {"type": "integer"}},
    }
    unchecked = ["/patternProperties/^(?!a~1)", "/properties/pair/pattern", "/properties/password/pattern"]
    assert sorted(await inputs.check_schema(evaluator, schema)) == unchecked
    await inputs.check(evaluator, schema, b'{"password": "x", "pair": "b", "month": "11", "other": "x"}')
    error = await refused(evaluator, schema, b'{"password": 1, "month": "1"}')
    assert sorted(each["path"] for each in error.details["errors"]) == ["/month", "/password"]
    assert await inputs.check_schema(evaluator, {"properties": {"a": {"pattern": "^a"}}}) == []


@ASYNC
async def test_exponential_schema_stops_at_the_time_limit(evaluator: Evaluator) -> None:
    error = await refused(evaluator, TREE, b'{"a":' * 60 + b"1" + b"}" * 60)
    assert error.code == "schema_too_complex" and error.hint
    assert (await refused(evaluator, TREE, b'{"a": 1}')).code == "invalid_input", "the next check has a child again"


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"items": [{"type": "string"}]},
        {"properties": {"a": {"pattern": "a"}}},
        {"properties": {"a": {"items": {"not": {"type": "string"}}}}},
        {"additionalProperties": {"oneOf": []}},
        {"properties": {"a": {"enum": ["x" * 20_000]}}},
        {"unknownWord": {"anyOf": []}},
    ],
)
def test_only_plain_schemas_are_checked_in_process(schema: Any) -> None:
    assert PLAIN(json.dumps(schema)) is None


def test_large_value_with_large_list_is_checked_in_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "MAX_INLINE_BYTES", 64 << 10)
    plain = PLAIN(json.dumps({"properties": {"a": {"items": {"enum": list(range(1000))}}}}))
    assert isinstance(plain, schemas._Plain)
    assert plain.can_check(800) and not plain.can_check(1_000) and not plain.can_check(schemas.MAX_INLINE_BYTES + 1)
