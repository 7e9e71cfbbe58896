"""Compiles a Go script inside a cell. Standard library only.

The arguments are `{"version": "1.24.4"}`, Go's own. The script's file stays as it is, so that the
compiler's lines are the author's; beside it in its package one more file hands out its `main` (host.go calls it).
Nothing is run but the compiler, and nothing is fetched.
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

# Read by the zygote: the package's own folder is not there in a cell.
HOST = Path(__file__).with_name("host.go").read_text(encoding="utf-8")

_SCRIPT, _SHIM = "script.go", "orvanta.go"
_FLAGS = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")
_OWN_LINES = re.compile(r"^(# .*|go: .*)$\n?", re.MULTILINE)
_NO_MAIN = re.compile(rf"{re.escape(_SHIM)}:\d+:\d+: undefined: main\b")
_MESSAGE_BYTES = 64 << 10
# Every thread of the compilers counts as a process of the job's.
_MOST_PROCESSORS = 4


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Compile `content` to the program `tree/script` of the job's output; see `Host.run`."""
    refused = _refused(content)
    if refused is not None:
        program.fail(job, "CompileError", refused)
    try:
        _write(content, json.loads(args)["version"])
        said = _compile(job)
    except OSError as error:
        program.fail(job, "CannotStart", f"the script cannot be compiled: {error}")
    if said is None:
        write_answer(job.result, RESULT, b"null")
        os._exit(0)
    if _NO_MAIN.search(said):
        program.fail(job, "MissingMain", "the script defines no function main")
    program.fail(job, "CompileError", said)


def _refused(content: str) -> str | None:
    """What the compiler would say less plainly."""
    if go.package(content) == "main":
        return f"{_SCRIPT}:1: the script must be of the package inner, not main"
    for each in go.imports(content):
        if each.path == "C":
            return f"{_SCRIPT}:{each.line}: there is no cgo here"
        if "." in each.path.partition("/")[0]:
            return f"{_SCRIPT}:{each.line}: no packages for go here, the standard library alone: {each.path[:200]}"
    return None


def _write(content: str, version: str) -> None:
    names = ", ".join(json.dumps(name, ensure_ascii=False) for name in go.names(content) or ())
    shim = (
        f"package {go.package(content) or 'inner'}\n\n"
        f"var OrvantaMain, OrvantaNames = main, []string{{{names}}}\n"
    )  # fmt: skip
    os.mkdir("inner")
    files = {
        "go.mod": f"module orvanta\n\ngo {'.'.join(version.split('.')[:2])}\n",
        "host.go": HOST,
        f"inner/{_SHIM}": shim,
        f"inner/{_SCRIPT}": content,
    }
    for path, text in files.items():
        with open(path, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)


def _compile(job: Job) -> str | None:
    """What the compiler said against the script; None where it made the program. Raises OSError."""
    import subprocess  # rarely needed and large: every cell would carry it

    for name in ("cache", "work", "tree"):
        os.makedirs(f"{job.output}/{name}", exist_ok=True)
    environ = {
        **job.env,
        "GOCACHE": f"{job.output}/cache",
        "GOTMPDIR": f"{job.output}/work",
        "GOPATH": f"{job.folder}/go",
        "GOENV": "off",
        "GOFLAGS": "-mod=mod",
        "GOMAXPROCS": str(min(_MOST_PROCESSORS, os.cpu_count() or 1)),
        "GOPROXY": "off",
        "GOTELEMETRY": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    made = subprocess.run(
        [program.find("go", job), "build", *_FLAGS, "-o", f"{job.output}/tree/{PROGRAM}", "."],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if made.returncode == 0:
        return None
    text = made.stdout[:_MESSAGE_BYTES].decode("utf-8", "replace")
    told = _OWN_LINES.sub("", text).replace("inner/", "").strip()
    return told or text.strip() or f"go ended with exit code {made.returncode}"


finish: None = None
"""Nothing is left to do."""
