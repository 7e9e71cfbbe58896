"""Resource limits and rights of the child process that evaluates expressions."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace
from tests import processes

import orvanta_platform
from orvanta_platform.evaluate import process
from orvanta_platform.evaluate.javascript import JavaScript
from orvanta_platform.evaluate.process import JAVASCRIPT, Child, Ended, EvaluatorUnavailable
from orvanta_platform.sandbox import landlock

SOURCE = str(Path(orvanta_platform.__file__).parents[1])
ROOT = os.geteuid() == 0


@pytest_asyncio.fixture
async def child(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Child]:
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    made = Child()
    await made.start()
    yield made
    made.kill()
    await made.wait_closed()


def below(pid: int | None) -> int:
    """Return the process supervised by a keeper."""
    (found,) = processes.children(pid)
    return found


async def test_process_has_no_secret(child: Child) -> None:
    for pid in (child.pid, below(child.pid)):
        process = Path(f"/proc/{pid}")
        environ = (process / "environ").read_bytes() if ROOT else b"LANG=C.UTF-8\0TZ=UTC\0"
        assert {entry for entry in environ.split(b"\0") if entry} == {b"TZ=UTC", b"LANG=C.UTF-8"}
        assert b"secret" not in (process / "cmdline").read_bytes()


@pytest.mark.skipif(not ROOT, reason="an undumpable process is its own and root's to look into")
async def test_process_has_no_descriptor_except_its_socket(child: Child) -> None:
    def held(pid: int) -> list[str]:
        return sorted(file.split(":")[0] for file in processes.open_files(pid) if file != "/dev/null")

    assert child.pid is not None
    assert held(below(child.pid)) == ["pipe", "socket"]
    assert held(child.pid) == ["pipe"]


async def test_process_has_no_rights(child: Child) -> None:
    pid = below(child.pid)
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert {int(status[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert "0" not in status["Uid"].split()
    assert status["NSpid"].split()[-1] == "1"


@pytest.mark.skipif(not ROOT, reason="needs to look into a process of another user")
async def test_process_has_its_own_namespaces(child: Child) -> None:
    pid = below(child.pid)
    for name in ("mnt", "pid", "net", "ipc", "uts"):
        assert os.readlink(f"/proc/{pid}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")
    assert os.listdir(f"/proc/{pid}/root") == []


TRY = """
import ctypes, json, os, socket, sys
sys.path.insert(0, sys.argv[1])
from orvanta_platform.evaluate.child import confine
separated = confine.separate() if sys.argv[2] == "all" else []
child = os.fork()
if child:
    os.waitpid(child, 0)
    os._exit(0)
held = confine.confine(separated)
libc = ctypes.CDLL(None, use_errno=True)

def refused(attempt):
    try:
        attempt()
    except OSError as error:
        return error.errno in (1, 2, 11, 13)
    return False

def executable():
    libc.mmap.restype = ctypes.c_void_p
    if libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, ctypes.c_long(0)) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")

found = {
    "read": refused(lambda: os.open("/etc/passwd", os.O_RDONLY)),
    "list": refused(lambda: os.listdir("/")),
    "write": refused(lambda: os.open("/tmp/made", os.O_CREAT | os.O_WRONLY)),
    "socket": refused(lambda: socket.socket(socket.AF_INET)),
    "unix": refused(lambda: socket.socket(socket.AF_UNIX)),
    "fork": refused(os.fork),
    "exec": refused(lambda: os.execv("/bin/true", ["true"])),
    "kill": refused(lambda: os.kill(1, 0)),
    "user": refused(lambda: os.setuid(0)),
    "executable": refused(executable),
}
os.write(1, json.dumps([held, found]).encode())
os._exit(0)
"""


@pytest.mark.parametrize("how", ["all", "no namespaces"])
def test_only_evaluation_is_allowed(how: str) -> None:
    ran = subprocess.run(
        [os.path.realpath(sys.executable), "-I", "-S", "-c", TRY, SOURCE, how], capture_output=True, check=True
    )
    held, refused = json.loads(ran.stdout)
    expected = ["rights", *(["landlock"] if landlock.version() else []), "seccomp"]
    assert held == [*(["namespaces", "root"] if how == "all" else []), *expected]
    assert refused == dict.fromkeys(refused, True)


OWNER = """
import asyncio, os, sys
from orvanta_platform.evaluate import process
from orvanta_platform.evaluate.javascript import JavaScript
from orvanta_platform.evaluate.process import Child, Ended, EvaluatorUnavailable

async def main():
    child = Child()
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


def test_process_ends_with_the_one_that_started_it() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        keeper = int(owner.stdout.readline())
        kept = below(keeper)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    until = time.monotonic() + 30
    while processes.is_running(keeper) or processes.is_running(kept):
        assert time.monotonic() < until
        time.sleep(0.02)


def request(text: str) -> bytes:
    fields = {"source": text, "at": 0, "seed": [1, 2, 3, 4], "scope": {}, "opened": {"variable": {}, "resource": {}}}
    return json.dumps(fields).encode()


async def test_limit_enforced_by_the_engine_is_answered(child: Child) -> None:
    reply = await child.ask(request("while (true) {}"))
    assert (reply.error and reply.error.name, reply.limit) == ("expression_timeout", True)


async def test_keeper_ends_what_the_engine_does_not(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_program", replace(JAVASCRIPT, answer_s=10_000.0))
    with pytest.raises(Ended) as caught:
        await child.ask(request("new Array(2 ** 32 - 1).join()"))
    assert (caught.value.blamed, caught.value.late) == (True, True)


async def test_stopped_child_is_abandoned(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_program", replace(JAVASCRIPT, answer_s=0.1))
    os.kill(below(child.pid), signal.SIGSTOP)
    asked = await asyncio.gather(*(child.ask(request("1 + 1")) for _ in range(2)), return_exceptions=True)
    assert [isinstance(each, Ended) and (each.blamed, each.late) for each in asked] == [(True, True), (False, False)]


async def test_failed_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_PYTHON", "/nowhere/python")
    javascript = JavaScript()
    for _ in range(2):
        with pytest.raises(EvaluatorUnavailable, match="cannot be started"):
            await javascript.check("main", ["1 + 1"])
    monkeypatch.setattr(process, "_PYTHON", "/bin/false")
    with pytest.raises(EvaluatorUnavailable, match="ended while it started"):
        await javascript.check("main", ["1 + 1"])
    monkeypatch.undo()
    assert await javascript.check("main", ["1 + 1"]) == [None]
    await javascript.close()
    with pytest.raises(EvaluatorUnavailable, match="closed"):
        await javascript.check("main", ["1 + 1"])
