"""Keeping a process that holds secrets from being read by others of the same user."""

from __future__ import annotations

from orvanta_platform.sandbox import syscalls


def harden_process() -> None:
    """Make this process undumpable: no core, and /proc/<pid>/{environ,mem,maps} are root's alone."""
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)
