"""Zygote: a small warm process whose only task is to fork cells. Standard library only.

The worker starts it by exec with a separate environment and no descriptor except stdio and the control socket, so that
neither the zygote nor any process forked from it ever held a secret. A request on the control socket is one message
with the number of the cell and `online` or `offline`, the cell's end of its job socket and the groups it enters; the
response is {"cell", "pid"} with the cell's pidfd, or {"cell", "error"}.
"""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import NoReturn

from orvanta_platform.sandbox import cell, filesystem, landlock, seccomp, syscalls
from orvanta_platform.sandbox.cell import Surroundings
from orvanta_platform.sandbox.inmate import Host
from orvanta_platform.sandbox.modules import Modules
from orvanta_platform.sandbox.plan import Plan
from orvanta_platform.sandbox.rehearsal import rehearse

_REHEARSALS = 20
"""Number of simulated jobs before the first fork. They specialise the interpreter's bytecode once, which saves every
process of a job 0.35 ms of CPU time (2 cores, Python 3.13, 2026-11-26).
"""

_MAX_MESSAGE = 256
_MAX_DESCRIPTORS = 3  # the job socket and the cgroup.procs of two groups


def main() -> None:
    """Run the zygote. The last two arguments are the plan (JSON) and the number of the control socket."""
    plan = Plan(**json.loads(sys.argv[-2]))
    control = socket.socket(fileno=int(sys.argv[-1]))
    syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    del sys.path[0]
    sys.argv = ["script"]
    hosts = {language: _load(name) for language, name in plan.hosts.items()}
    sys.meta_path.append(Modules({name: plan.inside(path) for name, path in plan.modules.items()}))
    try:
        _prepare(plan)
    except OSError as error:
        control.sendall(json.dumps({"error": error.strerror or str(error)}).encode())
        return
    control.sendall(b'{"ready": true}')
    for _ in range(_REHEARSALS):
        rehearse(hosts)
        if plan.namespaces:
            landlock.rehearse(plan.ports)
    gc.collect()
    gc.freeze()
    _serve(control, plan, hosts)


def _load(name: str) -> Host:
    host: Host = importlib.import_module(name)
    return host


def _prepare(plan: Plan) -> None:
    os.umask(0o022)
    if plan.level == "userns":
        enter_user_namespace()
    if plan.namespaces:
        filesystem.build(plan)
    if os.geteuid() == 0 and plan.level != "userns":
        syscalls.drop_bounding_set()
        syscalls.drop_inheritable()
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    # Both are cached, so that no cell computes them again.
    if landlock.version() == 0 and plan.level == "landlock":
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    if plan.level == "landlock":
        landlock.settings(tuple(plan.hidden))
    if plan.level != "none":
        syscalls.seccomp_header(seccomp.program())
    # Exited cells are reaped automatically; the worker watches them by pidfd.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Orphans of a cell that ends without a PID namespace are adopted here and no further.
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)


def enter_user_namespace() -> None:
    """Enter a user namespace in which this process, under its own id, can create namespaces and mounts."""
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    cell.map_identity(uid, gid)


def _serve(control: socket.socket, plan: Plan, hosts: Mapping[str, Host]) -> None:
    identity = (os.geteuid(), os.getegid())
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _MAX_MESSAGE, _MAX_DESCRIPTORS)
        if not message:
            return
        name, network = message.decode().split()
        number, offline = int(name), network == "offline"
        try:
            pid, pidfd = syscalls.clone(cell.clone_flags(plan, offline=offline))
        except OSError as error:
            control.sendall(json.dumps({"cell": number, "error": error.strerror or str(error)}).encode())
        else:
            if pid == 0:
                _live(control, descriptors[0], Surroundings(plan, hosts, identity, descriptors[1:], offline))
            socket.send_fds(control, [json.dumps({"cell": number, "pid": pid}).encode()], [pidfd])
            os.close(pidfd)
        for descriptor in descriptors:
            os.close(descriptor)


def _live(control: socket.socket, job_socket: int, surroundings: Surroundings) -> NoReturn:
    """Run the cell in the child. Never returns into the loop of the zygote."""
    try:
        syscalls.close_all_but({0, 1, 2, job_socket, *surroundings.groups})
        control.detach()
        cell.live(socket.socket(fileno=job_socket), surroundings)
    except BaseException as error:  # outermost frame of the process
        sys.stderr.write(f"cell: {error!r}\n")
        sys.stderr.flush()
    finally:
        os._exit(1)
