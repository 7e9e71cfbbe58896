"""Confinement of the child process, as far as the machine allows. Imports only the standard library."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Callable

from orvanta_platform.evaluate.child import syscall_filter
from orvanta_platform.sandbox import landlock, network, syscalls
from orvanta_platform.sandbox.cell import map_identity

_NAMESPACES = (
    syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWNET
)
_ADDRESS_SPACE = 1 << 30
_MAX_OPEN_FILES = 16
# Any folder that exists on every system: an empty file system is mounted over it and becomes the root.
_ROOT_MOUNT_POINT = "/usr"


def separate() -> list[str]:
    """Put the next fork into its own namespaces. Returns ["namespaces"] if that succeeded, otherwise []."""
    for user in (0, syscalls.CLONE_NEWUSER):
        uid, gid = os.geteuid(), os.getegid()
        try:
            syscalls.unshare(_NAMESPACES | user)
            if user:
                map_identity(uid, gid)
        except OSError:
            continue
        return ["namespaces"]
    return []


def confine(namespaces: list[str]) -> list[str]:
    """Drop the rights of this process and return the names of all confinements, including `namespaces`."""
    _set_limits()
    confinements = [*namespaces]
    if namespaces:
        confinements += _try_to("root", _empty_root)
    confinements += _try_to("rights", drop_rights)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    confinements += _try_to("landlock", landlock.restrict_all)
    confinements += _try_to("seccomp", lambda: syscalls.install_seccomp(syscall_filter.program()))
    return confinements


def drop_rights() -> None:
    """Switch to an unprivileged user without capabilities; not dumpable, killed with the parent. Raises OSError."""
    try:
        if os.geteuid() == 0:
            syscalls.drop_bounding_set()
            os.setgroups([])
            os.setresgid(network.LAST_UID, network.LAST_UID, network.LAST_UID)
            os.setresuid(network.LAST_UID, network.LAST_UID, network.LAST_UID)
    finally:
        syscalls.drop_capabilities()
        # A change of user clears both.
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)


def _try_to(name: str, restrict: Callable[[], None]) -> list[str]:
    with contextlib.suppress(OSError):
        restrict()
        return [name]
    return []


def _set_limits() -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: _MAX_OPEN_FILES,
        resource.RLIMIT_AS: _ADDRESS_SPACE,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def _empty_root() -> None:
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("orvanta", _ROOT_MOUNT_POINT, "tmpfs", flags, "mode=555,size=4k")
    os.chdir(_ROOT_MOUNT_POINT)
    syscalls.pivot_root(".", ".")
    syscalls.unmount_lazily(".")
    os.chdir("/")
    syscalls.make_read_only("/")
