"""Faulty and malicious user code: each job ends with one clear error, and the worker continues."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.worker.jobs import run, spec, still_works
from tests.worker.shared_runtimes import runtimes as runtimes

from orvanta_platform.worker.runtimes.pool import Runtimes

MIB = 1 << 20

# (name, language, script, options, name of the error, part of its message)
CASES: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    ("no main", "python3", "x = 1", {}, "MissingMain", "no function main"),
    ("main is no function", "python3", "main = 1", {}, "MissingMain", "no function main"),
    ("syntax", "python3", "def main():\n    retrun 1", {}, "SyntaxError", "(line 2): retrun 1"),
    ("import", "python3", "import not_there", {}, "ModuleNotFoundError", "not_there"),
    ("exit with text", "python3", "def main():\n    raise SystemExit('so')", {}, "ExitCode", "exit code 1: so"),
    ("exit at once", "python3", "import os\ndef main():\n    os._exit(4)", {}, "ExitCode", "exit code 4"),
    ("killed", "python3", "import os\ndef main():\n    os.kill(os.getpid(), 11)", {}, "ExitCode", "SIGSEGV"),
    ("recursion", "python3", "def main():\n    return main()", {}, "RecursionError", "recursion"),
    (
        "str raises",
        "python3",
        "class E(Exception):\n    __str__ = None\ndef main():\n    raise E",
        {},
        "E",
        "cannot be",
    ),
    (
        "object",
        "python3",
        "def main():\n    return {'a': [1, object()]}",
        {},
        "ResultNotJson",
        "result.a[1] is of type object",
    ),
    (
        "cycle",
        "python3",
        "def main():\n    a = []\n    a.append(a)\n    return a",
        {},
        "ResultNotJson",
        "contains itself",
    ),
    (
        "long name",
        "python3",
        "def main():\n    raise type('A' * 3_000_000, (Exception,), {})('said')",
        {},
        "Error",
        "said",
    ),
    ("key", "python3", "def main():\n    return {(1, 2): 3}", {}, "ResultNotJson", "key of type tuple"),
    ("surrogate", "python3", "def main():\n    return '\\ud800'", {}, "ResultNotJson", "surrogate"),
    (
        "deep",
        "python3",
        "def main():\n    a = []\n    for _ in range(100000):\n        a = [a]\n    return a",
        {},
        "ResultNotJson",
        "deep",
    ),
    (
        "too large",
        "python3",
        "def main():\n    return 'x' * 3000",
        {"result_bytes": 1024},
        "result_too_large",
        "the limit is 1 KiB",
    ),
    ("endless", "python3", "def main():\n    while True: pass", {"timeout_s": 0.3}, "Timeout", "0.3 s"),
    ("endless at import", "python3", "while True: pass", {"timeout_s": 0.3}, "Timeout", "0.3 s"),
    (
        "memory",
        "python3",
        "import time\ndef main():\n    x = b'x' * (1 << 28)\n    time.sleep(60)",
        {"memory_bytes": 64 * MIB},
        "OutOfMemory",
        "out of memory: limit 64 MiB",
    ),
    (
        "memory of a child",
        "bash",
        "python3 -c 'import time; x = b\"x\" * (1 << 28); time.sleep(60)'",
        {"memory_bytes": 64 * MIB},
        "OutOfMemory",
        "out of memory: limit 64 MiB",
    ),
    (
        "fork bomb",
        "python3",
        "import os, time\ndef main():\n    while True:\n        try:\n            os.fork()\n"
        "        except OSError:\n            time.sleep(60)",
        {"processes": 50},
        "ProcessLimit",
        "too many processes: limit 50",
    ),
    ("fork bomb", "bash", "bomb() { bomb | bomb & }; bomb; sleep 60", {"processes": 50}, "ProcessLimit", "limit 50"),
    (
        "disk",
        "python3",
        "import time\ndef main():\n    with open('f', 'wb') as f:\n        for _ in range(64):\n"
        "            f.write(bytes(1 << 20))\n            f.flush()\n    time.sleep(60)",
        {"disk_bytes": 8 * MIB},
        "DiskLimit",
        "disk full: limit 8 MiB",
    ),
    ("bash syntax", "bash", "if true; then", {}, "ExitCode", "syntax error"),
    ("bash no such command", "bash", "not-there", {}, "ExitCode", "127"),
    ("bash endless", "bash", "while :; do :; done", {"timeout_s": 0.3}, "Timeout", "0.3 s"),
    ("bash result", "bash", "echo '{oops' > result.json", {}, "ResultNotJson", "not JSON"),
    ("bash result nan", "bash", "echo NaN > result.json", {}, "ResultNotJson", "not JSON"),
    ("bash result not utf-8", "bash", "printf '\"\\xff\"' > result.json", {}, "ResultNotJson", "not JSON"),
    (
        "bash too large",
        "bash",
        "head -c 3000 /dev/zero > result.json",
        {"result_bytes": 1024},
        "result_too_large",
        "1 KiB",
    ),
    (
        "bash last line",
        "bash",
        "head -c 3000 /dev/zero | tr '\\0' x",
        {"result_bytes": 1024},
        "result_too_large",
        "1 KiB",
    ),
    ("bash argument", "bash", 'x="$1"', {"args": {"x": "y" * 200_000}}, "CannotStart", "Argument list too long"),
    ("bash nul argument", "bash", 'x="$1"', {"args": {"x": "a\0b"}}, "CannotStart", "null"),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]}-{case[0]}" for case in CASES])
async def test_bad_script_causes_one_error_and_worker_continues(runtimes: Runtimes, case: tuple[Any, ...]) -> None:
    _, language, content, options, name, says = case
    ran = await run(runtimes, language, content, **options)
    assert ran.error[0] == name, ran.outcome
    assert says in ran.error[1]
    await still_works(runtimes)


STOPPED_BY = {"OutOfMemory": "memory", "ProcessLimit": "processes", "DiskLimit": "disk", "result_too_large": "result"}


@pytest.mark.parametrize("case", [case for case in CASES if case[4] in STOPPED_BY and case[1] == "python3"])
async def test_exceeded_limit_is_named_in_error(runtimes: Runtimes, case: tuple[Any, ...]) -> None:
    _, language, content, options, name, _ = case
    ran = await run(runtimes, language, content, **options)
    assert ran.outcome.stopped_by == STOPPED_BY[name]


class Counting:
    """A log sink that stores only counts and the last characters."""

    def __init__(self) -> None:
        self.characters = 0
        self.largest = 0
        self.end = ""

    async def write(self, text: str) -> None:
        self.characters += len(text)
        self.largest = max(self.largest, len(text))
        self.end = text[-200:]

    async def stream(self, text: str) -> None:
        raise AssertionError(text)

    async def arguments(self, text: str) -> None:
        raise AssertionError(text)


async def test_hundred_megabytes_on_one_line(runtimes: Runtimes) -> None:
    sink = Counting()
    content = "def main():\n    print('x' * 100_000_000)\n    return 1"
    outcome = await runtimes.run(spec("python3", content, timeout_s=60), sink, asyncio.Event())
    assert outcome.result == b"1"
    assert sink.characters == 100_000_001
    assert sink.largest <= 1 << 16
    await still_works(runtimes)


async def test_log_over_limit_is_truncated_while_job_continues(runtimes: Runtimes) -> None:
    content = "def main():\n    for _ in range(5000):\n        print('0123456789')\n    return 'done'"
    ran = await run(runtimes, "python3", content, log_bytes=1000)
    assert ran.value == "done"
    assert ran.log == ("0123456789\n" * 91)[:1000] + "\n[orvanta] log cut: limit 1000 bytes\n"


async def test_values_with_an_obvious_json_form(runtimes: Runtimes) -> None:
    content = (
        "import dataclasses, datetime, decimal, enum, uuid\n"
        "@dataclasses.dataclass\nclass P:\n    x: int\n"
        "class C(enum.Enum):\n    RED = 'r'\n"
        "def main():\n    return [datetime.date(2026, 1, 2), decimal.Decimal('1.10'), P(3), C.RED, (1, 2),"
        " uuid.UUID(int=1), 12345678901234567890]"
    )
    ran = await run(runtimes, "python3", content)
    assert ran.value == [
        "2026-01-02",
        "1.10",
        {"x": 3},
        "r",
        [1, 2],
        "00000000-0000-0000-0000-000000000001",
        12345678901234567890,
    ]


async def test_parameters_of_every_kind(runtimes: Runtimes) -> None:
    content = "def main(a, /, b, *, c=3, **rest):\n    return [a, b, c, rest]"
    assert (await run(runtimes, "python3", content, {"a": 1, "b": 2, "d": 4})).value == [1, 2, 3, {"d": 4}]
    content = "async def main(a):\n    return a"
    assert (await run(runtimes, "python3", content, {"a": 1, "z": 9})).value == 1


async def test_last_line_and_result_file_of_bash(runtimes: Runtimes) -> None:
    for content, value in (
        ("echo x\necho '{\"a\": [1]}'", {"a": [1]}),
        ("echo '{not json'", "{not json"),
        ("echo 15; echo noise >&2", "15"),
        ("printf 'no newline'", "no newline"),
        ("echo first; echo '[1]' > result.json", [1]),
        ("printf 'two\nlines\n' > result.out; echo no", "two\nlines"),
        ("echo no > result.out; echo '{}' > result.json", {}),
        ('a="$1"\r\necho "got $a"\r\n', "got "),
        ("ln -s /etc/passwd result.out; echo safe", "safe"),
        ("ln -s /etc/passwd result.json; echo safe", "safe"),
        ("mkfifo result.json; echo safe", "safe"),
    ):
        assert (await run(runtimes, "bash", content)).value == value, content


async def test_forked_process_cannot_answer(runtimes: Runtimes) -> None:
    content = (
        "import os\ndef main():\n    pid = os.fork()\n    if pid == 0:\n        return 'copy'\n"
        "    os.waitpid(pid, 0)\n    return 'original'"
    )
    assert (await run(runtimes, "python3", content)).value == "original"
