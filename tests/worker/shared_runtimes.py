"""Runtimes that the tests of one module use one after another, as the jobs of one worker do.

A zygote takes 0.13 s of CPU time to start, more than most jobs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes


class SharedRuntimes:
    """Started runtimes by isolation level, each with a home in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: dict[Level, Runtimes] = {}

    def home(self, level: Level) -> Path:
        """Return the home of the runtimes of a level."""
        return self._folder / level

    async def at(self, level: Level) -> Runtimes:
        """Return the runtimes of a level; the first caller starts them."""
        if level not in self._started:
            made = Runtimes(self.home(level), [], level)
            await made.start()
            self._started[level] = made
        return self._started[level]

    async def close(self) -> None:
        """Close all runtimes that were started."""
        for each in self._started.values():
            await each.close()


@pytest.fixture
async def runtimes(level: Level, shared_runtimes: SharedRuntimes) -> Runtimes:
    """Return the runtimes of the module at this level. Modules whose tests only run jobs import this fixture."""
    return await shared_runtimes.at(level)
