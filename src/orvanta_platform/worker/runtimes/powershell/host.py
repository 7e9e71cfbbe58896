"""Host of PowerShell scripts inside a cell. Standard library only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import ERROR, Job, write_answer
from orvanta_platform.worker.runtimes import program
from orvanta_platform.worker.runtimes.bash import host as bash

_SCRIPT, _ERROR = "script.ps1", ".orvanta-error.json"
_ERROR_BYTES = 1 << 20
# Read by the zygote, as the package's own folder does not exist in a cell.
_HOST = Path(__file__).with_name("host.ps1").read_text("utf-8")
_SETTINGS = {
    "NO_COLOR": "1",
    "POWERSHELL_TELEMETRY_OPTOUT": "1",
    "POWERSHELL_UPDATECHECK": "Off",
    "DOTNET_EnableDiagnostics": "0",
}
"""Environment of the program: no escape sequences in the log, no calls to its vendor, no socket of a debugger."""


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Replace this process by `pwsh`, which calls the script; see `Host.run`. Arguments are never part of its code."""
    try:
        with open(_SCRIPT, "w", encoding="utf-8") as file:
            file.write(content)
        code = f"& {{\n{_HOST}\n}} {program.inherited(args)}"
        job.env.update(_SETTINGS)
        options = ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", code]
        program.become([program.find("pwsh", job), *options], job)
    except OSError as error:
        program.fail(job, "CannotStart", f"pwsh cannot be started: {error}")


def finish(job: Job) -> None:
    """Answer with the error that the program has written, or else with the files of a result, as scripts in Bash do."""
    error = _error(job)
    if error is None:
        bash.finish(job)
    else:
        write_answer(job.result, ERROR, json.dumps(error).encode())


def _error(job: Job) -> dict[str, Any] | None:
    try:
        with open(_ERROR, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as file:
            found = json.loads(file.read(_ERROR_BYTES))
        frames = str(found["stack"] or "").replace(f"{job.folder}/", "").splitlines()
        stack = "\n".join(each for each in frames if _SCRIPT in each)
        return {"name": str(found["name"]), "message": str(found["message"]), "stack": stack or None}
    except (OSError, ValueError, TypeError, KeyError):
        return None
