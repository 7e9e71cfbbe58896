"""Host of Ruby scripts inside a cell. Standard library only."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

_SCRIPT = "script.rb"
# Read by the zygote, as the package's own folder does not exist in a cell.
_HOST = Path(__file__).with_name("host.rb").read_text(encoding="utf-8")
# These add text to messages that is only meant for a terminal.
_OPTIONS = ("--disable=did_you_mean", "--disable=error_highlight")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `ruby -e <host.rb>`; see `Host.run`."""
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content)
        words = map(str, (program.inherited(args), job.result, job.result_bytes, job.package or ""))
        program.become([program.find("ruby", job), *_OPTIONS, "-e", _HOST, "--", *words], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"ruby cannot be started: {error}")


finish: None = None
"""No function, as Ruby's process writes its result itself."""
