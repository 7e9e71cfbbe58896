"""Inputs against the schema of what is run."""

from __future__ import annotations

from typing import Any

import pytest

from orvanta_platform.errors import BadRequest, InvalidInput
from orvanta_platform.services import inputs

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "order": ["n"]}


def refused(schema: Any, args: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        inputs.check(schema, args)
    return caught.value


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
def test_what_fits(schema: Any, args: bytes) -> None:
    inputs.check(schema, args)


def test_the_failing_path_is_named() -> None:
    error = refused(NUMBER, b'{"n": "x"}')
    assert error.code == "invalid_input" and error.details["path"] == "/n"
    assert refused(NUMBER, b"{}").details["path"] == "/n"
    nested = {"properties": {"a/b": {"items": {"maximum": 1}}}}
    assert refused(nested, b'{"a/b": [0, 5]}').details["path"] == "/a~1b/1"


def test_what_is_no_reference_has_to_fit() -> None:
    for text in ("$var:nowhere", "$res:", "say $var:u/ada/x", "var:u/ada/x"):
        assert refused(NUMBER, b'{"n": "%s", "m": "$var:u/ada/x"}' % text.encode()).details["path"] == "/n"


def test_the_value_itself_is_not_repeated() -> None:
    error = refused(NUMBER, b'{"n": "hunter2"}')
    assert "hunter2" not in str(error.as_dict())


@pytest.mark.parametrize(
    "args", [b"", b"[1]", b"1", b"null", b'{"n": NaN}', b'{"n": Infinity}', b"{", b'{"n": "\xff"}', b"[" * 50_000]
)
def test_args_that_are_no_json_object(args: bytes) -> None:
    refused(None, args)


def test_many_errors_are_cut() -> None:
    schema = {"properties": {f"k{n}": {"type": "string"} for n in range(100)}}
    args = b"{" + b",".join(b'"k%d":1' % n for n in range(100)) + b"}"
    assert len(refused(schema, args).details["errors"]) == 20


@pytest.mark.parametrize("address", ["http://169.254.169.254/latest", "file:///etc/passwd", "other.json"])
def test_references_are_never_fetched(address: str) -> None:
    refused({"properties": {"n": {"$ref": address}}}, b'{"n": 1}')


def test_a_regular_expression_bomb_goes_off_nowhere() -> None:
    schema = {"properties": {"n": {"pattern": "^(a|a)*(a+)+$"}}}
    refused(schema, b'{"n": "' + b"a" * 200_000 + b'!"}')


@pytest.mark.parametrize(
    "schema", [{"type": "foo"}, {"properties": {"a": {"pattern": "("}}}, b"[1]", b"{", {"$ref": "http://x/y"}]
)
def test_a_schema_that_cannot_be_used(schema: Any) -> None:
    with pytest.raises(BadRequest):
        inputs.check_schema(schema)
