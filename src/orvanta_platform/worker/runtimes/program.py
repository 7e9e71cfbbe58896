"""Execution of a program that runs a script: arguments are passed by one descriptor, the answer by another.

Standard library only.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from typing import NoReturn

from orvanta_platform.sandbox.job import ERROR, Job, write_answer

_MESSAGE_BYTES = 64 << 10
"""Maximum size of a compiler's messages that are reported."""


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


def compile_files(files: Mapping[str, str], words: Sequence[str], job: Job, env: Mapping[str, str]) -> str | None:
    """Write source files and run their compiler, whose program is `words[0]`; the result belongs into `tree` of the
    job's output. Returns the compiler's messages, or None if it succeeded. Raises OSError.
    """
    import subprocess  # large and rarely needed: imported here to keep it out of every cell

    for name, text in files.items():
        with open(name, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    for name in ("cache", "tree"):
        os.makedirs(f"{job.output}/{name}", exist_ok=True)
    made = subprocess.run(
        [find(words[0], job), *words[1:]],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if made.returncode == 0:
        return None
    text = made.stdout[:_MESSAGE_BYTES].decode("utf-8", "replace").strip()
    return text or f"{words[0]} ended with exit code {made.returncode}"
