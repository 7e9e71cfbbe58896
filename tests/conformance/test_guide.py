"""Unchanged examples of docs/how-to/build/languages.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.worker.jobs import run

from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE
from orvanta_platform.workflow.languages import RUNNABLE

PAGE = (Path(__file__).parents[2] / "docs/how-to/build/languages.md").read_text()
EXAMPLES = dict(re.findall(r"^## ([^\n]+)\n+```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
RESULTS: dict[str, tuple[str, Any]] = {
    "Python": ("python3", {"hello": "Ada", "born": None}),
    "TypeScript and JavaScript": ("bun", {"hello": ["Ada", "Ada"]}),
    "Bash": ("bash", {"hello": "Ada", "times": 2}),
    "PHP": ("php", {"hello": ["Ada", "Ada"]}),
    "Ruby": ("ruby", {"hello": ["Ada", "Ada"]}),
    "Go": ("go", {"hello": ["Ada", "Ada"]}),
    "SQL in DuckDB": ("duckdb", [{"hello": "Ada", "times": 2}]),
}


@pytest.fixture(params=RESULTS)
def example(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    language, _ = RESULTS[name]
    missing = BY_LANGUAGE[language].missing()
    if missing is not None:
        pytest.skip(missing)
    if language == "go":
        request.getfixturevalue("warm_runtimes")
    return name


async def test_example_returns_its_result(runtimes: Runtimes, example: str) -> None:
    language, expected = RESULTS[example]
    ran = await run(runtimes, language, EXAMPLES[example], {"name": "Ada"})
    assert ran.value == expected
    assert ("greeting Ada\n" in ran.log) == (language != "duckdb")


@pytest.mark.parametrize(("fence", "language"), [("python", "python3"), ("typescript", "bun")])
async def test_stream_examples(runtimes: Runtimes, fence: str, language: str) -> None:
    code = re.search(rf"^## Streamed results.*?^```{fence}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert code is not None
    ran = await run(runtimes, language, code[1], {"name": "Ada"})
    assert (ran.value, ran.streamed) == (None, "hello Ada")


def test_every_language_is_documented() -> None:
    assert set(EXAMPLES) == {*RESULTS, "SQL on PostgreSQL"}  # tested in test_postgresql.py, since it needs a database
    assert {name for name in BY_LANGUAGE if f"`{name}`" in PAGE} == set(BY_LANGUAGE)


def test_deployable_languages_are_runnable() -> None:
    assert set(BY_LANGUAGE) == RUNNABLE
