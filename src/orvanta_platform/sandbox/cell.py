"""A cell: a process tree of its own, in which one job runs after the other, each confined alone. Standard library only.

Its first process is forked by the zygote and never runs user code. It lays out the cell, forks the one process that
runs a job (inmate.py), watches what runs, and kills all that is left when the job has ended. Where there are
namespaces it then takes away everything that the job had, and forks the process of the next one. It is told of a
job what it needs for that: never its environment, its script or its arguments.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from orvanta_platform.sandbox import filesystem, inmate, syscalls, tree
from orvanta_platform.sandbox.filesystem import Room
from orvanta_platform.sandbox.inmate import Host
from orvanta_platform.sandbox.job import Job, receive
from orvanta_platform.sandbox.plan import Plan

WATCH_S = 0.2
_DISK_EVERY = 5  # looks
# What signal.signal is made of: its enumerations cost a process that was just forked dozens of page faults.
_set_handler: Callable[[int, object], object] = vars(signal)["_signal"].signal
_DEFAULT = int(signal.SIG_DFL)


def clone_flags(plan: Plan) -> int:
    """The namespaces that a cell of `plan` starts with."""
    if not plan.namespaces:
        return 0
    flags = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
    return flags | (syscalls.CLONE_NEWUSER if plan.level == "userns" else 0)


def map_identity(uid: int, gid: int) -> None:
    """In a fresh user namespace: be who one was outside. Groups stay as they are and cannot be changed."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a cell gets from its zygote: the user and group that this one runs as, and open cgroup.procs files."""

    plan: Plan
    hosts: Mapping[str, Host]
    identity: tuple[int, int]
    groups: list[int]


def live(worker: socket.socket, given: Surroundings) -> NoReturn:
    """Be a cell: say that it is ready, run a job of `worker`, report how it ended; again where it can be renewed."""
    plan = given.plan
    try:
        for descriptor in given.groups:
            os.write(descriptor, b"0")  # whoever writes enters
            os.close(descriptor)
        room = _set_up(plan, given.identity)
        wakeup = _Wakeup()
        while _one_job(worker, given, room, wakeup) and room is not None:
            _bury_all()
            room.renew()
    except OSError as error:
        _say(worker, {"error": error.strerror or str(error)})
        os._exit(1)
    os._exit(0)


def _set_up(plan: Plan, identity: tuple[int, int]) -> Room | None:
    if plan.level == "userns":
        map_identity(*identity)
    _follow_parent(plan)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    room = Room(plan) if plan.namespaces else None
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    return room


def _follow_parent(plan: Plan) -> None:
    """End with the zygote. Without a PID namespace the end must be a handler's: it kills the tree first."""
    if plan.namespaces:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    signal.signal(signal.SIGTERM, _end_tree)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_tree(*_: object) -> None:
    tree.kill_below(os.getpid())
    os._exit(1)


class _Wakeup:
    """Tells by a pipe that a child has ended."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        _set_handler(signal.SIGCHLD, lambda *_: None)  # the zygote ignores it
        self._poll = select.poll()
        self._poll.register(self._read, select.POLLIN)

    def wait(self, seconds: float | None) -> None:
        self._poll.poll(None if seconds is None else seconds * 1000)
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)

    def forget(self) -> None:
        """In a child, which has children of its own to wait for."""
        _set_handler(signal.SIGCHLD, _DEFAULT)
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)


def _one_job(worker: socket.socket, given: Surroundings, room: Room | None, wakeup: _Wakeup) -> bool:
    """Whether another may follow: the job came to its own end and left nothing in this process."""
    plan = given.plan
    relay, inner_relay = socket.socketpair()
    child = os.fork()
    if child == 0:
        relay.close()
        wakeup.forget()
        _set_handler(signal.SIGTERM, _DEFAULT)
        if room is not None:
            room.forget()
        inmate.run(worker, inner_relay, room, plan, given.hosts)
    inner_relay.close()
    _say(worker, {"ready": True})
    job = receive(relay)
    if job is None:  # the worker closed the connection instead of giving a job
        os._exit(0)
    if room is not None and not room.fits(job):
        room.furnish(job)
        relay.send(b"\\0")
    relay.close()
    end = _watch(child, job, plan, wakeup)
    _kill_rest(plan)
    finish = given.hosts[job.language].finish
    if finish is not None:
        _finish(job, plan, finish)
    os.close(job.result)
    end["disk_full"] = any(filesystem.is_full(folder, job.disk_bytes) for folder in _disks(job, plan)) or (
        plan.namespaces and filesystem.is_full(None, job.disk_bytes)
    )
    _say(worker, end)
    return finish is None and end["code"] == 0 and not job.dedicated


def _watch(child: int, job: Job, plan: Plan, wakeup: _Wakeup) -> dict[str, object]:
    """Reap until `child` has ended; measure what is not limited by the kernel; kill what is over."""
    disks = _disks(job, plan)
    measured = job.watch_memory or job.watch_processes or bool(disks)
    peak_kb, over, looks, next_look = 0, None, 0, time.monotonic() + WATCH_S
    while True:
        status, rss_kb = _reap(child)
        peak_kb = max(peak_kb, rss_kb)
        if status is not None:
            return {"code": os.waitstatus_to_exitcode(status), "peak_kb": peak_kb, "over": over}
        wakeup.wait(max(0.0, next_look - time.monotonic()) if measured else None)
        if measured and time.monotonic() >= next_look:
            next_look = time.monotonic() + WATCH_S
            looks += 1
            usage = tree.measure(tree.members(plan.namespaces))
            peak_kb = max(peak_kb, usage.memory_kb)
            over = over or _exceeded(usage, job, disks if looks % _DISK_EVERY == 0 else [])
            if over:
                _kill_rest(plan)


def _disks(job: Job, plan: Plan) -> list[str]:
    """The job's folders whose size the kernel does not limit."""
    return [folder for folder in (None if plan.namespaces else job.folder, job.output) if folder is not None]


def _exceeded(usage: tree.Usage, job: Job, disks: list[str]) -> str | None:
    if job.watch_processes and usage.processes >= job.processes:
        return "processes"
    if job.watch_memory and usage.memory_kb * 1024 > job.memory_bytes:
        return "memory"
    if any(filesystem.used(folder) > job.disk_bytes for folder in disks):
        return "disk"
    return None


def _reap(child: int) -> tuple[int | None, int]:
    """Reap all that ended: the wait status of `child` if it is among them, and the largest memory in KiB."""
    status, peak_kb = None, 0
    while True:
        try:
            pid, ended, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return status, peak_kb
        if pid == 0:
            return status, peak_kb
        peak_kb = max(peak_kb, usage.ru_maxrss)
        if pid == child:
            status = ended


def _kill_rest(plan: Plan) -> None:
    if not plan.namespaces:
        tree.kill_below(os.getpid())
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def _bury_all() -> None:
    """Wait until the cell's killed processes are gone, every one."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _finish(job: Job, plan: Plan, finish: Callable[[Job], None]) -> None:
    """Have the host finish, as the job's user: what it looks at is the job's."""
    if plan.level == "userns":
        syscalls.drop_capabilities()
    inmate.become_user(job, plan)
    _follow_parent(plan)  # a change of user clears it
    finish(job)


def _say(worker: socket.socket, message: dict[str, object]) -> None:
    try:
        worker.sendall(json.dumps(message).encode() + b"\n")
    except OSError:  # there is nobody left to live for
        os._exit(1)
