"""Expressions compared with Node: javascript.jsonl has a scope, and then expressions with the outcomes in Node.

An outcome is a list with the value, or the name of the error. If Node is installed, the outcomes are verified again.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.evaluate.bench import Bench

from orvanta_platform.evaluate import intl_data, javascript
from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.small import Scope

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = Path(__file__).parent
FIRST, *LINES = (HERE / "javascript.jsonl").read_text(encoding="utf-8").strip().split("\n")
SCOPE: dict[str, Any] = json.loads(FIRST)["scope"]
ALL: list[tuple[str, Any]] = [tuple(json.loads(line)) for line in LINES]
IS_BUILT = any(Path(intl_data.__file__).with_name("intl").glob("*.json"))
LOCALES = [case for case in ALL if re.search("Intl|toLocale", case[0])]
OTHERS = [case for case in ALL if case not in LOCALES]
SAMPLE = LOCALES[::4] if IS_BUILT else []
"""A sample, because each evaluation with Intl takes 30 ms of processor time."""


async def test_answers_are_those_of_node(bench: Bench) -> None:
    assert await different(bench, OTHERS + SAMPLE) == []
    assert len(OTHERS) >= 350


@pytest.mark.extended
@pytest.mark.skipif(not IS_BUILT, reason="the locales are not built")
async def test_texts_for_locales_are_those_of_node(bench: Bench) -> None:
    assert await different(bench, LOCALES) == []
    assert len(LOCALES) >= 70


async def different(bench: Bench, cases: list[tuple[str, Any]]) -> list[Any]:
    """Return the expressions whose outcome differs from that of Node, with both outcomes."""
    scope: Scope = {
        "flow_input": json.dumps(SCOPE["flow_input"]).encode(),
        "results": {name: json.dumps(value).encode() for name, value in SCOPE["results"].items()},
    }
    wrong = []
    for text, expected in cases:
        found: Any
        try:
            found = [json.loads(await bench.value(text, scope))]
        except ExpressionError as error:
            found = {"throws": error.name}
        if found != expected:
            wrong.append((text, found, expected))
    return wrong


async def test_recorded_answers_are_those_of_node() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    asked = json.dumps({"scope": SCOPE, "texts": [text for text, _ in ALL]})
    command = [node, str(HERE / "node_answers.mjs")]
    environ = {**os.environ, "TZ": "UTC"}
    ask = functools.partial(subprocess.run, input=asked, env=environ, capture_output=True, text=True, check=True)
    done = await asyncio.to_thread(ask, command)
    wrong = [
        (text, expected, found)
        for (text, expected), found in zip(ALL, json.loads(done.stdout), strict=True)
        if found != expected
    ]
    assert wrong == []


@pytest.mark.extended
@pytest.mark.skipif(not IS_BUILT, reason="the locales are not built")
async def test_locales_and_zones_may_be_computed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    names = "['Europe/Berlin', 'Asia/Tokyo', 'America/New_York', 'UTC']"
    zones = f"{names}.flatMap(z => [z.toLowerCase(), z.toUpperCase()])"
    hours = f"{zones}.map(z => new Date(0).toLocaleTimeString('en-GB', {{timeZone: z, hour: '2-digit'}}))"
    assert await bench.value(hours) == '["01","01","09","09","19","19","00","00"]'
    name, message = await bench.error("Array.from({length: 200}, (_, i) => (1).toLocaleString('d' + i))")
    assert (name, message) == ("RangeError", "Incorrect locale information provided")
    monkeypatch.setattr(javascript, "MAX_COMPUTED_PATHS", 2)
    assert (await bench.error("for (let i = 100; i < 130; i++) (1).toLocaleString('de-' + i)"))[0] == "intl_limit"
    many = [name for name in sorted(intl_data._zones().values()) if "/" in name][:150]
    name, message = await bench.error(f"{many}.map(timeZone => new Date(0).toLocaleString('de', {{timeZone}}))")
    assert (name, "at most 2 may be used" in message) == ("intl_limit", True)
    assert await bench.value(f"new Date(0).toLocaleTimeString('de', {{timeZone: {many}.at(-1)}})")


@pytest.mark.extended
@pytest.mark.skipif(not IS_BUILT, reason="the locales are not built")
async def test_limits_hold_while_formatting(bench: Bench) -> None:
    assert (await bench.error("for (;;) new Intl.NumberFormat('de')"))[0] == "expression_timeout"
    numbers = "Array.from({length: 500}, (_, i) => i + 1500)"
    last = f"{numbers}.map(i => new Date(i * 1e9).toLocaleDateString('de') + i.toLocaleString('fr')).at(-1)"
    assert await bench.value(last) == '"6.5.20331 999"'
    assert (
        await bench.value(f"{numbers}.map(i => 'n' + i).sort((a, b) => a.localeCompare(b, 'de')).at(-1)") == '"n1999"'
    )
    assert await bench.value("new Date().toLocaleString('de')") == '"14.11.2023, 22:13:20"'
    for text in ("Intl.NumberFormat = 1; return 1", "delete globalThis.Intl"):
        await bench.answer(text)
    assert await bench.value("typeof Intl.NumberFormat + typeof orvantaIntl") == '"functionundefined"'


async def test_formatting_without_locales_is_an_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intl_data, "_locales", frozenset)
    assert (await bench.error("(5).toLocaleString('de')"))[0] == "intl_unavailable"


@pytest.mark.skipif(IS_BUILT, reason="the locales are built")
async def test_numbers_are_written_without_locales(bench: Bench) -> None:
    assert await bench.value("(5).toLocaleString()") == '"5"'
