"""Go scripts: `package inner`, the function `main(...)`, its parameters by name; compiled once, without modules."""

from __future__ import annotations

import os
import re

from orvanta_platform.worker.runtimes.manifest import PATH, Build, Runtime


def version() -> str:
    """Go's version as it is installed here ("1.24.4"), read and not asked for. Raises OSError where it is not told."""
    import shutil

    found = shutil.which("go", path=PATH)
    if found is None:
        raise FileNotFoundError("there is no go")
    with open(f"{os.path.dirname(os.path.realpath(found))}/../VERSION", encoding="utf-8") as file:
        told = re.search(r"go(\d+\.\d+\S*)", file.read(1000))
    if told is None:
        raise OSError("the file VERSION of Go names no version")
    return told[1]


RUNTIME = Runtime(
    languages=("go",),
    host="orvanta_platform.worker.runtimes.go.host",
    program="go",
    remedy="install Go 1.21 or newer and have `go` in /usr/bin or /usr/local/bin",
    build=Build("orvanta_platform.worker.runtimes.go.builder", version, sample="package inner\n\nfunc main() {}\n"),
)
