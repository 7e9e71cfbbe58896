"""Programs that a host runs inside a cell to make locks and install packages. Standard library only."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orvanta_platform.sandbox.job import Job

if TYPE_CHECKING:
    import subprocess

TAIL = 40
"""Number of lines at the end of a program's output that an error contains."""


class OrderFailed(Exception):
    """Raised if an order cannot be carried out: a program failed or is missing, or the lock is invalid."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.described = {"name": name, "message": message, "stack": None}


def find(job: Job, name: str) -> str:
    """Return the path of a program, from the worker's programs or the job's PATH. Raises OrderFailed."""
    path = job.programs.get(name)
    if path is None:
        import shutil  # large and rarely needed: imported here to keep it out of every cell

        path = shutil.which(name, path=job.env["PATH"])
    if path is None:
        raise OrderFailed("no_runtime", f"{name} is not installed on this worker")
    return path


def run(words: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str]:
    """Run a program whose errors go to the log; return its exit code, and the last lines of its errors."""
    import subprocess  # large and rarely needed: imported here to keep it out of every cell

    with subprocess.Popen(
        words,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # uv prints the whole lock there
        stderr=subprocess.PIPE,
    ) as process:
        output = _forward_output(process)
        return process.wait(), output


def _forward_output(process: subprocess.Popen[bytes]) -> str:
    """Copy a program's errors to the log and return their last lines."""
    last: deque[str] = deque(maxlen=TAIL)
    assert process.stderr is not None
    for line in process.stderr:
        os.write(1, line)
        last.append(line.decode("utf-8", "replace").rstrip())
    return "\n".join(last).strip()


def write(path: str, text: str) -> None:
    """Write a file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read(path: str) -> str:
    """Read a file."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
