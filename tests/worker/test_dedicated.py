"""Dedicated processes: reused for jobs of the same script, each with its own arguments, environment and log."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests import processes
from tests.worker.jobs import Collected, Ran, run_spec, spec

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.outcome import JobSpec
from orvanta_platform.worker.runtimes.pool import Runtimes

# An id for each process: it is created when the script is loaded.
WHO = "import uuid\nID = uuid.uuid4().hex\n"
COUNT = WHO + "COUNT = 0\ndef main():\n    global COUNT\n    COUNT += 1\n    return [ID, COUNT]"


def job(content: str, args: Any = None, **options: Any) -> JobSpec:
    return replace(spec("python3", content, args, **options), dedicated=True)


async def run(runtimes: Runtimes, content: str, args: Any = None, **options: Any) -> Ran:
    return await run_spec(runtimes, job(content, args, **options))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def processes_of(runtimes: Runtimes) -> list[int]:
    """Return the processes that execute scripts: the only children of the cells that the zygote created."""
    found = []
    for cell in processes.children(runtimes.zygote_pid):
        found += processes.children(cell)
    return found


async def test_one_process_runs_consecutive_jobs(runtimes: Runtimes) -> None:
    first, second, third = [(await run(runtimes, COUNT, slot=slot)).value for slot in (0, 1, 0)]
    assert first[0] == second[0] == third[0]
    assert [first[1], second[1], third[1]] == [1, 2, 3]


async def test_without_it_each_job_has_its_own(runtimes: Runtimes) -> None:
    values = [(await run_spec(runtimes, spec("python3", COUNT))).value for _ in range(2)]
    assert values[0][0] != values[1][0]


async def test_another_workspace_content_package_or_principal_is_another_process(runtimes: Runtimes) -> None:
    for name in ("one", "two"):
        (runtimes.packages / "admins" / name).mkdir(parents=True)
    specs = [
        job(COUNT),
        replace(job(COUNT), workspace="other"),
        job(COUNT + "\n"),
        replace(job(COUNT), package="admins/one"),
        replace(job(COUNT), package="admins/two"),
        replace(job(COUNT), principal="u/somebody"),
    ]
    values = [(await run_spec(runtimes, what)).value for what in specs]
    assert [count for _, count in values] == [1] * 6
    assert len({who for who, _ in values}) == 6
    assert [(await run_spec(runtimes, what)).value for what in specs] == [[who, 2] for who, _ in values]


async def test_arguments_and_environment_are_each_jobs_own(runtimes: Runtimes) -> None:
    content = (
        "import os, subprocess\ndef main(x=None):\n"
        "    seen = {k: v for k, v in os.environ.items() if k.startswith('OV_')}\n"
        "    lines = subprocess.run(['env'], capture_output=True, text=True).stdout.splitlines()\n"
        "    inherited = dict(line.split('=', 1) for line in lines if line.startswith('OV_'))\n"
        "    os.environ['OV_PLANTED'] = 'x'\n    os.environ.pop('HOME')\n    return [x, seen, inherited]"
    )
    given: list[tuple[dict[str, Any], dict[str, str]]] = [
        ({"x": 1}, {"OV_A": "1", "OV_B": "b"}),
        ({}, {"OV_A": "2"}),
        ({"x": [2]}, {"OV_B": "č", "OV_C": ""}),
    ]
    for args, env in given:
        assert (await run(runtimes, content, args, env=env)).value == [args.get("x"), env, env]


@pytest.mark.parametrize(
    "change",
    ["os.environ = dict(os.environ)", "os.putenv = lambda name, value: None"],
    ids=["environ", "putenv"],
)
async def test_next_job_has_its_environment_after_a_script_replaced_functions(runtimes: Runtimes, change: str) -> None:
    content = (
        "import os, subprocess\nPRINT = ['/bin/sh', '-c', 'echo $OV_A']\ndef main():\n"
        "    seen = os.environ.get('OV_A'), subprocess.run(PRINT, capture_output=True, text=True).stdout.strip()\n"
        f"    {change}\n    return seen"
    )
    assert [(await run(runtimes, content, env={"OV_A": text})).value for text in "12"] == [["1", "1"], ["2", "2"]]


async def test_output_goes_to_the_log_of_its_job(runtimes: Runtimes) -> None:
    content = (
        "import subprocess, sys, os\ndef main(n):\n    print('out', n)\n    print('err', n, file=sys.stderr)\n"
        "    subprocess.run(['sh', '-c', f'echo child {n}'], check=True)\n    os.write(1, b'raw\\xff')\n"
        "    sys.stdout.write(f'end {n}')"
    )
    for n in range(3):
        assert (await run(runtimes, content, {"n": n})).log == f"out {n}\nerr {n}\nchild {n}\nraw\ufffdend {n}"
    quiet = "def main(n):\n    if n: print('x' * n)"
    assert [len((await run(runtimes, quiet, {"n": n})).log) for n in (0, 1_000_000, 0, 3)] == [0, 1_000_001, 0, 4]


async def test_log_arrives_while_job_runs(runtimes: Runtimes) -> None:
    content = "import time\ndef main(s):\n    print('first')\n    time.sleep(s)"
    await run(runtimes, content, {"s": 0})
    log, cancelled = Collected(), asyncio.Event()
    running = asyncio.ensure_future(runtimes.run(job(content, {"s": 60}), log, cancelled))
    await log.arrived.wait()
    assert log.text == "first\n"
    assert not running.done()
    cancelled.set()
    assert (await running).stopped_by == "cancel"


@pytest.mark.parametrize(
    ("ending", "name", "message"),
    [
        ("raise ValueError('no good')", "ValueError", "no good"),
        ("import sys; sys.exit(3)", "ExitCode", "exit code 3"),
        ("return object()", "ResultNotJson", "is of type object"),
        ("return 'x' * 3000", "result_too_large", "1 KiB"),
    ],
)
async def test_error_affects_only_its_job(runtimes: Runtimes, ending: str, name: str, message: str) -> None:
    content = WHO + f"def main(fail):\n    if fail:\n        {ending}\n    return ID"
    who = (await run(runtimes, content, {"fail": False}, result_bytes=1024)).value
    found, text = (await run(runtimes, content, {"fail": True}, result_bytes=1024)).error
    assert (found, message in text) == (name, True)
    assert (await run(runtimes, content, {"fail": False}, result_bytes=1024)).value == who


async def test_error_has_script_stack(runtimes: Runtimes) -> None:
    content = "def main(x):\n    return 1 / x"
    await run(runtimes, content, {"x": 1})
    ran = await run(runtimes, content, {"x": 0})
    stack = (ran.outcome.error and ran.outcome.error.stack) or ""
    assert "line 2, in main" in stack
    assert "host.py" not in stack


@pytest.mark.parametrize(
    ("ending", "name", "limits"),
    [
        ("os._exit(4)", "ExitCode", {}),
        ("os.kill(os.getpid(), 11)", "ExitCode", {}),
        ("time.sleep(60)", "Timeout", {"timeout_s": 0.5}),
        ("x = b'x' * (1 << 28); time.sleep(60)", "OutOfMemory", {"memory_bytes": 64 << 20}),
        ("[os.fork() for _ in range(8)]; time.sleep(60)", "ProcessLimit", {"processes": 50}),
        ("os.closerange(3, 100)", "ExitCode", {}),
    ],
)
async def test_process_exit_fails_only_its_job(
    runtimes: Runtimes, ending: str, name: str, limits: dict[str, Any]
) -> None:
    content = WHO + f"import os, time\ndef main(end):\n    print('begun')\n    if end:\n        {ending}\n    return ID"
    remaining = {key: value for key, value in limits.items() if key != "timeout_s"}
    who = (await run(runtimes, content, {"end": False}, **remaining)).value
    ran = await run(runtimes, content, {"end": True}, **limits)
    assert ran.error[0] == name, ran
    assert ran.outcome.started
    assert ran.log.startswith("begun\n")
    other = (await run(runtimes, content, {"end": False}, **remaining)).value
    assert other != who


async def test_first_job_can_be_stopped(runtimes: Runtimes) -> None:
    ran = await run(runtimes, "while True: pass", timeout_s=0.3)
    assert ran.error == ("Timeout", "timed out after 0.3 s")
    assert (await run(runtimes, "def main(): return 1")).value == 1


async def test_idle_process_ending_affects_no_job(runtimes: Runtimes) -> None:
    who, _ = (await run(runtimes, COUNT)).value
    await runtimes.settle()
    for process in processes_of(runtimes):
        os.kill(process, signal.SIGKILL)
    other, count = (await run(runtimes, COUNT)).value
    assert other != who
    assert count == 1


async def test_unread_job_goes_to_another_process(runtimes: Runtimes) -> None:
    who, _ = (await run(runtimes, COUNT)).value
    await runtimes.settle()
    stopped = processes_of(runtimes)
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    running = asyncio.ensure_future(run(runtimes, COUNT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for process in stopped:
        os.kill(process, signal.SIGKILL)
    other, count = (await running).value
    assert other != who
    assert count == 1


async def test_large_values(runtimes: Runtimes) -> None:
    content = "def main(x):\n    return x + x"
    for size in (5_000_000, 3, 1_000_000):
        assert (await run(runtimes, content, {"x": "y" * size})).value == "y" * size * 2


async def test_coroutine_is_awaited(runtimes: Runtimes) -> None:
    content = "import asyncio\nasync def main(n):\n    await asyncio.sleep(0)\n    return n"
    assert [(await run(runtimes, content, {"n": n})).value for n in range(3)] == [0, 1, 2]


async def test_concurrent_jobs_have_own_processes(runtimes: Runtimes) -> None:
    content = WHO + "import time\ndef main(n):\n    time.sleep(0.1)\n    return [n, ID]"
    rans = await asyncio.gather(*(run(runtimes, content, {"n": n}, slot=n) for n in range(6)))
    assert [ran.value[0] for ran in rans] == list(range(6))
    assert len({ran.value[1] for ran in rans}) == 6


def named(runtimes: Runtimes, name: str) -> list[int]:
    """Return the processes whose scripts have set this process name."""
    return [pid for pid in processes_of(runtimes) if processes.name(pid) == name]


NAME = "import ctypes\ndef name(text):\n    ctypes.CDLL(None).prctl(15, text)\n"


async def test_unexpected_message_ends_process(runtimes: Runtimes) -> None:
    content = (
        WHO + NAME + "import socket, threading, time\ndef main(forge):\n    if forge:\n        name(b'forger')\n"
        "        def late():\n            for n in range(3, 20):\n                try:\n"
        "                    s = socket.socket(fileno=n)\n                except OSError:\n"
        "                    continue\n"
        '                s.send(b\'{"kind":"result","length":4,"peak_kb":1}\\n1234\')\n                s.detach()\n'
        "        threading.Timer(0.2, late).start()\n    return ID"
    )
    who = (await run(runtimes, content, {"forge": True})).value
    await until(lambda: not named(runtimes, "forger"))
    assert (await run(runtimes, content, {"forge": False})).value != who


async def test_output_between_jobs_is_in_no_log(runtimes: Runtimes) -> None:
    content = (
        WHO + NAME + "import subprocess\ndef main(leave):\n    name(b'printer')\n    print('job')\n    if leave:\n"
        "        subprocess.Popen(['sh', '-c', 'sleep 0.2; echo late'])\n    return ID"
    )
    first = await run(runtimes, content, {"leave": True})
    (printer,) = named(runtimes, "printer")
    while any(map(processes.is_running, processes.children(printer))):
        pass  # busy wait: the event loop must not read the output before the second job starts
    second = await run(runtimes, content, {"leave": False})
    assert first.value == second.value
    assert [first.log, second.log] == ["job\n", "job\n"]


async def test_abandoning_a_job_ends_its_process(runtimes: Runtimes) -> None:
    content = WHO + "import time\ndef main(s):\n    print('begun')\n    time.sleep(s)\n    return ID"
    who = (await run(runtimes, content, {"s": 0})).value
    log = Collected()
    running = asyncio.ensure_future(runtimes.run(job(content, {"s": 60}), log, asyncio.Event()))
    await log.arrived.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await run(runtimes, content, {"s": 0})).value != who


async def test_unwritable_log_ends_job(runtimes: Runtimes) -> None:
    class Full:
        async def write(self, text: str) -> None:
            raise OSError("no room for the log")

        async def stream(self, text: str) -> None:
            raise AssertionError(text)

        async def arguments(self, text: str) -> None:
            raise AssertionError(text)

    content = WHO + "def main(text):\n    print(text, end='')\n    return ID"
    who = (await run(runtimes, content, {"text": ""})).value
    with pytest.raises(OSError, match="no room"):
        await runtimes.run(job(content, {"text": "x"}), Full(), asyncio.Event())
    assert (await run(runtimes, content, {"text": ""})).value != who


async def test_only_so_many_processes_wait(level: Level, home: Path) -> None:
    runtimes = Runtimes(home, [], level, max_idle_processes=1)
    await runtimes.start()
    contents = [COUNT, COUNT + "\n", COUNT + "\n\n"]
    for content in contents:
        assert (await run(runtimes, content)).value[1] == 1
    assert (await run(runtimes, contents[2])).value[1] == 2
    assert (await run(runtimes, contents[0])).value[1] == 1
    await runtimes.settle()
    assert len(processes_of(runtimes)) == 1 + 2  # the idle process, and the cells created in advance
    await runtimes.close()


async def test_no_descriptor_leaks(runtimes: Runtimes) -> None:
    content = "import os\ndef main(end):\n    print(1)\n    if end: os._exit(1)"
    counts = []
    for _ in range(4):
        for end in (False, False, True):
            await run(runtimes, content, {"end": end})
        await runtimes.settle()
        names = processes.open_files(os.getpid())
        counts.append(len([name for name in names if "/orvanta-" not in name]))  # without the files of control groups
    assert counts[1:] == [counts[1]] * 3


async def test_closing_ends_processes_that_wait(level: Level, home: Path) -> None:
    runtimes = Runtimes(home, [], level)
    await runtimes.start()
    await run(runtimes, COUNT)
    found = processes_of(runtimes)
    await runtimes.close()
    await until(lambda: not any(map(processes.is_running, found)))


async def test_file_remains_for_next_job(runtimes: Runtimes) -> None:
    """State may survive between jobs of one script: a documented cost of the fastest mode."""
    content = (
        "import os\ndef main():\n    found = os.path.exists('left')\n    open('left', 'w').close()\n"
        "    os.chdir('/')\n    return found"
    )
    assert [(await run(runtimes, content)).value for _ in range(2)] == [False, True]
