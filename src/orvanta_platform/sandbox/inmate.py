"""Process of a cell in which user code runs. Standard library only.

It is forked before there is a job, applies all confinement that does not depend on the job, and waits. When it receives
a job, it becomes the job's user and runs the script. It runs one job only.
"""

from __future__ import annotations

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
    """Module that runs one language inside a cell."""

    @property
    def finish(self) -> Callable[[Job], None] | None:
        """Function that delivers the rest of the output after the script and all its children have ended, in the first
        process.

        None: there is nothing to deliver, and the first process learns nothing of the job that the next one must not
        see.
        """

    def run(self, job: Job, content: str, args: bytes) -> NoReturn:
        """Run the script in this process, which is confined, has its stdio in place and is in the folder of the job."""


def run(
    worker: socket.socket, relay: socket.socket, room: Room | None, plan: Plan, hosts: Mapping[str, Host]
) -> NoReturn:
    """Wait for a job from `worker`, pass its header to the first process of the cell through `relay`, and run it."""
    os.setsid()
    _prefer_oom_kill()
    if plan.namespaces:
        landlock.restrict_sockets(plan.ports)
        syscalls.install_seccomp(seccomp.program())
        if plan.level == "userns":
            syscalls.drop_capabilities()
    if not syscalls.has_input(worker.fileno()):  # it would delay a job that waits already
        rehearse(hosts)
    job = receive(worker)
    if job is None:
        os._exit(0)
    job.pass_on(relay)
    content, args = job.read(worker)
    if room is not None and not room.fits(job):
        relay.recv(1)  # wait until the first process has prepared the mounts
    worker.close()
    relay.close()
    _take_output(job)
    become_user(job, plan)
    if job.shared and job.output is not None:
        os.umask(0)  # the folder is shared with jobs of other users
        os.symlink(job.output, "shared")
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
    _set_limits(job, plan)
    if plan.level == "landlock":
        writable = [job.folder] if job.output is None else [job.folder, job.output]
        readable = [path for path in (job.package, job.imports) if path is not None]
        landlock.restrict_files(writable, plan.visible, plan.hidden, readable, plan.ports)
        syscalls.install_seccomp(seccomp.program())
    os.environ.clear()
    os.environ.update(job.env)
    os.write(job.result, STARTED)
    try:
        hosts[job.language].run(job, content, args)
    except BaseException as error:  # outermost frame of the process
        sys.stderr.write(f"{error!r}\n")
        sys.stderr.flush()
    finally:
        os._exit(1)


def _prefer_oom_kill() -> None:
    """Make this process the preferred victim of the out-of-memory killer in its control group."""
    try:
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(descriptor, b"1000")
        os.close(descriptor)
    except OSError:
        return


def _take_output(job: Job) -> None:
    if job.uid is not None:
        for descriptor in {job.stdout, job.stderr, job.result}:
            os.fchown(descriptor, job.uid, job.uid)  # so that /dev/stdout and /dev/fd/N can be opened
        if job.folder == JOB_FOLDER:
            os.chown(JOB_FOLDER, job.uid, job.uid)
    os.dup2(job.stdout, 1)
    os.dup2(job.stderr, 2)
    for descriptor in {job.stdout, job.stderr}:
        os.close(descriptor)


def become_user(job: Job, plan: Plan) -> None:
    """Switch to the user of the job, if it has one, without any capability; end with the parent."""
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
        # Only a backstop for growth faster than the polling: a program that reaches it fails without a clear error.
        _limit(resource.RLIMIT_DATA, job.memory_bytes + _MEMORY_BACKSTOP)
    if job.watch_processes:
        own = plan.level == "userns" or job.uid is not None
        others = 0 if own else tree.count_of_user(os.getuid()) + job.processes
        _limit(resource.RLIMIT_NPROC, others + job.processes + 1)
    if not plan.namespaces:
        _limit(resource.RLIMIT_FSIZE, job.disk_bytes)
