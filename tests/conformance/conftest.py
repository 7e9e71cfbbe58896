"""Runtimes at each level that this user can have."""

from __future__ import annotations

import asyncio
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
    """What Go's compiler has cached of the standard library: made once, it takes seconds."""
    home = tmp_path_factory.mktemp("compiled")

    async def compile_sample() -> None:
        made = Runtimes(home, [], LEVELS[-1])
        await made.start()
        await run(made, "go", GO)
        await made.close()

    asyncio.run(compile_sample())
    return home / "packages" / ".go"


@pytest.fixture
def warm_compiler(tmp_path: Path, compiled: Path) -> None:
    """Have the platform of the test begin with that."""
    packages = tmp_path / "home" / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    (packages / ".go").symlink_to(compiled)


@pytest.fixture
async def runtimes(level: Level, tmp_path: Path) -> AsyncIterator[Runtimes]:
    made = Runtimes(tmp_path / "home", [], level)
    await made.start()
    yield made
    await made.close()
