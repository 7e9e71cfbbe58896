"""Lifetimes of processes: those of a job end with it, all end with the worker; faults that the worker survives."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import processes
from tests.worker.jobs import Collected, run, spec, still_works

from orvanta_platform.sandbox.cgroups import Group
from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.outcome import JobOutcome
from orvanta_platform.worker.runtimes.cells import Cell, SandboxUnavailable
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.worker.runtimes.watch import Watch

# A process in a session of its own, without its parent, found by its name. Its exec closes the pipe.
DAEMON = """
import os, sys, time
def main(name):
    begun, starting = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for n in (1, 2):
                os.dup2(os.open('/dev/null', os.O_WRONLY), n)
            os.execvp('sleep', [name, '3600'])
        os._exit(0)
    os.close(starting)
    os.read(begun, 1)
    print('begun')
    time.sleep(TIME)
"""


def alive(name: str) -> list[int]:
    """Return the processes of this machine whose command line starts with `name`."""
    pids = map(int, filter(str.isdigit, os.listdir("/proc")))
    return [pid for pid in pids if processes.arguments(pid)[:1] == [name]]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition outside of this process, for 20 s at most."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def start_job(runtimes: Runtimes, content: str, args: Any = None) -> asyncio.Task[JobOutcome]:
    """Start a Python job and wait for its first output; return its task."""
    log = Collected()
    task = asyncio.ensure_future(runtimes.run(spec("python3", content, args), log, asyncio.Event()))
    await log.arrived.wait()
    return task


@pytest.mark.parametrize("ending", ["returns", "times out"])
async def test_daemons_of_a_job_end_with_it(runtimes: Runtimes, ending: str) -> None:
    name = f"daemon-{os.getpid()}-{runtimes.isolation.level}-{len(ending)}"
    content = DAEMON.replace("TIME", "0" if ending == "returns" else "3600")
    await run(runtimes, "python3", content, {"name": name}, timeout_s=1)
    await until(lambda: not alive(name))
    await still_works(runtimes)


async def test_background_children_of_bash_do_not_hold_the_job(runtimes: Runtimes) -> None:
    assert (await run(runtimes, "bash", "sleep 3600 &\necho done")).value == "done"


async def test_kill_all_works_while_the_zygote_is_stopped(runtimes: Runtimes) -> None:
    name = f"daemon-{os.getpid()}-{runtimes.isolation.level}-stopped"
    jobs = [await start_job(runtimes, DAEMON.replace("TIME", "3600"), {"name": name}) for _ in range(2)]
    await until(lambda: len(alive(name)) == 2)
    zygote = runtimes.zygote_pid
    assert zygote is not None
    os.kill(zygote, signal.SIGSTOP)
    runtimes.kill_all()
    outcomes = await asyncio.gather(*jobs)
    assert all(outcome.error is not None for outcome in outcomes)
    await until(lambda: not alive(name))
    os.kill(zygote, signal.SIGCONT)
    await still_works(runtimes)


async def test_zygote_death_fails_only_its_jobs(runtimes: Runtimes) -> None:
    job = await start_job(runtimes, "import time\ndef main():\n    print('begun')\n    time.sleep(3600)")
    zygote = runtimes.zygote_pid
    assert zygote is not None
    os.kill(zygote, signal.SIGKILL)
    outcome = await job
    assert outcome.error is not None
    assert outcome.error.name == "SandboxLost" and outcome.lost
    await still_works(runtimes)


async def test_cell_killed_before_it_is_ready_is_replaced(runtimes: Runtimes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job does not fail: another cell can be made."""
    killed, ready, job = list[int](), Cell.ready, asyncio.current_task()

    async def kill_first(cell: Cell) -> None:
        if not killed and asyncio.current_task() is job:  # others make spare cells
            killed.append(cell.pid)
            cell.kill()  # with the processes that it has started, which keep the connection open
            while await cell._message() is not None:
                pass
        await ready(cell)

    monkeypatch.setattr(runtimes._spares, "take", runtimes._spawn)
    monkeypatch.setattr(Cell, "ready", kill_first)
    await still_works(runtimes)
    assert killed


