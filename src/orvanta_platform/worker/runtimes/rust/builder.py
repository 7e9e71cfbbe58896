"""Compilation of a Rust script inside a cell. Standard library only.

The script is a module of the crate host.rs. A function is appended that calls its `main`, so that the compiler's line
numbers are the author's. Nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import RESULT, Job, write_answer
from orvanta_platform.worker.runtimes import program
from orvanta_platform.worker.runtimes.rust.host import PROGRAM
from orvanta_platform.workflow.signature import functions

# Read by the zygote, as the package's own folder does not exist in a cell.
HOST = Path(__file__).with_name("host.rs").read_text(encoding="utf-8")

_SCRIPT, _HOST = "script.rs", "host.rs"
_CRATE = re.compile(r"^\s*(?:extern\s+crate|(?:pub\s+)?use)\s+(?:::)?(?P<name>\w+)", re.MULTILINE)
_OPTIONS = ("--edition=2021", "-Awarnings", "-Copt-level=1", "-Cdebuginfo=0", "-Cstrip=symbols")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Compile `content` to the program `tree/script` of the job's output; see `Host.run`."""
    parameters = functions.of_rust(content)
    if parameters is None:
        program.fail(job, "MissingMain", "the script defines no function main")
    names = ", ".join(f"arguments.take({json.dumps(each.name)})?" for each in parameters)
    call = (
        "\npub(crate) fn orvanta_run(arguments: &mut crate::Arguments) -> Result<crate::Value, crate::Failed> {"
        f" crate::Outcome::outcome(main({names})) }}\n"
    )
    try:
        messages = _compile(job, content + call)
    except OSError as error:
        program.fail(job, "CannotStart", f"the script cannot be compiled: {error}")
    if messages is not None:
        program.fail(job, "CompileError", _explained(content, messages))
    write_answer(job.result, RESULT, b"null")
    os._exit(0)


def _explained(content: str, messages: str) -> str:
    """Return the compiler's messages; if a crate is missing, with the reason first."""
    for match in _CRATE.finditer(content):
        name = match["name"]
        if name not in ("std", "core", "alloc", "crate", "self", "super") and f"`{name}`" in messages:
            line = content.count("\n", 0, match.start("name")) + 1
            return f"{_SCRIPT}:{line}: no crates for rust here, the standard library alone: {name[:200]}\n{messages}"
    return messages


def _compile(job: Job, content: str) -> str | None:
    """Return the compiler's messages, or None if it made the program. Raises OSError."""
    sources = {_SCRIPT: content, _HOST: HOST}
    return program.compile_files(
        sources, ["rustc", *_OPTIONS, "-o", f"{job.output}/tree/{PROGRAM}", _HOST], job, job.env
    )


finish: None = None
"""No function, as nothing remains to be done."""
