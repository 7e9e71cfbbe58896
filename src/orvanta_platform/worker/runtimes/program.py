"""Becoming the program that runs a script: arguments by one descriptor, the answer by another.

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
    """The absolute path of a program: one that the worker names, else one of the job's PATH. Raises OSError."""
    path = job.programs.get(name)
    if path is None:
        import shutil  # rarely needed and large: every cell would carry it

        path = shutil.which(name, path=job.env["PATH"])
    if path is None:
        raise FileNotFoundError(f"there is no {name}")
    return path


def inherited(text: bytes) -> int:
    """A descriptor that a program finds open and from which it reads `text`; no file of any folder."""
    descriptor = os.memfd_create("arguments", 0)
    view = memoryview(text)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def become(words: Sequence[str], job: Job) -> NoReturn:
    """Go on as the program `words[0]` (an absolute path) with the descriptor `job.result`. Raises OSError."""
    os.set_inheritable(job.result, True)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and exec would pass that on
    os.execve(words[0], list(words), job.env)


def fail(job: Job, name: str, message: str) -> NoReturn:
    """Answer with an error and end."""
    write_answer(job.result, ERROR, json.dumps({"name": name, "message": message, "stack": None}).encode())
    os._exit(0)
