"""Manifest of a language: the form that each folder in this package fills in.

The zygote imports these folders too, so this module imports only small modules of the standard library.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import asyncio

    from orvanta_platform.worker.outcome import JobOutcome, JobSpec, LogSink

    Native: TypeAlias = Callable[[JobSpec, LogSink, asyncio.Event], Awaitable[JobOutcome]]


PATH = "/usr/local/bin:/usr/bin:/bin"
"""Search path for the programs of a job."""


@dataclass(frozen=True, slots=True)
class Build:
    """Compilation of a language's scripts before they run (builds.py)."""

    host: str
    """Module that compiles in a cell. It writes `tree/` in the job's output, which becomes the script's package."""

    version: Callable[[], str]
    """Function that returns the version of the compiler. Raises OSError if it is unknown."""

    sample: str
    """A sample script. Its compiler cache (`cache/` in the output) is the initial cache of every workspace."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """Execution of one or more languages."""

    languages: tuple[str, ...]
    host: str | None
    """Module that runs a script in a cell (sandbox/cell.py: Host), or None if `native` runs it."""

    program: str | None = None
    """Name of the program that the host needs (environment.py: programs)."""

    remedy: str = ""
    """Instruction to install `program`."""

    printed_result: bool = False
    """True if the result may be the last line of stdout."""

    dependencies: Literal["python", "npm", "go", "composer", "gems"] | None = None
    """Ecosystem of the language's packages."""

    dedicated: bool = False
    """True if a process can run several jobs."""

    native: Callable[[], Native] | None = None
    """Function that returns the runner for the worker's event loop, which runs many jobs concurrently."""

    build: Build | None = None
    """Compilation of the scripts before they run, if any."""

    def missing(self) -> str | None:
        """Return a sentence about the missing program, or None if nothing is missing."""
        if self.program is None or is_installed(self.program):
            return None
        return f"{self.program} is not installed on this worker: {self.remedy}"


@functools.cache
def is_installed(program: str) -> bool:
    """Return True if the program is installed. Only the worker calls this, as a zygote must not load these imports."""
    import shutil

    from orvanta_platform.worker.runtimes import environment

    return program in environment.programs() or shutil.which(program, path=PATH) is not None
