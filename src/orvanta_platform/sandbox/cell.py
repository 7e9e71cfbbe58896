"""Cell: a process tree that runs one job after another, each confined separately. Standard library only.

Its first process is forked by the zygote and never runs user code. It sets up the cell, forks the process that runs a
job (inmate.py), watches it, and kills all remaining processes when the job has ended. With namespaces, it then removes
everything of the job and forks the process of the next one. It receives only the header of a job: never its
environment, script or arguments.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from orvanta_platform.sandbox import filesystem, inmate, network, syscalls, tree
from orvanta_platform.sandbox.filesystem import Room
from orvanta_platform.sandbox.inmate import Host
from orvanta_platform.sandbox.job import Job, receive
from orvanta_platform.sandbox.plan import Plan

WATCH_S = 0.2
_DISK_S = 1.0
_DISK_PAUSES = 3  # times the duration of a measurement, so that a large folder takes a quarter of a processor at most
# The function behind signal.signal, whose enumerations cost a newly forked process dozens of page faults.
_set_handler: Callable[[int, object], object] = vars(signal)["_signal"].signal
_DEFAULT = int(signal.SIG_DFL)


def clone_flags(plan: Plan, *, offline: bool) -> int:
    """Return the namespaces that a cell of `plan` starts with. Raises OSError if an `offline` cell is not possible."""
    if not plan.namespaces:
        if offline:
            raise OSError(errno.ENOTSUP, f"a job without network needs namespaces, which the level {plan.level} lacks")
        return 0
    flags = syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
    flags |= syscalls.CLONE_NEWNET if offline else 0
    return flags | (syscalls.CLONE_NEWUSER if plan.level == "userns" else 0)


def map_identity(uid: int, gid: int) -> None:
    """Map the outer user and group into a new user namespace. Supplementary groups stay and cannot be changed."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """State that a cell inherits from its zygote."""

    plan: Plan
    hosts: Mapping[str, Host]
    identity: tuple[int, int]
    """User and group of the zygote."""
    groups: list[int]
    """Open cgroup.procs files."""
    offline: bool
    """True if the cell has a network namespace with only a loopback interface."""


def live(worker: socket.socket, surroundings: Surroundings) -> NoReturn:
    """Run the cell: report that it is ready, run a job of `worker`, report its outcome, and repeat if the cell can be
    renewed.
    """
    try:
        for descriptor in surroundings.groups:
            os.write(descriptor, b"0")  # moves the writing process into the group
            os.close(descriptor)
        room = _set_up(surroundings)
        wakeup = _Wakeup()
        while _run_one_job(worker, surroundings, room, wakeup) and room is not None:
            _reap_all()
            room.renew()
    except OSError as error:
        _send(worker, {"error": error.strerror or str(error)})
        os._exit(1)
    os._exit(0)


def _set_up(surroundings: Surroundings) -> Room | None:
    plan = surroundings.plan
    if plan.level == "userns":
        map_identity(*surroundings.identity)
    if surroundings.offline:
        with contextlib.suppress(OSError):  # without CAP_NET_ADMIN, jobs cannot reach themselves either
            network.enable_loopback()
    _follow_parent(plan)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    room = Room(plan) if plan.namespaces else None
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
    return room


def _follow_parent(plan: Plan) -> None:
    """End with the zygote. Without a PID namespace, a signal handler must kill the tree first."""
    if plan.namespaces:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    signal.signal(signal.SIGTERM, _end_tree)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_tree(*_: object) -> None:
    tree.kill_below(os.getpid())
    os._exit(1)


class _Wakeup:
    """Pipe that is written to when a child exits."""

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
        """Close the pipe in a child, which waits for children of its own."""
        _set_handler(signal.SIGCHLD, _DEFAULT)
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)


def _run_one_job(worker: socket.socket, surroundings: Surroundings, room: Room | None, wakeup: _Wakeup) -> bool:
    """Run one job. Returns whether another may follow: the job ended by itself and left nothing in this process."""
    plan = surroundings.plan
    relay, inner_relay = socket.socketpair()
    child = os.fork()
    if child == 0:
        relay.close()
        wakeup.forget()
        _set_handler(signal.SIGTERM, _DEFAULT)
        if room is not None:
            room.forget()
        inmate.run(worker, inner_relay, room, plan, surroundings.hosts)
    inner_relay.close()
    _send(worker, {"ready": True})
    job = receive(relay)
    if job is None:  # the worker closed the connection instead of sending a job
        os._exit(0)
    if room is not None and not room.fits(job):
        room.furnish(job)
        relay.send(b"\\0")
    relay.close()
    end = _watch(child, job, plan, wakeup)
    _kill_rest(plan)
    finish = surroundings.hosts[job.language].finish
    if finish is not None:
        _finish(job, plan, finish)
    os.close(job.result)
    end["disk_full"] = any(filesystem.is_full(folder, job.disk_bytes) for folder in _disks(job, plan)) or (
        plan.namespaces and filesystem.is_full(None, job.disk_bytes)
    )
    _send(worker, end)
    return finish is None and end["code"] == 0 and not job.dedicated


def _watch(child: int, job: Job, plan: Plan, wakeup: _Wakeup) -> dict[str, object]:
    """Reap until `child` has exited; measure the resources that the kernel does not limit, and kill the job if it
    exceeds one.
    """
    disks = _disks(job, plan)
    measured = job.watch_memory or job.watch_processes or bool(disks)
    peak_kb, over, now = 0, None, time.monotonic()
    next_at, disks_at = now + WATCH_S, now + _DISK_S
    while True:
        status, rss_kb = _reap(child)
        peak_kb = max(peak_kb, rss_kb)
        if status is not None:
            return {"code": os.waitstatus_to_exitcode(status), "peak_kb": peak_kb, "over": over}
        wakeup.wait(max(0.0, next_at - time.monotonic()) if measured else None)
        if measured and (now := time.monotonic()) >= next_at:
            next_at = now + WATCH_S
            usage = tree.measure(tree.members(plan.namespaces))
            peak_kb = max(peak_kb, usage.memory_kb)
            over = over or _exceeded(usage, job, disks if now >= disks_at else [])
            if now >= disks_at:
                ended = time.monotonic()
                disks_at = ended + max(_DISK_S, _DISK_PAUSES * (ended - now))
            if over:
                _kill_rest(plan)


def _disks(job: Job, plan: Plan) -> list[str]:
    """Return the folders of the job whose size the kernel does not limit."""
    return [folder for folder in (None if plan.namespaces else job.folder, job.output) if folder is not None]


def _exceeded(usage: tree.Usage, job: Job, disks: list[str]) -> str | None:
    if job.watch_processes and usage.processes >= job.processes:
        return "processes"
    if job.watch_memory and usage.memory_kb * 1024 > job.memory_bytes:
        return "memory"
    if any(filesystem.used(folder, job.disk_bytes) > job.disk_bytes for folder in disks):
        return "disk"
    return None


def _reap(child: int) -> tuple[int | None, int]:
    """Reap all exited children. Returns the wait status of `child` if it is among them, and the largest memory
    in KiB.
    """
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


def _reap_all() -> None:
    """Wait until all killed processes of the cell are gone."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _finish(job: Job, plan: Plan, finish: Callable[[Job], None]) -> None:
    """Call the `finish` of the host as the user of the job, because it reads files of the job."""
    if plan.level == "userns":
        syscalls.drop_capabilities()
    inmate.become_user(job, plan)
    _follow_parent(plan)  # a change of user clears it
    finish(job)


def _send(worker: socket.socket, message: dict[str, object]) -> None:
    try:
        worker.sendall(json.dumps(message).encode() + b"\n")
    except OSError:  # the worker is gone
        os._exit(1)
