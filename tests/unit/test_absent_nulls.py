"""Members that are null and not required are absent if their type does not allow null."""

from __future__ import annotations

import json

import pytest

from orvanta_platform.errors import InvalidInput
from orvanta_platform.http.run_input import _wrapped
from orvanta_platform.orchestrator.inputs import without_nulls


def test_large_schema_takes_linear_time() -> None:
    """Each of 50,000 names would be searched for among 50,000."""
    names = [f"n{each}" for each in range(50_000)]
    schema = {"properties": {name: {"type": "string"} for name in names}, "required": names[1:]}
    args = json.dumps(dict.fromkeys(names)).encode()
    assert json.loads(without_nulls(schema, args)) == dict.fromkeys(names[1:])


@pytest.mark.parametrize("required", [None, [["a"]], {"a": 1}, "a"])
def test_schema_of_another_form_requires_nothing(required: object) -> None:
    schema = {"properties": {"a": {"type": "string"}, "b": 1}, "required": required}
    assert without_nulls(schema, b'{"a":null,"b":null}') == b'{"b":null}'


def test_body_does_not_escape_the_argument_that_it_becomes() -> None:
    with pytest.raises(InvalidInput):
        _wrapped(b'{"a":1},"x":{"b":2}')
