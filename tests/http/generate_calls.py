"""Generator of calls from the OpenAPI document on standard input, one JSON object per line.

It runs in the environment of `scripts/test-environment contract`. Arguments: number of valid calls per operation,
share of the operations (n selects every n-th one), and seed.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests  # type: ignore[import-untyped,unused-ignore]
import schemathesis  # type: ignore[import-not-found,unused-ignore]
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable


def generate(document: dict[str, Any], per_operation: int, share: int, start: int) -> Iterator[dict[str, Any]]:
    """Yield valid and invalid calls of every `share`-th operation; the same `start` yields the same calls."""
    modes = schemathesis.GenerationMode
    schema: Any = schemathesis.openapi.from_dict(document)
    for number, result in enumerate(schema.get_all_operations()):
        if number % share == start % share:
            operation = result.ok()
            for mode, count in ((modes.POSITIVE, per_operation), (modes.NEGATIVE, 1 + per_operation // 4)):
                yield from (call_of(operation, case) for case in cases(operation, mode, count, start + number))


def cases(operation: Any, mode: Any, count: int, start: int) -> list[Any]:
    """Return cases of an operation, the simplest one first; none if no part of the operation can be invalid."""
    found: list[Any] = []

    @seed(start)
    @settings(
        max_examples=count + 1,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Any) -> None:
        found.append(case)

    with suppress(Unsatisfiable):
        collect()
    return found[-count:]


def call_of(operation: Any, case: Any) -> dict[str, Any]:
    """Return a case as plain data."""
    call: Any = requests.Request(**case.as_transport_kwargs(base_url="http://orvanta")).prepare()
    body = call.body.encode() if isinstance(call.body, str) else call.body
    return {
        "method": operation.method.upper(),
        "path": operation.path,
        "values": {name: str(value) for name, value in (case.path_parameters or {}).items()},
        "query": urlsplit(call.url).query,
        "content_type": call.headers.get("Content-Type"),
        "body": None if body is None else base64.b64encode(body).decode(),
    }


if __name__ == "__main__":
    valid, share, start = map(int, sys.argv[1:])
    for each in generate(json.load(sys.stdin), valid, share, start):
        print(json.dumps(each))
