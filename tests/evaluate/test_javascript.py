"""Expressions compared with Node: javascript.jsonl has a scope, and then expressions with the answers of Node.

An answer is a list with the value, or the name of the error. Node itself is asked again where it is installed.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.evaluate.bench import Bench

from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.small import Scope

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = Path(__file__).parent
FIRST, *LINES = (HERE / "javascript.jsonl").read_text(encoding="utf-8").strip().split("\n")
SCOPE: dict[str, Any] = json.loads(FIRST)["scope"]
CASES: list[tuple[str, Any]] = [tuple(json.loads(line)) for line in LINES]


async def test_answers_are_those_of_node(bench: Bench) -> None:
    scope: Scope = {
        "flow_input": json.dumps(SCOPE["flow_input"]).encode(),
        "results": {name: json.dumps(value).encode() for name, value in SCOPE["results"].items()},
    }
    different = []
    for text, expected in CASES:
        found: Any
        try:
            found = [json.loads(await bench.value(text, scope))]
        except ExpressionError as error:
            found = {"throws": error.name}
        if found != expected:
            different.append((text, found, expected))
    assert not different, different
    assert len(CASES) >= 300


async def test_recorded_answers_are_those_of_node() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    asked = json.dumps({"scope": SCOPE, "texts": [text for text, _ in CASES]})
    command = [node, str(HERE / "node_answers.mjs")]
    environ = {**os.environ, "TZ": "UTC"}
    ask = functools.partial(subprocess.run, input=asked, env=environ, capture_output=True, text=True, check=True)
    done = await asyncio.to_thread(ask, command)
    different = [
        (text, expected, found)
        for (text, expected), found in zip(CASES, json.loads(done.stdout), strict=True)
        if found != expected
    ]
    assert different == []
