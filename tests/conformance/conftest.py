"""Fixtures: runtimes at each isolation level that is possible for the current user."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.selection import extended_after_first
from tests.worker.jobs import LEVELS, run
from tests.worker.shared_runtimes import SharedRuntimes

from orvanta_platform import clock
from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes

GO = "package inner\n\nfunc main() {}\n"


@pytest.fixture(params=extended_after_first(LEVELS))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of Go's compiled standard library. Processes share it, since it takes 16 s of CPU time.

    Two other compilers had been used before, `old` and `recent`.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    home, done = folder / "compiled", folder / "compiled-done"
    seeds = home / "packages" / ".go"

    async def compile_sample() -> None:
        for name, days in (("old", 31), ("recent", 29)):
            (seeds / name).mkdir(parents=True)
            used = clock.now().timestamp() - days * 86_400
            os.utime(seeds / name, (used, used))
        made = Runtimes(home, [], LEVELS[-1])
        await made.start()
        await run(made, "go", GO)
        await made.close()

    with (folder / "compiled-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            asyncio.run(compile_sample())
            done.touch()
    return seeds


@pytest.fixture
def warm_compiler(tmp_path: Path, compiled: Path) -> None:
    """Provide the compiled standard library to the platform of the test."""
    provide_compiler(tmp_path / "home", compiled)


def provide_compiler(home: Path, compiled: Path) -> None:
    """Link the compiled standard library into a home, unless one is there."""
    packages = home / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    if not (packages / ".go").exists():
        (packages / ".go").symlink_to(compiled)


@pytest.fixture(scope="module")
async def shared_runtimes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SharedRuntimes]:
    made = SharedRuntimes(tmp_path_factory.mktemp("homes"))
    yield made
    await made.close()


@pytest.fixture
async def runtimes(level: Level, shared_runtimes: SharedRuntimes) -> Runtimes:
    """Return the runtimes of the module at this level."""
    return await shared_runtimes.at(level)


@pytest.fixture
async def fresh_runtimes(level: Level, tmp_path: Path) -> AsyncIterator[Runtimes]:
    """Yield runtimes in the home of the test, for modules whose tests change what is stored there."""
    made = Runtimes(tmp_path / "home", [], level)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def warm_runtimes(level: Level, shared_runtimes: SharedRuntimes, compiled: Path) -> None:
    """Provide the compiled standard library to the runtimes of the module."""
    provide_compiler(shared_runtimes.home(level), compiled)