async def test_cell_that_answers_too_late_is_replaced(runtimes: Runtimes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job does not fail: the machine or the worker may have been stopped meanwhile."""
    late, ready, job = list[int](), Cell.ready, asyncio.current_task()

    async def time_out_once(cell: Cell) -> None:
        if not late and asyncio.current_task() is job:  # others make spare cells
            late.append(cell.pid)
            raise TimeoutError
        await ready(cell)

    monkeypatch.setattr(runtimes._spares, "take", runtimes._spawn)
    monkeypatch.setattr(Cell, "ready", time_out_once)
    await still_works(runtimes)
    assert late


@pytest.mark.parametrize("stopped", [False, True])
async def test_everything_dies_with_the_worker(level: Level, tmp_path: Path, stopped: bool) -> None:
    name = f"daemon-{os.getpid()}-{level}-worker-{stopped}"
    program = (
        "import asyncio, json, sys\nfrom pathlib import Path\n"
        "from orvanta_platform.worker.runtimes.pool import Runtimes\n"
        "from tests.worker.jobs import Collected, spec\n"
        "async def main(home, level, content, name):\n"
        "    runtimes = Runtimes(Path(home), [], level)\n    await runtimes.start()\n"
        "    print(runtimes.zygote_pid, flush=True)\n"
        "    await runtimes.run(spec('python3', content, {'name': name}), Collected(), asyncio.Event())\n"
        "asyncio.run(main(*json.loads(sys.argv[1])))"
    )
    arguments = json.dumps([str(tmp_path / "home"), level, DAEMON.replace("TIME", "3600"), name])
    with start_program(program, arguments) as worker:
        assert worker.stdout is not None
        zygote = int(await asyncio.to_thread(worker.stdout.readline))
        await until(lambda: bool(alive(name)))
        if stopped:
            os.kill(zygote, signal.SIGSTOP)
        worker.kill()
    await until(lambda: not alive(name) and not processes.is_running(zygote))


def start_program(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE)


async def test_closing_ends_everything(level: Level, tmp_path: Path) -> None:
    name = f"daemon-{os.getpid()}-{level}-close"
    runtimes = Runtimes(tmp_path / "home", [], level)
    await runtimes.start()
    zygote = runtimes.zygote_pid
    assert zygote is not None
    job = await start_job(runtimes, DAEMON.replace("TIME", "3600"), {"name": name})
    await until(lambda: bool(alive(name)))
    await runtimes.close()
    assert (await job).error is not None
    await until(lambda: not alive(name) and not processes.is_running(zygote))


def descriptors() -> list[str]:
    """Return the open files of this process, except the control groups that wait for reuse."""
    return [name for name in processes.open_files(os.getpid()) if "/orvanta-" not in name]


async def test_no_descriptor_leaks(runtimes: Runtimes) -> None:
    counts = []
    for _ in range(4):
        await still_works(runtimes)
        await run(runtimes, "python3", "def main():\n    while True: pass", timeout_s=0.1)
        await runtimes.settle()
        counts.append(len(descriptors()))
    assert counts[1:] == [counts[1]] * 3


async def test_slow_log_applies_backpressure(runtimes: Runtimes) -> None:
    release = asyncio.Event()

    class Slow(Collected):
        async def write(self, text: str) -> None:
            await super().write(text)
            await release.wait()

    log = Slow()
    content = "def main():\n    print('x' * 10_000_000)"
    job = asyncio.ensure_future(runtimes.run(spec("python3", content), log, asyncio.Event()))
    await log.arrived.wait()
    held = len(log.text)
    release.set()
    assert (await job).error is None
    assert held <= 1 << 16
    assert len(log.text) == 10_000_001


async def test_job_over_limit_does_not_affect_neighbours(runtimes: Runtimes) -> None:
    content = "def main():\n    x = []\n    while True:\n        x.append(bytearray(1 << 20))"
    neighbour = "import time\ndef main(n):\n    time.sleep(0.5)\n    return n"
    jobs = [run(runtimes, "python3", neighbour, {"n": n}, slot=n) for n in range(1, 4)]
    greedy, *others = await asyncio.gather(run(runtimes, "python3", content, memory_bytes=64 << 20, slot=0), *jobs)
    assert greedy.error[0] == "OutOfMemory"
    assert [ran.value for ran in others] == [1, 2, 3]


async def test_failed_check_stops_no_other() -> None:
    class Job:
        def __init__(self, *, fails: bool = False) -> None:
            self.checks = 0
            self.checked_again = asyncio.Event()
            self._fails = fails

        def check(self, now: float) -> None:
            self.checks += 1
            if self.checks > 1:
                self.checked_again.set()
            elif self._fails:
                raise OSError("the control group is gone")

    watch = Watch()
    jobs = [Job(fails=True), Job()]
    for job in jobs:
        watch.add(job)
    async with asyncio.timeout(20):
        for job in jobs:
            await job.checked_again.wait()
    for job in jobs:
        watch.discard(job)


async def test_job_times_out_without_its_control_group(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group cannot be used again either."""
    runtimes = Runtimes(home, [], "landlock")
    await runtimes.start()

    def gone(*_: Any) -> bool:
        raise OSError("the control group is gone")

    monkeypatch.setattr(Group, "kill", gone)
    monkeypatch.setattr(Group, "reopen", gone)
    try:
        async with asyncio.timeout(20):
            ran = await run(runtimes, "python3", "def main():\n    while True: pass", timeout_s=0.1)
            assert ran.error[0] == "Timeout"
            await runtimes.settle()
        assert not runtimes._groups._idle and runtimes._cells == set(runtimes._spares.waiting)
        await still_works(runtimes)
    finally:
        monkeypatch.undo()
        await runtimes.close()


async def test_required_isolation_fails_without_support(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orvanta_platform.sandbox.isolation.candidates", lambda mode: [])
    runtimes = Runtimes(tmp_path / "home", [], "required")
    with pytest.raises(SandboxUnavailable, match="required"):
        await runtimes.start()


async def test_automatic_isolation_takes_the_best(tmp_path: Path) -> None:
    runtimes = Runtimes(tmp_path / "home", [], "auto")
    await runtimes.start()
    assert runtimes.isolation.level == ("full" if os.geteuid() == 0 else "userns")
    await still_works(runtimes)
    await runtimes.close()


async def test_unwritable_log_ends_job(runtimes: Runtimes) -> None:
    class Full:
        async def write(self, text: str) -> None:
            raise OSError("no room for the log")

        async def stream(self, text: str) -> None:
            raise AssertionError(text)

        async def arguments(self, text: str) -> None:
            raise AssertionError(text)

    content = "import time\ndef main():\n    print('x')\n    time.sleep(3600)"
    with pytest.raises(OSError, match="no room"):
        await runtimes.run(spec("python3", content), Full(), asyncio.Event())
    await still_works(runtimes)


async def test_abandoning_a_job_kills_it(runtimes: Runtimes) -> None:
    name = f"daemon-{os.getpid()}-{runtimes.isolation.level}-abandoned"
    job = await start_job(runtimes, DAEMON.replace("TIME", "3600"), {"name": name})
    await until(lambda: bool(alive(name)))
    job.cancel()
    await until(lambda: not alive(name))
    assert job.cancelled()
