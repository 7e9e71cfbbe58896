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

from orvanta_platform.sandbox.plan import Level
from orvanta_platform.worker.runtimes.pool import Runtimes

GO = "package inner\n\nfunc main() {}\n"


@pytest.fixture(params=extended_after_first(LEVELS))
def level(request: pytest.FixtureRequest) -> Level:
    value: Level = request.param
    return value


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of Go's compiled standard library. Processes share it, since it takes 16 s of CPU time."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    home, done = folder / "compiled", folder / "compiled-done"

    async def compile_sample() -> None:
        made = Runtimes(home, [], LEVELS[-1])
        await made.start()
        await run(made, "go", GO)
        await made.close()

    with (folder / "compiled-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            asyncio.run(compile_sample())
            done.touch()
    return home / "packages" / ".go"


@pytest.fixture
def warm_compiler(tmp_path: Path, compiled: Path) -> None:
    """Provide the compiled standard library to the platform of the test."""
    packages = tmp_path / "home" / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    (packages / ".go").symlink_to(compiled)


@pytest.fixture
async def runtimes(level: Level, tmp_path: Path) -> AsyncIterator[Runtimes]:
    made = Runtimes(tmp_path / "home", [], level)
    await made.start()
    yield made
    await made.close()
