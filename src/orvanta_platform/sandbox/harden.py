"""Protection of a process that holds secrets against other processes of the same user."""

from __future__ import annotations

from orvanta_platform.sandbox import syscalls


def harden_process() -> None:
    """Make this process undumpable: it writes no core, and only root can read its /proc/<pid>/{environ,mem,maps}."""
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
