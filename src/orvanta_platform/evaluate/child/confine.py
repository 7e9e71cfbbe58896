"""What takes the child's rights away, from the most to the least that a machine allows. Standard library only."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Callable

from orvanta_platform.evaluate.child import calls
from orvanta_platform.sandbox import landlock, network, syscalls
from orvanta_platform.sandbox.cell import map_identity

_NAMESPACES = (
    syscalls.CLONE_NEWNS | syscalls.CLONE_NEWPID | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS | syscalls.CLONE_NEWNET
)
_ADDRESS_SPACE = 1 << 30
_FILES = 16
# Any folder that is there on every system: an empty one is laid over it and made the root.
_PLACE_OF_ROOT = "/usr"


def separate() -> list[str]:
    """Have the next fork live in namespaces of its own. Gives what was had: namespaces, or nothing."""
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


def lock_up(separated: list[str]) -> list[str]:
    """Take the rights of this process away. `separated`: what `separate` gave; gives the names of all that holds."""
    _set_limits()
    held = [*separated]
    if separated:
        held += _try("root", _empty_root)
    held += _try("rights", drop_rights)
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    held += _try("landlock", landlock.restrict_all)
    held += _try("seccomp", lambda: syscalls.install_seccomp(calls.program()))
    return held


def drop_rights() -> None:
    """Be nobody's user with no capability, undumpable, dead with the parent. Raises OSError."""
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


def _try(name: str, take: Callable[[], None]) -> list[str]:
    with contextlib.suppress(OSError):
        take()
        return [name]
    return []


def _set_limits() -> None:
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: _FILES,
        resource.RLIMIT_AS: _ADDRESS_SPACE,
    }
    for kind, value in limits.items():
        resource.setrlimit(kind, (value, value))


def _empty_root() -> None:
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    flags = syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC
    syscalls.mount("orvanta", _PLACE_OF_ROOT, "tmpfs", flags, "mode=555,size=4k")
    os.chdir(_PLACE_OF_ROOT)
    syscalls.pivot_root(".", ".")
    syscalls.unmount_lazily(".")
    os.chdir("/")
    syscalls.make_read_only("/")
