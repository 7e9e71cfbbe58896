"""Host of compiled Rust scripts (builder.py) inside a cell. Standard library only."""

from __future__ import annotations

from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

PROGRAM = "script"
"""Name of the compiled script in its package."""


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by the compiled script (host.rs); see `Host.run`."""
    try:
        numbers = (program.inherited(args), job.result, job.result_bytes)
        program.become([f"{job.package}/{PROGRAM}", *map(str, numbers)], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"the compiled script cannot be started: {error}")


finish: None = None
"""No function, as the script's process writes its result itself."""
