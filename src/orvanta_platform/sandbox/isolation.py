"""Selection of isolation levels by the worker, and reports about them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from orvanta_platform.sandbox.cgroups import Kind
from orvanta_platform.sandbox.plan import Level

Mode = Literal["auto", "required", "full", "userns", "landlock", "none"]

_MISSING: dict[Level, list[str]] = {
    "full": [],
    "userns": [
        "Jobs run under the worker's user id inside a user namespace, not under a separate one.",
    ],
    "landlock": [
        "No namespaces: jobs can list other processes, share /dev, the network's abstract sockets on kernels "
        "before 6.12 and System V memory, and can connect to a Unix socket whose path they know.",
        "The disk limit is checked once a second instead of being enforced.",
    ],
    "none": [
        "User code is not confined: it has all rights of the worker, and can listen on any free port.",
        "The disk limit is checked once a second instead of being enforced.",
    ],
}
_REMEDY: dict[Level, str | None] = {
    "full": None,
    "userns": "Run the worker as root, or accept the level: jobs cannot reach each other, the host or the platform.",
    "landlock": "Allow user namespaces (sysctl user.max_user_namespaces, "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container a seccomp profile that allows unshare, clone, "
    "mount and pivot_root), or run as root.",
    "none": "Use Linux 5.13 or newer with Landlock, or allow user namespaces.",
}
_UNLIMITED: dict[Kind, str] = {
    "memory": "No memory control group is writable: memory is measured every 200 ms and limited per process.",
    "pids": "No process control group is writable: processes are counted every 200 ms.",
}
NO_PACKET_FILTER = "Jobs can reach link-local addresses (169.254.0.0/16, cloud metadata) on this machine."
NO_PORT_RULES = "Jobs can listen on any free TCP port, including the server's while it is stopped (Linux before 6.7)."
SHARED_UID = (
    "Jobs run under the worker's user id: Python's folder is not readable for other users, so jobs cannot have "
    "separate ones."
)


@dataclass(frozen=True, slots=True)
class IsolationReport:
    """Level in use, the missing features compared with the full level (sentences), and the remedy."""

    level: Level
    missing: list[str]
    remedy: str | None


def candidates(mode: Mode) -> list[Level]:
    """Return the levels to try, best first."""
    root = os.geteuid() == 0
    match mode:
        case "auto":
            return ["full", "userns", "landlock", "none"] if root else ["userns", "landlock", "none"]
        case "required":
            return ["full", "userns"] if root else ["userns"]
        case _:
            return [mode]


def report(level: Level, limited: set[Kind], reasons: list[str], further: list[str]) -> IsolationReport:
    """Return the report of `level`, with the limits enforced by control groups and the reasons why higher levels
    failed.
    """
    missing = [*_MISSING[level], *further, *(text for kind, text in _UNLIMITED.items() if kind not in limited)]
    return IsolationReport(level, missing + reasons, _REMEDY[level])
