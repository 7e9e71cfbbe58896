"""Processes of a measurement: their output, CPU time and memory."""

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
"""Returns the role of a process for its command line, in which spaces separate the words."""


class NotReady(Exception):
    """A process ended or printed nothing before it was ready. The message has its last lines."""


class Program:
    """A started program with its descendants. Its output is collected; `stop` ends it."""

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
        # Read continuously: a program that cannot write its log blocks, and the measurement with it.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def await_line(self, text: str) -> str:
        """Return the first line that contains `text`. Raises NotReady."""
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
        """Send a signal, wait, and kill what still runs. Does nothing if the program has ended."""
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
    """A control group that counts the CPU time of a program and all its descendants, including ended ones.

    If this process cannot create one, `usage_ns` returns None, and the CPU time of short-lived processes is unknown.
    """

    def __init__(self) -> None:
        self._folder = _make_group()

    def enter(self) -> None:
        """Join the group; called in the new process before exec."""
        if self._folder is not None:
            (self._folder / "cgroup.procs").write_text("0")

    def usage_ns(self) -> int | None:
        """Return the CPU time used so far, or None."""
        if self._folder is None:
            return None
        own = self._folder / "cpuacct.usage"
        if own.exists():
            return int(own.read_text())
        first = (self._folder / "cpu.stat").read_text().split()
        return int(first[first.index("usage_usec") + 1]) * 1000

    def close(self) -> None:
        """Remove the group; it remains if one of its processes still runs."""
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
    """CPU time in ns by role; `jobs` includes what the group counted beyond the visible processes."""

    by_role: Mapping[str, int]

    def per(self, count: int) -> dict[str, float]:
        """Return the microseconds per unit for `count` units, by role and in total."""
        each = {role: round(ns / count / 1000, 1) for role, ns in sorted(self.by_role.items())}
        return {**each, "all": round(sum(self.by_role.values()) / count / 1000, 1)}


@dataclass(slots=True)
class CpuMeter:
    """Adds up the CPU time of programs between `start` and `stop`, which may be called repeatedly.

    `wakes` are the wake-ups by role, of the processes that still run at the end.
    """

    pids: Sequence[int]
    role_of: RoleOf
    group: CpuGroup | None = None
    total: dict[str, int] = field(default_factory=dict)
    wakes: dict[str, int] = field(default_factory=dict)
    _before: dict[tuple[int, str], tuple[str, int, int]] = field(default_factory=dict)
    _group_before: int | None = None

    def start(self) -> None:
        self._group_before = self.group.usage_ns() if self.group is not None else None
        self._before = self._sample()

    def stop(self) -> None:
        after = self._sample()
        group = self.group.usage_ns() if self.group is not None else None
        seen = 0
        for key, (role, ns, woken) in after.items():
            _, ns_before, woken_before = self._before.get(key, (role, 0, 0))
            used = ns - ns_before
            seen += used
            self.wakes[role] = self.wakes.get(role, 0) + woken - woken_before
            self.total[role] = self.total.get(role, 0) + used
        if group is not None and self._group_before is not None:
            rest = max(0, group - self._group_before - seen)
            self.total["jobs"] = self.total.get("jobs", 0) + rest

    def result(self) -> Cpu:
        return Cpu(dict(self.total))

    def _sample(self) -> dict[tuple[int, str], tuple[str, int, int]]:
        found = {}
        for pid in self.pids:
            for each in (pid, *descendants(pid)):
                with suppress(OSError, IndexError, ValueError):
                    role = self.role_of(command_line(each))
                    found[(each, _started(each))] = (role, cpu_ns(each), wake_ups(each))
        return found


def descendants(pid: int) -> list[int]:
    """Return all current descendants of `pid`."""
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
    """Return the command line of a process, in which spaces separate the words."""
    return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()


def cpu_ns(pid: int) -> int:
    """Return the CPU time of a process: exact if all its threads still run, otherwise in clock ticks."""
    fields = _stat(pid)
    ticks = (int(fields[11]) + int(fields[12])) * _TICK_NS
    exact = 0
    for task in (_PROC / str(pid) / "task").iterdir():
        with suppress(OSError):
            exact += int((task / "schedstat").read_text().split()[0])
    return max(ticks, exact)


def wake_ups(pid: int) -> int:
    """Return how often the threads of a process waited and were woken: its voluntary context switches."""
    found = 0
    for task in (_PROC / str(pid) / "task").iterdir():
        with suppress(OSError):
            text = (task / "status").read_text()
            found += int(text.rpartition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return found


def pss_kib(pid: int) -> int:
    """Return the proportional set size: a shared page is divided among the processes that map it."""
    for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def rss_kib(pid: int) -> int:
    """Return the resident set size, with shared pages counted in full."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/pid/stat after the name: 0 state, 1 parent, 11 and 12 CPU ticks, 19 start."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _started(pid: int) -> str:
    return _stat(pid)[19]
