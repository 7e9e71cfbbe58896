"""Runs a Ruby script inside a cell. Standard library only."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

_SCRIPT = "script.rb"
# Read by the zygote: the package's own folder is not there in a cell.
_HOST = Path(__file__).with_name("host.rb").read_text(encoding="utf-8")
# What they add to messages is for a terminal.
_OPTIONS = ("--disable=did_you_mean", "--disable=error_highlight")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Become `ruby -e <host.rb>`; see `Host.run`."""
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content)
        numbers = map(str, (program.inherited(args), job.result, job.result_bytes))
        program.become([program.find("ruby", job), *_OPTIONS, "-e", _HOST, "--", *numbers], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"ruby cannot be started: {error}")


finish: None = None
"""Nothing is left to do: Ruby's process has written its result itself."""
