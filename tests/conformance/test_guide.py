"""The examples of docs/guides/languages.md, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.worker.jobs import run

from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

PAGE = (Path(__file__).parents[2] / "docs/guides/languages.md").read_text()
EXAMPLES = dict(re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
RESULTS: dict[str, tuple[str, Any]] = {
    "python": ("python3", {"hello": "Ada", "born": None}),
    "typescript": ("bun", {"hello": ["Ada", "Ada"]}),
    "bash": ("bash", {"hello": "Ada", "times": 2}),
}


@pytest.mark.parametrize("example", RESULTS)
async def test_an_example_gives_its_result(runtimes: Runtimes, example: str) -> None:
    language, expected = RESULTS[example]
    ran = await run(runtimes, language, EXAMPLES[example], {"name": "Ada"})
    assert ran.value == expected
    assert "greeting Ada\n" in ran.log


def test_every_language_is_told() -> None:
    assert set(EXAMPLES) == {*RESULTS, "sql"}
    assert {name for name in BY_LANGUAGE if f"`{name}`" in PAGE} == set(BY_LANGUAGE) - {"dependencies"}
