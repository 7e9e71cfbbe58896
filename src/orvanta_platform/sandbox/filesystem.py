"""The file system that cells see. Standard library only.

It is an allow-list: the system's own folders and what the plan names, read-only, in a root of our own, made
once by the zygote. What is not in it (homes, /run with its sockets, the platform's home) does not exist there.
Each cell lays a fresh tmpfs over /tmp, which holds the job's folder, and a /proc of its own PID namespace.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import PurePosixPath

from orvanta_platform.sandbox import syscalls
from orvanta_platform.sandbox.plan import Plan

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "opt", "nix")
DEVICES = ("null", "zero", "full", "random", "urandom")
JOB_FOLDER = "/tmp/job"
_SHARED_MEMORY = "/tmp/.shm"
_LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
    "dev/shm": _SHARED_MEMORY,
    "var/tmp": "/tmp",
    "var/run": "/run",
}
_FULL_BELOW = 64 << 10
_INODES = 1_000_000


def build(plan: Plan) -> None:
    """Give this process, in a mount namespace of its own, the root that cells start from. Raises OSError."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("orvanta", plan.root, "tmpfs", syscalls.MS_NOSUID, "mode=755,size=4m")
    for name in SYSTEM:
        _show_system(plan.root, name)
    for folder in ("dev", "proc", "tmp", "run", "var"):
        os.mkdir(f"{plan.root}/{folder}")
    _make_devices(plan.root)
    _show_name_resolution(plan.root)
    # The deeper path of two decides, whichever it is.
    choices = [(path, False) for path in plan.visible] + [(path, True) for path in plan.hidden]
    for path, hide in sorted(choices, key=lambda choice: (len(PurePosixPath(choice[0]).parts), choice[1])):
        (_hide if hide else _bind)(plan.root, path)
    syscalls.make_read_only(plan.root)
    # Not read-only: a user namespace may mount a /proc of its own only where it sees this one whole.
    syscalls.mount("/proc", f"{plan.root}/proc", None, syscalls.MS_BIND | syscalls.MS_REC)
    os.chdir(plan.root)
    syscalls.pivot_root(".", ".")
    syscalls.unmount_lazily(".")
    os.chdir("/")


def _show_system(root: str, name: str) -> None:
    if os.path.islink(f"/{name}"):
        os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
    elif os.path.isdir(f"/{name}"):
        _bind(root, f"/{name}")


def _bind(root: str, path: str) -> None:
    target = root + path
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    elif os.path.exists(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "a"):
            pass
    else:
        return
    syscalls.mount(path, target, None, syscalls.MS_BIND | syscalls.MS_REC)


def _hide(root: str, path: str) -> None:
    target = root + path
    if os.path.isdir(target):
        syscalls.mount("orvanta", target, "tmpfs", syscalls.MS_NOSUID, "mode=755,size=4m")
    elif os.path.exists(target):
        syscalls.mount("/dev/null", target, None, syscalls.MS_BIND)


def _make_devices(root: str) -> None:
    for name in DEVICES:
        _bind(root, f"/dev/{name}")
    for link, target in _LINKS.items():
        os.symlink(target, f"{root}/{link}")


def _show_name_resolution(root: str) -> None:
    """The file behind /etc/resolv.conf, which some systems keep under /run."""
    real = os.path.realpath("/etc/resolv.conf")
    if not real.startswith(("/etc/", "/usr/")):
        _bind(root, real)


def make_private() -> None:
    """In a cell's own mount and PID namespaces: the job's /tmp and /proc. Raises OSError."""
    common = syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.mount("orvanta", "/tmp", "tmpfs", common, f"mode=1777,nr_inodes={_INODES}")
    syscalls.mount("proc", "/proc", "proc", common | syscalls.MS_NOEXEC)
    os.mkdir(JOB_FOLDER, 0o700)
    os.mkdir(_SHARED_MEMORY)
    os.chmod(_SHARED_MEMORY, 0o1777)


def give(uid: int | None, disk_bytes: int) -> None:
    """Size the job's disk and make its folder the user's."""
    flags = syscalls.MS_REMOUNT | syscalls.MS_NOSUID | syscalls.MS_NODEV
    syscalls.mount("orvanta", "/tmp", None, flags, f"size={disk_bytes}")
    if uid is not None:
        os.chown(JOB_FOLDER, uid, uid)


def is_full(folder: str | None, disk_bytes: int) -> bool:
    """Whether the job's disk has no room left: its tmpfs, or where it has none, its `folder`."""
    if folder is not None:
        return used(folder) > disk_bytes - _FULL_BELOW
    state = os.statvfs("/tmp")
    return state.f_bavail * state.f_frsize < _FULL_BELOW


def used(folder: str) -> int:
    """Bytes on disk of everything below `folder`; what vanishes meanwhile counts as nothing."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{path}/{name}").st_blocks * 512
    return total
