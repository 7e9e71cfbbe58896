"""Processes that a measurement starts: their output, their CPU time and memory, their end."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

PATIENCE_S = 180.0
"""Timeout of a start, in seconds."""

_STOP_S = 45.0

_PROC = Path("/proc")
_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

RoleOf = Callable[[str], str]
"""The role of a process by its command line, words separated by spaces."""


class NotReady(Exception):
    """A process ended, or said nothing, before it was ready. The text holds its last lines."""


class Program:
    """A started program and everything below it. What it prints is kept; `stop` ends it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        group: CpuGroup | None = None,
    ) -> None:
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self._over = False
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=group.enter if group is not None else None,
        )
        # Read all the time: a program that cannot write its log waits, and with it the measurement.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def await_line(self, text: str) -> str:
        """The first line that holds `text`. Raises NotReady."""
        seen = 0
        with self._heard:
            while True:
                for line in self.lines[seen:]:
                    if text in line:
                        return line
                seen = len(self.lines)
                if self._over or not self._heard.wait(PATIENCE_S):
                    raise NotReady("".join(self.lines[-20:]) or f"no line with {text!r}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end, wait, and kill what is left of it. Does nothing where it has ended."""
        left = [self.pid, *descendants(self.pid)]
        self.process.send_signal(number)
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        self._reader.join(_STOP_S)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                with self._heard:
                    self.lines.append(line)
                    self._heard.notify_all()
        with self._heard:
            self._over = True
            self._heard.notify_all()


class CpuGroup:
    """A control group that counts the CPU time of a program and all it ever forked, the dead ones too.

    Where this process may make none, `usage_ns` is None and what short-lived processes used is not known.
    """

    def __init__(self) -> None:
        self._folder = _make_group()

    def enter(self) -> None:
        """Called in the new process before exec."""
        if self._folder is not None:
            (self._folder / "cgroup.procs").write_text("0")

    def usage_ns(self) -> int | None:
        """CPU time used so far."""
        if self._folder is None:
            return None
        own = self._folder / "cpuacct.usage"
        if own.exists():
            return int(own.read_text())
        first = (self._folder / "cpu.stat").read_text().split()
        return int(first[first.index("usage_usec") + 1]) * 1000

    def close(self) -> None:
        """Remove the group; its processes have ended, or it stays."""
        if self._folder is not None:
            with suppress(OSError):
                self._folder.rmdir()


def _make_group() -> Path | None:
    for root, counter in (("/sys/fs/cgroup/cpuacct", "cpuacct.usage"), ("/sys/fs/cgroup", "cpu.stat")):
        if not Path(root, counter).exists():
            continue
        folder = Path(root, f"bench-{uuid4().hex[:12]}")
        with suppress(OSError):
            folder.mkdir()
            return folder
    return None


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU time in ns by role; `jobs` is what the group counted beyond the processes that can be seen."""

    by_role: Mapping[str, int]

    def per(self, count: int) -> dict[str, float]:
        """Microseconds for each of `count`, by role and in all."""
        each = {role: round(ns / count / 1000, 1) for role, ns in sorted(self.by_role.items())}
        return {**each, "all": round(sum(self.by_role.values()) / count / 1000, 1)}


@dataclass(slots=True)
class CpuMeter:
    """Adds up the CPU time of programs between `start` and `stop`, any number of times."""

    pids: Sequence[int]
    role_of: RoleOf
    group: CpuGroup | None = None
    total: dict[str, int] = field(default_factory=dict)
    _before: dict[tuple[int, str], tuple[str, int]] = field(default_factory=dict)
    _group_before: int | None = None

    def start(self) -> None:
        self._group_before = self.group.usage_ns() if self.group is not None else None
        self._before = self._sample()

    def stop(self) -> None:
        after = self._sample()
        group = self.group.usage_ns() if self.group is not None else None
        seen = 0
        for key, (role, ns) in after.items():
            used = ns - self._before.get(key, (role, 0))[1]
            seen += used
            self.total[role] = self.total.get(role, 0) + used
        if group is not None and self._group_before is not None:
            rest = max(0, group - self._group_before - seen)
            self.total["jobs"] = self.total.get("jobs", 0) + rest

    def result(self) -> Cpu:
        return Cpu(dict(self.total))

    def _sample(self) -> dict[tuple[int, str], tuple[str, int]]:
        found = {}
        for pid in self.pids:
            for each in (pid, *descendants(pid)):
                with suppress(OSError, IndexError, ValueError):
                    role = self.role_of(command_line(each))
                    found[(each, _started(each))] = (role, cpu_ns(each))
        return found


def descendants(pid: int) -> list[int]:
    """Every process below `pid` that is there now."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found


def command_line(pid: int) -> str:
    """Its words, separated by spaces."""
    return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()


def cpu_ns(pid: int) -> int:
    """CPU time of a process: exact by the scheduler where all its threads live, else in clock ticks."""
    fields = _stat(pid)
    ticks = (int(fields[11]) + int(fields[12])) * _TICK_NS
    exact = 0
    for task in (_PROC / str(pid) / "task").iterdir():
        with suppress(OSError):
            exact += int((task / "schedstat").read_text().split()[0])
    return max(ticks, exact)


def pss_kib(pid: int) -> int:
    """Its proportional share of memory: shared pages are counted once over all who share them."""
    for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def rss_kib(pid: int) -> int:
    """The memory of a process that is in RAM, shared pages counted whole."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/pid/stat after the name: 0 state, 1 parent, 11 and 12 CPU ticks, 19 start."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _started(pid: int) -> str:
    return _stat(pid)[19]
