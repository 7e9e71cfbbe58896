"""Go's compiled standard library, which processes share because compiling it takes 16 s of CPU time."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

import pytest
from tests.worker.jobs import LEVELS, run

from orvanta_platform import clock
from orvanta_platform.worker.runtimes.pool import Runtimes

FOLDER_VARIABLE = "COMPILED_GO"
"""Environment variable with the folder of the run of tests that started this one."""

GO = "package inner\n\nfunc main() {}\n"


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the compiled library.

    Two other compilers had been used before, `old` and `recent`. A run of tests by another one gets its folder.
    """
    if FOLDER_VARIABLE in os.environ:
        return Path(os.environ[FOLDER_VARIABLE])
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


def provide_library(home: Path, compiled: Path) -> None:
    """Link the compiled library into the home of a platform, unless one is there."""
    packages = home / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    if not (packages / ".go").exists():
        (packages / ".go").symlink_to(compiled)
