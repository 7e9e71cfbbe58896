"""Isolation levels as the worker chooses them and tells of them."""

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
        "Jobs run under the worker's own user id, inside a user namespace, not under one of their own.",
    ],
    "landlock": [
        "No namespaces: jobs see that other processes exist, share /dev, the network's abstract sockets on kernels "
        "before 6.12 and System V memory, and may connect to a Unix socket whose path they know.",
        "The disk limit is looked at once a second instead of being enforced.",
    ],
    "none": [
        "User code is not confined: it can read and change whatever the worker can, and listen on any free port.",
        "The disk limit is looked at once a second instead of being enforced.",
    ],
}
_REMEDY: dict[Level, str | None] = {
    "full": None,
    "userns": "Run the worker as root, or accept the level: jobs cannot reach each other, the host or the platform.",
    "landlock": "Allow user namespaces (sysctl user.max_user_namespaces, "
    "kernel.apparmor_restrict_unprivileged_userns=0; in a container a seccomp profile that lets unshare, clone, "
    "mount and pivot_root pass), or run as root.",
    "none": "Use Linux 5.13 or newer with Landlock, or allow user namespaces.",
}
_UNLIMITED: dict[Kind, str] = {
    "memory": "No memory control group is writable: memory is measured every 200 ms and limited per process.",
    "pids": "No process control group is writable: processes are counted every 200 ms.",
}
NO_PACKET_FILTER = "Link-local addresses (169.254.0.0/16, cloud metadata) are not refused to jobs here."
NO_PORT_RULES = "Jobs may listen on any free TCP port, the server's among them while it is stopped (Linux before 6.7)."
SHARED_UID = (
    "Jobs run under the worker's own user id: Python's folder is not readable for other users, so jobs cannot "
    "have one of their own."
)


@dataclass(frozen=True, slots=True)
class IsolationReport:
    """The level that is in force, what is missing to the full one (sentences), and how to get it."""

    level: Level
    missing: list[str]
    remedy: str | None


def candidates(mode: Mode) -> list[Level]:
    """The levels to try, best first."""
    root = os.geteuid() == 0
    match mode:
        case "auto":
            return ["full", "userns", "landlock", "none"] if root else ["userns", "landlock", "none"]
        case "required":
            return ["full", "userns"] if root else ["userns"]
        case _:
            return [mode]


def report(level: Level, limited: set[Kind], reasons: list[str], further: list[str]) -> IsolationReport:
    """The report of `level`, given what control groups limit and why higher levels were refused."""
    missing = [*_MISSING[level], *further, *(text for kind, text in _UNLIMITED.items() if kind not in limited)]
    return IsolationReport(level, missing + reasons, _REMEDY[level])
