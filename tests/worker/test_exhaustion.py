"""Jobs that exhaust a resource: each ends with one clear error, other jobs continue, the worker's memory is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import TestDatabase
from tests.memory import peak, reset_peak
from tests.services.log_ground import LogGround, ground
from tests.worker.jobs import run, spec, still_works

from orvanta_platform.worker.outcome import JobOutcome
from orvanta_platform.worker.runtimes.pool import Runtimes

pytestmark = pytest.mark.extended

MIB = 1 << 20
FLAT = 48 * MIB
"""Maximum growth of a worker, in bytes: buffers, but not the values of its jobs."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A job and its expected outcome: an error, or success with `result` if `error` is None."""

    name: str
    language: str
    script: str
    error: str | None
    says: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    result: bytes = b""


def python(*lines: str, imports: str = "os, time") -> str:
    return "\n".join([f"import {imports}", "def main():", *(f"    {line}" for line in lines)])


CASES = [
    Hostile(
        "a result of 1 GB", "python3", python("return 'x' * (1 << 30)"), "OutOfMemory", "256 MiB", {"memory": 256 * MIB}
    ),
    Hostile(
        "a result file of 1 GB",
        "bash",
        "truncate -s 1G result.json",
        "result_too_large",
        "the result has 1 GiB, the limit is 1 MiB",
        {"disk_bytes": 2 << 30},
    ),
    Hostile(
        "a last line of 64 MB",
        "bash",
        "head -c 67108864 /dev/zero | tr '\\0' 1",
        "result_too_large",
        "the last line of stdout has more than the limit of 1 MiB",
        {"timeout_s": 120},
    ),
    Hostile(
        "an answer that never ends",
        "python3",
        python(
            "for number in range(3, 64):",
            "    try:",
            "        while True: os.write(number, b'\\xff' * 65536)",
            "    except OSError: pass",
        ),
        "Timeout",
        "timed out after 2 s",
        {"timeout_s": 2},
    ),
    Hostile(
        "10 M log lines",
        "python3",
        python("for _ in range(10_000): sys.stdout.write('line\\n' * 1000)", "return 'printed'", imports="sys"),
        None,
        result=b'"printed"',
        options={"timeout_s": 120},
    ),
    Hostile(
        "a fork bomb",
        "python3",
        python("while True: os.fork()"),
        "ProcessLimit",
        "too many processes: limit 32",
        {"processes": 32},
    ),
    Hostile(
        "a fork bomb of the shell",
        "bash",
        ":(){ :|:& };:\nwait\nsleep 60",
        "ProcessLimit",
        "too many processes: limit 32",
        {"processes": 32},
    ),
    Hostile(
        "memory without end",
        "python3",
        python("kept = []", "while True: kept.append(bytearray(b'x' * (1 << 20)))"),
        "OutOfMemory",
        "out of memory: limit 128 MiB",
        {"memory": 128 * MIB},
    ),
    Hostile(
        "a full disk",
        "python3",
        python("for n in range(1 << 30):", "    with open(str(n), 'wb') as file: file.write(b'x' * (1 << 20))"),
        "DiskLimit",
        "disk full: limit 16 MiB",
        {"disk_bytes": 16 * MIB},
    ),
    Hostile(
        "one endless file",
        "bash",
        "cat /dev/zero > file",
        "DiskLimit",
        "disk full: limit 16 MiB",
        {"disk_bytes": 16 * MIB},
    ),
    Hostile(
        "a pattern that never ends",
        "python3",
        python("return re.match(r'(a+)+$', 'a' * 64 + 'b')", imports="re"),
        "Timeout",
        "timed out after 1 s",
        {"timeout_s": 1},
    ),
]


@pytest.fixture
async def on(database: TestDatabase, tmp_path: Path) -> AsyncIterator[LogGround]:
    async with ground(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_exhausting_job_does_not_affect_others(runtimes: Runtimes, on: LogGround, case: Hostile) -> None:
    await still_works(runtimes)
    options = {"result_bytes": MIB, "log_bytes": 2 * MIB} | case.options
    if memory := options.pop("memory", None):
        options["memory_bytes"] = memory
    before = reset_peak()
    attempt, log = on.log()
    hostile = asyncio.create_task(runtimes.run(spec(case.language, case.script, **options), log, asyncio.Event()))
    neighbours = [asyncio.create_task(goes_on(runtimes, hostile, slot)) for slot in (1, 2)]
    outcome = await hostile
    await log.close()
    assert min(await asyncio.gather(*neighbours)) >= 1
    judge(case, outcome)
    assert peak() - before < FLAT
    await still_works(runtimes)
    if case.name == "10 M log lines":
        text = await on.whole(attempt.job)
        assert text == "line\n" * (2 * MIB // 5) + "li\n[orvanta] log cut: limit 2 MiB\n"


def judge(case: Hostile, outcome: JobOutcome) -> None:
    if case.error is None:
        assert (outcome.result, outcome.error) == (case.result, None)
        return
    assert outcome.error is not None
    assert (outcome.error.name, case.says in outcome.error.message) == (case.error, True), outcome.error


async def goes_on(runtimes: Runtimes, hostile: asyncio.Task[JobOutcome], slot: int) -> int:
    """Run jobs in another slot in sequence until the hostile job has ended; return the number of correct results."""
    right = 0
    while not hostile.done() or not right:
        ran = await run(runtimes, "python3", "def main(x): return x + 1", {"x": right}, slot=slot)
        right += 1
        assert ran.value == right
    return right


async def test_long_logs_leave_the_worker_small(runtimes: Runtimes, on: LogGround) -> None:
    """Two concurrent jobs write 200,000 lines, which are all stored in order."""
    script = "def main(name):\n    for n in range(100_000): print(name, n, 'x' * 90)"
    before = reset_peak()
    attempts = {name: on.log() for name in ("a", "b")}
    jobs = [
        runtimes.run(spec("python3", script, {"name": name}, slot=slot, timeout_s=120), log, asyncio.Event())
        for slot, (name, (_, log)) in enumerate(attempts.items())
    ]
    assert [outcome.result for outcome in await asyncio.gather(*jobs)] == [b"null", b"null"]
    for _, log in attempts.values():
        await log.close()
    assert peak() - before < FLAT
    for name, (attempt, _) in attempts.items():
        assert await on.counts(attempt.job) == (0, 1)
        assert await on.whole(attempt.job) == "".join(f"{name} {n} {'x' * 90}\n" for n in range(100_000))
