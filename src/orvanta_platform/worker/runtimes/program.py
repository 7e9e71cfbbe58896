"""Execution of a program that runs a script: arguments are passed by one descriptor, the answer by another.

Standard library only.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from typing import NoReturn

from orvanta_platform.sandbox.job import ERROR, Job, write_answer


def find(name: str, job: Job) -> str:
    """Return the absolute path of a program, from the worker's programs or the job's PATH. Raises OSError."""
    path = job.programs.get(name)
    if path is None:
        import shutil  # large and rarely needed: imported here to keep it out of every cell

        path = shutil.which(name, path=job.env["PATH"])
    if path is None:
        raise FileNotFoundError(f"there is no {name}")
    return path


def inherited(text: bytes) -> int:
    """Return an inheritable descriptor from which a program reads `text`, without a file in any folder."""
    descriptor = os.memfd_create("arguments", 0)
    view = memoryview(text)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def become(words: Sequence[str], job: Job) -> NoReturn:
    """Replace this process by the program `words[0]` (an absolute path) with `job.result` open. Raises OSError."""
    os.set_inheritable(job.result, True)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, which exec would pass on
    os.execve(words[0], list(words), job.env)


def fail(job: Job, name: str, message: str) -> NoReturn:
    """Answer with an error and exit."""
    write_answer(job.result, ERROR, json.dumps({"name": name, "message": message, "stack": None}).encode())
    os._exit(0)
