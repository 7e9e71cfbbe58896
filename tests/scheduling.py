"""Distribution of the tests to processes: a file at a time, except those that use a complete installation."""

from __future__ import annotations

from zlib import crc32

from xdist.scheduler.loadfile import LoadFileScheduling  # type: ignore[import-untyped]

INSTALLATIONS = {"browser": "browser", **dict.fromkeys(("cli", "e2e", "sdk", "corpus"), "installation")}
"""Folders whose tests share the installation of their process, and the name of their group."""

PROCESSES = 2
"""Number of processes that run the tests of one group. Each of them starts an installation, which takes ten seconds of
processor time, and then a hundredth of a core until the end."""


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Scheduler of `--dist loadfile`, with a few large units of work for the tests that use an installation."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        folder = file.split("/")[1]
        if folder not in INSTALLATIONS:
            return file
        return f"{INSTALLATIONS[folder]} {crc32(file.encode()) % PROCESSES}"
