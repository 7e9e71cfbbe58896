"""Peak growth of the memory of the platform's processes while something runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.installation import Installation, role_of
from bench.processes import command_line, descendants, rss_kib

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
