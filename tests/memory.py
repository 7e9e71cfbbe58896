"""Peak memory of this process, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path


def reset_peak() -> int:
    """Forget how large the process has been; gives how large it is, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The most resident memory since, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10
