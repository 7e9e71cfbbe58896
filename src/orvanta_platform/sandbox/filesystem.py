"""File system of cells. Standard library only.

It is an allow-list: folders of the system and of the plan, read-only, in a separate root created once by the zygote.
Everything else (homes, /run with its sockets, the platform's home) does not exist there. Each cell mounts a new tmpfs
over /tmp, which contains the job's folder, and a /proc of its own PID namespace.

Folders that are shown to single jobs are mounted at a separate location. The first process of a cell holds a handle on
it and covers it before user code starts: a user namespace cannot unmount inherited mounts, but it can cover them.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath

from orvanta_platform.sandbox import etc, syscalls
from orvanta_platform.sandbox.job import Job
from orvanta_platform.sandbox.plan import Plan

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt", "nix")
DEVICES = ("null", "zero", "full", "random", "urandom")
JOB_FOLDER = "/tmp/job"
PACKAGE, IMPORTS, OUTPUT, SHARED = "/packages", "/imports", "/output", "/shared"
STAGING = ".staging"
_SHARED_MEMORY = "/tmp/.shm"
_PLACE = "/.packages"
_READABLE, _WRITABLE = "readable", "writable"
_LINKS = {
    "dev/fd": "/proc/self/fd",
    "dev/stdin": "/proc/self/fd/0",
    "dev/stdout": "/proc/self/fd/1",
    "dev/stderr": "/proc/self/fd/2",
    "dev/shm": _SHARED_MEMORY,
    "var/tmp": "/tmp",
    "var/run": "/run",
}
_PRIVATE = syscalls.MS_NOSUID | syscalls.MS_NODEV
_FULL_BELOW = 64 << 10
_INODES = 1_000_000
_ENTRY_BYTES = 4 << 10


def build(plan: Plan) -> None:
    """Enter a new mount namespace and build the root that cells start from. Raises OSError."""
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
    syscalls.mount("orvanta", plan.root, "tmpfs", syscalls.MS_NOSUID, "mode=755,size=64m")
    for name in SYSTEM:
        _show_system(plan.root, name)
    _show_settings(plan.root)
    for folder in ("dev", "proc", "tmp", "run", "var"):
        os.mkdir(f"{plan.root}/{folder}")
    _make_devices(plan.root)
    # The deepest matching path decides, whether visible or hidden.
    choices = [(path, False) for path in plan.visible] + [(path, True) for path in plan.hidden]
    for path, hide in sorted(choices, key=lambda choice: (len(PurePosixPath(choice[0]).parts), choice[1])):
        (_hide if hide else _bind)(plan.root, path)
    for path in dict.fromkeys((*plan.modules.values(), *plan.programs.values())):
        _bind(plan.root, path, plan.inside(path))
    if plan.packages is not None:
        _bind_packages(plan.root, plan.packages)
    syscalls.make_read_only(plan.root)
    if plan.packages is not None:
        _bind_staging(plan.root, plan.packages)
    # Not read-only: a user namespace may mount its own /proc only if this one is completely visible.
    syscalls.mount("/proc", f"{plan.root}/proc", None, syscalls.MS_BIND | syscalls.MS_REC)
    os.chdir(plan.root)
    syscalls.pivot_root(".", ".")
    syscalls.unmount_lazily(".")
    os.chdir("/")


def _bind_packages(root: str, packages: str) -> None:
    for folder in (PACKAGE, IMPORTS, OUTPUT, _PLACE, f"{_PLACE}/{_READABLE}", f"{_PLACE}/{_WRITABLE}"):
        os.mkdir(root + folder)
    os.symlink(OUTPUT, root + SHARED)
    syscalls.mount(packages, f"{root}{_PLACE}/{_READABLE}", None, syscalls.MS_BIND | syscalls.MS_REC)


def _bind_staging(root: str, packages: str) -> None:
    target = f"{root}{_PLACE}/{_WRITABLE}"
    syscalls.mount(f"{packages}/{STAGING}", target, None, syscalls.MS_BIND | syscalls.MS_REC)
    syscalls.make_harmless(target)


def _show_system(root: str, name: str) -> None:
    if os.path.islink(f"/{name}"):
        os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
    elif os.path.isdir(f"/{name}"):
        _bind(root, f"/{name}")


def _show_settings(root: str) -> None:
    os.mkdir(root + etc.FOLDER)
    etc.copy(root + etc.FOLDER)
    for name in etc.LIVE:
        path = f"{etc.FOLDER}/{name}"
        if os.path.exists(path):  # the target, if it is a link
            syscalls.mount(os.path.realpath(path), root + path, None, syscalls.MS_BIND)


def _bind(root: str, path: str, inside: str | None = None) -> None:
    target = root + (inside or path)
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


class Room:
    """Mounts of a cell in its own mount and PID namespaces: /tmp, /proc, and the folders of its job.

    They are renewed for every job of the cell, always by its first process, which alone may mount.
    """

    def __init__(self, plan: Plan) -> None:
        """Mount /tmp and /proc, and cover the packages. Raises OSError."""
        self._disk_bytes = 1 << 30
        self._shown: list[str] = []
        self._lay_tmp()
        syscalls.mount("proc", "/proc", "proc", _PRIVATE | syscalls.MS_NOEXEC)
        self._place = -1
        if plan.packages is not None:
            self._place = os.open(_PLACE, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            syscalls.mount(OUTPUT, _PLACE, None, syscalls.MS_BIND)  # covers it with an empty folder of the root

    def _lay_tmp(self) -> None:
        syscalls.mount("orvanta", "/tmp", "tmpfs", _PRIVATE, f"mode=1777,nr_inodes={_INODES},size={self._disk_bytes}")
        os.mkdir(JOB_FOLDER, 0o700)
        os.mkdir(_SHARED_MEMORY)
        os.chmod(_SHARED_MEMORY, 0o1777)

    def forget(self) -> None:
        """Close the handle to the packages, in a process that may not mount them."""
        if self._place >= 0:
            os.close(self._place)
            self._place = -1

    def fits(self, job: Job) -> bool:
        """Return whether the job needs none of the changes of `furnish`."""
        return _sees_nothing(job) and job.disk_bytes == self._disk_bytes

    def furnish(self, job: Job) -> None:
        """Resize the disk, and mount the folders of the job at PACKAGE, IMPORTS and OUTPUT. Raises OSError."""
        if job.disk_bytes != self._disk_bytes:
            flags = syscalls.MS_REMOUNT | _PRIVATE
            syscalls.mount("orvanta", "/tmp", None, flags, f"size={job.disk_bytes}")
            self._disk_bytes = job.disk_bytes
        if not _sees_nothing(job):
            os.fchdir(self._place)
            self._show(_READABLE, job.package_source, PACKAGE)
            self._show(_READABLE, job.imports_source, IMPORTS)
            self._show(_WRITABLE, job.output_source, OUTPUT)
            os.chdir("/")

    def _show(self, kind: str, source: str | None, target: str) -> None:
        if source is not None:
            syscalls.mount(f"{kind}/{source}", target, None, syscalls.MS_BIND)
            self._shown.append(target)

    def renew(self) -> None:
        """Remove everything of a job after its last process has ended, for the next one. Raises OSError."""
        os.chdir("/")
        for target in [*self._shown, "/tmp"]:
            syscalls.unmount_lazily(target)
        self._shown = []
        self._lay_tmp()
        syscalls.unshare(syscalls.CLONE_NEWIPC)


def _sees_nothing(job: Job) -> bool:
    """Return whether no folder is shown to the job."""
    return job.package is None and job.imports is None and job.output is None


def is_full(folder: str | None, disk_bytes: int) -> bool:
    """Return whether the disk of the job is full: its tmpfs, or `folder` if it has none."""
    if folder is not None:
        return used(folder, disk_bytes) > disk_bytes - _FULL_BELOW
    state = os.statvfs("/tmp")
    return state.f_bavail * state.f_frsize < _FULL_BELOW


def used(folder: str, limit: int) -> int:
    """Return the bytes on disk of everything below `folder`, or any number above `limit` if they are more.

    Each file, folder and link counts as at least _ENTRY_BYTES: without content it still takes an inode, and a disk has
    a limited number of them. Files deleted meanwhile count as zero. Counting ends at the limit, and names are not
    collected, so neither time nor memory grow with a folder that is too large.
    """
    total, pending = 0, [folder]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    total += _size_of(entry)
                    if total > limit:
                        return total
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError:  # deleted meanwhile
            continue
    return total


def _size_of(entry: os.DirEntry[str]) -> int:
    try:
        return max(entry.stat(follow_symlinks=False).st_blocks * 512, _ENTRY_BYTES)
    except OSError:  # deleted meanwhile
        return 0
