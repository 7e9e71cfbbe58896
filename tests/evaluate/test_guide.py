"""Examples of the guide to expressions, which must return the documented values."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.evaluate.bench import MOMENT, Bench

from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.raw import members
from orvanta_platform.evaluate.small import Scope
from orvanta_platform.workflow.reads import Opener

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "expressions.md").read_text()
EXAMPLES = re.findall(r"^```js\n(.*?)\n// (gives|throws): (.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
KEPT = {("variable", "u/ada/greeting"): b'"hello"', ("resource", "f/shop/api"): b'{"host": "shop.example"}'}


def scope() -> Scope:
    found = re.search(r"^```json scope\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    roots = {name: bytes(raw) for name, raw in members(found[1].encode()).items()}
    mapped = {
        name: {key: bytes(raw) for key, raw in members(roots[name].strip()).items()} for name in ("results", "context")
    }
    return {**roots, **mapped}


async def resolve(kind: Opener, path: str) -> bytes:
    if (kind, path) not in KEPT:
        raise ExpressionError("not_found", f"The {kind} {path} does not exist.")
    return KEPT[kind, path]


async def test_page_has_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```js\n") > 15


@pytest.mark.parametrize(("text", "what", "expected"), EXAMPLES)
async def test_example(bench: Bench, text: str, what: str, expected: str) -> None:
    if what == "throws":
        with pytest.raises(ExpressionError) as caught:
            await bench.evaluator.expression(text, scope(), MOMENT, resolve)
        assert f"{caught.value.name}: {caught.value.message}" == expected
    else:
        answer = await bench.evaluator.expression(text, scope(), MOMENT, resolve)
        assert json.loads(answer.raw) == json.loads(expected)
