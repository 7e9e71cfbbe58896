"""Runs a PHP script inside a cell. Standard library only."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

_SCRIPT = "script.php"
# Read by the zygote: the package's own folder is not there in a cell.
_HOST = Path(__file__).with_name("host.php").read_text(encoding="utf-8").removeprefix("<?php\n")
# The worker limits memory and time; warnings belong to the log.
_SETTINGS = ("memory_limit=-1", "display_errors=stderr", "log_errors=0", "html_errors=0", "error_reporting=-1")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Become `php -r <host.php>`; see `Host.run`."""
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content)
        settings = [word for setting in _SETTINGS for word in ("-d", setting)]
        numbers = map(str, (program.inherited(args), job.result, job.result_bytes))
        program.become([program.find("php", job), *settings, "-r", _HOST, "--", *numbers], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"php cannot be started: {error}")


finish: None = None
"""Nothing is left to do: PHP's process has written its result itself."""
