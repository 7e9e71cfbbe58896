"""A cell: the first process of one confined job. Standard library only.

It is forked by the zygote, takes on everything of its level that needs no knowledge of the job, says that it
is ready, and waits. Given a job it becomes the job's user, forks once more to run it, watches what runs, and
kills all that is left when the job has ended. It is used once.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

from orvanta_platform.sandbox import filesystem, landlock, seccomp, syscalls, tree
from orvanta_platform.sandbox.job import STARTED, Job, read_exactly, receive
from orvanta_platform.sandbox.plan import Plan

WATCH_S = 0.2
_DISK_EVERY = 5  # looks
_MEMORY_BACKSTOP = 4 << 30


class Host(Protocol):
    """The module that runs one language inside a cell."""

    def run(self, job: Job, content: str, args: bytes) -> NoReturn:
        """Run the script in this process. Entered confined, with stdio in place, in the job's folder."""

    def finish(self, job: Job) -> None:
        """After the script and all its children ended: hand over what it left. Runs in the cell."""


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
    """Be a cell: set up, have a second process run one job of `worker`, report how it ended, exit."""
    plan, hosts = given.plan, given.hosts
    relay, inner_relay = socket.socketpair()
    try:
        for descriptor in given.groups:
            os.write(descriptor, b"0")  # whoever writes enters
            os.close(descriptor)
        _set_up(plan, given.identity)
        child = os.fork()
    except OSError as error:
        _say(worker, {"error": error.strerror or str(error)})
        os._exit(1)
    if child == 0:
        relay.close()
        _run(worker, inner_relay, plan, hosts)
    inner_relay.close()
    _say(worker, {"ready": True})
    job = receive(relay)
    if job is None:  # the worker closed the connection instead of giving a job
        os._exit(0)
    _become_user(job, plan)
    end = _watch(child, job, plan)
    _kill_rest(plan)
    hosts[job.language].finish(job)
    os.close(job.result)
    end["disk_full"] = filesystem.is_full(None if plan.namespaces else job.folder, job.disk_bytes)
    _say(worker, end)
    os._exit(0)


def _set_up(plan: Plan, identity: tuple[int, int]) -> None:
    if plan.level == "userns":
        map_identity(*identity)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # the zygote ignores it
    _follow_parent(plan)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    if plan.namespaces:
        filesystem.make_private()
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)


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


def _become_user(job: Job, plan: Plan) -> None:
    if job.uid is not None:
        syscalls.drop_bounding_set()
        os.setgroups([])
        os.setresgid(job.uid, job.uid, job.uid)
        os.setresuid(job.uid, job.uid, job.uid)
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    _follow_parent(plan)  # a change of user clears it
    os.chdir(job.folder)


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _set_limits(job: Job, plan: Plan) -> None:
    _limit(resource.RLIMIT_CORE, 0)
    if job.watch_memory:
        # Only a backstop for what is faster than the watch: a program that meets it fails without a clear name.
        _limit(resource.RLIMIT_DATA, job.memory_bytes + _MEMORY_BACKSTOP)
    if job.watch_processes:
        own = plan.level == "userns" or job.uid is not None
        others = 0 if own else tree.count_of_user(os.getuid()) + job.processes
        _limit(resource.RLIMIT_NPROC, others + job.processes + 1)
    if not plan.namespaces:
        _limit(resource.RLIMIT_FSIZE, job.disk_bytes)


def _run(worker: socket.socket, relay: socket.socket, plan: Plan, hosts: Mapping[str, Host]) -> NoReturn:
    """The process of the user: takes the job, confines itself, runs the script."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    job = receive(worker)
    if job is None:
        os._exit(0)
    _prepare_for_user(job, plan)
    job.pass_on(relay)
    content = read_exactly(worker, job.content_length).decode()
    args = read_exactly(worker, job.args_length)
    worker.close()
    relay.close()
    _become_user(job, plan)
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    _set_limits(job, plan)
    _confine(job, plan)
    os.environ.clear()
    os.environ.update(job.env)
    os.write(job.result, STARTED)
    try:
        hosts[job.language].run(job, content, args)
    except BaseException as error:  # the last frame of the process: whatever came ends it
        sys.stderr.write(f"{error!r}\n")
        sys.stderr.flush()
    finally:
        os._exit(1)


def _prepare_for_user(job: Job, plan: Plan) -> None:
    """What needs the rights that are given up next."""
    os.setsid()
    if plan.namespaces:
        filesystem.give(job.uid, job.disk_bytes)
    if job.uid is not None:
        for descriptor in {job.stdout, job.stderr}:
            os.fchown(descriptor, job.uid, job.uid)  # so that /dev/stdout can be opened
    os.dup2(job.stdout, 1)
    os.dup2(job.stderr, 2)
    for descriptor in {job.stdout, job.stderr}:
        os.close(descriptor)


def _confine(job: Job, plan: Plan) -> None:
    if plan.level == "none":
        return
    if plan.level == "landlock":
        landlock.restrict_files(job.folder, plan.visible, plan.hidden)
    else:
        landlock.restrict_scope()
    syscalls.install_seccomp(seccomp.program())


def _watch(child: int, job: Job, plan: Plan) -> dict[str, object]:
    """Reap until `child` has ended; measure what is not limited by the kernel; kill what is over."""
    wakeup, wakeup_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiter = select.poll()
    waiter.register(wakeup, select.POLLIN)
    measured = job.watch_memory or job.watch_processes or not plan.namespaces
    peak_kb, over, looks, next_look = 0, None, 0, time.monotonic() + WATCH_S
    while True:
        status, rss_kb = _reap(child)
        peak_kb = max(peak_kb, rss_kb)
        if status is not None:
            return {"code": os.waitstatus_to_exitcode(status), "peak_kb": peak_kb, "over": over}
        waiter.poll(max(0.0, next_look - time.monotonic()) * 1000 if measured else None)
        with contextlib.suppress(BlockingIOError):
            os.read(wakeup, 4096)
        if measured and time.monotonic() >= next_look:
            next_look = time.monotonic() + WATCH_S
            looks += 1
            usage = tree.measure(tree.members(plan.namespaces))
            peak_kb = max(peak_kb, usage.memory_kb)
            over = over or _exceeded(usage, job, look_at_disk=not plan.namespaces and looks % _DISK_EVERY == 0)
            if over:
                _kill_rest(plan)


def _exceeded(usage: tree.Usage, job: Job, look_at_disk: bool) -> str | None:
    if job.watch_processes and usage.processes >= job.processes:
        return "processes"
    if job.watch_memory and usage.memory_kb * 1024 > job.memory_bytes:
        return "memory"
    if look_at_disk and filesystem.used(job.folder) > job.disk_bytes:
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


def _say(worker: socket.socket, message: dict[str, object]) -> None:
    worker.sendall(json.dumps(message).encode() + b"\n")
