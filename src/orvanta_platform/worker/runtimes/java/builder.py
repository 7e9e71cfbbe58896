"""Compilation of a Java script inside a cell. Standard library only.

The script is the file Main.java, so that the compiler's line numbers are the author's; Host.java calls its `main`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import RESULT, Job, write_answer
from orvanta_platform.worker.runtimes import program

# Read by the zygote, as the package's own folder does not exist in a cell.
HOST = Path(__file__).with_name("Host.java").read_text(encoding="utf-8")

_SCRIPT, _HOST = "Main.java", "Host.java"
_MAIN = re.compile(r"\bstatic\b[^;{}()]*\bmain\s*\(")
_OPTIONS = ("-J-Xmx512m", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-XX:-UsePerfData")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Compile `content` to classes in `tree` of the job's output; see `Host.run`."""
    if _MAIN.search(content) is None:
        program.fail(job, "MissingMain", "the script defines no function main")
    try:
        messages = _compile(job, content)
    except OSError as error:
        program.fail(job, "CannotStart", f"the script cannot be compiled: {error}")
    if messages is not None:
        program.fail(job, "CompileError", messages)
    write_answer(job.result, RESULT, b"null")
    os._exit(0)


def _compile(job: Job, content: str) -> str | None:
    """Return the compiler's messages, or None if it made the classes. Raises OSError."""
    sources = {_SCRIPT: content, _HOST: HOST}
    options = [
        *_OPTIONS,
        "-encoding",
        "UTF-8",
        "-parameters",
        "-proc:none",
        "-g",
        "-nowarn",
        "-d",
        f"{job.output}/tree",
    ]
    return program.compile_files(sources, ["javac", *options, _SCRIPT, _HOST], job, job.env)


finish: None = None
"""No function, as nothing remains to be done."""
