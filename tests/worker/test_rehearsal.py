"""The warm-up of an idle process leaves no state that a job could see, and delays no job that waits."""

from __future__ import annotations

import linecache
import os
import select
import socket
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from orvanta_platform.sandbox import inmate, syscalls
from orvanta_platform.sandbox.job import Job, frame
from orvanta_platform.sandbox.plan import Plan
from orvanta_platform.sandbox.rehearsal import rehearse
from orvanta_platform.worker.runtimes.bash import host as bash
from orvanta_platform.worker.runtimes.python import host as python

PATIENCE_S = 30


def traces() -> list[object]:
    descriptors = sorted(int(path.name) for path in Path("/proc/self/fd").iterdir() if path.exists())
    streams = [sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__]
    return [descriptors, dict(os.environ), [*sys.path], set(sys.modules), set(linecache.cache), *map(id, streams)]


def test_rehearsal_leaves_no_state() -> None:
    rehearse({"python3": python, "bash": bash})
    before = traces()
    rehearse({"python3": python, "bash": bash})
    assert traces() == before
    assert "script" not in sys.modules


def test_host_with_rehearsal_is_run() -> None:
    ran: list[str] = []

    class Host:
        def rehearse(self, job: object) -> None:
            ran.append(type(job).__name__)

    rehearse({"none": Host(), "bash": bash})
    assert ran == ["Job"]


class _Recorder:
    """A host that writes into a pipe what is called."""

    finish = None

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def rehearse(self, _job: Job) -> None:
        os.write(self._pipe, b"rehearsed ")

    def run(self, _job: Job, content: str, args: bytes) -> NoReturn:
        os.write(self._pipe, f"ran {content}{args.decode()}".encode())
        os._exit(0)


def send_job(worker: socket.socket) -> None:
    """Send a job to a cell, as the worker does."""
    empty: dict[str, object] = {
        "uid": None,
        "package": None,
        "imports": None,
        "output": None,
        "path": "",
        "entry": "main",
        "programs": {},
    }
    sources = dict.fromkeys(("package_source", "imports_source", "output_source"))
    flags = dict.fromkeys(("watch_memory", "watch_processes", "shared", "dedicated"), False)
    sizes = dict.fromkeys(("memory_bytes", "processes", "disk_bytes", "result_bytes"), 0)
    lengths = {"env_length": 2, "content_length": 2, "args_length": 2}
    header = {"language": "none", "folder": "/", **empty, **sources, **flags, **sizes, **lengths}
    with open(os.devnull, "wb") as null:
        socket.send_fds(worker, [frame(header), b'{}""[]'], [null.fileno()] * 3)


@pytest.mark.parametrize("waits", [True, False])
def test_job_that_waits_already_is_run_without_rehearsal(waits: bool) -> None:
    read, write = os.pipe()
    worker, connection = socket.socketpair()
    relay, inner_relay = socket.socketpair()
    if waits:
        send_job(worker)
    process = os.fork()
    if process == 0:
        try:
            inmate.run(connection, inner_relay, None, Plan("none", "/"), {"none": _Recorder(write)})
        finally:
            os._exit(1)
    os.close(write)
    with open(read, "rb") as pipe, worker, connection, relay, inner_relay:
        if not waits:
            assert select.select([pipe], [], [], PATIENCE_S)[0], "the process did not rehearse"
            assert pipe.read(10) == b"rehearsed "
            send_job(worker)
        worker.shutdown(socket.SHUT_WR)
        assert pipe.read() == b'ran ""[]'
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


def test_input_of_connection_is_not_taken() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            assert not syscalls.has_input(ours.fileno())
            theirs.sendall(b"ab")
            assert syscalls.has_input(ours.fileno()) and syscalls.has_input(ours.fileno())
            assert ours.recv(2) == b"ab"
            assert not syscalls.has_input(ours.fileno())
        assert syscalls.has_input(ours.fileno())  # its end can be read
