"""Host of PHP scripts inside a cell. Standard library only."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

_SCRIPT = "script.php"
# Read by the zygote, as the package's own folder does not exist in a cell.
_HOST = Path(__file__).with_name("host.php").read_text(encoding="utf-8").removeprefix("<?php\n")
# The worker limits memory and time; warnings go to the log.
_SETTINGS = ("memory_limit=-1", "display_errors=stderr", "log_errors=0", "html_errors=0", "error_reporting=-1")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `php -r <host.php>`; see `Host.run`."""
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content)
        settings = [word for setting in _SETTINGS for word in ("-d", setting)]
        words = map(str, (program.inherited(args), job.result, job.result_bytes, job.package or ""))
        program.become([program.find("php", job), *settings, "-r", _HOST, "--", *words], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"php cannot be started: {error}")


finish: None = None
"""No function, as PHP's process writes its result itself."""
