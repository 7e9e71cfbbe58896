"""The process of a cell in which user code runs. Standard library only.

It is forked before there is a job, takes on all of its confinement that needs no knowledge of the job, and waits.
Given a job it becomes the job's user and runs the script. It is used once.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from orvanta_platform.sandbox import landlock, seccomp, syscalls, tree
from orvanta_platform.sandbox.filesystem import JOB_FOLDER, Room
from orvanta_platform.sandbox.job import STARTED, Job, receive
from orvanta_platform.sandbox.plan import Plan
from orvanta_platform.sandbox.rehearsal import rehearse

_MEMORY_BACKSTOP = 4 << 30


class Host(Protocol):
    """The module that runs one language inside a cell."""

    @property
    def finish(self) -> Callable[[Job], None] | None:
        """After the script and all its children ended: hand over what it left. Runs in the cell's first process.

        None: nothing is left to do, and the first process learns nothing of the job that the next may not see.
        """

    def run(self, job: Job, content: str, args: bytes) -> NoReturn:
        """Run the script in this process. Entered confined, with stdio in place, in the job's folder."""


def run(
    worker: socket.socket, relay: socket.socket, room: Room | None, plan: Plan, hosts: Mapping[str, Host]
) -> NoReturn:
    """Wait for a job of `worker`, tell the cell's first process of it by `relay`, run it."""
    os.setsid()
    _be_killed_first()
    if plan.namespaces:
        landlock.restrict_sockets(plan.ports)
        syscalls.install_seccomp(seccomp.program())
        if plan.level == "userns":
            syscalls.drop_capabilities()
    rehearse(hosts)
    job = receive(worker)
    if job is None:
        os._exit(0)
    job.pass_on(relay)
    content, args = job.read(worker)
    if room is not None and not room.fits(job):
        relay.recv(1)  # the first process has furnished it
    worker.close()
    relay.close()
    _take_output(job)
    become_user(job, plan)
    if job.shared and job.output is not None:
        os.umask(0)  # those who share it are other users
        os.symlink(job.output, "shared")
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    _set_limits(job, plan)
    if plan.level == "landlock":
        writable = [job.folder] if job.output is None else [job.folder, job.output]
        landlock.restrict_files(writable, plan.visible, plan.hidden, job.package, plan.ports)
        syscalls.install_seccomp(seccomp.program())
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


def _be_killed_first() -> None:
    """Of all that share the memory with it, where there is no more."""
    with contextlib.suppress(OSError):
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, b"1000")
        os.close(descriptor)


def _take_output(job: Job) -> None:
    if job.uid is not None:
        for descriptor in {job.stdout, job.stderr}:
            os.fchown(descriptor, job.uid, job.uid)  # so that /dev/stdout can be opened
        if job.folder == JOB_FOLDER:
            os.chown(JOB_FOLDER, job.uid, job.uid)
    os.dup2(job.stdout, 1)
    os.dup2(job.stderr, 2)
    for descriptor in {job.stdout, job.stderr}:
        os.close(descriptor)


def become_user(job: Job, plan: Plan) -> None:
    """Be the job's user, if it has one, without any capability; end with the parent."""
    if job.uid is not None:
        os.setgroups([])
        os.setresgid(job.uid, job.uid, job.uid)
        os.setresuid(job.uid, job.uid, job.uid)
    if not plan.namespaces:
        syscalls.drop_capabilities()
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
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
