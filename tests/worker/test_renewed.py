"""A reused cell contains nothing of its previous job: no files, processes or memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.polling import POLL_S
from tests.selection import extended_after_first
from tests.worker.jobs import Ran, run, run_spec, spec

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes import spares
from orvanta_platform.worker.runtimes.pool import Runtimes

CELL = """
import os
def cell():
    # The kernel gives the number of a namespace to another one after it; the first process of that one starts later.
    started = int(open('/proc/1/stat').read().rpartition(')')[2].split()[19])
    return os.stat('/proc/self/ns/pid').st_ino * 10**9 + started
"""

LEAVE = (
    CELL
    + """
import ctypes, sys
def main(secret):
    for path in ('left', '/tmp/left', '/dev/shm/left'):
        open(path, 'w').write(secret)
    libc = ctypes.CDLL(None)
    assert libc.shmget(4242, 4096, 0o1666) >= 0
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            import time
            time.sleep(3600)
        os._exit(0)
    os.wait()
    sys.stdout.write(secret)
    return [cell(), secret + os.environ['OV_TOKEN']]
"""
)

# The script receives the searched text encoded, because it searches the memory of its own process as well.
LOOK = (
    CELL
    + """
import ctypes
def main(parts):
    found = [path for path in ('left', '/tmp/left', '/dev/shm/left') if os.path.exists(path)]
    found += [name for name in os.listdir('/tmp') if name not in ('job', '.shm')]
    if ctypes.CDLL(None).shmget(4242, 4096, 0o666) >= 0:
        found.append('shared memory')
    found += [pid for pid in os.listdir('/proc') if pid.isdigit() and int(pid) not in (1, os.getpid())]
    found += [path for path in ('/packages', '/output') if os.listdir(path)]
    with open('/proc/self/mountinfo') as mounts:
        found += [line for line in mounts if line.split()[4] == '/tmp'][1:]
    needle = bytes(part ^ 1 for part in parts[:8])
    with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb', 0) as memory:
        for line in maps:
            place, rights, *_ = line.split()
            start, end = (int(part, 16) for part in place.split('-'))
            if 'r' in rights and '[v' not in line:
                memory.seek(start)
                text = memory.read(end - start)
                at = text.find(needle)
                while at >= 0:
                    if all(text[at + n] == part ^ 1 for n, part in enumerate(parts) if at + n < len(text)):
                        found.append(line)
                    at = text.find(needle, at + 1)
    return [cell(), found]
