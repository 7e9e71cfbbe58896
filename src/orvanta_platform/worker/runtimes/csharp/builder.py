"""Compilation of a C# script inside a cell. Standard library only.

The script is the file script.cs, so that the compiler's line numbers are the author's; Host.cs calls its `Main`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import RESULT, Job, write_answer
from orvanta_platform.worker.runtimes import program
from orvanta_platform.worker.runtimes.csharp.host import PROGRAM
from orvanta_platform.workflow.signature import functions

# Read by the zygote, as the package's own folder does not exist in a cell.
HOST = Path(__file__).with_name("Host.cs").read_text(encoding="utf-8")

_SCRIPT, _HOST = "script.cs", "Host.cs"
_PACKAGE = re.compile(r"^[ \t]*#r\b[^\n]*", re.MULTILINE)
_OPTIONS = ("-debug", "-warn:0", "-codepage:utf8", "-target:exe", "-main:Orvanta.Host")
_LIBRARIES = ("System.Numerics", "System.Net.Http", "System.Xml", "System.Xml.Linq", "System.Web.Extensions")
_FOLDERS = ("/usr/lib/mono/4.5", "/usr/local/lib/mono/4.5")


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Compile `content` to the program `tree/script.exe` of the job's output; see `Host.run`."""
    if functions.of_csharp(content) is None:
        program.fail(job, "MissingMain", "the script defines no function main")
    package = _PACKAGE.search(content)
    if package is not None:
        line = content.count("\n", 0, package.start()) + 1
        reason = f"{_SCRIPT}({line}): no packages for csharp here, the class library alone: {package[0].strip()[:200]}"
        program.fail(job, "CompileError", reason)
    try:
        messages = _compile(job, content)
    except OSError as error:
        program.fail(job, "CannotStart", f"the script cannot be compiled: {error}")
    if messages is not None:
        program.fail(job, "CompileError", messages)
    write_answer(job.result, RESULT, b"null")
    os._exit(0)


def _compile(job: Job, content: str) -> str | None:
    """Return the compiler's messages, or None if it made the program. Raises OSError."""
    sources = {_SCRIPT: content, _HOST: HOST}
    installed = [each for each in _LIBRARIES if any(os.path.exists(f"{folder}/{each}.dll") for folder in _FOLDERS)]
    references = [f"-r:{each}.dll" for each in ("System", "System.Core", *installed)]
    return program.compile_files(
        sources,
        ["mcs", *_OPTIONS, *references, f"-out:{job.output}/tree/{PROGRAM}", _SCRIPT, _HOST],
        job,
        job.env | {"MONO_DISABLE_SHARED_AREA": "1"},
    )


finish: None = None
"""No function, as nothing remains to be done."""
