"""Host of R scripts inside a cell. Standard library only."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

_SCRIPT = "script.r"
# Read by the zygote, as the package's own folder does not exist in a cell.
_HOST = Path(__file__).with_name("host.R").read_bytes()


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `Rscript <host.R>`; see `Host.run`."""
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content)
        numbers = map(str, (program.inherited(args), job.result, job.result_bytes))
        host = f"/proc/self/fd/{program.inherited(_HOST)}"
        program.become([program.find("Rscript", job), "--vanilla", host, *numbers], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"R cannot be started: {error}")


finish: None = None
"""No function, as the script's process writes its result itself."""
