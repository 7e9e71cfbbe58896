"""What every language must do, in one table: the same cases, each in the language's own words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.worker.jobs import Collected, run, spec, still_works

from orvanta_platform.worker.runtimes.pool import HOSTS, Runtimes

SCRIPTS: dict[str, dict[str, str]] = {
    "arguments": {
        "python3": "def main(a, b, c='third'):\n    return [a, b, c]",
        "bash": 'a="$1"\nb="$2"\nc="${3:-third}"\necho "[\\"$a\\",\\"$b\\",\\"$c\\"]"',
    },
    "structured": {
        "python3": "def main(x):\n    return x",
        "bash": 'x="$1"\nprintf %s "$x" > result.json',
    },
    "string": {
        "python3": "def main():\n    return '15'",
        "bash": "echo 15",
    },
    "nothing": {"python3": "def main():\n    pass", "bash": "true"},
    "error": {
        "python3": "def inner():\n    raise ValueError('no good')\n\ndef main():\n    inner()",
        "bash": "echo no good >&2\nexit 7",
    },
    "order": {
        "python3": (
            "import sys\ndef main():\n    for i in range(500):\n"
            "        print('out', i)\n        print('err', i, file=sys.stderr)"
        ),
        "bash": "for i in {0..499}; do echo out $i; echo err $i >&2; done",
    },
    "unicode": {
        "python3": "def main(x):\n    print(x)\n    return x",
        "bash": 'x="$1"\necho "$x"',
    },
    "large": {
        "python3": "def main(x):\n    return x + x",
        "bash": "head -c 10000000 /dev/zero | tr '\\0' y",
    },
    "forever": {
        "python3": "def main():\n    print('begun')\n    while True:\n        pass",
        "bash": "echo begun\nwhile true; do :; done",
    },
    "exit": {"python3": "import sys\ndef main():\n    sys.exit(3)", "bash": "exit 3"},
    "environment": {
        "python3": "import os\ndef main():\n    return os.environ['OV_JOB_ID']",
        "bash": 'echo "$OV_JOB_ID"',
    },
    "whole environment": {
        "python3": "import os\ndef main():\n    return sorted(os.environ)",
        "bash": "compgen -e | sort | tr '\\n' ' '",
    },
    "live": {
        "python3": "import time\ndef main():\n    print('first')\n    time.sleep(60)",
        "bash": "echo first\nsleep 60",
    },
    "not utf-8": {
        "python3": ("import sys\ndef main():\n    sys.stdout.buffer.write(b'a\\xff\\xfeb\\x00c\\n')\n    return 1"),
        "bash": "printf 'a\\xff\\xfeb\\0c\\n'\necho 1",
    },
    "stdin": {
        "python3": "import sys\ndef main():\n    return sys.stdin.read()",
        "bash": 'read -r x || echo "empty${x}"',
    },
    "folder": {
        "python3": (
            "import os, tempfile\ndef main():\n    open('f', 'w').write('x')\n"
            "    with tempfile.TemporaryDirectory():\n        return sorted(os.listdir('.'))[0]"
        ),
        "bash": 'echo x > f; t=$(mktemp); rm "$t"; ls f',
    },
    "named streams": {
        "python3": (
            "def main():\n    open('/dev/stderr', 'w').write('err\\n')\n    open('/dev/stdout', 'w').write('out\\n')"
        ),
        "bash": "echo err > /dev/stderr\necho out > /dev/stdout",
    },
    "child": {
        "python3": (
            "import subprocess\ndef main():\n"
            "    print('before')\n    subprocess.run(['sh', '-c', 'echo within'], check=True)\n    print('after')"
        ),
        "bash": "echo before; sh -c 'echo within'; echo after",
    },
}


@pytest.fixture(params=sorted(HOSTS))
def language(request: pytest.FixtureRequest) -> str:
    value: str = request.param
    return value


def script(case: str, language: str) -> str:
    return SCRIPTS[case][language]


def test_every_language_has_every_case() -> None:
    assert all(set(cases) == set(HOSTS) for cases in SCRIPTS.values())


async def test_arguments_go_by_name_and_defaults_hold(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("arguments", language), {"b": "2", "a": "1", "unknown": "x"})
    assert ran.value == ["1", "2", "third"]


async def test_structures_pass_both_ways(runtimes: Runtimes, language: str) -> None:
    value: dict[str, Any] = {"list": [1, 2.5, None, True], "text": 'quotes " and \\ and \n', "deep": {"a": {}}}
    assert (await run(runtimes, language, script("structured", language), {"x": value})).value == value


async def test_a_string_stays_a_string(runtimes: Runtimes, language: str) -> None:
    assert (await run(runtimes, language, script("string", language))).value == "15"


async def test_no_result_is_null(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("nothing", language))
    assert ran.value is None
    assert ran.outcome.started
    assert ran.outcome.mem_peak_kb > 0


async def test_an_error_says_what_and_where(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("error", language))
    name, message = ran.error
    assert "no good" in message
    if language == "python3":
        assert name == "ValueError"
        stack = ran.outcome.error.stack if ran.outcome.error else None
        assert stack is not None
        assert "line 2, in inner" in stack
        assert "raise ValueError('no good')" in stack
        assert "host.py" not in stack
    else:
        assert name == "ExitCode"
        assert "exit code 7" in message


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


async def test_a_timeout_kills_and_says_so(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("forever", language), timeout_s=0.5)
    assert ran.error == ("Timeout", "timed out after 0.5 s")
    assert ran.outcome.stopped_by == "timeout"
    assert ran.outcome.started
    assert ran.log == "begun\n"
    await still_works(runtimes)


async def test_cancelling_kills_and_says_so(runtimes: Runtimes, language: str) -> None:
    log, cancelled = Collected(), asyncio.Event()
    running = asyncio.ensure_future(runtimes.run(spec(language, script("forever", language)), log, cancelled))
    await log.arrived.wait()
    cancelled.set()
    outcome = await running
    assert outcome.error is not None
    assert outcome.error.name == "Cancelled"
    assert outcome.stopped_by == "cancel"
    await still_works(runtimes)


async def test_the_log_comes_while_the_job_runs(runtimes: Runtimes, language: str) -> None:
    log, cancelled = Collected(), asyncio.Event()
    running = asyncio.ensure_future(runtimes.run(spec(language, script("live", language)), log, cancelled))
    await log.arrived.wait()
    assert log.text == "first\n"
    assert not running.done()
    cancelled.set()
    await running


async def test_an_exit_code_is_an_error(runtimes: Runtimes, language: str) -> None:
    name, message = (await run(runtimes, language, script("exit", language))).error
    assert (name, message) == ("ExitCode", "the script ended with exit code 3")


async def test_the_environment_is_the_jobs_own(runtimes: Runtimes, language: str, monkeypatch: Any) -> None:
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


async def test_the_folder_is_fresh_and_writable(runtimes: Runtimes, language: str) -> None:
    for _ in range(2):
        assert (await run(runtimes, language, script("folder", language))).value == "f"


async def test_output_of_child_processes(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("child", language))
    assert ran.log == "before\nwithin\nafter\n"


async def test_the_streams_can_be_opened_by_name(runtimes: Runtimes, language: str) -> None:
    ran = await run(runtimes, language, script("named streams", language))
    assert ran.outcome.error is None
    assert ran.log == "err\nout\n"


async def test_many_jobs_at_once(runtimes: Runtimes, language: str) -> None:
    content = script("environment", language)
    jobs = [run(runtimes, language, content, env={"OV_JOB_ID": f"j-{i}"}, slot=i) for i in range(20)]
    assert [ran.value for ran in await asyncio.gather(*jobs)] == [f"j-{i}" for i in range(20)]


async def test_an_unknown_language(runtimes: Runtimes) -> None:
    name, message = (await run(runtimes, "cobol", "DISPLAY 'HI'")).error
    assert name == "NoRuntime"
    assert "cobol" in message
