"""Requirements of all languages as a table of cases, each with a script in every language."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from tests.worker.jobs import Collected, run, spec, still_works

from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.registry import BY_LANGUAGE

LANGUAGES = ("python3", "bash", "bun", "php", "ruby", "go")
"""Languages that are tested; languages with the same runtime are represented by one of them."""

STACKS = {
    "python3": ("ValueError", ["line 2, in inner", "raise ValueError('no good')"]),
    "bun": ("RangeError", ["at inner (script.ts:2:", "at main (script.ts:7:"]),
    "php": ("DomainException", ["at inner (script.php:3)", "at main (script.php:7)"]),
    "ruby": ("RangeError", ["from script.rb:2:in ", "from script.rb:6:in "]),
    "go": ("Panic", ["panic: no good", "at inner (script.go:4)", "at main (script.go:8)"]),
}
"""Name of the raised error, and parts of its stack; other languages report the exit code."""

SYNTAX = {
    "python3": ("SyntaxError", "(line 2): x = ;"),
    "bash": ("ExitCode", "line 3: syntax error"),
    "bun": ("SyntaxError", "(line 2): const x = ;"),
    "php": ("ParseError", "(line 3): $x = ;"),
    "ruby": ("SyntaxError", "(line 2): x = ;"),
    "go": ("CompileError", "script.go:4:6: syntax error: "),
}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    missing = BY_LANGUAGE[value].missing()
    if missing is not None:
        pytest.skip(missing)
    if value == "go":
        request.getfixturevalue("warm_runtimes")
    return value


def words_of(language: str) -> ModuleType:
    return import_module(f"tests.conformance.scripts.{language}")


def script(case: str, language: str) -> str:
    words = words_of(language)
    if case not in words.SCRIPTS:
        pytest.skip(f"{language}: {words.WITHOUT[case]}")
    text: str = words.SCRIPTS[case]
    return text.lstrip("\n")


def test_every_language_has_every_case() -> None:
    cases = set(words_of("python3").SCRIPTS)
    for words in map(words_of, LANGUAGES):
        without = set(getattr(words, "WITHOUT", ()))
        assert set(words.SCRIPTS) == cases - without, words.__name__


async def test_arguments_go_by_name_and_defaults_hold(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("arguments", language), {"b": "2", "a": "1", "unknown": "x"})
    assert ran.value == ["1", "2", "third"]


async def test_structures_pass_both_ways(runtimes: Runtimes, language: str) -> None:
    value: dict[str, Any] = {"list": [1, 2.5, None, True], "text": 'quotes " and \\ and \n', "deep": {"a": {}}}
    assert (await run(runtimes, language, script("structured", language), {"x": value})).value == value


async def test_string_is_preserved(runtimes: Runtimes, language: str) -> None:
    assert (await run(runtimes, language, script("string", language))).value == "15"


async def test_missing_result_is_null(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("nothing", language))
    assert ran.value is None
    assert ran.outcome.started
    assert ran.outcome.mem_peak_kb > 0


async def test_argument_names_may_be_non_ascii(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("unicode names", language), {"имя": "Ada", "größe": 1.8})
    assert ran.value == [1.8, "Ada"]


async def test_error_has_message_and_stack(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("error", language))
    name, message = ran.error
    assert "no good" in message
    if language not in STACKS:
        assert name == "ExitCode"
        assert "exit code 7" in message
        return
    wanted, expected = STACKS[language]
    stack = ran.outcome.error.stack if ran.outcome.error else None
    assert stack is not None
    assert name == wanted
    assert [text for text in expected if text not in stack] == []
    assert "host" not in stack
    assert "eval" not in stack


async def test_missing_main_is_reported(runtimes: Runtimes, language: str) -> None:
    name, message = (await run(runtimes, language, script("missing main", language))).error
    assert name == "MissingMain"
    assert "no function main" in message


async def test_syntax_error_names_line(runtimes: Runtimes, language: str) -> None:
    wanted, expected = SYNTAX[language]
    name, message = (await run(runtimes, language, script("syntax", language))).error
    assert name == wanted
    assert expected in message


async def test_output_keeps_its_order(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("order", language))
    assert ran.log == "".join(f"out {i}\nerr {i}\n" for i in range(500))


async def test_unicode_passes_both_ways(runtimes: Runtimes, language: str) -> None:
    text = "žluťoučký кот 猫 🐈 \u2028 e\u0301"
    ran = await run(runtimes, language, script("unicode", language), {"x": text})
    assert ran.value == text
    assert ran.log == text + "\n"


async def test_large_values(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("large", language), {"x": "y" * 5_000_000})
    assert ran.value == "y" * 10_000_000


async def test_timeout_kills_job_and_is_reported(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("forever", language), timeout_s=0.5)
    assert ran.error == ("Timeout", "timed out after 0.5 s")
    assert ran.outcome.stopped_by == "timeout"
    assert ran.outcome.started
    assert ran.log == "begun\n"
    await still_works(runtimes)


async def test_cancel_kills_job_and_is_reported(runtimes: Runtimes, language: str) -> None:
    log, cancelled = Collected(), asyncio.Event()
    running = asyncio.ensure_future(runtimes.run(spec(language, script("forever", language)), log, cancelled))
    await log.arrived.wait()
    cancelled.set()
    outcome = await running
    assert outcome.error is not None
    assert outcome.error.name == "Cancelled"
    assert outcome.stopped_by == "cancel"
    await still_works(runtimes)


async def test_log_arrives_while_job_runs(runtimes: Runtimes, language: str) -> None:
    log, cancelled = Collected(), asyncio.Event()
    running = asyncio.ensure_future(runtimes.run(spec(language, script("live", language)), log, cancelled))
    await log.arrived.wait()
    assert log.text == "first\n"
    assert not running.done()
    cancelled.set()
    await running


async def test_nonzero_exit_code_is_error(runtimes: Runtimes, language: str) -> None:
    name, message = (await run(runtimes, language, script("exit", language))).error
    assert (name, message) == ("ExitCode", "the script ended with exit code 3")


async def test_environment_belongs_to_job(runtimes: Runtimes, language: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    ran = await run(runtimes, language, script("environment", language), env={"OV_JOB_ID": "j-1"})
    assert ran.value == "j-1"
    names = await run(runtimes, language, script("whole environment", language), env={"OV_JOB_ID": "j-1"})
    found = names.value if isinstance(names.value, list) else names.value.split()
    own = {"HOME", "LANG", "OV_JOB_ID", "PATH", "TMPDIR", "USER"}
    assert own <= set(found) <= own | {"PWD", "OLDPWD", "SHLVL", "_"}


async def test_output_that_is_not_utf8_is_replaced(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("not utf-8", language))
    assert ran.log.splitlines()[0] == "a\ufffd\ufffdb\ufffdc"


async def test_stdin_is_empty(runtimes: Runtimes, language: str) -> None:
    assert (await run(runtimes, language, script("stdin", language))).value in ("", "empty")


async def test_job_folder_is_empty_and_writable(runtimes: Runtimes, language: str) -> None:
    for _ in range(2):
        assert (await run(runtimes, language, script("folder", language))).value == "f"


async def test_output_of_child_processes(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("child", language))
    assert ran.log == "before\nwithin\nafter\n"


async def test_standard_streams_can_be_opened_by_name(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("named streams", language))
    assert ran.outcome.error is None
    assert ran.log == "err\nout\n"


async def test_leftover_processes_are_killed(runtimes: Runtimes, language: str) -> None:
    mark = f"left-{uuid4()}"
    ran = await run(runtimes, language, script("left behind", language), {"mark": mark})
    assert ran.outcome.error is None
    await runtimes.settle()
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark in _read(path)]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


async def test_many_concurrent_jobs(runtimes: Runtimes, language: str) -> None:
    content = script("environment", language)
    jobs = [run(runtimes, language, content, env={"OV_JOB_ID": f"j-{i}"}, slot=i) for i in range(20)]
    assert [ran.value for ran in await asyncio.gather(*jobs)] == [f"j-{i}" for i in range(20)]


async def test_unknown_language(runtimes: Runtimes) -> None:
    name, message = (await run(runtimes, "cobol", "DISPLAY 'HI'")).error
    assert name == "no_runtime"
    assert "cobol" in message
