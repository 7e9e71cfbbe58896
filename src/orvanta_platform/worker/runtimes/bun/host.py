"""Runs a TypeScript or JavaScript script inside a cell, by Bun. Standard library only."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import program

_SCRIPT = "script.ts"
_PACKAGES = "node_modules"
# Read by the zygote: the package's own folder is not there in a cell.
_HOST = Path(__file__).with_name("host.ts").read_text()
_STREAMS = re.compile(r"std(?:out|err)")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Become `bun -e <host.ts>`; see `Host.run`."""
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content)
        if job.package is not None:
            os.symlink(f"{job.package}/{_PACKAGES}", _PACKAGES)
        # Packages may use what the script does not name.
        streams = job.package is not None or _STREAMS.search(content) is not None
        numbers = [program.inherited(args), job.result, job.result_bytes, int(job.dedicated), int(streams)]
        job.env["BUN_RUNTIME_TRANSPILER_CACHE_PATH"] = "0"  # of this program's own text too, in the job's folder
        # Bun would fetch what an import names and no folder has.
        command = [program.find("bun", job), "--no-install", "-e", _HOST]
        program.become([*command, *map(str, numbers)], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"bun cannot be started: {error}")


finish: None = None
"""Nothing is left to do: Bun's process has written its result itself."""
