"""Compilation of a Go script inside a cell. Standard library only.

The arguments are `{"version": "1.24.4"}`, the version of Go. The script's file is unchanged, so that the compiler's
line numbers are the author's. A second file in the same package exports its `main` (called by host.go). Only the
compiler is run, and nothing is downloaded: the job's package contains the modules (packages/go_modules.py).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import NoReturn

from orvanta_platform.sandbox.job import RESULT, Job, write_answer
from orvanta_platform.worker.runtimes import program
from orvanta_platform.worker.runtimes.go.host import PROGRAM
from orvanta_platform.workflow.signature import go

# Read by the zygote, as the package's own folder does not exist in a cell.
HOST = Path(__file__).with_name("host.go").read_text(encoding="utf-8")

_SCRIPT, _SHIM = "script.go", "orvanta.go"
_FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")
_OWN_LINES = re.compile(r"^(# .*|go: .*)$\n?", re.MULTILINE)
_NO_MAIN = re.compile(rf"{re.escape(_SHIM)}:\d+:\d+: undefined: main\b")
# Every thread of the compilers counts as a process of the job.
_MAX_PROCESSORS = 4


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Compile `content` to the program `tree/script` of the job's output; see `Host.run`."""
    violation = _violation(content, job.package)
    if violation is not None:
        program.fail(job, "CompileError", violation)
    try:
        _write(content, json.loads(args)["version"], job.package)
        messages = _compile(job)
    except OSError as error:
        program.fail(job, "CannotStart", f"the script cannot be compiled: {error}")
    if messages is None:
        write_answer(job.result, RESULT, b"null")
        os._exit(0)
    if _NO_MAIN.search(messages):
        program.fail(job, "MissingMain", "the script defines no function main")
    program.fail(job, "CompileError", messages)


def _violation(content: str, modules: str | None) -> str | None:
    """Return an error that is clearer than the compiler's, if the script breaks a rule of the platform."""
    if go.package(content) == "main":
        return f"{_SCRIPT}:1: the script must be of the package inner, not main"
    for each in go.imports(content):
        if each.path == "C":
            return f"{_SCRIPT}:{each.line}: there is no cgo here"
        if modules is None and "." in each.path.partition("/")[0].lstrip("."):
            return f"{_SCRIPT}:{each.line}: the lock of the script does not contain the package {each.path[:200]}"
    return None


def _write(content: str, version: str, modules: str | None) -> None:
    names = ", ".join(json.dumps(name, ensure_ascii=False) for name in go.names(content) or ())
    shim = (
        f"package {go.package(content) or 'inner'}\n\n"
        f"var OrvantaMain, OrvantaNames = main, []string{{{names}}}\n"
    )  # fmt: skip
    os.mkdir("inner")
    locked = {} if modules is None else {name: _read(f"{modules}/{name}") for name in ("go.mod", "go.sum")}
    files = {
        "go.mod": f"module orvanta\n\ngo {'.'.join(version.split('.')[:2])}\n",
        "host.go": HOST,
        f"inner/{_SHIM}": shim,
        f"inner/{_SCRIPT}": content,
        **locked,
    }
    for path, text in files.items():
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _compile(job: Job) -> str | None:
    """Return the compiler's messages, or None if it made the program. Raises OSError."""
    os.makedirs(f"{job.output}/work", exist_ok=True)
    environ = {
        **job.env,
        "GOCACHE": f"{job.output}/cache",
        "GOTMPDIR": f"{job.output}/work",
        "GOPATH": f"{job.folder}/go",
        "GOENV": "off",
        "GOFLAGS": "-mod=readonly",
        "GOMODCACHE": f"{job.package or job.folder}/mod",
        "GONOSUMDB": "*",
        "GOMAXPROCS": str(min(_MAX_PROCESSORS, os.cpu_count() or 1)),
        "GOPROXY": "off",
        "GOTELEMETRY": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    words = ["go", "build", *_FLAGS, "-o", f"{job.output}/tree/{PROGRAM}", "."]
    text = program.compile_files({}, words, job, environ)
    if text is None:
        return None
    return _OWN_LINES.sub("", text).replace("inner/", "").strip() or text


finish: None = None
"""No function, as nothing remains to be done."""
