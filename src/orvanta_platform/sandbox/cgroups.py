"""Memory and process limits by control groups, version 1 or 2, if the worker can create groups.

Groups are created below the worker's own group (in version 2, where a group with processes cannot have limited groups
below it, also next to it), so that the worker's limits apply to its jobs too. A group is used by one job after another.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal

Kind = Literal["memory", "pids"]
_MAX_SCANS = 1000
_MAX_BYTES = 4096
_KINDS: tuple[Kind, Kind] = ("memory", "pids")
_MOUNTS = Path("/proc/self/mountinfo")
_OWN = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class GroupFolder:
    """Folder in which groups with a memory or process limit can be created."""

    folder: Path
    version: Literal[1, 2]


def find(mounts: Path = _MOUNTS, own_groups: Path = _OWN) -> dict[Kind, GroupFolder]:
    """Return the folders in which this process can create groups, by kind; other kinds are absent."""
    controllers: dict[Kind, GroupFolder] = {}
    own = {line.split(":")[1]: line.split(":", 2)[2] for line in own_groups.read_text().splitlines()}
    for line in mounts.read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, mounted = before.split()[3:5]
        kind, _, options = after.split()[:3]
        if kind == "cgroup":
            for name in _KINDS:
                if name in options.split(",") and name in own and name not in controllers:
                    controllers[name] = GroupFolder(_inside(mounted, root, own[name]), 1)
        elif kind == "cgroup2" and "" in own:
            folder = _inside(mounted, root, own[""])
            for candidate in (folder, folder.parent):
                for name in _available_limits(candidate):
                    controllers.setdefault(name, GroupFolder(candidate, 2))
    return {name: controller for name, controller in controllers.items() if os.access(controller.folder, os.W_OK)}


def _inside(mounted: str, root: str, own: str) -> Path:
    relative = os.path.relpath(own, root)
    return Path(mounted) if relative.startswith("..") else Path(mounted, relative)


def _available_limits(folder: Path) -> list[Kind]:
    """Return the limits available to groups below `folder`, and enable them first if the folder is delegated."""
    control = folder / "cgroup.subtree_control"
    with contextlib.suppress(OSError):
        if os.getxattr(folder, "user.delegate") == b"1":
            control.write_text("+memory +pids")
    with contextlib.suppress(OSError):
        enabled = control.read_text().split()
        return [name for name in _KINDS if name in enabled]
    return []


@dataclass(slots=True)
class Group:
    """Groups of one cell, one per kind (the same folder for both in version 2)."""

    folders: dict[Kind, GroupFolder]
    _kills: int = field(default=0)
    _refusals: int = field(default=0)
    _set: tuple[int, int] = field(default=(0, 0))
    _entrances: list[int] = field(default_factory=list)
    _files: dict[str, int] = field(default_factory=dict)

    @property
    def kinds(self) -> set[Kind]:
        """The limits of this group."""
        return set(self.folders)

    def limit(self, memory_bytes: int, processes: int) -> None:
        """Set the limits for the next job and reset the measured usage. Raises OSError."""
        if self._set != (memory_bytes, processes):
            self._set_limits(memory_bytes, processes)
            self._set = (memory_bytes, processes)
        memory = self.folders.get("memory")
        if memory is not None and memory.version == 1:
            os.pwrite(self._file(memory, "memory.max_usage_in_bytes", os.O_RDWR), b"0", 0)
        self._kills, self._refusals = self._count_kills(), self._count_refusals()

    def _set_limits(self, memory_bytes: int, processes: int) -> None:
        for kind, controller in self.folders.items():
            if kind == "pids":
                _write(controller, "pids.max", processes + 1)
            elif controller.version == 1:
                self._limit_memory_v1(controller, memory_bytes)
            else:
                _write(controller, "memory.max", memory_bytes)
                with contextlib.suppress(OSError):
                    _write(controller, "memory.swap.max", 0)

    def _limit_memory_v1(self, controller: GroupFolder, memory_bytes: int) -> None:
        with contextlib.suppress(OSError):
            _write(controller, "memory.memsw.limit_in_bytes", -1)
        _write(controller, "memory.limit_in_bytes", memory_bytes)
        with contextlib.suppress(OSError):
            _write(controller, "memory.memsw.limit_in_bytes", memory_bytes)

    @property
    def entrances(self) -> list[int]:
        """Open descriptors. A process that writes "0" to each of them joins the groups with all its later children."""
        if not self._entrances:
            folders = {controller.folder for controller in self.folders.values()}
            self._entrances += [os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC) for folder in folders]
        return self._entrances

    def kill(self) -> bool:
        """Kill all processes in the group. Returns False if it has no process limit, which is needed to stop forks
        first.
        """
        controller = self.folders.get("pids")
        if controller is None:
            return False
        self._set = (0, 0)
        _write(controller, "pids.max", 0)
        for _ in range(_MAX_SCANS):
            members = (controller.folder / "cgroup.procs").read_text().split()
            if not members:
                break
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        return True

    def reopen(self) -> None:
        """Allow new processes in the group again, after `kill`."""
        controller = self.folders.get("pids")
        if controller is not None and self._set == (0, 0):
            (controller.folder / "pids.max").write_text("max")

    @property
    def peak_kb(self) -> int:
        """Peak memory in KiB since `limit`; 0 if unknown."""
        controller = self.folders.get("memory")
        if controller is None:
            return 0
        with contextlib.suppress(OSError, ValueError):
            if controller.version == 1:
                return int(self._read(controller, "memory.max_usage_in_bytes", os.O_RDWR)) // 1024
            return int(self._read(controller, "memory.peak")) // 1024
        return 0

    @property
    def out_of_memory(self) -> bool:
        """True if the kernel killed a process for lack of memory since `limit`."""
        return self._count_kills() > self._kills

    @property
    def out_of_processes(self) -> bool:
        """True if the kernel refused to create a process since `limit`."""
        return self._count_refusals() > self._refusals

    def _count_kills(self) -> int:
        controller = self.folders.get("memory")
        if controller is None:
            return 0
        return self._counter(
            controller, "memory.oom_control" if controller.version == 1 else "memory.events", b"oom_kill"
        )

    def _count_refusals(self) -> int:
        controller = self.folders.get("pids")
        return 0 if controller is None else self._counter(controller, "pids.events", b"max")

    def _counter(self, controller: GroupFolder, name: str, key: bytes) -> int:
        with contextlib.suppress(OSError, ValueError):
            for line in self._read(controller, name).splitlines():
                found, _, value = line.partition(b" ")
                if found == key:
                    return int(value)
        return 0

    def _read(self, controller: GroupFolder, name: str, mode: int = os.O_RDONLY) -> bytes:
        return os.pread(self._file(controller, name, mode), _MAX_BYTES, 0)

    def _file(self, controller: GroupFolder, name: str, mode: int) -> int:
        """Return a descriptor that stays open, because these files are read before and after every job."""
        if name not in self._files:
            self._files[name] = os.open(controller.folder / name, mode | os.O_CLOEXEC)
        return self._files[name]

    def remove(self) -> None:
        """Remove the groups; those still in use by a dying process stay."""
        for descriptor in (*self._entrances, *self._files.values()):
            os.close(descriptor)
        self._entrances, self._files = [], {}
        for folder in {controller.folder for controller in self.folders.values()}:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _write(controller: GroupFolder, name: str, value: int) -> None:
    (controller.folder / name).write_text(str(value))


_numbers = count(1)
"""Numbers of the groups of this process, which may belong to several `Groups`."""


class Groups:
    """Groups of one worker process: created when needed, reused, removed at the end."""

    def __init__(self, parents: dict[Kind, GroupFolder]) -> None:
        self._parents = parents
        self._idle: list[Group] = []

    @property
    def kinds(self) -> set[Kind]:
        """The limits of these groups."""
        return set(self._parents)

    def take(self) -> Group | None:
        """Return a group without processes, or None if none can be created."""
        if self._idle:
            return self._idle.pop()
        number = next(_numbers)
        group = Group({})
        try:
            for kind, parent in self._parents.items():
                folder = parent.folder / f"orvanta-{os.getpid()}-{number}"
                folder.mkdir(exist_ok=True)
                group.folders[kind] = GroupFolder(folder, parent.version)
        except OSError:
            group.remove()
            return None
        return group if group.folders else None

    def give_back(self, group: Group) -> None:
        """Return a group whose job has ended to the idle ones, or remove it if it cannot be reopened."""
        try:
            group.reopen()
        except OSError:
            group.remove()
        else:
            self._idle.append(group)

    def close(self) -> None:
        """Remove the idle groups."""
        for group in self._idle:
            group.remove()
        self._idle = []

    def remove_stale(self) -> None:
        """Remove the groups of workers that were killed."""
        for folder in {parent.folder for parent in self._parents.values()}:
            for stale in folder.glob("orvanta-*-*"):
                pid = stale.name.split("-")[1]
                if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                    with contextlib.suppress(OSError):
                        stale.rmdir()
