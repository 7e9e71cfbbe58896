"""What a language is to the worker: the form that each folder here fills in.

The zygote imports the folders too: nothing but the standard library's small modules is loaded by this one.
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
"""Where the programs of a job are looked for."""


@dataclass(frozen=True, slots=True)
class Build:
    """How the scripts of a language are compiled before they run (builds.py).

    `host` is the module that does it in a cell; it writes `tree/` in the job's output, which the host of the script
    finds as its package. `version` gives the compiler's, raises OSError where it cannot be told. `sample` is a script
    of nobody's: what the compiler caches of it (`cache/` in the output) every workspace's own cache begins with.
    """

    host: str
    version: Callable[[], str]
    sample: str


@dataclass(frozen=True, slots=True)
class Runtime:
    """How one or more languages are run.

    `host` is the module that runs a script in a cell (sandbox/cell.py: Host); None: `native` gives what runs it in
    the worker's own event loop, many at a time. `program` names what a host needs (environment.py: programs), and
    `remedy` says how to get it. `printed_result`: the result may be the last line of stdout. `dependencies`: where
    its packages come from. `dedicated`: its process can be kept for further jobs.
    `build`: its scripts are compiled first.
    """

    languages: tuple[str, ...]
    host: str | None
    program: str | None = None
    remedy: str = ""
    printed_result: bool = False
    dependencies: Literal["python", "npm"] | None = None
    dedicated: bool = False
    native: Callable[[], Native] | None = None
    build: Build | None = None

    def missing(self) -> str | None:
        """What is not installed here, a sentence; None where nothing is missing."""
        if self.program is None or _is_installed(self.program):
            return None
        return f"{self.program} is not installed on this worker: {self.remedy}"


@functools.cache
def _is_installed(program: str) -> bool:
    """Asked by the worker alone: what this needs is not loaded in a zygote."""
    import shutil

    from orvanta_platform.worker.runtimes import environment

    return program in environment.programs() or shutil.which(program, path=PATH) is not None
