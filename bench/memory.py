"""Memory of the platform's processes: peak growth while something runs, and shares that do not depend on others."""

from __future__ import annotations

import os
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.installation import Installation, role_of
from bench.processes import command_line, descendants, rss_kib

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PAGE_KIB = _PAGE / 1024
_PRESENT = 1 << 63
_FRAME = (1 << 55) - 1
"""Bits of an entry in /proc/<pid>/pagemap."""

ROLES = ("server", "worker")


@dataclass(slots=True)
class Growth:
    """Memory in MiB by role: that of a process before the block, and the growth to its peak."""

    before: dict[str, float] = field(default_factory=dict)
    grown: dict[str, float] = field(default_factory=dict)

    @property
    def most(self) -> float:
        """Return the growth of the server or the worker, whichever grew more, in MiB."""
        return max(self.grown.values())

    def record(self) -> dict[str, dict[str, float]]:
        """Return the sizes as JSON values."""
        return {"before_mib": self.before, "grown_mib": self.grown}


def unshared_kib(pids: Sequence[int]) -> dict[int, float]:
    """Return the memory of processes by id, with each physical page divided among those of them that map it.

    It is the proportional set size that the kernel would report if no other process shared their pages. Empty without
    the right to read physical addresses.
    """
    mapped: dict[int, Counter[int]] = {}
    for pid in pids:
        with suppress(OSError):
            mapped[pid] = Counter(_frames(pid))
    users: Counter[int] = Counter()
    for frames in mapped.values():
        users.update(frames)
    if set(users) <= {0}:
        return {}
    found: dict[int, float] = defaultdict(float)
    for pid, frames in mapped.items():
        found[pid] = sum(_PAGE_KIB * count / users[frame] for frame, count in frames.items())
    return found


def _frames(pid: int) -> Iterator[int]:
    """Yield the number of the physical page for each page of a process that is in memory."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for line in maps:
            if "[vsyscall]" in line:
                continue
            start, end = (int(part, 16) // _PAGE for part in line.split()[0].split("-"))
            entries = os.pread(pagemap.fileno(), 8 * (end - start), 8 * start)
            for entry in struct.unpack(f"={len(entries) // 8}Q", entries):
                if entry & _PRESENT:
                    yield entry & _FRAME


@contextmanager
def growth(orvanta: Installation) -> Iterator[Growth]:
    """Measure the growth of server and worker while the block runs; the result is filled in at its end."""
    found = Growth()
    before: dict[int, tuple[str, int]] = {}
    for pid in (orvanta.program.pid, *descendants(orvanta.program.pid)):
        with suppress(OSError):
            role = role_of(command_line(pid))
            if role in ROLES:
                # 5 resets the peak (VmHWM).
                Path(f"/proc/{pid}/clear_refs").write_text("5")
                before[pid] = role, rss_kib(pid)
    yield found
    for pid, (role, kib) in before.items():
        found.before[role] = round(kib / 1024, 1)
        found.grown[role] = round((_highest_kib(pid) - kib) / 1024, 1)


def _highest_kib(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise AssertionError(f"process {pid} is gone")