"""
)


@pytest.fixture(params=extended_after_first(["full", "userns"] if os.geteuid() == 0 else ["userns"]))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture
async def runtimes(level: Level, home: Path) -> AsyncIterator[Runtimes]:
    made = Runtimes(home, [], level)
    await made.start()
    (made.packages / "admins/one").mkdir(parents=True)
    (made.packages / "admins/one/module_of_one.py").write_text("X = 1\n")
    yield made
    await made.close()


async def in_every_cell(runtimes: Runtimes, content: str, **args: Any) -> list[Ran]:
    """Run enough jobs in sequence that each idle cell has executed one."""
    rans = []
    for _ in range(4):
        rans.append(await run(runtimes, "python3", content, args, slot=1))
        await runtimes.settle()
    return rans


@pytest.mark.parametrize("package", [None, "admins/one"])
async def test_previous_job_leaves_no_state(runtimes: Runtimes, package: str | None) -> None:
    token = "token-of-the-first"
    cells = set()
    for slot in (0, 1):
        what = spec("python3", LEAVE, {"secret": "text-of-the-first"}, env={"OV_TOKEN": token}, slot=slot)
        ran = await run_spec(runtimes, replace(what, package=package))
        assert ran.log == "text-of-the-first"
        cells.add(ran.value[0])
        await runtimes.settle()
    looked = []
    for secret in (token, "text-of-the-first"):
        looked += await in_every_cell(runtimes, LOOK, parts=[byte ^ 1 for byte in secret.encode()])
    assert cells & {ran.value[0] for ran in looked}, "no cell was used again"
    assert [ran.value[1] for ran in looked] == [[]] * len(looked)


async def test_leftover_search_finds_planted_state(runtimes: Runtimes) -> None:
    """The search of the test above finds state that is present."""
    own = "own-of-this-job"
    what = spec("python3", LOOK, {"parts": [byte ^ 1 for byte in own.encode()]}, env={"OV_TOKEN": own})
    ran = await run_spec(runtimes, what)
    assert ran.value[1] != []


async def test_cell_is_reused_after_error(runtimes: Runtimes) -> None:
    content = CELL + "def main(fail):\n    if fail:\n        raise ValueError(cell())\n    return cell()"
    cells = []
    for _ in range(4):
        cells.append(int((await run(runtimes, "python3", content, {"fail": True})).error[1]))
        await runtimes.settle()
    assert len(set(cells)) < 4


async def test_stopped_job_leaves_no_cell(runtimes: Runtimes) -> None:
    content = CELL + "import time\ndef main(s):\n    print(cell())\n    time.sleep(s)"
    ran = await run(runtimes, "python3", content, {"s": 60}, timeout_s=0.2)
    assert ran.error[0] == "Timeout"
    await runtimes.settle()
    later = [ran.log for ran in await in_every_cell(runtimes, content, s=0)]
    assert ran.log not in later


async def test_script_running_after_answer_is_killed(runtimes: Runtimes) -> None:
    """The script has forged its answer. The worker does not wait for it, and does not reuse its cell."""
    content = (
        CELL + "import struct, time\ndef main():\n    text = str(cell()).encode()\n"
        "    for n in range(3, 20):\n        try:\n"
        "            os.write(n, struct.pack('>cQ', b'r', len(text)) + text)\n        except OSError:\n"
        "            pass\n    time.sleep(3600)"
    )
    cell = (await run(runtimes, "python3", content)).value
    await runtimes.settle()
    others = [ran.value for ran in await in_every_cell(runtimes, CELL + "def main():\n    return cell()")]
    assert cell not in others


async def test_limits_are_those_of_the_job(runtimes: Runtimes) -> None:
    content = "def main(size):\n    open('file', 'wb').write(bytes(size))\n    return size"
    for limit in (4, 64, 4):
        fits = await run(runtimes, "python3", content, {"size": (limit - 2) << 20}, disk_bytes=limit << 20)
        assert fits.value == (limit - 2) << 20
        await runtimes.settle()
        name, _ = (await run(runtimes, "python3", content, {"size": (limit + 2) << 20}, disk_bytes=limit << 20)).error
        assert name == "DiskLimit"
        await runtimes.settle()


async def test_jobs_wait_for_free_cells(runtimes: Runtimes) -> None:
    content = "def main(n):\n    return n"
    for _ in range(3):
        jobs = [run(runtimes, "python3", content, {"n": n}, slot=n) for n in range(12)]
        assert [ran.value for ran in await asyncio.gather(*jobs)] == list(range(12))


async def test_jobs_that_are_abandoned_while_they_wait_for_a_cell(runtimes: Runtimes) -> None:
    content = "def main(n):\n    return n"
    for _ in range(3):
        jobs = [asyncio.ensure_future(run(runtimes, "python3", content, {"n": n}, slot=n)) for n in range(8)]
        await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    assert (await run(runtimes, "python3", content, {"n": 1})).value == 1


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, cells may take longer to be renewed, and the jobs longer than unneeded cells are kept."""
    monkeypatch.setattr(spares, "_RENEW_S", 600.0)
    monkeypatch.setattr(spares, "_TRIM_S", 600.0)


@pytest.mark.usefixtures("unhurried")
async def test_cells_of_a_burst_are_reused_by_the_next(runtimes: Runtimes) -> None:
    await run_together(runtimes)
    cells = runtimes._cells.copy()
    assert len(cells) >= 6
    await run_together(runtimes)
    assert cells <= runtimes._cells


async def test_unneeded_cells_of_a_burst_are_ended(runtimes: Runtimes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares, "_TRIM_S", 0.01)
    await run_together(runtimes)
    while len(runtimes._cells) != spares._MAX_SPARES:
        await asyncio.sleep(POLL_S)
    assert (await run(runtimes, "python3", "def main():\n    return 1")).value == 1


async def run_together(runtimes: Runtimes) -> None:
    jobs = [run(runtimes, "python3", "def main(n):\n    return n", {"n": n}, slot=n) for n in range(6)]
    assert [ran.value for ran in await asyncio.gather(*jobs)] == list(range(6))
    await runtimes.settle()
